//! C4, C5: parts of values.

use std::ops::Range;

use bytes::Bytes;

use crate::backend::{ByteRange, KeyValueBackend, Value, wait};
use crate::conformance::bench::{Bench, Verdict, ensure, fail, put};
use crate::conformance::payload::{difference, noise};

pub(super) fn one(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let key = bench.key("value")?;
    for len in [1_usize, 1000, 70_000] {
        let whole = Bytes::from(noise(4, len));
        put(&writer, &key, Value::plain(whole.clone()))?;
        let full = wait(store.get(&key, ByteRange::Full))?;
        for range in forms(len as u64) {
            let want = range.slice(&whole);
            let Some(got) = wait(store.get(&key, range.clone()))? else {
                fail!("{range:?} of {len} bytes is None");
            };
            ensure!(
                got.bytes == want,
                "{range:?} of {len} bytes gave {}",
                difference(&got.bytes, &want)
            );
            // A part belongs to the same state as the whole.
            if let (Some(part), Some(full)) = (got.version, full.as_ref()) {
                ensure!(
                    full.version == Some(part),
                    "{range:?} tells another version than the whole value"
                );
            }
        }
    }
    Ok(())
}

/// Every form of a range on a value of `len` bytes, inside, across and beyond its end.
fn forms(len: u64) -> Vec<ByteRange> {
    let half = len / 2;
    let backwards = Range { start: half, end: half.saturating_sub(1) };
    let bounded = [
        0..len,
        0..1,
        0..half,
        half..len,
        len - 1..len,
        0..0,
        half..half,
        len..len,
        half..len + 1,
        half..u64::MAX,
        len..len + 1,
        len + 7..len + 9,
        u64::MAX - 1..u64::MAX,
        backwards,
    ];
    let mut forms: Vec<ByteRange> = bounded.map(ByteRange::Bounded).into();
    forms.extend([0, half, len - 1, len, len + 1, u64::MAX].map(ByteRange::From));
    forms.extend([0, 1, half, len, len + 1, u64::MAX].map(ByteRange::Suffix));
    forms
}

pub(super) fn several(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let key = bench.key("value")?;
    let len = 100_000_u64;
    let whole = Bytes::from(noise(5, 100_000));
    put(&writer, &key, Value::plain(whole.clone()))?;
    let lists: [&[Range<u64>]; 7] = [
        // Out of order, far apart, overlapping, repeated, empty, across and beyond the end.
        &[50_000..50_010, 0..4, 2..8, 0..4, 5..5, 99_990..120_000],
        &[len..len + 5, 7..9, 200_000..300_000],
        &[0..len, 0..len],
        &[10..20, 20..30, 30..40],
        &[90_000..90_001, 10_000..10_001, 60_000..60_001, 30_000..30_001],
        &[3..3, 8..8],
        &[],
    ];
    for ranges in lists {
        let Some(got) = wait(store.get_ranges(&key, ranges))? else {
            fail!("ranges {ranges:?} of an existing value are None");
        };
        ensure!(got.len() == ranges.len(), "{} ranges gave {} parts", ranges.len(), got.len());
        for (range, part) in ranges.iter().zip(got) {
            let want = ByteRange::Bounded(range.clone()).slice(&whole);
            ensure!(part == want, "{range:?} among {ranges:?} gave {}", difference(&part, &want));
        }
    }
    Ok(())
}
