//! Which scheme opens which store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bigarrays_core::DynBackend;
use bigarrays_core::backend::IoModel;
use bigarrays_core::wrap::{Checksummed, Prefixed, ReadOnly, Retry};

use crate::open::OpenError;
use crate::stores;
use crate::url::{InvalidUrl, StoreUrl};

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading only: puts and deletes are refused.
    ReadOnly,
    /// Reading and writing a store that exists.
    #[default]
    ReadWrite,
    /// Reading and writing a store that is made if it does not exist.
    Create,
}

/// Opens the store that a URL names.
pub type StoreFactory =
    dyn Fn(&StoreUrl, Access) -> Result<DynBackend, OpenError> + Send + Sync + 'static;

/// Schemes and the stores that they open. The default has every store that is compiled in.
#[derive(Clone)]
pub struct Registry {
    factories: BTreeMap<String, Arc<StoreFactory>>,
}

/// Schemes of stores that exist but may be left out of a build, with the feature that has them.
pub const OPTIONAL_SCHEMES: [(&str, &str); 10] = [
    ("file", "fs"),
    ("sqlite", "sqlite"),
    ("rocksdb", "rocksdb"),
    ("h5", "hdf5"),
    ("sections", "hdf5"),
    ("s3", "s3"),
    ("gs", "gcs"),
    ("az", "azure"),
    ("http", "http"),
    ("https", "http"),
];

#[cfg(all(feature = "fs", unix))]
use crate::cache::around as with_cache;

/// The store, unless its URL asks for a cache, which is a folder.
#[cfg(not(all(feature = "fs", unix)))]
fn with_cache(store: DynBackend, url: &StoreUrl) -> Result<DynBackend, OpenError> {
    match url.parameter("cache") {
        None => Ok(store),
        Some(_) => Err(OpenError::NotCompiledIn { scheme: "file".into(), feature: "fs" }),
    }
}

/// Stores that keep checksums themselves, unless their URL says otherwise.
const SUMMED: [&str; 2] = ["sqlite", "rocksdb"];
/// Stores whose values are cut out of files of others, or that are only read: there is no place for
/// checksums.
const FOREIGN: [&str; 4] = ["h5", "sections", "http", "https"];

/// Whether a URL asks for checksums beside the values of a store that keeps none itself.
fn wants_checksums(url: &StoreUrl) -> Result<bool, InvalidUrl> {
    let scheme = url.scheme();
    match url.flag("checksums")? {
        Some(true) if FOREIGN.contains(&scheme) => {
            Err(url.invalid(format!("{scheme}:// has no place for checksums")))
        }
        flag => Ok(flag == Some(true) && !SUMMED.contains(&scheme)),
    }
}

impl Default for Registry {
    fn default() -> Self {
        let registry = Self { factories: BTreeMap::new() }.with("mem", stores::memory::open);
        #[cfg(all(feature = "fs", unix))]
        let registry = registry.with("file", stores::fs::open);
        #[cfg(feature = "sqlite")]
        let registry = registry.with("sqlite", stores::sqlite::open);
        #[cfg(feature = "rocksdb")]
        let registry = registry.with("rocksdb", stores::rocksdb::open);
        #[cfg(feature = "hdf5")]
        let registry = registry.with("h5", stores::hdf5::open);
        #[cfg(feature = "hdf5")]
        let registry = registry.with("sections", stores::sections::open);
        #[cfg(feature = "s3")]
        let registry = registry.with("s3", stores::s3::open);
        #[cfg(feature = "gcs")]
        let registry = registry.with("gs", stores::gcs::open);
        #[cfg(feature = "azure")]
        let registry = registry.with("az", stores::object::open);
        #[cfg(feature = "http")]
        let registry = registry.with("http", stores::http::open).with("https", stores::http::open);
        registry
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.factories.keys()).finish()
    }
}

impl Registry {
    /// Adds a store under a scheme (in any case), or replaces the one that was there.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use bigarrays::{DynBackend, OpenOptions, Registry, memory::MemoryBackend};
    ///
    /// let mine: DynBackend = Arc::new(MemoryBackend::new());
    /// let registry = Registry::default().with("mine", move |_url, _access| Ok(Arc::clone(&mine)));
    /// let store = OpenOptions::new().registry(registry).open_store("mine://anything")?;
    /// # Ok::<(), bigarrays::OpenError>(())
    /// ```
    #[must_use]
    pub fn with(
        mut self,
        scheme: &str,
        factory: impl Fn(&StoreUrl, Access) -> Result<DynBackend, OpenError> + Send + Sync + 'static,
    ) -> Self {
        self.factories.insert(scheme.to_ascii_lowercase(), Arc::new(factory));
        self
    }

    /// All schemes, sorted.
    pub fn schemes(&self) -> impl Iterator<Item = &str> {
        self.factories.keys().map(String::as_str)
    }

    /// Opens the store that a URL names, at its `prefix` if it has one.
    ///
    /// A store behind a network is tried again where it fails for the moment
    /// ([`Retry`]). With `checksums=true` a store that keeps no checksums itself gets them beside
    /// its values ([`Checksummed`]); with `checksums=false` one that does neither writes nor
    /// compares them. With `cache=FOLDER` its values are kept in a folder ([`DiskCache`]; an empty
    /// value means the folder of `cache_folder`), up to `cache-size=BYTES` (500M, 20G; default
    /// 10G) in all, and the store is asked at every read whether they are still the same, or not
    /// for `cache-age=SECONDS`, or never (`forever`).
    ///
    /// [`DiskCache`]: bigarrays_core::wrap::DiskCache
    ///
    /// # Errors
    /// [`OpenError::UnknownScheme`], which lists the known ones; [`OpenError::NotCompiledIn`],
    /// which names the feature; and what the store says.
    pub fn open_store(&self, url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
        let Some(factory) = self.factories.get(url.scheme()) else {
            return Err(self.unknown(url.scheme()));
        };
        let prefix = url.prefix()?;
        let is_summed = wants_checksums(url)?;
        let mut store = factory(url, access)?;
        if store.capabilities().io == IoModel::Async {
            store = Arc::new(Retry::new(store));
        }
        if is_summed {
            store = Arc::new(Checksummed::new(store));
        }
        store = with_cache(store, url)?;
        if access == Access::ReadOnly && store.capabilities().writable {
            store = Arc::new(ReadOnly::new(store));
        }
        Ok(if prefix.is_root() { store } else { Arc::new(Prefixed::new(store, prefix)) })
    }

    pub(crate) fn unknown(&self, scheme: &str) -> OpenError {
        let scheme = scheme.to_owned();
        match OPTIONAL_SCHEMES.iter().find(|(optional, _)| *optional == scheme) {
            Some((_, feature)) => OpenError::NotCompiledIn { scheme, feature },
            None => {
                let known: Vec<_> = self.schemes().map(|scheme| format!("{scheme}://")).collect();
                OpenError::UnknownScheme { scheme, known: known.join(", ") }
            }
        }
    }
}
