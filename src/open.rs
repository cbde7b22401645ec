//! From a URL to a volume.

use std::sync::Arc;

use bigarrays_core::{BigArray, BigArrayBuilder, DynBackend, Error, Key, Prefix, VolumeInfo};

use crate::layouts::{Above, Found, OneBased, scale_above};
use crate::registry::{Access, Registry};
use crate::url::{InvalidUrl, StoreUrl, without_secrets};

/// How many times a volume may have moved (CloudVolume's limit).
const MAX_REDIRECTS: usize = 10;

/// Why a URL did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not a URL of a store.
    #[error(transparent)]
    InvalidUrl(#[from] InvalidUrl),
    /// No store has this scheme.
    #[error("no store is known for {scheme}://; known are {known} and plain paths")]
    UnknownScheme {
        /// The scheme.
        scheme: String,
        /// Those that are known.
        known: String,
    },
    /// The store was left out of this build.
    #[error("the store for {scheme}:// is not compiled in; build with the feature {feature:?}")]
    NotCompiledIn {
        /// The scheme.
        scheme: String,
        /// The feature that has it.
        feature: &'static str,
    },
    /// The volume's description sends us round in circles, or too far.
    #[error("cannot follow the redirects of {url:?}: {reason}: {}", .chain.join(" -> "))]
    Redirects {
        /// Where it began.
        url: String,
        /// A cycle, or too many.
        reason: &'static str,
        /// All places.
        chain: Vec<String>,
    },
    /// There is no folder for a cache.
    #[error(
        "there is no folder for a cache: name one, or set BIGARRAYS_CACHE, XDG_CACHE_HOME or HOME"
    )]
    NoCacheFolder,
    /// There is no volume, and what was opened is no directory of a scale either.
    #[error(transparent)]
    NoVolume(Box<NoVolume>),
    /// The store or the volume in it.
    #[error(transparent)]
    Array(#[from] Error),
}

/// A place with no volume, which is no directory of a scale either.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot open a volume in {backend}: it has no {key:?}, nor is it the directory of a scale \
     {scale:?} of a volume in {above}{note}; create the volume first"
)]
pub struct NoVolume {
    /// The store.
    pub backend: String,
    /// Where the description should be.
    pub key: Key,
    /// The scale whose directory it would be.
    pub scale: String,
    /// Where the volume of that scale would be.
    pub above: String,
    /// What else was found, as a clause.
    pub note: String,
    /// Why there is no such scale, if there is a volume above.
    pub source: Option<Box<OpenError>>,
}

impl From<bigarrays_core::backend::BackendError> for OpenError {
    fn from(error: bigarrays_core::backend::BackendError) -> Self {
        Self::Array(error.into())
    }
}

/// Opens the volume at a URL, for reading and writing, with the default options.
///
/// # Errors
/// [`OpenError`]: what is wrong with the URL, the store or the volume.
pub fn open(url: &str) -> Result<BigArray, OpenError> {
    OpenOptions::new().open(url)
}

/// Creates a volume at a URL that has none, and its store if need be, and opens it.
///
/// # Errors
/// [`OpenError`]: what is wrong with the URL, the store or the description.
pub fn create(url: &str, info: VolumeInfo) -> Result<BigArray, OpenError> {
    OpenOptions::new().create(url, info)
}

/// Opens the key-value store at a URL.
///
/// # Errors
/// [`OpenError`]: what is wrong with the URL or the store.
pub fn open_store(url: &str) -> Result<DynBackend, OpenError> {
    OpenOptions::new().open_store(url)
}

type Configure = dyn Fn(BigArrayBuilder<DynBackend>) -> BigArrayBuilder<DynBackend> + Send + Sync;

