//! An open database, whichever way it was opened.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bigarrays_core::backend::ErrorKind;
use bigarrays_core::key::Key;
use rocksdb::{
    ColumnFamily, DBPinnableSlice, DBWithThreadMode, LiveFile, OptimisticTransactionDB,
    ReadOptions, SingleThreaded, WriteOptions,
};

use super::bulk;
use super::failure::{Failure, corrupt};
use super::follow::CatchUp;
use super::layout::{self, Content, FORMAT, FORMAT_KEY, KEYS, VALUES};
use super::options::RocksDbOptions;
use super::places::Claim;
use super::record::{Record, Summed};
use super::sums::Sums;
use super::temporary::Temporary;
use super::tuning;
use super::versions::Versions;

type Reader = DBWithThreadMode<SingleThreaded>;
/// A database that this process writes.
pub(super) type Writer = OptimisticTransactionDB<SingleThreaded>;
type Found<'a> = Result<Option<DBPinnableSlice<'a>>, rocksdb::Error>;
type Records = Vec<Result<Option<Summed>, Failure>>;

/// How often a reading is repeated from under which a writer took a file.
const ATTEMPTS: u32 = 12;

/// Whether a reading can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    More,
    Last,
}

/// An open database.
pub(super) struct Database {
    // Closed first: only then may its temporary files go, and another one be opened here.
    engine: Engine,
    versions: Mutex<Versions>,
    is_changed: AtomicBool,
    _temporary: Option<Temporary>,
    _claim: Option<Claim>,
}

enum Engine {
    Writer(Writer),
    /// A secondary, that follows the writer of another process.
    Follower(Reader, CatchUp),
    Frozen(Reader),
}

/// Does the same with a database of either type.
macro_rules! with {
    ($engine:expr, $database:ident => $work:expr) => {
        match &$engine {
            Engine::Writer($database) => $work,
            Engine::Follower($database, _) | Engine::Frozen($database) => $work,
        }
    };
}

impl Database {
    /// Opens a database for reading and writing.
    pub(super) fn writer(
        path: &Path,
        options: &RocksDbOptions,
        claim: Claim,
    ) -> Result<Self, Failure> {
        let is_new = layout::recognise(path)? == Content::Nothing;
        if is_new && !options.create {
            return Err(layout::nothing());
        }
        layout::room(path)?;
        let mut all = tuning::database(options);
        all.create_if_missing(is_new);
        all.create_missing_column_families(is_new);
        let writer = Writer::open_cf_descriptors(&all, path, tuning::families(options))?;
        let this = Self::of(Engine::Writer(writer), None, Some(claim));
        let Engine::Writer(writer) = &this.engine else { return Err(layout::nothing()) };
        if !this.is_marked()? {
            writer.put_opt(FORMAT_KEY, FORMAT, &synced())?;
        }
        bulk::clean(writer, this.family(VALUES)?)?;
        Ok(this)
    }

    /// Opens a database beside the process that writes it.
    pub(super) fn follower(
        path: &Path,
        options: &RocksDbOptions,
        temporary: Temporary,
        claim: Claim,
    ) -> Result<Self, Failure> {
        ours(path)?;
        let mut all = tuning::database(options);
        // Else each look at what the writer did starts 16 threads a family.
        all.set_max_file_opening_threads(1);
        let (families, own) = (tuning::families(options), temporary.path());
        let reader = Reader::open_cf_descriptors_as_secondary(&all, path, own, families)?;
        let engine = Engine::Follower(reader, CatchUp::of(path));
        let this = Self::of(engine, Some(temporary), Some(claim));
        this.look(|_| this.compare(path, options))?;
        this.marked()
    }

