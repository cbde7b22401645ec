//! `mem://name`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bigarrays_core::DynBackend;
use bigarrays_core::memory::MemoryBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

/// `mem://name`: one store of that name in the process, for as long as the process lives.
pub(crate) fn open(url: &StoreUrl, _access: Access) -> Result<DynBackend, OpenError> {
    static NAMED: OnceLock<Mutex<HashMap<String, MemoryBackend>>> = OnceLock::new();
    url.allow_parameters(&[])?;
    let mut named =
        NAMED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let name = url.location().trim_end_matches('/').to_owned();
    let store = named.entry(name).or_insert_with_key(|name| MemoryBackend::named(name.as_str()));
    Ok(Arc::new(store.clone()))
}
