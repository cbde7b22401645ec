//! `gs://bucket/prefix?endpoint=http://host&anonymous=true&secret=FILE&cache_control=no-cache`.

use std::sync::Arc;

use bigarrays_backends::gcs::{Credentials, GcsBackend};
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["endpoint", "anonymous", "secret", "cache_control"])?;
    let (bucket, prefix) = url.location().split_once('/').unwrap_or((url.location(), ""));
    let mut options = GcsBackend::builder(bucket)
        .prefix(prefix)
        .credentials(credentials(url)?)
        .read_only(access == Access::ReadOnly);
    if let Some(endpoint) = url.parameter("endpoint") {
        options = options.endpoint(endpoint);
    }
    if let Some(cache_control) = url.parameter("cache_control") {
        options = options.cache_control(cache_control);
    }
    Ok(Arc::new(options.open()?))
}

fn credentials(url: &StoreUrl) -> Result<Credentials, OpenError> {
    let is_anonymous = match url.parameter("anonymous") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let reason = format!("the parameter anonymous is {other:?} and not true or false");
            return Err(url.invalid(reason).into());
        }
    };
    match (is_anonymous, url.parameter("secret")) {
        (true, Some(_)) => Err(url.invalid("it is anonymous and has a secret as well").into()),
        (true, None) => Ok(Credentials::anonymous()),
        (false, Some(file)) => Ok(Credentials::file(file)),
        (false, None) => Ok(Credentials::surroundings()),
    }
}
