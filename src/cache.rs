//! Caches on disk: `?cache=FOLDER` behind a URL.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bigarrays_backends::fs::{CompressedNames, Durability, FsBackend};
use bigarrays_core::DynBackend;
use bigarrays_core::backend::IoModel;
use bigarrays_core::wrap::{DiskCache, Freshness, LocalCache};

use crate::open::OpenError;
use crate::url::StoreUrl;

/// The folder of this user's cache: `$BIGARRAYS_CACHE`, else `bigarrays` in `$XDG_CACHE_HOME` or
/// in `~/.cache` (on macOS in `~/Library/Caches`).
///
/// # Errors
/// [`OpenError::NoCacheFolder`] if none of these variables is set.
pub fn cache_folder() -> Result<PathBuf, OpenError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = set("BIGARRAYS_CACHE") {
        return Ok(folder.into());
    }
    let user = set("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| {
        let below = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        Some(PathBuf::from(set("HOME")?).join(below))
    });
    user.map(|user| user.join("bigarrays")).ok_or(OpenError::NoCacheFolder)
}

/// The cache in a folder, which is made when something is first kept; without one that of
/// [`cache_folder`]. Its [`usage`](LocalCache::usage) and [`flush`](LocalCache::flush) are for all
/// stores that are cached in it.
///
/// # Errors
/// [`OpenError::NoCacheFolder`]; [`OpenError::Array`] if the folder cannot be one.
pub fn open_cache(folder: Option<&Path>) -> Result<LocalCache<FsBackend>, OpenError> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => cache_folder()?,
    };
    // What a crash tears is noticed and fetched again.
    let store = FsBackend::builder(folder)
        .durability(Durability::None)
        .names(CompressedNames::Literal)
        .open()?;
    Ok(LocalCache::new(store))
}

/// The parameters of a URL that are about its cache.
pub(crate) const PARAMETERS: [&str; 3] = ["cache", "cache-age", "cache-size"];

/// The store with a cache, if its URL asks for one.
pub(crate) fn around(store: DynBackend, url: &StoreUrl) -> Result<DynBackend, OpenError> {
    let Some(folder) = url.parameter("cache") else {
        for name in &PARAMETERS[1..] {
            if url.parameter(name).is_some() {
                return Err(url.invalid(format!("{name} needs cache=FOLDER beside it")).into());
            }
        }
        return Ok(store);
    };
    // A database that is made anew counts its versions from 1 again, and what was kept of the old
    // one would be taken for the new one's. Near stores need no cache anyway.
    if store.capabilities().io == IoModel::Blocking && url.scheme() != "file" {
        let reason = "a cache is for stores behind a network (and for file://)";
        return Err(url.invalid(reason).into());
    }
    let mut local = open_cache(Some(Path::new(folder)).filter(|_| !folder.is_empty()))?;
    if let Some(size) = url.parameter("cache-size") {
        let bytes = bytes(size).ok_or_else(|| {
            url.invalid(format!(
                "the cache-size {size:?} is not a number of bytes like 500M or 20G"
            ))
        })?;
        local = local.max_bytes(bytes);
    }
    let freshness = match url.parameter("cache-age") {
        None => Freshness::Validate,
        Some("forever") => Freshness::Forever,
        Some(age) => Freshness::Age(age.parse().map(Duration::from_secs).map_err(|_| {
            url.invalid(format!("the cache-age {age:?} is neither a number of seconds nor forever"))
        })?),
    };
    let cache = DiskCache::new(store, &local).identity(identity(url)).freshness(freshness);
    Ok(Arc::new(cache))
}

/// The store of a URL, whatever of it is asked for and from wherever.
fn identity(url: &StoreUrl) -> String {
    let store = url.without(&[&PARAMETERS[..], &["prefix"]].concat());
    match std::path::absolute(url.location()) {
        Ok(path) if url.scheme() == "file" => format!("file://{}", path.display()),
        _ => store.to_string(),
    }
}

