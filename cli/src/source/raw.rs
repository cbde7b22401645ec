//! Bytes without a header: `--size` and `--dtype` say what they are.
//!
//! Values are little-endian, the first number of the size varies fastest. `--axes` names the
//! numbers of the size in the order in which they are given.

use std::fs::File;
use std::path::Path;

use bigarrays::info::DataType;

use super::SourceError;
use super::axes::Axes;
use super::bytes::{Bytes, FileBytes};
use super::folder::has_extension;
use super::gzip::{GzipStream, Rest};
use super::layout::Layout;
use super::open::SourceOptions;
use super::strided::Strided;
use super::window::Window;

pub(super) fn open(
    path: &Path,
    options: &SourceOptions,
    size: &[u64],
    data_type: DataType,
) -> Result<Strided, SourceError> {
    let axes = options.axes.clone().unwrap_or_else(|| Axes::x_first(size.len()));
    let mut dimensions = axes.pair(path, size)?;
    dimensions.reverse();
    let layout = Layout::new(path, data_type, false, &dimensions)?;
    let bytes: Box<dyn Bytes> = if has_extension(path, &["gz"]) {
        let stream = GzipStream::new(path, 0, layout.len, Rest::Refused)?;
        Box::new(Window::new(stream, path, layout.len, 1, options.memory / 2))
    } else {
        let file = File::open(path).map_err(SourceError::io("open", path))?;
        let found = file.metadata().map_err(SourceError::io("read", path))?.len();
        if found != layout.len {
            return Err(SourceError::RawLength {
                path: path.to_owned(),
                size: size.to_vec(),
                data_type,
                expected: layout.len,
                found,
            });
        }
        Box::new(FileBytes::new(path, file, 0, layout.len)?)
    };
    Ok(Strided {
        layout,
        bytes,
        resolution: None,
        description: format!("raw, axes {axes}, the first fastest"),
        memory: options.memory,
    })
}
