//! LZF, the fast compressor of h5py.
//!
//! Source: the format as Marc Lehmann's liblzf documents it in its decompressor. A control byte
//! below 32 is followed by one byte more than it says, to be copied. Any other one is a match: its
//! upper three bits are the length (7: a further byte is added) less two, its lower five bits and
//! the next byte how far back it begins, less one.

use super::super::error::H5Error;

/// Decompresses to at most `limit` bytes.
pub(super) fn decompress(stored: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), H5Error> {
    out.clear();
    out.reserve(limit.min(stored.len().saturating_mul(264)));
    let mut bytes = stored;
    while let Some((&control, rest)) = bytes.split_first() {
        bytes = if control < 32 {
            literal(usize::from(control) + 1, rest, limit, out)?
        } else {
            repeat(control, rest, limit, out)?
        };
    }
    Ok(())
}

fn literal<'a>(
    len: usize,
    rest: &'a [u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], H5Error> {
    let (copied, rest) = rest.split_at_checked(len).ok_or_else(cut_short)?;
    if len > limit - out.len() {
        return Err(too_long(limit));
    }
    out.extend_from_slice(copied);
    Ok(rest)
}

fn repeat<'a>(
    control: u8,
    rest: &'a [u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], H5Error> {
    let mut len = usize::from(control >> 5) + 2;
    let mut rest = rest;
    if len == 7 + 2 {
        let (&more, behind) = rest.split_first().ok_or_else(cut_short)?;
        len += usize::from(more);
        rest = behind;
    }
    let (&low, rest) = rest.split_first().ok_or_else(cut_short)?;
    let back = (usize::from(control & 31) << 8 | usize::from(low)) + 1;
    let start = out.len().checked_sub(back).ok_or_else(|| {
        H5Error::corrupt("its LZF stream repeats bytes from before its beginning")
    })?;
    if len > limit - out.len() {
        return Err(too_long(limit));
    }
    if back >= len {
        out.extend_from_within(start..start + len);
    } else {
        // It repeats what it itself writes.
        for at in start..start + len {
            let byte = out[at];
            out.push(byte);
        }
    }
    Ok(rest)
}

fn cut_short() -> H5Error {
    H5Error::corrupt("its LZF stream ends too early")
}

fn too_long(limit: usize) -> H5Error {
    H5Error::corrupt(format!("its LZF stream has more than the {limit} bytes of its shape"))
}