/// How to open a URL: which stores there are, for what, and the options of the array.
///
/// ```no_run
/// use bigarrays::{OnMissing, OpenOptions};
///
/// let array = OpenOptions::new()
///     .read_only()
///     .array(|options| options.scale("8_8_40").on_missing(OnMissing::Error))
///     .open("sqlite:///data/brain.db?prefix=em")?;
/// # Ok::<(), bigarrays::OpenError>(())
/// ```
#[derive(Clone, Default)]
pub struct OpenOptions {
    registry: Registry,
    read_only: bool,
    configure: Option<Arc<Configure>>,
}

impl std::fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions")
            .field("registry", &self.registry)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

impl OpenOptions {
    /// Every store that is compiled in, for reading and writing, the default array options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Which schemes open which stores.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// For reading only: nothing in the store is changed.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The options of the array: the scale, what missing chunks mean, and so on.
    #[must_use]
    pub fn array(
        mut self,
        configure: impl Fn(BigArrayBuilder<DynBackend>) -> BigArrayBuilder<DynBackend>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.configure = Some(Arc::new(configure));
        self
    }

    /// Opens the volume at a URL. Follows a description that says where the volume is now.
    ///
    /// Where there is no `info`, older layouts of BigArrays.jl are looked for: the URL may be that
    /// of a scale's directory, whose volume is then opened at this scale; or the directory of a
    /// volume of v0.5 with its `config.json`, which is opened for reading only.
    ///
    /// # Errors
    /// [`OpenError`]: what is wrong with the URL, the store or the volume.
    pub fn open(&self, url: &str) -> Result<BigArray, OpenError> {
        follow(url, |url, here| self.open_at(url, here))
    }

    /// The description of the volume at a URL, also of one whose chunks this build cannot read.
    ///
    /// # Errors
    /// [`OpenError`]: what is wrong with the URL, the store or the description.
    pub fn info(&self, url: &str) -> Result<VolumeInfo, OpenError> {
        follow(url, |url, here| {
            let store = self.registry.open_store(url, self.access())?;
            match self.builder(Arc::clone(&store), Prefix::root(), here).info() {
                Err(absent @ Error::NoInfo { .. }) => {
                    Ok(self.older(url, store, here, absent)?.info()?)
                }
                result => Ok(result?),
            }
        })
    }

    /// Creates a volume at a URL that has none, and its store if need be, and opens it.
    ///
    /// # Errors
    /// [`OpenError`]: what is wrong with the URL, the store or the description.
    pub fn create(&self, url: &str, info: VolumeInfo) -> Result<BigArray, OpenError> {
        // A description that would be refused must not leave an empty store behind.
        if let Err(source) = info.to_json() {
            let (backend, key) = (without_secrets(url), Key::new("info").map_err(Error::from)?);
            return Err(Error::Info { backend, key, source: Box::new(source) }.into());
        }
        let store = self.registry.open_store(&StoreUrl::parse(url)?, Access::Create)?;
        Ok(self.builder(store, Prefix::root(), Here::No).create(info)?)
    }

    /// Opens the key-value store at a URL.
    ///
    /// # Errors
    /// [`OpenError`]: what is wrong with the URL or the store.
    pub fn open_store(&self, url: &str) -> Result<DynBackend, OpenError> {
        self.registry.open_store(&StoreUrl::parse(url)?, self.access())
    }

    const fn access(&self) -> Access {
        if self.read_only { Access::ReadOnly } else { Access::ReadWrite }
    }

    fn open_at(&self, url: &StoreUrl, here: Here) -> Result<BigArray, OpenError> {
        let store = self.registry.open_store(url, self.access())?;
        match self.builder(Arc::clone(&store), Prefix::root(), here).open() {
            Err(absent @ Error::NoInfo { .. }) => {
                Ok(self.older(url, store, here, absent)?.open()?)
            }
            Err(Error::ScaleOutsideStore { key, levels }) => {
                // A scale key like `../other/8_8_8`: open the store where it can be reached.
                let Some((parent, root)) = url.up(levels) else {
                    return Err(Error::ScaleOutsideStore { key, levels }.into());
                };
                let store = self.registry.open_store(&parent, self.access())?;
                Ok(self.builder(store, root, here).open()?)
            }
            result => Ok(result?),
        }
    }

