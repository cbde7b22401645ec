//! Ctrl-C (SIGINT) and SIGTERM: a command ends where nothing is half done.
//!
//! A thread waits for them. While a command [`hold`]s something that must be put away, such as a
//! temporary file or a chunk on its way, a signal is only noted: the loops ask for it (the engine
//! through [`Progress`](bigarrays::array::Progress)), and the command ends by an error that unwinds
//! as any other. While nothing is held the process ends at once, and at the second signal always.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use crate::console::Console;
use crate::error::CliError;

/// How many hold something. Signals are the process's, and so is what is known of them.
static HOLDS: AtomicUsize = AtomicUsize::new(0);
/// The signal that came, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// What the shell adds to a signal's number to make an exit status.
const STATUS_OF_SIGNALS: i32 = 128;

/// While it lives, a signal does not end the process.
#[derive(Debug)]
#[must_use]
pub(crate) struct Hold(());

/// Keeps signals from ending the process until the result is dropped. Who holds must [`check`].
pub(crate) fn hold() -> Hold {
    HOLDS.fetch_add(1, Ordering::SeqCst);
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        HOLDS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether a signal came.
pub(crate) fn has_come() -> bool {
    SIGNAL.load(Ordering::SeqCst) != 0
}

/// Ends a command if a signal came.
pub(crate) fn check() -> Result<(), CliError> {
    if has_come() { Err(CliError::Interrupted) } else { Ok(()) }
}

/// The exit status of a process that ended by the signal that came.
pub(crate) fn status() -> u8 {
    u8::try_from(STATUS_OF_SIGNALS + SIGNAL.load(Ordering::SeqCst)).unwrap_or(1)
}

/// What is said at the end, and how to go on.
pub(crate) fn story(advice: &str) -> String {
    format!("interrupted before it was done\n  what to do: {advice}")
}

/// Starts to listen.
#[cfg(unix)]
pub(crate) fn listen(console: Console, advice: &'static str) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level;

    // Without ears, or without a thread for them, signals end the process as ever.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let _detached = std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let is_first = SIGNAL.swap(signal, Ordering::SeqCst) == 0;
            if is_first && HOLDS.load(Ordering::SeqCst) > 0 {
                console.note("stopping when what is under way is done; once more stops at once");
            } else {
                console.note(&story(advice));
                // The libraries' own ends must not run beside those who still use them.
                low_level::exit(STATUS_OF_SIGNALS + signal);
            }
        }
    });
}

/// Elsewhere signals end the process.
#[cfg(not(unix))]
pub(crate) fn listen(_: Console, _: &'static str) {}
