//! Streaming a source into a volume: what `import` and `write` have in common.

use bigarrays::{BigArray, BoundingBox, dispatch};
use ndarray::{ArrayView4, ShapeBuilder};

use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::source::{self, Source};
use crate::volume;

/// What an import may use, divided: half for the source (what it unpacked, and the box that is
/// being written), a quarter for chunks on their way into the store; the rest is slack for what
/// nobody counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// For the source and its boxes.
    pub(crate) source: u64,
    /// For the array.
    pub(crate) array: usize,
}

impl Memory {
    pub(crate) fn divide(total: u64) -> Self {
        Self { source: total / 2, array: usize::try_from(total / 4).unwrap_or(usize::MAX) }
    }

    /// For a shard while it is written: its voxels, and the file that they become.
    pub(crate) const fn shard(self) -> u64 {
        self.source
    }
}

/// The box that a source takes at the voxel `at`, if all of it can be written there.
pub(crate) fn fit(
    source: &dyn Source,
    array: &BigArray,
    at: [i64; 3],
) -> Result<BoundingBox, CliError> {
    let [x, y, z, channels] = source.size();
    if source.data_type() != array.data_type() {
        return Err(CliError::refused(format!(
            "the source has {} voxels, the volume has {}; convert the source, or create a volume of its type",
            source.data_type(),
            array.data_type(),
        )));
    }
    if usize::try_from(channels) != Ok(array.channels()) {
        return Err(CliError::refused(format!(
            "the source has {channels} channels, the volume has {}; choose another source, or create a volume with --channels {channels}",
            array.channels(),
        )));
    }
    Ok(array.check_write(at, [x, y, z])?)
}

/// Copies all of a source to the voxel `at`, in boxes that respect the volume's chunks and need
/// at most half of `memory` bytes each. Nothing is written if the whole of it cannot be.
pub(crate) fn copy(
    source: &mut dyn Source,
    array: &BigArray,
    at: [i64; 3],
    memory: u64,
    console: Console,
) -> Result<BoundingBox, CliError> {
    let bbox = fit(source, array, at)?;
    let _hold = interrupt::hold();
    let array = array.clone().with_progress(console.bar("writing", array.chunk_count(bbox)));
    let unit = unit(&array, memory, console);
    let phase = volume::phase(&array, at, unit);
    for tile in source::tiles(source, unit, phase, memory) {
        interrupt::check()?;
        copy_tile(source, &array, at, tile)?;
    }
    Ok(bbox)
}

/// What is written at once: chunks, or whole shards where the voxels of one take half of the
/// memory or less.
fn unit(array: &BigArray, memory: u64, console: Console) -> [u64; 3] {
    let (unit, chunk) = (array.write_unit(), array.grid().chunk_size());
    let value_bytes = array.data_type().size().saturating_mul(array.channels());
    let value_bytes = u64::try_from(value_bytes).unwrap_or(u64::MAX);
    let size = array.scale().size;
    let bytes = |shape: [u64; 3]| {
        let lengths = (0..3).map(|axis| shape[axis].min(size[axis]));
        lengths.fold(value_bytes, u64::saturating_mul)
    };
    let is_sharded = array.scale().sharding.is_some();
    let is_box = array.shard_bbox(array.bounds().min).is_some();
    if !is_sharded || bytes(if is_box { unit } else { size }) <= memory / 2 {
        return unit;
    }
    // `memory` is half of what the option says.
    console.note(&if is_box {
        let bytes = bytes(unit);
        format!(
            "note: a shard has {} of voxels, so each is written in parts, which is slow; --memory {} would take it whole",
            volume::bytes(bytes.into()),
            bytes.saturating_mul(4),
        )
    } else {
        "note: the chunks of a shard are no box, so each shard is written in parts, which is slow"
            .to_owned()
    });
    chunk
}

fn copy_tile(
    source: &mut dyn Source,
    array: &BigArray,
    at: [i64; 3],
    tile: source::Tile,
) -> Result<(), CliError> {
    let shape: [usize; 4] = {
        let [x, y, z] = tile.shape();
        // A tile is at most as large as the memory option allows.
        [x, y, z, source.size()[3]].map(|axis| usize::try_from(axis).unwrap_or(usize::MAX))
    };
    let corner = std::array::from_fn(|axis| at[axis].saturating_add_unsigned(tile.min[axis]));
    dispatch!(array.data_type(), T => {
        let mut voxels = vec![<T as bytemuck::Zeroable>::zeroed(); shape.iter().product()];
        source.read_box(tile.min, tile.max, bytemuck::cast_slice_mut(&mut voxels))?;
        match ArrayView4::from_shape(shape.f(), &voxels) {
            Ok(view) => array.write(corner, view)?,
            Err(error) => return Err(CliError::refused(format!("cannot arrange {shape:?} voxels: {error}"))),
        }
    });
    Ok(())
}
