//! `az://container/prefix?account=NAME&endpoint=URL&anonymous=true&identity=managed`.
//!
//! Keys and signatures come from the environment or from code, never from a URL.

use std::sync::Arc;

use bigarrays_backends::object::azure::AzureOptions;
use bigarrays_core::wrap::Prefixed;
use bigarrays_core::{DynBackend, Prefix};

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["account", "endpoint", "anonymous", "identity"])?;
    let (container, path) = url.location().split_once('/').unwrap_or((url.location(), ""));
    let prefix = Prefix::new(path).map_err(|error| url.invalid(error.to_string()))?;
    let mut options = AzureOptions::new(container)
        .read_only(access == Access::ReadOnly)
        .create(access == Access::Create);
    if let Some(account) = url.parameter("account") {
        options = options.account(account);
    }
    if let Some(endpoint) = url.parameter("endpoint") {
        options = options.endpoint(endpoint);
    }
    options = match (url.parameter("anonymous"), url.parameter("identity")) {
        (None | Some("false"), None) => options,
        (Some("true"), None) => options.anonymous(),
        (None | Some("false"), Some("managed")) => options.managed_identity(),
        _ => return Err(url.invalid("it takes anonymous=true or identity=managed").into()),
    };
    let store = options.open()?;
    Ok(if prefix.is_root() { Arc::new(store) } else { Arc::new(Prefixed::new(store, prefix)) })
}
