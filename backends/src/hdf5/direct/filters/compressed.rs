//! The compressors that libraries have.

use bigarrays_core::backend::ErrorKind;
use bigarrays_core::codec::blosclz;
use libdeflater::{CompressionLvl, Compressor, DecompressionError, Decompressor};

use super::super::error::H5Error;

/// What `BigArrays.jl` writes, and what saves nearly as much as the highest levels.
const DEFLATE_LEVEL: i32 = 3;
/// The library's own default.
const ZSTD_LEVEL: i32 = 3;

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

/// A zlib stream; `None` if it does not fit in the room that such a stream can need.
pub(super) fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let level = CompressionLvl::new(DEFLATE_LEVEL).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let len = compressor.zlib_compress(bytes, &mut out).ok()?;
    out.truncate(len);
    Some(out)
}

pub(super) fn to_zstd(bytes: &[u8]) -> Result<Vec<u8>, H5Error> {
    zstd::bulk::compress(bytes, ZSTD_LEVEL).map_err(|error| failed("zstd", error))
}

pub(super) fn to_blosc(bytes: &[u8], size: usize) -> Result<Vec<u8>, H5Error> {
    blosclz::compress_frame(bytes, size).map_err(|error| failed("blosc", error))
}

fn failed(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> H5Error {
    H5Error::new(ErrorKind::Other, format!("{name} cannot compress the chunk")).because(error)
}

fn too_long(name: &str, limit: usize) -> H5Error {
    H5Error::corrupt(format!("its {name} stream has more than the {limit} bytes of its shape"))
}
