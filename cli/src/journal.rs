//! How far long work has come, in a file of this machine.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bigarrays::Error;
use bigarrays::array::Copied;
use serde_json::{Value, json};

use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::output::{self, OutputError};

const FORMAT: u64 = 1;
/// How often the file is written at the most.
const PAUSE: Duration = Duration::from_millis(200);

/// A journal: what the work is, and how many tasks of each of its steps are done.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    /// Nobody asked for it: work goes on where it cannot be written.
    is_optional: bool,
    console: Console,
    work: Value,
    done: BTreeMap<String, u64>,
    written: Option<Instant>,
}

impl Journal {
    /// The journal of some work, `name`, that is told from other work by the fields of `work`.
    /// Without `resume` it begins anew.
    pub(crate) fn open(
        name: &str,
        path: Option<&Path>,
        work: Value,
        resume: bool,
        console: Console,
    ) -> Result<Self, CliError> {
        let is_optional = path.is_none() && !resume;
        let path = match path {
            Some(path) => path.to_owned(),
            None => folder()?.join(format!("{name}-{:08x}.json", crc(&work))),
        };
        let done = BTreeMap::new();
        let mut journal = Self { path, is_optional, console, work, done, written: None };
        if resume {
            journal.read()?;
        }
        Ok(journal)
    }

    /// How many tasks of a step are done.
    pub(crate) fn done(&self, step: &str) -> u64 {
        self.done.get(step).copied().unwrap_or(0)
    }

    /// Whether something was done before.
    pub(crate) fn is_begun(&self) -> bool {
        self.done.values().any(|&done| done > 0)
    }

    /// Runs the tasks of a step that are not done yet, one after another, and notes each. Ctrl-C
    /// stops between two.
    pub(crate) fn run<T>(
        &mut self,
        step: &str,
        tasks: impl Iterator<Item = T>,
        work: impl Fn(T) -> Result<Copied, Error>,
    ) -> Result<Copied, CliError> {
        let _hold = interrupt::hold();
        let mut copied = Copied::default();
        for (done, task) in (1..).zip(tasks) {
            if done > self.done(step) {
                interrupt::check()?;
                copied += work(task)?;
                self.note(step, done)?;
            }
        }
        Ok(copied)
    }

    /// Notes that the first `done` tasks of a step are done.
    fn note(&mut self, step: &str, done: u64) -> Result<(), CliError> {
        self.done.insert(step.to_owned(), done);
        if self.written.is_some_and(|written| written.elapsed() < PAUSE) {
            return Ok(());
        }
        match self.write() {
            Err(error) if self.is_optional => {
                if self.written.is_none() {
                    self.console.note(&format!(
                        "note: no journal is kept, so this cannot be resumed: {error}; name another place with --journal",
                    ));
                }
            }
            written => written?,
        }
        self.written = Some(Instant::now());
        Ok(())
    }

    /// The work is done: nothing is left to go on with.
    pub(crate) fn remove(self) -> Result<(), CliError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && !self.is_optional => {
                Err(CliError::file("remove the journal", &self.path)(error))
            }
            _ => Ok(()),
        }
    }

    fn read(&mut self) -> Result<(), CliError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(CliError::file("read the journal", &self.path)(error)),
        };
        let refused = |what: &str| {
            CliError::refused(format!(
                "{} {what}; leave out --resume to begin anew, or name another --journal",
                self.path.display(),
            ))
        };
        let Ok(journal) = serde_json::from_slice::<Value>(&bytes) else {
            return Err(refused("is no journal"));
        };
        if journal.get("format") != Some(&json!(FORMAT)) {
            return Err(refused("is no journal that this version knows"));
        }
        let work = journal.get("work").unwrap_or(&Value::Null);
        if let Some(name) = difference(work, &self.work) {
            return Err(refused(&format!("is the journal of other work: {name} was another")));
        }
        let done = journal.get("done").and_then(Value::as_object);
        for (step, count) in done.into_iter().flatten() {
            self.done.insert(step.clone(), count.as_u64().unwrap_or(0));
        }
        Ok(())
    }

    fn write(&self) -> Result<(), OutputError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)
                .map_err(OutputError::io("make the folder of", &self.path))?;
        }
        let text = json!({ "format": FORMAT, "work": self.work, "done": self.done });
        output::save(&self.path, text.to_string().as_bytes())
    }
}

/// What is another in one description than in the other.
fn difference<'a>(one: &'a Value, other: &'a Value) -> Option<&'a str> {
    let Some(fields) = other.as_object() else { return Some("all") };
    fields.iter().find(|(name, value)| one.get(name) != Some(value)).map(|(name, _)| name.as_str())
}

/// Tells work apart in the names of journals; what it is stands inside.
fn crc(work: &Value) -> u32 {
    let name: Vec<String> =
        ["source", "target", "part"].iter().map(|name| work[name].to_string()).collect();
    crc32c::crc32c(name.join(" ").as_bytes())
}

fn folder() -> Result<PathBuf, CliError> {
    let of = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    of("BIGARRAYS_STATE")
        .or_else(|| Some(of("XDG_STATE_HOME")?.join("bigarrays")))
        .or_else(|| Some(of("HOME")?.join(".local/state/bigarrays")))
        .ok_or_else(|| {
            CliError::usage(
                "there is no place for the journal: give --journal, or set $BIGARRAYS_STATE",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_again_by_the_same_work_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/journal.json");
        let copy = json!({ "source": "a", "target": "b", "memory": 7 });
        let mut journal =
            Journal::open("copy", Some(&path), copy.clone(), true, Console::new(false, true))
                .unwrap();
        assert!(!journal.is_begun());
        journal.note("8_8_8", 3).unwrap();
        let again =
            Journal::open("copy", Some(&path), copy.clone(), true, Console::new(false, true))
                .unwrap();
        assert_eq!((again.done("8_8_8"), again.done("16_16_16")), (3, 0));
        let anew =
            Journal::open("copy", Some(&path), copy.clone(), false, Console::new(false, true))
                .unwrap();
        assert_eq!(anew.done("8_8_8"), 0);
        let other = json!({ "source": "a", "target": "b", "memory": 8 });
        let error = Journal::open("copy", Some(&path), other, true, Console::new(false, true))
            .unwrap_err()
            .to_string();
        assert!(error.contains("memory was another"), "{error}");
        journal.remove().unwrap();
        assert!(!path.exists());
        fs::write(&path, "{").unwrap();
        Journal::open("copy", Some(&path), copy, true, Console::new(false, true)).unwrap_err();
    }
}