    /// The volume in a store that has no `info`, if it has one of the older layouts.
    fn older(
        &self,
        url: &StoreUrl,
        store: DynBackend,
        here: Here,
        absent: Error,
    ) -> Result<BigArrayBuilder<DynBackend>, OpenError> {
        let note = match OneBased::open(store)? {
            Found::Volume(volume) => {
                return Ok(self.builder(Arc::new(*volume), Prefix::root(), here));
            }
            Found::Other(reason) => format!("; and \"config.json\" is of no use: {reason}"),
            Found::Nothing => String::new(),
        };
        let Error::NoInfo { backend, key } = absent else { return Err(absent.into()) };
        let Some(Above { url, root, scale }) = scale_above(url) else {
            return Err(Error::NoInfo { backend, key }.into());
        };
        let opened = self.registry.open_store(&url, self.access()).and_then(|store| {
            let builder = self.builder(store, root.clone(), here).scale(scale.as_str());
            has_scale(&builder.info()?, &scale).map(|()| builder)
        });
        opened.map_err(|source| {
            let above = match root.as_str().trim_end_matches('/') {
                "" => url.to_string(),
                root => format!("{url} under {root:?}"),
            };
            let is_nothing = matches!(source, OpenError::Array(Error::NoInfo { .. }));
            let source = (!is_nothing).then(|| Box::new(source));
            let absent = NoVolume { backend, key, scale, above, note, source };
            OpenError::NoVolume(Box::new(absent))
        })
    }

    fn builder(&self, store: DynBackend, root: Prefix, here: Here) -> BigArrayBuilder<DynBackend> {
        let builder = BigArray::builder(store).root(root);
        let builder = match here {
            Here::Yes => builder.ignore_redirect(),
            Here::No => builder,
        };
        match &self.configure {
            Some(configure) => configure(builder),
            None => builder,
        }
    }
}

fn has_scale(info: &VolumeInfo, key: &str) -> Result<(), OpenError> {
    if info.scale_index_by_key(key).is_some() {
        return Ok(());
    }
    let keys: Vec<_> = info.scales.iter().map(|scale| format!("{:?}", scale.key)).collect();
    Err(Error::NoSuchScale { wanted: format!("{key:?}"), available: keys.join(", ") }.into())
}

/// Whether a redirect has led back to the very place that holds it, which ends the way.
#[derive(Clone, Copy, PartialEq)]
enum Here {
    No,
    Yes,
}

/// Tries a URL, and where its volume has moved, the new one.
fn follow<T>(
    url: &str,
    attempt: impl Fn(&StoreUrl, Here) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let mut chain = vec![StoreUrl::parse(url)?];
    loop {
        let at = &chain[chain.len() - 1];
        let to = match attempt(at, Here::No) {
            Err(OpenError::Array(Error::Redirect { to, .. })) => {
                let to = StoreUrl::parse(&to)?;
                // Whoever wrote the description must not choose which of our keys go where.
                if let Some(name) = to.parameter_names().find(|name| *name != "prefix") {
                    let reason = format!(
                        "a redirect may name a place and a prefix in it, and not {name:?}; open \
                         that URL itself if you trust it"
                    );
                    return Err(to.invalid(reason).into());
                }
                to
            }
            result => return result,
        };
        if to == *at {
            return attempt(at, Here::Yes);
        }
        let reason = if chain.contains(&to) {
            Some("they go round in a circle")
        } else if chain.len() > MAX_REDIRECTS {
            Some("there are more than 10")
        } else {
            None
        };
        chain.push(to);
        if let Some(reason) = reason {
            let chain = chain.iter().map(StoreUrl::to_string).collect();
            return Err(OpenError::Redirects { url: without_secrets(url), reason, chain });
        }
    }
}
