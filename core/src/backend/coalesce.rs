//! Reading several ranges of one value with few requests.

use std::ops::Range;

use bytes::Bytes;

use super::contract::KeyValueBackend;
use super::error::{BackendError, BackendResult, ErrorKind, Operation};
use super::types::ByteRange;
use crate::key::Key;

/// Ranges closer than this are read together: a request costs more than the bytes between.
const MAX_GAP: u64 = 4096;

/// Neighbouring ranges that are read with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// From the begin of the first to the end of the last.
    pub(crate) range: Range<u64>,
    /// Which ranges these are, by their begin.
    pub(crate) members: Vec<usize>,
}

impl Run {
    /// The bytes of a member among the bytes of the run, clipped to what there is.
    pub(crate) fn cut(&self, bytes: &Bytes, member: &Range<u64>) -> Bytes {
        let inside = member.start - self.range.start..member.end - self.range.start;
        ByteRange::Bounded(inside).slice(bytes)
    }
}

/// What may be joined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most bytes between two ranges.
    pub(crate) gap: u64,
    /// The most bytes of a run of several ranges.
    pub(crate) len: u64,
    /// The most ranges in a run.
    pub(crate) members: usize,
}

/// Joins ranges to runs. Empty ranges are in none. Runs come in order of their begin and overlap
/// only where the limits keep overlapping ranges apart.
pub(crate) fn coalesce(ranges: &[Range<u64>], limits: Limits) -> Vec<Run> {
    let mut sorted: Vec<usize> = (0..ranges.len()).filter(|&n| !ranges[n].is_empty()).collect();
    sorted.sort_unstable_by_key(|&n| ranges[n].start);
    let mut runs: Vec<Run> = Vec::new();
    for n in sorted {
        let range = &ranges[n];
        match runs.last_mut() {
            Some(run)
                if range.start <= run.range.end.saturating_add(limits.gap)
                    && range.end.saturating_sub(run.range.start) <= limits.len
                    && run.members.len() < limits.members =>
            {
                run.range.end = run.range.end.max(range.end);
                run.members.push(n);
            }
            _ => runs.push(Run { range: range.clone(), members: vec![n] }),
        }
    }
    runs
}

/// The default of [`KeyValueBackend::get_ranges`].
pub(crate) async fn read_coalesced<B: KeyValueBackend + ?Sized>(
    backend: &B,
    key: &Key,
    ranges: &[Range<u64>],
) -> BackendResult<Option<Vec<Bytes>>> {
    let runs = coalesce(ranges, Limits { gap: MAX_GAP, len: u64::MAX, members: usize::MAX });
    if runs.is_empty() {
        let exists = backend.head(key).await?.is_some();
        return Ok(exists.then(|| vec![Bytes::new(); ranges.len()]));
    }
    let mut parts = vec![Bytes::new(); ranges.len()];
    let mut version = None;
    for (n, run) in runs.iter().enumerate() {
        let Some(blob) = backend.get(key, ByteRange::Bounded(run.range.clone())).await? else {
            return if n == 0 { Ok(None) } else { Err(overwritten(backend, key)) };
        };
        if n > 0 && blob.version != version {
            return Err(overwritten(backend, key));
        }
        version = blob.version;
        for &member in &run.members {
            parts[member] = run.cut(&blob.bytes, &ranges[member]);
        }
    }
    Ok(Some(parts))
}

/// A value that changed between two requests which need one state of it.
pub(crate) fn overwritten<B: KeyValueBackend + ?Sized>(backend: &B, key: &Key) -> BackendError {
    BackendError::new(ErrorKind::Transient, backend, Operation::Get)
        .with_key(key)
        .with_note("the value was overwritten between two ranges of one read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(ranges: &[Range<u64>], gap: u64) -> Vec<Range<u64>> {
        let limits = Limits { gap, len: u64::MAX, members: usize::MAX };
        coalesce(ranges, limits).into_iter().map(|run| run.range).collect()
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "lists of one range are meant")]
    fn near_ranges_merge_and_far_ones_do_not() {
        assert_eq!(joined(&[10..20, 0..5, 21..30], 1), [0..5, 10..30]);
        assert_eq!(joined(&[0..5, 2..3, 5..5], 0), [0..5]);
        assert_eq!(joined(&[0..5, 5 + 4096..5000], 4096), [0..5000]);
        assert_eq!(joined(&[0..5, 5 + 4097..5000], 4096), [0..5, 4102..5000]);
    }

    #[test]
    fn a_run_ends_at_its_longest_length_and_number() {
        let ranges = [0..10, 10..20, 20..30, 30..40];
        let members = |len, members| -> Vec<Vec<usize>> {
            let limits = Limits { gap: 0, len, members };
            coalesce(&ranges, limits).into_iter().map(|run| run.members).collect()
        };
        assert_eq!(members(25, 9), [[0, 1], [2, 3]]);
        assert_eq!(members(99, 3), [vec![0, 1, 2], vec![3]]);
        assert_eq!(members(1, 9), [[0], [1], [2], [3]]);
    }
}
