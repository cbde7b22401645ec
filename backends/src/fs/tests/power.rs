//! Power cuts: what was reported durable is there in every state that the model of a disk allows,
//! no value is torn, and none is mixed with another.
//!
//! A run of a store is recorded. After each of its system calls the power may go: every state that
//! the disk may then have (`model`) is made, and a store opened on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bigarrays_core::Prefix;
use bigarrays_core::backend::{
    ContentEncoding, KeyValueBackend, KeyValueBackendExt, Precondition, Put, Value, wait,
};
use bigarrays_core::conformance::{sealed, unseal};

use super::model::{Disk, Random, Tree};
use super::watch::{Event, Watch};
use super::{folder, key};
use crate::fs::{Durability, FsBackend};

const NAMES: [&str; 6] = ["a/x", "a/y", "b/deep/er/z", "b/w", "c/only", "top"];

/// The values of all keys, by their numbers.
type Content = BTreeMap<usize, u64>;

/// What a run does. Keys are places in [`NAMES`]; each value has a number of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Put(usize),
    Packed(usize),
    Swap(usize),
    Batch(Vec<usize>),
    Delete(usize),
    Deletes(Vec<usize>),
}

impl Step {
    fn keys(&self) -> Vec<usize> {
        match self {
            Self::Put(n) | Self::Packed(n) | Self::Swap(n) | Self::Delete(n) => vec![*n],
            Self::Batch(keys) | Self::Deletes(keys) => keys.clone(),
        }
    }

    /// The value that it gives a key, as step `number` of its run.
    fn makes(&self, number: usize, n: usize) -> Option<u64> {
        let is_delete = matches!(self, Self::Delete(_) | Self::Deletes(_));
        (!is_delete).then(|| (number * NAMES.len() + n + 1) as u64)
    }

    fn apply(&self, number: usize, content: &mut Content) {
        for n in self.keys() {
            match self.makes(number, n) {
                Some(value) => drop(content.insert(n, value)),
                None => drop(content.remove(&n)),
            }
        }
    }

    fn act(&self, store: &FsBackend, number: usize) {
        let bytes = |n: usize| sealed(self.makes(number, n).unwrap(), 40 + 7 * n);
        match self {
            Self::Put(n) => {
                wait(store.put_always(&key(NAMES[*n]), bytes(*n))).unwrap();
            }
            Self::Packed(n) => {
                let value = Value::encoded(bytes(*n), ContentEncoding::Gzip);
                wait(store.put_always(&key(NAMES[*n]), value)).unwrap();
            }
            Self::Swap(n) => {
                let now = wait(store.head(&key(NAMES[*n]))).unwrap().and_then(|meta| meta.version);
                let when = now.map_or(Precondition::IfAbsent, Precondition::IfVersion);
                let put = wait(store.put(&key(NAMES[*n]), bytes(*n).into(), when)).unwrap();
                assert!(put.is_written());
            }
            Self::Batch(keys) => {
                let put = |&n: &usize| Put { key: key(NAMES[n]), value: bytes(n).into() };
                wait(store.put_batch(keys.iter().map(put).collect())).unwrap();
            }
            Self::Delete(n) => {
                let _always = wait(store.delete(&key(NAMES[*n]), Precondition::Always)).unwrap();
            }
            Self::Deletes(keys) => {
                let keys: Vec<_> = keys.iter().map(|&n| key(NAMES[n])).collect();
                wait(store.delete_batch(&keys)).unwrap();
            }
        }
    }
}

/// A run and what was recorded of it.
struct Recording {
    base: PathBuf,
    durability: Durability,
    steps: Vec<Step>,
    events: Vec<Event>,
}

/// Runs steps on a new store, by its handles in turn, and records its system calls.
fn record(steps: &[Step], durability: Durability, handles: usize) -> Recording {
    let dir = folder();
    let base = dir.path().to_owned();
    let open = |_| FsBackend::builder(base.join("root")).durability(durability).open().unwrap();
    let stores: Vec<FsBackend> = (0..handles).map(open).collect();
    let watch = Watch::below(&base);
    for (number, step) in steps.iter().enumerate() {
        step.act(&stores[number % handles], number);
        watch.report();
    }
    let events = watch.take_events();
    Recording { base, durability, steps: steps.to_owned(), events }
}

