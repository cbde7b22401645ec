//! `bigarrays cutout`: a box of a volume to a file.

use std::path::Path;

use bigarrays::array::{OnMissing, OutOfBounds};
use bigarrays::{BigArray, BoundingBox, DynArray};
use serde_json::json;

use crate::args::{CutoutArgs, MissingArg, OutsideArg};
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::output::{self, Wanted};
use crate::source::Tile;
use crate::transfer::Memory;
use crate::values;
use crate::volume;

pub(crate) fn run(args: &CutoutArgs, console: Console) -> Result<(), CliError> {
    let output_path = args.file.as_ref().or(args.output.as_ref());
    let output_path = output_path.ok_or_else(|| CliError::usage("name the file to write"))?;
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
    let size = |bbox: BoundingBox| {
        let [x, y, z] = bbox.shape();
        [x, y, z, channels as u64]
    };
    let bbox = array.clip(bbox)?;
    output::check(output_path, data_type, size(bbox))?;
    let wanted = Wanted {
        data_type,
        size: size(bbox),
        channels: array.channels() as u64,
        channel: args.channel,
        chunk: array.grid().chunk_size(),
        phase: volume::phase(&array, bbox.min, array.grid().chunk_size()),
        memory: args.memory.0,
        resolution: array.scale().resolution,
        corner: bbox.min.map(approximate),
    };
    output::check_size(output_path, &wanted)?;

    let _hold = interrupt::hold();
    let bar = console.bar("reading", array.chunk_count(bbox));
    let array = array.with_progress(bar);
    if output::is_streamed(output_path)? {
        output::stream(output_path, &wanted, |tile| {
            interrupt::check()?;
            piece(args, &array, bbox, tile)
        })?;
    } else {
        let voxels = array.read_dyn(bbox)?.array;
        let bytes = voxels.fortran_bytes();
        output::write(output_path, wanted.channel(&bytes), data_type, size(bbox))?;
    }
    if output_path != Path::new("-") {
        let facts = json!({
            "url": args.url.to_string(),
            "output": output_path,
            "box": { "min": bbox.min, "max": bbox.max },
            "size": size(bbox),
            "data_type": data_type.name(),
        });
        let text = format!("cut {bbox} of {} to {}", args.url, output_path.display());
        console.facts(&facts, &text);
    }
    Ok(())
}

/// Positions in files that have them as floating-point numbers.
#[expect(clippy::cast_precision_loss, reason = "no volume is 2^53 voxels away")]
const fn approximate(at: i64) -> f64 {
    at as f64
}

/// A piece of the box, `None` for zeros that nobody has to read.
fn piece(
    args: &CutoutArgs,
    array: &BigArray,
    bbox: BoundingBox,
    tile: &Tile,
) -> Result<Option<DynArray>, CliError> {
    let corner = |offsets: [u64; 3]| {
        std::array::from_fn(|axis| bbox.min[axis].saturating_add_unsigned(offsets[axis]))
    };
    let part = BoundingBox::new(corner(tile.min), corner(tile.max));
    let is_zero = args.fill.unwrap_or_default() == bigarrays::Number::default();
    if is_zero && array.bounds().intersection(&part).is_empty() {
        return Ok(None);
    }
    Ok(Some(array.read_dyn(part)?.array))
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
    let memory = Memory::divide(args.memory.0).array;
    Ok(volume::reader()
        .array(move |options| {
            options
                .scale(scale.clone())
                .on_missing(on_missing)
                .bounds(bounds)
                .fill(fill)
                .memory(memory)
        })
        .open(&args.url)?)
}
