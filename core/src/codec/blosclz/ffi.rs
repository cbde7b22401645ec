//! The calls of c-blosc, with one thread and no state between them.

use std::ffi::{c_int, c_void};

use blosc_src as blosc;

use super::frame::Frame;
use crate::codec::CodecError;

/// Blosc.jl's default.
const LEVEL: c_int = 5;
const BYTE_SHUFFLE: c_int = 1;
/// c-blosc chooses the length of blocks.
const ANY_BLOCK: usize = 0;
const THREADS: c_int = 1;
/// A frame that stores its content as it is has this much more.
const HEADER: usize = blosc::BLOSC_MAX_OVERHEAD as usize;
const MOST_BYTES: usize = blosc::BLOSC_MAX_BUFFERSIZE as usize;

/// The content of a frame, as many bytes as it tells. What `out` holds after an error means
/// nothing.
pub(super) fn decompress(frame: &Frame<'_>, out: &mut [u8]) -> Result<(), CodecError> {
    let bytes = frame.bytes();
    let mut content = 0;
    #[expect(unsafe_code, reason = "c-blosc is a C library")]
    // SAFETY: the pointer and the length are those of one slice, and `content` outlives the call.
    let invalid = unsafe {
        blosc::blosc_cbuffer_validate(bytes.as_ptr().cast(), bytes.len(), &raw mut content)
    };
    if invalid != 0 || content != out.len() {
        return Err(CodecError::corrupt("its Blosc header is not sound"));
    }
    #[expect(unsafe_code, reason = "c-blosc is a C library")]
    // SAFETY: c-blosc reads only inside the frame, whose length in the header was just found to be
    // that of the slice, and writes at most `out.len()` bytes to `out`, which cannot overlap it.
    // It promises both for hostile frames too, but for a sum of match lengths in blosclz that
    // overflows after 8 MiB of compressed bytes in one piece: `Frame::check` let none so long pass.
    // One thread: the call starts none and shares nothing with others.
    let len = unsafe {
        blosc::blosc_decompress_ctx(
            bytes.as_ptr().cast::<c_void>(),
            out.as_mut_ptr().cast::<c_void>(),
            out.len(),
            THREADS,
        )
    };
    match usize::try_from(len) {
        Ok(len) if len == out.len() => Ok(()),
        _ => Err(CodecError::corrupt(format!(
            "its Blosc frame does not decompress to the {} bytes that it tells (code {len})",
            out.len()
        ))),
    }
}

/// A frame of values of `typesize` bytes.
pub(super) fn compress(content: &[u8], typesize: usize) -> Result<Vec<u8>, CodecError> {
    if content.len() > MOST_BYTES {
        return Err(CodecError::unencodable(format!(
            "a Blosc frame holds at most {MOST_BYTES} bytes, and the chunk has {}: choose a smaller \
             chunk size",
            content.len()
        )));
    }
    let mut out = vec![0; content.len() + HEADER];
    #[expect(unsafe_code, reason = "c-blosc is a C library")]
    // SAFETY: each pointer goes with the length of its slice, the slices do not overlap, and the
    // name of the compressor ends in a zero byte. One thread, as above.
    let len = unsafe {
        blosc::blosc_compress_ctx(
            LEVEL,
            BYTE_SHUFFLE,
            typesize,
            content.len(),
            content.as_ptr().cast::<c_void>(),
            out.as_mut_ptr().cast::<c_void>(),
            out.len(),
            blosc::BLOSC_BLOSCLZ_COMPNAME.as_ptr().cast(),
            ANY_BLOCK,
            THREADS,
        )
    };
    match usize::try_from(len) {
        Ok(len) if len >= HEADER && len <= out.len() => {
            out.truncate(len);
            Ok(out)
        }
        _ => Err(CodecError::EncoderFailed {
            source: format!("c-blosc failed with code {len}").into(),
        }),
    }
}
