//! One candidate of a comparison of libraries for chunked volumes: what it is asked to do, it does
//! through the public interface, with the default options, and tells how long that took.
//!
//! `benches-compare SUB --option value …`, where SUB is `read`, `points`, `open`, `write` or
//! `instances`. The last line of its output is a JSON object with the seconds of each repetition, the
//! bytes of one, and a checksum of them. Exit status 64 says that it cannot do such a thing.
//!
//! Results are owned arrays of the volume's type in Fortran order, made and dropped within the time.

mod args;
mod digest;
mod measure;
mod read;
mod write;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, What};

/// What goes wrong, in words.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What is asked is not there yet, or in no build.
const UNSUPPORTED: u8 = 64;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.what {
        What::Read | What::Points => read::boxes(&args),
        What::Open => read::open(&args),
        What::Write => write::run(&args),
        What::Instances => Ok(None),
    };
    match done {
        Ok(Some(report)) => {
            report.print();
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::from(UNSUPPORTED),
        Err(error) => {
            args::complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}
