//! A stream that can only be read forwards, made readable at will within one slab.
//!
//! The window holds the slab that was prepared last: in memory if it fits the limit, else in an
//! unnamed temporary file, which is one slab long at most however long the stream is. A slab that
//! begins before the place the stream has come to makes the stream begin anew: right, but slow;
//! [`tiles`](super::tiles()) never asks for that.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::SourceError;
use super::bytes::Bytes;

/// Voxels that come one after another.
pub(super) trait Stream {
    /// Fills `out` with the next bytes.
    fn read(&mut self, out: &mut [u8]) -> Result<(), SourceError>;

    /// Passes over the next bytes.
    fn skip(&mut self, count: u64) -> Result<(), SourceError>;

    /// Checks, after the last voxel, that the file ends as it should.
    fn finish(&mut self) -> Result<(), SourceError>;

    /// Goes back to the first voxel.
    fn rewind(&mut self) -> Result<(), SourceError>;
}

/// How many bytes go to the temporary file at once.
const BLOCK: u64 = 1 << 20;

/// A stream and the slab of it that can be read.
pub(super) struct Window<S> {
    stream: S,
    path: PathBuf,
    /// Bytes of the whole stream.
    len: u64,
    /// Bytes that come together anyway, such as a page: slabs are widened to these.
    granule: u64,
    /// Bytes that may be held in memory.
    limit: u64,
    /// Where the stream is.
    position: u64,
    /// What is held.
    held: Range<u64>,
    memory: Vec<u8>,
    /// `None` while what is held is in memory.
    spool: Option<File>,
}

impl<S: Stream> Window<S> {
    /// A stream of `len` bytes that come `granule` bytes at a time, of which `limit` may be held
    /// in memory.
    pub(super) fn new(stream: S, path: &Path, len: u64, granule: u64, limit: u64) -> Self {
        Self {
            stream,
            path: path.to_owned(),
            len,
            granule,
            limit,
            position: 0,
            held: 0..0,
            memory: Vec::new(),
            spool: None,
        }
    }

    /// What is as good to hold as this range: whole granules, or all if that is not too much.
    fn widen(&self, range: Range<u64>) -> Range<u64> {
        if self.len <= self.limit {
            return 0..self.len;
        }
        let start = range.start - range.start % self.granule;
        let end = range.end.div_ceil(self.granule).saturating_mul(self.granule);
        start..end.min(self.len)
    }

    fn hold_in_memory(&mut self, len: u64) -> Result<(), SourceError> {
        self.spool = None;
        let too_much = || SourceError::OutOfMemory { path: self.path.clone(), bytes: len };
        let len = usize::try_from(len).map_err(|_| too_much())?;
        self.memory.truncate(len);
        let more = len - self.memory.len();
        self.memory.try_reserve_exact(more).map_err(|_| too_much())?;
        self.memory.resize(len, 0);
        self.stream.read(&mut self.memory)
    }

    fn hold_in_file(&mut self, len: u64) -> Result<(), SourceError> {
        self.memory = Vec::new();
        let folder = std::env::temp_dir();
        let failed = |source| SourceError::Spool {
            path: self.path.clone(),
            bytes: len,
            folder: folder.clone(),
            source,
        };
        // The file of the slab before is written over.
        let mut file = match self.spool.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(&folder).map_err(failed)?,
        };
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut block = vec![0; usize::try_from(len.min(BLOCK)).unwrap_or(0)];
        let mut left = len;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            self.stream.read(&mut block[..part])?;
            file.write_all(&block[..part]).map_err(failed)?;
            left -= part as u64;
        }
        self.spool = Some(file);
        Ok(())
    }
}