/// Kinds of syncs: each of them is left out once, and must be missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// Of a file before it is renamed.
    File,
    /// Of the directory of a value after the rename.
    Rename,
    /// Of a directory in which a directory was made.
    Made,
    /// Of a directory after a removal.
    Removal,
    /// Between the rename to the name of a new encoding and the removal of the old name.
    Encoding,
}

impl Recording {
    /// The same as if the store had left out one kind of sync.
    fn without(mut self, kind: Sync) -> Self {
        let kinds: Vec<Option<Sync>> = (0..self.events.len()).map(|n| self.kind(n)).collect();
        let mut kinds = kinds.into_iter();
        self.events.retain(|_| kinds.next().flatten() != Some(kind));
        self
    }

    /// What kind of sync an event is.
    fn kind(&self, at: usize) -> Option<Sync> {
        let synced = match &self.events[at] {
            Event::SyncFile(_) => return Some(Sync::File),
            Event::SyncDirectory(directory) => directory,
            _ => return None,
        };
        if matches!(self.events.get(at + 1), Some(Event::Unlink(_))) {
            return Some(Sync::Encoding);
        }
        // The last change of its entries.
        self.events[..at].iter().rev().find_map(|event| {
            let (path, kind) = match event {
                Event::Rename(_, path) => (path, Sync::Rename),
                Event::MakeDirectory(path) => (path, Sync::Made),
                Event::Unlink(path) | Event::RemoveDirectory(path) => (path, Sync::Removal),
                _ => return None,
            };
            (path.parent() == Some(synced.as_path())).then_some(kind)
        })
    }

    /// Cuts the power after each call, and looks at every state that the disk may then have.
    /// Gives the number of states, or the first loss.
    fn cut_everywhere(&self, seed: u64) -> Result<usize, String> {
        let mut random = Random(seed);
        let mut disk = Disk::new(&self.base);
        let mut content = Content::new();
        let (mut done, mut states) = (0, 0);
        for (at, event) in self.events.iter().enumerate() {
            disk.play(event);
            if *event == Event::Reported {
                self.steps[done].apply(done, &mut content);
                done += 1;
            }
            for tree in disk.after_power_cut(&mut random) {
                states += 1;
                self.judge(&tree, &content, done).map_err(|what| {
                    let under_way = self.steps.get(done);
                    format!("after call {at} ({event:?}), with {under_way:?} under way: {what}")
                })?;
            }
        }
        assert_eq!(done, self.steps.len());
        Ok(states)
    }

    /// Opens a store on what a power cut left. `content` was reported, step `done` under way.
    fn judge(&self, tree: &Tree, content: &Content, done: usize) -> Result<(), String> {
        let dir = folder();
        make(dir.path(), tree);
        let options = FsBackend::builder(dir.path().join("root")).durability(Durability::None);
        let store = options.open().map_err(|error| error.to_string())?;
        let under_way = self.steps.get(done);
        let keys = under_way.map(Step::keys).unwrap_or_default();
        let mut found = Content::new();
        for (n, name) in NAMES.iter().enumerate() {
            let value = wait(store.get_bytes(&key(name))).map_err(|error| error.to_string())?;
            let number = value.map(|bytes| unseal(&bytes)).transpose();
            let number = number.map_err(|what| format!("{name} is torn: {what}"))?;
            let old = content.get(&n).copied();
            let new = under_way.and_then(|step| step.makes(done, n));
            if number != old && !(keys.contains(&n) && number == new) {
                return Err(format!("{name} is {number:?}, and was reported as {old:?}"));
            }
            found.extend(number.map(|number| (n, number)));
        }
        if self.durability == Durability::Each {
            // Each value of a batch is durable before the next one is written.
            let is_new = |n: &usize| found.get(n) != content.get(n);
            let news: Vec<bool> = keys.iter().map(is_new).collect();
            let is_batch = matches!(under_way, Some(Step::Batch(_)));
            if is_batch && !news.is_sorted_by(|a, b| a >= b) {
                return Err(format!("of {under_way:?} a later value is there without one before"));
            }
        }
        let listed = wait(store.list_all(&Prefix::root())).map_err(|error| error.to_string())?;
        let mut listed: Vec<String> = listed.into_iter().map(|meta| meta.key.to_string()).collect();
        listed.sort();
        let mut wanted: Vec<&str> = found.keys().map(|&n| NAMES[n]).collect();
        wanted.sort_unstable();
        if listed != wanted {
            return Err(format!("{listed:?} are listed instead of {wanted:?}"));
        }
        let next = wait(store.put_always(&key("a/x"), "next"));
        next.map(drop).map_err(|error| format!("the next put: {error}"))
    }
}

