//! Long values, put in parts.

use std::sync::Arc;
use std::time::Duration;

use bigarrays_core::backend::{ErrorKind, PutOutcome};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use http::header;
use s3::command::{Command, Multipart};
use s3::serde_types::{CompleteMultipartUploadData, Part};
use tokio::runtime::Handle;

use super::client::Ask;
use super::failure::Failure;
use super::inner::Inner;
use super::write::{Job, content_type};
use super::xml;

/// The most parts that S3 takes.
const MOST_PARTS: u64 = 10_000;
/// Parts on their way at once.
const WIDTH: usize = 4;
/// How often a part is sent: doing it twice changes nothing, and the others need not go again.
const ATTEMPTS: u32 = 3;
const WAIT: Duration = Duration::from_millis(200);

impl Inner {
    /// Puts a value in parts. What fails is given up at the server too.
    pub(super) async fn put_in_parts(
        self: &Arc<Self>,
        job: &Job<'_>,
    ) -> Result<PutOutcome, Failure> {
        let id = self.begin(job).await?;
        let mut begun = Begun { inner: Arc::clone(self), name: job.name.to_owned(), id: Some(id) };
        let id = begun.id.clone().unwrap_or_default();
        let answer = match self.send_parts(job, &id).await {
            Ok(parts) => self.complete(job, &id, parts).await,
            Err(failure) => Err(failure),
        };
        begun.id = None;
        if !matches!(answer, Ok(PutOutcome::Written { .. })) {
            self.give_up(job.name, &id).await;
        }
        answer
    }

    async fn give_up(&self, name: &str, upload_id: &str) {
        let abort = Command::AbortMultipartUpload { upload_id };
        // The first failure is the one to report. If this one fails too, the parts stay until
        // the bucket's own rule for such uploads removes them.
        let _ = self.client.exchange(Ask::new(abort, name)).await;
    }

    /// The name of a new upload, fit for a URL.
    async fn begin(&self, job: &Job<'_>) -> Result<String, Failure> {
        let content_type = content_type(job.name);
        let mut ask = Ask::new(Command::InitiateMultipartUpload { content_type }, job.name);
        ask.headers = self.object_headers(job)?;
        let reply = self.ask(ask, &[]).await?;
        let id = xml::text_of(&reply.body, "UploadId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Failure::strange("an upload without a name"))?;
        Ok(url::form_urlencoded::byte_serialize(id.as_bytes()).collect())
    }

    async fn send_parts(&self, job: &Job<'_>, upload: &str) -> Result<Vec<Part>, Failure> {
        let whole = &job.value.bytes;
        let len = part_len(whole.len() as u64, self.part_size);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let parts = (1..).zip((0..whole.len()).step_by(len)).map(|(number, start)| {
            let bytes = whole.slice(start..whole.len().min(start.saturating_add(len)));
            self.send_part(job.name, upload, number, bytes)
        });
        stream::iter(parts.collect::<Vec<_>>()).buffered(WIDTH).try_collect().await
    }

    async fn send_part(
        &self,
        name: &str,
        upload: &str,
        number: u32,
        bytes: Bytes,
    ) -> Result<Part, Failure> {
        let mut attempt = 1;
        loop {
            let command = Command::PutObject {
                content: &bytes,
                content_type: "application/octet-stream",
                custom_headers: None,
                multipart: Some(Multipart::new(number, upload)),
            };
            let mut ask = Ask::new(command, name);
            ask.body = Some(bytes.clone());
            match self.ask(ask, &[]).await {
                Ok(reply) => {
                    let etag = reply.header(header::ETAG).unwrap_or_default().to_owned();
                    return Ok(Part { part_number: number, etag });
                }
                Err(failure) if failure.kind == ErrorKind::Transient && attempt < ATTEMPTS => {
                    tokio::time::sleep(WAIT * attempt).await;
                    attempt += 1;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn complete(
        &self,
        job: &Job<'_>,
        upload: &str,
        parts: Vec<Part>,
    ) -> Result<PutOutcome, Failure> {
        let data = CompleteMultipartUploadData { parts };
        let command = Command::CompleteMultipartUpload { upload_id: upload, data };
        let mut ask = Ask::new(command, job.name);
        ask.headers.extend(job.condition.clone());
        let reply = self.client.exchange(ask).await?;
        // The server begins to answer before it knows the end, so that a failure can look like a
        // success but for its body.
        let is_done = xml::root(&reply.body).is_some_and(|r| r == "CompleteMultipartUploadResult");
        if reply.status.is_success() && !is_done {
            let refused = self.refused(&reply);
            return Err(match reply.code().as_deref() {
                Some("PreconditionFailed") => return Ok(PutOutcome::Conflict),
                Some(_) => refused,
                None => Failure::new(ErrorKind::Transient, "the server broke off its answer"),
            });
        }
        let etag = xml::text_of(&reply.body, "ETag");
        self.outcome(job, &reply, etag)
    }
}

/// An upload that is given up if nobody waits for its end any more.
struct Begun {
    inner: Arc<Inner>,
    name: String,
    id: Option<String>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), Handle::try_current()) {
            let (inner, name) = (Arc::clone(&self.inner), std::mem::take(&mut self.name));
            runtime.spawn(async move { inner.give_up(&name, &id).await });
        }
    }
}

/// The length of parts: as asked, but not so short that there are too many.
const fn part_len(whole: u64, part: u64) -> u64 {
    let least = whole.div_ceil(MOST_PARTS);
    if part < least { least } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_never_too_many() {
        const MIB: u64 = 1024 * 1024;
        assert_eq!(part_len(100 * MIB, 16 * MIB), 16 * MIB);
        assert_eq!(part_len(160_000 * MIB, 16 * MIB), 16 * MIB);
        let len = part_len(5 * 1024 * 1024 * MIB, 16 * MIB);
        assert!(len > 16 * MIB && (5 * 1024 * 1024 * MIB).div_ceil(len) <= MOST_PARTS);
    }
}