impl<S: Stream> Bytes for Window<S> {
    fn prepare(&mut self, range: Range<u64>) -> Result<(), SourceError> {
        if self.held.start <= range.start && range.end <= self.held.end {
            return Ok(());
        }
        let range = self.widen(range);
        // Until the new slab is there, none is.
        self.held = 0..0;
        if range.start < self.position {
            self.stream.rewind()?;
            self.position = 0;
        }
        self.stream.skip(range.start - self.position)?;
        self.position = range.start;
        let len = range.end - range.start;
        if len <= self.limit {
            self.hold_in_memory(len)?;
        } else {
            self.hold_in_file(len)?;
        }
        self.position = range.end;
        if self.position == self.len {
            self.stream.finish()?;
        }
        self.held = range;
        Ok(())
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), SourceError> {
        let at = offset.checked_sub(self.held.start);
        let at = at.filter(|at| at + out.len() as u64 <= self.held.end - self.held.start);
        let outside = || {
            let reason = std::io::Error::other(format!("byte {offset} is not held"));
            SourceError::io("read", &self.path)(reason)
        };
        let at = at.ok_or_else(outside)?;
        if let Some(file) = &mut self.spool {
            return file
                .seek(SeekFrom::Start(at))
                .and_then(|_| file.read_exact(out))
                .map_err(SourceError::io("read the temporary file of", &self.path));
        }
        let at = usize::try_from(at).map_err(|_| outside())?;
        out.copy_from_slice(&self.memory[at..at + out.len()]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes 0, 1, 2, ... that counts how often it was used in which way.
    struct Counting {
        at: u8,
        rewinds: usize,
        finishes: usize,
    }

    impl Stream for Counting {
        fn read(&mut self, out: &mut [u8]) -> Result<(), SourceError> {
            for byte in out {
                *byte = self.at;
                self.at += 1;
            }
            Ok(())
        }

        fn skip(&mut self, count: u64) -> Result<(), SourceError> {
            self.at += u8::try_from(count).unwrap();
            Ok(())
        }

        fn finish(&mut self) -> Result<(), SourceError> {
            assert_eq!(self.at, 100);
            self.finishes += 1;
            Ok(())
        }

        fn rewind(&mut self) -> Result<(), SourceError> {
            self.at = 0;
            self.rewinds += 1;
            Ok(())
        }
    }

    fn window(limit: u64) -> Window<Counting> {
        let stream = Counting { at: 0, rewinds: 0, finishes: 0 };
        Window::new(stream, Path::new("stream"), 100, 1, limit)
    }

    fn read(window: &mut Window<Counting>, offset: u64, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        window.read_at(offset, &mut out).unwrap();
        out
    }

    #[test]
    fn slabs_in_order_read_the_stream_once() {
        for limit in [0, 30, 99] {
            let mut window = window(limit);
            for slab in [0..30, 30..60, 30..60, 70..100] {
                window.prepare(slab.clone()).unwrap();
                assert_eq!(window.spool.is_some(), limit < 30);
                for offset in [slab.end - 2, slab.start, slab.start + 7] {
                    let first = u8::try_from(offset).unwrap();
                    assert_eq!(read(&mut window, offset, 2), [first, first + 1]);
                }
            }
            assert_eq!((window.stream.rewinds, window.stream.finishes), (0, 1));
        }
    }

    #[test]
    fn a_slab_further_back_begins_the_stream_anew() {
        for limit in [0, 99] {
            let mut window = window(limit);
            window.prepare(40..80).unwrap();
            window.prepare(10..20).unwrap();
            assert_eq!(read(&mut window, 10, 10), Vec::from_iter(10..20));
            // Overlaps what is held, but goes beyond it.
            window.prepare(15..30).unwrap();
            assert_eq!(read(&mut window, 15, 15), Vec::from_iter(15..30));
            assert_eq!(window.stream.rewinds, 2);
        }
    }

    #[test]
    fn all_of_it_is_held_if_it_is_little_and_pages_are_held_whole() {
        let mut little = window(100);
        little.prepare(40..50).unwrap();
        assert_eq!(little.held, 0..100);
        let mut pages = window(50);
        pages.granule = 30;
        pages.prepare(40..50).unwrap();
        assert_eq!(pages.held, 30..60);
        pages.prepare(95..96).unwrap();
        assert_eq!((pages.held.clone(), pages.stream.finishes), (90..100, 1));
        assert_eq!(read(&mut pages, 99, 1), [99]);
        assert_eq!(pages.stream.rewinds, 0);
    }

    #[test]
    fn what_was_not_prepared_is_refused() {
        let mut window = window(50);
        window.prepare(10..20).unwrap();
        for (offset, len) in [(9, 1), (20, 1), (19, 2)] {
            assert!(window.read_at(offset, &mut vec![0; len]).is_err());
        }
    }

    #[test]
    fn a_slab_in_a_file_and_then_one_in_memory() {
        let mut window = window(20);
        window.prepare(0..60).unwrap();
        window.prepare(60..80).unwrap();
        assert!(window.spool.is_none());
        assert_eq!(read(&mut window, 60, 20), Vec::from_iter(60..80));
    }
}
