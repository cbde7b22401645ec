//! NIfTI-1 images in one file, plain or in gzip.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use bigarrays::info::DataType;
use nifti::{Endianness, NiftiHeader, NiftiType, Unit};

use super::SourceError;
use super::axes::Axes;
use super::bytes::{Bytes, FileBytes};
use super::folder::has_extension;
use super::gzip::{GzipStream, Rest, unpack};
use super::layout::Layout;
use super::open::SourceOptions;
use super::strided::Strided;
use super::window::Window;

/// The length of a NIfTI-1 header, and of NIfTI-2's, which both begin with it.
const HEADER: usize = 348;
const HEADER_2: i32 = 540;
/// The earliest place of the voxels: after the header and the four bytes that announce extensions.
const EARLIEST: u64 = 352;

pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Strided, SourceError> {
    let packed = has_extension(path, &["gz"]);
    let header = if packed {
        read_header(path, &mut unpack(path)?)?
    } else {
        read_header(path, &mut File::open(path).map_err(SourceError::io("open", path))?)?
    };
    let data_type = data_type(path, &header)?;
    let shape = shape(path, &header)?;
    let axes = options.axes.clone().unwrap_or_else(|| Axes::x_first(shape.len()));
    let mut dimensions = axes.pair(path, &shape)?;
    dimensions.reverse();
    let big_endian = header.endianness == Endianness::Big;
    let layout = Layout::new(path, data_type, big_endian, &dimensions)?;
    let start = first_voxel(path, &header)?;
    let bytes: Box<dyn Bytes> = if packed {
        let stream = GzipStream::new(path, start, layout.len, Rest::Ignored)?;
        Box::new(Window::new(stream, path, layout.len, 1, options.memory / 2))
    } else {
        let file = File::open(path).map_err(SourceError::io("open", path))?;
        Box::new(FileBytes::new(path, file, start, layout.len)?)
    };
    Ok(Strided {
        layout,
        bytes,
        resolution: resolution(&header, &axes),
        description: describe(&header, &axes, packed),
        memory: options.memory,
    })
}

fn read_header(path: &Path, file: &mut dyn Read) -> Result<NiftiHeader, SourceError> {
    let malformed = |reason: String| SourceError::malformed(path, "NIfTI", reason);
    let mut bytes = [0; HEADER];
    match file.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(malformed("it ends within the header".to_owned()));
        }
        Err(error) => return Err(SourceError::io("read", path)(error)),
    }
    let length = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if [i32::from_le_bytes(length), i32::from_be_bytes(length)].contains(&HEADER_2) {
        return Err(SourceError::unsupported(path, "it is NIfTI-2", "save it as NIfTI-1"));
    }
    let header =
        NiftiHeader::from_reader(&bytes[..]).map_err(|error| malformed(error.to_string()))?;
    if header.magic == *b"ni1\0" {
        return Err(SourceError::unsupported(
            path,
            "its voxels are in another file (.img)",
            "save it as a single .nii file",
        ));
    }
    Ok(header)
}

fn data_type(path: &Path, header: &NiftiHeader) -> Result<DataType, SourceError> {
    match header.data_type() {
        Ok(NiftiType::Uint8) => Ok(DataType::Uint8),
        Ok(NiftiType::Int8) => Ok(DataType::Int8),
        Ok(NiftiType::Uint16) => Ok(DataType::Uint16),
        Ok(NiftiType::Int16) => Ok(DataType::Int16),
        Ok(NiftiType::Uint32) => Ok(DataType::Uint32),
        Ok(NiftiType::Int32) => Ok(DataType::Int32),
        Ok(NiftiType::Uint64) => Ok(DataType::Uint64),
        Ok(NiftiType::Int64) => Ok(DataType::Int64),
        Ok(NiftiType::Float32) => Ok(DataType::Float32),
        Ok(NiftiType::Float64) => Ok(DataType::Float64),
        Ok(other) => Err(SourceError::unsupported(
            path,
            format!("its voxels are {other:?}"),
            "convert it to an integer or float type",
        )),
        Err(_) => Err(SourceError::malformed(
            path,
            "NIfTI",
            format!("datatype {} is not known", header.datatype),
        )),
    }
}

/// Three dimensions, and the fourth if it has several elements: dimensions of one beyond the
/// third do not count, wherever they stand.
fn shape(path: &Path, header: &NiftiHeader) -> Result<Vec<u64>, SourceError> {
    let dim =
        header.dim().map_err(|error| SourceError::malformed(path, "NIfTI", error.to_string()))?;
    let mut shape: Vec<u64> = dim.iter().map(|&size| u64::from(size)).collect();
    while shape.len() < 3 {
        shape.push(1);
    }
    let several = shape.split_off(3).into_iter().filter(|&size| size != 1);
    shape.extend(several);
    if shape.len() > 4 {
        return Err(SourceError::unsupported(
            path,
            format!("it has {} dimensions {shape:?}", shape.len()),
            "split it into files of 4 at most",
        ));
    }
    Ok(shape)
}

/// Where the voxels begin; 0 stands for the earliest place.
fn first_voxel(path: &Path, header: &NiftiHeader) -> Result<u64, SourceError> {
    let offset = header.vox_offset;
    let wrong = || SourceError::malformed(path, "NIfTI", format!("its vox_offset is {offset}"));
    if offset == 0.0 {
        return Ok(EARLIEST);
    }
    // A text of digits is the only exact way from a float to an integer.
    let start: u64 = offset.to_string().parse().map_err(|_| wrong())?;
    if start < EARLIEST { Err(wrong()) } else { Ok(start) }
}

/// Nanometres per voxel along x, y and z. A file that names no unit means millimetres, as every
/// reader of the format takes it.
fn resolution(header: &NiftiHeader, axes: &Axes) -> Option<[f64; 3]> {
    let nanometres = match header.xyzt_to_space() {
        Ok(Unit::Meter) => 1e9,
        Ok(Unit::Mm | Unit::Unknown) => 1e6,
        Ok(Unit::Micron) => 1e3,
        _ => return None,
    };
    let mut resolution = [1.0; 3];
    for (dimension, axis) in axes.spatial() {
        let pixdim = *header.pixdim.get(dimension + 1)?;
        // A float has seven digits; what comes after them would only be noise.
        let size: f64 = format!("{pixdim:.6e}").parse().ok()?;
        let size: f64 = format!("{:.6e}", size * nanometres).parse().ok()?;
        if !(size.is_finite() && size > 0.0) {
            return None;
        }
        *resolution.get_mut(axis)? = size;
    }
    Some(resolution)
}

fn describe(header: &NiftiHeader, axes: &Axes, packed: bool) -> String {
    let packed = if packed { " in gzip" } else { "" };
    let mut text = format!("NIfTI{packed}, axes {axes}");
    if header.endianness == Endianness::Big {
        text.push_str(", big-endian");
    }
    if resolution(header, axes).is_none() {
        text.push_str(", without a size of voxels");
    } else if matches!(header.xyzt_to_space(), Ok(Unit::Unknown)) {
        text.push_str(", voxel size without a unit, taken as millimetres");
    }
    let (slope, inter) = (header.scl_slope, header.scl_inter);
    // A slope of 0, or one that is not a number, means that there is no scaling.
    if slope.is_finite() && slope != 0.0 && (slope != 1.0 || inter != 0.0) {
        text.push_str(&format!(
            "; warning: the stored values are taken as they are, not scaled as the file asks \
             (scl_slope {slope}, scl_inter {inter})"
        ));
    }
    text
}
