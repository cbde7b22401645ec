//! Several parts of one state of a value, with few requests side by side.

use std::future::Future;
use std::ops::Range;

use bigarrays_core::backend::{BackendResult, Blob, ByteRange};
use bytes::Bytes;
use futures::stream::{self, StreamExt};

/// Parts closer than this are read together: a request costs more than the bytes between.
const MAX_GAP: u64 = 16 * 1024;

/// Parts that are read with one request.
struct Run {
    range: Range<u64>,
    members: Vec<usize>,
}

/// What several requests for one value gave.
pub(crate) enum Parts {
    /// The key is absent.
    Missing,
    /// The parts, in the order asked.
    Whole(Vec<Bytes>),
    /// The value was overwritten between two requests.
    Torn,
}

/// Reads `ranges` by `get`, at most `width` requests at once; `None` if all of them are empty.
///
/// All parts are of the state that the first request found. Where the store tells no versions,
/// everything from the first part to the last is read with one request.
pub(crate) async fn read_parts<F>(
    ranges: &[Range<u64>],
    width: usize,
    get: impl Fn(Range<u64>) -> F,
) -> BackendResult<Option<Parts>>
where
    F: Future<Output = BackendResult<Option<Blob>>>,
{
    let mut runs = join(ranges);
    let Some(first) = runs.first() else {
        return Ok(None);
    };
    let Some(blob) = get(first.range.clone()).await? else {
        return Ok(Some(Parts::Missing));
    };
    if runs.len() > 1 && blob.version.is_none() {
        let run = span(&runs);
        let Some(blob) = get(run.range.clone()).await? else {
            return Ok(Some(Parts::Missing));
        };
        return Ok(Some(Parts::Whole(cut(ranges, &[(run, blob.bytes)]))));
    }
    let version = blob.version;
    let mut found = vec![(runs.remove(0), blob.bytes)];
    let rest = runs.into_iter().map(|run| {
        let bytes = get(run.range.clone());
        async { (run, bytes.await) }
    });
    let rest = rest.collect::<Vec<_>>();
    let mut rest = stream::iter(rest).buffer_unordered(width.max(1));
    while let Some((run, answer)) = rest.next().await {
        match answer? {
            Some(blob) if blob.version == version => found.push((run, blob.bytes)),
            _ => return Ok(Some(Parts::Torn)),
        }
    }
    Ok(Some(Parts::Whole(cut(ranges, &found))))
}

/// Joins near ranges. Empty ranges are in no run.
fn join(ranges: &[Range<u64>]) -> Vec<Run> {
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

/// One run instead of several.
fn span(runs: &[Run]) -> Run {
    let start = runs.first().map_or(0, |run| run.range.start);
    let end = runs.iter().map(|run| run.range.end).max().unwrap_or(start);
    Run { range: start..end, members: runs.iter().flat_map(|run| run.members.clone()).collect() }
}

/// The parts among the bytes of their runs, clipped to what there is.
fn cut(ranges: &[Range<u64>], found: &[(Run, Bytes)]) -> Vec<Bytes> {
    let mut parts = vec![Bytes::new(); ranges.len()];
    for (run, bytes) in found {
        for &member in &run.members {
            let range = &ranges[member];
            let inside = range.start - run.range.start..range.end - run.range.start;
            parts[member] = ByteRange::Bounded(inside).slice(bytes);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_core::backend::{ContentEncoding, Version, wait};
    use std::sync::Mutex;

    const FAR: u64 = 100_000;

    /// Reads far parts of a value that has each of `versions` in turn, and tells the requests.
    fn read(versions: &[Option<u64>]) -> (Option<Parts>, Vec<Range<u64>>) {
        let value = Bytes::from((0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>());
        let asked = Mutex::new(Vec::new());
        let parts = read_parts(&[FAR..FAR + 4, 2..6, 9..9, 4..8], 4, |range| {
            let mut asked = asked.lock().unwrap();
            let version = versions[asked.len().min(versions.len() - 1)].map(Version::from_u64);
            asked.push(range.clone());
            let bytes = ByteRange::Bounded(range).slice(&value);
            let content_encoding = ContentEncoding::Identity;
            async move { Ok(Some(Blob { bytes, version, content_encoding })) }
        });
        let parts = wait(parts).unwrap();
        (parts, asked.into_inner().unwrap())
    }

    fn bytes(parts: Option<Parts>) -> Vec<Bytes> {
        match parts {
            Some(Parts::Whole(parts)) => parts,
            _ => panic!("the parts are not whole"),
        }
    }

    #[test]
    fn near_parts_are_joined_and_come_in_the_order_asked() {
        let (parts, asked) = read(&[Some(1)]);
        assert_eq!(asked, [2..8, FAR..FAR + 4]);
        let want: [&[u8]; 4] = [&[160, 161, 162, 163], &[2, 3, 4, 5], &[], &[4, 5, 6, 7]];
        assert_eq!(bytes(parts), want);
    }

    #[test]
    fn parts_of_two_states_are_torn() {
        assert!(matches!(read(&[Some(1), Some(2)]).0, Some(Parts::Torn)));
    }

    #[test]
    fn without_versions_one_request_reads_all() {
        let (parts, asked) = read(&[None]);
        assert_eq!(asked, [2..8, 2..FAR + 4]);
        assert_eq!(bytes(parts)[0], [160, 161, 162, 163].as_slice());
    }
}
