//! Each system call of each operation fails once: that is told with the key, nothing else changes,
//! nothing is left behind, and the next operation works.

use std::collections::BTreeMap;
use std::path::Path;

use bigarrays_core::Prefix;
use bigarrays_core::backend::{
    BackendError, BackendResult, ByteRange, ContentEncoding, KeyValueBackend, KeyValueBackendExt,
    Precondition, Put, PutOutcome, Value, wait,
};
use bigarrays_core::conformance::{sealed, unseal};

use super::watch::{KINDS, Kind, Watch};
use super::{folder, key, tree};
use crate::fs::{Durability, FsBackend};

/// The values of all keys that a test knows, by their numbers.
type Content = BTreeMap<&'static str, u64>;

/// What is there before each operation. `a/large` is read by other calls than a short value.
const BEFORE: [(&str, u64); 5] =
    [("a/x", 1), ("a/large", 2), ("b/only", 3), ("c/packed", 4), ("top", 5)];

fn value(number: u64) -> Value {
    let bytes = sealed(number, if number == 2 { 100_000 } else { 300 });
    let packed = number.is_multiple_of(4);
    let encoding = if packed { ContentEncoding::Gzip } else { ContentEncoding::Identity };
    Value::encoded(bytes, encoding)
}

/// An operation, the keys that it is about, and what it makes of the content.
struct Case {
    name: &'static str,
    keys: &'static [&'static str],
    act: fn(&FsBackend) -> BackendResult<()>,
    change: fn(&mut Content),
}

fn put(store: &FsBackend, name: &str, number: u64) -> BackendResult<()> {
    wait(store.put_always(&key(name), value(number))).map(drop)
}

fn batch(numbers: &[(&str, u64)]) -> Vec<Put> {
    numbers.iter().map(|&(name, n)| Put { key: key(name), value: value(n) }).collect()
}

fn delete(store: &FsBackend, name: &str) -> BackendResult<()> {
    wait(store.delete(&key(name), Precondition::Always)).map(drop)
}

/// Reads a value, which must be the one that it was at the beginning.
fn read(store: &FsBackend, name: &str, number: u64) -> BackendResult<()> {
    let got = wait(store.get(&key(name), ByteRange::Full))?.expect("it was there before");
    assert_eq!(unseal(&got.bytes), Ok(number));
    Ok(())
}

fn parts(store: &FsBackend, name: &str, number: u64) -> BackendResult<()> {
    let whole = value(number).bytes;
    let ranges = [3..9, 10..whole.len() as u64 - 1];
    let got = wait(store.get_ranges(&key(name), &ranges))?.expect("it was there before");
    assert_eq!(got[0], whole[3..9]);
    assert_eq!(got[1], whole[10..whole.len() - 1]);
    Ok(())
}

fn listing(store: &FsBackend, prefix: &Prefix) -> BackendResult<Vec<String>> {
    let mut names: Vec<_> =
        wait(store.list_all(prefix))?.into_iter().map(|meta| meta.key.to_string()).collect();
    names.sort();
    Ok(names)
}

const CASES: &[Case] = &[
    Case {
        name: "put of a new value in new directories",
        keys: &["new/deep/x"],
        act: |store| put(store, "new/deep/x", 11),
        change: |content| {
            content.insert("new/deep/x", 11);
        },
    },
    Case {
        name: "put over a value",
        keys: &["a/x"],
        act: |store| put(store, "a/x", 11),
        change: |content| {
            content.insert("a/x", 11);
        },
    },
    Case {
        name: "put over a value of another encoding",
        keys: &["c/packed"],
        act: |store| put(store, "c/packed", 11),
        change: |content| {
            content.insert("c/packed", 11);
        },
    },
    Case {
        name: "put of an encoded value over a plain one",
        keys: &["a/x"],
        act: |store| put(store, "a/x", 12),
        change: |content| {
            content.insert("a/x", 12);
        },
    },
    Case {
        name: "swap",
        keys: &["a/x"],
        act: |store| {
            let version = wait(store.head(&key("a/x")))?.expect("it is there").version;
            let when = Precondition::IfVersion(version.expect("versions are told"));
            let put = wait(store.put(&key("a/x"), value(11), when))?;
            assert!(matches!(put, PutOutcome::Written { .. }));
            Ok(())
        },
        change: |content| {
            content.insert("a/x", 11);
        },
    },
    Case {
        name: "batch",
        keys: &["a/x", "b/only", "new/y", "new/z"],
        act: |store| {
            let all = [("a/x", 11), ("b/only", 13), ("new/y", 14), ("new/z", 16)];
            wait(store.put_batch(batch(&all)))
        },
        change: |content| {
            content.extend([("a/x", 11), ("b/only", 13), ("new/y", 14), ("new/z", 16)]);
        },
    },
    Case {
        name: "delete",
        keys: &["a/x"],
        act: |store| delete(store, "a/x"),
        change: |content| {
            content.remove("a/x");
        },
    },
    Case {
        name: "delete of the last value of a directory",
        keys: &["c/packed"],
        act: |store| delete(store, "c/packed"),
        change: |content| {
            content.remove("c/packed");
        },
    },
    Case {
        name: "deletes",
        keys: &["a/large", "a/x", "b/only"],
        act: |store| wait(store.delete_batch(&["a/large", "a/x", "b/only"].map(key))),
        change: |content| content.retain(|name, _| !["a/large", "a/x", "b/only"].contains(name)),
    },
    Case { name: "get", keys: &["a/x"], act: |store| read(store, "a/x", 1), change: |_| {} },
    Case {
        name: "get of an encoded value",
        keys: &["c/packed"],
        act: |store| read(store, "c/packed", 4),
        change: |_| {},
    },
    Case {
        name: "ranges",
        keys: &["a/large"],
        act: |store| parts(store, "a/large", 2),
        change: |_| {},
    },
    Case {
        name: "get of nothing",
        keys: &["a/missing"],
        act: |store| {
            assert!(wait(store.get_bytes(&key("a/missing")))?.is_none());
            Ok(())
        },
        change: |_| {},
    },
    Case {
        name: "head",
        keys: &["b/only"],
        act: |store| {
            assert_eq!(wait(store.head(&key("b/only")))?.expect("it is there").size, 300);
            Ok(())
        },
        change: |_| {},
    },
    Case {
        name: "list",
        keys: &[],
        act: |store| {
            let all = listing(store, &Prefix::root())?;
            assert_eq!(all, ["a/large", "a/x", "b/only", "c/packed", "top"]);
            Ok(())
        },
        change: |_| {},
    },
];

