//! `bigarrays cutout`: a box of a volume to a file.

use std::path::Path;

use bigarrays::BigArray;
use bigarrays::array::{Cutout, OnMissing, OutOfBounds};
use serde_json::json;

use crate::args::{CutoutArgs, MissingArg, OutsideArg};
use crate::console::Console;
use crate::error::CliError;
use crate::output;
use crate::values;
use crate::volume;

pub(crate) fn run(args: &CutoutArgs, console: Console) -> Result<(), CliError> {
    let array = open(args)?;
    if let Some(channel) = args.channel.filter(|&channel| channel >= array.channels()) {
        return Err(CliError::refused(format!(
            "there is no channel {channel}; the volume has {}, from 0",
            array.channels(),
        )));
    }
    let bbox = args.bbox.map_or(array.bounds(), |bbox| bbox.within(array.bounds()));
    // A file that cannot be written should not cost a long read first.
    let data_type = array.data_type();
    let channels = if args.channel.is_some() { 1 } else { array.channels() };
    let size = |bbox: bigarrays::BoundingBox| {
        let [x, y, z] = bbox.shape();
        [x, y, z, channels as u64]
    };
    output::check(&args.output, data_type, size(array.clip(bbox)?))?;

    let bar = console.bar("reading", array.chunk_count(bbox));
    let Cutout { bbox, array: voxels } = array.with_progress(bar).read_dyn(bbox)?;
    let bytes = voxels.fortran_bytes();
    let bytes = match args.channel {
        // Channels are planes, one after another.
        Some(channel) => {
            let plane = bytes.len() / voxels.shape()[3].max(1);
            &bytes[channel * plane..(channel + 1) * plane]
        }
        None => &bytes[..],
    };
    output::write(&args.output, bytes, data_type, size(bbox))?;
    if args.output != Path::new("-") {
        let facts = json!({
            "url": args.url.to_string(),
            "output": args.output,
            "box": { "min": bbox.min, "max": bbox.max },
            "size": size(bbox),
            "data_type": data_type.name(),
        });
        let text = format!("cut {bbox} of {} to {}", args.url, args.output.display());
        console.facts(&facts, &text);
    }
    Ok(())
}

fn open(args: &CutoutArgs) -> Result<BigArray, CliError> {
    let scale = values::scale(args.scale.as_deref());
    let on_missing = match args.missing {
        MissingArg::Fill => OnMissing::Fill,
        MissingArg::Error => OnMissing::Error,
    };
    let bounds = match args.outside {
        OutsideArg::Fill => OutOfBounds::Fill,
        OutsideArg::Error => OutOfBounds::Error,
        OutsideArg::Crop => OutOfBounds::Crop,
    };
    let fill = args.fill.unwrap_or_default();
    Ok(volume::reader()
        .array(move |options| {
            options.scale(scale.clone()).on_missing(on_missing).bounds(bounds).fill(fill)
        })
        .open(&args.url)?)
}
