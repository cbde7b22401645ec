//! One file per command.

mod cache;
mod check_store;
mod create;
mod cutout;
mod demo;
mod import;
mod info;
mod missing;
mod points;
mod rm;
mod shard;
mod stores;
mod verify;
mod write;

use crate::args::{Cli, Command};
use crate::console::Console;
use crate::error::CliError;

/// Does what the command line asks.
pub(crate) fn run(cli: Cli) -> Result<(), CliError> {
    let console = Console::new(cli.json, cli.quiet);
    match cli.command {
        Command::Create(args) => create::run(&args, console),
        Command::Info(args) => info::run(&args, console),
        Command::Import(args) => import::run(&args, console),
        Command::Cutout(args) => cutout::run(&args, console),
        Command::Write(args) => write::run(&args, console),
        Command::Points(args) => points::run(&args, console),
        Command::Missing(args) => missing::run(&args, console),
        Command::Verify(args) => verify::run(&args, console),
        Command::Shard(args) => shard::run(&args, console),
        Command::Rm(args) => rm::run(&args, console),
        Command::Cache(args) => cache::run(&args, console),
        Command::Stores => stores::run(console),
        Command::CheckStore(args) => check_store::run(&args, console),
        Command::Demo(args) => demo::run(&args, console),
    }
}
