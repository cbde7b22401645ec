//! Doors for the fuzz targets.

use super::config::Config;
use super::names::{name_of, ranges_of};

/// Reads a `config.json`.
///
/// # Panics
/// If it is written differently from what was read, or an error is long.
pub fn config(input: &[u8]) {
    match Config::parse(input) {
        Err(error) => assert!(!error.is_empty() && error.len() < 2000, "{} bytes", error.len()),
        Ok(config) => {
            let again = Config::parse(&config.to_json());
            let told = config.data_type.is_some();
            assert!(!told || again.as_ref() == Ok(&config), "{config:?} reads back as {again:?}");
        }
    }
}

/// Reads the name of a file: the prefix is the first line, the name the second.
///
/// # Panics
/// If the ranges are written differently.
pub fn name(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (prefix, name) = text.split_once('\n').unwrap_or(("block_", text));
    if let Some(ranges) = ranges_of(prefix, name) {
        assert_eq!(name_of(prefix, &ranges), name);
        assert!(ranges.iter().all(|(first, last)| first <= last));
    }
}
