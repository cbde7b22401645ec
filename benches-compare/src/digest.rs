//! Checksums of what was read.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// XXH3-64 over the digests of boxes, or over the bytes themselves.
pub(crate) struct Digest {
    all: Xxh3,
    /// The bytes themselves count, and not their digests.
    is_flat: bool,
    pub(crate) bytes: u64,
}

impl Digest {
    pub(crate) fn new(is_flat: bool) -> Self {
        Self { all: Xxh3::new(), is_flat, bytes: 0 }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        match self.is_flat {
            true => self.all.update(bytes),
            false => self.all.update(&xxh3_64(bytes).to_le_bytes()),
        }
    }

    pub(crate) fn text(&self) -> String {
        format!("{:016x}", self.all.digest())
    }
}
