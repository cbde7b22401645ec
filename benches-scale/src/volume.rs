//! A volume that is not stored: every byte of it follows from its place.

use std::ops::Range;

use bigarrays::bytes::Bytes;
use bigarrays::geometry::parse_chunk_name;
use bigarrays::info::{InfoError, ShardEncoding, ShardHash, Sharding};
use bigarrays::shard::{file_name, parse_file_name};
use bigarrays::{DataType, Key, VolumeInfo};

use crate::model::random;

/// The directory of the only scale.
pub const SCALE: &str = "8_8_40";

/// A `uint8` volume of raw cubic chunks, 2^k along each axis, so that the ids of its chunks are
/// all numbers below their count and the place of each is known without a list.
#[derive(Debug, Clone, Copy)]
pub struct Volume {
    /// Chunks along each axis, as a power of two.
    bits: [u32; 3],
    chunk: u64,
    sharding: Option<Sharding>,
}

/// Something stored.
#[derive(Debug)]
pub(crate) enum Object {
    Info(Bytes),
    /// The chunk of this id.
    Chunk(u64),
    Shard(u64),
}

impl Volume {
    /// A volume of 2^`bits` chunks of `chunk` voxels along each axis.
    #[must_use]
    pub const fn new(bits: u32, chunk: u64) -> Self {
        Self { bits: [bits.div_ceil(3), (bits + 1) / 3, bits / 3], chunk, sharding: None }
    }

    /// The same with the chunks in shards of 2^`minishards` minishards of 2^`preshift` chunks, or
    /// of fewer if the volume is smaller.
    #[must_use]
    pub fn sharded(mut self, minishards: u32, preshift: u32) -> Self {
        let all: u32 = self.bits.iter().sum();
        let preshift_bits = preshift.min(all);
        let minishard_bits = minishards.min(all - preshift_bits);
        self.sharding = Some(Sharding {
            preshift_bits,
            hash: ShardHash::Identity,
            minishard_bits,
            shard_bits: all - preshift_bits - minishard_bits,
            minishard_index_encoding: ShardEncoding::Raw,
            data_encoding: ShardEncoding::Raw,
        });
        self
    }

