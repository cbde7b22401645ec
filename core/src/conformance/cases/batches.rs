//! C6, X3: several keys in one call.

use bytes::Bytes;

use crate::backend::{ByteRange, KeyValueBackend, Put, Value, wait};
use crate::conformance::bench::{Bench, Stop, Verdict, ensure, fail, holds, is_absent, put};
use crate::conformance::payload::{difference, noise};
use crate::key::Key;

pub(super) fn gets(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let none = wait(store.get_batch(&[]));
    ensure!(none.is_empty(), "a batch of no keys has {} answers", none.len());
    let mut present = Vec::new();
    for n in 0..20_u8 {
        let key = bench.key(&format!("present-{n:02}"))?;
        put(&writer, &key, noise(n.into(), 100 + usize::from(n)))?;
        present.push(key);
    }
    // Backwards, with holes and a repetition.
    let mut keys = Vec::new();
    let mut want = Vec::new();
    for (n, key) in (0_u8..20).zip(&present).rev() {
        keys.push(bench.key(&format!("absent-{n:02}"))?);
        want.push(None);
        keys.push(key.clone());
        want.push(Some(Bytes::from(noise(n.into(), 100 + usize::from(n)))));
    }
    keys.push(keys[1].clone());
    want.push(want[1].clone());
    let got = wait(store.get_batch(&keys));
    ensure!(got.len() == keys.len(), "{} keys gave {} answers", keys.len(), got.len());
    for ((key, got), want) in keys.iter().zip(got).zip(want) {
        let got = got?.map(|blob| blob.bytes);
        ensure!(got == want, "the batch's answer for {key} belongs to another key");
    }
    isolation(bench, &present[0])
}

/// Among keys that the store refuses, a good one is still answered.
fn isolation(bench: &Bench<'_>, good: &Key) -> Verdict {
    let store = bench.open()?;
    let mut refused = Vec::new();
    for name in ["n".repeat(255), format!("{}/below", good_name()), "%".to_owned()] {
        let key = bench.key(&name)?;
        if wait(store.get(&key, ByteRange::Full)).is_err() {
            refused.push(key);
        }
    }
    let Some(bad) = refused.first() else {
        bench.note("no key was found that this store refuses: isolation was not tried");
        return Ok(());
    };
    let mut got = wait(store.get_batch(&[good.clone(), bad.clone(), good.clone()]));
    ensure!(got.len() == 3, "3 keys gave {} answers", got.len());
    let (last, middle, first) = (got.pop(), got.pop(), got.pop());
    ensure!(matches!(middle, Some(Err(_))), "get refuses {bad} but get_batch does not");
    for answer in [first, last].into_iter().flatten() {
        match answer {
            Ok(Some(_)) => {}
            Ok(None) => fail!("a failure in a batch made another key missing"),
            Err(error) => fail!("a failure in a batch spread to another key: {error}"),
        }
    }
    Ok(())
}

fn good_name() -> &'static str {
    "present-00"
}

pub(super) fn writes(bench: &Bench<'_>) -> Verdict {
    let store = bench.open()?;
    wait(store.put_batch(Vec::new()))?;
    wait(store.delete_batch(&[]))?;
    let keys = (0..1100)
        .map(|n| bench.key(&format!("group-{}/key-{n:04}", n % 3)))
        .collect::<Result<Vec<Key>, Stop>>()?;
    let other = bench.key("other")?;
    put(&store, &other, "stays")?;
    // The second round overwrites.
    for round in 0..2 {
        wait(store.put_batch(puts(&keys, round)))?;
        let got = wait(store.get_batch(&keys));
        ensure!(got.len() == keys.len(), "{} keys gave {} answers", keys.len(), got.len());
        for (got, put) in got.into_iter().zip(puts(&keys, round)) {
            let Some(got) = got? else {
                fail!("{} is missing after put_batch", put.key);
            };
            let (got, want) = (&got.bytes, &put.value.bytes);
            ensure!(got == want, "{} holds {}", put.key, difference(got, want));
        }
    }
    let (gone, kept) = keys.split_at(600);
    let absent = bench.key("group-0/key-9999")?;
    let gone: Vec<Key> = gone.iter().cloned().chain([absent]).collect();
    wait(store.delete_batch(&gone))?;
    for answer in wait(store.get_batch(&gone)) {
        ensure!(answer?.is_none(), "a value is there after delete_batch");
    }
    for (answer, key) in wait(store.get_batch(kept)).into_iter().zip(kept) {
        ensure!(answer?.is_some(), "delete_batch removed {key}, which it did not name");
    }
    wait(store.delete_batch(kept))?;
    is_absent(&store, &kept[0])?;
    holds(&store, &other, b"stays")
}

/// A value of its own for each key.
fn puts(keys: &[Key], round: u64) -> Vec<Put> {
    (0..)
        .zip(keys)
        .map(|(n, key)| Put {
            key: key.clone(),
            value: Value::plain(noise(round * 10_000 + n, 20)),
        })
        .collect()
}
