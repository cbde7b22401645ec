//! The many options of RocksDB, chosen for values of 16 KiB to 1 MiB.
//!
//! Pieces of values have ascending numbers as keys, so that what is moved from memory into files
//! lies behind all that is there, and RocksDB has nothing to merge: a value is written to the log
//! and once to a file. RocksDB's own way to the same end, blob files, is of no use here: in
//! versions before 11.8, 7.8 to 10 among them, a secondary that reads from one ends the process
//! (facebook/rocksdb#13248), and its makers do not support the two together (#13296).

use std::thread;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, LogLevel, Options,
};

use super::layout::{KEYS, VALUES};
use super::options::{Compression, RocksDbOptions};

/// Buffers of values at once: one that fills, two that are being moved into files.
const BUFFERS: usize = 3;
/// Bytes of a file of values. 1 TiB has 4096 of them.
const FILE: u64 = 256 << 20;
/// Bytes of the two buffers of keys, each.
const KEY_BUFFER: usize = 8 << 20;
/// The format of tables: since RocksDB 6.6, so that Debian's 7.8 reads what 11 wrote.
const TABLE_FORMAT: i32 = 5;

/// The options of the database as a whole.
pub(super) fn database(options: &RocksDbOptions) -> Options {
    let mut all = Options::default();
    let threads = thread::available_parallelism().map_or(2, usize::from).clamp(2, 16);
    all.increase_parallelism(i32::try_from(threads).unwrap_or(2));
    all.set_max_open_files(i32::from(options.max_open_files));
    // The log is let go when all families have been moved into files; the one of keys fills
    // slowly and would keep it.
    let log = options.write_buffer.saturating_mul(BUFFERS);
    all.set_max_total_wal_size(u64::try_from(log).unwrap_or(u64::MAX));
    // Written pages go to the disk steadily and not all at the end.
    all.set_bytes_per_sync(1 << 20);
    // What fails is told by errors. A log must not be the first to meet a full disk: some builds of
    // RocksDB (Debian's 7.8) end the process when they log on after that. The statistics nobody
    // reads.
    all.set_log_level(LogLevel::Fatal);
    all.set_max_log_file_size(1 << 20);
    all.set_keep_log_file_num(4);
    all.set_stats_dump_period_sec(0);
    all.set_stats_persist_period_sec(0);
    all
}

/// The families and their options. The default one holds what belongs to the database.
pub(super) fn families(options: &RocksDbOptions) -> Vec<ColumnFamilyDescriptor> {
    let cache = |bytes| Cache::new_lru_cache(bytes).made();
    let table = |cache: &Option<Cache>| {
        let mut table = BlockBasedOptions::default();
        table.set_format_version(TABLE_FORMAT);
        table.set_block_size(16 << 10);
        if let Some(cache) = cache {
            table.set_block_cache(cache);
        }
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        table
    };
    let family = |table: &BlockBasedOptions, buffer: usize, buffers: i32| {
        let mut family = Options::default();
        family.set_block_based_table_factory(table);
        family.set_compression_type(DBCompressionType::Lz4);
        family.set_level_compaction_dynamic_level_bytes(true);
        family.set_write_buffer_size(buffer);
        family.set_max_write_buffer_number(buffers);
        // Transactions compare with what is in memory. What was moved into a file while one of
        // them ran makes it start anew; keeping it in memory longer would cost its size again.
        family.set_max_write_buffer_size_to_maintain(1);
        family
    };
    // Values would drive all keys out of a cache that they share.
    let of_values = options.cache / 4;
    let mut keyed = table(&cache(options.cache - of_values));
    // A missing chunk is often asked for, a missing piece never.
    keyed.set_bloom_filter(10.0, false);
    let buffers = i32::try_from(BUFFERS).unwrap_or(2);
    let mut values = family(&table(&cache(of_values)), options.write_buffer, buffers);
    values.set_target_file_size_base(FILE);
    values.set_max_bytes_for_level_base(4 * FILE);
    values.set_compression_type(match options.compression {
        Compression::None => DBCompressionType::None,
        Compression::Lz4 => DBCompressionType::Lz4,
        Compression::Zstd => DBCompressionType::Zstd,
    });
    vec![
        ColumnFamilyDescriptor::new("default", family(&keyed, 1 << 20, 2)),
        ColumnFamilyDescriptor::new(KEYS, family(&keyed, KEY_BUFFER, 2)),
        ColumnFamilyDescriptor::new(VALUES, values),
    ]
}

/// Making a cache can fail in the crate's version 0.20, and not in later ones.
trait Made {
    fn made(self) -> Option<Cache>;
}

impl Made for Cache {
    fn made(self) -> Option<Cache> {
        Some(self)
    }
}

impl Made for Result<Cache, rocksdb::Error> {
    fn made(self) -> Option<Cache> {
        self.ok()
    }
}
