//! `gs://bucket/prefix`.

use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, _access: Access) -> Result<DynBackend, OpenError> {
    Err(url.invalid("this store is being built").into())
}
