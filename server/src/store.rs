//! Calls of stores from a runtime: those that block, on threads that may.

use std::io;

use bigarrays::backend::{BackendError, BackendResult, ErrorKind, IoModel, Operation, wait};
use bigarrays::{DynBackend, KeyValueBackend};
use futures::future::BoxFuture;
use tokio::task::spawn_blocking;

/// Asks a store.
pub(crate) async fn ask<T, F>(store: &DynBackend, question: F) -> BackendResult<T>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a dyn KeyValueBackend) -> BoxFuture<'a, BackendResult<T>> + Send + 'static,
{
    match store.capabilities().io {
        IoModel::Async => question(store).await,
        IoModel::Blocking => {
            let (name, store) = (store.to_string(), DynBackend::clone(store));
            let answer = spawn_blocking(move || wait(question(&*store))).await;
            answer.unwrap_or_else(|source| {
                let source = io::Error::other(source);
                Err(BackendError::new(ErrorKind::Other, name, Operation::Get).with_source(source))
            })
        }
    }
}
