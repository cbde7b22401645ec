//! Power cuts and failing system calls: a file is the old one or the new one, and what was reported
//! is there, in every state that the model of a disk allows (`crate::fs::tests::model`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bigarrays_core::backend::{
    KeyValueBackend, KeyValueBackendExt, Precondition, Put, Value, wait,
};
use bigarrays_core::conformance::{sealed, unseal};
use bigarrays_core::{DataType, Encoding, Key, Prefix, VolumeInfo};

use super::H5CuboidBackend;
use crate::fs::Durability;
use crate::fs::tests::model::{Disk, Random, Tree};
use crate::fs::tests::watch::{Event, Kind, Watch};
use crate::fs::tests::{folder, tree};

/// Two in a file each.
const CHUNKS: [&str; 4] =
    ["1_1_1/0-8_0-8_0-8", "1_1_1/8-16_0-8_0-8", "1_1_1/16-24_0-8_0-8", "1_1_1/24-32_0-8_0-8"];
const BYTES: usize = 8 * 8 * 8;

type Content = BTreeMap<usize, u64>;

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

fn open(root: &Path, durability: Durability) -> H5CuboidBackend {
    let options = H5CuboidBackend::builder(root).block([16, 8, 8]).durability(durability);
    options.open().unwrap()
}

fn put_info(store: &H5CuboidBackend) {
    let info = VolumeInfo::builder(DataType::Uint8, [32, 8, 8]).chunk_size([8; 3]);
    let info = info.resolution([1.0; 3]).encoding(Encoding::Raw).build().unwrap();
    wait(store.put_always(&key("info"), info.to_json().unwrap())).unwrap();
}

/// What a run does with chunks: puts some at once, or removes one.
#[derive(Debug, Clone)]
enum Step {
    Put(&'static [usize]),
    Delete(usize),
}

impl Step {
    fn makes(&self, number: usize, n: usize) -> Option<u64> {
        matches!(self, Self::Put(_)).then_some((number * CHUNKS.len() + n + 1) as u64)
    }

    fn keys(&self) -> Vec<usize> {
        match self {
            Self::Put(keys) => keys.to_vec(),
            Self::Delete(n) => vec![*n],
        }
    }

