//! Puts and deletes, and what becomes of their conditions.

use std::sync::Arc;

use bigarrays_core::Key;
use bigarrays_core::backend::{
    BackendResult, DeleteOutcome, Operation, Precondition, PutOutcome, Value, Version,
};
use http::{Method, StatusCode};

use super::bucket::Bucket;
use super::document::{Document, generation};
use super::failure::Failure;
use super::upload::{Sent, Upload};
use super::wire::Ask;
use crate::remote::{Found, Mark, settle};

impl From<Sent> for PutOutcome {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::Stored(document) => Self::Written { version: Some(document.version()) },
            Sent::Refused => Self::Conflict,
        }
    }
}

impl Bucket {
    pub(super) async fn put(
        self: &Arc<Self>,
        key: &Key,
        name: String,
        value: Value,
        when: Precondition,
    ) -> BackendResult<PutOutcome> {
        let fail = |failure: Failure| failure.at(self.place.name(), Operation::Put, key);
        let when = match when {
            Precondition::Always => {
                let upload = Upload { name, value, when: None };
                return self.upload(&upload).await.map(PutOutcome::from).map_err(fail);
            }
            Precondition::IfAbsent => (0, Mark::of_new()),
            Precondition::IfVersion(version) => {
                match self.state_of(&name, &version).await.map_err(fail)? {
                    Some((generation, state)) => (generation, Mark::after(&state)),
                    None => return Ok(PutOutcome::Conflict),
                }
            }
        };
        let mark = &when.1.clone();
        let upload = &Upload { name, value, when: Some(when) };
        let send = || async {
            let sent = self.upload(upload).await.map_err(fail)?;
            if let Sent::Stored(document) = &sent {
                self.states.note(&upload.name, document.generation, &mark.id);
            }
            Ok(PutOutcome::from(sent))
        };
        let look = || async {
            let found = self.head(&upload.name).await.map_err(fail)?;
            Ok(found.map(|document| found_of(&document)))
        };
        settle(key, mark, send, look).await
    }

    /// The generation that a version stands for, and what that state is called. `None` if the
    /// object is not in it, to which it will not return.
    async fn state_of(
        &self,
        name: &str,
        version: &Version,
    ) -> Result<Option<(u64, String)>, Failure> {
        let Some(generation) = generation(version) else {
            return Ok(None);
        };
        if let Some(state) = self.states.find(name, generation) {
            return Ok(Some((generation, state)));
        }
        let document = self.head(name).await?;
        let document = document.filter(|document| document.generation == generation);
        Ok(document.map(|document| (generation, document.state())))
    }

    pub(super) async fn delete(
        &self,
        name: &str,
        when: Precondition,
    ) -> Result<DeleteOutcome, Failure> {
        match when {
            // Nothing is removed, so that it is enough to look.
            Precondition::IfAbsent => Ok(match self.head(name).await? {
                Some(_) => DeleteOutcome::Conflict,
                None => DeleteOutcome::Deleted,
            }),
            Precondition::Always => {
                self.delete_state(name, None).await.map(|_| DeleteOutcome::Deleted)
            }
            Precondition::IfVersion(version) => self.delete_version(name, &version).await,
        }
    }

    async fn delete_version(
        &self,
        name: &str,
        version: &Version,
    ) -> Result<DeleteOutcome, Failure> {
        let Some(generation) = generation(version) else {
            return Ok(DeleteOutcome::Conflict);
        };
        Ok(match self.delete_state(name, Some(generation)).await? {
            true => DeleteOutcome::Deleted,
            false => DeleteOutcome::Conflict,
        })
    }

    /// Removes an object, if it is in the given state. Whether one was removed.
    pub(super) async fn delete_state(
        &self,
        name: &str,
        generation: Option<u64>,
    ) -> Result<bool, Failure> {
        let generation = generation.map(|generation| generation.to_string());
        let query = generation.as_deref().map(|generation| ("ifGenerationMatch", generation));
        let url = self.place.object_url(name, query.as_slice());
        let answer = self.ask(&Ask::new(Method::DELETE, url)).await?;
        match answer.status {
            status if status.is_success() => Ok(true),
            StatusCode::PRECONDITION_FAILED => Ok(false),
            StatusCode::NOT_FOUND => self.missing().await.map(|()| false),
            _ => Err(self.refusal(&answer)),
        }
    }
}

fn found_of(document: &Document) -> Found {
    Found {
        state: document.state(),
        mark: document.mark.clone(),
        version: Some(document.version()),
    }
}
