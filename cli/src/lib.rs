//! The `bigarrays` command.
//!
//! `args` says what can be asked, `commands` has one file per command, `chunks` knows the options
//! about chunks, `source` and `output` know foreign file formats, and only `console` prints.
//!
//! This is a library only so that the fuzz targets reach what reads foreign files; it has no API.

mod args;
mod chunks;
mod commands;
mod console;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod output;
mod phantom;
mod picture;
mod source;
mod transfer;
mod values;
mod volume;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use console::Console;

/// Does what the command line of this process says.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse_from(values::join_negative_values(std::env::args_os()));
    let console = Console::new(cli.json, cli.quiet);
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.note(&error.story());
            error.exit_code()
        }
    }
}