fn bytes(text: &str) -> Option<u64> {
    let (digits, power) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], 1),
        (at, 'M') => (&text[..at], 2),
        (at, 'G') => (&text[..at], 3),
        (at, 'T') => (&text[..at], 4),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1024_u64.pow(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    use bigarrays_core::backend::{
        BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind, KeyValueBackend,
        KeyValueBackendExt, Meta, Operation, Precondition, PutOutcome, Value, wait,
    };
    use bigarrays_core::memory::MemoryBackend;
    use bigarrays_core::ndarray::Array3;
    use bigarrays_core::wrap::{Fault, Rule};
    use bigarrays_core::{DataType, Key, Prefix, VolumeInfo};
    use futures::stream::BoxStream;

    fn info() -> VolumeInfo {
        VolumeInfo::builder(DataType::Uint8, [16; 3]).chunk_size([8; 3]).build().unwrap()
    }

    fn voxel(url: &str) -> u8 {
        crate::open(url).unwrap().read::<u8>([0..1, 0..1, 0..1]).unwrap()[[0; 4]]
    }

    #[test]
    fn the_identity_is_that_of_the_store_and_has_no_secrets() {
        let of = |url: &str| identity(&StoreUrl::parse(url).unwrap());
        assert_eq!(of("s3://bucket/a?cache=/x&prefix=b"), of("s3://bucket/a?cache-age=5"));
        assert_ne!(of("s3://bucket/a"), of("s3://bucket/a?endpoint=http://localhost"));
        assert!(!of("az://c?sig=topsecret").contains("topsecret"));
        assert_eq!(of("file:///v?cache="), "file:///v");
        assert!(of("v").len() > "file://v".len(), "a relative path is made absolute");
        assert_eq!(bytes("20G"), Some(20 << 30));
        assert_eq!(
            (bytes("5"), bytes("x"), bytes("9999999999999T"), bytes("")),
            (Some(5), None, None, None)
        );
    }

    #[test]
    fn a_cache_by_url_keeps_what_was_read_and_sees_what_others_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cache");
        let plain = format!("file://{}/vol", dir.path().display());
        let cached = format!("{plain}?cache={}", folder.display());
        let array = crate::create(&cached, info()).unwrap();
        array.write([0; 3], Array3::<u8>::ones((16, 16, 16)).view()).unwrap();
        assert!(!folder.exists(), "writing keeps nothing");
        assert_eq!((voxel(&cached), voxel(&cached)), (1, 1));
        let cache = open_cache(Some(&folder)).unwrap();
        assert_eq!(wait(cache.usage()).unwrap().entries, 2, "info and a chunk");

        let other = crate::open(&plain).unwrap();
        other.write([0; 3], Array3::<u8>::from_elem((8, 8, 8), 2).view()).unwrap();
        assert_eq!(voxel(&cached), 2);
        other.write([0; 3], Array3::<u8>::from_elem((8, 8, 8), 3).view()).unwrap();
        assert_eq!(voxel(&format!("{cached}&cache-age=forever")), 2, "it was not asked");
        assert_eq!(voxel(&format!("{cached}&cache-age=3600&cache-size=5M")), 2);
        assert_eq!(voxel(&cached), 3);
        // At a prefix it is the same store.
        let root = format!("file://{}?prefix=vol&cache={}", dir.path().display(), folder.display());
        assert_eq!(voxel(&root), 3);
        let read_only = crate::OpenOptions::new().read_only().open(&cached).unwrap();
        read_only.write([0; 3], Array3::<u8>::ones((16, 16, 16)).view()).unwrap_err();
    }

    #[test]
    fn what_is_no_cache_is_refused_with_the_reason() {
        for (url, reason) in [
            ("mem://x?cache=/tmp/c", "behind a network"),
            ("file:///tmp/v?cache=/tmp/c&cache-age=soon", "seconds"),
            ("file:///tmp/v?cache=/tmp/c&cache-size=big", "bytes"),
            ("file:///tmp/v?cache-age=5", "cache=FOLDER"),
            ("file:///tmp/v?cache=/dev/null", "/dev/null"),
        ] {
            let error = crate::open_store(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    /// Asynchronous by its word.
    #[derive(Debug)]
    struct Far(Fault<MemoryBackend>);

    #[async_trait::async_trait]
    impl KeyValueBackend for Far {
        fn capabilities(&self) -> Capabilities {
            Capabilities { io: IoModel::Async, ..self.0.capabilities() }
        }
        async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
            self.0.head(key).await
        }
        async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
            self.0.get(key, range).await
        }
        async fn put(
            &self,
            key: &Key,
            value: Value,
            when: Precondition,
        ) -> BackendResult<PutOutcome> {
            self.0.put(key, value, when).await
        }
        async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
            self.0.delete(key, when).await
        }
        fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
            self.0.list(prefix)
        }
    }

    impl std::fmt::Display for Far {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("far://")
        }
    }

    #[test]
    fn a_store_behind_a_network_is_tried_again_and_may_be_cached() {
        let fault = Fault::new(MemoryBackend::new());
        let key = Key::new("a").unwrap();
        wait(fault.put_always(&key, "1")).unwrap();
        fault.add(Rule::on(Operation::Get).nth(1).fail(ErrorKind::Transient));
        let far = fault.clone();
        let registry = crate::Registry::default()
            .with("far", move |_, _| Ok(Arc::new(Far(far.clone())) as DynBackend));
        let options = crate::OpenOptions::new().registry(registry);
        let dir = tempfile::tempdir().unwrap();
        let url = format!("far://x?cache={}&cache-age=forever", dir.path().display());
        for _ in 0..3 {
            let store = options.open_store(&url).unwrap();
            assert_eq!(wait(store.get_bytes(&key)).unwrap().unwrap(), "1");
        }
        assert_eq!(fault.calls(Operation::Get), 2);
    }
}