fn make(root: &Path, tree: &Tree) {
    for (path, content) in tree {
        let path = root.join(path);
        match content {
            None => fs::create_dir(path).unwrap(),
            Some(bytes) => fs::write(path, bytes).unwrap(),
        }
    }
}

/// Every operation, in every relation to what is there.
fn short() -> Vec<Step> {
    vec![
        Step::Put(2),
        Step::Put(0),
        Step::Put(0),
        Step::Swap(0),
        Step::Packed(0),
        Step::Put(0),
        Step::Batch(vec![0, 3, 4]),
        Step::Delete(4),
        Step::Swap(4),
        Step::Deletes(vec![2, 4]),
        Step::Delete(0),
    ]
}

fn random_steps(seed: u64, count: usize) -> Vec<Step> {
    let mut random = Random(seed);
    let some = |random: &mut Random| {
        let mut keys: Vec<usize> = (0..NAMES.len()).collect();
        keys.retain(|_| random.below(2) == 0);
        keys
    };
    let step = |_| {
        let n = random.below(NAMES.len());
        match random.below(8) {
            0 | 1 => Step::Put(n),
            2 => Step::Packed(n),
            3 => Step::Swap(n),
            4 => Step::Batch(some(&mut random)),
            5 => Step::Deletes(some(&mut random)),
            _ => Step::Delete(n),
        }
    };
    (0..count).map(step).collect()
}

#[test]
fn no_power_cut_loses_or_tears_what_was_reported() {
    for durability in [Durability::Batch, Durability::Each] {
        let states = record(&short(), durability, 1).cut_everywhere(1);
        let states = states.unwrap_or_else(|what| panic!("{durability:?}: {what}"));
        assert!(states > 200, "{durability:?}: only {states} states");
    }
}

#[test]
fn no_power_cut_in_a_long_run_loses_or_tears_what_was_reported() {
    for seed in 1..=4 {
        for (durability, handles) in [(Durability::Batch, 1), (Durability::Each, 2)] {
            let run = record(&random_steps(seed, 25), durability, handles);
            let told = format!("seed {seed}, {durability:?}, {handles} handles");
            run.cut_everywhere(seed).unwrap_or_else(|what| panic!("{told}: {what}"));
        }
    }
}

#[test]
fn without_any_one_kind_of_sync_a_power_cut_does_harm() {
    for durability in [Durability::Batch, Durability::Each] {
        for (kind, harm) in [
            (Sync::File, "torn"),
            (Sync::Rename, "reported as"),
            (Sync::Made, "reported as"),
            (Sync::Removal, "reported as"),
            (Sync::Encoding, "reported as"),
        ] {
            let found = record(&short(), durability, 1).without(kind).cut_everywhere(1);
            let what = found.expect_err(&format!("{durability:?} without syncs of kind {kind:?}"));
            assert!(what.contains(harm), "{durability:?}, {kind:?}: {what}");
        }
    }
}

#[test]
fn a_directory_that_another_handle_made_without_syncs_is_made_durable_too() {
    let dir = folder();
    let open = |durability| FsBackend::builder(dir.path().join("root")).durability(durability);
    let durable = open(Durability::Batch).open().unwrap();
    let careless = open(Durability::None).open().unwrap();
    let watch = Watch::below(dir.path());
    Step::Put(0).act(&durable, 0);
    // The directory that the first handle knows to be durable goes, and comes again.
    Step::Delete(0).act(&careless, 1);
    Step::Put(1).act(&careless, 2);
    Step::Put(0).act(&durable, 3);
    let mut disk = Disk::new(dir.path());
    watch.take_events().iter().for_each(|event| disk.play(event));
    for tree in disk.after_power_cut(&mut Random(1)) {
        let kept = tree.get(Path::new("root/a/x")).and_then(Option::as_deref);
        let kept = kept.unwrap_or_else(|| panic!("what was reported is not in {:?}", tree.keys()));
        assert_eq!(unseal(kept), Ok(Step::Put(0).makes(3, 0).unwrap()));
    }
}
