//! Stores and their names; opened volumes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bigarrays::backend::{BackendResult, Version};
use bigarrays::wrap::{Cache, Freshness, SharedCache};
use bigarrays::{
    BigArray, DynBackend, Error, Key, KeyValueBackend, Prefix, ScaleSelector, StoreUrl,
};
use futures::TryStreamExt;
use quick_cache::sync::Cache as Kept;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::error::ServeError;
use crate::fault::Fault;
use crate::options::Options;
use crate::store::{self, Pace};
use crate::view::{self, View};

/// Paths that are answered by the server itself.
const RESERVED: [&str; 7] =
    ["v1", "view", "neuroglancer", "health", "metrics", "openapi.json", "favicon.ico"];
/// A bucket's name is no longer.
const LONGEST_NAME: usize = 63;
/// Opened volumes that are kept.
const OPENED: usize = 64;
/// Bytes of chunks on their way that a cutout may have in memory, beside its voxels.
pub(crate) const ON_THEIR_WAY: usize = 32 << 20;
/// Bytes of indices of shards that an opened volume keeps.
pub(crate) const INDICES: usize = 4 << 20;
/// For how long it is believed which volumes a store has: that takes a listing of all of it.
const LISTED_FOR: Duration = Duration::from_secs(60);
/// A kept value is believed to be the stored one for so long.
const CACHED_FOR: Duration = Duration::from_secs(10);

