//! Finding out which conditions a store honours.

use bigarrays_core::backend::{BackendResult, ConditionalPut, ErrorKind, Operation};
use object_store::path::Path;
use object_store::{
    Error, ObjectStore as _, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult,
    UpdateVersion,
};

use super::options::VersionFrom;
use super::store::Inner;
use crate::remote::unique;

impl Inner {
    /// Tries conditions on a key of its own. A store that accepts what it must refuse has none.
    pub(super) async fn probe(&self) -> BackendResult<ConditionalPut> {
        let path = Path::from_iter([".bigarrays-probe", &unique()]);
        let found = self.try_conditions(&path).await;
        let tidy = self.store.delete(&path).await;
        match found {
            Ok(found) => {
                let left = tidy.err().filter(|error| !matches!(error, Error::NotFound { .. }));
                match left {
                    // Whoever may not write leaves nothing.
                    Some(error) if found != ConditionalPut::Unsupported => {
                        Err(self.failure(error, Operation::Open))
                    }
                    _ => Ok(found),
                }
            }
            Err(error) => {
                let error = self.failure(error, Operation::Open);
                let refused = [ErrorKind::Unsupported, ErrorKind::PermissionDenied];
                let refused =
                    refused.contains(&error.kind()) || error.kind() == ErrorKind::ReadOnly;
                if refused { Ok(ConditionalPut::Unsupported) } else { Err(error) }
            }
        }
    }

    async fn try_conditions(&self, path: &Path) -> object_store::Result<ConditionalPut> {
        let first = self.try_put(path, "1", PutMode::Create).await?;
        match self.try_put(path, "2", PutMode::Create).await {
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Ok(_) => return Ok(ConditionalPut::Unsupported),
            Err(error) => return Err(error),
        }
        let Some(first) = self.update_of(first) else { return Ok(ConditionalPut::CreateOnly) };
        match self.try_put(path, "3", PutMode::Update(first.clone())).await {
            Ok(_) => {}
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                return Ok(ConditionalPut::CreateOnly);
            }
            Err(error) => return Err(error),
        }
        Ok(match self.try_put(path, "4", PutMode::Update(first)).await {
            Err(Error::Precondition { .. }) => ConditionalPut::CompareAndSwap,
            _ => ConditionalPut::CreateOnly,
        })
    }

    async fn try_put(
        &self,
        path: &Path,
        text: &'static str,
        mode: PutMode,
    ) -> object_store::Result<PutResult> {
        let options = PutOptions { mode, ..PutOptions::default() };
        self.store.put_opts(path, PutPayload::from_static(text.as_bytes()), options).await
    }

    fn update_of(&self, put: PutResult) -> Option<UpdateVersion> {
        let told = match self.version_from {
            VersionFrom::ETag => put.e_tag.is_some(),
            VersionFrom::Version => put.version.is_some(),
        };
        told.then_some(UpdateVersion { e_tag: put.e_tag, version: put.version })
    }
}
