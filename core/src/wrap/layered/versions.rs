//! Versions that tell their layer.

use crate::backend::Version;

/// The version of a value in a layer, as the caller sees it.
pub(super) fn mark(layer: usize, version: Option<Version>) -> Option<Version> {
    let version = version?;
    // Two bytes are more layers than anybody stacks; beyond that there is no version.
    let layer = u16::try_from(layer).ok()?;
    Some(Version::new(&[&layer.to_le_bytes(), version.as_bytes()].concat()))
}

/// The layer of a version, and the layer's own one. `None` if no layer gave it.
pub(super) fn unmark(version: &Version) -> Option<(usize, Version)> {
    let (layer, own) = version.as_bytes().split_first_chunk()?;
    Some((u16::from_le_bytes(*layer).into(), Version::new(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_versions_of_two_layers_differ_and_are_found_again() {
        let own = Version::from_u64(7);
        let marked = mark(1, Some(own.clone())).unwrap();
        assert_ne!(Some(&marked), mark(0, Some(own.clone())).as_ref());
        assert_eq!(unmark(&marked), Some((1, own)));
        assert_eq!(unmark(&Version::new(&[1])), None);
        assert_eq!(mark(0, None), None);
    }
}