fn fill(root: &Path) -> Content {
    let store = FsBackend::builder(root).durability(Durability::None).open().unwrap();
    wait(store.put_batch(batch(&BEFORE))).unwrap();
    BEFORE.into_iter().collect()
}

fn content(root: &Path) -> Content {
    let names = BEFORE.iter().map(|(name, _)| *name);
    let names = names.chain(["new/deep/x", "new/y", "new/z"]);
    let store = FsBackend::open(root).unwrap();
    let read = |name: &'static str| {
        let bytes = wait(store.get_bytes(&key(name))).unwrap()?;
        let number = unseal(&bytes).unwrap_or_else(|what| panic!("{name}: {what}"));
        Some((name, number))
    };
    let content: Content = names.filter_map(read).collect();
    let listed = listing(&store, &Prefix::root()).unwrap();
    assert_eq!(listed, content.keys().copied().collect::<Vec<_>>());
    content
}

/// Calls whose failure an operation may pass over, for it ends as it should without them.
fn may_be_passed_over(kind: Kind, failed: &Path) -> bool {
    match kind {
        // A directory too many is no reason to fail; neither is a look or a lock that only
        // makes sure of what was found already.
        Kind::RemoveDirectory | Kind::Lock | Kind::Look => true,
        Kind::Unlink => is_temporary(failed),
        _ => false,
    }
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().unwrap().to_str().unwrap().starts_with(".bigarrays-")
}

fn check_error(case: &Case, error: &BackendError) {
    match error.key() {
        Some(told) => assert!(case.keys.contains(&told), "{}: {error}", case.name),
        None => assert!(case.keys.is_empty(), "{}: no key in {error}", case.name),
    }
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    assert!(source.contains("os error 5"), "{}: {error}: {source}", case.name);
}

/// Lets the `n`-th call of a kind fail during an operation. Tells whether there was one.
fn fail(case: &Case, durability: Durability, kind: Kind, n: usize) -> bool {
    let dir = folder();
    let root = dir.path().join("root");
    let before = fill(&root);
    let mut after = before.clone();
    (case.change)(&mut after);
    let store = FsBackend::builder(&root).durability(durability).open().unwrap();
    let watch = Watch::below(dir.path());
    watch.fail(kind, n);
    let answer = (case.act)(&store);
    let Some(failed) = watch.heal() else {
        answer.unwrap();
        return false;
    };
    let told = format!("{} with {durability:?}, {kind:?} {n} of {}", case.name, failed.display());
    let found = content(&root);
    match &answer {
        Err(error) => {
            check_error(case, error);
            for name in before.keys().chain(after.keys()) {
                let (now, old, new) = (found.get(name), before.get(name), after.get(name));
                assert!(now == old || now == new, "{told}: {name} is {now:?}");
            }
        }
        Ok(()) => {
            assert!(may_be_passed_over(kind, &failed), "{told}: it was not told");
            assert_eq!(found, after, "{told}");
        }
    }
    let tree = tree(&root);
    let left = tree.iter().filter(|name| name.contains(".bigarrays-")).count();
    let expected = usize::from(kind == Kind::Unlink && is_temporary(&failed));
    assert!(left <= expected, "{told}: {tree:?}");
    let is_empty = |directory: &&String| {
        directory.ends_with('/')
            && !tree.iter().any(|n| n != *directory && n.starts_with(*directory))
    };
    let empty: Vec<_> = tree.iter().filter(is_empty).collect();
    // Those of a failed removal, and those that nobody could look at.
    let may_stay = matches!(kind, Kind::RemoveDirectory | Kind::Lock | Kind::Look | Kind::Unlink);
    assert!(empty.is_empty() || may_stay, "{told}: {empty:?} are empty");
    // The same again, and everything else.
    (case.act)(&store).unwrap_or_else(|error| panic!("{told}: afterwards {error}"));
    assert_eq!(content(&root), after, "{told}: afterwards");
    put(&store, "other", 21).unwrap();
    delete(&store, "other").unwrap();
    true
}

#[test]
fn every_failing_call_is_told_and_harms_nothing() {
    let mut failures: BTreeMap<Kind, usize> = BTreeMap::new();
    for durability in [Durability::None, Durability::Batch, Durability::Each] {
        for case in CASES {
            for kind in KINDS {
                let count = (1..).take_while(|&n| fail(case, durability, kind, n)).count();
                *failures.entry(kind).or_default() += count;
            }
        }
    }
    // Each kind of call was made, and failed.
    assert!(failures.values().all(|&count| count > 0), "{failures:?}");
}
