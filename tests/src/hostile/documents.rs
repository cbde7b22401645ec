//! The `info` document, and names.

use bigarrays_core::codec::codec_for;
use bigarrays_core::geometry::{ChunkGrid, ChunkName, parse_chunk_name};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::{Scale, VolumeInfo};

use super::bound::measured;

/// Memory for each byte of a document: a value of JSON takes some 32 bytes and at least one byte of
/// text, a map or a list takes places for four, a warning takes a text of its own.
const PER_BYTE: u64 = 1024;

/// Memory for any document: a thousand problems are told.
const PROBLEMS: u64 = 1 << 20;

/// Reads an `info` document.
///
/// # Panics
/// If what was read and can be written does not read back equal, or more memory was held than the
/// document's length allows.
pub fn info(input: &[u8]) {
    let (parsed, held) = measured(|| VolumeInfo::parse_here(input));
    let most = PER_BYTE * input.len() as u64 + PROBLEMS;
    assert!(held <= most, "reading held {held} bytes, not {most}");
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    parsed.info.scales.iter().for_each(look_at);
    if let Ok(written) = parsed.info.to_json() {
        let again = VolumeInfo::parse_here(&written).map(|parsed| parsed.info);
        assert_eq!(again.ok().as_ref(), Some(&parsed.info), "it reads back as another volume");
    }
}

/// What opening a volume asks of each scale.
fn look_at(scale: &Scale) {
    let _ = (scale.is_placeholder(), scale.max_point(), codec_for(scale).is_ok());
    if let Ok(grid) = ChunkGrid::new(scale.voxel_offset, scale.size, scale.chunk_size()) {
        let first = grid.chunk_box([0; 3]);
        assert_eq!(parse_chunk_name(&ChunkName(first).to_string()), Some(first));
    }
}

/// Reads the name of a chunk, a key and a prefix.
///
/// # Panics
/// If what is a name is written differently, or a key could leave its directory.
pub fn chunk_name(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(bbox) = parse_chunk_name(text) {
        assert_eq!(ChunkName(bbox).to_string(), text, "the name is written differently");
        let _ = (bbox.shape(), bbox.voxels());
    }
    let Ok(key) = Key::new(text) else { return };
    assert_eq!(key.as_str(), text);
    assert!(
        !text.split('/').any(|part| ["", ".", ".."].contains(&part)),
        "it leaves its directory"
    );
    let inside = Prefix::new("inside");
    if let Some(inside) = inside.ok()
        && let Ok(long) = key.under(&inside)
    {
        assert!(inside.contains(&long));
        assert_eq!(long.strip(&inside), Some(key));
    }
}
