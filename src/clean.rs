//! Removing what killed writers left behind in a store.

use std::path::Path;
use std::time::Duration;

use crate::open::OpenError;
use crate::registry::Registry;
use crate::url::StoreUrl;

/// What there was to clean in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cleaned {
    /// So many temporary files of killed writers.
    Files(u64),
    /// A killed writer leaves nothing that would have to be removed, for this reason.
    Nothing(&'static str),
}

/// What is to be done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Count,
    Remove,
}

/// Removes what killed writers left in the store at a URL, or below its `prefix`: temporary files
/// that were not written for `older_than`, and empty directories.
///
/// A younger file may belong to a writer that lives; an hour is a good choice. Only directory trees
/// and HDF5 cuboid files can have any. Nothing needs this but the space on the disk.
///
/// # Errors
/// [`OpenError`]: what is wrong with the URL; that there is no such directory; and what the file
/// system says.
pub fn clean(url: &str, older_than: Duration) -> Result<Cleaned, OpenError> {
    look(url, older_than, Purpose::Remove)
}

/// Counts what [`clean`] would remove, and changes nothing.
///
/// # Errors
/// As [`clean`].
pub fn leftovers(url: &str, older_than: Duration) -> Result<Cleaned, OpenError> {
    look(url, older_than, Purpose::Count)
}

fn look(url: &str, older_than: Duration, purpose: Purpose) -> Result<Cleaned, OpenError> {
    const READ_ONLY: &str = "it is only read";
    let url = StoreUrl::parse(url)?;
    let path = Path::new(url.location());
    Ok(Cleaned::Nothing(match url.scheme() {
        "file" => return in_directory(&url, path, older_than, purpose),
        "h5" if url.parameter("dataset").is_some() => READ_ONLY,
        "h5" => match path.extension() {
            // The configuration lies beside the files.
            Some(end) if end == "json" => {
                let directory = path.parent().unwrap_or(path);
                return in_directory(&url, directory, older_than, purpose);
            }
            _ if path.is_file() => READ_ONLY,
            _ => return in_directory(&url, path, older_than, purpose),
        },
        "sqlite" => "SQLite undoes what was not finished when the file is opened next",
        "rocksdb" => "RocksDB removes what was not finished when it is opened for writing next",
        "mem" => "memory is gone with its process",
        "sections" | "http" | "https" => READ_ONLY,
        "s3" => {
            "parts of an upload that was not finished are removed by the bucket's rule for them \
             (AbortIncompleteMultipartUpload); nothing else can be left"
        }
        "gs" => "an upload that was not finished is dropped by Google after a week",
        "az" => "blocks of an upload that was not finished are dropped by Azure after a week",
        other => return Err(Registry::default().unknown(other)),
    }))
}

#[cfg(all(any(feature = "fs", feature = "hdf5"), unix))]
fn in_directory(
    url: &StoreUrl,
    directory: &Path,
    older_than: Duration,
    purpose: Purpose,
) -> Result<Cleaned, OpenError> {
    use bigarrays_backends::fs::FsBackend;

    let place = match url.parameter("prefix") {
        None => directory.to_owned(),
        Some(_) => directory.join(url.prefix()?.as_str()),
    };
    let directory = FsBackend::builder(place).create(false).read_only(purpose == Purpose::Count);
    let directory = directory.open()?;
    let files = match purpose {
        Purpose::Count => directory.leftovers(older_than),
        Purpose::Remove => directory.clean(older_than),
    };
    Ok(Cleaned::Files(files?))
}

#[cfg(not(all(any(feature = "fs", feature = "hdf5"), unix)))]
fn in_directory(
    url: &StoreUrl,
    _directory: &Path,
    _older_than: Duration,
    _purpose: Purpose,
) -> Result<Cleaned, OpenError> {
    Err(Registry::default().unknown(url.scheme()))
}

#[cfg(all(test, feature = "fs", unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn leftovers_are_counted_and_removed_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        for name in ["info", "a/.bigarrays-1.tmp", "a/b/.bigarrays-2.tmp", "a/.bigarrays-other"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        for url in
            [format!("{place}"), format!("h5://{place}"), format!("h5://{place}/config.json")]
        {
            assert_eq!(leftovers(&url, Duration::ZERO).unwrap(), Cleaned::Files(2), "{url}");
            assert_eq!(clean(&url, Duration::from_secs(3600)).unwrap(), Cleaned::Files(0), "{url}");
        }
        let below = format!("file://{place}?prefix=a/b");
        assert_eq!(clean(&below, Duration::ZERO).unwrap(), Cleaned::Files(1));
        assert_eq!(clean(&format!("{place}"), Duration::ZERO).unwrap(), Cleaned::Files(1));
        assert_eq!(leftovers(&format!("{place}"), Duration::ZERO).unwrap(), Cleaned::Files(0));
        assert!(dir.path().join("info").exists() && dir.path().join("a/.bigarrays-other").exists());
    }

    #[test]
    fn stores_without_leftovers_say_why_and_slips_are_told() {
        for url in ["sqlite://x.db", "rocksdb://x", "mem://x", "s3://b/x", "gs://b/x", "az://b/x"] {
            let cleaned = clean(url, Duration::ZERO).unwrap();
            assert!(matches!(cleaned, Cleaned::Nothing(why) if !why.is_empty()), "{url}");
        }
        for url in ["ftp://x", "file:///no/such/directory", "h5:///no/such/directory"] {
            clean(url, Duration::ZERO).unwrap_err();
        }
    }
}
