//! Stacks of pages: each is decoded as a whole, one after another, and is one z.

use std::fmt;
use std::fs::File;
use std::path::Path;

use bigarrays::info::DataType;

use super::SourceError;
use super::axes::{Axes, Axis};
use super::bytes::{Bytes, FileBytes};
use super::layout::Layout;
use super::strided::Strided;
use super::window::{Stream, Window};

/// What all pages of a stack have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageFormat {
    pub(super) width: u64,
    pub(super) height: u64,
    /// Values per pixel.
    pub(super) samples: u64,
    pub(super) data_type: DataType,
    /// The byte order of decoded values.
    pub(super) big_endian: bool,
    /// Whether the samples are planes one after another, instead of neighbours in a pixel.
    pub(super) planar: bool,
}

impl fmt::Display for PageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, samples, data_type, planar, .. } = self;
        let planar = if *planar && *samples > 1 { " in planes" } else { "" };
        write!(f, "{width} x {height} pixels of {samples} {data_type}{planar}")
    }
}

/// Decodes the pages of a stack.
pub(super) trait Pages {
    /// Decodes a page into `out`, which is as long as the format says.
    fn decode(&mut self, page: u64, out: &mut [u8]) -> Result<(), SourceError>;
}

/// A stack of pages as a source.
pub(super) struct Stack<'a> {
    /// The file or folder.
    pub(super) path: &'a Path,
    pub(super) axes: Option<&'a Axes>,
    pub(super) pages: u64,
    pub(super) format: PageFormat,
    /// What to tell about it.
    pub(super) description: String,
    pub(super) memory: u64,
}

impl Stack<'_> {
    /// The stack as a source whose pages are decoded.
    pub(super) fn open(self, decoder: impl Pages + 'static) -> Result<Strided, SourceError> {
        let layout = self.layout()?;
        let page_bytes = layout.len / self.pages;
        let too_large = || SourceError::PageTooLarge {
            path: self.path.to_owned(),
            page_bytes,
            memory: self.memory,
        };
        if page_bytes > self.memory {
            return Err(too_large());
        }
        let stream = PageStream {
            decoder,
            page_len: usize::try_from(page_bytes).map_err(|_| too_large())?,
            buffer: Vec::new(),
            buffered: None,
            page: 0,
            at: 0,
        };
        let window = Window::new(stream, self.path, layout.len, page_bytes, self.memory / 2);
        Ok(self.strided(layout, Box::new(window)))
    }

    /// The stack as a source whose pages lie in a file as they are, from `start` on.
    pub(super) fn open_plain(self, file: File, start: u64) -> Result<Strided, SourceError> {
        let layout = self.layout()?;
        let bytes = FileBytes::new(self.path, file, start, layout.len)?;
        Ok(self.strided(layout, Box::new(bytes)))
    }

    fn strided(self, layout: Layout, bytes: Box<dyn Bytes>) -> Strided {
        let Self { description, memory, .. } = self;
        Strided { layout, bytes, resolution: None, description, memory }
    }

    fn layout(&self) -> Result<Layout, SourceError> {
        let PageFormat { data_type, big_endian, .. } = self.format;
        Layout::new(self.path, data_type, big_endian, &self.dimensions()?)
    }

    /// The dimensions with their names, the slowest first.
    ///
    /// Axes name page, row, column and sample; those of one element may be left without a name
    /// (page and sample), and an unnamed sample is `c`.
    fn dimensions(&self) -> Result<Vec<(Axis, u64)>, SourceError> {
        let PageFormat { width, height, samples, planar, .. } = self.format;
        let (one_page, one_sample) = (self.pages == 1, samples == 1);
        let (axes, shape) = match self.axes {
            None => (Axes::pages(), vec![self.pages, height, width, samples]),
            Some(axes) => {
                let mut axes = axes.clone();
                if !one_sample && axes.len() < 4 && !axes.names(Axis::C) {
                    axes = axes.with(Axis::C);
                }
                let shape = match axes.len() {
                    2 if one_page && one_sample => vec![height, width],
                    3 if one_sample => vec![self.pages, height, width],
                    3 if one_page => vec![height, width, samples],
                    _ => vec![self.pages, height, width, samples],
                };
                (axes, shape)
            }
        };
        let mut dimensions = axes.pair(self.path, &shape)?;
        // Sample planes lie before the rows of each; in the shape, samples come last.
        if planar
            && !one_sample
            && let Some(sample) = dimensions.pop()
        {
            dimensions.insert(dimensions.len() - 2, sample);
        }
        Ok(dimensions)
    }
}

/// The bytes of the pages, one after another.
struct PageStream<P> {
    decoder: P,
    /// Bytes of a page.
    page_len: usize,
    /// A page of which only a part is wanted now.
    buffer: Vec<u8>,
    buffered: Option<u64>,
    /// The page where the stream is.
    page: u64,
    /// The byte in that page.
    at: usize,
}

impl<P: Pages> Stream for PageStream<P> {
    fn read(&mut self, mut out: &mut [u8]) -> Result<(), SourceError> {
        while !out.is_empty() {
            if self.at == 0 && out.len() >= self.page_len {
                let (page, rest) = out.split_at_mut(self.page_len);
                self.decoder.decode(self.page, page)?;
                self.page += 1;
                out = rest;
                continue;
            }
            if self.buffered != Some(self.page) {
                self.buffered = None;
                self.buffer.resize(self.page_len, 0);
                self.decoder.decode(self.page, &mut self.buffer)?;
                self.buffered = Some(self.page);
            }
            let count = out.len().min(self.page_len - self.at);
            let (part, rest) = out.split_at_mut(count);
            part.copy_from_slice(&self.buffer[self.at..self.at + count]);
            out = rest;
            self.at += count;
            if self.at == self.page_len {
                (self.page, self.at) = (self.page + 1, 0);
                // It may be as large as the memory, and what comes next needs that.
                (self.buffer, self.buffered) = (Vec::new(), None);
            }
        }
        Ok(())
    }

    fn skip(&mut self, count: u64) -> Result<(), SourceError> {
        let page_len = self.page_len as u64;
        let at = self.at as u64 + count;
        self.page += at / page_len;
        self.at = usize::try_from(at % page_len).unwrap_or(0);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        (self.page, self.at) = (0, 0);
        Ok(())
    }
}
