//! PNG: a file is one z, a folder is a stack.
//!
//! Gray values of 1, 2 and 4 bits are stretched to 8; palettes become colours.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use bigarrays::info::DataType;
use png::{BitDepth, Decoder, DecodingError, Limits, Reader, Transformations};

use super::SourceError;
use super::open::SourceOptions;
use super::pages::{PageFormat, Pages, Stack};
use super::strided::Strided;

/// Opens these files, in this order, as the stack `path`.
pub(super) fn open(
    path: &Path,
    files: Vec<PathBuf>,
    options: &SourceOptions,
) -> Result<Strided, SourceError> {
    let mut first: Option<PageFormat> = None;
    for file in &files {
        let found = inspect(file, options.memory)?;
        let expected = *first.get_or_insert(found);
        if found != expected {
            return Err(SourceError::PagesDiffer {
                path: file.clone(),
                page: None,
                found: found.to_string(),
                first: files[0].clone(),
                expected: expected.to_string(),
            });
        }
    }
    let Some(format) = first else {
        return Err(SourceError::malformed(path, "PNG", "there are no pages"));
    };
    let stack = Stack {
        path,
        axes: options.axes.as_ref(),
        pages: files.len() as u64,
        format,
        description: match files.len() {
            1 => "PNG".to_owned(),
            count => format!("{count} PNG files, one z each"),
        },
        memory: options.memory,
    };
    stack.open(PngPages { files, memory: options.memory })
}

fn reader(path: &Path, memory: u64) -> Result<Reader<BufReader<File>>, SourceError> {
    let file = File::open(path).map_err(SourceError::io("open", path))?;
    let mut limits = Limits::default();
    limits.bytes = limits.bytes.max(usize::try_from(memory).unwrap_or(usize::MAX));
    let mut decoder = Decoder::new_with_limits(BufReader::new(file), limits);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.read_info().map_err(|error| fault(path, error))
}

fn inspect(path: &Path, memory: u64) -> Result<PageFormat, SourceError> {
    let reader = reader(path, memory)?;
    let (color, depth) = reader.output_color_type();
    Ok(PageFormat {
        width: u64::from(reader.info().width),
        height: u64::from(reader.info().height),
        samples: color.samples() as u64,
        data_type: if depth == BitDepth::Sixteen { DataType::Uint16 } else { DataType::Uint8 },
        // As PNG stores them.
        big_endian: true,
        planar: false,
    })
}

fn fault(path: &Path, error: DecodingError) -> SourceError {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            SourceError::malformed(path, "PNG", "it ends too early")
        }
        DecodingError::IoError(error) => SourceError::io("read", path)(error),
        DecodingError::Format(error) => SourceError::malformed(path, "PNG", error.to_string()),
        error => SourceError::Decode { path: path.to_owned(), page: None, source: error.into() },
    }
}

struct PngPages {
    files: Vec<PathBuf>,
    memory: u64,
}

impl Pages for PngPages {
    fn decode(&mut self, page: u64, out: &mut [u8]) -> Result<(), SourceError> {
        let file = usize::try_from(page).ok().and_then(|page| self.files.get(page));
        let Some(path) = file else {
            return Err(SourceError::malformed(Path::new(""), "PNG", format!("no page {page}")));
        };
        let mut reader = reader(path, self.memory)?;
        // The file may not be any more what it was.
        if reader.output_buffer_size() != Some(out.len()) {
            return Err(SourceError::malformed(path, "PNG", "it changed while it was read"));
        }
        reader.next_frame(out).map_err(|error| fault(path, error))?;
        Ok(())
    }
}
