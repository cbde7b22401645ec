//! What the head of a chunk target's input says.

use bigarrays_core::codec::{ChunkSpec, Window};
use bigarrays_core::{DataType, Encoding, Scale};
use serde_json::{Map, Value, json};

/// Bytes of the head; an input may be shorter, missing bytes are 0.
pub const HEAD: usize = 12;

/// The most values in a chunk. Larger ones find no other bugs, only slower.
const MOST_VALUES: usize = 1 << 15;

/// The longest axis.
const LONGEST: usize = 40;

/// Block sizes of compressed segmentation; the last is the largest that an `info` may have.
const BLOCKS: [[u64; 3]; 8] = [
    [8, 8, 8],
    [1, 1, 1],
    [4, 4, 2],
    [64, 64, 64],
    [3, 5, 7],
    [1, 40, 1],
    [16, 16, 1],
    [0xffff, 0x1_0001, 1],
];

/// An input of a chunk target, taken apart.
///
/// | byte | what it chooses |
/// |---|---|
/// | 0 | data type: `Encoding::data_types()[byte % its length]` |
/// | 1, 2, 3 | axes x, y, z: `1 + byte % 40` each; z only as far as the chunk has no more than 32768 values |
/// | 4 | channels: `channel_counts()[byte % its length]`; `1 + byte % 4` where any number is good |
/// | 5 | parameters of the scale, by encoding ([`Input::scale`]) |
/// | 6, 7, 8 | first voxel of the window: `byte % axis` each |
/// | 9, 10, 11 | voxels of the window: `1 + byte % (axis - first)` each |
/// | 12.. | the stored stream |
///
/// Byte 5: `compressed_segmentation` block size `BLOCKS[byte % 8]` of `8,8,8`, `1,1,1`, `4,4,2`,
/// `64,64,64`, `3,5,7`, `1,40,1`, `16,16,1`, `65535,65537,1`; `jpeg` quality `byte % 101`; `png`
/// level `byte % 10`; `jxl` quality of `100, 85, 20`, `byte % 3`; `fpzip` precision of `0, 0, 16,
/// 23`, `byte % 4`; `zfpc` of nothing, correlated dims `1,1,0,0`, `1,0,0,0`, tolerance 0.01,
/// precision 20, rate 8, `byte % 6`. The others have none.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The scale whose codec decodes it.
    pub scale: Scale,
    /// Shape and type.
    pub spec: ChunkSpec,
    /// A window inside the chunk.
    pub window: Window,
    /// The head itself.
    pub head: [u8; HEAD],
    /// The rest of the input.
    pub stream: &'a [u8],
}

impl<'a> Input<'a> {
    /// Takes an input apart; every input is one.
    #[must_use]
    pub fn new(encoding: Encoding, input: &'a [u8]) -> Self {
        let (start, stream) = input.split_at(input.len().min(HEAD));
        let mut head = [0; HEAD];
        head[..start.len()].copy_from_slice(start);
        let at = |index: usize| usize::from(head[index]);

        let data_types = encoding.data_types();
        let channels = match encoding.channel_counts() {
            Some(counts) => usize::try_from(counts[at(4) % counts.len()]).unwrap_or(1),
            None => 1 + at(4) % 4,
        };
        let [x, y, z] = [1, 2, 3].map(|index| 1 + at(index) % LONGEST);
        let z = z.min(MOST_VALUES / (x * y * channels));
        let axes = [x, y, z];
        let start: [usize; 3] = std::array::from_fn(|axis| at(6 + axis) % axes[axis]);
        let end =
            std::array::from_fn(|axis| start[axis] + 1 + at(9 + axis) % (axes[axis] - start[axis]));
        Self {
            scale: scale(encoding, axes, head[5]),
            spec: ChunkSpec {
                data_type: data_types[at(0) % data_types.len()],
                shape: [x, y, z, channels],
            },
            window: Window { start, end },
            head,
            stream,
        }
    }

    /// Voxels made of the stream: its values over and over, each repeated `1 + byte 6` times.
    #[must_use]
    pub fn voxels(&self) -> Vec<u8> {
        let run = 1 + usize::from(self.head[6]);
        let size = self.spec.data_type.size();
        let mut material = self.stream.iter().copied().cycle();
        let mut voxels = Vec::with_capacity(self.spec.voxel_bytes());
        while voxels.len() < self.spec.voxel_bytes() {
            let mut value = [0; 8];
            for byte in &mut value[..size] {
                *byte = material.next().unwrap_or_default();
                if self.spec.data_type == DataType::Bool {
                    *byte &= 1;
                }
            }
            for _ in 0..run {
                voxels.extend_from_slice(&value[..size]);
            }
        }
        voxels.truncate(self.spec.voxel_bytes());
        voxels
    }
}

/// Whether what this scale's encoding encodes must decode to the same bytes.
#[must_use]
pub fn is_lossless(scale: &Scale) -> bool {
    let lossy = ["fpzip_precision", "zfpc_tolerance", "zfpc_precision", "zfpc_rate"];
    match scale.encoding {
        Encoding::Jpeg | Encoding::Kempressed => false,
        Encoding::Jxl => scale.extra.get("jxl_quality") == Some(&json!(100)),
        _ => !lossy.iter().any(|key| scale.extra.get(*key).is_some_and(|value| *value != json!(0))),
    }
}

fn scale(encoding: Encoding, size: [usize; 3], parameter: u8) -> Scale {
    let chosen = usize::from(parameter);
    let size = size.map(|axis| u64::try_from(axis).unwrap_or(u64::MAX));
    let block = BLOCKS[chosen % BLOCKS.len()];
    Scale {
        key: "1_1_1".to_owned(),
        size,
        voxel_offset: [0; 3],
        resolution: [1.0; 3],
        chunk_sizes: vec![size],
        encoding,
        compressed_segmentation_block_size: (encoding == Encoding::CompressedSegmentation)
            .then_some(block),
        jpeg_quality: (encoding == Encoding::Jpeg).then_some(parameter % 101),
        png_level: (encoding == Encoding::Png).then_some(parameter % 10),
        sharding: None,
        hidden: false,
        locked: false,
        extra: extra(encoding, chosen),
    }
}

fn extra(encoding: Encoding, chosen: usize) -> Map<String, Value> {
    let entry: Option<(&str, Value)> = match encoding {
        Encoding::Jxl => Some(("jxl_quality", json!([100, 85, 20][chosen % 3]))),
        Encoding::Fpzip => Some(("fpzip_precision", json!([0, 0, 16, 23][chosen % 4]))),
        Encoding::Zfpc => match chosen % 6 {
            0 => None,
            1 => Some(("zfpc_correlated_dims", json!([true, true, false, false]))),
            2 => Some(("zfpc_correlated_dims", json!([true, false, false, false]))),
            3 => Some(("zfpc_tolerance", json!(0.01))),
            4 => Some(("zfpc_precision", json!(20))),
            _ => Some(("zfpc_rate", json!(8))),
        },
        _ => None,
    };
    entry.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