    /// Its chunks.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        1 << self.bits.iter().sum::<u32>()
    }

    /// Its keys in the directory of the scale: chunks, or shards.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.sharding.map_or_else(|| self.chunks(), |sharding| 1 << sharding.shard_bits)
    }

    /// Voxels along each axis.
    #[must_use]
    pub fn size(&self) -> [u64; 3] {
        self.bits.map(|bits| self.chunk << bits)
    }

    /// Bytes of a chunk.
    #[must_use]
    pub const fn chunk_bytes(&self) -> u64 {
        self.chunk * self.chunk * self.chunk
    }

    /// The description of it.
    ///
    /// # Errors
    /// [`InfoError`] if there is no such volume.
    pub fn info(&self) -> Result<VolumeInfo, InfoError> {
        let builder = VolumeInfo::builder(DataType::Uint8, self.size())
            .chunk_size([self.chunk; 3])
            .resolution([8.0, 8.0, 40.0])
            .key(SCALE);
        match self.sharding {
            Some(sharding) => builder.sharding(sharding).build(),
            None => builder.build(),
        }
    }

    /// The voxel that a chunk has at a place.
    #[must_use]
    pub fn voxel(id: u64, [x, y, z]: [u64; 3], chunk: u64) -> u8 {
        let mut byte = [0];
        fill(id, x + chunk * (y + chunk * z), &mut byte);
        byte[0]
    }

    /// The id of a cell of a volume without shards: its number in the order of the grid.
    #[must_use]
    pub const fn plain_id(&self, [x, y, z]: [u64; 3]) -> u64 {
        x | (y << self.bits[0]) | (z << (self.bits[0] + self.bits[1]))
    }

    /// The how many-th key of the scale's directory, and the length of its value.
    pub(crate) fn key(&self, number: u64) -> (String, u64) {
        if let Some(sharding) = &self.sharding {
            return (format!("{SCALE}/{}", file_name(number, sharding)), self.shard_len(sharding));
        }
        let (low, middle) = (self.bits[0], self.bits[0] + self.bits[1]);
        let mask = |bits: u32| (1_u64 << bits) - 1;
        let cell = [number & mask(low), (number >> low) & mask(self.bits[1]), number >> middle];
        let [x, y, z] = cell.map(|cell| cell * self.chunk);
        let [x1, y1, z1] = [x, y, z].map(|start| start + self.chunk);
        (format!("{SCALE}/{x}-{x1}_{y}-{y1}_{z}-{z1}"), self.chunk_bytes())
    }

    /// What a key names.
    pub(crate) fn object(&self, key: &Key) -> Option<Object> {
        let Some(name) = key.as_str().strip_prefix(SCALE).and_then(|key| key.strip_prefix('/'))
        else {
            let info = (key.as_str() == "info").then(|| self.info().ok()?.to_json().ok())??;
            return Some(Object::Info(info.into()));
        };
        if let Some(sharding) = &self.sharding {
            return parse_file_name(name, sharding).map(Object::Shard);
        }
        let min = parse_chunk_name(name)?.min;
        let cell = [min[0], min[1], min[2]].map(|axis| axis.unsigned_abs() / self.chunk);
        Some(Object::Chunk(self.plain_id(cell)))
    }

    pub(crate) fn len(&self, object: &Object) -> u64 {
        match (object, &self.sharding) {
            (Object::Info(bytes), _) => bytes.len() as u64,
            (Object::Shard(_), Some(sharding)) => self.shard_len(sharding),
            (Object::Shard(_) | Object::Chunk(_), _) => self.chunk_bytes(),
        }
    }

    /// Bytes of an object; the range lies inside it.
    pub(crate) fn bytes(&self, object: &Object, range: Range<u64>) -> Bytes {
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        match (object, &self.sharding) {
            (Object::Info(bytes), _) => {
                let start = usize::try_from(range.start).unwrap_or(usize::MAX);
                bytes.slice(start..start + len)
            }
            (Object::Shard(shard), Some(sharding)) => {
                let mut bytes = vec![0; len];
                self.shard_bytes(*shard, sharding, range.start, &mut bytes);
                bytes.into()
            }
            (Object::Chunk(id) | Object::Shard(id), _) => {
                let mut bytes = vec![0; len];
                fill(*id, range.start, &mut bytes);
                bytes.into()
            }
        }
    }

    /// A shard is its index, the chunks in the order of their ids, and the indices of its
    /// minishards.
    fn shard_len(&self, sharding: &Sharding) -> u64 {
        let (index, chunks, minishard) = self.parts(sharding);
        index + chunks + (minishard << sharding.minishard_bits)
    }

    /// Bytes of the shard index, of all chunks, and of the index of one minishard.
    const fn parts(&self, sharding: &Sharding) -> (u64, u64, u64) {
        let chunks = self.chunk_bytes() << (sharding.minishard_bits + sharding.preshift_bits);
        (16 << sharding.minishard_bits, chunks, 24 << sharding.preshift_bits)
    }

    fn shard_bytes(&self, shard: u64, sharding: &Sharding, from: u64, out: &mut [u8]) {
        let (index, chunks, minishard) = self.parts(sharding);
        let inside = sharding.minishard_bits + sharding.preshift_bits;
        let (mut at, mut out) = (from, out);
        while !out.is_empty() {
            // The piece that begins at or before `at`.
            let (begin, piece) = if at < index {
                (0, Piece::Words(self.shard_index(sharding)))
            } else if at < index + chunks {
                let number = (at - index) / self.chunk_bytes();
                (index + number * self.chunk_bytes(), Piece::Chunk((shard << inside) | number))
            } else {
                let number = (at - index - chunks) / minishard;
                let words = self.minishard_index(shard, number, sharding);
                (index + chunks + number * minishard, Piece::Words(words))
            };
            let whole = match &piece {
                Piece::Words(words) => words.len() as u64,
                Piece::Chunk(_) => self.chunk_bytes(),
            };
            let here = usize::try_from(begin + whole - at).unwrap_or(usize::MAX).min(out.len());
            let (now, later) = out.split_at_mut(here);
            match piece {
                Piece::Words(words) => {
                    let start = usize::try_from(at - begin).unwrap_or(usize::MAX);
                    now.copy_from_slice(&words[start..start + here]);
                }
                Piece::Chunk(id) => fill(id, at - begin, now),
            }
            at += here as u64;
            out = later;
        }
    }

    fn shard_index(&self, sharding: &Sharding) -> Vec<u8> {
        let (_, chunks, minishard) = self.parts(sharding);
        let begin = |number: u64| chunks + number * minishard;
        (0..1 << sharding.minishard_bits)
            .flat_map(|number| [begin(number), begin(number + 1)])
            .flat_map(u64::to_le_bytes)
            .collect()
    }

    fn minishard_index(&self, shard: u64, minishard: u64, sharding: &Sharding) -> Vec<u8> {
        let count = 1 << sharding.preshift_bits;
        let first = ((shard << sharding.minishard_bits) | minishard) << sharding.preshift_bits;
        let begin = minishard * count * self.chunk_bytes();
        // Ids and offsets are told by their differences.
        let ids = (0..count).map(|number| if number == 0 { first } else { 1 });
        let offsets = (0..count).map(|number| if number == 0 { begin } else { 0 });
        let lengths = (0..count).map(|_| self.chunk_bytes());
        ids.chain(offsets).chain(lengths).flat_map(u64::to_le_bytes).collect()
    }
}

enum Piece {
    Words(Vec<u8>),
    Chunk(u64),
}

/// Bytes of a chunk from a place on: eight that follow from its id, again and again.
fn fill(id: u64, from: u64, out: &mut [u8]) {
    let word = random(id).to_le_bytes();
    let phase = usize::try_from(from % 8).unwrap_or(0);
    let word: [u8; 8] = std::array::from_fn(|byte| word[(byte + phase) % 8]);
    let (words, rest) = out.as_chunks_mut::<8>();
    words.fill(word);
    rest.copy_from_slice(&word[..rest.len()]);
}