/// A name that nothing can be served under.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing can be served under the name {name:?}: {reason}; give another one, as in URL=NAME"
)]
pub struct InvalidName {
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The name of a store where nobody chose one: the last part of its prefix or its path.
#[must_use]
pub fn default_name(url: &str) -> String {
    let Ok(url) = StoreUrl::parse(url) else { return String::new() };
    let place = url.parameter("prefix").filter(|prefix| !prefix.trim_matches('/').is_empty());
    let place = place.unwrap_or(url.location()).trim_end_matches('/');
    place.rsplit('/').next().unwrap_or(place).to_owned()
}

/// A store under a name.
#[derive(Debug, Clone)]
pub struct Served {
    pub(crate) name: String,
    pub(crate) store: DynBackend,
    pub(crate) pace: Arc<Pace>,
}

impl Served {
    /// A store under a name.
    ///
    /// # Errors
    /// [`InvalidName`] for one that is no part of a path, or belongs to the server.
    pub fn new(name: &str, store: DynBackend) -> Result<Self, InvalidName> {
        let refuse = |reason| Err(InvalidName { name: name.to_owned(), reason });
        if RESERVED.contains(&name) {
            return refuse("the server answers this path itself");
        }
        if name.is_empty() || name.len() > LONGEST_NAME {
            return refuse("it has 1 to 63 characters");
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !name.chars().all(is_plain) || name.starts_with(['.', '-']) {
            return refuse(
                "it has letters, digits, dots, dashes and underscores, and begins with none of these signs",
            );
        }
        Ok(Self { name: name.to_owned(), store, pace: Arc::default() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A volume in a store, and the scale of it that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Opening {
    name: String,
    view: Option<View>,
    root: String,
    scale: String,
}

#[derive(Debug)]
struct Listed {
    at: Instant,
    volumes: Arc<Vec<Prefix>>,
}

/// All that is served.
#[derive(Debug)]
pub(crate) struct Shelf {
    served: BTreeMap<String, Served>,
    views: BTreeMap<(String, View), DynBackend>,
    pub(crate) cache: Option<SharedCache>,
    opened: Kept<Opening, (Version, BigArray)>,
    listed: Mutex<BTreeMap<String, Listed>>,
}

impl Shelf {
    pub(crate) fn new(served: Vec<Served>, options: &Options) -> Result<Self, ServeError> {
        let cache = (options.cache > 0).then(|| SharedCache::new(options.cache));
        let keep = |store: DynBackend| match &cache {
            Some(cache) => {
                let kept = Cache::new(store, cache).freshness(Freshness::Age(CACHED_FOR));
                Arc::new(kept) as DynBackend
            }
            None => store,
        };
        let (mut shelf, mut views) = (BTreeMap::new(), BTreeMap::new());
        for mut one in served {
            one.store = keep(one.store);
            for view in View::ALL {
                // What a view makes is kept, too: it costs more than reading it.
                let made = keep(view::around(view, DynBackend::clone(&one.store)));
                views.insert((one.name.clone(), view), made);
            }
            if let Some(same) = shelf.insert(one.name.clone(), one) {
                return Err(ServeError::SameName { name: same.name });
            }
        }
        if shelf.is_empty() {
            return Err(ServeError::Nothing);
        }
        let (opened, listed) = (Kept::new(OPENED), Mutex::default());
        Ok(Self { served: shelf, views, cache, opened, listed })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Served> {
        self.served.values()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Served> {
        self.served.get(name)
    }

    /// The store of a name, or a view of it.
    pub(crate) fn store(&self, name: &str, view: Option<&str>) -> Result<&DynBackend, Fault> {
        let absent = || Fault::not_found("nothing is served under this name");
        match view {
            None => self.served.get(name).map(|served| &served.store).ok_or_else(absent),
            Some(view) => {
                let view = View::of_name(view).ok_or_else(|| {
                    Fault::not_found("there is no such view; there are @unsharded and @pyramid")
                })?;
                self.views.get(&(name.to_owned(), view)).ok_or_else(absent)
            }
        }
    }

    /// How quickly the store of a name answers. A view computes what it shows: it has none.
    pub(crate) fn pace(&self, name: &str, view: Option<&str>) -> Option<&Pace> {
        let served = self.served.get(name).filter(|_| view.is_none());
        served.map(|served| &*served.pace)
    }

    /// Opens a scale of a volume, or takes the one that is open if its description is the same.
    pub(crate) async fn open(
        &self,
        name: &str,
        view: Option<&str>,
        root: &str,
        scale: Option<&str>,
    ) -> Result<BigArray, Fault> {
        let store = DynBackend::clone(self.store(name, view)?);
        let absent = || Fault::not_found("there is no volume at this path");
        let place = Prefix::new(root).map_err(|_| absent())?;
        let info = Key::new(format!("{place}info")).map_err(|_| absent())?;
        let head = {
            let info = info.clone();
            store::ask(&store, move |store| Box::pin(async move { store.head(&info).await }))
                .await?
        };
        let version = head.ok_or_else(absent)?.version;
        let opening = Opening {
            name: name.to_owned(),
            view: view.and_then(View::of_name),
            root: root.to_owned(),
            scale: scale.unwrap_or_default().to_owned(),
        };
        if let (Some(now), Some((then, array))) = (&version, self.opened.get(&opening))
            && *now == then
        {
            return Ok(array);
        }
        let selector: ScaleSelector = bigarrays_formats::text::scale(scale);
        let array = spawn_blocking(move || {
            BigArray::builder(store)
                .root(place)
                .scale(selector)
                .memory(ON_THEIR_WAY)
                .index_cache(INDICES)
                .open()
        });
        let array = array.await.map_err(|source| Error::Abandoned { source })??;
        if let Some(version) = version {
            self.opened.insert(opening, (version, array.clone()));
        }
        Ok(array)
    }

    /// The places of the volumes in a store.
    pub(crate) async fn volumes(&self, served: &Served) -> Result<Arc<Vec<Prefix>>, Fault> {
        // Whoever comes meanwhile waits for the one listing.
        let mut listed = self.listed.lock().await;
        if let Some(known) = listed.get(&served.name)
            && known.at.elapsed() < LISTED_FOR
        {
            return Ok(Arc::clone(&known.volumes));
        }
        let found = store::ask(&served.store, |store| Box::pin(find(store))).await?;
        let volumes = Arc::new(found);
        let entry = Listed { at: Instant::now(), volumes: Arc::clone(&volumes) };
        listed.insert(served.name.clone(), entry);
        Ok(volumes)
    }
}

/// The places in a store that have an `info`; the root alone if it has one, which costs no listing.
async fn find(store: &dyn KeyValueBackend) -> BackendResult<Vec<Prefix>> {
    if let Ok(info) = Key::new("info")
        && store.head(&info).await?.is_some()
    {
        return Ok(vec![Prefix::root()]);
    }
    if !store.capabilities().listable {
        return Ok(Vec::new());
    }
    let (root, mut places) = (Prefix::root(), Vec::new());
    let mut keys = store.list(&root);
    while let Some(meta) = keys.try_next().await? {
        if let Some(place) = meta.key.as_str().strip_suffix("/info")
            && let Ok(place) = Prefix::new(place)
        {
            places.push(place);
        }
    }
    places.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::memory::MemoryBackend;

    #[test]
    fn names_are_the_last_part_of_where_the_store_is() {
        assert_eq!(default_name("/data/em/"), "em");
        assert_eq!(default_name("sqlite:///data/brain.db?prefix=a/t1"), "t1");
        assert_eq!(default_name("sqlite:///data/brain.db"), "brain.db");
        assert_eq!(default_name("s3://bucket"), "bucket");
    }

    #[test]
    fn names_that_are_no_part_of_a_path_are_refused() {
        let named = |name: &str| Served::new(name, Arc::new(MemoryBackend::new()));
        for name in ["", "v1", "view", "a/b", "a@b", ".hidden", "-x", "a b", "ü", &"x".repeat(64)]
        {
            assert!(named(name).is_err(), "{name}");
        }
        for name in ["em", "brain.db", "A_1-2"] {
            assert!(named(name).is_ok(), "{name}");
        }
    }
}
