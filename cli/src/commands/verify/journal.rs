//! The journal of a check: how far it has come, in a small file that is replaced as a whole.
//!
//! JSON: which volume and check it is of, the reports of the scales that are done, and the last
//! checkpoint of the scale that is not.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bigarrays::array::{Checkpoint, Finding, VerifyOptions, VerifyReport};
use bigarrays::{BigArray, Key};
use serde_json::{Value, json};

use crate::console::Console;
use crate::error::CliError;

/// The least time between two writes, and how many times longer than a write it is.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSES: u32 = 20;

/// What the file begins with, and the version of its form.
const MARK: &str = "bigarrays verify 1";

/// A journal in use.
pub(super) struct Journal {
    path: PathBuf,
    /// Which check it is of.
    identity: Value,
    finished: Vec<VerifyReport>,
    at: Option<Checkpoint>,
    next_write: Option<Instant>,
}

impl Journal {
    /// The journal in a file, or a new one. It is written at once, for a check that cannot keep
    /// one should not begin.
    pub(super) fn open(
        path: &Path,
        url: &str,
        options: VerifyOptions,
        scales: &[BigArray],
        console: Console,
    ) -> Result<Self, CliError> {
        let identity = identity(url, options, scales);
        let mut journal = Self {
            path: path.to_owned(),
            identity,
            finished: Vec::new(),
            at: None,
            next_write: None,
        };
        match fs::read(path) {
            Ok(bytes) => {
                journal.read(&bytes)?;
                let done = journal.at.as_ref().map_or(0, |at| at.done);
                console.note(&format!(
                    "going on from {}: {} scales are done, and {done} values of the next",
                    path.display(),
                    journal.finished.len(),
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => journal.write()?,
            Err(error) => return Err(CliError::file("read", path)(error)),
        }
        Ok(journal)
    }

    /// What it says of a scale: its report, or where to go on.
    pub(super) fn of(&self, scale: usize) -> (Option<VerifyReport>, Option<Checkpoint>) {
        match self.finished.get(scale) {
            Some(report) => (Some(report.clone()), None),
            None => (None, self.at.clone().filter(|_| scale == self.finished.len())),
        }
    }

    /// Keeps a checkpoint of the scale that is checked; writes it every so often.
    pub(super) fn keep(&mut self, at: &Checkpoint) -> Result<(), CliError> {
        self.at = Some(at.clone());
        match self.next_write {
            Some(next) if Instant::now() < next => Ok(()),
            _ => self.write(),
        }
    }

    /// Keeps the report of the scale that was checked.
    pub(super) fn finish(&mut self, report: &VerifyReport) -> Result<(), CliError> {
        self.finished.push(report.clone());
        self.at = None;
        self.write()
    }

    /// Removes it: the check is done.
    pub(super) fn remove(self) -> Result<(), CliError> {
        fs::remove_file(&self.path).map_err(CliError::file("remove", &self.path))
    }

    /// Puts the journal in the place of the one before, whole.
    pub(super) fn write(&mut self) -> Result<(), CliError> {
        let begun = Instant::now();
        let content = json!({
            "journal": MARK,
            "of": self.identity,
            "finished": self.finished.iter().map(super::facts).collect::<Vec<_>>(),
            "at": self.at.as_ref().map(checkpoint),
        });
        // One name, so that what a kill leaves is used again.
        let mut part: OsString = self.path.clone().into();
        part.push(".part");
        let write = || {
            let mut file = File::create(&part)?;
            file.write_all(content.to_string().as_bytes())?;
            file.sync_data()?;
            fs::rename(&part, &self.path)
        };
        write().map_err(CliError::file("write the journal", &self.path))?;
        self.next_write = Some(Instant::now() + PAUSE.max(begun.elapsed() * PAUSES));
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let refuse = |what: &str| {
            let path = self.path.display();
            CliError::refused(format!(
                "{path} {what}; name another file, or remove it to begin anew"
            ))
        };
        let content: Value = serde_json::from_slice(bytes).unwrap_or_default();
        if content["journal"] != MARK {
            return Err(refuse("is no journal of this version of `bigarrays verify`"));
        }
        let (theirs, ours) = (&content["of"], &self.identity);
        if theirs["store"] != ours["store"] {
            let what = format!("is the journal of another volume, in {}", theirs["store"]);
            return Err(refuse(&what));
        }
        if theirs["volume"] != ours["volume"] {
            return Err(refuse("is the journal of another volume: the description has changed"));
        }
        if theirs != ours {
            let what = format!(
                "is the journal of another check (deep: {}, expect-complete: {}, scales: {})",
                theirs["deep"], theirs["expect_complete"], theirs["scales"]
            );
            return Err(refuse(&what));
        }
        let parsed = || -> Option<_> {
            let finished = content["finished"].as_array()?.iter().map(report);
            let at = match &content["at"] {
                Value::Null => None,
                at => Some(parse_checkpoint(at)?),
            };
            Some((finished.collect::<Option<Vec<_>>>()?, at))
        };
        let (finished, at) = parsed().ok_or_else(|| refuse("is a damaged journal"))?;
        (self.finished, self.at) = (finished, at);
        Ok(())
    }
}

/// What a journal must be of to be gone on with.
fn identity(url: &str, options: VerifyOptions, scales: &[BigArray]) -> Value {
    let array = scales.first();
    let volume: Vec<Value> = array
        .into_iter()
        .flat_map(BigArray::scales)
        .map(|scale| {
            json!({
                "key": scale.key,
                "size": scale.size,
                "voxel_offset": scale.voxel_offset,
                "chunk_size": scale.chunk_size(),
                "encoding": scale.encoding.name(),
                "sharding": scale.sharding.map(|sharding| format!("{sharding:?}")),
            })
        })
        .collect();
    let voxels = array.map(|array| json!([array.data_type().name(), array.channels()]));
    json!({
        "url": url,
        "store": array.map(|array| format!("{}/{}", array.backend(), array.directory())),
        "volume": { "voxels": voxels, "scales": volume },
        "deep": options.deep,
        "expect_complete": options.expect_complete,
        "scales": scales.iter().map(BigArray::scale_index).collect::<Vec<_>>(),
    })
}

fn checkpoint(at: &Checkpoint) -> Value {
    json!({
        "done": at.done,
        "next": at.next,
        "chunks": at.chunks,
        "bytes": at.bytes,
        "bad": super::findings(&at.bad),
    })
}

fn parse_checkpoint(at: &Value) -> Option<Checkpoint> {
    let next: Option<Vec<u64>> = at["next"].as_array()?.iter().map(Value::as_u64).collect();
    Some(Checkpoint {
        done: at["done"].as_u64()?,
        next: next?.try_into().ok()?,
        chunks: at["chunks"].as_u64()?,
        bytes: at["bytes"].as_u64()?,
        bad: bad(&at["bad"])?,
    })
}

fn report(facts: &Value) -> Option<VerifyReport> {
    let foreign_keys = facts["foreign_keys"].as_array()?.iter();
    let foreign_keys = foreign_keys.map(|key| Key::new(key.as_str()?).ok());
    Some(VerifyReport {
        is_finished: true,
        is_listed: facts["listed"].as_bool()?,
        grid: facts["grid"].as_u64()?,
        stored: facts["stored"].as_u64()?,
        missing: facts["missing"].as_u64()?,
        shards: facts["shards"].as_u64()?,
        bytes: facts["bytes_read"].as_u64()?,
        bad: bad(&facts["bad"])?,
        foreign: facts["foreign"].as_u64()?,
        foreign_keys: foreign_keys.collect::<Option<_>>()?,
    })
}

fn bad(findings: &Value) -> Option<Vec<Finding>> {
    let finding = |finding: &Value| {
        let key = Key::new(finding["key"].as_str()?).ok()?;
        Some(Finding { key, what: finding["what"].as_str()?.to_owned() })
    };
    findings.as_array()?.iter().map(finding).collect()
}
