//! What ImageJ, tifffile and OME write into the description of a TIFF, where it matters.
//!
//! Large stacks have one page only, and a note that the other images follow behind it as plain
//! bytes. And pages may be channels or times as well as z, which only the description tells.

use std::path::Path;

use tiff::tags::{ByteOrder, Tag};

use super::SourceError;
use super::tiff::{TiffFile, fault};

/// Images that lie one after another behind the first byte of the only page.
pub(super) struct PlainStack {
    pub(super) images: u64,
    /// The first byte of the first image.
    pub(super) start: u64,
    pub(super) big_endian: bool,
}

impl PlainStack {
    /// Looks for such images in a file of one page.
    pub(super) fn find(path: &Path, file: &mut TiffFile) -> Result<Option<Self>, SourceError> {
        let Ok(description) = file.get_tag_ascii_string(Tag::ImageDescription) else {
            return Ok(None);
        };
        let images = if description.starts_with("ImageJ=") {
            number_after(&description, "images=")
        } else if description.contains("\"truncated\": true") {
            // tifffile tells the shape only, whose parts may be anything.
            return Err(missing(path, "tifffile says that there are more images"));
        } else {
            None
        };
        let Some(images) = images.filter(|&images| images > 1) else { return Ok(None) };
        let mut read = || {
            let compression = file.find_tag_unsigned::<u16>(Tag::Compression)?.unwrap_or(1);
            let offsets = file.find_tag_unsigned_vec::<u64>(Tag::StripOffsets)?.unwrap_or_default();
            let counts =
                file.find_tag_unsigned_vec::<u64>(Tag::StripByteCounts)?.unwrap_or_default();
            Ok((compression, offsets, counts))
        };
        let (compression, offsets, counts) = read().map_err(|error| fault(path, 0, error))?;
        let dense = offsets
            .windows(2)
            .zip(&counts)
            .all(|(pair, &count)| pair[0].checked_add(count) == Some(pair[1]));
        match offsets.first() {
            Some(&start) if compression == 1 && dense => {
                let big_endian = file.byte_order() == ByteOrder::BigEndian;
                Ok(Some(Self { images, start, big_endian }))
            }
            _ => Err(missing(path, &format!("ImageJ says that there are {images} images"))),
        }
    }
}

fn missing(path: &Path, what: &str) -> SourceError {
    let advice = "save the stack again with all its pages";
    SourceError::unsupported(path, format!("{what}, but there is one page"), advice)
}

/// Whether the description says that pages are not only z.
pub(super) fn tell_of_channels(file: &mut TiffFile) -> bool {
    let Ok(description) = file.get_tag_ascii_string(Tag::ImageDescription) else { return false };
    let samples = file.find_tag_unsigned::<u64>(Tag::SamplesPerPixel).ok().flatten().unwrap_or(1);
    let keys: &[&str] = if description.starts_with("ImageJ=") {
        &["channels=", "frames="]
    } else if description.contains("<OME") {
        &["SizeC=\"", "SizeT=\""]
    } else {
        &[]
    };
    keys.iter().any(|key| number_after(&description, key).is_some_and(|count| count > samples))
}

/// The number that follows the first `key`.
fn number_after(text: &str, key: &str) -> Option<u64> {
    let (_, rest) = text.split_once(key)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
