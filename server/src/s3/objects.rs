//! Reading, writing, deleting and copying one object.

use bigarrays::backend::{
    BackendError, Blob, ByteRange, ConditionalPut, ContentEncoding, DeleteOutcome, Meta,
    Precondition, PutOutcome, Value, Version,
};
use bigarrays::{DynBackend, Key};
use bytes::Bytes;
use s3s::dto::{
    ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Range,
    StreamingBlob, Timestamp,
};
use s3s::{Body, S3Error, S3Result, s3_error};

use super::failure::{
    invalid, no_conditions, no_such_key, of_store, precondition_failed, read_only,
};
use super::gateway::Gateway;
use crate::body::pieces;
use crate::mime;
use crate::store::ask;
use crate::tag::{Form, tag, version};

/// Objects up to this are read at once.
const AT_ONCE: u64 = 8 << 20;
/// An object that is replaced between two questions about it is asked for again so often.
const ATTEMPTS: usize = 4;

/// An object that there is.
pub(super) struct Found {
    pub(super) meta: Meta,
    tag: Option<ETag>,
}

pub(super) fn e_tag(version: Option<&Version>) -> Option<ETag> {
    version.map(|version| ETag::Strong(tag(version, Form::Stored)))
}

/// A key, for who writes: one that can be none is refused.
pub(super) fn key(text: &str) -> S3Result<Key> {
    Key::new(text).map_err(|error| invalid(error.to_string()))
}

impl Gateway {
    pub(super) fn store(&self, bucket: &str) -> S3Result<DynBackend> {
        let served = self.app.shelf.get(bucket);
        let absent = || s3_error!(NoSuchBucket, "there is no such bucket");
        Ok(DynBackend::clone(&served.ok_or_else(absent)?.store))
    }

    pub(super) fn failed(&self, error: &BackendError) -> S3Error {
        of_store(&self.app.options.log, error)
    }

    /// What is stored under a key. What can be no key is a key of nothing.
    pub(super) async fn find(&self, store: &DynBackend, text: &str) -> S3Result<Found> {
        let Ok(key) = Key::new(text) else { return Err(no_such_key()) };
        let answer = ask(store, move |store| Box::pin(async move { store.head(&key).await })).await;
        let meta = answer.map_err(|error| match error.kind() {
            bigarrays::backend::ErrorKind::InvalidKey => no_such_key(),
            _ => self.failed(&error),
        })?;
        let meta = meta.ok_or_else(no_such_key)?;
        let tag = e_tag(meta.version.as_ref());
        Ok(Found { meta, tag })
    }

    pub(super) async fn read(
        &self,
        store: &DynBackend,
        key: &Key,
        range: ByteRange,
    ) -> S3Result<Option<Blob>> {
        let key = key.clone();
        let answer = ask(store, move |store| Box::pin(async move { store.get(&key, range).await }));
        answer.await.map_err(|error| self.failed(&error))
    }