    /// Fails if RocksDB left out files because it could not read them.
    ///
    /// A secondary takes them for files that the writer has removed, and goes on with an older
    /// state, in which keys are absent. Who reads a frozen state is told of the damage.
    fn compare(&self, path: &Path, options: &RocksDbOptions) -> Result<(), Failure> {
        let all = Self::frozen(path, options)?;
        let known: HashSet<String> = self.files()?.into_iter().map(|file| file.name).collect();
        for file in all.files()?.into_iter().filter(|file| !known.contains(&file.name)) {
            let (family, first) = (all.family(&file.column_family_name)?, file.start_key);
            let looked = with!(all.engine, database => {
                database.get_pinned_cf(family, first.unwrap_or_default())
            });
            // It may also have been removed since.
            looked.map_err(Failure::from).map(drop).or_else(|failure| match failure.is_stale {
                true => Ok(()),
                false => Err(failure),
            })?;
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<LiveFile>, Failure> {
        Ok(with!(self.engine, database => database.live_files())?)
    }

    /// Opens the present state of a database.
    pub(super) fn frozen(path: &Path, options: &RocksDbOptions) -> Result<Self, Failure> {
        ours(path)?;
        let (all, families) = (tuning::database(options), tuning::families(options));
        let reader = Reader::open_cf_descriptors_read_only(&all, path, families, false)?;
        Self::of(Engine::Frozen(reader), None, None).marked()
    }

    fn of(engine: Engine, temporary: Option<Temporary>, claim: Option<Claim>) -> Self {
        Self {
            engine,
            versions: Mutex::default(),
            is_changed: AtomicBool::new(false),
            _temporary: temporary,
            _claim: claim,
        }
    }

    fn marked(self) -> Result<Self, Failure> {
        if self.is_marked()? { Ok(self) } else { Err(layout::nothing()) }
    }

    /// Whether the database is of this store, or `false` if it is nobody's yet.
    fn is_marked(&self) -> Result<bool, Failure> {
        let mark = with!(self.engine, database => database.get_pinned(FORMAT_KEY))?;
        match mark.as_deref() {
            Some(FORMAT) => Ok(true),
            Some(other) => {
                let format = String::from_utf8_lossy(other).into_owned();
                let note = format!(
                    "the database has format {format:?}, but this version of bigarrays knows only {}",
                    String::from_utf8_lossy(FORMAT)
                );
                Err(Failure::new(ErrorKind::InvalidConfig, note))
            }
            None => {
                let mut keys = self.keys(ReadOptions::default())?;
                keys.seek(b"");
                if keys.here()?.is_some() { Err(layout::foreign()) } else { Ok(false) }
            }
        }
    }

    /// The database if it can be written, and the right to change it.
    pub(super) fn to_write(&self) -> Result<&Writer, Failure> {
        let Engine::Writer(writer) = &self.engine else {
            let note = "it was opened for reading only";
            return Err(Failure::new(ErrorKind::ReadOnly, note));
        };
        self.is_changed.store(true, Ordering::Relaxed);
        Ok(writer)
    }

    /// So many consecutive numbers that were never used: the first of them.
    pub(super) fn new_versions(&self, count: u64) -> Result<u64, Failure> {
        let writer = self.to_write()?;
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).take(writer, count)
    }

    pub(super) fn family(&self, name: &str) -> Result<&ColumnFamily, Failure> {
        let family = with!(self.engine, database => database.cf_handle(name));
        family.ok_or_else(|| corrupt(format!("there is no family {name:?} in the database")))
    }

    /// What the family of keys says of a key.
    pub(super) fn record(&self, key: &Key) -> Result<Option<Record>, Failure> {
        let (family, key) = (self.family(KEYS)?, key.as_str());
        let record = with!(self.engine, database => database.get_pinned_cf(family, key))?;
        record.map(|record| Record::parse(&record)).transpose()
    }

    /// The same, with the checksums if they are used.
    pub(super) fn record_of_value(&self, key: &Key, sums: Sums) -> Result<Option<Summed>, Failure> {
        let (family, key) = (self.family(KEYS)?, key.as_str());
        let record = with!(self.engine, database => database.get_pinned_cf(family, key))?;
        record.map(|record| parse(&record, sums)).transpose()
    }

    /// The same of many keys.
    pub(super) fn records(&self, keys: &[Key], sums: Sums) -> Result<Records, Failure> {
        let (family, keys) = (self.family(KEYS)?, keys.iter().map(Key::as_str));
        let found =
            with!(self.engine, database => database.batched_multi_get_cf(family, keys, false));
        let parse = |found: Found<'_>| found?.map(|record| parse(&record, sums)).transpose();
        Ok(found.into_iter().map(parse).collect())
    }

    /// A piece of a value.
    pub(super) fn piece(
        &self,
        key: [u8; 8],
        options: &ReadOptions,
    ) -> Result<Option<DBPinnableSlice<'_>>, Failure> {
        let family = self.family(VALUES)?;
        Ok(with!(self.engine, database => database.get_pinned_cf_opt(family, key, options))?)
    }

