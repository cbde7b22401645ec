//! Versions: numbers that a database gives out once.

use super::database::{Writer, synced};
use super::failure::{Failure, corrupt};

/// Where the default family keeps the least number that is not set aside yet (`u64`,
/// little-endian).
const KEY: &[u8] = b"bigarrays.versions";
/// How many are set aside at once: one synced put in so many.
const STOCK: u64 = 1 << 20;

/// Numbers that are set aside in the database before they are used. What is left of them when it
/// is closed, or its process killed, is never used.
#[derive(Debug, Default)]
pub(super) struct Versions {
    next: u64,
    end: u64,
}

impl Versions {
    /// The first of `count` new numbers.
    pub(super) fn take(&mut self, writer: &Writer, count: u64) -> Result<u64, Failure> {
        if self.end - self.next < count {
            self.stock(writer, count)?;
        }
        let first = self.next;
        self.next += count;
        Ok(first)
    }

    fn stock(&mut self, writer: &Writer, count: u64) -> Result<(), Failure> {
        let kept = writer.get_pinned(KEY)?;
        let begin = match kept.as_deref().map(<[u8; 8]>::try_from) {
            None => 1,
            Some(Ok(bytes)) => u64::from_le_bytes(bytes),
            Some(Err(error)) => return Err(corrupt("the counter of versions").because(error)),
        };
        let end = begin.checked_add(count.saturating_add(STOCK));
        let end = end.ok_or_else(|| corrupt("there are no versions left"))?;
        writer.put_opt(KEY, end.to_le_bytes(), &synced())?;
        *self = Self { next: begin, end };
        Ok(())
    }
}
