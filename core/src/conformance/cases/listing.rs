//! C9, C10: listings, and deleting by prefix.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::{KeyValueBackend, KeyValueBackendExt, Put, Value, wait};
use crate::conformance::bench::{
    Bench, Raise, Stop, Verdict, delete, ensure, fail, holds, is_absent, list, put, threads,
};
use crate::conformance::payload::noise;
use crate::key::{Key, Prefix};

/// More than the page of any listing interface.
const MANY: usize = 1100;

pub(super) fn complete(bench: &Bench<'_>) -> Verdict {
    let writer = bench.writer()?;
    expect(bench, "", &BTreeMap::new())?;
    let mut sizes = BTreeMap::new();
    let mut puts = Vec::new();
    for n in 0..MANY {
        let key = bench.key(&format!("many/{}/{n}", n % 7))?;
        sizes.insert(key.clone(), 1 + n as u64 % 13);
        let value = Value::plain(noise(9, 1 + n % 13));
        puts.push(Put { key, value });
    }
    for name in ["top", "some/where/deep/down", "some/where/else"] {
        let key = bench.key(name)?;
        sizes.insert(key.clone(), 3);
        puts.push(Put { key, value: "abc".into() });
    }
    wait(writer.put_batch(puts))?;
    for below in ["", "many", "many/3", "some", "some/where", "some/where/deep", "no/where"] {
        expect(bench, below, &sizes)?;
    }
    // What is overwritten or deleted is listed as it is now.
    let (changed, gone) = (bench.key("top")?, bench.key("some/where/else")?);
    put(&writer, &changed, "longer than before")?;
    delete(&writer, &gone)?;
    sizes.insert(changed, 18);
    sizes.remove(&gone);
    expect(bench, "", &sizes)?;
    while_writing(bench)
}

/// Fails unless a listing below `below` shows exactly the keys of `sizes` there.
fn expect(bench: &Bench<'_>, below: &str, sizes: &BTreeMap<Key, u64>) -> Verdict {
    let prefix = bench.prefix(below)?;
    let store = bench.open()?;
    let mut seen = BTreeSet::new();
    for meta in list(&store, &prefix)? {
        let Some(&size) = sizes.get(&meta.key).filter(|_| prefix.contains(&meta.key)) else {
            fail!("the listing of {prefix} shows {}, which is not there", meta.key);
        };
        ensure!(
            meta.size == size,
            "the listing says that {} has {} bytes instead of {size}",
            meta.key,
            meta.size
        );
        let key = meta.key.clone();
        ensure!(seen.insert(meta.key), "the listing of {prefix} shows {key} twice");
    }
    let missing = sizes.keys().find(|&key| prefix.contains(key) && !seen.contains(key));
    ensure!(
        missing.is_none(),
        "the listing of {prefix} lacks {missing:?} (it shows {} keys)",
        seen.len()
    );
    Ok(())
}

/// Keys that come and go may be listed or not; keys that stay must be, and nothing else.
fn while_writing(bench: &Bench<'_>) -> Verdict {
    let keys = |kind: &str, count| {
        (0..count)
            .map(|n| bench.key(&format!("live/{kind}{n}")))
            .collect::<Result<BTreeSet<Key>, Stop>>()
    };
    let (stay, come) = (keys("stays-", 50)?, keys("comes-", 20)?);
    let writer = bench.writer()?;
    for key in &stay {
        put(&writer, key, "stays")?;
    }
    let prefix = bench.prefix("live")?;
    let done = AtomicBool::new(false);
    threads(3, |n| {
        if n == 0 {
            // The flag is raised also if the listing fails, or the others would never end.
            let _done = Raise(&done);
            return list_again_and_again(bench, &prefix, &stay, &come);
        }
        let writer = bench.writer()?;
        while !done.load(Ordering::Relaxed) {
            for key in come.iter().skip(n).step_by(2) {
                put(&writer, key, noise(1, 3000))?;
                put(&writer, key, "shorter")?;
                delete(&writer, key)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn list_again_and_again(
    bench: &Bench<'_>,
    prefix: &Prefix,
    stay: &BTreeSet<Key>,
    come: &BTreeSet<Key>,
) -> Verdict {
    let store = bench.open()?;
    for _ in 0..20 {
        let mut seen = BTreeSet::new();
        for meta in list(&store, prefix)? {
            let key = meta.key;
            ensure!(
                stay.contains(&key) || come.contains(&key),
                "a listing during writes shows {key}, which nobody wrote"
            );
            let text = key.to_string();
            ensure!(seen.insert(key), "a listing during writes shows {text} twice");
        }
        let missing = stay.difference(&seen).next();
        ensure!(missing.is_none(), "a listing during writes lacks {missing:?}, which stays");
    }
    Ok(())
}

pub(super) fn bounds(bench: &Bench<'_>) -> Verdict {
    let store = bench.open()?;
    let key = |name| bench.key(name);
    let inside = [key("a/1")?, key("a/10")?, key("a/sub/2")?];
    let outside = [key("ab/1")?, key("a-b")?, key("b/a/1")?];
    let fill = || -> Verdict {
        for key in inside.iter().chain(&outside) {
            put(&store, key, key.as_str().to_owned())?;
        }
        Ok(())
    };
    // One key: not those that begin like it.
    fill()?;
    let [one, rest @ ..] = &inside;
    delete(&store, one)?;
    is_absent(&store, one)?;
    for key in rest.iter().chain(&outside) {
        holds(&store, key, key.as_str().as_bytes())?;
    }
    // A key is not below itself.
    let below_a_key = list(&store, &bench.prefix("a/10")?)?;
    ensure!(below_a_key.is_empty(), "the key a/10 is listed below the prefix a/10/");
    // A prefix that was emptied is empty: `delete_prefix` ends when it is.
    for key in rest {
        delete(&store, key)?;
    }
    let prefix = bench.prefix("a")?;
    let left = list(&store, &prefix)?;
    ensure!(left.is_empty(), "{prefix} was emptied and lists {}", left.len());
    fill()?;
    wait(store.delete_prefix(&prefix))?;
    for key in &inside {
        is_absent(&store, key)?;
    }
    for key in &outside {
        holds(&store, key, key.as_str().as_bytes())?;
    }
    Ok(())
}
