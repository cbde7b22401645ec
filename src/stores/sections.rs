//! `sections:///directory?z=line|section&missing=error|zeros&chunk=x,y,z&resolution=x,y,z`.

use std::sync::Arc;

use bigarrays_backends::sections::{MissingFile, SectionsBackend, ZOrder};
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::stores::plain::{three, whole};
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["z", "missing", "chunk", "resolution"])?;
    if access == Access::Create {
        return Err(url.invalid("sections are only read; create a volume in another store").into());
    }
    let mut builder = SectionsBackend::builder(url.location());
    builder = match url.parameter("z") {
        None | Some("line") => builder.z(ZOrder::Line),
        Some("section") => builder.z(ZOrder::Section),
        Some(other) => {
            return Err(url.invalid(format!("z={other:?} is none of line, section")).into());
        }
    };
    builder = match url.parameter("missing") {
        None | Some("error") => builder.missing(MissingFile::Error),
        Some("zeros") => builder.missing(MissingFile::Zeros),
        Some(other) => {
            return Err(url.invalid(format!("missing={other:?} is none of error, zeros")).into());
        }
    };
    if let Some(chunk) = three(url, "chunk")? {
        builder = builder.chunk(whole(url, "chunk", chunk)?);
    }
    if let Some(resolution) = three(url, "resolution")? {
        builder = builder.resolution(resolution);
    }
    Ok(Arc::new(builder.open()?))
}
