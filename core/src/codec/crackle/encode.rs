//! Encoding a chunk: version 1, flat labels, no Markov model.

use super::bytes::{put, uint, wide, width_of};
use super::components::number_regions;
use super::cracks::{Cracks, LEFT, UP};
use super::header::Header;
use super::sections::crc32c_of_regions;
use super::trace::Tracer;
use crate::codec::{ChunkSpec, CodecError};

/// Encodes a chunk.
pub(super) fn encode(voxels: &[u8], spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
    let mut header = Header::for_chunk(spec)?;
    let expected = spec.voxel_bytes();
    if voxels.len() != expected {
        return Err(CodecError::WrongLength { expected, found: voxels.len() });
    }
    let [sx, sy, ..] = spec.shape;
    let mut cracks = Cracks::new(sx, sy)?;
    let slices = || voxels.chunks_exact(sx * sy * header.width);
    header.permissible = are_lines_many(slices(), header.width, &mut cracks);
    let mut parts = Parts::default();
    for slice in slices() {
        parts.add(slice, &header, &mut cracks)?;
    }
    Ok(parts.join(header))
}

/// Whether more neighbours differ than are equal, so that it takes less to draw the doors than the
/// walls.
fn are_lines_many<'a>(
    slices: impl Iterator<Item = &'a [u8]>,
    width: usize,
    cracks: &mut Cracks,
) -> bool {
    let (mut lines, mut sides) = (0_u64, 0_u64);
    for slice in slices {
        draw_borders(slice, width, cracks);
        lines += cracks.lines.iter().map(|lines| u64::from(lines.count_ones())).sum::<u64>();
        sides += 2 * wide(cracks.sx * cracks.sy);
    }
    lines > sides / 2
}

/// What a stream is made of, slice after slice.
#[derive(Debug, Default)]
struct Parts {
    tracer: Tracer,
    regions: Vec<u32>,
    parents: Vec<u32>,
    codes: Vec<u8>,
    /// Bytes of each slice's crack code.
    index: Vec<u8>,
    /// A crc32c a slice.
    crcs: Vec<u8>,
    /// Regions of each slice.
    counts: Vec<u8>,
    /// The label of each region.
    labels: Vec<u64>,
}

impl Parts {
    fn add(
        &mut self,
        slice: &[u8],
        header: &Header,
        cracks: &mut Cracks,
    ) -> Result<(), CodecError> {
        draw_borders(slice, header.width, cracks);
        cracks.make_walls(false)?;
        self.regions.resize(cracks.sx * cracks.sy, 0);
        let count = number_regions(cracks, &mut self.regions, &mut self.parents);
        self.crcs.extend_from_slice(&crc32c_of_regions(&self.regions).to_le_bytes());
        put(&mut self.counts, wide(count), header.count_width());
        self.add_labels(slice, header.width);

        // Walls around the slice are no lines in either format.
        cracks.make_lines(header.permissible);
        let start = self.codes.len();
        self.tracer.encode(cracks, &mut self.codes);
        let Ok(code_len) = u32::try_from(self.codes.len() - start) else {
            let what = "the crack code of a slice is longer than 4 GiB; use smaller chunks";
            return Err(CodecError::unencodable(what));
        };
        self.index.extend_from_slice(&code_len.to_le_bytes());
        Ok(())
    }

    /// Adds the labels of a slice's regions: they are numbered as a scan meets them.
    fn add_labels(&mut self, slice: &[u8], width: usize) {
        let mut next = 0;
        for (voxel, &region) in slice.chunks_exact(width).zip(&self.regions) {
            if region == next {
                self.labels.push(uint(voxel));
                next += 1;
            }
        }
    }

    /// The whole stream.
    fn join(self, mut header: Header) -> Vec<u8> {
        let labels = self.labels_section(&mut header);
        header.label_bytes = wide(labels.len());
        let length = self.index.len() + labels.len() + self.codes.len() + self.crcs.len() + 64;
        let mut out = Vec::with_capacity(length);
        header.write(&mut out);
        out.extend_from_slice(&self.index);
        out.extend_from_slice(&crc32c::crc32c(&self.index).to_le_bytes());
        out.extend_from_slice(&labels);
        out.extend_from_slice(&self.codes);
        out.extend_from_slice(&crc32c::crc32c(&labels).to_le_bytes());
        out.extend_from_slice(&self.crcs);
        out
    }

    fn labels_section(&self, header: &mut Header) -> Vec<u8> {
        let mut table = self.labels.clone();
        table.sort_unstable();
        table.dedup();
        // Readers of crackle differ in how they widen a signed label, so signed ones stay wide.
        if !header.signed {
            header.stored_width = width_of(table.last().copied().unwrap_or(0));
        }
        let key_width = width_of(wide(table.len()));
        let mut section = Vec::new();
        put(&mut section, wide(table.len()), 8);
        for &label in &table {
            put(&mut section, label, header.stored_width);
        }
        section.extend_from_slice(&self.counts);
        let mut last = (0, 0);
        for &label in &self.labels {
            if last.0 != label || last.1 == 0 {
                last = (label, table.partition_point(|&other| other < label));
            }
            put(&mut section, wide(last.1), key_width);
        }
        section
    }
}

/// Draws a line between all neighbours that differ.
fn draw_borders(slice: &[u8], width: usize, cracks: &mut Cracks) {
    match width {
        1 => draw_between::<1>(slice, cracks),
        2 => draw_between::<2>(slice, cracks),
        4 => draw_between::<4>(slice, cracks),
        _ => draw_between::<8>(slice, cracks),
    }
}

fn draw_between<const WIDTH: usize>(slice: &[u8], cracks: &mut Cracks) {
    let (sx, stride) = (cracks.sx, cracks.stride());
    let (voxels, _) = slice.as_chunks::<WIDTH>();
    let lines = cracks.lines.chunks_exact_mut(stride).skip(1);
    let mut above = voxels.get(..sx).unwrap_or(&[]);
    for (lines, row) in lines.zip(voxels.chunks_exact(sx)) {
        for ((lines, voxel), above) in lines.iter_mut().zip(row).zip(above) {
            *lines = if voxel == above { 0 } else { UP };
        }
        for (lines, pair) in lines[1..].iter_mut().zip(row.windows(2)) {
            *lines |= if pair[0] == pair[1] { 0 } else { LEFT };
        }
        above = row;
    }
}
