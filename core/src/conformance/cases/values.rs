//! C1 – C3, X8: values as a whole.

use crate::backend::{ByteRange, KeyValueBackend, Precondition, wait};
use crate::conformance::bench::{Bench, Verdict, delete, ensure, fail, get, holds, is_absent, put};
use crate::conformance::payload::noise;

/// Sizes at which stores change their ways: inline limits, pages, parts of uploads.
const SIZES: [usize; 7] = [0, 1, 4096, 65535, 65536, 65537, 16 << 20];

pub(super) fn sizes(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let limit = bench.capabilities.max_value_len.unwrap_or(u64::MAX);
    let grown = bench.key("grown")?;
    for (seed, size) in (0..).zip(SIZES) {
        if size as u64 > limit {
            bench.note(format!("{size} bytes are over the limit of this store"));
            continue;
        }
        let key = bench.key(&format!("size-{size}"))?;
        put(&writer, &key, noise(seed, size))?;
        holds(&store, &key, &noise(seed, size))?;
        put(&writer, &key, noise(seed + 100, size))?;
        holds(&store, &key, &noise(seed + 100, size))?;
        // From the longest down to one byte: nothing of the longer value may remain.
        put(&writer, &grown, noise(seed, size))?;
        put(&writer, &grown, noise(seed, 1 + size / 2))?;
        holds(&store, &grown, &noise(seed, 1 + size / 2))?;
    }
    Ok(())
}

pub(super) fn missing(bench: &Bench<'_>) -> Verdict {
    let store = bench.open()?;
    for name in ["missing", "missing/too"] {
        let key = bench.key(name)?;
        is_absent(&store, &key)?;
        for range in [
            ByteRange::Bounded(0..1),
            ByteRange::Bounded(7..7),
            ByteRange::From(3),
            ByteRange::Suffix(3),
        ] {
            let got = wait(store.get(&key, range.clone()))?;
            ensure!(got.is_none(), "{range:?} of a missing key is not None");
        }
        for ranges in [&[0..1, 9..12][..], &[4..4, 7..7], &[]] {
            let got = wait(store.get_ranges(&key, ranges))?;
            ensure!(got.is_none(), "ranges {ranges:?} of a missing key are not None");
        }
        match wait(store.get_batch(std::slice::from_ref(&key))).pop() {
            Some(answer) => ensure!(answer?.is_none(), "get_batch of a missing key is not None"),
            None => fail!("get_batch gave no answer for a missing key"),
        }
        if bench.capabilities.writable {
            delete(&store, &key)?;
            put(&store, &key, "now it is there")?;
            delete(&store, &key)?;
            is_absent(&store, &key)?;
            delete(&store, &key)?;
        }
    }
    Ok(())
}

pub(super) fn empty(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let key = bench.key("empty")?;
    put(&writer, &key, "")?;
    holds(&store, &key, b"")?;
    for range in [
        ByteRange::Bounded(0..0),
        ByteRange::Bounded(0..9),
        ByteRange::From(0),
        ByteRange::From(5),
        ByteRange::Suffix(0),
        ByteRange::Suffix(5),
    ] {
        match wait(store.get(&key, range.clone()))? {
            Some(blob) => ensure!(blob.bytes.is_empty(), "{range:?} of nothing is something"),
            None => fail!("{range:?} of an empty value is None"),
        }
    }
    let Some(parts) = wait(store.get_ranges(&key, &[0..4, 2..2]))? else {
        fail!("get_ranges of an empty value is None");
    };
    ensure!(parts == ["", ""], "two ranges of nothing are {parts:?}");
    // Full to empty and back.
    put(&writer, &key, "full")?;
    put(&writer, &key, "")?;
    ensure!(
        get(&store, &key)?.is_some_and(|bytes| bytes.is_empty()),
        "a value overwritten by an empty one is not empty"
    );
    Ok(())
}

pub(super) fn over_limit(bench: &Bench<'_>) -> Verdict {
    let limit = bench.capabilities.max_value_len.unwrap_or(u64::MAX);
    let most = match usize::try_from(limit) {
        Ok(most) if most <= 64 << 20 => most,
        _ => {
            bench.note("the limit is too high to be tried");
            return Ok(());
        }
    };
    let store = bench.open()?;
    let key = bench.key("long")?;
    put(&store, &key, noise(1, most))?;
    holds(&store, &key, &noise(1, most))?;
    let answer = wait(store.put(&key, noise(2, most + 1).into(), Precondition::Always));
    ensure!(
        answer.is_err(),
        "a value of {} bytes was taken, over the declared limit of {limit}",
        most + 1
    );
    holds(&store, &key, &noise(1, most))
}
