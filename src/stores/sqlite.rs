//! `sqlite:///file.db`.

use std::sync::Arc;

use bigarrays_backends::sqlite::SqliteBackend;
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&[])?;
    let store = match access {
        Access::ReadOnly => SqliteBackend::open_read_only(url.location())?,
        Access::ReadWrite => SqliteBackend::builder(url.location()).create(false).open()?,
        Access::Create => SqliteBackend::open(url.location())?,
    };
    Ok(Arc::new(store))
}
