//! The header, and where the sections after it lie.

use super::super::{ChunkSpec, CodecError};
use super::number;

/// Bytes of the header.
pub(super) const LEN: usize = 36;
/// The longest axis that a header can tell.
pub(super) const MAX_AXIS: usize = 65_535;
const MAGIC: [u8; 4] = *b"cpso";

/// The version of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// No index; locations may refer to other slices.
    V0,
    /// An index at the end, and slices that stand alone (if 4-connected).
    V1,
}

/// Which voxels make up a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connectivity {
    /// Those that touch in x or y.
    Four,
    /// Those that touch in x, y or z.
    Six,
}

/// What a writer may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) version: Version,
    /// Neuroglancer does not read version 1 with [`Connectivity::Six`], and the package reads but
    /// does not write it.
    pub(super) connectivity: Connectivity,
    /// The shape of a window in voxels, at most 64 in all.
    pub(super) steps: [usize; 3],
}

impl Default for Layout {
    /// What CloudVolume writes.
    fn default() -> Self {
        Self { version: Version::V1, connectivity: Connectivity::Four, steps: [4, 4, 1] }
    }
}

impl Layout {
    /// Bytes of a window.
    pub(super) fn window_bytes(&self) -> usize {
        match self.steps.iter().product() {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            _ => 8,
        }
    }

    /// Windows along each axis.
    pub(super) fn grid(&self, shape: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|axis| shape[axis].div_ceil(self.steps[axis]))
    }

    /// Whether the index leads to slices that can be decoded alone.
    pub(super) fn has_random_access(&self) -> bool {
        self.version == Version::V1 && self.connectivity == Connectivity::Four
    }
}

/// What the first bytes of a stream tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) label_bytes: usize,
    pub(super) shape: [usize; 3],
    pub(super) ids: usize,
    pub(super) values: usize,
    pub(super) locations: usize,
}

/// The sections after the header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sections<'a> {
    pub(super) ids: &'a [u8],
    pub(super) values: &'a [u8],
    pub(super) locations: &'a [u8],
    pub(super) windows: &'a [u8],
    /// Empty in version 0.
    pub(super) index: &'a [u8],
}

impl Header {
    /// Reads a header, which must be that of a chunk of this shape and type.
    ///
    /// # Errors
    /// [`CodecError::Corrupt`] if it is not.
    pub(super) fn read(encoded: &[u8], spec: &ChunkSpec) -> Result<Self, CodecError> {
        let Some(bytes) = encoded.first_chunk::<LEN>() else {
            let found = encoded.len();
            return Err(CodecError::corrupt(format!("it has {found} bytes, its header has {LEN}")));
        };
        if !bytes.starts_with(&MAGIC) {
            let found = bytes[..4].escape_ascii();
            return Err(CodecError::corrupt(format!("it begins with `{found}`, not with `cpso`")));
        }
        let label_bytes = usize::from(bytes[5]);
        let shape = [axis(bytes, 6), axis(bytes, 8), axis(bytes, 10)];
        check_shape(label_bytes, shape, spec)?;
        let layout = read_layout(bytes)?;
        let voxels = spec.values();
        let blocks = layout.grid(shape).iter().fold(1_usize, |all, &one| all.saturating_mul(one));
        Ok(Self {
            layout,
            label_bytes,
            shape,
            ids: count(&bytes[15..23], voxels, "labels")?,
            values: count(&bytes[23..27], blocks, "values")?,
            locations: count(&bytes[27..35], voxels.saturating_mul(2), "locations")?,
        })
    }

