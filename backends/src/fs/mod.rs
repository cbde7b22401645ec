//! A directory as a store: [`FsBackend`], in which a key is a relative path and a value a file.
//!
//! This is the layout that CloudVolume, TensorStore and neuroglancer read and write.
//!
//! ```
//! use bigarrays_backends::FsBackend;
//! use bigarrays_core::backend::{KeyValueBackendExt, wait};
//! use bigarrays_core::Key;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("volume");
//! let store = FsBackend::open(&path)?;
//! wait(store.put_always(&Key::new("8_8_40/0-64_0-64_0-64")?, "chunk"))?;
//! assert_eq!(std::fs::read(path.join("8_8_40/0-64_0-64_0-64"))?, b"chunk");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//! - **Whole values.** A value is written to a temporary file beside its place and renamed into
//!   it. A reader has the old file or the new one, and keeps what it opened.
//! - **Durability** is chosen by [`Durability`]; by default what was reported done survives a
//!   power cut, on every file system that keeps what was synced (its tests model one that keeps
//!   nothing else, and names in any order).
//! - **Compare-and-swap** holds between threads and between processes of one machine: checking
//!   and renaming happen under an exclusive `flock` of the value's directory, which every put
//!   and delete of this store takes. No lock files are made. On file systems without `flock` on
//!   directories (NFS), conditional puts and deletes answer `Unsupported` and the others go on
//!   under a lock of this process. Writers that are not this store do not know of the lock.
//! - **Versions** are made of inode number, modification time and size. Every value is given a
//!   modification time of its own, in nanoseconds and increasing within the process; and an
//!   overwrite never has the inode of what it replaces. So a version is unique on file systems
//!   that keep nanoseconds (ext4, XFS, Btrfs, tmpfs, ZFS, APFS). Where times are kept in seconds
//!   (FAT, ext3), it still differs from that of the value before, but the one before that may
//!   have had the same.
//! - **Cleanliness.** Deleting the last value of a directory removes the directory. A killed
//!   writer can leave a temporary file behind (`.bigarrays-*.tmp`): it is never listed, is in
//!   nobody's way, and [`FsBackend::clean`] removes it.
//!
//! # Names
//! - Compressed values carry the suffixes of CloudVolume; see [`CompressedNames`].
//! - Names that begin with `.bigarrays-` are the store's own and refused as keys.
//! - `a` and `a/b` cannot both be values: a name is a file or a directory. The second put answers
//!   `InvalidKey` and says why.
//! - Symbolic links are followed, also out of the directory: who can make links in it decides
//!   what is read. A put replaces a link and not what it points to.
//! - Files whose names are no keys (not UTF-8) and files that are no files (pipes, devices) are
//!   not listed.
//! - On a file system that folds case or normalises Unicode (macOS), so do keys.
//!
//! # Listings
//! A listing walks the directories, one open at a time for each level, and remembers 16 bytes for
//! each file of the directories that it is in. Below a symbolic link that leads back to a
//! directory on the way it does not go.

mod clean;
mod directories;
pub(crate) mod failure;
pub(crate) mod io;
pub(crate) mod lock;
pub(crate) mod names;
mod options;
mod read;
mod store;
mod temporary;
pub(crate) mod version;
mod walk;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub use options::{CompressedNames, Durability, FsOptions};
pub use store::FsBackend;

/// What this store promises.
pub const FACTS: crate::StoreFacts = crate::StoreFacts {
    feature: "fs",
    schemes: &["file"],
    what: "a directory; a value is a file",
    atomicity: "temporary file and rename; a batch is not atomic as a whole",
    durability: "a power cut, by default (durability=none, batch, each)",
    compare_and_swap: "between threads and processes of one machine",
    concurrency: "readers never wait for writers; writers wait for a rename only",
    limits: "a key cannot also be a directory (a beside a/b)",
    needs: "nothing",
};
