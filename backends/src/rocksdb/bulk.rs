//! Many bytes at once, past the log.
//!
//! What goes through RocksDB's log is written twice: there, and to a file. Nobody knows the number
//! of a piece before a record tells it, so many pieces can be moved into a file first and told by
//! a small transaction afterwards, and the log holds only that. Whoever is killed in between
//! leaves pieces that nobody asks for: until they are told, the database keeps a note of their
//! numbers, and the next writer removes them.

use std::ops::Range;

use rocksdb::{
    ColumnFamily, FlushOptions, IteratorMode, ReadOptions, WriteBatchWithTransaction, WriteOptions,
};

use super::database::{Database, Writer, synced};
use super::failure::{Failure, corrupt};
use super::layout::VALUES;

/// From so many bytes on. Fewer are not worth a file of their own.
pub(super) const LEAST: u64 = 8 << 20;

/// While so many bytes are moved into a file, the next are gathered.
const FILE: usize = 16 << 20;

/// Begins the notes in the default family; a number follows, big-endian. The note says the number
/// after the last one (`u64`, little-endian).
const NOTE: &[u8] = b"bigarrays.bulk.";
/// Removed at once, at most.
const BATCH: usize = 1 << 12;
/// More numbers than any note has: a batch is in memory before it is put.
const MOST: u64 = 1 << 24;

/// Pieces that are in files and not told yet. They are removed when this is dropped, unless a
/// transaction has told them.
pub(super) struct Bulk<'a> {
    writer: &'a Writer,
    values: &'a ColumnFamily,
    numbers: Range<u64>,
    is_told: bool,
}

impl<'a> Bulk<'a> {
    /// Moves pieces into a file. `numbers` has the numbers of all of them.
    pub(super) fn write<'p>(
        database: &'a Database,
        numbers: Range<u64>,
        pieces: impl Iterator<Item = ([u8; 8], &'p [u8])>,
    ) -> Result<Self, Failure> {
        let (writer, values) = (database.to_write()?, database.family(VALUES)?);
        writer.put_opt(note_of(numbers.start), numbers.end.to_le_bytes(), &synced())?;
        let this = Self { writer, values, numbers, is_told: false };
        let mut past_the_log = WriteOptions::default();
        past_the_log.disable_wal(true);
        let mut flush = FlushOptions::default();
        flush.set_wait(false);
        let mut gathered = 0;
        for (key, piece) in pieces {
            writer.put_cf_opt(values, key, piece, &past_the_log)?;
            gathered += piece.len();
            if gathered >= FILE {
                writer.flush_cf_opt(values, &flush)?;
                gathered = 0;
            }
        }
        flush.set_wait(true);
        writer.flush_cf_opt(values, &flush)?;
        Ok(this)
    }

    /// The note, which goes with the transaction that tells the pieces.
    pub(super) fn note(&self) -> Vec<u8> {
        note_of(self.numbers.start)
    }

    /// They belong to values now.
    pub(super) fn told(mut self) {
        self.is_told = true;
    }
}

impl Drop for Bulk<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            // If it fails, the note stays, and who opens the database next does it.
            let _ = remove(self.writer, self.values, self.numbers.clone());
        }
    }
}

/// Removes what writers that were killed have left.
pub(super) fn clean(writer: &Writer, values: &ColumnFamily) -> Result<(), Failure> {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(b"bigarrays.bulk/".as_slice());
    let from = IteratorMode::From(NOTE, rocksdb::Direction::Forward);
    let notes: Vec<_> = writer.iterator_opt(from, options).collect::<Result<_, _>>()?;
    for (key, note) in notes {
        let number = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).ok();
        let first = key.strip_prefix(NOTE).and_then(number).map(u64::from_be_bytes);
        let end = number(&note).map(u64::from_le_bytes);
        match first.zip(end) {
            Some((first, end)) if end.saturating_sub(first) <= MOST => {
                remove(writer, values, first..end)?;
            }
            _ => return Err(corrupt("a note of what was being put")),
        }
    }
    Ok(())
}

