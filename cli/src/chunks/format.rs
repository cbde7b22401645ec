//! The options about chunks as a whole: what they make of a new scale, and whether a scale that
//! exists agrees with them.

use bigarrays::info::{DataType, Encoding, Scale, VolumeInfo};

use super::quality::set_lossless_jxl;
use crate::args::Format;
use crate::error::CliError;

/// The description, with chunks as the options say.
pub(crate) fn describe(format: &Format, mut info: VolumeInfo) -> Result<VolumeInfo, CliError> {
    let (data_type, channels) = (info.data_type, info.num_channels);
    for scale in &mut info.scales {
        if scale.encoding == Encoding::Jxl {
            set_lossless_jxl(scale);
        }
        apply(format, scale, data_type, channels)?;
    }
    info.to_json()?;
    Ok(info)
}

/// Everything but the encoding, which is there already.
fn apply(
    format: &Format,
    scale: &mut Scale,
    data_type: DataType,
    channels: u64,
) -> Result<(), CliError> {
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
    if let Some(sharded) = format.sharded {
        scale.sharding = Some(sharded.resolve(scale, data_type, channels));
    }
    Ok(())
}

/// Refuses options that say something else than the scale of a volume that exists.
pub(crate) fn check(format: &Format, info: &VolumeInfo, scale: &Scale) -> Result<(), CliError> {
    let differs = |option: &str, has: String| {
        Err(CliError::refused(format!(
            "{option} does not agree with the volume, {has}; leave it out, or make another volume with `bigarrays create` or `import`",
        )))
    };
    if let Some(encoding) = format.encoding.filter(|&encoding| encoding != scale.encoding) {
        return differs(
            &format!("--encoding {encoding}"),
            format!("whose chunks are {}", scale.encoding),
        );
    }
    let mut wanted = scale.clone();
    apply(format, &mut wanted, info.data_type, info.num_channels)?;
    let sharded =
        format.sharded.is_some_and(|sharded| !(sharded.is_auto() && scale.sharding.is_some()));
    if sharded && wanted.sharding != scale.sharding {
        return differs(
            "--sharded",
            super::Shards::of(scale).map_or_else(
                || "which is not sharded".to_owned(),
                |shards| format!("which has {shards}"),
            ),
        );
    }
    wanted.sharding = scale.sharding;
    if wanted != *scale {
        let has = super::parameters(scale);
        let has = if has.is_empty() { "no such parameters".to_owned() } else { super::words(&has) };
        let option = if format.quality.is_some() { "--quality" } else { "--block" };
        return differs(option, format!("which has {has}"));
    }
    Ok(())
}
