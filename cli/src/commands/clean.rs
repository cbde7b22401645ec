//! `bigarrays clean`: removes what killed writers left behind.

use bigarrays::{Cleaned, StoreUrl, clean, leftovers};
use serde_json::json;

use crate::args::CleanArgs;
use crate::console::Console;
use crate::error::CliError;

pub(crate) fn run(args: &CleanArgs, console: Console) -> Result<(), CliError> {
    let url = StoreUrl::parse(&args.url).map_err(bigarrays::OpenError::from)?;
    let age = args.older_than.0;
    let cleaned = match args.dry_run {
        true => leftovers(&args.url, age)?,
        false => clean(&args.url, age)?,
    };
    let (files, why) = match cleaned {
        Cleaned::Files(files) => (files, None),
        Cleaned::Nothing(why) => (0, Some(why)),
        _ => (0, None),
    };
    let facts = json!({
        "url": args.url.to_string(),
        "older_than_seconds": age.as_secs(),
        "dry_run": args.dry_run,
        "files": files,
        "why_none": why,
    });
    let text = match (why, args.dry_run) {
        (Some(why), _) => format!("nothing to clean in {url}: {why}"),
        (None, true) => format!("{files} temporary files of killed writers are in {url}"),
        (None, false) => format!("removed {files} temporary files of killed writers from {url}"),
    };
    console.facts(&facts, &text);
    Ok(())
}
