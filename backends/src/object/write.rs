//! Putting and deleting.

use bigarrays_core::Key;
use bigarrays_core::backend::{
    BackendResult, ConditionalPut, ContentEncoding, DeleteOutcome, ErrorKind, Operation,
    Precondition, PutOutcome, Value, Version,
};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, ObjectStore as _, ObjectStoreExt, PutMode, PutMultipartOptions,
    PutOptions, PutPayload, UpdateVersion,
};

use super::failure::Cause;
use super::options::VersionFrom;
use super::store::Inner;
use crate::remote::{Found, Mark, settle};

/// The name of the metadata that says who wrote: Azure takes letters and digits only.
pub(super) const MARK: &str = "bigarrayswrite";

/// The length of the parts of a long value.
const PART: usize = 8 << 20;
/// How many parts travel at once.
const PARTS_AT_ONCE: usize = 4;

/// The words of services for a condition that did not hold.
const CONFLICTS: [&str; 7] = [
    "BlobAlreadyExists",
    "ConditionNotMet",
    "TargetConditionNotMet",
    "UnauthorizedBlobOverwrite",
    "PreconditionFailed",
    "BlobNotFound",
    "NoSuchKey",
];

/// One conditional put.
struct Job<'a> {
    key: &'a Key,
    path: &'a Path,
    bytes: &'a Bytes,
    mode: PutMode,
    mark: Mark,
}

impl Inner {
    pub(super) async fn put(
        &self,
        key: &Key,
        value: &Value,
        when: &Precondition,
    ) -> BackendResult<PutOutcome> {
        let op = Operation::Put;
        self.may_write(op)?;
        let path = self.path(key, op)?;
        let len = value.bytes.len() as u64;
        if let Some(most) = self.max_value_len.filter(|&most| len > most) {
            let why = format!("a value of {len} bytes is longer than {most}, the most it takes");
            return Err(self.error(ErrorKind::Unsupported, op).with_note(why));
        }
        let Some((mode, mark)) = self.mode(when)? else { return Ok(PutOutcome::Conflict) };
        let attributes = self.attributes(key, value.content_encoding);
        if mode == PutMode::Overwrite && len > self.multipart {
            return self.put_in_parts(&path, value.bytes.clone(), attributes).await;
        }
        if !self.marks || mode == PutMode::Overwrite {
            return self.put_once(&path, value.bytes.clone(), mode, attributes).await;
        }
        let job = Job { key, path: &path, bytes: &value.bytes, mode, mark };
        self.put_marked(job, attributes).await
    }

    /// The mode for a precondition and the mark of a write under it, if the store honours it.
    /// `None` if it cannot hold.
    fn mode(&self, when: &Precondition) -> BackendResult<Option<(PutMode, Mark)>> {
        let needed = match when {
            Precondition::Always => ConditionalPut::Unsupported,
            Precondition::IfAbsent => ConditionalPut::CreateOnly,
            Precondition::IfVersion(_) => ConditionalPut::CompareAndSwap,
        };
        if self.conditional < needed {
            let why = "this store was not said to honour such a condition";
            return Err(self.error(ErrorKind::Unsupported, Operation::Put).with_note(why));
        }
        Ok(match when {
            Precondition::Always => Some((PutMode::Overwrite, Mark::unconditional())),
            Precondition::IfAbsent => Some((PutMode::Create, Mark::of_new())),
            Precondition::IfVersion(version) => self
                .update(version)
                .map(|(update, state)| (PutMode::Update(update), Mark::after(&state))),
        })
    }

    /// A version as a condition, and what the state is called (see [`Mark::after`]). `None` for a
    /// version that no value can have.
    fn update(&self, version: &Version) -> Option<(UpdateVersion, String)> {
        let text = std::str::from_utf8(version.as_bytes()).ok()?;
        let (told, mark) = match text.split_once('\n') {
            Some((told, mark)) => (told, Some(mark)),
            None => (text, None),
        };
        // As an ETag, `*` holds for every state, and a list for several.
        if told.is_empty() || told == "*" || told.contains(',') {
            return None;
        }
        let state = mark.map_or_else(|| plain(told), str::to_owned);
        let told = Some(told.to_owned());
        let update = match self.version_from {
            VersionFrom::ETag => UpdateVersion { e_tag: told, version: None },
            VersionFrom::Version => UpdateVersion { e_tag: None, version: told },
        };
        Some((update, state))
    }

    fn attributes(&self, key: &Key, encoding: ContentEncoding) -> Attributes {
        let mut attributes = Attributes::new();
        if encoding != ContentEncoding::Identity {
            attributes.insert(Attribute::ContentEncoding, encoding.token().into());
        }
        if let Some(cache_control) = &self.cache_control {
            attributes.insert(Attribute::CacheControl, cache_control.clone().into());
        }
        if self.content_types {
            let name = key.as_str().rsplit('/').next().unwrap_or_default();
            let json = matches!(name, "info" | "provenance");
            let kind = if json { "application/json" } else { "application/octet-stream" };
            attributes.insert(Attribute::ContentType, kind.into());
        }
        attributes
    }

    async fn put_once(
        &self,
        path: &Path,
        bytes: Bytes,
        mode: PutMode,
        attributes: Attributes,
    ) -> BackendResult<PutOutcome> {
        let updates = matches!(mode, PutMode::Update(_));
        let conditional = mode != PutMode::Overwrite;
        let mark = self.mark(&attributes);
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        match self.store.put_opts(path, PutPayload::from_bytes(bytes), options).await {
            Ok(done) => {
                self.exists();
                let version = self.version(done.e_tag, done.version, mark.as_ref());
                Ok(PutOutcome::Written { version })
            }
            Err(error) if conditional && failed_condition(&error, updates) => {
                Ok(PutOutcome::Conflict)
            }
            Err(error) => Err(self.failure(error, Operation::Put)),
        }
    }

