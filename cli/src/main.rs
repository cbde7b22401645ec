//! The `bigarrays` command; all of it is in the library beside.

use std::process::ExitCode;

fn main() -> ExitCode {
    bigarrays_cli::run()
}
