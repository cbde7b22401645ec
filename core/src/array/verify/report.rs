//! What is asked of a check, and what it tells.

use std::ops::ControlFlow;

use crate::key::Key;

/// How thoroughly a scale is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Whether every chunk is read and decoded, and not only names, lengths and the indices of
    /// shards are looked at. Reading is also what makes a store compare checksums, if it keeps
    /// some.
    pub deep: bool,
    /// Whether a missing chunk is a fault. By default it is not: a volume may be sparse.
    pub expect_complete: bool,
}

/// Something that is wrong with a stored value, or with a chunk that should be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key of the chunk, or of the shard that it is in.
    pub key: Key,
    /// What is wrong, in one line.
    pub what: String,
}

/// How far a check has come: all that a later one needs to go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// How many of the chunks, or of the shards, are done.
    pub done: u64,
    /// The first place that is not done: the cell of a chunk as `[z, y, x]`, or `[shard, 0, 0]`.
    /// Places are done in ascending order.
    pub next: [u64; 3],
    /// Chunks that were found so far, where a listing does not count them: in shards, and in a
    /// store that cannot list.
    pub chunks: u64,
    /// Bytes that were read of values so far.
    pub bytes: u64,
    /// What was found to be wrong with what is done. What a listing tells is not among it.
    pub bad: Vec<Finding>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Whether the check came to its end; if not, it was stopped by who watched it.
    pub is_finished: bool,
    /// Whether keys were listed. A store that cannot list is asked for each chunk of the grid;
    /// foreign and wrong names are not found there.
    pub is_listed: bool,
    /// Chunks of the grid.
    pub grid: u64,
    /// Chunks that are stored, damaged or not.
    pub stored: u64,
    /// Chunks of the grid that are not stored.
    pub missing: u64,
    /// Shards that are stored; 0 in a scale without shards, and where keys are not listed.
    pub shards: u64,
    /// Bytes of values that were read.
    pub bytes: u64,
    /// All that is wrong, by key.
    pub bad: Vec<Finding>,
    /// How many keys in the scale's directory are neither chunks nor shards. That is no fault.
    pub foreign: u64,
    /// The first of them.
    pub foreign_keys: Vec<Key>,
}

/// Is told how a check comes along; from the thread that called.
pub trait VerifyWatch: Sync {
    /// So many values are to be looked at: chunks, or shards.
    fn begin(&self, values: u64) {
        let _ = values;
    }

    /// So many more of them are done.
    fn advance(&self, values: u64) {
        let _ = values;
    }

    /// The check could go on from here if it were ended. Called often: after each group of values.
    /// [`Break`](ControlFlow::Break) ends it.
    fn checkpoint(&self, at: &Checkpoint) -> ControlFlow<()> {
        let _ = at;
        ControlFlow::Continue(())
    }
}

/// Nobody watches.
impl VerifyWatch for () {}
