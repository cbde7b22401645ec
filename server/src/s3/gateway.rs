//! The operations, each with what it answers.

use std::sync::Arc;
use std::time::SystemTime;

use bigarrays::backend::{ByteRange, Precondition, Value};
use futures::{StreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::failure::{invalid, no_conditions, no_such_key, precondition_failed};
use super::incoming::{self, Said};
use super::list::{self, Entry, Page, Wanted};
use super::objects::{key, precondition, state};
use super::parts::{self, Uploads};
use crate::app::App;
use crate::store::ask;

/// A page of a listing has no more.
const LONGEST_PAGE: i32 = 1000;
/// Objects that are deleted side by side.
const AT_ONCE: usize = 8;
/// What stays as it is in keys that are sent percent-encoded.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Stores as buckets.
pub(super) struct Gateway {
    pub(super) app: App,
    pub(super) began: SystemTime,
    uploads: Arc<Uploads>,
}

impl Gateway {
    pub(super) fn new(app: App) -> Self {
        let uploads = Arc::new(Uploads::new(app.options.limits.request));
        Self { app, began: SystemTime::now(), uploads }
    }

    async fn page(&self, bucket: &str, wanted: Wanted) -> S3Result<Page> {
        let store = self.store(bucket)?;
        let page =
            ask(&store, move |store| Box::pin(async move { list::page(store, &wanted).await }));
        page.await.map_err(|error| self.failed(&error))
    }

    /// Objects and common prefixes of a page.
    fn shown(&self, page: &Page, is_encoded: bool) -> (Vec<Object>, Vec<CommonPrefix>) {
        let (mut objects, mut common) = (Vec::new(), Vec::new());
        for (name, entry) in &page.entries {
            let name = Some(encoded(name, is_encoded));
            match entry {
                Entry::Common => common.push(CommonPrefix { prefix: name }),
                Entry::Object { size, version } => objects.push(Object {
                    key: name,
                    size: i64::try_from(*size).ok(),
                    e_tag: super::objects::e_tag(version.as_ref()),
                    last_modified: Some(self.began()),
                    storage_class: Some(ObjectStorageClass::from_static(
                        ObjectStorageClass::STANDARD,
                    )),
                    ..Object::default()
                }),
            }
        }
        (objects, common)
    }
}

fn encoded(name: &str, is_encoded: bool) -> String {
    match is_encoded {
        true => utf8_percent_encode(name, PLAIN).to_string(),
        false => name.to_owned(),
    }
}

fn is_encoded(kind: Option<&EncodingType>) -> bool {
    kind.is_some_and(|kind| kind.as_str() == EncodingType::URL)
}

fn most(max_keys: Option<i32>) -> S3Result<i32> {
    match max_keys {
        Some(most) if most < 0 => Err(invalid("max-keys is not negative")),
        most => Ok(most.unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE)),
    }
}

fn as_count(most: i32) -> usize {
    usize::try_from(most).unwrap_or(0)
}

fn answer<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

/// A copy's source, of which only those in buckets are known here.
fn source(source: &CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket { bucket, key, version_id: None } => {
            Ok((bucket.to_string(), key.to_string()))
        }
        _ => Err(s3_error!(
            NotImplemented,
            "objects have no versions here, and buckets no other names"
        )),
    }
}

