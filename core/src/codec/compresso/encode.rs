//! Voxels to bytes.

use super::super::{ChunkSpec, CodecError};
use super::boundaries::Boundaries;
use super::components::Components;
use super::header::{Connectivity, Header, Layout, MAX_AXIS, Version, put};
use super::{locations, windows};

/// The steps with which the windows of any chunk can be numbered.
const STEPS_OF_LAST_RESORT: [usize; 3] = [8, 8, 1];

/// Encodes a chunk. Where the layout's windows have too many values to number, the steps are 8,8,1.
///
/// # Errors
/// [`CodecError::Unencodable`] if it has an axis longer than 65535 or several channels.
pub(super) fn encode(
    voxels: &[u8],
    spec: &ChunkSpec,
    layout: Layout,
) -> Result<Vec<u8>, CodecError> {
    let [x, y, z, channels] = spec.shape;
    let shape = [x, y, z];
    if channels != 1 {
        let what = format!("it has {channels} channels, but compresso holds one; use raw");
        return Err(CodecError::unencodable(what));
    }
    if shape.iter().any(|&axis| axis > MAX_AXIS) {
        let what = format!(
            "its shape is {x}x{y}x{z}, but compresso holds at most {MAX_AXIS} voxels along an axis; use smaller chunks"
        );
        return Err(CodecError::unencodable(what));
    }
    let expected = spec.voxel_bytes();
    if voxels.len() != expected {
        return Err(CodecError::WrongLength { expected, found: voxels.len() });
    }
    if voxels.is_empty() {
        // What the package writes of an empty array.
        let layout = Layout { version: Version::V0, ..layout };
        let label_bytes = spec.data_type.size();
        let header = Header { layout, label_bytes, shape, ids: 0, values: 0, locations: 0 };
        let mut out = Vec::new();
        header.write(&mut out)?;
        return Ok(out);
    }
    match spec.data_type.size() {
        1 => encode_as::<1>(voxels, shape, layout),
        2 => encode_as::<2>(voxels, shape, layout),
        4 => encode_as::<4>(voxels, shape, layout),
        _ => encode_as::<8>(voxels, shape, layout),
    }
}

fn encode_as<const N: usize>(
    voxels: &[u8],
    shape: [usize; 3],
    mut layout: Layout,
) -> Result<Vec<u8>, CodecError> {
    let labels = voxels.as_chunks::<N>().0;
    let boundaries = mark_boundaries(labels, shape, layout.connectivity);
    let windows = match windows::Encoded::new(&boundaries, &layout) {
        Some(windows) => windows,
        None => {
            layout.steps = STEPS_OF_LAST_RESORT;
            windows::Encoded::new(&boundaries, &layout).ok_or_else(|| {
                CodecError::unencodable("it has too many windows; use smaller chunks")
            })?
        }
    };
    let (ids, ids_of_slices) = component_labels(labels, &boundaries, layout.connectivity);
    let locations = locations::Encoded::new(labels, &boundaries, &layout);
    let header = Header {
        layout,
        label_bytes: N,
        shape,
        ids: ids.len(),
        values: windows.values.len(),
        locations: locations.codes.len(),
    };
    let window_bytes = layout.window_bytes();
    let words = windows.values.len() + windows.codes.len();
    let numbers = ids.len() + locations.codes.len();
    let mut out = Vec::with_capacity(
        super::header::LEN + words * window_bytes + numbers * N + header.index_len(),
    );
    header.write(&mut out)?;
    out.extend_from_slice(ids.as_flattened());
    put_windows(&windows.values, window_bytes, &mut out);
    out.extend_from_slice(locations.codes.as_flattened());
    put_windows(&windows.codes, window_bytes, &mut out);
    if layout.version == Version::V1 {
        put_index(&header, &ids_of_slices, &locations.starts, &mut out)?;
    }
    Ok(out)
}

fn mark_boundaries<const N: usize>(
    labels: &[[u8; N]],
    shape: [usize; 3],
    connectivity: Connectivity,
) -> Boundaries {
    let [sx, sy, sz] = shape;
    let mut boundaries = Boundaries::none(shape);
    let row = |y, z| &labels[sx * (y + sy * z)..][..sx];
    for (y, z) in (0..sz).flat_map(|z| (0..sy).map(move |y| (y, z))) {
        let this = row(y, z);
        let bits = boundaries.row_mut(y, z);
        mark(bits, this, this.get(1..).unwrap_or_default());
        if y + 1 < sy {
            mark(bits, this, row(y + 1, z));
        }
        if connectivity == Connectivity::Six && z + 1 < sz {
            mark(bits, this, row(y, z + 1));
        }
    }
    boundaries
}

/// Sets the bits of the voxels that differ from their partner, as far as there are partners.
fn mark<const N: usize>(bits: &mut [u64], voxels: &[[u8; N]], partners: &[[u8; N]]) {
    for (word, (voxels, partners)) in
        bits.iter_mut().zip(voxels.chunks(64).zip(partners.chunks(64)))
    {
        let pairs = voxels.iter().zip(partners).enumerate();
        *word |= pairs.fold(0, |bits, (place, (a, b))| bits | u64::from(a != b) << place);
    }
}

/// The label of each component, and how many components begin in each slice.
fn component_labels<const N: usize>(
    labels: &[[u8; N]],
    boundaries: &Boundaries,
    connectivity: Connectivity,
) -> (Vec<[u8; N]>, Vec<usize>) {
    let [sx, sy, sz] = boundaries.shape();
    let depth = match connectivity {
        Connectivity::Four => 1,
        Connectivity::Six => sz,
    };
    let mut components = Components::default();
    let (mut ids, mut ids_of_slices) = (Vec::new(), vec![0; sz]);
    for begin in (0..sz).step_by(depth) {
        let before = ids.len();
        components.find(boundaries, begin..begin + depth, connectivity);
        for (row, runs) in components.rows().enumerate() {
            let first = sx * (row + sy * begin);
            for run in runs.iter() {
                // They are numbered in this order.
                if before + run.component == ids.len() {
                    ids.push(labels[first + run.start]);
                    ids_of_slices[begin + row / sy] += 1;
                }
            }
        }
    }
    (ids, ids_of_slices)
}

fn put_windows(numbers: &[u64], width: usize, out: &mut Vec<u8>) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes()[..width]);
    }
}

fn put_index(
    header: &Header,
    ids_of_slices: &[usize],
    location_starts: &[usize],
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let width = header.index_bytes();
    for &ids in ids_of_slices {
        put(out, ids, width)?;
    }
    let mut before = 0;
    for &start in location_starts {
        put(out, start - before, width)?;
        before = start;
    }
    Ok(())
}
