//! Chunks: decoding what anybody wrote, and decoding what was encoded here.

use bigarrays_core::Encoding;
use bigarrays_core::codec::{ChunkSpec, Codec, CodecError, Decoded, Window, codec_for};

use super::bound::{Bound, measured};
use super::input::{Input, is_lossless};

/// What a buffer holds that was used before.
const STALE: u8 = 0xa5;

/// What became of a chunk; all of these are sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is a chunk.
    Decoded,
    /// Its bytes are damaged.
    Refused,
    /// This build cannot read it.
    Unsupported,
}

/// Decodes the stream of an input, whole and in part.
///
/// # Panics
/// If a promise is broken: the length is wrong, more memory was held than [`Bound`] allows, the
/// part differs from the whole or is refused where the whole is not.
#[expect(clippy::must_use_candidate, reason = "a fuzzer asks only that nothing breaks")]
pub fn chunk(encoding: Encoding, input: &[u8]) -> Outcome {
    let input = Input::new(encoding, input);
    let Some(codec) = codec(&input) else { return Outcome::Unsupported };
    let Input { spec, window, stream, .. } = input;

    let whole = decode(&*codec, encoding, &spec, stream);
    let mut stale = vec![STALE; spec.voxel_bytes() + 3];
    let part = codec.decode_window(stream, &spec, &window, &mut stale);
    match (&whole, &part) {
        (Ok(whole), Ok(part)) => {
            check_block(&spec, &window, part);
            let wanted = rows(whole, spec.shape, window.start, &window, &spec);
            let found = rows(part.voxels, part.shape, part.start, &window, &spec);
            assert!(wanted.eq(found), "the window differs from the same part of the whole");
        }
        (Ok(_), Err(error)) => unreachable!("the whole decodes, its window does not: {error}"),
        // Damage outside the window may go unnoticed.
        (Err(_), Ok(part)) => check_block(&spec, &window, part),
        (Err(_), Err(error)) => check_error(error),
    }
    match whole {
        Ok(_) => Outcome::Decoded,
        Err(CodecError::Unsupported { .. }) => Outcome::Unsupported,
        Err(_) => Outcome::Refused,
    }
}

/// Encodes voxels made of an input, and decodes them.
///
/// # Panics
/// If a promise is broken: the stream has not the length that the codec tells, does not decode, or
/// decodes to other voxels though the encoding is lossless.
pub fn round_trip(encoding: Encoding, input: &[u8]) {
    let input = Input::new(encoding, input);
    let Some(codec) = codec(&input) else { return };
    let spec = &input.spec;
    let voxels = input.voxels();
    let encoded = match codec.encode(voxels.clone(), spec) {
        Ok(encoded) => encoded,
        Err(error) => return check_error(&error),
    };
    assert!(
        encoded.len() <= codec.max_len(spec),
        "{} bytes were encoded, but at most {} are ever read",
        encoded.len(),
        codec.max_len(spec)
    );
    if let Some(exact) = codec.exact_len(spec) {
        assert_eq!(encoded.len(), exact, "every chunk of this shape is said to have this length");
    }
    match decode(&*codec, encoding, spec, &encoded) {
        Ok(decoded) if is_lossless(&input.scale) => {
            assert!(decoded == voxels, "what was encoded decodes to other voxels");
        }
        Ok(_) => {}
        Err(error) => unreachable!("what was encoded does not decode: {error}"),
    }
}

/// The codec; `None` where this build has none.
fn codec(input: &Input<'_>) -> Option<Box<dyn Codec>> {
    match codec_for(&input.scale) {
        Ok(codec) => Some(codec),
        Err(CodecError::Unsupported { .. }) => None,
        Err(error) => unreachable!("a sound scale is refused: {error}"),
    }
}

/// Decodes a whole chunk within the bound.
fn decode(
    codec: &dyn Codec,
    encoding: Encoding,
    spec: &ChunkSpec,
    stream: &[u8],
) -> Result<Vec<u8>, CodecError> {
    let mut scratch = Vec::new();
    let (decoded, held) = measured(|| codec.decode(stream, spec, &mut scratch));
    let most = Bound::of(encoding).bytes(spec, stream.len());
    assert!(
        held <= most,
        "decoding held {held} bytes, not {most}, for {spec:?} and a stream of {} bytes",
        stream.len()
    );
    if let Ok(voxels) = &decoded {
        assert_eq!(voxels.len(), spec.voxel_bytes(), "decoded to another length");
    }
    decoded.map(<[u8]>::to_vec).inspect_err(check_error)
}

/// An error can be shown, and hostile bytes do not make it long.
fn check_error(error: &CodecError) {
    let shown = error.to_string();
    assert!(!shown.is_empty() && shown.len() < 1000, "an error of {} bytes", shown.len());
}

/// A decoded block is as long as it says, has all channels, and holds the window.
fn check_block(spec: &ChunkSpec, window: &Window, block: &Decoded<'_>) {
    let of_block = ChunkSpec { shape: block.shape, ..*spec };
    assert_eq!(block.voxels.len(), of_block.voxel_bytes(), "a block of {:?}", block.shape);
    assert_eq!(block.shape[3], spec.shape[3], "a block without all channels");
    for axis in 0..3 {
        let wanted = window.end[axis] - window.start[axis];
        assert!(
            block.start[axis] + wanted <= block.shape[axis],
            "{block_shape:?} from {start:?} does not hold {window:?}",
            block_shape = block.shape,
            start = block.start
        );
    }
}

/// The rows of a window in a dense block where it begins at `start`.
fn rows<'a>(
    voxels: &'a [u8],
    shape: [usize; 4],
    start: [usize; 3],
    window: &Window,
    spec: &ChunkSpec,
) -> impl Iterator<Item = &'a [u8]> {
    let size = spec.data_type.size();
    let [x, y, z] = [0, 1, 2].map(|axis| window.end[axis] - window.start[axis]);
    let places = (0..shape[3]).flat_map(move |c| {
        (0..z).flat_map(move |z| (0..y).map(move |y| (start[1] + y, start[2] + z, c)))
    });
    places.map(move |(at_y, at_z, c)| {
        let first = start[0] + shape[0] * (at_y + shape[1] * (at_z + shape[2] * c));
        &voxels[first * size..(first + x) * size]
    })
}
