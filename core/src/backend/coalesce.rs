//! Reading several ranges of one value with few requests.

use std::ops::Range;

use bytes::Bytes;

use super::contract::KeyValueBackend;
use super::error::{BackendError, BackendResult, ErrorKind, Operation};
use super::types::ByteRange;
use crate::key::Key;

/// Ranges closer than this are read together: a request costs more than the bytes between.
const MAX_GAP: u64 = 4096;

/// Joins ranges whose gap is at most `max_gap`. The answer is sorted and disjoint.
fn merge(ranges: &[Range<u64>], max_gap: u64) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(max_gap) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// The default of [`KeyValueBackend::get_ranges`].
pub(super) async fn read_coalesced<B: KeyValueBackend + ?Sized>(
    backend: &B,
    key: &Key,
    ranges: &[Range<u64>],
) -> BackendResult<Option<Vec<Bytes>>> {
    let merged = merge(ranges, MAX_GAP);
    if merged.is_empty() {
        let exists = backend.head(key).await?.is_some();
        return Ok(exists.then(|| vec![Bytes::new(); ranges.len()]));
    }
    let mut parts = Vec::with_capacity(merged.len());
    let mut version = None;
    for (n, range) in merged.iter().enumerate() {
        let Some(blob) = backend.get(key, ByteRange::Bounded(range.clone())).await? else {
            return if n == 0 { Ok(None) } else { Err(overwritten(backend, key)) };
        };
        if n > 0 && blob.version != version {
            return Err(overwritten(backend, key));
        }
        version = blob.version;
        parts.push(blob.bytes);
    }
    Ok(Some(ranges.iter().map(|range| cut(&merged, &parts, range)).collect()))
}

fn overwritten<B: KeyValueBackend + ?Sized>(backend: &B, key: &Key) -> BackendError {
    BackendError::new(ErrorKind::Transient, backend, Operation::Get)
        .with_key(key)
        .with_note("the value was overwritten between two ranges of one read")
}

/// The bytes of `range` out of the merged part that holds it, clipped to what the value had.
fn cut(merged: &[Range<u64>], parts: &[Bytes], range: &Range<u64>) -> Bytes {
    if range.is_empty() {
        return Bytes::new();
    }
    let at = merged.partition_point(|part| part.end < range.end);
    let (part, bytes) = (&merged[at], &parts[at]);
    let inside = range.start - part.start..range.end - part.start;
    ByteRange::Bounded(inside).slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "lists of one range are meant")]
    fn near_ranges_merge_and_far_ones_do_not() {
        assert_eq!(merge(&[10..20, 0..5, 21..30], 1), [0..5, 10..30]);
        assert_eq!(merge(&[0..5, 2..3, 5..5], 0), [0..5]);
        assert_eq!(merge(&[0..5, 5 + 4096..5000], 4096), [0..5000]);
        assert_eq!(merge(&[0..5, 5 + 4097..5000], 4096), [0..5, 4102..5000]);
    }
}
