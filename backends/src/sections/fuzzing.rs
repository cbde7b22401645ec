//! A door for the fuzz targets.

use std::path::Component;

use super::ZOrder;
use super::registry::Registry;
use crate::fuzzing::check_error;

/// Reads a registry.
///
/// # Panics
/// If a file lies outside its directory, a section is empty or not within the bounds, or an error
/// is long.
pub fn registry(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for order in [ZOrder::Line, ZOrder::Section] {
        let registry = match Registry::parse(text, order) {
            Ok(registry) => registry,
            Err(error) => {
                check_error(&error);
                continue;
            }
        };
        let bounds = registry.bounds();
        for (z, section) in &registry.0 {
            let mut parts = section.file.components();
            assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{section:?}");
            assert!(section.min.iter().zip(&section.max).all(|(min, max)| min < max));
            let Some((min, max)) = bounds else { continue };
            assert!(min[2] <= *z && *z < max[2], "{z} in {bounds:?}");
            assert!((0..2).all(|axis| min[axis] <= section.min[axis]));
            assert!((0..2).all(|axis| section.max[axis] <= max[axis]));
        }
    }
}