    /// Appends the header.
    ///
    /// # Errors
    /// [`CodecError::Unencodable`] if an axis or a count does not fit.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let Layout { version, connectivity, steps } = self.layout;
        out.extend(MAGIC);
        out.push(u8::from(version == Version::V1));
        put(out, self.label_bytes, 1)?;
        for axis in self.shape {
            put(out, axis, 2)?;
        }
        for step in steps {
            put(out, step, 1)?;
        }
        put(out, self.ids, 8)?;
        put(out, self.values, 4)?;
        put(out, self.locations, 8)?;
        out.push(if connectivity == Connectivity::Six { 6 } else { 4 });
        Ok(())
    }

    /// Cuts a stream, which begins with this header, into its sections.
    ///
    /// # Errors
    /// [`CodecError::Corrupt`] if the stream is shorter than the header says.
    pub(super) fn sections<'a>(&self, encoded: &'a [u8]) -> Result<Sections<'a>, CodecError> {
        let mut rest = encoded.get(LEN..).unwrap_or_default();
        let mut cut = |count: usize, width: usize| {
            let (section, after) = rest.split_at_checked(count.checked_mul(width)?)?;
            rest = after;
            Some(section)
        };
        let ids = cut(self.ids, self.label_bytes);
        let values = cut(self.values, self.layout.window_bytes());
        let locations = cut(self.locations, self.label_bytes);
        let tail = rest.len().checked_sub(self.index_len());
        let parts = (ids, values, locations, tail.and_then(|at| rest.split_at_checked(at)));
        let (Some(ids), Some(values), Some(locations), Some((windows, index))) = parts else {
            let found = encoded.len();
            let what = format!("it ends after {found} bytes, before the sections its header tells");
            return Err(CodecError::corrupt(what));
        };
        Ok(Sections { ids, values, locations, windows, index })
    }

    /// Bytes of the index.
    pub(super) fn index_len(&self) -> usize {
        match self.layout.version {
            Version::V0 => 0,
            Version::V1 => 2 * self.shape[2] * self.index_bytes(),
        }
    }

    /// Bytes of a number in the index.
    pub(super) fn index_bytes(&self) -> usize {
        // The most locations that a slice can have; axes are below 2^16.
        let most = self.shape[..2]
            .iter()
            .fold(2_u64, |all, &axis| all.saturating_mul(u64::try_from(axis).unwrap_or(u64::MAX)));
        match most {
            0..0xff => 1,
            0xff..0xffff => 2,
            0xffff..0xffff_ffff => 4,
            _ => 8,
        }
    }
}

/// Appends a number in `width` bytes.
///
/// # Errors
/// [`CodecError::Unencodable`] if it does not fit.
pub(super) fn put(out: &mut Vec<u8>, number: usize, width: usize) -> Result<(), CodecError> {
    let bytes = u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes();
    let (low, high) = bytes.split_at(width);
    if high.iter().any(|&byte| byte != 0) {
        let what = format!("a count of {number} does not fit {width} bytes; use smaller chunks");
        return Err(CodecError::unencodable(what));
    }
    out.extend_from_slice(low);
    Ok(())
}

fn axis(bytes: &[u8; LEN], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn check_shape(label_bytes: usize, shape: [usize; 3], spec: &ChunkSpec) -> Result<(), CodecError> {
    let [x, y, z] = shape;
    let [want_x, want_y, want_z, channels] = spec.shape;
    let want_bytes = spec.data_type.size();
    if label_bytes == want_bytes && [x, y, z, 1] == spec.shape {
        return Ok(());
    }
    Err(CodecError::corrupt(format!(
        "its header tells {x}x{y}x{z}x1 voxels of {label_bytes} bytes, but the chunk has \
         {want_x}x{want_y}x{want_z}x{channels} of {want_bytes}"
    )))
}

fn read_layout(bytes: &[u8; LEN]) -> Result<Layout, CodecError> {
    let version = match bytes[4] {
        0 => Version::V0,
        1 => Version::V1,
        found => {
            let what = format!("its header tells version {found}, not 0 or 1");
            return Err(CodecError::corrupt(what));
        }
    };
    let connectivity = match bytes[35] {
        4 => Connectivity::Four,
        6 => Connectivity::Six,
        found => {
            let what = format!("its header tells connectivity {found}, not 4 or 6");
            return Err(CodecError::corrupt(what));
        }
    };
    let steps = [bytes[12], bytes[13], bytes[14]].map(usize::from);
    if !(1..=64).contains(&steps.iter().product::<usize>()) {
        let [x, y, z] = steps;
        let what = format!("its header tells windows of {x}x{y}x{z} voxels, not of 1 to 64");
        return Err(CodecError::corrupt(what));
    }
    Ok(Layout { version, connectivity, steps })
}

/// A count of the header, checked before anything is sized by it.
fn count(bytes: &[u8], most: usize, what: &str) -> Result<usize, CodecError> {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let found = u64::from_le_bytes(wide);
    match usize::try_from(found) {
        Ok(count) if count <= most => Ok(count),
        _ => Err(CodecError::corrupt(format!(
            "its header tells {found} {what}, but a chunk of its shape has at most {most}"
        ))),
    }
}

/// A number of the index.
pub(super) fn index_number(bytes: &[u8]) -> Option<usize> {
    let found = match *bytes {
        [a] => number(&[a]),
        [a, b] => number(&[a, b]),
        [a, b, c, d] => number(&[a, b, c, d]),
        _ => number(bytes.first_chunk::<8>()?),
    };
    usize::try_from(found).ok()
}
