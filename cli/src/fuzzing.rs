//! Doors for the fuzz targets; nothing here is an API.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use bigarrays::BoundingBox;

use crate::source::{SourceError, SourceOptions, open, parse_size, tiles};
use crate::values::{BoxArg, ByteCount, Factor, Point, Size, join_negative_values, scale};

/// Memory that sources are given.
pub const MEMORY: u64 = 1 << 20;
/// Bytes of voxels that are read at the most of a source whose shape was invented.
const MOST: u64 = 4 << 20;
/// The longest text of an error.
const LONGEST: usize = 2000;

/// Parses a value of every kind that the command line has.
///
/// # Panics
/// If a box within bounds is not the one that was asked for.
pub fn arguments(text: &str) {
    let bounds = BoundingBox::new([0, 1, 2], [10, 11, 12]);
    if let Ok(arg) = text.parse::<BoxArg>() {
        let found = arg.within(bounds);
        // An end that is left out is the volume's.
        for (axis, part) in text.split(',').enumerate() {
            let (start, end) = part.split_once(':').unwrap_or_default();
            assert!(start.trim().parse().unwrap_or(bounds.min[axis]) == found.min[axis]);
            assert!(end.trim().parse().unwrap_or(bounds.max[axis]) == found.max[axis]);
        }
    }
    let _ = (text.parse::<Point>(), text.parse::<Size>(), text.parse::<Factor>());
    let _ = (text.parse::<ByteCount>(), scale(Some(text)));
    let joined = join_negative_values(text.split('\n').map(OsString::from));
    assert!(joined.len() <= text.split('\n').count() + 1, "words out of nothing");
    for error in [parse_size(text).err(), text.parse::<crate::source::Axes>().err()] {
        error.iter().for_each(check);
    }
}

/// Reads a foreign file of this name: what it is, and its voxels, tile by tile as an import does.
///
/// # Panics
/// If an error is long, or a voxel is left as it was.
pub fn source(directory: &Path, name: &str, bytes: &[u8]) {
    let path = directory.join(name);
    if fs::write(&path, bytes).is_err() {
        return;
    }
    let options = SourceOptions { memory: MEMORY, ..SourceOptions::default() };
    let mut source = match open(&path, &options) {
        Ok(source) => source,
        Err(error) => return check(&error),
    };
    let [x, y, z, channels] = source.size();
    assert!(![x, y, z, channels].contains(&0), "an axis without voxels");
    let _ = (source.describe(), source.resolution());
    let item = channels.saturating_mul(source.data_type().size() as u64);
    let mut left = MOST;
    for tile in tiles(&*source, [16, 16, 16], [0; 3], MEMORY) {
        let len = tile.shape().into_iter().fold(item, u64::saturating_mul);
        let Some(rest) = left.checked_sub(len) else { return };
        left = rest;
        let mut voxels = vec![0; usize::try_from(len).unwrap_or(0)];
        if let Err(error) = source.read_box(tile.min, tile.max, &mut voxels) {
            return check(&error);
        }
    }
}

fn check(error: &SourceError) {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let shown = error.to_string();
        assert!(!shown.is_empty() && shown.len() < LONGEST, "an error of {} bytes", shown.len());
        next = error.source();
    }
}
