//! One file per command.

mod cache;
mod check_store;
mod clean;
mod completions;
mod copy;
mod create;
mod cutout;
mod demo;
mod downsample;
mod du;
mod import;
mod info;
mod info_edit;
mod ls;
mod man;
mod missing;
mod points;
mod rm;
#[cfg(feature = "server")]
mod serve;
mod shard;
mod slice;
mod stats;
mod stores;
mod verify;
#[cfg(feature = "server")]
mod view;
mod write;

use crate::args::{Cli, Command};
use crate::console::Console;
use crate::error::CliError;

/// How to go on with a command that a signal ended.
pub(crate) const fn after_interruption(command: &Command) -> &'static str {
    match command {
        Command::Import(_) | Command::Write(_) => {
            "what was written is whole and can be read; run the same command again to finish"
        }
        Command::Cutout(_) => {
            "the file was not written, and what was there before stays; run the same command again"
        }
        Command::Copy(_) | Command::Downsample(_) => {
            "what was written is whole; run the same command again with --resume to go on"
        }
        Command::Rm(_) => "what is left is whole; run the same command again to finish",
        Command::CheckStore(_) => {
            "what the suite wrote is removed if it had time to; run the same command again"
        }
        Command::Demo(_) => "run the same command again; it begins anew in its folder",
        _ => "run the same command again",
    }
}

/// Does what the command line asks.
pub(crate) fn run(cli: Cli) -> Result<(), CliError> {
    let console = Console::new(cli.json, cli.quiet);
    match cli.command {
        Command::Create(args) => create::run(&args, console),
        Command::Info(args) => info::run(&args, console),
        Command::Import(args) => import::run(&args, console),
        Command::Cutout(args) => cutout::run(&args, console),
        Command::Slice(args) => slice::run(&args, console),
        Command::Write(args) => write::run(&args, console),
        Command::Copy(args) => copy::run(&args, console),
        Command::Plan(args) => copy::plan(&args, console),
        Command::Downsample(args) => downsample::run(&args, console),
        Command::Ls(args) => ls::run(&args, console),
        Command::Du(args) => du::run(&args, console),
        Command::Stats(args) => stats::run(&args, console),
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(&args, console),
        #[cfg(feature = "server")]
        Command::View(args) => view::run(&args, console),
        Command::Completions(args) => completions::run(&args, console),
        Command::Man(args) => man::run(&args, console),
        Command::Points(args) => points::run(&args, console),
        Command::Missing(args) => missing::run(&args, console),
        Command::Verify(args) => verify::run(&args, console),
        Command::Shard(args) => shard::run(&args, console),
        Command::Rm(args) => rm::run(&args, console),
        Command::Clean(args) => clean::run(&args, console),
        Command::Cache(args) => cache::run(&args, console),
        Command::Stores => stores::run(console),
        Command::CheckStore(args) => check_store::run(&args, console),
        Command::Demo(args) => demo::run(&args, console),
    }
}
