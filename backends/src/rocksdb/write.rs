//! What changes a database.
//!
//! Every change is an optimistic transaction: it looks at the records of its keys, and its commit
//! fails if somebody else changed one of them since. Changes without a condition need that, too:
//! the pieces of the value that is replaced must be removed, exactly those, and RocksDB checks
//! transactions only against each other, not against plain writes.

use std::thread;
use std::time::Duration;

use bigarrays_core::backend::{ErrorKind, Precondition, Put, Value, Version};
use bigarrays_core::key::Key;
use rocksdb::{
    ColumnFamily, ErrorKind as RocksKind, OptimisticTransactionOptions, Transaction, WriteOptions,
};

use super::bulk::Bulk;
use super::database::{Database, Writer, synced};
use super::failure::Failure;
use super::layout::{KEYS, VALUES};
use super::options::Durability;
use super::record::{PIECE, Record, Summed};
use super::sums::{PieceSums, Sums};

/// The longest value in bytes: RocksDB holds it several times in memory while it is written.
pub(super) const MAX_VALUE: u64 = 1 << 30;
/// How often a transaction is tried that others disturb.
const ATTEMPTS: u32 = 64;

/// How a store writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    pub(super) durability: Durability,
    pub(super) sums: Sums,
    /// From so many bytes on, pieces go past the log.
    pub(super) bulk: u64,
}

impl Writing {
    /// Whether so many bytes go past the log, which has to be synced only then.
    fn is_bulk(self, bytes: u64) -> bool {
        self.durability == Durability::Batch && bytes >= self.bulk
    }
}

/// A transaction on both families.
struct Change<'a> {
    transaction: Transaction<'a, Writer>,
    keys: &'a ColumnFamily,
    values: &'a ColumnFamily,
}

impl Change<'_> {
    /// The record of a key. Who changes it from here on makes the commit fail.
    fn current(&self, key: &Key) -> Result<Option<Record>, Failure> {
        let record = self.transaction.get_for_update_cf(self.keys, key.as_str(), true)?;
        record.map(|record| Record::parse(&record)).transpose()
    }

    /// Stores a value in place of `old`.
    fn put(&self, put: &Put, new: &Summed, old: Option<Record>) -> Result<(), Failure> {
        for (key, piece) in pieces(put, new) {
            self.transaction.put_cf(self.values, key, piece)?;
        }
        self.tell(put, new, old)
    }

    /// The same of a value of which the pieces are there already.
    fn tell(&self, put: &Put, new: &Summed, old: Option<Record>) -> Result<(), Failure> {
        let (new, sums) = new;
        self.transaction.put_cf(self.keys, put.key.as_str(), new.to_bytes(sums.as_ref()))?;
        self.remove_pieces(old)
    }

    fn delete(&self, key: &Key, old: Option<Record>) -> Result<(), Failure> {
        if old.is_some() {
            self.transaction.delete_cf(self.keys, key.as_str())?;
        }
        self.remove_pieces(old)
    }

    fn remove_pieces(&self, old: Option<Record>) -> Result<(), Failure> {
        // A size that nobody stored must not keep us here.
        for key in old.filter(|old| old.size <= MAX_VALUE).into_iter().flat_map(Record::piece_keys)
        {
            self.transaction.delete_cf(self.values, key)?;
        }
        Ok(())
    }
}

/// A failure and the key that it was about, if it was about one.
pub(super) type FailureAt<'a> = (Failure, Option<&'a Key>);

/// The pieces of a value and their keys.
fn pieces<'p>(put: &'p Put, new: &Summed) -> impl Iterator<Item = ([u8; 8], &'p [u8])> + use<'p> {
    let piece = usize::try_from(PIECE).unwrap_or(usize::MAX);
    new.0.piece_keys().zip(put.value.bytes.chunks(piece))
}

/// Stores a value if `when` holds; gives its version if it did.
pub(super) fn put(
    database: &Database,
    how: Writing,
    put: &Put,
    when: &Precondition,
) -> Result<Option<Version>, Failure> {
    let holds = |old: Option<Record>| when.holds(old.map(Record::version).as_ref());
    let is_bulk = how.is_bulk(put.value.bytes.len() as u64);
    // Much would be written for nothing. Whoever comes in between is seen below.
    if is_bulk && *when != Precondition::Always && !holds(database.record(&put.key)?) {
        return Ok(None);
    }
    let puts = std::slice::from_ref(put);
    let new = new_records(database, how, puts).map_err(|(failure, _)| failure)?;
    let Some(record) = new.first() else { return Ok(None) };
    let bulk = is_bulk.then(|| write_bulk(database, puts, &new)).transpose()?;
    let is_done = change(database, how.durability, |change| {
        let old = change.current(&put.key)?;
        let holds = holds(old);
        match &bulk {
            _ if !holds => {}
            None => change.put(put, record, old)?,
            Some(bulk) => {
                change.tell(put, record, old)?;
                change.transaction.delete(bulk.note())?;
            }
        }
        Ok::<_, Failure>(holds)
    })?;
    if is_done {
        bulk.into_iter().for_each(Bulk::told);
    }
    Ok(is_done.then(|| record.0.version()))
}

/// Removes a value if `when` holds, and tells whether it did.
pub(super) fn delete(
    database: &Database,
    durability: Durability,
    key: &Key,
    when: &Precondition,
) -> Result<bool, Failure> {
    change(database, durability, |change| {
        let old = change.current(key)?;
        let holds = when.holds(old.map(Record::version).as_ref());
        if holds {
            change.delete(key, old)?;
        }
        Ok(holds)
    })
}

/// Stores several values at once.
pub(super) fn put_batch<'a>(
    database: &Database,
    how: Writing,
    puts: &'a [Put],
) -> Result<(), FailureAt<'a>> {
    let records = new_records(database, how, puts)?;
    let is_bulk = how.is_bulk(puts.iter().map(|put| put.value.bytes.len() as u64).sum());
    let bulk = is_bulk.then(|| write_bulk(database, puts, &records)).transpose()?;
    change(database, how.durability, |change| {
        for (put, new) in puts.iter().zip(&records) {
            let done = change.current(&put.key).and_then(|old| match &bulk {
                None => change.put(put, new, old),
                Some(_) => change.tell(put, new, old),
            });
            done.map_err(|failure| (failure, Some(&put.key)))?;
        }
        if let Some(bulk) = &bulk {
            change.transaction.delete(bulk.note()).map_err(Failure::from)?;
        }
        Ok::<_, FailureAt<'a>>(true)
    })?;
    bulk.into_iter().for_each(Bulk::told);
    Ok(())
}

