//! The markers of a JPEG file, one after another (T.81, annex B).

use std::ops::Range;

use super::super::{ChunkSpec, CodecError};
use super::bits::Huffman;
use super::frame::Frame;
use super::scan::{self, Tables};
use super::upsample::{self, Colors};

/// Progressive images of common writers have about ten scans; each costs a pass over all blocks.
const MAX_SCANS: usize = 256;

const END_OF_IMAGE: u8 = 0xd9;

/// Decodes a file to the planes of a chunk: at least the pixels of a range, and of other rows
/// nothing where that is faster.
pub(super) fn decode(
    encoded: &[u8],
    spec: &ChunkSpec,
    pixels: &Range<usize>,
    planes: &mut [u8],
) -> Result<(), CodecError> {
    if !encoded.starts_with(&[0xff, 0xd8]) {
        return Err(CodecError::corrupt("it does not begin as a JPEG file does"));
    }
    let mut reader = Reader::new(encoded, pixels);
    while !reader.is_done {
        let marker = reader.marker()?;
        if marker == END_OF_IMAGE {
            break;
        }
        reader.segment(marker, spec)?;
    }
    let Some(mut frame) = reader.frame else {
        return Err(CodecError::corrupt("it has no image"));
    };
    frame.finish()?;
    upsample::write(&frame, reader.hints.colors(&frame), planes);
    Ok(())
}

#[derive(Debug)]
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    pixels: &'a Range<usize>,
    tables: Tables,
    hints: Hints,
    frame: Option<Frame>,
    scans: usize,
    /// Whether nothing more is wanted, though there may be more.
    is_done: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], pixels: &'a Range<usize>) -> Self {
        Self {
            bytes,
            position: 2,
            pixels,
            tables: Tables::default(),
            hints: Hints::default(),
            frame: None,
            scans: 0,
            is_done: false,
        }
    }

    /// The next marker, past whatever stands before it.
    fn marker(&mut self) -> Result<u8, CodecError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let found = rest
            .windows(2)
            .enumerate()
            .find(|(_, pair)| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
        let Some((offset, &[_, marker])) = found else {
            return Err(CodecError::corrupt("it is cut short: it has no end-of-image marker"));
        };
        self.position += offset + 2;
        Ok(marker)
    }

    /// What follows a marker.
    fn segment(&mut self, marker: u8, spec: &ChunkSpec) -> Result<(), CodecError> {
        // Restart markers that are left over, and one for private use, stand alone.
        if matches!(marker, 0xd0..=0xd7 | 0x01) {
            return Ok(());
        }
        let content = self.content()?;
        match marker {
            0xc0..=0xc2 if self.frame.is_none() => {
                self.frame = Some(Frame::parse(content, marker == 0xc2, spec, self.pixels)?);
            }
            0xc4 => self.huffman_tables(content)?,
            0xdb => self.quantization_tables(content)?,
            0xdd => self.tables.restart_interval = restart_interval(content)?,
            0xda => self.scan(content)?,
            0xe0 if content.starts_with(b"JFIF\0") => self.hints.is_jfif = true,
            0xee if content.starts_with(b"Adobe") => {
                self.hints.transform = content.get(11).copied();
            }
            0xc0..=0xcf | 0xd8 | 0xdc => {
                return Err(CodecError::corrupt(format!(
                    "it has the marker {marker:#04x}, but only baseline and progressive images of \
                     one frame are read"
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// The content of the segment here, which tells its length.
    fn content(&mut self) -> Result<&'a [u8], CodecError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let content = rest.split_first_chunk().and_then(|(&length, content)| {
            content.get(..usize::from(u16::from_be_bytes(length)).checked_sub(2)?)
        });
        let content = content.ok_or_else(|| CodecError::corrupt("a segment is cut short"))?;
        self.position += 2 + content.len();
        Ok(content)
    }

    fn scan(&mut self, header: &[u8]) -> Result<(), CodecError> {
        let Some(frame) = &mut self.frame else {
            return Err(CodecError::corrupt("a scan comes before the frame header"));
        };
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(CodecError::corrupt(format!("it has more than {MAX_SCANS} scans")));
        }
        match scan::decode(frame, &self.tables, header, self.bytes, self.position)? {
            Some(position) => self.position = position,
            None => self.is_done = true,
        }
        Ok(())
    }

    fn huffman_tables(&mut self, content: &[u8]) -> Result<(), CodecError> {
        let mut rest = content;
        while let Some(([place, counts @ ..], after)) = rest.split_first_chunk::<17>() {
            let symbols = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, after) = after.split_at_checked(symbols).ok_or_else(malformed)?;
            let counts = counts.first_chunk().ok_or_else(malformed)?;
            let [class, number] = [place >> 4, place & 15].map(usize::from);
            let table = self.tables.huffman.get_mut(class).and_then(|class| class.get_mut(number));
            let code = Huffman::new(counts, symbols).ok_or_else(malformed)?;
            *table.ok_or_else(malformed)? = Some(code);
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(malformed()) }
    }

    fn quantization_tables(&mut self, content: &[u8]) -> Result<(), CodecError> {
        let mut rest = content;
        while let Some((&place, after)) = rest.split_first() {
            let [is_wide, number] = [place >> 4, place & 15].map(usize::from);
            let bytes = if is_wide == 0 { 64 } else { 128 };
            let (steps, after) = after.split_at_checked(bytes).ok_or_else(malformed)?;
            let mut table = [0; 64];
            for (index, step) in table.iter_mut().enumerate() {
                *step = if is_wide == 0 {
                    steps[index].into()
                } else {
                    u16::from_be_bytes([steps[2 * index], steps[2 * index + 1]])
                };
            }
            *self.tables.quantization.get_mut(number).ok_or_else(malformed)? = Some(table);
            rest = after;
        }
        Ok(())
    }
}

/// What a file tells of its colours.
#[derive(Debug, Default)]
struct Hints {
    is_jfif: bool,
    /// Adobe's word for it: 0 if the components are the colours.
    transform: Option<u8>,
}

impl Hints {
    /// As libjpeg guesses it.
    fn colors(&self, frame: &Frame) -> Colors {
        let ids = frame.components.iter().map(|component| component.id);
        match self.transform {
            _ if self.is_jfif => Colors::YCbCr,
            Some(0) => Colors::Direct,
            None if ids.eq(*b"RGB") => Colors::Direct,
            _ => Colors::YCbCr,
        }
    }
}

fn restart_interval(content: &[u8]) -> Result<u32, CodecError> {
    let interval = content.try_into().map(u16::from_be_bytes).map_err(|_| malformed())?;
    Ok(interval.into())
}

fn malformed() -> CodecError {
    CodecError::corrupt("a table is malformed")
}
