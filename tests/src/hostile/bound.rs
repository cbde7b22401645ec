//! How much memory a reader may take.

use bigarrays_core::Encoding;
use bigarrays_core::codec::ChunkSpec;

/// Memory that decoding may hold at a time: so much for each value of the chunk, so much for each
/// stored byte, and what the encoding takes for the smallest chunk. Counted is what this thread
/// asks of Rust's allocator; what a library in C asks of its own is not
/// (`fuzz/run.sh` with `ASAN=1` bounds that).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Bytes for each value (of each channel), beside the decoded voxels themselves.
    pub per_value: u64,
    /// Bytes for each byte of the stored stream.
    pub per_stored: u64,
    /// Bytes for any chunk.
    pub constant: u64,
}

impl Bound {
    /// The bound of an encoding, with its reason.
    #[must_use]
    pub const fn of(encoding: Encoding) -> Self {
        const KIB: u64 = 1 << 10;
        const MIB: u64 = 1 << 20;
        let (per_value, per_stored, constant) = match encoding {
            // Nothing but the voxels, and the text of an error.
            Encoding::Raw => (0, 0, 4 * KIB),
            // The same, and where each row lies; the shortest row has one value.
            Encoding::CompressedSegmentation => (16, 0, 4 * KIB),
            // The window and tables of the decompressor.
            Encoding::Gzip | Encoding::Zstd | Encoding::Blosclz => (0, 0, 256 * KIB),
            // Component numbers of voxels, labels and locations; growth of a vector counts twice.
            Encoding::Compresso | Encoding::Crackle => (32, 16, 64 * KIB),
            // The image as the library hands it out, its rows, and an inflater.
            Encoding::Png => (16, 4, 512 * KIB),
            // Coefficients of a progressive image; one row of pixels takes blocks of 8 x 8, or 32 x
            // 32 where components are subsampled.
            Encoding::Jpeg => (256, 4, 4 * MIB),
            // Three or four planes of f32 for each frame that is kept, padded to groups, and tables.
            Encoding::Jxl => (256, 64, 32 * MIB),
            // The library's own buffers are not counted.
            Encoding::Fpzip | Encoding::Kempressed | Encoding::Zfpc => (16, 1, 64 * KIB),
        };
        Self { per_value, per_stored, constant }
    }

    /// Bytes for a chunk of this shape and a stream of this length.
    #[must_use]
    pub fn bytes(self, spec: &ChunkSpec, stored: usize) -> u64 {
        let [voxel_bytes, values, stored] =
            [spec.voxel_bytes(), spec.values(), stored].map(|count| count as u64);
        // The allocator that counts sees a growing vector twice.
        2 * voxel_bytes + self.per_value * values + self.per_stored * stored + self.constant
    }
}

/// Runs `work` and answers what it gave and the most bytes it held at a time.
pub(super) fn measured<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let mut result = None;
    let counted = allocation_counter::measure(|| result = Some(work()));
    match result {
        Some(result) => (result, counted.bytes_max),
        None => unreachable!("work that is measured is run"),
    }
}
