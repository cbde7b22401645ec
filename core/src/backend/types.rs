//! The vocabulary of the trait: what goes into a store and what comes out.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::key::Key;

/// How a stored value is compressed as a whole (HTTP's `Content-Encoding`).
///
/// A store keeps it beside the value and never guesses it from the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ContentEncoding {
    /// Stored as it is.
    #[default]
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
}

impl ContentEncoding {
    /// Every encoding that compresses.
    pub const COMPRESSED: [Self; 5] = [Self::Gzip, Self::Brotli, Self::Zstd, Self::Xz, Self::Bzip2];

    /// The token of the HTTP header; empty for [`Identity`](Self::Identity).
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    /// The encoding of an HTTP token, or `None` for one that is not known here.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        match token {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            "xz" => Some(Self::Xz),
            "bzip2" => Some(Self::Bzip2),
            _ => None,
        }
    }

    /// The suffix that CloudVolume gives to files; empty for [`Identity`](Self::Identity).
    #[must_use]
    pub const fn file_suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
            Self::Zstd => ".zstd",
            Self::Xz => ".xz",
            Self::Bzip2 => ".bz2",
        }
    }
}

impl fmt::Display for ContentEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Identity { "none" } else { self.token() })
    }
}

const INLINE_VERSION: usize = 30;

/// An opaque mark of one state of a value: it changes with every overwrite.
///
/// Compare for equality only. At most 30 bytes are kept without an allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Inline(u8, [u8; INLINE_VERSION]),
    Long(Arc<[u8]>),
}

impl Version {
    /// A version made of the store's own bytes (an ETag, a generation, a row counter).
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(len) if bytes.len() <= INLINE_VERSION => {
                let mut inline = [0; INLINE_VERSION];
                inline[..bytes.len()].copy_from_slice(bytes);
                Self(Repr::Inline(len, inline))
            }
            _ => Self(Repr::Long(Arc::from(bytes))),
        }
    }

    /// A version made of a number.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        Self::new(&number.to_le_bytes())
    }

    /// The store's own bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Repr::Long(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Version(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Which bytes of a value to read. Positions beyond the end are clipped, as for a Rust iterator's
/// `skip` and `take`: a range that begins at or after the end yields no bytes and no error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ByteRange {
    /// The whole value.
    #[default]
    Full,
    /// `start..end`, half-open.
    Bounded(Range<u64>),
    /// From an offset to the end.
    From(u64),
    /// The last so many bytes.
    Suffix(u64),
}

impl ByteRange {
    /// The half-open positions that this range means in a value of `len` bytes.
    #[must_use]
    pub fn resolve(&self, len: u64) -> Range<u64> {
        match self {
            Self::Full => 0..len,
            Self::Bounded(range) => {
                let start = range.start.min(len);
                start..range.end.clamp(start, len)
            }
            Self::From(start) => (*start).min(len)..len,
            Self::Suffix(count) => len.saturating_sub(*count)..len,
        }
    }

    /// Cuts this range out of a whole value, without copying.
    #[must_use]
    pub fn slice(&self, whole: &Bytes) -> Bytes {
        let range = self.resolve(whole.len() as u64);
        // Both ends are at most `whole.len()`, so they fit.
        let at = |position| usize::try_from(position).unwrap_or(whole.len());
        whole.slice(at(range.start)..at(range.end))
    }
}

/// A value to store: bytes and how they are compressed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Value {
    /// The bytes as they are to be stored.
    pub bytes: Bytes,
    /// How these bytes are compressed.
    pub content_encoding: ContentEncoding,
}

impl Value {
    /// A value stored as it is.
    #[must_use]
    pub fn plain(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), content_encoding: ContentEncoding::Identity }
    }

    /// A value whose bytes are already compressed.
    #[must_use]
    pub fn encoded(bytes: impl Into<Bytes>, content_encoding: ContentEncoding) -> Self {
        Self { bytes: bytes.into(), content_encoding }
    }
}

impl<T: Into<Bytes>> From<T> for Value {
    fn from(bytes: T) -> Self {
        Self::plain(bytes)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes, {})", self.bytes.len(), self.content_encoding)
    }
}

/// Bytes read from a store.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    /// The bytes as they are stored (of the range that was asked).
    pub bytes: Bytes,
    /// The state of the value that they belong to.
    pub version: Option<Version>,
    /// How the stored value is compressed.
    pub content_encoding: ContentEncoding,
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, version, content_encoding } = self;
        write!(f, "Blob({} bytes, {content_encoding}, {version:?})", bytes.len())
    }
}

/// What a store knows of a value without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The value's key.
    pub key: Key,
    /// Stored size in bytes. `u64`, for a value may be larger than memory.
    pub size: u64,
    /// The state of the value, where the store can tell it.
    pub version: Option<Version>,
    /// How the stored value is compressed; `None` where a listing cannot tell it. An answer of
    /// [`head`](super::KeyValueBackend::head) always tells it.
    pub content_encoding: Option<ContentEncoding>,
}

