//! Files of other programs: sources of an import, and databases.

use super::Entry;

macro_rules! entries {
    ($($name:ident: $feature:literal, $entry:ident, $what:literal;)*) => {$(
        #[doc = $what]
        #[cfg(feature = $feature)]
        pub const $name: Entry = Entry::Other(entries::$entry);
        #[doc = $what]
        #[cfg(not(feature = $feature))]
        pub const $name: Entry = Entry::Absent($feature);
    )*};
}

entries! {
    ARGUMENTS: "parsers", arguments, "Values on the command line.";
    NPY: "parsers", npy, "A file of numpy; where the first byte is odd its name says gzip.";
    TIFF: "parsers", tiff, "A TIFF file.";
    NIFTI: "parsers", nifti, "A NIfTI file; where the first byte is odd its name says gzip.";
    PNG: "parsers", png, "A PNG file.";
    SQLITE: "sqlite", sqlite, "A database of the store `sqlite://`.";
}

#[cfg(any(feature = "parsers", feature = "sqlite"))]
mod entries {
    use std::path::Path;

    use tempfile::TempDir;

    #[cfg(feature = "parsers")]
    use crate::hostile::bound::measured;

    thread_local! {
        /// Where inputs become files; in memory where there is such a place.
        static FOLDER: Option<TempDir> =
            TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).ok();
    }

    fn in_folder(work: impl FnOnce(&Path)) {
        FOLDER.with(|folder| {
            if let Some(folder) = folder {
                work(folder.path());
            }
        });
    }

    #[cfg(feature = "parsers")]
    pub(super) fn arguments(input: &[u8]) {
        if let Ok(text) = std::str::from_utf8(input) {
            bigarrays_cli::fuzzing::arguments(text);
        }
    }

    /// Beside what a source may use: rows of a decoder, tables of an inflater, the tile that is
    /// read, and a tag of TIFF that says it has a million values, of 32 bytes each as they grow;
    /// and for each byte of the file what its other tags become.
    #[cfg(feature = "parsers")]
    fn most(len: usize) -> u64 {
        bigarrays_cli::fuzzing::MEMORY + (96 << 20) + 256 * len as u64
    }

    #[cfg(feature = "parsers")]
    fn source(name: &str, bytes: &[u8]) {
        in_folder(|folder| {
            let ((), held) = measured(|| bigarrays_cli::fuzzing::source(folder, name, bytes));
            let most = most(bytes.len());
            assert!(held <= most, "{name} of {} bytes held {held} bytes, not {most}", bytes.len());
        });
    }

    /// A file, or one that is said to be packed.
    #[cfg(feature = "parsers")]
    fn packed_or_not(names: [&str; 2], input: &[u8]) {
        if let Some((first, bytes)) = input.split_first() {
            source(names[usize::from(first & 1)], bytes);
        }
    }

    #[cfg(feature = "parsers")]
    pub(super) fn npy(input: &[u8]) {
        packed_or_not(["a.npy", "a.npy.gz"], input);
    }

    #[cfg(feature = "parsers")]
    pub(super) fn nifti(input: &[u8]) {
        packed_or_not(["a.nii", "a.nii.gz"], input);
    }

    #[cfg(feature = "parsers")]
    pub(super) fn tiff(input: &[u8]) {
        source("a.tif", input);
    }

    #[cfg(feature = "parsers")]
    pub(super) fn png(input: &[u8]) {
        source("a.png", input);
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn sqlite(input: &[u8]) {
        use bigarrays::backend::{ByteRange, KeyValueBackendExt, wait};
        use bigarrays::{KeyValueBackend, Prefix};

        in_folder(|folder| {
            let path = folder.join("a.db");
            for left in ["a.db-wal", "a.db-shm", "a.db-journal"] {
                let _ = std::fs::remove_file(folder.join(left));
            }
            if std::fs::write(&path, input).is_err() {
                return;
            }
            let url = format!("sqlite://{}", path.display());
            let store = match bigarrays::OpenOptions::new().read_only().open_store(&url) {
                Ok(store) => store,
                Err(error) => return assert!(error.to_string().len() < 2000),
            };
            let Ok(metas) = wait(store.list_all(&Prefix::root())) else { return };
            for meta in metas.iter().take(8) {
                // A size that nobody stored asks for memory that nobody touches.
                if meta.size > 1 << 24 {
                    let _ = wait(store.get(&meta.key, ByteRange::Bounded(0..64)));
                    continue;
                }
                if let Ok(Some(blob)) = wait(store.get(&meta.key, ByteRange::Full)) {
                    assert_eq!(blob.bytes.len() as u64, meta.size, "{}", meta.key);
                }
            }
        });
    }
}