#[async_trait::async_trait]
impl S3 for Gateway {
    async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.app.shelf.all().map(|served| Bucket {
            name: Some(served.name.clone()),
            creation_date: Some(self.began()),
            ..Bucket::default()
        });
        answer(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            ..ListBucketsOutput::default()
        })
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store(&request.input.bucket)?;
        answer(HeadBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.store(&request.input.bucket)?;
        answer(GetBucketLocationOutput::default())
    }

    /// A bucket is what is served; one that is there is the asker's, as far as the gateway goes.
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        match self.store(&request.input.bucket) {
            Ok(_) => Err(s3_error!(BucketAlreadyOwnedByYou, "the bucket is there")),
            Err(_) => Err(s3_error!(AccessDenied, "buckets are what the server was started with")),
        }
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        answer(self.get(request.input).await?)
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        answer(self.head(request.input).await?)
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let store = self.store(&input.bucket)?;
        self.check_writable(&store)?;
        let key = key(&input.key)?;
        let when = precondition(&store, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let encoding = incoming::encoding(input.content_encoding.as_deref())?;
        let (headers, trailers) = (request.headers, request.trailing_headers);
        let said = Said { md5: input.content_md5, headers, trailers };
        let bytes = incoming::read(input.body, self.app.options.limits.request, said).await?;
        let e_tag = self.put(&store, key, Value::encoded(bytes, encoding), when).await?;
        answer(PutObjectOutput { e_tag, ..PutObjectOutput::default() })
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        let store = self.store(&input.bucket)?;
        self.check_writable(&store)?;
        let when = match &input.if_match {
            None => Precondition::Always,
            Some(ETagCondition::ETag(tag)) if store.capabilities().conditional_delete => {
                Precondition::IfVersion(state(tag)?)
            }
            Some(_) => return Err(no_conditions()),
        };
        self.delete(&store, &input.key, when).await?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        let store = self.store(&input.bucket)?;
        self.check_writable(&store)?;
        if input.delete.objects.len() > as_count(LONGEST_PAGE) {
            return Err(s3_error!(MalformedXML, "a thousand objects are deleted at once, no more"));
        }
        let deletes = input.delete.objects.into_iter().map(|object| {
            let store = &store;
            async move {
                let done = self.delete(store, &object.key, Precondition::Always).await;
                (object.key, done)
            }
        });
        let done: Vec<_> = stream::iter(deletes).buffered(AT_ONCE).collect().await;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (key, done) in done {
            match done {
                Ok(()) => {
                    deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() });
                }
                Err(error) => errors.push(Error {
                    key: Some(key),
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    ..Error::default()
                }),
            }
        }
        if input.delete.quiet == Some(true) {
            deleted.clear();
        }
        answer(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        })
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let (bucket, from) = source(&input.copy_source)?;
        let (origin, store) = (self.store(&bucket)?, self.store(&input.bucket)?);
        self.check_writable(&store)?;
        let key = key(&input.key)?;
        let found = self.find(&origin, &from).await?;
        if found.meta.size > self.app.options.limits.request {
            return Err(s3_error!(
                EntityTooLarge,
                "the object is longer than any that is taken here"
            ));
        }
        let _held = self.app.budget.hold(found.meta.size).await;
        let blob = self.read(&origin, &found.meta.key, ByteRange::Full).await?;
        let blob = blob.ok_or_else(no_such_key)?;
        let is = |tag: &ETagCondition| match tag {
            ETagCondition::Any => true,
            ETagCondition::ETag(tag) => blob.version.is_some() && state(tag).ok() == blob.version,
        };
        let (wanted, unwanted) = (&input.copy_source_if_match, &input.copy_source_if_none_match);
        if wanted.as_ref().is_some_and(|tag| !is(tag)) || unwanted.as_ref().is_some_and(is) {
            return Err(precondition_failed());
        }
        // With new headers for the old ones its compression may be said anew.
        let encoding = match (&input.metadata_directive, &input.content_encoding) {
            (Some(directive), Some(encoding))
                if directive.as_str() == MetadataDirective::REPLACE =>
            {
                incoming::encoding(Some(encoding))?
            }
            _ => blob.content_encoding,
        };
        let value = Value::encoded(blob.bytes, encoding);
        let e_tag = self.put(&store, key, value, Precondition::Always).await?;
        let last_modified = Some(self.began());
        let result = CopyObjectResult { e_tag, last_modified, ..CopyObjectResult::default() };
        answer(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let most = most(input.max_keys)?;
        let after = match &input.continuation_token {
            Some(token) => token_text(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let wanted = Wanted {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after,
            most: as_count(most),
        };
        let page = self.page(&input.bucket, wanted).await?;
        let is_encoded = is_encoded(input.encoding_type.as_ref());
        let (contents, common) = self.shown(&page, is_encoded);
        let shown = |text: Option<String>| text.map(|text| encoded(&text, is_encoded));
        answer(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: shown(input.prefix),
            delimiter: shown(input.delimiter),
            start_after: shown(input.start_after),
            max_keys: Some(most),
            key_count: i32::try_from(page.entries.len()).ok(),
            is_truncated: Some(page.is_truncated),
            continuation_token: input.continuation_token,
            next_continuation_token: page.end().filter(|_| page.is_truncated).map(token),
            contents: Some(contents),
            common_prefixes: Some(common),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }

    async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        let most = most(input.max_keys)?;
        let wanted = Wanted {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after: input.marker.clone().unwrap_or_default(),
            most: as_count(most),
        };
        let page = self.page(&input.bucket, wanted).await?;
        let is_encoded = is_encoded(input.encoding_type.as_ref());
        let (contents, common) = self.shown(&page, is_encoded);
        let shown = |text: Option<String>| text.map(|text| encoded(&text, is_encoded));
        answer(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: shown(input.prefix),
            delimiter: shown(input.delimiter),
            marker: Some(encoded(&input.marker.unwrap_or_default(), is_encoded)),
            max_keys: Some(most),
            is_truncated: Some(page.is_truncated),
            next_marker: page
                .end()
                .filter(|_| page.is_truncated)
                .map(|end| encoded(end, is_encoded)),
            contents: Some(contents),
            common_prefixes: Some(common),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let store = self.store(&input.bucket)?;
        self.check_writable(&store)?;
        let encoding = incoming::encoding(input.content_encoding.as_deref())?;
        let id = self.uploads.begin(&input.bucket, key(&input.key)?, encoding)?;
        answer(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        self.uploads.with(&input.upload_id, &input.bucket, &input.key, |_| Ok(()))?;
        let (headers, trailers) = (request.headers, request.trailing_headers);
        let said = Said { md5: input.content_md5, headers, trailers };
        let bytes = incoming::read(input.body, self.app.options.limits.request, said).await?;
        let uploads = Arc::clone(&self.uploads);
        let kept = spawn_blocking(move || {
            uploads.put((&input.upload_id, &input.bucket, &input.key), input.part_number, &bytes)
        });
        let tag = kept.await.map_err(S3Error::internal_error)??;
        answer(UploadPartOutput { e_tag: Some(ETag::Strong(tag)), ..UploadPartOutput::default() })
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = request.input;
        self.uploads.with(&input.upload_id, &input.bucket, &input.key, |_| Ok(()))?;
        let (bucket, from) = source(&input.copy_source)?;
        let origin = self.store(&bucket)?;
        let found = self.find(&origin, &from).await?;
        let range = match input.copy_source_range.as_deref().map(Range::parse) {
            None => 0..found.meta.size,
            Some(Ok(range)) => range
                .check(found.meta.size)
                .map_err(|_| s3_error!(InvalidRange, "it has no such bytes"))?,
            Some(Err(_)) => return Err(invalid("a range is written bytes=FIRST-LAST")),
        };
        if range.end - range.start > self.app.options.limits.request {
            return Err(s3_error!(EntityTooLarge, "the part is longer than any object here"));
        }
        let _held = self.app.budget.hold(range.end - range.start).await;
        let blob = self.read(&origin, &found.meta.key, ByteRange::Bounded(range)).await?;
        let bytes = blob.ok_or_else(no_such_key)?.bytes;
        let uploads = Arc::clone(&self.uploads);
        let kept = spawn_blocking(move || {
            uploads.put((&input.upload_id, &input.bucket, &input.key), input.part_number, &bytes)
        });
        let tag = kept.await.map_err(S3Error::internal_error)??;
        let (e_tag, last_modified) = (Some(ETag::Strong(tag)), Some(self.began()));
        let result = CopyPartResult { e_tag, last_modified, ..CopyPartResult::default() };
        answer(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        })
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let store = self.store(&input.bucket)?;
        self.check_writable(&store)?;
        let when = precondition(&store, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let named: Vec<(i32, Option<String>)> = named
            .into_iter()
            .map(|part| {
                let tag = part.e_tag.map(|tag| tag.value().to_owned());
                (part.part_number.unwrap_or(0), tag)
            })
            .collect();
        let of = (input.upload_id.as_str(), input.bucket.as_str(), input.key.as_str());
        let (encoding, parts) = self.uploads.named(of, &named)?;
        let _held = self.app.budget.hold(parts.iter().map(|part| part.len).sum()).await;
        let bytes = spawn_blocking(move || parts::joined(&parts)).await;
        let bytes = bytes.map_err(S3Error::internal_error)??;
        let value = Value::encoded(bytes, encoding);
        let e_tag = self.put(&store, key(&input.key)?, value, when).await?;
        // Another may have ended it meanwhile; the object is stored.
        let _ = self.uploads.end(of.0, of.1, of.2);
        answer(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, utf8_percent_encode(&input.key, PLAIN))),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag,
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        self.uploads.end(&input.upload_id, &input.bucket, &input.key)?;
        answer(AbortMultipartUploadOutput::default())
    }

    async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let parts = self.uploads.with(&input.upload_id, &input.bucket, &input.key, |upload| {
            let parts = upload.parts.iter().map(|(number, part)| Part {
                part_number: Some(*number),
                size: i64::try_from(part.len).ok(),
                e_tag: Some(ETag::Strong(part.tag.clone())),
                last_modified: Some(Timestamp::from(upload.begun)),
                ..Part::default()
            });
            Ok(parts.collect::<Vec<_>>())
        })?;
        answer(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(false),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let bucket = request.input.bucket;
        self.store(&bucket)?;
        let mut uploads = self.uploads.of(&bucket);
        uploads.sort_by(|(one, first, _), (other, second, _)| {
            (first.as_str(), one).cmp(&(second.as_str(), other))
        });
        let uploads = uploads.into_iter().map(|(id, key, begun)| MultipartUpload {
            key: Some(key.to_string()),
            upload_id: Some(id),
            initiated: Some(Timestamp::from(begun)),
            ..MultipartUpload::default()
        });
        answer(ListMultipartUploadsOutput {
            bucket: Some(bucket),
            is_truncated: Some(false),
            uploads: Some(uploads.collect()),
            ..ListMultipartUploadsOutput::default()
        })
    }
}

/// Where the next page begins, as a token: the last key, so that it holds after a restart, too.
fn token(end: &str) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(end)
}

fn token_text(token: &str) -> S3Result<String> {
    use base64::Engine;
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| invalid("the continuation token is none of this server's"))
}