    fn act(&self, store: &H5CuboidBackend, number: usize) {
        match self {
            Self::Put(keys) => {
                let value = |n| Value::plain(sealed(self.makes(number, n).unwrap(), BYTES));
                let put = |&n: &usize| Put { key: key(CHUNKS[n]), value: value(n) };
                wait(store.put_batch(keys.iter().map(put).collect())).unwrap();
            }
            Self::Delete(n) => {
                let gone = wait(store.delete(&key(CHUNKS[*n]), Precondition::Always));
                let _always = gone.unwrap();
            }
        }
    }
}

const STEPS: [Step; 6] = [
    Step::Put(&[0]),
    Step::Put(&[0, 1, 2]),
    Step::Put(&[1]),
    Step::Delete(0),
    Step::Delete(1),
    Step::Put(&[0, 3]),
];

/// The calls of a run, from the first on.
fn record(root: &Path, durability: Durability) -> Vec<Event> {
    let watch = Watch::below(root.parent().unwrap());
    let store = open(root, durability);
    put_info(&store);
    watch.report();
    for (number, step) in STEPS.iter().enumerate() {
        step.act(&store, number);
        watch.report();
    }
    watch.take_events()
}

/// Cuts the power after each call. Gives the number of states, or the first loss.
fn cut_everywhere(base: &Path, events: &[Event]) -> Result<usize, String> {
    let mut random = Random(1);
    let mut disk = Disk::new(base);
    let mut content = Content::new();
    let (mut reports, mut states) = (0, 0);
    for event in events {
        disk.play(event);
        if *event == Event::Reported {
            reports += 1;
            // The first one was that of the info.
            if reports > 1 {
                let number = reports - 2;
                for n in STEPS[number].keys() {
                    content.remove(&n);
                    content.extend(STEPS[number].makes(number, n).map(|value| (n, value)));
                }
            }
        }
        let number = (reports > 0).then(|| reports - 1);
        let under_way = number.and_then(|number| Some((number, STEPS.get(number)?)));
        for tree in disk.after_power_cut(&mut random) {
            states += 1;
            judge(&tree, &content, under_way)
                .map_err(|what| format!("after {event:?}, with {under_way:?} under way: {what}"))?;
        }
    }
    Ok(states)
}

fn judge(tree: &Tree, content: &Content, under_way: Option<(usize, &Step)>) -> Result<(), String> {
    let dir = folder();
    for (path, bytes) in tree {
        match bytes {
            None => fs::create_dir(dir.path().join(path)).unwrap(),
            Some(bytes) => fs::write(dir.path().join(path), bytes).unwrap(),
        }
    }
    let store = open(&dir.path().join("root"), Durability::None);
    let mut taken = [None; CHUNKS.len()];
    for (n, name) in CHUNKS.iter().enumerate() {
        let value = wait(store.get_bytes(&key(name))).map_err(|error| error.to_string())?;
        let number = value.map(|bytes| unseal(&bytes)).transpose();
        let number = number.map_err(|what| format!("{name} is torn: {what}"))?;
        let old = content.get(&n).copied();
        let step = under_way.filter(|(_, step)| step.keys().contains(&n));
        let new = step.map_or(old, |(at, step)| step.makes(at, n));
        if number != old && number != new {
            return Err(format!("{name} is {number:?}, and was reported as {old:?}"));
        }
        if old != new {
            taken[n] = Some(number == new);
        }
    }
    for file in taken.chunks(2) {
        if let [Some(one), Some(other)] = file
            && one != other
        {
            return Err("a file has a part of a batch".to_owned());
        }
    }
    let listed = wait(store.list_all(&Prefix::root())).map_err(|error| error.to_string())?;
    if let Some(other) = listed.iter().find(|meta| meta.key.as_str().contains(".bigarrays-")) {
        return Err(format!("{} is listed", other.key));
    }
    // The next writer works, also where not even the description was there.
    put_info(&store);
    STEPS[0].act(&store, STEPS.len());
    Ok(())
}

#[test]
fn no_power_cut_loses_or_tears_what_was_reported() {
    for durability in [Durability::Batch, Durability::Each] {
        let dir = folder();
        let events = record(&dir.path().join("root"), durability);
        let states = cut_everywhere(dir.path(), &events);
        let states = states.unwrap_or_else(|what| panic!("{durability:?}: {what}"));
        assert!(states > 60, "{durability:?}: only {states} states");
    }
}

#[test]
fn without_syncs_of_files_or_of_the_directory_a_power_cut_does_harm() {
    let is_of_block = |path: &Path, events: &[Event]| {
        let renamed = |event: &Event| match event {
            Event::Rename(from, to) => from == path && to.extension().is_some_and(|e| e == "h5"),
            _ => false,
        };
        events.iter().any(renamed)
    };
    for files in [true, false] {
        let dir = folder();
        let events = record(&dir.path().join("root"), Durability::Batch);
        let kept = events.iter().filter(|event| match event {
            Event::SyncFile(path) => !(files && is_of_block(path, &events)),
            Event::SyncDirectory(_) => files,
            _ => true,
        });
        let kept: Vec<Event> = kept.cloned().collect();
        assert!(kept.len() < events.len());
        cut_everywhere(dir.path(), &kept).expect_err("a power cut does no harm");
    }
}

#[test]
fn every_failing_call_is_told_and_harms_nothing() {
    for kind in [Kind::Stamp, Kind::SyncFile, Kind::Rename, Kind::Unlink, Kind::SyncDirectory] {
        for step in [Step::Put(&[0]), Step::Put(&[0, 1, 2]), Step::Delete(0), Step::Delete(2)] {
            let dir = folder();
            let root = dir.path().join("root");
            let store = open(&root, Durability::Batch);
            put_info(&store);
            Step::Put(&[0, 1, 2]).act(&store, 0);
            let watch = Watch::below(dir.path());
            for n in 1.. {
                watch.fail(kind, n);
                let answer = match &step {
                    Step::Delete(n) => {
                        wait(store.delete(&key(CHUNKS[*n]), Precondition::Always)).map(drop)
                    }
                    Step::Put(keys) => {
                        let value = |n| Value::plain(sealed(step.makes(n, n).unwrap(), BYTES));
                        let put = |&n: &usize| Put { key: key(CHUNKS[n]), value: value(n) };
                        wait(store.put_batch(keys.iter().map(put).collect()))
                    }
                };
                let told = format!("{step:?}, {kind:?} {n}");
                if watch.heal().is_none() {
                    answer.unwrap_or_else(|error| panic!("{told}: {error}"));
                    break;
                }
                let error = answer.expect_err(&told);
                let source = std::error::Error::source(&error).map(ToString::to_string);
                let text = format!("{error} {source:?}");
                assert!(text.contains("os error 5"), "{told}: {text}");
                let is_ours = |key| step.keys().iter().any(|&n| CHUNKS[n] == key);
                assert!(error.key().is_some_and(is_ours), "{told}: {text}");
                for name in CHUNKS {
                    if let Some(bytes) = wait(store.get_bytes(&key(name))).unwrap() {
                        unseal(&bytes).unwrap_or_else(|what| panic!("{told}: {name}: {what}"));
                    }
                }
                let left = tree(&root);
                assert!(left.iter().all(|name| !name.contains(".bigarrays-")), "{told}: {left:?}");
                Step::Put(&[0, 1, 2]).act(&store, n);
            }
        }
    }
}