    /// Many pieces of values.
    pub(super) fn pieces(&self, keys: &[[u8; 8]]) -> Result<Vec<Found<'_>>, Failure> {
        let family = self.family(VALUES)?;
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        Ok(with!(self.engine, database => {
            database.batched_multi_get_cf_opt(family, keys, false, &options)
        }))
    }

    /// The family of keys, in order.
    pub(super) fn keys(&self, options: ReadOptions) -> Result<Keys<'_>, Failure> {
        let family = self.family(KEYS)?;
        Ok(match &self.engine {
            Engine::Writer(writer) => Keys::Writer(writer.raw_iterator_cf_opt(family, options)),
            Engine::Follower(reader, _) | Engine::Frozen(reader) => {
                Keys::Reader(reader.raw_iterator_cf_opt(family, options))
            }
        })
    }

    /// Looks into a state of the database that has all that was reported done before. `look` is
    /// told whether it is the last attempt.
    pub(super) fn look<T>(
        &self,
        mut look: impl FnMut(Attempt) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Engine::Follower(reader, catch_up) = &self.engine else {
            return look(Attempt::Last).map_err(|failure| self.explained(failure));
        };
        let mut pause = Duration::from_micros(200);
        for _ in 1..ATTEMPTS {
            match catch_up.run(reader).and_then(|()| look(Attempt::More)) {
                Err(failure) if failure.is_stale => thread::sleep(pause),
                answer => return answer,
            }
            pause *= 2;
        }
        let last = catch_up.run(reader).and_then(|()| look(Attempt::Last));
        last.map_err(|failure| self.explained(failure))
    }

    /// Says of a file that is gone why it may be so.
    fn explained(&self, failure: Failure) -> Failure {
        if !failure.is_stale || failure.kind() != ErrorKind::Other {
            return failure;
        }
        match self.engine {
            Engine::Writer(_) => failure.explained(ErrorKind::Corrupt, MISSING),
            Engine::Follower(..) => failure.explained(ErrorKind::Transient, RACED),
            Engine::Frozen(_) => failure.explained(ErrorKind::Transient, GONE),
        }
    }
}

const MISSING: &str = "a file of the database is missing";
const GONE: &str = "a writer has removed files of the state that was opened; open it again, or \
                    read in the mode that follows writers (`secondary`)";
const RACED: &str = "a file is missing, or the writer removes files faster than this process can \
                     follow";

fn parse(record: &[u8], sums: Sums) -> Result<Summed, Failure> {
    match sums {
        Sums::Used => Record::parse_with_sums(record),
        Sums::Ignored => Ok((Record::parse(record)?, None)),
    }
}

/// Fails if there is no database of this store, as far as can be seen without opening it.
fn ours(path: &Path) -> Result<(), Failure> {
    match layout::recognise(path)? {
        Content::Ours => Ok(()),
        Content::Nothing => Err(layout::nothing()),
    }
}

/// How to write what must survive a power cut.
pub(super) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

impl Drop for Database {
    fn drop(&mut self) {
        let Engine::Writer(writer) = &self.engine else { return };
        if !self.is_changed.load(Ordering::Relaxed) {
            return;
        }
        // All is in the log already: this only makes the next opening quick, so that a failure
        // does not matter.
        for name in ["default", KEYS, VALUES] {
            if let Some(family) = writer.cf_handle(name) {
                let _ = writer.flush_cf(family);
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match &self.engine {
            Engine::Writer(_) => "Writer",
            Engine::Follower(..) => "Follower",
            Engine::Frozen(_) => "Frozen",
        };
        f.debug_struct("Database").field("engine", &engine).finish_non_exhaustive()
    }
}

/// A key and its record.
type Entry<'a> = (&'a [u8], &'a [u8]);

/// The keys of a database and their records, in order.
pub(super) enum Keys<'a> {
    Writer(rocksdb::DBRawIteratorWithThreadMode<'a, Writer>),
    Reader(rocksdb::DBRawIteratorWithThreadMode<'a, Reader>),
}

impl Keys<'_> {
    pub(super) fn seek(&mut self, key: &[u8]) {
        match self {
            Self::Writer(keys) => keys.seek(key),
            Self::Reader(keys) => keys.seek(key),
        }
    }

    /// Where it stands; `None` behind the last one.
    pub(super) fn here(&self) -> Result<Option<Entry<'_>>, Failure> {
        match self {
            Self::Writer(keys) => keys.status()?,
            Self::Reader(keys) => keys.status()?,
        }
        Ok(match self {
            Self::Writer(keys) => keys.item(),
            Self::Reader(keys) => keys.item(),
        })
    }

    pub(super) fn advance(&mut self) {
        match self {
            Self::Writer(keys) => keys.next(),
            Self::Reader(keys) => keys.next(),
        }
    }
}
