//! Recognising a database of this store, and marking a new one.

use std::fs;
use std::io;
use std::path::Path;
use std::process;

use bigarrays_core::backend::ErrorKind;
use rocksdb::{DBWithThreadMode, Options, SingleThreaded};

use super::failure::Failure;

/// The family of what is known of each value besides its bytes: a record for each key.
pub(super) const KEYS: &str = "keys";
/// The family of the values: numbered pieces.
pub(super) const VALUES: &str = "values";
const DEFAULT: &str = "default";

/// The mark of this store, in the default family.
pub(super) const FORMAT_KEY: &[u8] = b"bigarrays.format";
/// The format of the database that is known here.
pub(super) const FORMAT: &[u8] = b"1";

/// Bytes that an opening needs at least: some first lines of files.
const ROOM: usize = 256 << 10;

/// What a directory turns out to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Ours,
    /// Nobody's yet: an empty directory, or a database whose making was cut short.
    Nothing,
}

/// Makes sure that the path leads to a directory.
pub(super) fn directory(path: &Path, create: bool) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Failure::new(ErrorKind::InvalidConfig, "it is not a directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create {
            true => Ok(fs::create_dir_all(path)?),
            false => {
                let note = "the directory does not exist";
                Err(Failure::new(ErrorKind::NotFound, note).because(error))
            }
        },
        Err(error) => Err(error.into()),
    }
}

/// Fails where nothing can be written, by writing a little and removing it.
///
/// RocksDB would tell it too, but some builds of it (Debian's 7.8) end the process when there is
/// no room for the first lines of their log.
pub(super) fn room(path: &Path) -> Result<(), Failure> {
    let probe = path.join(format!("bigarrays-{}.dbtmp", process::id()));
    let written = fs::write(&probe, vec![0; ROOM]);
    let removed = fs::remove_file(&probe);
    written?;
    match removed {
        // Another thread opens the same database.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => Ok(done?),
    }
}

/// Looks whose database this is. Changes nothing.
pub(super) fn recognise(path: &Path) -> Result<Content, Failure> {
    if !path.join("CURRENT").try_exists()? {
        return match only_leftovers(path)? {
            true => Ok(Content::Nothing),
            false => {
                let note = "the directory holds other files and no RocksDB database, and was left \
                            as it is";
                Err(Failure::new(ErrorKind::InvalidConfig, note))
            }
        };
    }
    let names = DBWithThreadMode::<SingleThreaded>::list_cf(&Options::default(), path)?;
    let has = |name: &str| names.iter().any(|family| family == name);
    if !names.iter().all(|name| [DEFAULT, KEYS, VALUES].contains(&name.as_str())) {
        return Err(foreign());
    }
    if has(KEYS) && has(VALUES) {
        return Ok(Content::Ours);
    }
    // Families are made one after the other: the making may have been cut short.
    if is_empty(path)? { Ok(Content::Nothing) } else { Err(foreign()) }
}

/// Whether nobody ever put anything. Seen from outside: to open the database of another program
/// is not without danger for it, even for reading.
fn is_empty(path: &Path) -> Result<bool, Failure> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let has = |end: &str| name.to_str().is_some_and(|name| name.ends_with(end));
        if has(".sst") || has(".blob") || (has(".log") && entry.metadata()?.len() > 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn foreign() -> Failure {
    let note = "it is the RocksDB database of another program, and was left as it is";
    Failure::new(ErrorKind::InvalidConfig, note)
}

pub(super) fn nothing() -> Failure {
    Failure::new(ErrorKind::NotFound, "there is no database in the directory")
}

/// Whether all that there is are files of a database whose making was cut short.
fn only_leftovers(path: &Path) -> Result<bool, Failure> {
    let known = |name: &str| {
        ["LOCK", "IDENTITY", "lost+found"].contains(&name)
            || ["LOG", "MANIFEST-", "OPTIONS-"].iter().any(|begin| name.starts_with(begin))
            || name.ends_with(".dbtmp")
    };
    for entry in fs::read_dir(path)? {
        if !entry?.file_name().to_str().is_some_and(known) {
            return Ok(false);
        }
    }
    Ok(true)
}
