//! Stores rooted at the directory of a scale.

use bigarrays_core::Prefix;

use crate::url::StoreUrl;

/// Where the volume of a scale's directory would be.
#[derive(Debug)]
pub(crate) struct Above {
    /// The store to open.
    pub(crate) url: StoreUrl,
    /// Where the volume lies in it.
    pub(crate) root: Prefix,
    /// The key of the scale.
    pub(crate) scale: String,
}

/// Takes a URL as that of a scale's directory; `None` if nothing lies above it.
pub(crate) fn scale_above(url: &StoreUrl) -> Option<Above> {
    let (url, place) = url.up(1)?;
    let place = place.as_str().trim_end_matches('/');
    let (root, scale) = place.rsplit_once('/').unwrap_or(("", place));
    let root = Prefix::new(root).ok()?;
    (!scale.is_empty()).then(|| Above { url, root, scale: scale.to_owned() })
}
