//! Reading and listing.

use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, ContentEncoding, ErrorKind, Meta, Operation, Version,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore as _,
};

use super::failure::Cause;
use super::path;
use super::store::Inner;
use super::write::MARK;
use crate::remote::Mark;

/// Positions that no value reaches and that some server could not read.
const FAR: u64 = 1 << 62;

/// The keys that are handed over at a time.
const PAGE: usize = 1000;

/// How often a value is asked for again that was replaced between its length and its end.
const ATTEMPTS: u32 = 3;

pub(super) type Listing = BoxStream<'static, object_store::Result<ObjectMeta>>;

impl Inner {
    /// Size, version and attributes; `None` if the key is absent.
    pub(super) async fn look(
        &self,
        path: &Path,
        op: Operation,
    ) -> BackendResult<Option<(ObjectMeta, Attributes)>> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get_opts(path, options).await {
            Ok(GetResult { meta, attributes, .. }) => {
                self.exists();
                Ok(Some((meta, attributes)))
            }
            Err(error) => match self.absent(error, op).await? {
                None => Ok(None),
                // An answer to HEAD has no body that says why.
                Some(error) => Err(self.failure(self.explained(path, error).await, op)),
            },
        }
    }

    async fn explained(&self, path: &Path, error: Error) -> Error {
        if !matches!(error, Error::PermissionDenied { .. }) || Cause::of(&error).code.is_some() {
            return error;
        }
        let range = Some(GetRange::Bounded(0..1));
        let options = GetOptions { range, ..GetOptions::default() };
        match self.store.get_opts(path, options).await {
            Err(told @ (Error::PermissionDenied { .. } | Error::Unauthenticated { .. })) => told,
            _ => error,
        }
    }

    pub(super) async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let op = Operation::Head;
        let Some((meta, attributes)) = self.look(&self.path(key, op)?, op).await? else {
            return Ok(None);
        };
        let content_encoding = Some(self.encoding(&attributes, op)?);
        let version = self.version(meta.e_tag, meta.version, self.mark(&attributes).as_ref());
        Ok(Some(Meta { key: key.clone(), size: meta.size, version, content_encoding }))
    }

    pub(super) async fn get(&self, key: &Key, range: &ByteRange) -> BackendResult<Option<Blob>> {
        let path = self.path(key, Operation::Get)?;
        let wanted = match asked(range) {
            Asked::Nothing => return self.nothing_of(key, range, None).await,
            Asked::All => None,
            Asked::Part(GetRange::Suffix(_)) if !self.suffixes => {
                return self.suffix(key, &path, range).await;
            }
            Asked::Part(wanted) => Some(wanted),
        };
        let ranged = wanted.is_some();
        let options = GetOptions { range: wanted, ..GetOptions::default() };
        let error = match self.store.get_opts(&path, options).await {
            Ok(result) => return self.blob(result, range).await.map(Some),
            Err(error) => error,
        };
        let Some(error) = self.absent(error, Operation::Get).await? else { return Ok(None) };
        let unknown = matches!(error, Error::NotSupported { .. } | Error::NotImplemented { .. });
        if unknown && matches!(range, ByteRange::Suffix(_)) {
            return self.suffix(key, &path, range).await;
        }
        let unsatisfied = matches!(error, Error::Generic { .. }) && ranged;
        let failure = self.failure(error, Operation::Get);
        if unsatisfied && failure.kind() == ErrorKind::Other {
            return self.nothing_of(key, range, Some(failure)).await;
        }
        Err(failure)
    }

    /// The bytes of an answer.
    async fn blob(&self, result: GetResult, range: &ByteRange) -> BackendResult<Blob> {
        self.exists();
        let op = Operation::Get;
        let wanted = range.resolve(result.meta.size);
        if result.range != wanted {
            let why = format!("{wanted:?} was asked for and {:?} answered", result.range);
            return Err(self.error(ErrorKind::Other, op).with_note(why));
        }
        let content_encoding = self.encoding(&result.attributes, op)?;
        let mark = self.mark(&result.attributes);
        let meta = result.meta.clone();
        let version = self.version(meta.e_tag, meta.version, mark.as_ref());
        let bytes = result.bytes().await.map_err(|error| self.failure(error, op))?;
        if bytes.len() as u64 != wanted.end - wanted.start {
            let why = format!("{wanted:?} was asked for and {} bytes came", bytes.len());
            return Err(self.error(ErrorKind::Transient, op).with_note(why));
        }
        Ok(Blob { bytes, version, content_encoding })
    }

    /// A range in which there may be no byte: `failure` is the answer if there are some.
    async fn nothing_of(
        &self,
        key: &Key,
        range: &ByteRange,
        failure: Option<bigarrays_core::backend::BackendError>,
    ) -> BackendResult<Option<Blob>> {
        let Some(meta) = self.head(key).await? else { return Ok(None) };
        match failure {
            Some(failure) if !range.resolve(meta.size).is_empty() => Err(failure),
            _ => {
                let content_encoding = meta.content_encoding.unwrap_or_default();
                Ok(Some(Blob { bytes: Bytes::new(), version: meta.version, content_encoding }))
            }
        }
    }

    /// The end of a value, by its length.
    async fn suffix(
        &self,
        key: &Key,
        path: &Path,
        range: &ByteRange,
    ) -> BackendResult<Option<Blob>> {
        let op = Operation::Get;
        for _ in 0..ATTEMPTS {
            let Some((meta, _)) = self.look(path, op).await? else { return Ok(None) };
            let bounded = range.resolve(meta.size);
            if bounded.is_empty() {
                return self.nothing_of(key, range, None).await;
            }
            let range = Some(GetRange::Bounded(bounded.clone()));
            let options = GetOptions { range, if_match: meta.e_tag, ..GetOptions::default() };
            match self.store.get_opts(path, options).await {
                Ok(result) => {
                    let bounded = ByteRange::Bounded(bounded);
                    return self.blob(result, &bounded).await.map(Some);
                }
                Err(Error::Precondition { .. } | Error::NotModified { .. }) => {}
                Err(error) => match self.absent(error, op).await? {
                    None => return Ok(None),
                    Some(error) => return Err(self.failure(error, op)),
                },
            }
        }
        Err(self.replaced())
    }

    /// `None` if the error says that the key is absent, and the container is there.
    pub(super) async fn absent(&self, error: Error, op: Operation) -> BackendResult<Option<Error>> {
        let cause = Cause::of(&error);
        let absent = match &error {
            Error::NotFound { .. } => !cause.no_container(),
            Error::Generic { .. } => cause.status.is_none() && cause.in_the_way(),
            _ => false,
        };
        if !absent {
            return Ok(Some(error));
        }
        self.find_container(op).await?;
        Ok(None)
    }

    /// Fails if the container is not there: the answer to a first key that is missing may mean
    /// that.
    async fn find_container(&self, op: Operation) -> BackendResult<()> {
        if self.has_been_found() {
            return Ok(());
        }
        // A place with nothing in it, for a short answer.
        let nowhere = Path::from(".bigarrays-nothing");
        if let Some(Err(error)) = self.store.list(Some(&nowhere)).next().await
            && (Cause::of(&error).no_container() || matches!(error, Error::NotFound { .. }))
        {
            return Err(self.failure(error, op));
        }
        // Whoever may not list cannot find it out.
        self.exists();
        Ok(())
    }

    /// How a value is compressed.
    fn encoding(&self, attributes: &Attributes, op: Operation) -> BackendResult<ContentEncoding> {
        let told = attributes.get(&Attribute::ContentEncoding).map_or("", |told| told.as_ref());
        let token = told.trim().to_ascii_lowercase();
        ContentEncoding::from_token(&token).ok_or_else(|| {
            self.error(ErrorKind::Unsupported, op)
                .with_note(format!("the value is compressed as {told:?}, which is not known here"))
        })
    }

    /// Who wrote a value, if conditional puts say so.
    pub(super) fn mark(&self, attributes: &Attributes) -> Option<Mark> {
        let name = Attribute::Metadata(MARK.into());
        attributes.get(&name).filter(|_| self.marks).and_then(|text| Mark::parse(text))
    }

    /// The version of a value: the name of its state, and who wrote it, so that whoever replaces
    /// it can say after whom.
    pub(super) fn version(
        &self,
        e_tag: Option<String>,
        version: Option<String>,
        mark: Option<&Mark>,
    ) -> Option<Version> {
        let state = self.state(e_tag, version)?;
        Some(match mark {
            Some(mark) => Version::new(format!("{state}\n{mark}").as_bytes()),
            None => Version::new(state.as_bytes()),
        })
    }

    /// The next keys of a listing, and what is left of it.
    pub(super) async fn page(
        &self,
        listing: Option<Listing>,
        prefix: &Prefix,
    ) -> (Vec<BackendResult<Meta>>, Option<Listing>) {
        let mut listing = match listing {
            Some(listing) => listing,
            None => match path::of_prefix(prefix, self.dialect) {
                // Asked again after its end, when that came together with the last keys.
                Ok(path) => self.store.list(path.as_ref()).fuse().boxed(),
                Err(error) => {
                    let error = bigarrays_core::backend::BackendError::invalid_key(
                        &self.name,
                        Operation::List,
                        error,
                    );
                    return (vec![Err(error)], None);
                }
            },
        };
        let mut page = Vec::new();
        let Some(ready) = listing.as_mut().ready_chunks(PAGE).next().await else {
            return (page, None);
        };
        for item in ready {
            match item {
                Ok(meta) => page.extend(self.listed(meta, prefix).map(Ok)),
                Err(error) => {
                    page.push(Err(self.failure(error, Operation::List).with_prefix(prefix)));
                    return (page, None);
                }
            }
        }
        (page, Some(listing))
    }

    /// An object as a key, if it can be one.
    fn listed(&self, meta: ObjectMeta, prefix: &Prefix) -> Option<Meta> {
        let key = Key::new(meta.location.as_ref()).ok().filter(|key| prefix.contains(key))?;
        // A listing does not tell the marks that belong to versions.
        let version = match self.marks {
            true => None,
            false => self.version(meta.e_tag, meta.version, None),
        };
        Some(Meta { key, size: meta.size, version, content_encoding: None })
    }
}

/// A range as `object_store` asks for it.
enum Asked {
    Nothing,
    All,
    Part(GetRange),
}

fn asked(range: &ByteRange) -> Asked {
    match *range {
        ByteRange::Full => Asked::All,
        ByteRange::Bounded(ref range) if range.is_empty() || range.start >= FAR => Asked::Nothing,
        ByteRange::Bounded(ref range) if range.end >= FAR => {
            Asked::Part(GetRange::Offset(range.start))
        }
        ByteRange::Bounded(ref range) => Asked::Part(GetRange::Bounded(range.clone())),
        ByteRange::From(0) => Asked::All,
        ByteRange::From(start) if start >= FAR => Asked::Nothing,
        ByteRange::From(start) => Asked::Part(GetRange::Offset(start)),
        ByteRange::Suffix(0) => Asked::Nothing,
        ByteRange::Suffix(count) if count >= FAR => Asked::All,
        ByteRange::Suffix(count) => Asked::Part(GetRange::Suffix(count)),
    }
}
