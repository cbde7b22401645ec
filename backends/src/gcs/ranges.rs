//! Several parts of one state of an object, with few requests.

use std::ops::Range;
use std::sync::Arc;

use bigarrays_core::backend::ByteRange;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::bucket::Bucket;
use super::document::generation;
use super::failure::Failure;

/// Ranges closer than this are read together: a request takes as long as that many bytes.
const MAX_GAP: u64 = 64 << 10;

/// Neighbouring ranges that are read with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    range: Range<u64>,
    /// Which ranges these are.
    members: Vec<usize>,
}

/// Joins ranges to runs, in order of their begin. Empty ranges are in none.
fn runs(ranges: &[Range<u64>]) -> Vec<Run> {
    let mut sorted: Vec<usize> = (0..ranges.len()).filter(|&n| !ranges[n].is_empty()).collect();
    sorted.sort_unstable_by_key(|&n| ranges[n].start);
    let mut runs: Vec<Run> = Vec::new();
    for n in sorted {
        let range = &ranges[n];
        match runs.last_mut() {
            Some(run) if range.start <= run.range.end.saturating_add(MAX_GAP) => {
                run.range.end = run.range.end.max(range.end);
                run.members.push(n);
            }
            _ => runs.push(Run { range: range.clone(), members: vec![n] }),
        }
    }
    runs
}

impl Bucket {
    /// The first run tells the state; the others are asked for in that state, side by side.
    pub(super) async fn get_ranges(
        self: &Arc<Self>,
        name: &str,
        ranges: &[Range<u64>],
        width: usize,
    ) -> Result<Option<Vec<Bytes>>, Failure> {
        let mut runs = runs(ranges).into_iter();
        let Some(first) = runs.next() else {
            let there = self.head(name).await?.is_some();
            return Ok(there.then(|| vec![Bytes::new(); ranges.len()]));
        };
        let Some(blob) = self.get(name, &ByteRange::Bounded(first.range.clone()), None).await?
        else {
            return Ok(None);
        };
        let state = blob.version.as_ref().and_then(generation);
        let rest = runs.map(|run| async move {
            let range = ByteRange::Bounded(run.range.clone());
            match self.get(name, &range, state).await? {
                Some(blob) => Ok((run, blob.bytes)),
                None => Err(Failure::transient(
                    "the value was overwritten between two ranges of one read",
                )),
            }
        });
        let rest = rest.collect::<Vec<_>>();
        let rest: Vec<(Run, Bytes)> =
            stream::iter(rest).buffer_unordered(width.max(1)).try_collect().await?;
        let mut parts = vec![Bytes::new(); ranges.len()];
        for (run, bytes) in [(first, blob.bytes)].into_iter().chain(rest) {
            for member in run.members {
                let Range { start, end } = ranges[member].clone();
                let inside = start - run.range.start..end - run.range.start;
                parts[member] = ByteRange::Bounded(inside).slice(&bytes);
            }
        }
        Ok(Some(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "lists of one range are meant")]
    fn near_ranges_are_read_together_and_far_ones_are_not() {
        let joined = |ranges: &[Range<u64>]| -> Vec<Range<u64>> {
            runs(ranges).into_iter().map(|run| run.range).collect()
        };
        assert_eq!(joined(&[10..20, 0..5, 2..3, 7..7]), [0..20]);
        assert_eq!(joined(&[0..5, 5 + MAX_GAP..70_000]), [0..70_000]);
        assert_eq!(joined(&[0..5, 6 + MAX_GAP..70_000]), [0..5, 6 + MAX_GAP..70_000]);
        assert_eq!(joined(&[u64::MAX - 1..u64::MAX, 0..1]).len(), 2);
        assert_eq!(runs(&[10..20, 0..5])[0].members, [1, 0]);
    }
}
