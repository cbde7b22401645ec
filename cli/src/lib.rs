//! The `bigarrays` command.
//!
//! `args` says what can be asked, `commands` has one file per command, `chunks` knows the options
//! about chunks, `source` and `output` know foreign file formats, `interrupt` knows of Ctrl-C, and
//! only `console` prints.
//!
//! This is a library only so that the fuzz targets reach what reads foreign files; it has no API.

mod args;
#[cfg(feature = "server")]
mod browser;
mod chunks;
mod commands;
mod console;
mod defaults;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod interrupt;
mod journal;
mod output;
mod phantom;
mod picture;
mod source;
mod statistics;
mod transfer;
mod values;
mod volume;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use console::Console;

/// Said after the words of a panic.
const FAULT: &str =
    "error: a fault of bigarrays, not of what it was given; please report it with the lines above";
/// As of any program in Rust that panicked.
const STATUS_OF_FAULT: u8 = 101;

/// Does what the command line of this process says.
#[must_use]
pub fn run() -> ExitCode {
    let line = values::join_negative_values(std::env::args_os());
    let cli = match defaults::with_defaults(line) {
        Ok(line) => Cli::parse_from(line),
        Err(error) => {
            Console::new(false, false).note(&error.story());
            return error.exit_code();
        }
    };
    let console = Console::new(cli.json, cli.quiet);
    let advice = commands::after_interruption(&cli.command);
    interrupt::listen(console, advice);
    // What a panic leaves behind is put away on its way here, as after an error.
    let Ok(ended) = panic::catch_unwind(AssertUnwindSafe(|| commands::run(cli))) else {
        console.note(&format!("{FAULT}\n  what to do: {advice}"));
        return ExitCode::from(STATUS_OF_FAULT);
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_interruption() => {
            console.note(&interrupt::story(advice));
            ExitCode::from(interrupt::status())
        }
        Err(error) => {
            console.note(&error.story());
            error.exit_code()
        }
    }
}
