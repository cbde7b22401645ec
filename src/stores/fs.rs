//! `file:///directory?durability=none|batch|each`, and plain paths.

use std::sync::Arc;

use bigarrays_backends::fs::{Durability, FsBackend};
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["durability"])?;
    let durability = match url.parameter("durability") {
        None => Durability::default(),
        Some("none") => Durability::None,
        Some("batch") => Durability::Batch,
        Some("each") => Durability::Each,
        Some(other) => {
            let reason = format!("the durability {other:?} is none of none, batch, each");
            return Err(url.invalid(reason).into());
        }
    };
    let store = FsBackend::builder(url.location())
        .durability(durability)
        .read_only(access == Access::ReadOnly)
        .open()?;
    Ok(Arc::new(store))
}
