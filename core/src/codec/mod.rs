//! Chunk encodings: bytes of a stored chunk to voxels and back.
//!
//! A [`Codec`] is plain code without I/O; it works on bytes and is told the shape that the chunk
//! must have ([`ChunkSpec`]), so that hostile bytes cannot make it allocate more. One file or
//! folder per encoding; [`codec_for`] is the table. Voxels are little-endian in Fortran order: x
//! fastest, then y, z, channel.

#[cfg(feature = "blosc")]
#[doc(hidden)]
pub mod blosclz;
mod compressed_segmentation;
mod compresso;
mod crackle;
mod error;
#[cfg(feature = "fpzip")]
mod fpzip;
mod gzip;
mod jpeg;
#[cfg(feature = "jxl")]
mod jxl;
#[cfg(feature = "fpzip")]
mod kempressed;
mod png;
mod raster;
mod raw;
mod spec;
#[cfg(feature = "zfpc")]
mod zfpc;
mod zstd;

use bigarrays_info::{Encoding, Scale};

pub use error::{CodecError, LibraryError};
pub use spec::{ChunkSpec, Decoded, Window};

/// One chunk encoding, with the parameters that a scale gives it.
pub trait Codec: std::fmt::Debug + Send + Sync {
    /// The length in bytes that every encoded chunk of this shape has, where there is one.
    fn exact_len(&self, spec: &ChunkSpec) -> Option<usize> {
        let _ = spec;
        None
    }

    /// Whether an encoded chunk is its voxels as they are.
    fn is_plain(&self) -> bool {
        false
    }

    /// A length in bytes that no sound encoded chunk of this shape exceeds.
    fn max_len(&self, spec: &ChunkSpec) -> usize;

    /// Decodes a chunk to exactly [`voxel_bytes`](ChunkSpec::voxel_bytes) bytes, in `scratch` or
    /// where they are already.
    ///
    /// # Errors
    /// [`CodecError`] if the bytes are not a chunk of this shape and type.
    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError>;

    /// Decodes at least the voxels of a window, which lies inside the chunk. An encoding without
    /// random access decodes the whole chunk, which is what this does unless overridden.
    ///
    /// # Errors
    /// [`CodecError`] if the bytes are not a chunk of this shape and type. Damage outside the
    /// window may go unnoticed.
    fn decode_window<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        window: &Window,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Decoded<'a>, CodecError> {
        let voxels = self.decode(encoded, spec, scratch)?;
        Ok(Decoded { voxels, shape: spec.shape, start: window.start })
    }

    /// How this encoding decodes straight to where voxels are wanted; `None` if it does that no
    /// faster than [`decode_window`](Self::decode_window) and a copy.
    fn row_decoder(&self) -> Option<&dyn RowDecoder> {
        None
    }

    /// Encodes the voxels of a chunk.
    ///
    /// # Errors
    /// [`CodecError`] if the encoding cannot hold them.
    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError>;
}

/// An encoding that decodes straight to where voxels are wanted.
pub trait RowDecoder {
    /// Decodes exactly the voxels of a window, which lies inside the chunk, to its rows along x
    /// in the order of y, then z, then channel. Each row has the window's length.
    ///
    /// # Errors
    /// As [`Codec::decode_window`]; the rows hold anything then.
    fn decode_rows(
        &self,
        encoded: &[u8],
        spec: &ChunkSpec,
        window: &Window,
        rows: &mut [&mut [u8]],
    ) -> Result<(), CodecError>;
}

/// The codec of a scale's chunks.
///
/// # Errors
/// [`CodecError::Unsupported`] if this build has none (the message names the feature that would
/// have it), or if the scale's parameters are beyond it.
pub fn codec_for(scale: &Scale) -> Result<Box<dyn Codec>, CodecError> {
    Ok(match scale.encoding {
        Encoding::Raw => Box::new(raw::Raw),
        Encoding::CompressedSegmentation => {
            Box::new(compressed_segmentation::CompressedSegmentation::new(scale)?)
        }
        Encoding::Jpeg => Box::new(jpeg::Jpeg::new(scale)),
        Encoding::Png => Box::new(png::Png::new(scale)),
        #[cfg(feature = "jxl")]
        Encoding::Jxl => Box::new(jxl::Jxl),
        Encoding::Compresso => Box::new(compresso::Compresso),
        Encoding::Crackle => Box::new(crackle::Crackle),
        #[cfg(feature = "fpzip")]
        Encoding::Fpzip => Box::new(fpzip::Fpzip::new(scale)?),
        #[cfg(feature = "fpzip")]
        Encoding::Kempressed => Box::new(kempressed::Kempressed),
        #[cfg(feature = "zfpc")]
        Encoding::Zfpc => Box::new(zfpc::Zfpc::new(scale)?),
        Encoding::Gzip => Box::new(gzip::Gzip),
        Encoding::Zstd => Box::new(zstd::Zstd),
        #[cfg(feature = "blosc")]
        Encoding::Blosclz => Box::new(blosclz::Blosclz),
        #[cfg(not(all(feature = "jxl", feature = "blosc", feature = "fpzip", feature = "zfpc")))]
        encoding => return Err(without_feature(encoding)),
    })
}

#[cfg(not(all(feature = "jxl", feature = "blosc", feature = "fpzip", feature = "zfpc")))]
fn without_feature(encoding: Encoding) -> CodecError {
    let feature = match encoding {
        Encoding::Kempressed => "fpzip",
        Encoding::Blosclz => "blosc",
        other => other.name(),
    };
    let what = format!("the encoding {encoding} (it needs the cargo feature `{feature}`)");
    CodecError::Unsupported { what: what.into() }
}
