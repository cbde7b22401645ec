//! Compressors that libraries undo.

use bigarrays_core::codec::blosclz;
use libdeflater::{DecompressionError, Decompressor};

use super::super::error::H5Error;

pub(super) fn inflate(
    inflater: &mut Decompressor,
    stored: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), H5Error> {
    out.resize(limit, 0);
    match inflater.zlib_decompress(stored, out) {
        Ok(len) => {
            out.truncate(len);
            Ok(())
        }
        Err(DecompressionError::InsufficientSpace) => Err(too_long("deflate", limit)),
        Err(error) => Err(H5Error::corrupt("its deflate stream is damaged").because(error)),
    }
}

pub(super) fn zstd(stored: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), H5Error> {
    out.resize(limit, 0);
    match zstd::bulk::decompress_to_buffer(stored, out.as_mut_slice()) {
        Ok(len) => {
            out.truncate(len);
            Ok(())
        }
        Err(error) => Err(H5Error::corrupt("its Zstandard frame is damaged").because(error)),
    }
}

pub(super) fn blosc(stored: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), H5Error> {
    let told = stored.get(4..).and_then(|rest| rest.first_chunk::<4>());
    let told = told.map(|told| u32::from_le_bytes(*told)).and_then(|len| usize::try_from(len).ok());
    let Some(len) = told.filter(|&len| len <= limit) else {
        return Err(too_long("Blosc", limit));
    };
    out.resize(len, 0);
    blosclz::decompress_frame(stored, out)
        .map_err(|error| H5Error::corrupt("its Blosc frame is damaged").because(error))
}

fn too_long(name: &str, limit: usize) -> H5Error {
    H5Error::corrupt(format!("its {name} stream has more than the {limit} bytes of its shape"))
}
