//! `rocksdb:///directory?durability=none|batch&compression=none|lz4|zstd&mode=secondary|readonly`,
//! `checksums=true|false`, and `bulk=BYTES`.

use std::sync::Arc;

use bigarrays_backends::rocksdb::{Compression, Durability, Reading, RocksDbBackend};
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::{InvalidUrl, StoreUrl};

/// Opens the store. A `mode` is one of reading: the store refuses puts then.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["durability", "compression", "mode", "bulk"])?;
    let durability = [("none", Durability::None), ("batch", Durability::Batch)];
    let compression =
        [("none", Compression::None), ("lz4", Compression::Lz4), ("zstd", Compression::Zstd)];
    let mode = [("secondary", Reading::Follow), ("readonly", Reading::Frozen)];
    let reading = choice(url, "mode", &mode)?;
    if reading.is_some() && access == Access::Create {
        let reason = "a database that is read in a mode of reading cannot be created";
        return Err(url.invalid(reason).into());
    }
    let options = RocksDbBackend::builder(url.location());
    let options = match url.parameter("bulk").map(str::parse) {
        None => options,
        Some(Ok(bytes)) => options.bulk(bytes),
        Some(Err(_)) => {
            let reason = "`bulk` is a number of bytes, from which on a batch is put past the log";
            return Err(url.invalid(reason).into());
        }
    };
    let store = options
        .create(access == Access::Create)
        .read_only(access == Access::ReadOnly || reading.is_some())
        .reading(reading.unwrap_or_default())
        .durability(choice(url, "durability", &durability)?.unwrap_or_default())
        .checksums(url.flag("checksums")?.unwrap_or(true))
        .compression(choice(url, "compression", &compression)?.unwrap_or_default())
        .open()?;
    Ok(Arc::new(store))
}

/// What a parameter says, in one of the words that it may say.
fn choice<T: Copy>(
    url: &StoreUrl,
    name: &str,
    words: &[(&str, T)],
) -> Result<Option<T>, InvalidUrl> {
    let Some(said) = url.parameter(name) else { return Ok(None) };
    match words.iter().find(|(word, _)| *word == said) {
        Some((_, meaning)) => Ok(Some(*meaning)),
        None => {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            Err(url.invalid(format!("the {name} {said:?} is none of {}", known.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use bigarrays_core::backend::{ErrorKind, KeyValueBackendExt, wait};
    use bigarrays_core::{Error, Key};

    use crate::open::{OpenError, OpenOptions};
    use crate::registry::{Access, Registry};
    use crate::url::StoreUrl;

    #[test]
    fn a_url_says_how_a_database_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("rocksdb://{}/db", dir.path().display());
        let registry = Registry::default();
        let open = |more: &str, access| {
            registry.open_store(&StoreUrl::parse(&format!("{url}{more}")).unwrap(), access)
        };
        let missing = open("", Access::ReadWrite).unwrap_err();
        assert!(
            matches!(&missing, OpenError::Array(Error::Backend(error))
                if error.kind() == ErrorKind::NotFound),
            "{missing:?}"
        );
        let key = Key::new("a").unwrap();
        let more = "?durability=none&compression=zstd&bulk=65536&prefix=p";
        wait(open(more, Access::Create).unwrap().put_always(&key, "x")).unwrap();
        for mode in ["", "?mode=secondary", "?mode=readonly"] {
            for access in [Access::ReadOnly, Access::ReadWrite] {
                let store = open(mode, access).unwrap();
                let found = wait(store.get_bytes(&Key::new("p/a").unwrap())).unwrap();
                assert_eq!(found.unwrap(), "x");
                let reads = access == Access::ReadOnly || !mode.is_empty();
                assert_eq!(store.capabilities().writable, !reads, "{mode} {access:?}");
            }
        }
        for (more, why) in [
            ("?mode=rw", "secondary, readonly"),
            ("?durability=each", "none, batch"),
            ("?bulk=much", "a number of bytes"),
            ("?compression=gzip", "none, lz4, zstd"),
            ("?sync=1", "durability, compression, mode"),
        ] {
            let error = open(more, Access::ReadOnly).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(open("?mode=secondary", Access::Create).is_err());
        let options = OpenOptions::new().read_only();
        assert_eq!(options.open_store(&url).unwrap().to_string(), url);
    }
}