/// What must hold for a [`put`](super::KeyValueBackend::put) or a
/// [`delete`](super::KeyValueBackend::delete) to happen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Nothing.
    #[default]
    Always,
    /// The key holds no value.
    IfAbsent,
    /// The key holds a value in exactly this state.
    IfVersion(Version),
}

impl Precondition {
    /// Whether a value in the state `current` (`None` = absent) satisfies this condition.
    #[must_use]
    pub fn holds(&self, current: Option<&Version>) -> bool {
        match self {
            Self::Always => true,
            Self::IfAbsent => current.is_none(),
            Self::IfVersion(wanted) => current == Some(wanted),
        }
    }
}

/// How a put ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a conditional put may end in a conflict"]
pub enum PutOutcome {
    /// The value is stored.
    Written {
        /// Its new state, where the store can tell it.
        version: Option<Version>,
    },
    /// The precondition did not hold; nothing was changed.
    Conflict,
}

impl PutOutcome {
    /// Whether the value was stored.
    #[must_use]
    pub const fn is_written(&self) -> bool {
        matches!(self, Self::Written { .. })
    }
}

/// How a delete ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a conditional delete may end in a conflict"]
pub enum DeleteOutcome {
    /// The key holds no value now (also if it held none before).
    Deleted,
    /// The precondition did not hold; nothing was changed.
    Conflict,
}

/// One value of a [`put_batch`](super::KeyValueBackend::put_batch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Where to store.
    pub key: Key,
    /// What to store.
    pub value: Value,
}

/// Where a store's futures do their work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IoModel {
    /// Inside the first poll, on the polling thread; they never answer `Pending`.
    Blocking,
    /// Elsewhere; polling never blocks and any executor may poll.
    Async,
}

/// Which preconditions of a put a store honours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionalPut {
    /// None: [`IfAbsent`](Precondition::IfAbsent) and
    /// [`IfVersion`](Precondition::IfVersion) answer `Unsupported`.
    Unsupported,
    /// [`IfAbsent`](Precondition::IfAbsent) only.
    CreateOnly,
    /// All.
    CompareAndSwap,
}

/// What a store can do. Read by the array engine and by the conformance suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Where futures do their work.
    pub io: IoModel,
    /// How many requests the store likes to have at once.
    pub concurrency: NonZeroUsize,
    /// Whether values can be put and deleted.
    pub writable: bool,
    /// Whether keys can be listed.
    pub listable: bool,
    /// Whether reading a range costs less than reading the whole value.
    pub range_reads: bool,
    /// Whether a whole value is worth more than a range of it all the same: it is compared with a
    /// checksum, or kept for the next read.
    pub prefers_whole: bool,
    /// How many bytes of values a batch of puts should hold at the most: as many as make what a
    /// batch costs once, a transaction or a sync, worth it. Where it costs nothing, few: memory
    /// that is used again at once is the fastest.
    pub batch_bytes: usize,
    /// Which preconditions of a put are honoured.
    pub conditional_put: ConditionalPut,
    /// Whether a delete honours [`IfVersion`](Precondition::IfVersion).
    pub conditional_delete: bool,
    /// The longest value in bytes, if there is a limit.
    pub max_value_len: Option<u64>,
}

impl Capabilities {
    /// The [`batch_bytes`](Self::batch_bytes) of stores that gain from batches.
    pub const BATCH_BYTES: usize = 48 << 20;

    /// A writable, listable store in this process with compare-and-swap and cheap ranges:
    /// change the fields in which yours differs.
    #[must_use]
    pub const fn local() -> Self {
        Self {
            io: IoModel::Blocking,
            concurrency: NonZeroUsize::MAX,
            writable: true,
            listable: true,
            range_reads: true,
            prefers_whole: false,
            batch_bytes: Self::BATCH_BYTES,
            conditional_put: ConditionalPut::CompareAndSwap,
            conditional_delete: true,
            max_value_len: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clipped_to_the_value() {
        let whole = Bytes::from_static(b"0123456789");
        let cut = |range: ByteRange| String::from_utf8(range.slice(&whole).to_vec()).unwrap();
        assert_eq!(cut(ByteRange::Full), "0123456789");
        assert_eq!(cut(ByteRange::Bounded(2..4)), "23");
        assert_eq!(cut(ByteRange::Bounded(8..40)), "89");
        assert_eq!(cut(ByteRange::Bounded(12..40)), "");
        assert_eq!(cut(ByteRange::From(7)), "789");
        assert_eq!(cut(ByteRange::From(u64::MAX)), "");
        assert_eq!(cut(ByteRange::Suffix(3)), "789");
        assert_eq!(cut(ByteRange::Suffix(99)), "0123456789");
    }

    #[test]
    fn versions_compare_by_their_bytes_at_any_length() {
        let long = [7_u8; 100];
        assert_eq!(Version::new(&long).as_bytes(), long);
        assert_ne!(Version::new(&long[..30]), Version::new(&long[..31]));
        assert_eq!(Version::from_u64(5), Version::new(&5_u64.to_le_bytes()));
    }
}
