//! `bigarrays man`: the manual pages, made of the help texts.

use std::fs;

use clap::CommandFactory;
use serde_json::json;

use crate::args::{Cli, ManArgs};
use crate::console::Console;
use crate::error::CliError;

pub(crate) fn run(args: &ManArgs, console: Console) -> Result<(), CliError> {
    fs::create_dir_all(&args.folder).map_err(CliError::file("make", &args.folder))?;
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .map_err(CliError::file("write", &args.folder))?;
    let pages = fs::read_dir(&args.folder)
        .map_err(CliError::file("read", &args.folder))?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "1"))
        .count();
    let text = format!("{pages} pages in {}", args.folder.display());
    console.facts(&json!({ "folder": args.folder, "pages": pages }), &text);
    Ok(())
}
