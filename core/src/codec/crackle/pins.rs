//! Labels as pins: lines along z that give one label to all the regions that they pass through.
//!
//! ```text
//! u8            log2 of the widths of: counts (bits 0-1), depths (2-3), region numbers (4-5)
//! each label:   count, starts, depths; count, region numbers
//! ```
//!
//! A pin starts at voxel x + sx·(y + sy·z), in the width of the number of voxels, as the difference
//! to the pin before it, and goes through as many slices more as its depth says. Single regions are
//! listed by their number among those of all slices, as differences too.

use super::bytes::{Reader, len, width_of};
use super::header::Header;
use crate::codec::CodecError;

/// No label but the background.
const BACKGROUND: u32 = u32::MAX;
const WHAT: &str = "pins";

/// One pin.
#[derive(Debug, Clone, Copy)]
struct Pin {
    /// The voxel within its slices.
    voxel: usize,
    /// The first slice and the one after the last.
    start: usize,
    end: usize,
    key: u32,
}

/// The pins of a stream, for slices in ascending order.
#[derive(Debug)]
pub(super) struct Pins {
    /// Pins that are not reached yet, the nearest last.
    waiting: Vec<Pin>,
    /// Pins in the slice at hand.
    open: Vec<Pin>,
    /// For each region of all slices, its place in the table of labels.
    keys: Vec<u32>,
    /// Voxels that no pin passes through: pins do not overlap.
    free: u64,
}

/// What the pins are read with.
struct Widths {
    count: usize,
    start: usize,
    depth: usize,
    region: usize,
}

impl Pins {
    /// Reads the pins of `labels` labels in slices of altogether `regions` regions.
    pub(super) fn read(
        mut reader: Reader<'_>,
        labels: u64,
        regions: usize,
        header: &Header,
    ) -> Result<Self, CodecError> {
        let bits = reader.uint(1, WHAT)?;
        let voxels = header.shape.iter().fold(1_u64, |all, &axis| all.saturating_mul(axis.into()));
        let widths = Widths {
            count: 1 << (bits & 3),
            start: width_of(voxels),
            depth: 1 << (bits >> 2 & 3),
            region: 1 << (bits >> 4 & 3),
        };
        let Ok(labels) = u32::try_from(labels) else {
            return Err(CodecError::corrupt(format!("it has pins for {labels} labels")));
        };
        let keys = vec![BACKGROUND; regions];
        let mut pins = Self { waiting: Vec::new(), open: Vec::new(), keys, free: voxels };
        for key in 0..labels {
            pins.read_pins(&mut reader, key, &widths, header)?;
            pins.read_regions(&mut reader, key, &widths)?;
        }
        pins.waiting.sort_unstable_by_key(|pin| std::cmp::Reverse(pin.start));
        Ok(pins)
    }

    fn read_pins(
        &mut self,
        reader: &mut Reader<'_>,
        key: u32,
        widths: &Widths,
        header: &Header,
    ) -> Result<(), CodecError> {
        let count = reader.uint(widths.count, WHAT)?;
        // Each pin is there for a region that no pin before it passes through.
        if len(count) > self.keys.len() - self.waiting.len() {
            let what = format!("it has more pins than its {} regions need", self.keys.len());
            return Err(CodecError::corrupt(what));
        }
        let mut starts = Reader::new(reader.take_items(count, widths.start, WHAT)?);
        let mut depths = Reader::new(reader.take_items(count, widths.depth, WHAT)?);
        let [sx, sy, sz] = header.shape.map(u64::from);
        let mut start = 0_u64;
        for _ in 0..count {
            start = start.saturating_add(starts.uint(widths.start, WHAT)?);
            let z = start / (sx * sy);
            let end = depths.uint(widths.depth, WHAT)?.saturating_add(z + 1);
            if end > sz {
                let what =
                    format!("a pin reaches from slice {z} to {}, and {sz} are there", end - 1);
                return Err(CodecError::corrupt(what));
            }
            let Some(free) = self.free.checked_sub(end - z) else {
                return Err(CodecError::corrupt("its pins are longer than all its columns"));
            };
            self.free = free;
            let voxel = len(start % (sx * sy));
            self.waiting.push(Pin { voxel, start: len(z), end: len(end), key });
        }
        Ok(())
    }

    fn read_regions(
        &mut self,
        reader: &mut Reader<'_>,
        key: u32,
        widths: &Widths,
    ) -> Result<(), CodecError> {
        let count = reader.uint(widths.count, WHAT)?;
        let regions = reader.take_items(count, widths.region, WHAT)?;
        let mut region = 0_u64;
        for difference in regions.chunks_exact(widths.region).map(super::bytes::uint) {
            region = region.saturating_add(difference);
            let all = self.keys.len();
            let Some(own) = self.keys.get_mut(len(region)) else {
                let what = format!("its pins name region {region} of {all}");
                return Err(CodecError::corrupt(what));
            };
            *own = key;
        }
        Ok(())
    }

    /// The places in the table of labels of a slice's regions, `None` for the background, where
    /// `first` is the slice's first region and `regions` are those of its voxels.
    pub(super) fn keys_of_slice(&mut self, z: usize, first: usize, regions: &[u32]) -> &[u32] {
        while let Some(pin) = self.waiting.pop_if(|pin| pin.start <= z) {
            self.open.push(pin);
        }
        self.open.retain(|pin| pin.end > z);
        for pin in &self.open {
            let region = regions.get(pin.voxel).map(|&region| first + region as usize);
            if let Some(own) = region.and_then(|region| self.keys.get_mut(region)) {
                *own = pin.key;
            }
        }
        self.keys.get(first..).unwrap_or(&[])
    }
}
