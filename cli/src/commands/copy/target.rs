//! What a copy is copied to: the description of a new volume, or one that is there.

use bigarrays::info::{Encoding, Scale, VolumeInfo};
use bigarrays::{BigArray, BoundingBox};

use crate::args::CopyWhat;
use crate::chunks::{self, ShardedArg};
use crate::console::Console;
use crate::error::CliError;

/// The description of the target: the source's, of the scales that are copied, with what the
/// options change. `memory` is what there will be for a shard.
pub(super) fn describe(
    what: &CopyWhat,
    source: &BigArray,
    scales: &[usize],
    bbox: Option<BoundingBox>,
    memory: u64,
    console: Console,
) -> Result<VolumeInfo, CliError> {
    let mut info = source.info().clone();
    let chosen = scales.iter().filter_map(|&index| source.scales().get(index)).cloned();
    info.scales = chosen.collect();
    let mut format = what.format.clone();
    for scale in &mut info.scales {
        if let Some(bbox) = bbox {
            (scale.voxel_offset, scale.size) = (bbox.min, bbox.shape());
        }
        if reencode(what, scale) && scale.sharding.is_some() {
            // Its bits belong to other chunks.
            format.sharded = format.sharded.or(Some(ShardedArg::Auto));
        }
        if what.unsharded {
            scale.sharding = None;
        }
    }
    if what.unsharded {
        format.sharded = None;
    }
    let (info, choice) = chunks::describe(&format, info, memory)?;
    if let Some(choice) = choice {
        console.note(&format!("sharding: {choice}"));
    }
    Ok(info)
}

/// Gives a scale the chunks that are asked for. Says whether its grid is another then.
fn reencode(what: &CopyWhat, scale: &mut Scale) -> bool {
    if let Some(encoding) = what.format.encoding.filter(|&encoding| encoding != scale.encoding) {
        scale.encoding = encoding;
        // What was said of the old encoding.
        (scale.jpeg_quality, scale.png_level) = (None, None);
        scale.compressed_segmentation_block_size =
            (encoding == Encoding::CompressedSegmentation).then_some([8; 3]);
        scale
            .extra
            .retain(|name, _| !["jxl_", "fpzip_", "zfpc_"].iter().any(|of| name.starts_with(of)));
    }
    let before = scale.chunk_size();
    let chunk = what.chunk.map_or(before, |chunk| chunk.0);
    // The other copies of the data that a scale may name are not made.
    scale.chunk_sizes = vec![chunk];
    chunk != before
}

/// Refuses a volume that is not what the options would make of a new one.
pub(super) fn require_same(
    what: &CopyWhat,
    wanted: &VolumeInfo,
    found: &VolumeInfo,
) -> Result<(), CliError> {
    let given = what.chunk.is_some()
        || what.unsharded
        || what.format.encoding.is_some()
        || what.format.quality.is_some()
        || what.format.block.is_some()
        || what.format.sharded.is_some();
    for scale in &wanted.scales {
        let Some(there) = matching(found, scale) else {
            return Err(CliError::refused(format!(
                "{} is a volume that has no scale of {:?} nm; copy to another place, or remove it first",
                what.target, scale.resolution,
            )));
        };
        let is_same = there.chunk_sizes.first() == scale.chunk_sizes.first()
            && there.encoding == scale.encoding
            && there.sharding == scale.sharding
            && there.compressed_segmentation_block_size == scale.compressed_segmentation_block_size;
        if given && !is_same {
            return Err(CliError::refused(format!(
                "there is a volume in {} already, and its scale {:?} has other chunks than the options say; leave them out, or remove it first",
                what.target, there.key,
            )));
        }
    }
    Ok(())
}

/// The scale of a volume that has the resolution of another's.
pub(super) fn matching<'a>(info: &'a VolumeInfo, scale: &Scale) -> Option<&'a Scale> {
    info.scale_index_by_resolution(&scale.resolution).map(|index| &info.scales[index])
}
