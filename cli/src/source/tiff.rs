//! TIFF: the pages of a file, or of all files of a folder, are a stack.
//!
//! Strips (chunky and planar) and tiles (chunky), BigTIFF; uncompressed, LZW, deflate and pack-bits. Pages
//! of reduced resolution (thumbnails, pyramids) are passed over. What programs write into the
//! description beside the pages is in [`tiff_notes`].

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use bigarrays::info::DataType;
use tiff::decoder::{ChunkType, Decoder, DecodingSampleType, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffResult};

use super::SourceError;
use super::open::SourceOptions;
use super::pages::{PageFormat, Pages, Stack};
use super::strided::Strided;
use super::tiff_notes::{self, PlainStack};

pub(super) type TiffFile = Decoder<BufReader<File>>;

/// Opens these files, in this order, as the stack `path`.
pub(super) fn open(
    path: &Path,
    files: Vec<PathBuf>,
    options: &SourceOptions,
) -> Result<Strided, SourceError> {
    let memory = options.memory;
    let mut pages = TiffPages { files, pages: Vec::new(), current: None, memory };
    let format = pages.scan(path)?;
    let mut stack = Stack {
        path,
        axes: options.axes.as_ref(),
        pages: pages.pages.len() as u64,
        format,
        description: pages.describe(),
        memory: options.memory,
    };
    if let ([file], [_]) = (&pages.files[..], &pages.pages[..])
        && let Some(plain) = PlainStack::find(file, &mut open_file(file, memory)?)?
    {
        stack.pages = plain.images;
        stack.format.big_endian = plain.big_endian;
        stack.description = format!("ImageJ TIFF of {} uncompressed images", plain.images);
        let file = File::open(file).map_err(SourceError::io("open", file))?;
        return stack.open_plain(file, plain.start);
    }
    stack.open(pages)
}

struct TiffPages {
    files: Vec<PathBuf>,
    /// For each page of the stack its file, and its place there.
    pages: Vec<(usize, usize)>,
    /// The file that was read last.
    current: Option<(usize, TiffFile)>,
    /// Bytes that may be used.
    memory: u64,
}

impl TiffPages {
    /// Finds all pages, and what they have in common.
    fn scan(&mut self, stack: &Path) -> Result<PageFormat, SourceError> {
        let mut first: Option<(PathBuf, PageFormat)> = None;
        for (number, path) in self.files.iter().enumerate() {
            let mut file = open_file(path, self.memory)?;
            let mut page = 0;
            loop {
                if page == 0 || !is_reduced(&mut file) {
                    let found = inspect(path, page, &mut file)?;
                    let (first, expected) = first.get_or_insert_with(|| (path.clone(), found));
                    if found != *expected {
                        return Err(SourceError::PagesDiffer {
                            path: path.clone(),
                            page: Some(page),
                            found: found.to_string(),
                            first: first.clone(),
                            expected: expected.to_string(),
                        });
                    }
                    self.pages.push((number, page));
                }
                if !file.more_images() {
                    break;
                }
                page += 1;
                file.next_image().map_err(|error| fault(path, page, error))?;
            }
        }
        let nothing = || SourceError::malformed(stack, "TIFF", "there are no pages");
        first.map(|(_, format)| format).ok_or_else(nothing)
    }

    fn describe(&mut self) -> String {
        let pages = self.pages.len();
        let mut text = match self.files.len() {
            1 => format!("TIFF of {pages} {}", if pages == 1 { "page" } else { "pages" }),
            files => format!("{files} TIFF files, {pages} pages"),
        };
        let Ok(file) = self.file(0) else { return text };
        let photometric = file.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation);
        if matches!(photometric, Ok(Some(0))) {
            text.push_str("; white is zero there, so values are inverted");
        }
        if tiff_notes::tell_of_channels(file) {
            text.push_str("; warning: its channels or times are pages too, and all pages become z");
        }
        text
    }

    /// The opened file of that number.
    fn file(&mut self, number: usize) -> Result<&mut TiffFile, SourceError> {
        let path = &self.files[number];
        let kept = self.current.take().filter(|&(kept, _)| kept == number);
        let opened = match kept {
            Some(kept) => kept,
            None => (number, open_file(path, self.memory)?),
        };
        Ok(&mut self.current.insert(opened).1)
    }
}