    /// A conditional put that says who wrote, so that a lost answer can be settled.
    async fn put_marked(
        &self,
        job: Job<'_>,
        mut attributes: Attributes,
    ) -> BackendResult<PutOutcome> {
        let Job { key, path, bytes, mode, mark } = job;
        attributes.insert(Attribute::Metadata(MARK.into()), mark.to_string().into());
        let send = || self.put_once(path, bytes.clone(), mode.clone(), attributes.clone());
        let look = || async {
            let found = self.look(path, Operation::Put).await?;
            Ok(found.map(|(meta, attributes)| {
                let mark = self.mark(&attributes);
                let version = self.version(meta.e_tag.clone(), meta.version.clone(), mark.as_ref());
                let state = self.state(meta.e_tag, meta.version).unwrap_or_default();
                let state = mark.as_ref().map_or_else(|| plain(&state), |mark| mark.id.clone());
                Found { state, mark, version }
            }))
        };
        settle(key, &mark, send, look).await
    }

    async fn put_in_parts(
        &self,
        path: &Path,
        bytes: Bytes,
        attributes: Attributes,
    ) -> BackendResult<PutOutcome> {
        let failure = |error| self.failure(error, Operation::Put);
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload = self.store.put_multipart_opts(path, options).await.map_err(failure)?;
        let starts = (0..bytes.len()).step_by(PART);
        let parts: Vec<_> = starts
            .map(|start| bytes.slice(start..bytes.len().min(start.saturating_add(PART))))
            .map(|part| upload.put_part(PutPayload::from_bytes(part)))
            .collect();
        let mut parts = stream::iter(parts).buffer_unordered(PARTS_AT_ONCE);
        let sent = async {
            while parts.try_next().await?.is_some() {}
            Ok(())
        };
        if let Err(error) = sent.await {
            // What remains is the store's to remove; the first error is the one to tell.
            let _ = upload.abort().await;
            return Err(failure(error));
        }
        let done = upload.complete().await.map_err(failure)?;
        self.exists();
        Ok(PutOutcome::Written { version: self.version(done.e_tag, done.version, None) })
    }

    pub(super) async fn delete(
        &self,
        key: &Key,
        when: &Precondition,
    ) -> BackendResult<DeleteOutcome> {
        let op = Operation::Delete;
        self.may_write(op)?;
        let path = self.path(key, op)?;
        match when {
            Precondition::Always => match self.store.delete(&path).await {
                Ok(()) => Ok(DeleteOutcome::Deleted),
                Err(error) => match self.absent(error, op).await? {
                    None => Ok(DeleteOutcome::Deleted),
                    Some(error) => Err(self.failure(error, op)),
                },
            },
            // Nothing is removed either way.
            Precondition::IfAbsent => Ok(match self.look(&path, op).await? {
                None => DeleteOutcome::Deleted,
                Some(_) => DeleteOutcome::Conflict,
            }),
            Precondition::IfVersion(version) => self.delete_version(&path, version).await,
        }
    }

    async fn delete_version(&self, path: &Path, version: &Version) -> BackendResult<DeleteOutcome> {
        let op = Operation::Delete;
        let Some(deletes) = &self.deletes else {
            let why = "object_store has no conditional delete, and two steps would not be one";
            return Err(self.error(ErrorKind::Unsupported, op).with_note(why));
        };
        let Some((update, _)) = self.update(version) else { return Ok(DeleteOutcome::Conflict) };
        match deletes.delete_if(path, &update).await {
            Ok(()) => Ok(DeleteOutcome::Deleted),
            Err(error) if failed_condition(&error, true) => Ok(DeleteOutcome::Conflict),
            Err(error) => Err(self.failure(error, op)),
        }
    }

    pub(super) async fn delete_all(&self, keys: &[Key]) -> BackendResult<()> {
        let op = Operation::Delete;
        self.may_write(op)?;
        let paths = keys.iter().map(|key| self.path(key, op));
        let paths = paths.collect::<BackendResult<Vec<Path>>>()?;
        let paths = stream::iter(paths).map(Ok).boxed();
        let mut answers = self.store.delete_stream(paths);
        let mut first = None;
        // All are asked for before the first failure is told.
        while let Some(answer) = answers.next().await {
            if let Err(error) = answer
                && let Some(error) = self.absent(error, op).await?
            {
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), |error| Err(self.failure(error, op)))
    }

    fn may_write(&self, op: Operation) -> BackendResult<()> {
        if self.read_only { Err(self.error(ErrorKind::ReadOnly, op)) } else { Ok(()) }
    }
}

/// Whether an error says that a condition did not hold. `updates`: there must be a value.
fn failed_condition(error: &Error, updates: bool) -> bool {
    let told = match error {
        Error::AlreadyExists { .. } | Error::Precondition { .. } => true,
        Error::NotFound { .. } => updates,
        _ => false,
    };
    let cause = Cause::of(error);
    told && (cause.code.is_none() || cause.is(&CONFLICTS))
}

/// The name of a state without what has no place in a mark.
fn plain(state: &str) -> String {
    state.trim_matches('"').to_owned()
}
