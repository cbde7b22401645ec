//! Listing: a walk through the directories that holds no more than it must.

use std::collections::HashSet;
use std::fs::{DirEntry, Metadata, ReadDir};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_core::backend::{ContentEncoding, Meta};
use bigarrays_core::key::{Key, Prefix};

use super::failure::{Failure, is_absence};
use super::io as calls;
use super::names::{holds_reserved, is_reserved, path_in};
use super::options::CompressedNames;
use super::version::version_of;

/// Changes this long before a walk began may be seen by it: the kernel's clock goes by ticks.
const TICK: Duration = Duration::from_secs(2);

/// The values below a prefix, one after the other. Ends after the first failure.
#[derive(Debug)]
pub(super) struct Walk {
    names: CompressedNames,
    start: Start,
    /// From the prefix down to where the walk is.
    levels: Vec<Level>,
    begun: SystemTime,
    hasher: RandomState,
}

#[derive(Debug)]
enum Start {
    At { directory: PathBuf, prefix: String },
    Done,
}

/// A directory that is being read.
#[derive(Debug)]
struct Level {
    entries: ReadDir,
    directory: PathBuf,
    /// What keys in it begin with.
    prefix: String,
    /// Device and inode number.
    identity: (u64, u64),
    /// The hashes of the keys that it has shown.
    shown: HashSet<u64>,
}

impl Walk {
    pub(super) fn new(root: &Path, prefix: &Prefix, names: CompressedNames) -> Self {
        let start = if holds_reserved(prefix) {
            Start::Done
        } else {
            let prefix = prefix.as_str().to_owned();
            Start::At { directory: root.join(&prefix), prefix }
        };
        let begun = SystemTime::now();
        Self { names, start, levels: Vec::new(), begun, hasher: RandomState::new() }
    }

    fn step(&mut self) -> Result<Option<Meta>, Failure> {
        if let Start::At { directory, prefix } = std::mem::replace(&mut self.start, Start::Done) {
            self.enter(directory, prefix)?;
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                self.levels.pop();
                continue;
            };
            if let Some(meta) = self.look(&entry?)? {
                return Ok(Some(meta));
            }
        }
        Ok(None)
    }

    /// Goes on in a directory, if it exists.
    fn enter(&mut self, directory: PathBuf, prefix: String) -> Result<(), Failure> {
        let opened = calls::list(&directory).and_then(|entries| {
            let metadata = calls::metadata(&directory)?;
            Ok((entries, (metadata.dev(), metadata.ino())))
        });
        let (entries, identity) = match opened {
            Ok(opened) => opened,
            Err(error) if is_absence(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // A link to a directory that leads here would never come to an end.
        if self.levels.iter().all(|level| level.identity != identity) {
            let shown = HashSet::new();
            self.levels.push(Level { entries, directory, prefix, identity, shown });
        }
        Ok(())
    }

    /// The value that an entry of the deepest level is, if it is one.
    fn look(&mut self, entry: &DirEntry) -> Result<Option<Meta>, Failure> {
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !is_reserved(name)) else {
            return Ok(None);
        };
        let Some(metadata) = metadata_of(entry)? else { return Ok(None) };
        if metadata.is_dir() {
            // What is too long to be a key has no keys below it either.
            let prefix = format!("{}{name}/", level.prefix);
            return match Prefix::new(&prefix) {
                Ok(_) => self.enter(entry.path(), prefix).map(|()| None),
                Err(_) => Ok(None),
            };
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let (bare, encoding) = self.names.split(name).unwrap_or((name, ContentEncoding::Identity));
        let Ok(key) = Key::new(format!("{}{bare}", level.prefix)) else { return Ok(None) };
        if self.names.check(&key).is_err() || is_shadowed(self.names, level, bare, encoding) {
            return Ok(None);
        }
        // A file that is removed and made again during the walk may come twice. One that did not
        // change since the walk began cannot: then it is the hash that came twice.
        let is_new = level.shown.insert(self.hasher.hash_one(bare));
        if !is_new && changed_at(&metadata) + TICK >= self.begun {
            return Ok(None);
        }
        let version = Some(version_of(&metadata));
        Ok(Some(Meta { key, size: metadata.len(), version, content_encoding: Some(encoding) }))
    }
}

impl Iterator for Walk {
    type Item = Result<Meta, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.levels.clear();
        }
        step.transpose()
    }
}

/// What an entry, or what it links to, is. `None` if it is gone, or leads nowhere.
fn metadata_of(entry: &DirEntry) -> Result<Option<Metadata>, Failure> {
    // The first needs no walk along the path; links need it.
    let metadata = calls::entry_metadata(entry).and_then(|metadata| {
        if metadata.is_symlink() { calls::metadata(&entry.path()) } else { Ok(metadata) }
    });
    match metadata {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if is_absence(&error) || is_loop(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a link leads back to itself.
fn is_loop(error: &io::Error) -> bool {
    // The kind of this error has no stable name; its number is that of the system.
    let number = if cfg!(any(target_os = "linux", target_os = "android")) { 40 } else { 62 };
    error.raw_os_error() == Some(number)
}

/// Whether the value is stored in a more important file, too.
fn is_shadowed(
    names: CompressedNames,
    level: &Level,
    bare: &str,
    encoding: ContentEncoding,
) -> bool {
    let path = level.directory.join(bare);
    let before = names.encodings().iter().take_while(|&&other| other != encoding);
    before.into_iter().any(|&other| path_in(&path, other).is_file())
}

fn changed_at(metadata: &Metadata) -> SystemTime {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let nanos = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
    UNIX_EPOCH + Duration::new(seconds, nanos)
}
