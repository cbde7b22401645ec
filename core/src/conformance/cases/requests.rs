//! C13, C14, X9, X10: many requests at once.

use std::pin::pin;
use std::task::{Context, Waker};

use futures::future::join_all;

use crate::backend::{ByteRange, DynBackend, ErrorKind, KeyValueBackend, Precondition, wait};
use crate::conformance::bench::{
    Bench, Stop, Verdict, beside_readers, ensure, fail, get, holds, put, threads,
};
use crate::conformance::payload::{HEAD, noise, read_head, sealed, unseal};
use crate::key::Key;

/// Where the second range of a reader begins: so far that no store reads both as one.
const FAR: usize = 9000;

/// The length of value `number`: always beyond `FAR`, and seldom that of the one before.
fn length(number: u64) -> usize {
    let spread = number.wrapping_mul(7919) % 48_000;
    FAR + 3000 + usize::try_from(spread).unwrap_or(0)
}

pub(super) fn overwrites(bench: &Bench<'_>) -> Verdict {
    let writer = bench.writer()?;
    let key = bench.key("value")?;
    put(&writer, &key, sealed(0, length(0)))?;
    let put_all = || {
        (1..=bench.suite.overwrites)
            .try_for_each(|number| put(&writer, &key, sealed(number, length(number))).map(drop))
    };
    let reads = beside_readers(put_all, |n| {
        let (store, key) = (bench.open()?, &key);
        let mut latest = 0;
        Ok(move || {
            let number = if n == 0 {
                read_whole(&store, key)?
            } else {
                read_parts(&store, key)?.unwrap_or(latest)
            };
            ensure!(
                number >= latest,
                "a reader saw value {latest} and after it the older value {number}"
            );
            latest = number;
            Ok(())
        })
    })?;
    bench.note(format!("{reads} reads"));
    let last = bench.suite.overwrites;
    holds(&bench.open()?, &key, &sealed(last, length(last)))
}

/// The number of the value that a reader sees.
fn read_whole(store: &DynBackend, key: &Key) -> Result<u64, Stop> {
    match get(store, key)? {
        Some(bytes) => unseal(&bytes).map_err(|what| Stop::Fail(format!("a reader saw: {what}"))),
        None => fail!("a reader found no value while it was overwritten"),
    }
}

/// The same by two distant ranges of one request, or `None` if the store saw the overwrite itself.
fn read_parts(store: &DynBackend, key: &Key) -> Result<Option<u64>, Stop> {
    let ranges = [0..HEAD as u64, FAR as u64..1 << 30];
    let parts = match wait(store.get_ranges(key, &ranges)) {
        Err(error) if error.kind() == ErrorKind::Transient => return Ok(None),
        parts => parts?,
    };
    let Some([head, tail]) = parts.as_deref() else {
        fail!("a reader of ranges found no value while it was overwritten");
    };
    let (number, len) = read_head(head).map_err(Stop::Fail)?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    ensure!(
        len == length(number) && sealed(number, len).get(FAR..) == Some(&**tail),
        "a reader saw ranges of different values in one answer (the first is of value {number})"
    );
    Ok(Some(number))
}

pub(super) fn disjoint(bench: &Bench<'_>) -> Verdict {
    let value = |thread: usize, n: usize| noise((thread * 1000 + n) as u64, 50 + n);
    let key = |thread: usize, n: usize| bench.key(&format!("thread-{thread}/key-{n:03}"));
    threads(4, |thread| {
        let store = bench.open()?;
        for n in 0..100 {
            let key = key(thread, n)?;
            put(&store, &key, "first")?;
            put(&store, &key, value(thread, n))?;
            holds(&store, &key, &value(thread, n))?;
        }
        Ok(())
    })?;
    let store = bench.open()?;
    for thread in 0..4 {
        for n in 0..100 {
            holds(&store, &key(thread, n)?, &value(thread, n))?;
        }
    }
    Ok(())
}

pub(super) fn at_once(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let keys =
        (0..64).map(|n| bench.key(&format!("key-{n:02}"))).collect::<Result<Vec<Key>, Stop>>()?;
    let value = |n: usize| noise(n as u64, 2000 + n);
    let numbered = || keys.iter().enumerate();
    // Not the executor that the rest of the suite runs on.
    futures::executor::block_on(async {
        let puts =
            numbered().map(|(n, key)| writer.put(key, value(n).into(), Precondition::Always));
        for outcome in join_all(puts.collect::<Vec<_>>()).await {
            ensure!(outcome?.is_written(), "an unconditional put was not written");
        }
        let gets = numbered().flat_map(|(n, key)| {
            [(n, store.get(key, ByteRange::Full)), (n, store.get(key, ByteRange::From(7)))]
        });
        let (numbers, gets): (Vec<usize>, Vec<_>) = gets.unzip();
        for (at, (n, blob)) in numbers.into_iter().zip(join_all(gets).await).enumerate() {
            let skip = 7 * (at % 2);
            let got = blob?.map(|blob| blob.bytes);
            ensure!(
                got.as_deref() == Some(&value(n)[skip..]),
                "of many gets at once, number {at} got the answer of another"
            );
        }
        Ok(())
    })
}

pub(super) fn abandoned(bench: &Bench<'_>) -> Verdict {
    let store = bench.open()?;
    let key = bench.key("value")?;
    put(&store, &key, sealed(0, length(0)))?;
    for number in 1..=20 {
        {
            let value = sealed(number, length(number)).into();
            let mut begun = pin!(store.put(&key, value, Precondition::Always));
            let mut context = Context::from_waker(Waker::noop());
            // Begun and dropped; what became of it is told by the reads below.
            let _ = begun.as_mut().poll(&mut context);
        }
        let seen = read_whole(&store, &key)?;
        ensure!(seen <= number, "value {seen} was never put");
    }
    // A late put of an abandoned request may still win, but what it wins with is whole.
    put(&store, &key, sealed(99, length(99)))?;
    read_whole(&store, &key).map(drop)
}
