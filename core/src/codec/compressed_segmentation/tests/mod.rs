mod golden;
mod properties;
mod reject;

use bigarrays_info::{DataType, Encoding, Scale, VolumeInfo};

use super::CompressedSegmentation;
use crate::codec::{ChunkSpec, Codec, CodecError};

fn scale(block: [u64; 3]) -> Scale {
    let info = VolumeInfo::builder(DataType::Uint32, [64; 3])
        .encoding(Encoding::CompressedSegmentation)
        .compressed_segmentation_block_size(block)
        .build()
        .unwrap();
    info.scales[0].clone()
}

fn codec(block: [u64; 3]) -> CompressedSegmentation {
    CompressedSegmentation::new(&scale(block)).unwrap()
}

fn spec(data_type: DataType, shape: [usize; 4]) -> ChunkSpec {
    ChunkSpec { data_type, shape }
}

/// Labels as the bytes of voxels of a type.
fn voxels(labels: &[u64], data_type: DataType) -> Vec<u8> {
    labels.iter().flat_map(|label| label.to_le_bytes()[..data_type.size()].to_vec()).collect()
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn decode(
    codec: &CompressedSegmentation,
    stream: &[u8],
    spec: &ChunkSpec,
) -> Result<Vec<u8>, CodecError> {
    codec.decode(stream, spec, &mut Vec::new()).map(<[u8]>::to_vec)
}
