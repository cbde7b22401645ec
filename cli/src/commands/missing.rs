//! `bigarrays missing`: the chunks that are not stored.

use bigarrays::BoundingBox;
use serde_json::json;

use crate::args::MissingArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::source::{Shape, tiles_of};
use crate::volume;

/// Chunks that are looked for at once: of a large volume not all keys are held in memory.
const AT_ONCE: u64 = 1 << 20;

pub(crate) fn run(args: &MissingArgs, console: Console) -> Result<(), CliError> {
    let array = volume::open_to_read(&args.url, args.scale.as_deref())?;
    let bbox = args.bbox.map_or(array.bounds(), |bbox| bbox.within(array.bounds()));
    let (mut missing, mut keys) = (0, Vec::new());
    for part in parts(&array, array.bounds().intersection(&bbox)) {
        let found = array.missing_chunks(part)?;
        missing += found.len();
        let found = found.iter().map(|missing| missing.key.as_str());
        if console.is_json() {
            keys.extend(found.map(str::to_owned));
        } else {
            found.for_each(|key| console.line(key));
        }
    }
    let total = array.chunk_count(bbox);
    console.note(&format!("{missing} of {total} chunks are missing"));
    if console.is_json() {
        let facts = json!({ "url": args.url.to_string(), "chunks": total, "missing": keys });
        console.line(&facts.to_string());
    }
    Ok(())
}

/// A box in parts of some chunks each, in the order of the chunks.
fn parts(array: &bigarrays::BigArray, bbox: BoundingBox) -> impl Iterator<Item = BoundingBox> {
    let [x, y, z] = bbox.shape();
    let shape = Shape { size: [x, y, z, 1], item: 1, order: [2, 1, 0] };
    let chunk = array.grid().chunk_size();
    let voxels = chunk.into_iter().fold(AT_ONCE, u64::saturating_mul);
    let phase = volume::phase(array, bbox.min, chunk);
    tiles_of(shape, chunk, phase, voxels.saturating_mul(2)).map(move |tile| {
        let corner = |place: [u64; 3]| {
            std::array::from_fn(|axis| bbox.min[axis].saturating_add_unsigned(place[axis]))
        };
        BoundingBox::new(corner(tile.min), corner(tile.max))
    })
}
