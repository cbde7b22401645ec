//! Decoding slices of a stream.

use std::ops::Range;

use super::components::number_regions;
use super::cracks::Cracks;
use super::labels::Labels;
use super::markov::Model;
use super::sections::Stream;
use super::walk;
use crate::codec::{ChunkSpec, CodecError};

/// Decodes the slices of a chunk, which lie in it, to exactly their voxels.
pub(super) fn decode(
    encoded: &[u8],
    spec: &ChunkSpec,
    slices: Range<usize>,
    voxels: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let stream = Stream::read(encoded, spec)?;
    let header = &stream.header;
    let mut labels = Labels::read(stream.labels, header)?;
    let [sx, sy, ..] = spec.shape;
    let slice_bytes = sx * sy * header.width;
    voxels.resize(slice_bytes * slices.len(), 0);
    if let Some(label) = labels.only() {
        fill(label, header.width, voxels);
        return Ok(());
    }

    let model = Model::read(stream.model, header.markov_order)?;
    let mut cracks = Cracks::new(sx, sy)?;
    let mut regions = vec![0; sx * sy];
    let mut parents = Vec::new();
    let mut palette = Vec::new();
    for (z, out) in slices.zip(voxels.chunks_exact_mut(slice_bytes)) {
        cracks.clear();
        walk::draw(stream.code(z), model.as_ref(), &mut cracks)?;
        cracks.make_walls(header.permissible)?;
        let count = number_regions(&cracks, &mut regions, &mut parents);
        stream.check_regions(z, &regions)?;
        labels.of_slice(z, &regions, count, &mut palette)?;
        paint(&regions, &palette, header.width, out);
    }
    Ok(())
}

fn fill(label: u64, width: usize, out: &mut [u8]) {
    let label = label.to_le_bytes();
    for voxel in out.chunks_exact_mut(width) {
        voxel.copy_from_slice(&label[..width]);
    }
}

/// Gives each voxel the label of its region.
fn paint(regions: &[u32], palette: &[u64], width: usize, out: &mut [u8]) {
    match width {
        1 => paint_voxels::<1>(regions, palette, out),
        2 => paint_voxels::<2>(regions, palette, out),
        4 => paint_voxels::<4>(regions, palette, out),
        _ => paint_voxels::<8>(regions, palette, out),
    }
}

fn paint_voxels<const WIDTH: usize>(regions: &[u32], palette: &[u64], out: &mut [u8]) {
    let (voxels, _) = out.as_chunks_mut::<WIDTH>();
    for (voxel, &region) in voxels.iter_mut().zip(regions) {
        voxel.copy_from_slice(&palette[region as usize].to_le_bytes()[..WIDTH]);
    }
}
