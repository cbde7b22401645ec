//! What the integration tests share: the command under test, the Python of the rival programs,
//! and the data beside the project. Each answers `None` with one printed line where it is not
//! there, so that the tests pass from a bare clone and check more where there is more.

pub mod bench;
pub mod hostile;
pub mod keys;
pub mod matrix;
pub mod npy;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn from_environment(name: &str, what: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        skipped(&format!("{what} is not here; run ./test.sh ({name})"));
    }
    path
}

/// Says on standard error that something was not checked.
#[expect(clippy::print_stderr, reason = "a skipped check must be seen")]
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// The `bigarrays` command, built by the script that runs the tests.
#[must_use]
pub fn command() -> Option<PathBuf> {
    from_environment("BIGARRAYS_BIN", "the bigarrays command")
}

/// A Python with CloudVolume and TensorStore.
#[must_use]
pub fn python() -> Option<PathBuf> {
    from_environment("BIGARRAYS_PYTHON", "a Python with the rival programs")
}

/// A Python with schemathesis and neuroglancer's own package.
#[must_use]
pub fn web_python() -> Option<PathBuf> {
    from_environment("BIGARRAYS_WEB_PYTHON", "a Python with schemathesis and neuroglancer")
}

/// A file beside the project.
#[must_use]
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = from_environment("BIGARRAYS_SHARED", "the data beside the project")?.join(name);
    if !path.exists() {
        skipped(&format!("{} is not here", path.display()));
        return None;
    }
    Some(path)
}

/// Runs a script of `tests/python` and prints what it printed.
///
/// # Panics
/// If it cannot be started or fails; its output is in the message.
#[expect(clippy::panic, clippy::print_stdout, reason = "for tests")]
pub fn run_python(python: &Path, script: &str, arguments: &[&Path]) {
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.as_os_str()).collect();
    match try_python(python, Path::new(script), &arguments) {
        Ok(printed) => print!("{printed}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// Runs a script, of `tests/python` or from an absolute path; what it printed.
///
/// # Errors
/// If it cannot be started or fails; its output is in the message.
pub fn try_python(python: &Path, script: &Path, arguments: &[&OsStr]) -> Result<String, String> {
    let script = repository().join("tests/python").join(script);
    let output = Command::new(python).arg(&script).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run {}: {error}", python.display()))?;
    if output.status.success() {
        return Ok(text(&output));
    }
    Err(format!("{} failed ({}):\n{}", script.display(), output.status, text(&output)))
}

/// Both streams of a finished command.
#[must_use]
pub fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
