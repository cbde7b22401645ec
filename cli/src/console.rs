//! The only room that prints: facts and results on standard output, the rest on standard error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bigarrays::array::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::CliError;
use crate::interrupt;
use crate::picture::Colours;

/// Where a command's output goes, and how it looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    json: bool,
    quiet: bool,
}

impl Console {
    pub(crate) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints facts: as one line of JSON if that was asked for, else the text.
    pub(crate) fn facts(self, json: &serde_json::Value, text: &str) {
        if self.json {
            self.line(&json.to_string());
        } else {
            self.line(text);
        }
    }

    /// Prints a line of a result. A reader that has gone away (`| head`) ends the program quietly,
    /// as it does every other filter.
    pub(crate) fn line(self, text: &str) {
        if writeln!(io::stdout(), "{}", text.trim_end_matches('\n')).is_err() {
            std::process::exit(0);
        }
    }

    /// Gives bytes as the result.
    #[expect(clippy::unused_self, reason = "printing goes through the console")]
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), CliError> {
        let failed = CliError::file("write", Path::new("standard output"));
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(failed)
    }

    /// Says something beside the result.
    #[expect(clippy::unused_self, reason = "printing goes through the console")]
    pub(crate) fn note(self, text: &str) {
        // Nowhere is left to say that standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// The colours that standard output shows: none if it is no terminal, or if `NO_COLOR` is set.
    pub(crate) fn colours(self) -> Colours {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if self.json || !io::stdout().is_terminal() || is_set("NO_COLOR") {
            return Colours::None;
        }
        let said = |name| std::env::var(name).unwrap_or_default();
        Colours::of_terminal(&said("TERM"), &said("COLORTERM"))
    }

    /// The columns and rows of the terminal that standard output is, if it is one.
    #[expect(clippy::unused_self, reason = "the terminal is asked through the console")]
    pub(crate) fn terminal_size(self) -> Option<[usize; 2]> {
        let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
        Some([width.0.into(), height.0.into()])
    }

    /// A bar for so many chunks, on standard error if that is a terminal.
    pub(crate) fn bar(self, what: &'static str, chunks: u64) -> Arc<Bar> {
        self.bar_of(what, "chunks", chunks)
    }

    /// The same for something else than chunks.
    pub(crate) fn bar_of(self, what: &'static str, unit: &str, count: u64) -> Arc<Bar> {
        let target = if self.quiet || !io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(count), target).with_message(what);
        let template =
            format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit}, {{elapsed}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Arc::new(Bar(bar))
    }
}

/// A progress bar that an array advances; gone when dropped. A signal stops the array's call.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// So many are to be done.
    pub(crate) fn begin(&self, count: u64) {
        self.0.set_length(count);
    }

    /// So many more are done.
    pub(crate) fn advance_by(&self, count: u64) {
        self.0.inc(count);
    }
}

impl Progress for Bar {
    fn advance(&self, chunks: u64, _bytes: u64) {
        self.0.inc(chunks);
    }

    fn is_cancelled(&self) -> bool {
        interrupt::has_come()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
