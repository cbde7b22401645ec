//! Time, of clocks on the wall and of the processor.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use serde_json::json;

use crate::Outcome;

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    seconds: Vec<f64>,
    cpu_seconds: Vec<f64>,
    pub(crate) bytes: u64,
    pub(crate) checksum: Option<String>,
}

impl Report {
    /// Does repetitions, of which each says how long it took, as long as none begins too late.
    pub(crate) fn repeat(
        &mut self,
        times: usize,
        max_seconds: f64,
        mut repetition: impl FnMut(usize) -> Outcome<Duration>,
    ) -> Outcome<()> {
        let begun = Instant::now();
        for number in 0..times {
            if number > 0 && begun.elapsed().as_secs_f64() > max_seconds {
                break;
            }
            let processor = ProcessTime::now();
            let wall = repetition(number)?;
            self.cpu_seconds.push(processor.elapsed().as_secs_f64());
            self.seconds.push(wall.as_secs_f64());
        }
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "the report is what it is for")]
    pub(crate) fn print(&self) {
        let report = json!({
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "bytes": self.bytes,
            "checksum": self.checksum,
        });
        println!("{report}");
    }
}
