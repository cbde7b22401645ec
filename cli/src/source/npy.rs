//! numpy's `.npy`, plain or in gzip.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::SourceError;
use super::axes::Axes;
use super::bytes::{Bytes, FileBytes};
use super::folder::has_extension;
use super::gzip::{GzipStream, Rest, unpack};
use super::layout::Layout;
use super::npy_header::NpyHeader;
use super::open::SourceOptions;
use super::strided::Strided;
use super::window::Window;

pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Strided, SourceError> {
    let packed = has_extension(path, &["gz"]);
    let header = if packed {
        NpyHeader::read(path, &mut unpack(path)?)?
    } else {
        let file = File::open(path).map_err(SourceError::io("open", path))?;
        NpyHeader::read(path, &mut BufReader::new(file))?
    };
    let shape = &header.shape;
    if !(2..=4).contains(&shape.len()) {
        return Err(SourceError::unsupported(
            path,
            format!("it has {} dimensions {shape:?}", shape.len()),
            "reshape the array to 2, 3 or 4",
        ));
    }
    let axes = options.axes.clone().unwrap_or_else(|| Axes::x_first(shape.len()));
    let mut dimensions = axes.pair(path, shape)?;
    if header.fortran {
        dimensions.reverse();
    }
    let layout = Layout::new(path, header.data_type, header.big_endian, &dimensions)?;
    let bytes: Box<dyn Bytes> = if packed {
        let stream = GzipStream::new(path, header.len, layout.len, Rest::Ignored)?;
        Box::new(Window::new(stream, path, layout.len, 1, options.memory / 2))
    } else {
        let file = File::open(path).map_err(SourceError::io("open", path))?;
        Box::new(FileBytes::new(path, file, header.len, layout.len)?)
    };
    let order = if header.fortran { "Fortran" } else { "C" };
    let ends = if header.big_endian && layout.item() > 1 { ", big-endian" } else { "" };
    let packed = if packed { " in gzip" } else { "" };
    Ok(Strided {
        layout,
        bytes,
        resolution: None,
        description: format!("npy{packed}, {order} order{ends}, axes {axes}"),
        memory: options.memory,
    })
}