    pub(super) async fn get(&self, input: GetObjectInput) -> S3Result<GetObjectOutput> {
        let store = self.store(&input.bucket)?;
        for _ in 0..ATTEMPTS {
            let found = self.find(&store, &input.key).await?;
            asked_state(input.if_match.as_ref(), input.if_none_match.as_ref(), &found)?;
            let size = found.meta.size;
            let range = match &input.range {
                Some(range) => check(*range, size)?,
                None => 0..size,
            };
            let len = range.end - range.start;
            let said = input
                .range
                .map(|_| format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1)));
            let key = found.meta.key.clone();
            let held = self.app.budget.hold(len.min(AT_ONCE)).await;
            let held = held.ok_or_else(|| s3_error!(ServiceUnavailable, "the server is ending"))?;
            let body = if len <= AT_ONCE {
                let asked = ByteRange::Bounded(range);
                let blob = match len {
                    0 => Some(Bytes::new()),
                    _ => self
                        .read(&store, &key, asked)
                        .await?
                        .filter(|blob| blob.version == found.meta.version)
                        .map(|blob| blob.bytes),
                };
                // It was replaced meanwhile, or is gone.
                let Some(bytes) = blob.filter(|bytes| bytes.len() as u64 == len) else { continue };
                Body::from(held.with(bytes))
            } else {
                let version = found.meta.version.clone();
                Body::http_body_unsync(pieces(DynBackend::clone(&store), key, range, version, held))
            };
            return Ok(GetObjectOutput {
                accept_ranges: Some("bytes".to_owned()),
                body: Some(StreamingBlob::from(body)),
                cache_control: input.response_cache_control.or_else(|| self.cache_control(&found)),
                content_encoding: encoding_of(&found),
                content_length: i64::try_from(len).ok(),
                content_range: said,
                content_type: type_of(&found),
                e_tag: found.tag,
                last_modified: Some(self.began()),
                ..GetObjectOutput::default()
            });
        }
        Err(s3_error!(
            ServiceUnavailable,
            "the object is being replaced again and again; try again"
        ))
    }

    pub(super) async fn head(&self, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let store = self.store(&input.bucket)?;
        let found = self.find(&store, &input.key).await?;
        asked_state(input.if_match.as_ref(), input.if_none_match.as_ref(), &found)?;
        Ok(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: self.cache_control(&found),
            content_encoding: encoding_of(&found),
            content_length: i64::try_from(found.meta.size).ok(),
            content_type: type_of(&found),
            e_tag: found.tag,
            last_modified: Some(self.began()),
            ..HeadObjectOutput::default()
        })
    }

    /// Puts an object if its conditions hold; its new state.
    pub(super) async fn put(
        &self,
        store: &DynBackend,
        key: Key,
        value: Value,
        when: Precondition,
    ) -> S3Result<Option<ETag>> {
        if let Some(most) = store.capabilities().max_value_len
            && value.bytes.len() as u64 > most
        {
            return Err(s3_error!(EntityTooLarge, "the store has no values of such a length"));
        }
        let put =
            ask(store, move |store| Box::pin(async move { store.put(&key, value, when).await }));
        match put.await.map_err(|error| self.failed(&error))? {
            PutOutcome::Written { version } => Ok(e_tag(version.as_ref())),
            PutOutcome::Conflict => Err(precondition_failed()),
        }
    }

    pub(super) async fn delete(
        &self,
        store: &DynBackend,
        text: &str,
        when: Precondition,
    ) -> S3Result<()> {
        // What can be no key is deleted as any that is absent.
        let Ok(key) = Key::new(text) else { return Ok(()) };
        let delete =
            ask(store, move |store| Box::pin(async move { store.delete(&key, when).await }));
        match delete.await.map_err(|error| self.failed(&error))? {
            DeleteOutcome::Deleted => Ok(()),
            DeleteOutcome::Conflict => Err(precondition_failed()),
        }
    }

    pub(super) fn check_writable(&self, store: &DynBackend) -> S3Result<()> {
        match self.app.options.writable && store.capabilities().writable {
            true => Ok(()),
            false => Err(read_only()),
        }
    }

    /// Stores know no times: every object is as old as the server.
    pub(super) fn began(&self) -> Timestamp {
        Timestamp::from(self.began)
    }

    fn cache_control(&self, found: &Found) -> Option<String> {
        let is_description = mime::is_description(found.meta.key.as_str());
        self.app.cache_control(is_description).to_str().ok().map(str::to_owned)
    }
}

/// What a put is to depend on, as far as the store honours it: it never puts regardless.
pub(super) fn precondition(
    store: &DynBackend,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Precondition> {
    let honours = store.capabilities().conditional_put;
    match (if_match, if_none_match) {
        (None, None) => Ok(Precondition::Always),
        (None, Some(ETagCondition::Any)) if honours >= ConditionalPut::CreateOnly => {
            Ok(Precondition::IfAbsent)
        }
        (Some(ETagCondition::ETag(tag)), None) if honours == ConditionalPut::CompareAndSwap => {
            state(tag).map(Precondition::IfVersion)
        }
        _ => Err(no_conditions()),
    }
}

/// The state that a tag stands for; a tag of nothing here is one of no object.
pub(super) fn state(tag: &ETag) -> S3Result<Version> {
    version(tag.value()).ok_or_else(precondition_failed)
}

fn asked_state(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    found: &Found,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => {
            found.tag.as_ref().is_some_and(|found| found.value() == tag.value())
        }
    };
    if if_match.is_some_and(|condition| !is(condition)) {
        return Err(precondition_failed());
    }
    if if_none_match.is_some_and(is) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

fn check(range: Range, size: u64) -> S3Result<std::ops::Range<u64>> {
    let range = range.check(size).map_err(|_| s3_error!(InvalidRange, "it has no such bytes"))?;
    match range.is_empty() {
        true => Err(s3_error!(InvalidRange, "it has no such bytes")),
        false => Ok(range),
    }
}

fn encoding_of(found: &Found) -> Option<String> {
    match found.meta.content_encoding {
        None | Some(ContentEncoding::Identity) => None,
        Some(encoding) => Some(encoding.token().to_owned()),
    }
}

fn type_of(found: &Found) -> Option<String> {
    Some(mime::of_value(found.meta.key.as_str()).to_owned())
}
