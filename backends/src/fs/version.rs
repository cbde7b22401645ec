//! Versions of files, and times that make them differ.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_core::backend::Version;

/// The version of a file: inode, size and modification time.
pub(super) fn of(metadata: &Metadata) -> Version {
    let mut bytes = [0; 28];
    bytes[..8].copy_from_slice(&metadata.ino().to_le_bytes());
    bytes[8..16].copy_from_slice(&metadata.size().to_le_bytes());
    bytes[16..24].copy_from_slice(&metadata.mtime().to_le_bytes());
    // Nanoseconds of a second fit in four bytes.
    bytes[24..].copy_from_slice(&metadata.mtime_nsec().to_le_bytes()[..4]);
    Version::new(&bytes)
}

/// A moment that this process has never returned before, in nanoseconds; the clock otherwise.
///
/// The kernel's own times tick every few milliseconds, and a freed inode is used again at once:
/// two values of one size written in one tick would have the same version.
pub(super) fn unique_time() -> SystemTime {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let now = u64::try_from(now).unwrap_or(u64::MAX - 1);
    let advance = |last: u64| Some(now.max(last.saturating_add(1)));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance).unwrap_or(now);
    UNIX_EPOCH + Duration::from_nanos(now.max(last.saturating_add(1)))
}
