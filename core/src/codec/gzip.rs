//! `gzip`: the raw voxels in a gzip stream (RFC 1952). Not in the specification.
//!
//! Source: BigArrays.jl, whose rule it also is that a chunk without the magic number is taken as
//! the raw voxels themselves. Voxels are as in [`raw`](super::raw).

use super::{ChunkSpec, Codec, CodecError};
use crate::backend::ContentEncoding;
use crate::transport;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// The gzip program's own default.
const LEVEL: u8 = 6;

/// The codec of `gzip` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gzip;

impl Codec for Gzip {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        spec.voxel_bytes().saturating_mul(2).saturating_add(1 << 16)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        let expected = spec.voxel_bytes();
        if !encoded.starts_with(&MAGIC) {
            return if encoded.len() == expected {
                Ok(encoded)
            } else {
                Err(CodecError::corrupt(format!(
                    "it does not begin as gzip does, and its {} bytes are not the {expected} of the \
                     voxels themselves",
                    encoded.len(),
                )))
            };
        }
        let voxels = transport::decompress(
            ContentEncoding::Gzip,
            encoded,
            Some(expected),
            expected,
            scratch,
        )?;
        if voxels.len() == expected {
            Ok(voxels)
        } else {
            Err(CodecError::WrongLength { expected, found: voxels.len() })
        }
    }

    fn encode(&self, voxels: Vec<u8>, _spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        transport::gzip(&voxels, LEVEL)
            .map_err(|source| CodecError::EncoderFailed { source: source.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_info::DataType;
    use proptest::prelude::*;

    fn spec(x: usize) -> ChunkSpec {
        ChunkSpec { data_type: DataType::Uint16, shape: [x, 3, 1, 2] }
    }

    fn decode(encoded: &[u8], x: usize) -> Result<Vec<u8>, CodecError> {
        Gzip.decode(encoded, &spec(x), &mut vec![1; 7]).map(<[u8]>::to_vec)
    }

    proptest! {
        #[test]
        fn encoded_voxels_decode_equal(x in 1..200_usize, seed in any::<u32>(), noise in any::<u8>()) {
            let mut state = seed;
            let voxels: Vec<u8> = (0..spec(x).voxel_bytes())
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_le_bytes()[3] & noise
                })
                .collect();
            let encoded = Gzip.encode(voxels.clone(), &spec(x)).unwrap();
            prop_assert!(encoded.starts_with(&MAGIC));
            prop_assert!(encoded.len() <= Gzip.max_len(&spec(x)));
            prop_assert_eq!(decode(&encoded, x).unwrap(), voxels);
        }

        #[test]
        fn damage_is_an_error_or_other_voxels_but_no_panic(x in 1..20_usize, at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<prop::sample::Index>()) {
            let mut encoded = Gzip.encode(vec![x.to_le_bytes()[0]; spec(x).voxel_bytes()], &spec(x)).unwrap();
            prop_assert!(decode(&encoded[..cut.index(encoded.len())], x).is_err());
            let at = at.index(encoded.len());
            encoded[at] ^= flip;
            if let Ok(voxels) = decode(&encoded, x) {
                prop_assert_eq!(voxels.len(), spec(x).voxel_bytes());
            }
        }
    }

    #[test]
    fn chunk_without_the_magic_number_is_raw_voxels() {
        let raw: Vec<u8> = (0..24).collect();
        assert_eq!(decode(&raw, 2).unwrap(), raw);
        let error = decode(&raw[1..], 2).unwrap_err();
        assert!(matches!(error, CodecError::Corrupt { .. }));
        assert!(error.to_string().contains("23 bytes are not the 24"), "{error}");
        assert!(decode(&[], 2).is_err());
    }

    #[test]
    fn stream_of_another_length_is_refused() {
        let encoded = Gzip.encode(vec![0; 24], &spec(2)).unwrap();
        assert!(matches!(decode(&encoded, 1), Err(CodecError::TooLong { limit: 12 })));
        assert!(matches!(
            decode(&encoded, 3),
            Err(CodecError::WrongLength { expected: 36, found: 24 })
        ));
    }
}
