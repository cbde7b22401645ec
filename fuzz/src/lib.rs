//! What the fuzz targets share.
//!
//! A decoder may catch the panic of a library that it calls and refuse the chunk; that is no
//! failure of the decoder. libFuzzer's own hook ends the program at any panic, so it is replaced
//! by one that only remembers what was said. `CAUGHT=fail` leaves it in place, to find panics of
//! libraries.

use std::panic;
use std::sync::Mutex;

use bigarrays_tests::hostile;

/// What the last panic said.
static SAID: Mutex<String> = Mutex::new(String::new());

/// Replaces libFuzzer's hook.
pub fn init() {
    if std::env::var_os("CAUGHT").is_some_and(|wanted| wanted == "fail") {
        return;
    }
    panic::set_hook(Box::new(|panic| {
        if let Ok(mut said) = SAID.lock() {
            *said = panic.to_string();
        }
    }));
}

/// Runs one input of a target; ends the program if it breaks a promise.
pub fn face(target: &str, input: &[u8]) {
    if panic::catch_unwind(|| hostile::run(target, input)).is_err() {
        if let Ok(said) = SAID.lock() {
            eprintln!("{said}");
        }
        std::process::abort();
    }
}