fn note_of(first: u64) -> Vec<u8> {
    [NOTE, &first.to_be_bytes()].concat()
}

/// Removes pieces, and then their note.
fn remove(writer: &Writer, values: &ColumnFamily, numbers: Range<u64>) -> Result<(), Failure> {
    let note = note_of(numbers.start);
    let mut numbers = numbers;
    while !numbers.is_empty() {
        let mut batch = WriteBatchWithTransaction::<true>::default();
        for number in numbers.by_ref().take(BATCH) {
            batch.delete_cf(values, number.to_be_bytes());
        }
        writer.write(batch)?;
    }
    Ok(writer.delete(note)?)
}

#[cfg(test)]
mod tests {
    use std::mem;
    use std::path::Path;
    use std::sync::Arc;

    use super::super::RocksDbBackend;
    use super::super::places::{Place, Role};
    use super::*;

    fn open(path: &Path) -> Arc<Database> {
        std::fs::create_dir_all(path).unwrap();
        let options = RocksDbBackend::builder(path);
        let place = Place::of(path).unwrap();
        place.open(Role::Writer, |claim| Database::writer(path, &options, claim)).unwrap()
    }

    fn write(database: &Database, count: u64) -> Bulk<'_> {
        let first = database.new_versions(count).unwrap();
        let keys = (first..first + count).map(u64::to_be_bytes);
        Bulk::write(database, first..first + count, keys.map(|key| (key, &b"a piece"[..]))).unwrap()
    }

    /// How many of these pieces there are, and how many notes.
    fn count(database: &Database, numbers: &Range<u64>) -> (usize, usize) {
        let is_there = |number: &u64| {
            database.piece(number.to_be_bytes(), &ReadOptions::default()).unwrap().is_some()
        };
        let writer = database.to_write().unwrap();
        let from = IteratorMode::From(NOTE, rocksdb::Direction::Forward);
        let keys = writer.iterator(from).map(|entry| entry.unwrap().0);
        let notes = keys.take_while(|key| key.starts_with(NOTE)).count();
        (numbers.clone().filter(is_there).count(), notes)
    }

    #[test]
    fn what_a_killed_writer_put_and_did_not_tell_is_removed_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        let bulk = write(&database, 3);
        let numbers = bulk.numbers.clone();
        assert_eq!(count(&database, &numbers), (3, 1));
        // As if the process ended here.
        mem::forget(bulk);
        drop(database);
        let database = open(dir.path());
        assert_eq!(count(&database, &numbers), (0, 0));
    }

    #[test]
    fn what_is_not_told_in_the_end_is_removed_and_what_is_told_stays() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        let dropped = write(&database, 2);
        let told = write(&database, 2);
        let (gone, there) = (dropped.numbers.clone(), told.numbers.clone());
        drop(dropped);
        database.to_write().unwrap().delete(told.note()).unwrap();
        told.told();
        assert_eq!(count(&database, &gone), (0, 0));
        drop(database);
        assert_eq!(count(&open(dir.path()), &there), (2, 0));
    }

    #[test]
    fn a_damaged_note_is_told_and_nothing_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let database = open(dir.path());
        let (writer, values) = (database.to_write().unwrap(), database.family(VALUES).unwrap());
        let kept = write(&database, 1);
        let numbers = kept.numbers.clone();
        for (key, note) in [
            (note_of(numbers.start), &u64::MAX.to_le_bytes()[..]),
            (note_of(numbers.start), b"short"),
            ([NOTE, b"x"].concat(), &8_u64.to_le_bytes()[..]),
        ] {
            writer.put(&key, note).unwrap();
            assert!(clean(writer, values).is_err(), "{note:?}");
            assert_eq!(count(&database, &numbers).0, 1);
            writer.delete(&key).unwrap();
        }
        kept.told();
    }
}
