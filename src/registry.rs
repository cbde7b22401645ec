//! Which scheme opens which store.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bigarrays_core::DynBackend;
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{Prefixed, ReadOnly};

use crate::open::OpenError;
use crate::url::StoreUrl;

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
const OPTIONAL: [(&str, &str); 2] = [("file", "fs"), ("sqlite", "sqlite")];

impl Default for Registry {
    fn default() -> Self {
        let registry = Self { factories: BTreeMap::new() }.with("mem", open_memory);
        #[cfg(all(feature = "fs", unix))]
        let registry = registry.with("file", open_fs);
        #[cfg(feature = "sqlite")]
        let registry = registry.with("sqlite", open_sqlite);
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
    /// # Errors
    /// [`OpenError::UnknownScheme`], which lists the known ones; [`OpenError::NotCompiledIn`],
    /// which names the feature; and what the store says.
    pub fn open_store(&self, url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
        let Some(factory) = self.factories.get(url.scheme()) else {
            return Err(self.unknown(url.scheme()));
        };
        let prefix = url.prefix()?;
        let mut store = factory(url, access)?;
        if access == Access::ReadOnly && store.capabilities().writable {
            store = Arc::new(ReadOnly::new(store));
        }
        Ok(if prefix.is_root() { store } else { Arc::new(Prefixed::new(store, prefix)) })
    }

    fn unknown(&self, scheme: &str) -> OpenError {
        let scheme = scheme.to_owned();
        match OPTIONAL.iter().find(|(optional, _)| *optional == scheme) {
            Some((_, feature)) => OpenError::NotCompiledIn { scheme, feature },
            None => {
                let known: Vec<_> = self.schemes().map(|scheme| format!("{scheme}://")).collect();
                OpenError::UnknownScheme { scheme, known: known.join(", ") }
            }
        }
    }
}

/// `mem://name`: one store of that name in the process, for as long as the process lives.
fn open_memory(url: &StoreUrl, _access: Access) -> Result<DynBackend, OpenError> {
    static NAMED: OnceLock<Mutex<HashMap<String, MemoryBackend>>> = OnceLock::new();
    url.allow_parameters(&[])?;
    let mut named =
        NAMED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let name = url.location().trim_end_matches('/').to_owned();
    let store = named.entry(name).or_insert_with_key(|name| MemoryBackend::named(name.as_str()));
    Ok(Arc::new(store.clone()))
}

#[cfg(all(feature = "fs", unix))]
fn open_fs(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    use bigarrays_backends::fs::{Durability, FsBackend};
    url.allow_parameters(&["durability"])?;
    let durability = match url.parameter("durability") {
        None => Durability::default(),
        Some("none") => Durability::None,
        Some("batch") => Durability::Batch,
        Some("each") => Durability::Each,
        Some(other) => {
            let reason = format!("the durability {other:?} is none of none, batch, each");
            return Err(url.invalid(reason).into());
        }
    };
    let store = FsBackend::builder(url.location())
        .durability(durability)
        .read_only(access == Access::ReadOnly)
        .open()?;
    Ok(Arc::new(store))
}

#[cfg(feature = "sqlite")]
fn open_sqlite(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    use bigarrays_backends::sqlite::SqliteBackend;
    url.allow_parameters(&[])?;
    let store = match access {
        Access::ReadOnly => SqliteBackend::open_read_only(url.location())?,
        Access::ReadWrite => SqliteBackend::builder(url.location()).create(false).open()?,
        Access::Create => SqliteBackend::open(url.location())?,
    };
    Ok(Arc::new(store))
}
