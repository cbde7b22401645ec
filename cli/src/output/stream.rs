//! A box of any size to a file, in pieces that fit in memory.
//!
//! `.npy`, `.nii` and `.raw` are a row of voxels, so each piece goes where it belongs in the file, and
//! what is all zeros is not written at all: a box of little data is a file of little more. Other
//! formats take pages, or what comes first first.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use bigarrays::DynArray;
use bigarrays::info::DataType;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::format::{Format, STDOUT};
use super::pages::{Pages, Read};
use super::replace::{Out, replace};
use super::write::npy;
use super::{OutputError, folder, nifti, tiff};
use crate::error::CliError;
use crate::source::{Shape, Tile, tiles_of};
use crate::volume;

/// Zeros are looked for, and left out, in blocks of so many bytes: some of a file system's.
const BLOCK: usize = 1 << 16;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// A box of voxels that is to become a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The type of the voxels.
    pub(crate) data_type: DataType,
    /// `[x, y, z, c]`.
    pub(crate) size: [u64; 4],
    /// The channels that are read.
    pub(crate) channels: u64,
    /// The only one of them that is wanted.
    pub(crate) channel: Option<usize>,
    /// The volume's chunks, which are better read whole.
    pub(crate) chunk: [u64; 3],
    /// Where in the box their borders lie, as a distance from its first voxel.
    pub(crate) phase: [u64; 3],
    /// Bytes for voxels: half of them for a piece.
    pub(crate) memory: u64,
    /// Nanometres of a voxel.
    pub(crate) resolution: [f64; 3],
    /// The first voxel of the box in the volume.
    pub(crate) corner: [f64; 3],
}

impl Wanted {
    /// Bytes of all voxels.
    fn bytes(&self) -> u128 {
        let extents = self.size.map(u128::from).into_iter();
        extents.fold(self.data_type.size() as u128, u128::saturating_mul)
    }

    /// What is read, piece by piece.
    pub(super) fn shape(&self) -> Shape {
        let [x, y, z, _] = self.size;
        let size = [x, y, z, self.channels];
        Shape { size, item: self.data_type.size() as u64, order: [2, 1, 0] }
    }

    /// The part of some voxels that is wanted: channels are planes, one after another.
    pub(crate) fn channel<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let planes = usize::try_from(self.channels).unwrap_or(usize::MAX).max(1);
        let plane = bytes.len() / planes;
        let of = |channel: usize| bytes.get(channel * plane..(channel + 1) * plane);
        self.channel.map_or(bytes, |channel| of(channel).unwrap_or_default())
    }

    /// Where a voxel lies among the bytes of all.
    fn place(&self, [x, y, z]: [u64; 3], channel: u64) -> u64 {
        let [nx, ny, nz, _] = self.size;
        (x + nx * (y + ny * (z + nz * channel))) * self.data_type.size() as u64
    }

    /// The bytes of a piece that lie together in the file, and where they belong there.
    fn runs<'a>(&self, tile: &Tile, bytes: &'a [u8]) -> impl Iterator<Item = (u64, &'a [u8])> {
        let [x, y, z] = tile.shape();
        let whole = |axis: usize, len: u64| len == self.size[axis];
        // A run is a row, or a plane of whole rows, or whole planes.
        let (rows, planes) = match (whole(0, x), whole(1, y)) {
            (true, true) => (y, z),
            (true, false) => (y, 1),
            _ => (1, 1),
        };
        let [steps_y, steps_z] =
            [(y, rows), (z, planes)].map(|(len, step)| len.div_ceil(step.max(1)));
        let wanted = *self;
        let min = tile.min;
        let item = self.data_type.size() as u64;
        let len = usize::try_from(x * rows * planes * item).unwrap_or(usize::MAX).max(1);
        let corners = (0..self.size[3]).flat_map(move |channel| {
            (0..steps_z).flat_map(move |k| {
                (0..steps_y).map(move |j| {
                    let at = [min[0], min[1] + j * rows, min[2] + k * planes];
                    wanted.place(at, channel)
                })
            })
        });
        corners.zip(bytes.chunks_exact(len))
    }
}

/// Says whether a box can be written to such a file with so much memory.
///
/// # Errors
/// [`OutputError::TooLarge`].
pub(crate) fn check_size(path: &Path, wanted: &Wanted) -> Result<(), OutputError> {
    let bytes = wanted.bytes();
    let is_streamed = is_streamed(path)?;
    if is_streamed && i64::try_from(bytes).is_ok() {
        return Ok(());
    }
    if !is_streamed && bytes <= wanted.memory.into() {
        return Ok(());
    }
    let advice = match is_streamed {
        true => "choose a smaller box".to_owned(),
        false => format!(
            "such a file is made in memory as a whole, and --memory allows {}; give more, choose a smaller box, or write .tif or .npy, which need no more for any size",
            volume::bytes(wanted.memory.into()),
        ),
    };
    Err(OutputError::TooLarge { path: path.to_owned(), size: volume::bytes(bytes), advice })
}

/// Whether a file with this name is written in pieces.
pub(crate) fn is_streamed(path: &Path) -> Result<bool, OutputError> {
    Ok(Format::of(path)? != Format::Png)
}

