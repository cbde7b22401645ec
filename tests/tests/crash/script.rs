//! What a writer does, step by step: it follows from a seed, so that the parent knows it too.

use bigarrays_tests::matrix::Random;

/// How many keys, or chunks, a writer works on. They lie in two groups of eight.
pub(crate) const KEYS: usize = 16;
/// Keys of a group: those of one shard, of one file, of one folder.
pub(crate) const GROUP: usize = 8;

/// One step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// One key gets a new value.
    Put(usize),
    /// One key gets a new value if it is as it was read.
    Swap(usize),
    /// Several keys of one group get new values at once.
    Batch(Vec<usize>),
    /// All keys of the group of this one get new values at once.
    Whole(usize),
    /// One key is removed.
    Delete(usize),
}

/// Step `number` of the script of a seed.
pub(crate) fn step(seed: u64, number: u64) -> Step {
    let mut random = Random::new(&format!("step {number} of {seed}"));
    // The first numbers of such a generator resemble each other.
    for _ in 0..8 {
        random.below(2);
    }
    let key = random.below(KEYS);
    let group = key / GROUP * GROUP;
    match random.below(10) {
        0..=3 => Step::Put(key),
        4 | 5 => Step::Swap(key),
        6 => Step::Batch((group..group + GROUP).filter(|_| random.below(2) == 0).collect()),
        7 | 8 => Step::Whole(group),
        _ => Step::Delete(key),
    }
}

impl Step {
    /// The keys that it changes.
    pub(crate) fn keys(&self) -> Vec<usize> {
        match self {
            Self::Put(key) | Self::Swap(key) | Self::Delete(key) => vec![*key],
            Self::Batch(keys) => keys.clone(),
            Self::Whole(group) => (*group..*group + GROUP).collect(),
        }
    }

    /// What it makes of the numbers of the values of all keys.
    pub(crate) fn apply(&self, number: u64, state: &mut [Option<u64>]) {
        for key in self.keys() {
            let is_deleted = matches!(self, Self::Delete(_));
            state[key] = (!is_deleted).then(|| value_number(number, key));
        }
    }
}

/// The number of the value that step `number` gives a key: no two steps and keys share one.
pub(crate) fn value_number(number: u64, key: usize) -> u64 {
    number * KEYS as u64 + key as u64
}
