//! Bytes to voxels.

use std::ops::Range;

use super::super::{ChunkSpec, CodecError};
use super::boundaries::{Boundaries, places};
use super::components::Components;
use super::header::{Connectivity, Header, Sections, index_number};
use super::{locations, windows};

/// Decodes the slices wanted, or all where a stream has no way to a part, and returns which.
///
/// # Errors
/// [`CodecError::Corrupt`] if the bytes are not a chunk of this shape and type.
pub(super) fn decode(
    encoded: &[u8],
    spec: &ChunkSpec,
    wanted: Range<usize>,
    scratch: &mut Vec<u8>,
) -> Result<Range<usize>, CodecError> {
    let header = Header::read(encoded, spec)?;
    let sections = header.sections(encoded)?;
    let all = 0..header.shape[2];
    let slices = if header.layout.has_random_access() { wanted } else { all };
    if spec.values() == 0 || slices.is_empty() {
        scratch.clear();
        return Ok(slices);
    }
    let chunk = Chunk { header, sections, slices: slices.clone() };
    match header.label_bytes {
        1 => chunk.decode::<1>(scratch),
        2 => chunk.decode::<2>(scratch),
        4 => chunk.decode::<4>(scratch),
        _ => chunk.decode::<8>(scratch),
    }?;
    Ok(slices)
}

/// A stream and the slices to decode.
struct Chunk<'a> {
    header: Header,
    sections: Sections<'a>,
    slices: Range<usize>,
}

/// What the slices to decode take from a stream.
struct Numbers<'a, const N: usize> {
    ids: &'a [[u8; N]],
    locations: &'a [[u8; N]],
}

impl<'a> Chunk<'a> {
    fn decode<const N: usize>(&self, scratch: &mut Vec<u8>) -> Result<(), CodecError> {
        let boundaries = windows::decode(&self.header, &self.sections, self.slices.clone())?;
        let Numbers { ids, locations } = self.numbers_of_slices()?;
        let voxels: usize = boundaries.shape().iter().product();
        // What an earlier chunk left there needs no clearing: every voxel is written.
        scratch.resize(voxels * N, 0);
        let labels = scratch.as_chunks_mut::<N>().0;
        self.fill_components(&boundaries, ids, labels)?;
        self.fill_boundaries(&boundaries, locations, labels)
    }

    /// The ids and the locations of the slices.
    fn numbers_of_slices<const N: usize>(&self) -> Result<Numbers<'a, N>, CodecError> {
        let ids = self.sections.ids.as_chunks::<N>().0;
        let locations = self.sections.locations.as_chunks::<N>().0;
        let sz = self.header.shape[2];
        if self.slices == (0..sz) {
            return Ok(Numbers { ids, locations });
        }
        let (counts, starts) = self.sections.index.split_at(self.sections.index.len() / 2);
        let sum = |numbers: &[u8], how_many| sum(numbers, self.header.index_bytes(), how_many);
        let Range { start, end } = self.slices;
        let (first_id, last_id) = (sum(counts, start), sum(counts, end));
        let first_location = sum(starts, start + 1);
        let last_location = if end == sz { Some(locations.len()) } else { sum(starts, end + 1) };
        let ids = first_id.zip(last_id).and_then(|(first, last)| ids.get(first..last));
        let locations =
            first_location.zip(last_location).and_then(|(first, last)| locations.get(first..last));
        let (Some(ids), Some(locations)) = (ids, locations) else {
            let what = "its index leads past the labels or the locations that it has";
            return Err(CodecError::corrupt(what));
        };
        Ok(Numbers { ids, locations })
    }

    /// Gives the voxels of each component their label, and the boundary voxels right of them.
    fn fill_components<const N: usize>(
        &self,
        boundaries: &Boundaries,
        ids: &[[u8; N]],
        labels: &mut [[u8; N]],
    ) -> Result<(), CodecError> {
        let connectivity = self.header.layout.connectivity;
        let [sx, sy, sz] = boundaries.shape();
        let depth = match connectivity {
            Connectivity::Four => 1,
            Connectivity::Six => sz,
        };
        let mut components = Components::default();
        let mut rest = ids;
        for (z, slab) in (0..sz).step_by(depth).zip(labels.chunks_exact_mut(sx * sy * depth)) {
            let count = components.find(boundaries, z..z + depth, connectivity);
            let Some((own, after)) = rest.split_at_checked(count) else {
                let found = ids.len();
                let what = format!("it has labels for {found} components, but there are more");
                return Err(CodecError::corrupt(what));
            };
            rest = after;
            self.check_index(Row::Labels, z, count)?;
            for (row, runs) in slab.chunks_exact_mut(sx).zip(components.rows()) {
                for run in runs {
                    row[run.start..sx.min(run.end + 1)].fill(own[run.component]);
                }
            }
        }
        match rest.len() {
            0 => Ok(()),
            left => Err(CodecError::corrupt(format!("{left} of its labels have no component"))),
        }
    }

    /// Refuses an index that tells another number of a decoded slice than the stream has: a
    /// decoder of some slices would go by it.
    fn check_index(&self, row: Row, z: usize, found: usize) -> Result<(), CodecError> {
        if !self.header.layout.has_random_access() {
            return Ok(());
        }
        let (labels, locations) = self.sections.index.split_at(self.sections.index.len() / 2);
        let (numbers, what) = match row {
            Row::Labels => (labels, "labels"),
            Row::Locations => (locations, "locations before"),
        };
        let slice = self.slices.start + z;
        let number = numbers.chunks_exact(self.header.index_bytes()).nth(slice);
        if number.and_then(index_number) == Some(found) {
            return Ok(());
        }
        let what = format!("its index is wrong about the {what} slice {slice}, which are {found}");
        Err(CodecError::corrupt(what))
    }

    /// Gives the other boundary voxels their label.
    fn fill_boundaries<const N: usize>(
        &self,
        boundaries: &Boundaries,
        locations: &[[u8; N]],
        labels: &mut [[u8; N]],
    ) -> Result<(), CodecError> {
        let connectivity = self.header.layout.connectivity;
        let [sx, sy, sz] = boundaries.shape();
        let across = !self.header.layout.has_random_access();
        let mut locations = locations::Reader::new(locations, across);
        let mut read = 0;
        for (y, z) in (0..sz).flat_map(|z| (0..sy).map(move |y| (y, z))) {
            if y == 0 && z > 0 {
                self.check_index(Row::Locations, z, locations.read() - read)?;
                read = locations.read();
            }
            for word in 0..boundaries.row_words() {
                let classes = boundaries.classes([word, y, z], connectivity);
                let begin = word * 64 + sx * (y + sy * z);
                for place in places(classes.up) {
                    labels[begin + place] = labels[begin + place - sx];
                }
                for place in places(classes.back) {
                    labels[begin + place] = labels[begin + place - sx * sy];
                }
                for place in places(classes.located) {
                    let voxel = [word * 64 + place, y, z];
                    labels[begin + place] = locations.label(voxel, boundaries, labels)?;
                }
            }
        }
        locations.finish()
    }
}

/// The two rows of the index.
#[derive(Clone, Copy)]
enum Row {
    /// The labels of each slice.
    Labels,
    /// The locations of the slice before each.
    Locations,
}

/// The sum of the first numbers of a row of the index.
fn sum(row: &[u8], width: usize, how_many: usize) -> Option<usize> {
    let mut numbers = row.chunks_exact(width).take(how_many);
    numbers.try_fold(0_usize, |sum, number| sum.checked_add(index_number(number)?))
}