/// Writes a box piece by piece, as `read` gives them, with all channels; `None` is a piece of
/// zeros.
///
/// # Errors
/// Of `read`, and of the system. Then the file is as it was before.
pub(crate) fn stream(
    path: &Path,
    wanted: &Wanted,
    mut read: impl FnMut(&Tile) -> Result<Option<DynArray>, CliError>,
) -> Result<(), CliError> {
    let header = match Format::of(path)? {
        Format::Npy => {
            npy::header(wanted.data_type, wanted.size).map_err(OutputError::io("write", path))?
        }
        Format::Nifti { gzip: false } => nifti::header(wanted),
        Format::Nifti { gzip: true } => {
            return replaced(path, |out| {
                let mut gzip = GzEncoder::new(out, Compression::default());
                in_order(path, &mut gzip, &nifti::header(wanted), wanted, &mut read)?;
                gzip.finish().map_err(OutputError::io("write", path))?;
                Ok(())
            });
        }
        Format::Tiff => {
            let mut pages = Pages::new(*wanted, &mut read);
            return replaced(path, |out| tiff::encode_pages(path, wanted, out, &mut pages));
        }
        Format::Folder => return folder::save(path, wanted, Pages::new(*wanted, &mut read)),
        #[cfg(feature = "hdf5")]
        Format::Hdf5 => return super::hdf5::save(path, wanted, &mut read),
        _ => Vec::new(),
    };
    if path == Path::new(STDOUT) {
        let name = Path::new("standard output");
        return in_order(name, &mut io::stdout().lock(), &header, wanted, &mut read);
    }
    replaced(path, |out| {
        let failed = OutputError::io("write", path);
        let mut file = Sparse { file: out.get_mut(), begin: header.len() as u64 };
        let laid_out = file.lay_out(&header, u64::try_from(wanted.bytes()).unwrap_or(u64::MAX));
        laid_out.map_err(failed)?;
        for tile in tiles_of(wanted.shape(), wanted.chunk, wanted.phase, wanted.memory) {
            let Some(voxels) = read(&tile)? else { continue };
            for (at, run) in wanted.runs(&tile, wanted.channel(&voxels.fortran_bytes())) {
                file.write(at, run).map_err(OutputError::io("write", path))?;
            }
        }
        Ok(())
    })
}

/// Replaces a file by what `encode` writes, unless it fails, in whatever way.
fn replaced(
    path: &Path,
    encode: impl FnOnce(&mut Out<'_>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut failure = None;
    let written = replace(path, |out| {
        encode(out).map_err(|error| {
            failure = Some(error);
            // Nobody sees this one: it only keeps the file from being put in its place.
            OutputError::io("write", path)(io::ErrorKind::Interrupted.into())
        })
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(written?),
    }
}

/// Writes what comes first in the file first, for what cannot go back.
fn in_order(
    name: &Path,
    out: &mut dyn Write,
    header: &[u8],
    wanted: &Wanted,
    read: Read<'_>,
) -> Result<(), CliError> {
    let failed = || OutputError::io("write", name);
    out.write_all(header).map_err(failed())?;
    let [nx, ny, _, channels] = wanted.size;
    let plane = [nx, ny, wanted.chunk[2], wanted.channels, wanted.data_type.size() as u64];
    // Whole planes as thick as a chunk, if they fit: then no chunk is read twice.
    let is_thick = plane.into_iter().fold(1, u64::saturating_mul) <= wanted.memory / 2;
    let (chunk, phase) = match is_thick {
        true => ([1, 1, wanted.chunk[2]], [0, 0, wanted.phase[2]]),
        false => ([1; 3], [0; 3]),
    };
    // Planes of channels lie one after another: with several, each is read for itself.
    for channel in 0..channels {
        for tile in tiles_of(wanted.shape(), chunk, phase, wanted.memory) {
            let [x, y, z] = tile.shape();
            let len: u64 = [x, y, z, wanted.data_type.size() as u64].into_iter().product();
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            match read(&tile)? {
                Some(voxels) => {
                    let bytes = voxels.fortran_bytes();
                    let bytes = wanted.channel(&bytes);
                    let from = usize::try_from(channel).unwrap_or(usize::MAX).saturating_mul(len);
                    let bytes = bytes.get(from..from.saturating_add(len)).unwrap_or_default();
                    out.write_all(bytes).map_err(failed())?;
                }
                None => write_zeros(out, len).map_err(failed())?,
            }
        }
    }
    Ok(out.flush().map_err(failed())?)
}

fn write_zeros(out: &mut dyn Write, len: usize) -> io::Result<()> {
    let mut left = len;
    while left > 0 {
        let part = left.min(BLOCK);
        out.write_all(&ZEROS[..part])?;
        left -= part;
    }
    Ok(())
}

/// A new file whose zeros are holes.
struct Sparse<'a> {
    file: &'a mut File,
    /// Where the voxels begin.
    begin: u64,
}

impl Sparse<'_> {
    /// Writes the header, and makes the file as long as it will be.
    fn lay_out(&mut self, header: &[u8], voxels: u64) -> io::Result<()> {
        self.file.set_len(self.begin.saturating_add(voxels))?;
        self.file.write_all(header)
    }

    fn write(&mut self, at: u64, run: &[u8]) -> io::Result<()> {
        let mut at = self.begin + at;
        for block in run.chunks(BLOCK) {
            // Blocks are compared as a whole, which is fast in every build.
            if *block != ZEROS[..block.len()] {
                self.file.seek(SeekFrom::Start(at))?;
                self.file.write_all(block)?;
            }
            at += block.len() as u64;
        }
        Ok(())
    }
}
