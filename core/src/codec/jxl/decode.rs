//! JPEG XL images of any writer.

use std::borrow::Cow;

use jxl_bitstream::{Bitstream, ContainerParser, ParseEvent};
use jxl_oxide::image::{BitDepth, ImageHeader};
use jxl_oxide::{AllocTracker, JxlImage};
use jxl_oxide_common::Bundle;

use super::super::raster;
use super::super::{ChunkSpec, CodecError, LibraryError};

/// What the decoder may allocate beside what follows from the shape: tables and codes.
const FIXED_BYTES: usize = 32 << 20;

/// Frames of a still image: the one shown, and those that it refers to (a coarse version,
/// patches). Each may cost as much as a whole image.
const MAX_FRAMES: usize = 16;

/// Decodes to the pixels of a chunk.
pub(super) fn decode(encoded: &[u8], spec: &ChunkSpec, image: &mut [u8]) -> Result<(), CodecError> {
    let codestream = codestream(encoded)?;
    check_header(&codestream, spec)?;
    let tracker = AllocTracker::with_limit(allocation_limit(spec));
    let decoder =
        JxlImage::builder().alloc_tracker(tracker).read(&*codestream).map_err(undecodable)?;
    if !decoder.is_loading_done() {
        return Err(CodecError::corrupt("it is cut short: its last frame is not complete"));
    }
    check_frames(&decoder)?;
    let render = decoder.render_frame(0).map_err(undecodable)?;
    let mut pixels = render.stream();
    raster::check_size(spec, pixels.width(), pixels.height())?;
    if pixels.write_to_buffer(image) == image.len() {
        Ok(())
    } else {
        Err(CodecError::corrupt("it has fewer samples than its header tells"))
    }
}

fn check_frames(decoder: &JxlImage) -> Result<(), CodecError> {
    let count = decoder.num_loaded_frames();
    if count > MAX_FRAMES {
        return Err(CodecError::corrupt(format!("it has {count} frames; a chunk has one")));
    }
    // jxl-oxide 0.12.6 weighs the smoothing filter wrongly where there is a single row (it adds
    // where it should multiply): wrong voxels, not an error, unless it is told here.
    let mut frames = (0..count).filter_map(|index| decoder.frame(index));
    if frames.any(|frame| {
        let header = frame.header();
        header.height == 1 && header.width > 1 && header.restoration_filter.gab.enabled()
    }) {
        let what = Cow::Borrowed("a lossy jxl image of a single row with a smoothing filter");
        return Err(CodecError::Unsupported { what });
    }
    Ok(())
}

fn undecodable(source: LibraryError) -> CodecError {
    CodecError::Undecodable { source }
}

/// Colours are decoded as three planes of 32-bit values, even gray ones, in several copies.
fn allocation_limit(spec: &ChunkSpec) -> usize {
    let planes = spec.shape[3].max(3);
    raster::pixels(spec).saturating_mul(planes).saturating_mul(64).saturating_add(FIXED_BYTES)
}

/// The image without the container. The other boxes (EXIF, thumbnails, what rebuilds a JPEG file)
/// are not even unpacked.
fn codestream(encoded: &[u8]) -> Result<Cow<'_, [u8]>, CodecError> {
    if encoded.starts_with(&[0xff, 0x0a]) {
        return Ok(Cow::Borrowed(encoded));
    }
    let mut codestream = Vec::new();
    let mut parser = ContainerParser::new();
    for event in parser.feed_bytes(encoded) {
        if let ParseEvent::Codestream(part) = event.map_err(|error| undecodable(error.into()))? {
            codestream.extend_from_slice(part);
        }
    }
    Ok(Cow::Owned(codestream))
}

/// Refuses what is not a still image of the chunk's shape and type, before anything is allocated
/// for it.
fn check_header(codestream: &[u8], spec: &ChunkSpec) -> Result<(), CodecError> {
    let mut bits = Bitstream::new(codestream);
    let header = ImageHeader::parse(&mut bits, ()).map_err(|error| undecodable(error.into()))?;
    let metadata = &header.metadata;
    raster::check_size(spec, header.size.width, header.size.height)?;
    let colours = if metadata.grayscale() { 1 } else { 3 };
    raster::check_components(spec, colours + metadata.ec_info.len())?;
    check_depth(spec, metadata.bit_depth)?;
    for extra in &metadata.ec_info {
        if !extra.is_alpha() {
            return Err(CodecError::corrupt("its fourth component is not an alpha channel"));
        }
        check_depth(spec, extra.bit_depth)?;
    }
    let unsupported = if metadata.colour_encoding.want_icc() {
        "a jxl chunk with an embedded colour profile"
    } else if metadata.animation.is_some() {
        "a jxl chunk that is an animation"
    } else if metadata.preview.is_some() {
        "a jxl chunk with a preview image"
    } else {
        return Ok(());
    };
    Err(CodecError::Unsupported { what: Cow::Borrowed(unsupported) })
}

fn check_depth(spec: &ChunkSpec, depth: BitDepth) -> Result<(), CodecError> {
    match depth {
        BitDepth::IntegerSample { bits_per_sample } => raster::check_depth(spec, bits_per_sample),
        BitDepth::FloatSample { .. } => {
            Err(CodecError::corrupt("its samples are floating-point, but the volume is uint8"))
        }
    }
}
