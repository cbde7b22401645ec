//! `sqlite:///file.db?checksums=true|false`.

use std::sync::Arc;

use bigarrays_backends::sqlite::SqliteBackend;
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&[])?;
    let store = SqliteBackend::builder(url.location())
        .create(access == Access::Create)
        .read_only(access == Access::ReadOnly)
        .checksums(url.flag("checksums")?.unwrap_or(true))
        .open()?;
    Ok(Arc::new(store))
}
