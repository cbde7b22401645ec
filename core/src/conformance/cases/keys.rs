//! C7, C8: names.

use crate::backend::{BackendResult, ErrorKind, KeyValueBackend, Precondition, PutOutcome, wait};
use crate::conformance::bench::{
    Bench, Stop, Verdict, delete, ensure, fail, get, holds, is_absent, list, put,
};
use crate::key::{Key, Prefix};

/// Names that the precomputed format uses: every store must take them.
const PRECOMPUTED: [&str; 9] = [
    "info",
    "provenance",
    "8_8_40/0-64_0-64_0-64",
    "8_8_40/-64-0_-128--64_0-16",
    "1024.5_1024.5_40/0-1_0-1_0-1",
    "8_8_40/0a3.shard",
    "mesh/123:0",
    "skeletons/18446744073709551615",
    "a/b/c/d/e/f/g/h/i",
];

/// Names that a store may refuse, but not change.
const FOREIGN: [&str; 20] = [
    "ü/日本語/😀.bin",
    "100%25/%2e%2e/%2F",
    "%",
    "sp ace/ leading/trailing ",
    "pl+us",
    "q?x=1&y=2#f",
    "quotes'\"`",
    "back\\slash",
    "glob[0-9]*?{a,b}",
    "-dash",
    "~",
    ".hidden/..dots../...",
    "dot.",
    "semi;comma,colon:at@bang!dollar$",
    "tab\there",
    "line\nbreak",
    "name.tmp",
    "name.lock",
    "LIKE_%_underscore",
    "con/nul",
];

/// A stored name, and another one that must not find it.
const LOOKALIKES: [(&str, &str); 8] = [
    ("p/a%2Fb", "p/a/b"),
    ("p/%41", "p/A"),
    ("p/sp%20ace", "p/sp ace"),
    ("p/pl+us", "p/pl us"),
    ("p/back\\slash", "p/back/slash"),
    ("p/CASE", "p/case"),
    ("p/value.gz", "p/value"),
    ("p/under_score", "p/underXscore"),
];

const HOSTILE: [&str; 11] =
    ["", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../up", "a/../../up", "a/./b", "nul\0byte"];

pub(super) fn names(bench: &Bench<'_>) -> Verdict {
    for name in HOSTILE {
        ensure!(Key::new(name).is_err(), "the hostile key {name:?} is accepted");
    }
    let (store, writer) = (bench.open()?, bench.writer()?);
    for name in PRECOMPUTED {
        let key = bench.key(name)?;
        put(&writer, &key, name)?;
        holds(&store, &key, name.as_bytes())?;
        listed(bench, &key)?;
    }
    let long = "k".repeat(255);
    let mut refused = Vec::new();
    for name in FOREIGN.into_iter().chain([long.as_str()]) {
        let key = bench.key(name)?;
        if !stored_or_refused(bench, &key)? {
            refused.push(format!("{name:?}"));
        }
    }
    for (name, other) in LOOKALIKES {
        let (key, other) = (bench.key(name)?, bench.key(other)?);
        if stored_or_refused(bench, &key)? {
            absent_or_refused(bench, &other)?;
            stored_or_refused(bench, &other)?;
            holds(&store, &key, key.as_str().as_bytes())?;
        } else {
            refused.push(format!("{name:?}"));
        }
    }
    if !refused.is_empty() {
        bench.note(format!("refused as keys: {}", refused.join(", ")));
    }
    // All names are still distinct now that all are there.
    for name in PRECOMPUTED {
        holds(&store, &bench.key(name)?, name.as_bytes())?;
    }
    Ok(())
}

/// Stores the key's own text under it. False if the store refuses such a key, by the right kind
/// of error and without a trace.
fn stored_or_refused(bench: &Bench<'_>, key: &Key) -> Result<bool, Stop> {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let value = key.to_string();
    match wait(writer.put(key, value.clone().into(), Precondition::Always)) {
        Ok(PutOutcome::Written { .. }) => {
            holds(&store, key, value.as_bytes())?;
            listed(bench, key)?;
            Ok(true)
        }
        Ok(PutOutcome::Conflict) => fail!("an unconditional put of {key:?} answered Conflict"),
        Err(error) if error.kind() == ErrorKind::InvalidKey => {
            absent_or_refused(bench, key)?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

fn absent_or_refused(bench: &Bench<'_>, key: &Key) -> Verdict {
    match wait(bench.open()?.head(key)) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => fail!("{key:?} was never stored, but it is there"),
        Err(error) if error.kind() == ErrorKind::InvalidKey => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Fails unless a listing of the key's directory shows it once, if the store lists.
fn listed(bench: &Bench<'_>, key: &Key) -> Verdict {
    if !bench.capabilities.listable {
        return Ok(());
    }
    let parent = key.as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
    let metas = list(&bench.open()?, &Prefix::new(parent)?)?;
    let times = metas.iter().filter(|meta| meta.key == *key).count();
    ensure!(times == 1, "{key:?} is listed {times} times");
    Ok(())
}

pub(super) fn nested(bench: &Bench<'_>) -> Verdict {
    let store = bench.open()?;
    // A directory is not a value.
    let inside = bench.key("dir/sub/inside")?;
    put(&store, &inside, "inside")?;
    for name in ["dir", "dir/sub"] {
        let dir = bench.key(name)?;
        is_absent(&store, &dir)?;
        delete(&store, &dir)?;
        holds(&store, &inside, b"inside")?;
    }
    // Below a value is nothing.
    let value = bench.key("value")?;
    let below = bench.key("value/below")?;
    put(&store, &value, "value")?;
    is_absent(&store, &below)?;
    delete(&store, &below)?;
    holds(&store, &value, b"value")?;
    // Both at once, in both orders.
    both(bench, &value, &below)?;
    both(bench, &inside, &bench.key("dir/sub")?)
}

/// Puts `second` while `first` is there, of which one lies below the other.
fn both(bench: &Bench<'_>, first: &Key, second: &Key) -> Verdict {
    let store = bench.open()?;
    let Some(kept) = get(&store, first)? else {
        fail!("{first} is gone");
    };
    let answer = wait(store.put(second, "second".into(), Precondition::Always));
    match answer {
        Ok(PutOutcome::Conflict) => fail!("an unconditional put of {second} answered Conflict"),
        Ok(PutOutcome::Written { .. }) => {
            holds(&store, second, b"second")?;
            holds(&store, first, &kept)?;
            listed(bench, first)?;
            listed(bench, second)?;
            delete(&store, second)?;
        }
        refused => expect_a_refusal(bench, second, refused)?,
    }
    is_absent(&store, second)?;
    holds(&store, first, &kept)
}

fn expect_a_refusal(bench: &Bench<'_>, key: &Key, answer: BackendResult<PutOutcome>) -> Verdict {
    match answer.map_err(|error| error.kind()) {
        Err(ErrorKind::Transient | ErrorKind::Corrupt) => {
            fail!("a key that cannot be stored beside another one is not refused as such")
        }
        Err(kind) => {
            bench.note(format!("{key} cannot be stored beside a key on its path: {kind:?}"));
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}
