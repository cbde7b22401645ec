//! What changes a database.

use std::thread;
use std::time::Duration;

use bigarrays_core::backend::{ErrorKind, Precondition, Put, Value, Version};
use bigarrays_core::key::Key;
use rocksdb::{
    ColumnFamily, ErrorKind as RocksKind, OptimisticTransactionOptions, Transaction,
    WriteBatchWithTransaction, WriteOptions,
};

use super::database::{Database, Writer, synced};
use super::failure::Failure;
use super::layout::{KEYS, VALUES};
use super::options::Durability;
use super::record::Header;

/// The longest value in bytes. RocksDB counts lengths in 32 bits, and holds a value several times
/// in memory while it is written.
pub(super) const MAX_VALUE: u64 = 1 << 30;
/// How often a transaction is tried that others disturb.
const ATTEMPTS: u32 = 64;

type Batch = WriteBatchWithTransaction<true>;

/// What is written for a value.
struct Records {
    header: Header,
    size: u64,
}

impl Records {
    fn of(value: &Value, version: u64) -> Result<Self, Failure> {
        let size = value.bytes.len() as u64;
        if size > MAX_VALUE {
            let note = format!("the value has {size} bytes, and this store takes {MAX_VALUE}");
            return Err(Failure::new(ErrorKind::Unsupported, note));
        }
        Ok(Self { header: Header { content_encoding: value.content_encoding, version }, size })
    }
}

/// The two families that change together.
struct Families<'a> {
    keys: &'a ColumnFamily,
    values: &'a ColumnFamily,
}

impl<'a> Families<'a> {
    fn of(database: &'a Database) -> Result<Self, Failure> {
        Ok(Self { keys: database.family(KEYS)?, values: database.family(VALUES)? })
    }

    fn put(&self, batch: &mut Batch, put: (&Key, &Value), version: u64) -> Result<(), Failure> {
        let (key, value) = put;
        let Records { header, size } = Records::of(value, version)?;
        batch.put_cf(self.values, key.as_str(), header.with_value(&value.bytes));
        batch.put_cf(self.keys, key.as_str(), header.with_size(size));
        Ok(())
    }

    fn delete(&self, batch: &mut Batch, key: &Key) {
        batch.delete_cf(self.values, key.as_str());
        batch.delete_cf(self.keys, key.as_str());
    }
}

/// Stores a value if `when` holds; gives its version if it did.
pub(super) fn put(
    database: &Database,
    durability: Durability,
    put: (&Key, &Value),
    when: &Precondition,
) -> Result<Option<Version>, Failure> {
    let version = database.new_versions(1)?;
    let families = Families::of(database)?;
    let stored = Some(Version::from_u64(version));
    if *when == Precondition::Always {
        let mut batch = Batch::default();
        families.put(&mut batch, put, version)?;
        database.to_write()?.write_opt(batch, &options(durability))?;
        return Ok(stored);
    }
    let (key, value) = put;
    let Records { header, size } = Records::of(value, version)?;
    let record = header.with_value(&value.bytes);
    let is_done = change(database, durability, (key, when), |change| {
        change.put_cf(families.values, key.as_str(), &record)?;
        change.put_cf(families.keys, key.as_str(), header.with_size(size))
    })?;
    Ok(stored.filter(|_| is_done))
}

/// Removes a value if `when` holds, and tells whether it did.
pub(super) fn delete(
    database: &Database,
    durability: Durability,
    key: &Key,
    when: &Precondition,
) -> Result<bool, Failure> {
    if *when == Precondition::Always {
        delete_batch(database, durability, std::slice::from_ref(key))?;
        return Ok(true);
    }
    let families = Families::of(database)?;
    change(database, durability, (key, when), |change| {
        change.delete_cf(families.values, key.as_str())?;
        change.delete_cf(families.keys, key.as_str())
    })
}

/// Stores several values at once. Tells the key that is refused.
pub(super) fn put_batch(
    database: &Database,
    durability: Durability,
    puts: Vec<Put>,
) -> Result<(), (Failure, Option<Key>)> {
    let write = || -> Result<Batch, (Failure, Option<Key>)> {
        let first = database.new_versions(puts.len()).map_err(|failure| (failure, None))?;
        let families = Families::of(database).map_err(|failure| (failure, None))?;
        let mut batch = Batch::default();
        // Each value is let go when it is in the batch.
        for (version, put) in (first..).zip(puts) {
            let added = families.put(&mut batch, (&put.key, &put.value), version);
            added.map_err(|failure| (failure, Some(put.key)))?;
        }
        Ok(batch)
    };
    let batch = write()?;
    let writer = database.to_write().map_err(|failure| (failure, None))?;
    writer.write_opt(batch, &options(durability)).map_err(|error| (error.into(), None))
}

/// Removes several values at once.
pub(super) fn delete_batch(
    database: &Database,
    durability: Durability,
    keys: &[Key],
) -> Result<(), Failure> {
    let (writer, families) = (database.to_write()?, Families::of(database)?);
    let mut batch = Batch::default();
    keys.iter().for_each(|key| families.delete(&mut batch, key));
    Ok(writer.write_opt(batch, &options(durability))?)
}

/// Changes a key if `when` holds, and tells whether it did.
fn change(
    database: &Database,
    durability: Durability,
    (key, when): (&Key, &Precondition),
    work: impl Fn(&Transaction<'_, Writer>) -> Result<(), rocksdb::Error>,
) -> Result<bool, Failure> {
    let (writer, keys) = (database.to_write()?, database.family(KEYS)?);
    let (options, how) = (options(durability), OptimisticTransactionOptions::default());
    let mut pause = Duration::from_micros(50);
    for _ in 0..ATTEMPTS {
        let change = writer.transaction_opt(&options, &how);
        // From here on, whoever else changes the key makes the commit fail.
        let current = change.get_for_update_cf(keys, key.as_str(), true)?;
        let current = current.map(|record| Header::of(&record).map(Header::version)).transpose()?;
        if !when.holds(current.as_ref()) {
            return Ok(false);
        }
        work(&change)?;
        match change.commit() {
            Ok(()) => return Ok(true),
            Err(error) if is_disturbed(&error) => thread::sleep(pause),
            Err(error) => return Err(error.into()),
        }
        pause = (pause * 2).min(Duration::from_millis(10));
    }
    let note = format!("others changed the value during each of {ATTEMPTS} attempts");
    Err(Failure::new(ErrorKind::Transient, note))
}

/// Whether somebody changed the key first, or RocksDB could no longer tell.
fn is_disturbed(error: &rocksdb::Error) -> bool {
    matches!(error.kind(), RocksKind::Busy | RocksKind::TryAgain)
}

fn options(durability: Durability) -> WriteOptions {
    match durability {
        Durability::None => WriteOptions::default(),
        Durability::Batch => synced(),
    }
}
