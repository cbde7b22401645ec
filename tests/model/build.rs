//! Copies the concurrent rooms of the core, each set into a module of its own: once as they are,
//! and once for each way to break them that the checks must notice.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is copied, below `core/src`.
const ROOMS: [&str; 8] = [
    "kept/mod.rs",
    "kept/bounded.rs",
    "kept/flight.rs",
    "kept/stamp.rs",
    "wrap/cache.rs",
    "wrap/cache/shared.rs",
    "wrap/freshness.rs",
    "array/drive.rs",
];

/// What the checks ask of them, below `src`.
const CHECKS: [&str; 3] = ["checks/cache.rs", "checks/drive.rs", "checks/kept.rs"];

/// What holds them together.
const FRAME: [(&str, &str); 5] = [
    (
        "wrap/mod.rs",
        "pub(crate) mod cache; mod clock; mod freshness; pub(crate) use freshness::Freshness;",
    ),
    ("wrap/clock.rs", "pub(crate) use bigarrays_core::wrap::{Clock, SystemClock};"),
    ("array/mod.rs", "pub(crate) mod drive;"),
    ("checks/mod.rs", "pub mod cache; pub mod drive; pub mod kept;"),
    (
        "mod.rs",
        "pub(crate) use crate::base::{backend, error, key, sync};
        pub(crate) mod array; pub mod checks; pub(crate) mod kept; pub(crate) mod wrap;",
    ),
];

/// A module's name, the file that is changed, and the text that becomes another.
type Change = (&'static str, &'static str, &'static str, &'static str);

/// One way a line to break a room; `tests/rooms.rs` says which check must notice.
const BROKEN: [Change; 10] = [
    // What is read during a write is kept: it may be the value before.
    ("kept_during_a_write", "kept/flight.rs", "board.written.contains_key(key)", "false"),
    // A write at its beginning leaves the flight that is under way.
    ("not_detached", "kept/flight.rs", "board.flights.remove(key);", "None::<Flight<V>>;"),
    // A write says only at its end that it changes something.
    (
        "forgotten_at_the_end_only",
        "wrap/cache.rs",
        "self.shared.kept.begin_write(name)",
        "{ let _ = name; }",
    ),
    // A write says only at its beginning that it changes something.
    (
        "forgotten_at_the_beginning_only",
        "wrap/cache.rs",
        "self.shared.kept.end_write(name)",
        "let _ = name",
    ),
    // A detached flight ends the one that came after it.
    (
        "another_flight_ended",
        "kept/flight.rs",
        "is_some_and(|flight| flight.number == number) {\n            return",
        "is_some_and(|flight| flight.number > 0 || number > 0) {\n            return",
    ),
    // A leader that gives up says nothing.
    ("left_waiting", "kept/flight.rs", "if !self.landed {", "if false {"),
    // Whether a value is kept is asked without the lock of the flights.
    ("asked_too_early", "kept/bounded.rs", "|| self.values.get(key));", "|| None);"),
    // A worker dies of a job's panic.
    (
        "panics_unwatched",
        "array/drive.rs",
        "panic::catch_unwind(AssertUnwindSafe(job))",
        "Ok::<_, Box<dyn Any + Send>>(job())",
    ),
    // A job that is done makes no room for the next.
    ("done_untold", "array/drive.rs", "let _ = done.unbounded_send(());", "let _ = &done;"),
    // One more than fits in memory.
    ("one_too_many", "array/drive.rs", "under_way < window", "under_way <= window"),
];

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let rooms = here.join("../../core/src");
    let unchanged: Change = ("sound", "", "", "");
    let mut modules = String::new();
    for change in [unchanged].into_iter().chain(BROKEN) {
        let module = change.0;
        let folder = out.join(module);
        for room in ROOMS {
            copy(&rooms.join(room), &folder.join(room), room, change)?;
        }
        for check in CHECKS {
            copy(&here.join("src").join(check), &folder.join(check), "", change)?;
        }
        for (file, text) in FRAME {
            write(&folder.join(file), text)?;
        }
        let path = folder.join("mod.rs");
        modules += &format!("#[path = {path:?}]\npub mod {module};\n");
    }
    write(&out.join("rooms.rs"), &modules)?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/checks");
    for room in ROOMS {
        println!("cargo::rerun-if-changed={}", rooms.join(room).display());
    }
    Ok(())
}

/// Copies a file, with the change if it is this one's, to where `crate` is the module's folder.
fn copy(from: &Path, to: &Path, room: &str, (module, file, old, new): Change) -> io::Result<()> {
    let mut text = fs::read_to_string(from)?;
    if room == file && !file.is_empty() {
        let found = text.matches(old).count();
        if found != 1 {
            let why = format!("{room} has {old:?} {found} times: {module} must be adapted");
            return Err(io::Error::other(why));
        }
        text = text.replace(old, new);
    }
    write(to, &text.replace("crate::", &format!("crate::{module}::")))
}

fn write(to: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::write(to, text)
}
