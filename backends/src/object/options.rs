//! How a store of `object_store` is used.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use bigarrays_core::backend::{BackendResult, ConditionalPut};
use object_store::path::Path;
use object_store::{ObjectStore, UpdateVersion};

use super::store::ObjectBackend;
use crate::remote::Secret;

/// Deletes one state of an object, which `object_store` has no word for.
#[async_trait]
pub trait ConditionalDelete: fmt::Debug + Send + Sync + 'static {
    /// Removes the object if it is in exactly this state, in one step that nobody can come
    /// between.
    ///
    /// # Errors
    /// `Precondition` if it is in another state, `NotFound` if it is not there; others as they
    /// come.
    async fn delete_if(&self, location: &Path, version: &UpdateVersion)
    -> object_store::Result<()>;
}

/// What tells the state of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VersionFrom {
    /// Its ETag.
    #[default]
    ETag,
    /// Its version, as Google Cloud Storage wants it in conditions. A listing does not tell it.
    Version,
}

/// Whose rules hold for names, ETags and error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Any,
    #[cfg(feature = "azure")]
    Azure,
}

/// How to use a store of `object_store`; see [`ObjectBackend::builder`].
#[must_use = "options do nothing until `open`"]
pub struct ObjectOptions {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) name: String,
    pub(super) conditional: ConditionalPut,
    pub(super) probe: bool,
    pub(super) deletes: Option<Arc<dyn ConditionalDelete>>,
    pub(super) read_only: bool,
    pub(super) suffixes: bool,
    pub(super) version: VersionFrom,
    pub(super) marks: bool,
    pub(super) multipart: u64,
    pub(super) concurrency: NonZeroUsize,
    pub(super) max_value_len: Option<u64>,
    pub(super) cache_control: Option<String>,
    pub(super) content_types: bool,
    pub(super) dialect: Dialect,
    /// Texts that must not show, wherever the store below may quote them.
    pub(super) secrets: Vec<Secret>,
}

impl ObjectOptions {
    pub(super) fn new(store: Arc<dyn ObjectStore>, name: String) -> Self {
        Self {
            store,
            name,
            conditional: ConditionalPut::Unsupported,
            probe: false,
            deletes: None,
            read_only: false,
            suffixes: true,
            version: VersionFrom::ETag,
            marks: false,
            multipart: 32 << 20,
            concurrency: NonZeroUsize::new(32).unwrap_or(NonZeroUsize::MIN),
            max_value_len: None,
            cache_control: None,
            content_types: false,
            dialect: Dialect::Any,
            secrets: Vec::new(),
        }
    }

    /// Which preconditions of a put the store honours; none by default. It is taken at its word.
    pub const fn conditional(mut self, conditional: ConditionalPut) -> Self {
        self.conditional = conditional;
        self.probe = false;
        self
    }

    /// Finds out which preconditions the store honours: `open` puts a scratch key below
    /// `.bigarrays-probe` several times and removes it. Where that is forbidden there are none.
    pub const fn probe(mut self) -> Self {
        self.probe = true;
        self
    }

    /// How the store deletes on condition; by default it does not.
    pub fn conditional_delete(mut self, deletes: Arc<dyn ConditionalDelete>) -> Self {
        self.deletes = Some(deletes);
        self
    }

    /// Whether puts and deletes are refused; false by default.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Whether the end of an object can be asked for without knowing its length; true by default.
    /// A store that says that it cannot is asked for the length first in any case.
    pub const fn suffix_ranges(mut self, suffixes: bool) -> Self {
        self.suffixes = suffixes;
        self
    }

    /// What tells the state of an object; its ETag by default.
    pub const fn version_from(mut self, version: VersionFrom) -> Self {
        self.version = version;
        self
    }

    /// Whether conditional puts write a name of their own into the metadata, so that lost answers
    /// can be settled; false by default, for not every store has metadata.
    pub const fn marks(mut self, marks: bool) -> Self {
        self.marks = marks;
        self
    }

    /// Values of more bytes are uploaded in parts, if no condition stands; 32 MiB by default.
    pub const fn multipart(mut self, bytes: u64) -> Self {
        self.multipart = bytes;
        self
    }

    /// How many requests are made at once; 32 by default.
    pub const fn concurrency(mut self, concurrency: NonZeroUsize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// The longest value that the store takes; no limit by default.
    pub const fn max_value_len(mut self, bytes: u64) -> Self {
        self.max_value_len = Some(bytes);
        self
    }

    /// The header `Cache-Control` of everything that is put, for readers over the web; none by
    /// default. A store without attributes refuses puts then.
    pub fn cache_control(mut self, cache_control: impl Into<String>) -> Self {
        self.cache_control = Some(cache_control.into());
        self
    }

    /// Whether values are put with a content type (JSON for `info` and `provenance`, else plain
    /// bytes); false by default, for not every store has attributes.
    pub const fn content_types(mut self, content_types: bool) -> Self {
        self.content_types = content_types;
        self
    }

    /// Makes the store. Nothing is asked of it yet, but by [`probe`](Self::probe).
    ///
    /// # Errors
    /// What the probe found out of order, for example that the store cannot be reached.
    pub fn open(self) -> BackendResult<ObjectBackend> {
        ObjectBackend::with(self)
    }
}

impl fmt::Debug for ObjectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is below may show its credentials.
        f.debug_struct("ObjectOptions").field("name", &self.name).finish_non_exhaustive()
    }
}
