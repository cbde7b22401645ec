//! Putting and deleting objects.

use std::sync::Arc;

use bigarrays_core::backend::{
    BackendResult, ContentEncoding, DeleteOutcome, ErrorKind, Operation, Precondition, PutOutcome,
    Value,
};
use bigarrays_core::key::Key;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use s3::command::Command;

use super::client::Ask;
use super::failure::Failure;
use super::inner::Inner;
use super::reply::{Reply, condition, version};
use crate::remote::{Found, MARK, Mark, settle};

/// What is put, and how: the same for every attempt.
pub(super) struct Job<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
    pub(super) mark: Mark,
    /// `If-None-Match` or `If-Match`.
    pub(super) condition: Option<(HeaderName, HeaderValue)>,
}

impl Inner {
    /// Puts a value if `when` holds.
    pub(super) async fn put(
        self: &Arc<Self>,
        key: &Key,
        name: &str,
        value: &Value,
        when: &Precondition,
    ) -> BackendResult<PutOutcome> {
        let fail = |failure: Failure| failure.at(&self.place, Operation::Put, key);
        self.writable().map_err(fail)?;
        let (mark, condition) = match self.condition(when).map_err(fail)? {
            Some(known) => known,
            None => return Ok(PutOutcome::Conflict),
        };
        let is_conditional = condition.is_some();
        let job = &Job { name, value, mark, condition };
        let send = || async move { self.put_once(job).await.map_err(fail) };
        if !is_conditional {
            return send().await;
        }
        let look = || async move { self.look(name).await.map_err(fail) };
        settle(key, &job.mark, send, look).await
    }

    /// How a condition is said, or `None` if it cannot hold.
    #[expect(clippy::type_complexity, reason = "a mark, and a header if there is a condition")]
    fn condition(
        &self,
        when: &Precondition,
    ) -> Result<Option<(Mark, Option<(HeaderName, HeaderValue)>)>, Failure> {
        Ok(match when {
            Precondition::Always => Some((Mark::unconditional(), None)),
            Precondition::IfAbsent => {
                honoured(self.conditions.create, "If-None-Match")?;
                let any = HeaderValue::from_static("*");
                Some((Mark::of_new(), Some((header::IF_NONE_MATCH, any))))
            }
            Precondition::IfVersion(wanted) => {
                honoured(self.conditions.swap, "If-Match")?;
                let known = condition(wanted);
                known.map(|(etag, state)| (Mark::after(&state), Some((header::IF_MATCH, etag))))
            }
        })
    }

    async fn put_once(self: &Arc<Self>, job: &Job<'_>) -> Result<PutOutcome, Failure> {
        if job.value.bytes.len() as u64 > self.multipart_threshold {
            return self.put_in_parts(job).await;
        }
        let mut headers = self.object_headers(job)?;
        headers.extend(job.condition.clone());
        let command = Command::PutObject {
            content: &job.value.bytes,
            content_type: content_type(job.name),
            custom_headers: Some(headers),
            multipart: None,
        };
        let mut ask = Ask::new(command, job.name);
        ask.body = Some(job.value.bytes.clone());
        let reply = self.client.exchange(ask).await?;
        let etag = reply.header(header::ETAG).map(str::to_owned);
        self.outcome(job, &reply, etag)
    }

    /// What the answer to the request that made the object, or not, means.
    pub(super) fn outcome(
        &self,
        job: &Job<'_>,
        reply: &Reply,
        etag: Option<String>,
    ) -> Result<PutOutcome, Failure> {
        if reply.status.is_success() {
            let etag = etag.filter(|etag| !etag.is_empty());
            let version = etag.map(|etag| version(&etag, Some(&job.mark)));
            return Ok(PutOutcome::Written { version });
        }
        if job.condition.is_some() && (is_conflict(reply) || self.is_missing(reply)) {
            return Ok(PutOutcome::Conflict);
        }
        Err(self.refused(reply))
    }

    /// What is kept beside the bytes.
    pub(super) fn object_headers(&self, job: &Job<'_>) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        if job.value.content_encoding != ContentEncoding::Identity {
            let token = HeaderValue::from_static(job.value.content_encoding.token());
            headers.insert(header::CONTENT_ENCODING, token);
        }
        if let Some(cache_control) = &self.cache_control {
            headers.insert(header::CACHE_CONTROL, cache_control.clone());
        }
        let name = HeaderName::try_from(format!("x-amz-meta-{MARK}"));
        let mark = HeaderValue::try_from(job.mark.to_string());
        let (Ok(name), Ok(mark)) = (name, mark) else {
            return Err(Failure::new(ErrorKind::Other, "its version cannot be written down"));
        };
        headers.insert(name, mark);
        Ok(headers)
    }

    /// What the name holds, and who wrote it.
    async fn look(&self, name: &str) -> Result<Option<Found>, Failure> {
        let head = self.head(name).await?;
        Ok(head.map(|head| {
            let mark = head.reply.mark();
            let etag = head.reply.header(header::ETAG).unwrap_or_default();
            let state = mark.as_ref().map_or(etag, |mark| &mark.id).to_owned();
            Found { state, mark, version: head.version }
        }))
    }

    /// Deletes an object if `when` holds.
    pub(super) async fn delete(
        &self,
        name: &str,
        when: &Precondition,
    ) -> Result<DeleteOutcome, Failure> {
        self.writable()?;
        let mut ask = Ask::new(Command::DeleteObject, name);
        match when {
            Precondition::Always => {}
            // Nothing is to be removed, whatever the answer.
            Precondition::IfAbsent => {
                return Ok(match self.head(name).await? {
                    Some(_) => DeleteOutcome::Conflict,
                    None => DeleteOutcome::Deleted,
                });
            }
            Precondition::IfVersion(version) => {
                honoured(self.conditions.delete, "If-Match of deletes")?;
                match condition(version) {
                    Some((etag, _)) => ask.headers.insert(header::IF_MATCH, etag),
                    None => return Ok(DeleteOutcome::Conflict),
                };
            }
        }
        let is_conditional = !ask.headers.is_empty();
        let reply = self.client.exchange(ask).await?;
        if reply.status.is_success() {
            return Ok(DeleteOutcome::Deleted);
        }
        if self.is_missing(&reply) || (is_conditional && is_conflict(&reply)) {
            let gone =
                if is_conditional { DeleteOutcome::Conflict } else { DeleteOutcome::Deleted };
            return Ok(gone);
        }
        Err(self.refused(&reply))
    }
}

/// Whether the condition did not hold. (A conflict of two requests, 409, is tried again.)
pub(super) fn is_conflict(reply: &Reply) -> bool {
    reply.status == StatusCode::PRECONDITION_FAILED
}

fn honoured(is_honoured: bool, what: &str) -> Result<(), Failure> {
    if is_honoured {
        return Ok(());
    }
    let note = format!("the server does not honour {what}, or was not asked whether it does");
    Err(Failure::new(ErrorKind::Unsupported, note))
}

/// `info` files and their like are JSON, so that browsers show them.
pub(super) fn content_type(name: &str) -> &'static str {
    let last = name.rsplit('/').next().unwrap_or_default();
    if matches!(last, "info" | "provenance") || last.ends_with(".json") {
        "application/json"
    } else {
        "application/octet-stream"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_json_and_chunks_are_bytes() {
        for name in ["info", "a/info", "a/provenance", "x.json"] {
            assert_eq!(content_type(name), "application/json");
        }
        for name in ["infos", "info/0-64", "8_8_40/0-64_0-64_0-64"] {
            assert_eq!(content_type(name), "application/octet-stream");
        }
    }
}
