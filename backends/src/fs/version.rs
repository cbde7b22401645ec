//! What makes a state of a file unique.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_core::backend::Version;

/// The version of a value: inode number, modification time and size of its file.
pub(super) fn version_of(file: &Metadata) -> Version {
    let mut bytes = [0; 28];
    let (inode, rest) = bytes.split_at_mut(8);
    let (seconds, rest) = rest.split_at_mut(8);
    let (nanos, size) = rest.split_at_mut(4);
    inode.copy_from_slice(&file.ino().to_le_bytes());
    seconds.copy_from_slice(&file.mtime().to_le_bytes());
    // Nanoseconds of a second: they fit.
    let of_second = u32::try_from(file.mtime_nsec()).unwrap_or(u32::MAX);
    nanos.copy_from_slice(&of_second.to_le_bytes());
    size.copy_from_slice(&file.size().to_le_bytes());
    Version::new(&bytes)
}

/// The time now, but later than every time that this process was given before.
///
/// The kernel's own time stamps go by ticks of some milliseconds, in which a file can be
/// overwritten a hundred times and get its first inode number back.
pub(crate) fn unique_now() -> SystemTime {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    let later = |last: u64| Some(now.max(last.saturating_add(1)));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    let unique = last.ok().and_then(later).unwrap_or(now);
    UNIX_EPOCH + Duration::from_nanos(unique)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn no_two_threads_get_one_time() {
        let all: Vec<SystemTime> = thread::scope(|scope| {
            let take = || (0..10_000).map(|_| unique_now()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