impl Pages for TiffPages {
    fn decode(&mut self, page: u64, out: &mut [u8]) -> Result<(), SourceError> {
        let place = usize::try_from(page).ok().and_then(|page| self.pages.get(page).copied());
        let Some((number, page)) = place else {
            return Err(SourceError::malformed(Path::new(""), "TIFF", format!("no page {page}")));
        };
        let path = self.files[number].clone();
        let file = self.file(number)?;
        let mut read = || -> TiffResult<bool> {
            file.seek_to_image(page)?;
            // The file may not be any more what it was.
            if file.image_buffer_layout()?.complete_len != out.len() {
                return Ok(false);
            }
            file.read_image_bytes(out)?;
            Ok(true)
        };
        match read() {
            Ok(true) => Ok(()),
            Ok(false) => Err(SourceError::malformed(&path, "TIFF", "it changed while it was read")),
            Err(error) => Err(fault(&path, page, error)),
        }
    }
}

/// What the tiles of a small page may take beyond it.
const TILES: u64 = 1 << 20;

fn open_file(path: &Path, memory: u64) -> Result<TiffFile, SourceError> {
    let file = File::open(path).map_err(SourceError::io("open", path))?;
    let decoder = Decoder::new(BufReader::new(file)).map_err(|error| fault(path, 0, error))?;
    // Pages go to buffers of ours, which are measured; strips are unpacked on the way, and tiles
    // may be larger than their page.
    let mut limits = Limits::default();
    let most = memory.saturating_add(TILES);
    limits.intermediate_buffer_size = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(decoder.with_limits(limits))
}

/// Whether the page is a smaller version of another.
fn is_reduced(file: &mut TiffFile) -> bool {
    let kind = file.find_tag_unsigned::<u32>(Tag::NewSubfileType);
    matches!(kind, Ok(Some(kind)) if kind & 1 == 1)
}

fn inspect(path: &Path, page: usize, file: &mut TiffFile) -> Result<PageFormat, SourceError> {
    let mut read = || {
        let samples = file.find_tag_unsigned::<u16>(Tag::SamplesPerPixel)?.unwrap_or(1);
        Ok((file.dimensions()?, file.colortype()?, file.image_buffer_layout()?, samples))
    };
    let ((width, height), color, layout, samples) =
        read().map_err(|error| fault(path, page, error))?;
    let unsupported = |what: String| {
        let advice = "save it with gray or RGB pages of 8, 16, 32 or 64 bits";
        SourceError::unsupported(path, what, advice)
    };
    if matches!(color, ColorType::YCbCr(_) | ColorType::Lab(_) | ColorType::Palette(_)) {
        return Err(unsupported(format!("its colours are {color:?}")));
    }
    if color.num_samples() != samples {
        let colours = color.num_samples();
        return Err(unsupported(format!(
            "{samples} samples per pixel, of which {colours} are colours"
        )));
    }
    // The decoder stops at a failed assertion in the tiles of the second plane (tiff 0.11.3).
    if layout.planes > 1 && file.get_chunk_type() == ChunkType::Tile {
        return Err(unsupported("its samples are planes of tiles".to_owned()));
    }
    let data_type = match (layout.sample_type, color.bit_depth()) {
        (Some(DecodingSampleType::U8), 8) => DataType::Uint8,
        (Some(DecodingSampleType::I8), 8) => DataType::Int8,
        (Some(DecodingSampleType::U16), 16) => DataType::Uint16,
        (Some(DecodingSampleType::I16), 16) => DataType::Int16,
        (Some(DecodingSampleType::U32), 32) => DataType::Uint32,
        (Some(DecodingSampleType::I32), 32) => DataType::Int32,
        (Some(DecodingSampleType::U64), 64) => DataType::Uint64,
        (Some(DecodingSampleType::I64), 64) => DataType::Int64,
        (Some(DecodingSampleType::F32), 32) => DataType::Float32,
        (Some(DecodingSampleType::F64), 64) => DataType::Float64,
        (_, bits) => {
            return Err(unsupported(format!("samples of {bits} bits, {:?}", layout.sample_format)));
        }
    };
    Ok(PageFormat {
        width: u64::from(width),
        height: u64::from(height),
        samples: u64::from(samples),
        data_type,
        // The decoder gives values in the order of this machine.
        big_endian: cfg!(target_endian = "big"),
        planar: layout.planes > 1,
    })
}

pub(super) fn fault(path: &Path, page: usize, error: TiffError) -> SourceError {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            SourceError::malformed(path, "TIFF", format!("it ends within page {page}"))
        }
        TiffError::FormatError(error) => SourceError::malformed(path, "TIFF", error.to_string()),
        TiffError::UnsupportedError(error) => SourceError::unsupported(
            path,
            error.to_string(),
            "save it uncompressed or with deflate, with gray or RGB pages",
        ),
        error => {
            let page = Some(page);
            SourceError::Decode { path: path.to_owned(), page, source: error.into() }
        }
    }
}