/// Moves the pieces of values, which follow each other, into a file.
fn write_bulk<'a>(
    database: &'a Database,
    puts: &[Put],
    records: &[Summed],
) -> Result<Bulk<'a>, Failure> {
    let numbers = records.iter().map(|(record, _)| record.numbers());
    let numbers = numbers.reduce(|all, next| all.start..next.end).unwrap_or_default();
    let pieces = puts.iter().zip(records).flat_map(|(put, new)| pieces(put, new));
    Bulk::write(database, numbers, pieces)
}

/// Removes several values at once.
pub(super) fn delete_batch<'a>(
    database: &Database,
    durability: Durability,
    keys: &'a [Key],
) -> Result<(), FailureAt<'a>> {
    change(database, durability, |change| {
        for key in keys {
            let done = change.current(key).and_then(|old| change.delete(key, old));
            done.map_err(|failure| (failure, Some(key)))?;
        }
        Ok(true)
    })
    .map(|_| ())
}

/// The records of new values, which have consecutive numbers.
fn new_records<'a>(
    database: &Database,
    how: Writing,
    puts: &'a [Put],
) -> Result<Vec<Summed>, FailureAt<'a>> {
    for put in puts {
        let size = put.value.bytes.len() as u64;
        if size > MAX_VALUE {
            let note = format!("the value has {size} bytes, and this store takes {MAX_VALUE}");
            return Err((Failure::new(ErrorKind::Unsupported, note), Some(&put.key)));
        }
    }
    let record = |put: &Put, version| {
        let Value { bytes, content_encoding, .. } = &put.value;
        let size = bytes.len() as u64;
        Record { content_encoding: *content_encoding, version, size }
    };
    let count = puts.iter().map(|put| record(put, 0).numbers().end).sum();
    let mut next = database.new_versions(count)?;
    let new = puts.iter().map(|put| {
        let record = record(put, next);
        next = record.numbers().end;
        (record, (how.sums == Sums::Used).then(|| PieceSums::of(&put.value.bytes)))
    });
    Ok(new.collect())
}

/// Runs `work` in a transaction, again if others disturb it. It tells whether there is something
/// to commit.
fn change<E: From<Failure>>(
    database: &Database,
    durability: Durability,
    work: impl Fn(&Change<'_>) -> Result<bool, E>,
) -> Result<bool, E> {
    let (writer, keys) = (database.to_write()?, database.family(KEYS)?);
    let values = database.family(VALUES)?;
    let (options, how) = (options(durability), OptimisticTransactionOptions::default());
    let mut pause = Duration::from_micros(50);
    for _ in 0..ATTEMPTS {
        let transaction = writer.transaction_opt(&options, &how);
        let change = Change { transaction, keys, values };
        if !work(&change)? {
            return Ok(false);
        }
        match change.transaction.commit() {
            Ok(()) => return Ok(true),
            Err(error) if is_disturbed(&error) => thread::sleep(pause),
            Err(error) => return Err(Failure::from(error).into()),
        }
        pause = (pause * 2).min(Duration::from_millis(10));
    }
    let note = format!("others changed the same keys during each of {ATTEMPTS} attempts");
    Err(Failure::new(ErrorKind::Transient, note).into())
}

impl From<Failure> for FailureAt<'_> {
    fn from(failure: Failure) -> Self {
        (failure, None)
    }
}

/// Whether somebody changed a key first, or RocksDB could no longer tell.
fn is_disturbed(error: &rocksdb::Error) -> bool {
    matches!(error.kind(), RocksKind::Busy | RocksKind::TryAgain)
}

fn options(durability: Durability) -> WriteOptions {
    match durability {
        Durability::None => WriteOptions::default(),
        Durability::Batch => synced(),
    }
}
