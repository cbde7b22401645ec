//! `bigarrays completions`: what completes the command's words in a shell.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::console::Console;
use crate::error::CliError;

pub(crate) fn run(args: &CompletionsArgs, console: Console) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bigarrays", &mut script);
    console.bytes(&script)
}
