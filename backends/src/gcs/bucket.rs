//! A bucket, as all operations see it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bigarrays_core::backend::ErrorKind;
use http::{Method, StatusCode};
use tokio::runtime::Handle;

use super::document::{Document, FIELDS};
use super::failure::Failure;
use super::place::Place;
use super::probe::Manners;
use super::states::States;
use super::wire::{Answer, Ask, Wire};

/// A bucket of a server, and how to speak to it.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) place: Place,
    pub(super) wire: Wire,
    pub(super) runtime: Handle,
    pub(super) uploads: Uploads,
    /// What the server does right, once it is known.
    pub(super) manners: OnceLock<Manners>,
    pub(super) states: States,
    /// Whether the bucket was seen: from then on what is missing is an object.
    seen: AtomicBool,
}

/// How values are sent.
#[derive(Debug, Clone)]
pub(super) struct Uploads {
    /// Longer values are sent in parts.
    pub(super) resumable_above: u64,
    /// A multiple of 256 KiB.
    pub(super) part: u64,
    pub(super) cache_control: Option<String>,
}

impl Bucket {
    pub(super) fn new(place: Place, wire: Wire, runtime: Handle, uploads: Uploads) -> Self {
        let (manners, states) = (OnceLock::new(), States::default());
        let seen = AtomicBool::new(false);
        Self { place, wire, runtime, uploads, manners, states, seen }
    }

    /// Whether the server can be asked how much of an upload it has.
    pub(super) fn resumes(&self) -> bool {
        self.manners.get().is_some_and(|manners| manners.resumes)
    }

    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer, Failure> {
        let answer = self.wire.ask(ask).await?;
        if answer.status.is_success() {
            self.seen.store(true, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// What is known of an object.
    pub(super) async fn head(&self, name: &str) -> Result<Option<Document>, Failure> {
        let url = self.place.object_url(name, &[("fields", FIELDS)]);
        let answer = self.ask(&Ask::new(Method::GET, url)).await?;
        match answer.status {
            StatusCode::OK => {
                let document = Document::parse(&answer.body)?;
                if let Some(mark) = &document.mark {
                    self.states.note(name, document.generation, &mark.id);
                }
                Ok(Some(document))
            }
            StatusCode::NOT_FOUND => self.missing().await.map(|()| None),
            _ => Err(self.refusal(&answer)),
        }
    }

    /// Makes sure, after a 404, that it was the object which is missing. Once is enough: some
    /// servers use the same words for a missing bucket.
    pub(super) async fn missing(&self) -> Result<(), Failure> {
        if self.seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        let url = format!("{}?fields=name", self.place.bucket_url());
        let answer = self.ask(&Ask::new(Method::GET, url)).await?;
        match answer.status {
            StatusCode::NOT_FOUND => return Err(self.refusal(&answer)),
            // Whoever may read objects need not be allowed to see the bucket itself.
            StatusCode::OK | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {}
            _ => return Err(self.refusal(&answer)),
        }
        self.seen.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// An answer that is no success, with what the user can do.
    pub(super) fn refusal(&self, answer: &Answer) -> Failure {
        let failure = Failure::of_answer(answer);
        let bucket = &self.place.bucket;
        match failure.kind {
            ErrorKind::NotFound => failure.advise(&format!(
                "is there a bucket {bucket:?}? `gcloud storage buckets create gs://{bucket}` \
                 makes it"
            )),
            ErrorKind::Unauthenticated if self.wire.is_anonymous() => {
                failure.advise("the request was anonymous, for no credentials were given or found")
            }
            ErrorKind::Unauthenticated => {
                failure.advise("the server takes no token of these credentials")
            }
            ErrorKind::PermissionDenied => failure.advise(&format!(
                "these credentials need a role for it, such as roles/storage.objectUser of \
                 {bucket:?}"
            )),
            ErrorKind::Other if (300..400).contains(&answer.status.as_u16()) => {
                failure.advise("that is no server of this API, or its address is another one")
            }
            _ => failure,
        }
    }
}
