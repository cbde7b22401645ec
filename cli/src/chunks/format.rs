//! The options about chunks as a whole: what they make of a new scale, and whether a scale that
//! exists agrees with them.

use bigarrays::BigArray;
use bigarrays::info::{Encoding, Scale, ShardingChoice, VolumeInfo};

use super::quality::set_lossless_jxl;
use super::{ShardedArg, Shards};
use crate::args::Format;
use crate::error::CliError;

/// The description, with chunks as the options say, and what was chosen for them. `memory` is what
/// a writer will have for a shard.
pub(crate) fn describe(
    format: &Format,
    mut info: VolumeInfo,
    memory: u64,
) -> Result<(VolumeInfo, Option<ShardingChoice>), CliError> {
    for scale in &mut info.scales {
        if scale.encoding == Encoding::Jxl {
            set_lossless_jxl(scale);
        }
        apply(format, scale)?;
    }
    let mut choice = None;
    if let Some(sharded) = format.sharded {
        for index in 0..info.scales.len() {
            let (sharding, why) = sharded.resolve(&info, index, memory)?;
            info.scales[index].sharding = Some(sharding);
            choice = choice.or(why);
        }
    }
    info.to_json()?;
    Ok((info, choice))
}

/// Quality and block; the encoding is there already.
fn apply(format: &Format, scale: &mut Scale) -> Result<(), CliError> {
    if let Some(quality) = format.quality {
        quality.apply(scale)?;
    }
    if let Some(block) = format.block {
        if scale.encoding != Encoding::CompressedSegmentation {
            return Err(CliError::usage(format!(
                "--block is for compressed_segmentation and means nothing to {}; leave it out",
                scale.encoding,
            )));
        }
        scale.compressed_segmentation_block_size = Some(block.0);
    }
    Ok(())
}

/// Refuses options that say something else than the scale of a volume that exists.
pub(crate) fn check(format: &Format, array: &BigArray) -> Result<(), CliError> {
    let scale = array.scale();
    if let Some(encoding) = format.encoding.filter(|&encoding| encoding != scale.encoding) {
        let option = format!("--encoding {encoding}");
        return Err(disagrees(&option, &format!("whose chunks are {}", scale.encoding)));
    }
    let mut wanted = scale.clone();
    apply(format, &mut wanted)?;
    if wanted != *scale {
        let option = if format.quality.is_some() { "--quality" } else { "--block" };
        let has = super::words(&super::parameters(scale));
        let has = if has.is_empty() { "no such parameter" } else { &has };
        return Err(disagrees(option, &format!("which has {has}")));
    }
    let Some(sharded) = format.sharded else { return Ok(()) };
    let same = match sharded {
        ShardedArg::Auto => scale.sharding.is_some(),
        ShardedArg::Given(given) => scale.sharding == Some(given.sharding(scale.encoding)),
    };
    let has = match Shards::of(scale) {
        Some(shards) => format!("which has {shards}"),
        None => "which is not sharded".to_owned(),
    };
    if same { Ok(()) } else { Err(disagrees("--sharded", &has)) }
}

fn disagrees(option: &str, has: &str) -> CliError {
    CliError::refused(format!(
        "{option} does not agree with the volume, {has}; leave it out, or make another volume with `bigarrays create` or `import`",
    ))
}
