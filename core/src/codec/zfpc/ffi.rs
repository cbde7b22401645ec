//! The calls of zfp, one block at a time.
//!
//! zfp does not look for the end of what it reads. One block is known to be short
//! ([`MOST_BLOCK_BITS`]), so what is read lies in front of as many zeros, and after each block is
//! seen whether it was still inside.

use std::ffi::{c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use zfp_sys as zfp;

use crate::codec::CodecError;

/// Values of the largest block: 4 along each of 4 axes.
pub(super) const BLOCK: usize = 256;

/// More bits than any block reads. Its head has at most 19 (2 flags, 11 of exponent, 6 of precision).
/// Then at a fixed rate it reads, or skips to, at most `ZFP_MAX_BITS` = 16658. Else, and where a fixed
/// rate has no bits left after the head, it has at most 64 planes of 256 values: of the values that
/// count already a plane reads one bit each; for all that begin to count with it as many bits as
/// values are passed, one test for each that begins, and one test that none follows unless all count.
/// So a plane takes at most 256 and one for each value that begins, and a value begins but once:
/// 64 * 256 + 256 = 16640.
const MOST_BLOCK_BITS: usize = 1 << 15;
const WORD_BITS: usize = 64;
/// A block's bits, and the rest of the word in which they end.
const PADDING_WORDS: usize = MOST_BLOCK_BITS / WORD_BITS + 1;

/// Half a bit for the values of a block of one axis rounds to one.
const MIN_RATE: f64 = 0.125;

/// What a stream keeps of its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    /// Everything.
    Reversible,
    /// So many bits for each value.
    Rate(f64),
    /// So many bit planes.
    Precision(f64),
    /// What differs by no more than this.
    Tolerance(f64),
}

/// A type of values that zfp has.
pub(super) trait Scalar: Copy + Default {
    /// Its width in bytes.
    const SIZE: usize = size_of::<Self>();
    const IS_INTEGER: bool;
    /// zfp's number of the type.
    const TYPE: c_uint;
    /// Decodes a block of 1 to 4 axes.
    const DECODE: [unsafe extern "C" fn(*mut zfp::zfp_stream, *mut Self) -> usize; 4];

    /// The value of little-endian bytes, of which there are [`SIZE`](Self::SIZE).
    fn from_le(bytes: &[u8]) -> Self;
    /// Writes the value as little-endian bytes.
    fn to_le(self, bytes: &mut [u8]);
    /// Whether zfp can make less of it: a finite number, or an integer with two bits to spare.
    fn can_lose(self) -> bool;
}

macro_rules! scalar {
    ($type:ty, $code:ident, $integer:literal, $lose:expr, $($decode:ident),+) => {
        impl Scalar for $type {
            const IS_INTEGER: bool = $integer;
            const TYPE: c_uint = zfp::$code;
            const DECODE: [unsafe extern "C" fn(*mut zfp::zfp_stream, *mut Self) -> usize; 4] =
                [$(zfp::$decode),+];

            #[inline]
            fn from_le(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(Self::default(), |bytes| Self::from_le_bytes(*bytes))
            }

            #[inline]
            fn to_le(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn can_lose(self) -> bool {
                $lose(self)
            }
        }
    };
}

scalar!(
    i32,
    zfp_type_zfp_type_int32,
    true,
    |value: i32| value.unsigned_abs() < 1 << 30,
    zfp_decode_block_int32_1,
    zfp_decode_block_int32_2,
    zfp_decode_block_int32_3,
    zfp_decode_block_int32_4
);
scalar!(
    i64,
    zfp_type_zfp_type_int64,
    true,
    |value: i64| value.unsigned_abs() < 1 << 62,
    zfp_decode_block_int64_1,
    zfp_decode_block_int64_2,
    zfp_decode_block_int64_3,
    zfp_decode_block_int64_4
);
scalar!(
    f32,
    zfp_type_zfp_type_float,
    false,
    f32::is_finite,
    zfp_decode_block_float_1,
    zfp_decode_block_float_2,
    zfp_decode_block_float_3,
    zfp_decode_block_float_4
);
scalar!(
    f64,
    zfp_type_zfp_type_double,
    false,
    f64::is_finite,
    zfp_decode_block_double_1,
    zfp_decode_block_double_2,
    zfp_decode_block_double_3,
    zfp_decode_block_double_4
);

/// A stream of zfp over words of ours.
#[derive(Debug)]
struct Stream<'a> {
    zfp: NonNull<zfp::zfp_stream>,
    bits: NonNull<zfp::bitstream>,
    words: PhantomData<&'a mut [u64]>,
}

impl<'a> Stream<'a> {
    fn open(words: &'a mut [u64]) -> Result<Self, CodecError> {
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: pointer and length are those of one slice, borrowed for as long as the stream
        // lives. The call keeps the pointer and touches nothing.
        let bits =
            unsafe { zfp::stream_open(words.as_mut_ptr().cast::<c_void>(), size_of_val(words)) };
        let Some(bits) = NonNull::new(bits) else { return Err(out_of_memory()) };
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: `bits` was just opened. The call allocates and keeps the pointer.
        let stream = unsafe { zfp::zfp_stream_open(bits.as_ptr()) };
        let Some(zfp) = NonNull::new(stream) else {
            #[expect(unsafe_code, reason = "zfp is a C library")]
            // SAFETY: opened above and known to nobody else.
            unsafe {
                zfp::stream_close(bits.as_ptr());
            }
            return Err(out_of_memory());
        };
        Ok(Self { zfp, bits, words: PhantomData })
    }

    /// The parameters, as zfp keeps them.
    fn parameters(&self) -> zfp::zfp_stream {
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: `zfp` lives as long as `self`, and nobody writes to it meanwhile.
        unsafe {
            *self.zfp.as_ptr()
        }
    }

    fn mode(&self) -> zfp::zfp_mode {
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: `zfp` lives as long as `self`; the call only reads it.
        unsafe {
            zfp::zfp_stream_compression_mode(self.zfp.as_ptr())
        }
    }

    /// Bits read.
    fn position(&self) -> u64 {
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: `bits` lives as long as `self`; the call only reads it.
        unsafe {
            zfp::stream_rtell(self.bits.as_ptr())
        }
    }

    fn set_mode<T: Scalar>(&self, mode: Mode, dims: c_uint) {
        let stream = self.zfp.as_ptr();
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: `zfp` lives as long as `self`; the calls set numbers in it.
        unsafe {
            match mode {
                Mode::Reversible => zfp::zfp_stream_set_reversible(stream),
                Mode::Rate(rate) => {
                    let word_aligned: c_int = 0;
                    zfp::zfp_stream_set_rate(stream, rate, T::TYPE, dims, word_aligned);
                }
                Mode::Precision(planes) => {
                    zfp::zfp_stream_set_precision(stream, whole(planes));
                }
                Mode::Tolerance(tolerance) => {
                    zfp::zfp_stream_set_accuracy(stream, tolerance);
                }
            }
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: both were opened by `open`, and nobody else has them.
        unsafe {
            zfp::zfp_stream_close(self.zfp.as_ptr());
            zfp::stream_close(self.bits.as_ptr());
        }
    }
}

/// Reads the blocks of a stream.
#[derive(Debug)]
pub(super) struct Reader<'a, T> {
    stream: Stream<'a>,
    /// The length of the stream in bits. The position is not past it.
    end: u64,
    dims: usize,
    values: PhantomData<T>,
}

impl<'a, T: Scalar> Reader<'a, T> {
    /// Begins to read a stream of values of this shape. `words` is room that is used again.
    pub(super) fn open(
        words: &'a mut Vec<u64>,
        bytes: &[u8],
        shape: &[usize],
    ) -> Result<Self, CodecError> {
        words.clear();
        let (whole, rest) = bytes.as_chunks();
        words.reserve(whole.len() + 1 + PADDING_WORDS);
        words.extend(whole.iter().map(|&word| u64::from_le_bytes(word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words.push(u64::from_le_bytes(last));
        words.resize(words.len() + PADDING_WORDS, 0);
        let stream = Stream::open(words)?;
        let end = bytes.len() as u64 * 8;
        let mut reader = Self { stream, end, dims: shape.len(), values: PhantomData };
        reader.header(shape)?;
        Ok(reader)
    }

    fn header(&mut self, shape: &[usize]) -> Result<(), CodecError> {
        let mut field = field::<T>(&[], std::ptr::null_mut());
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: both pointers are to what lives longer than the call. It reads at most 148 bits,
        // fewer than the padding, and sets numbers in `field`, whose `data` it does not use.
        let bits = unsafe {
            zfp::zfp_read_header(self.stream.zfp.as_ptr(), &raw mut field, zfp::ZFP_HEADER_FULL)
        };
        if bits == 0 || self.stream.position() > self.end {
            return Err(CodecError::corrupt("a stream in it has no sound zfp header"));
        }
        let expected = self::field::<T>(shape, std::ptr::null_mut());
        let sizes = |field: &zfp::zfp_field| [field.nx, field.ny, field.nz, field.nw];
        if field.type_ != expected.type_ || sizes(&field) != sizes(&expected) {
            return Err(CodecError::corrupt(format!(
                "a zfp stream in it has the shape {:?} and type {}, and {:?} and {} were expected",
                sizes(&field),
                field.type_,
                sizes(&expected),
                expected.type_
            )));
        }
        if !self.is_readable() {
            return Err(CodecError::corrupt("a zfp stream in it is of a mode that zfpc has not"));
        }
        Ok(())
    }

    /// Whether the parameters are those of a mode for which a block is known to be short.
    fn is_readable(&self) -> bool {
        let zfp::zfp_stream { minbits, maxbits, maxprec, minexp, .. } = self.stream.parameters();
        match self.stream.mode() {
            zfp::zfp_mode_zfp_mode_fixed_rate
            | zfp::zfp_mode_zfp_mode_fixed_precision
            | zfp::zfp_mode_zfp_mode_fixed_accuracy
            | zfp::zfp_mode_zfp_mode_reversible => true,
            // All that a tolerance of 0 or a precision of 64 sets, which zfp takes for no mode.
            zfp::zfp_mode_zfp_mode_expert => {
                (minbits, maxbits) == (zfp::ZFP_MIN_BITS, zfp::ZFP_MAX_BITS)
                    && (maxprec, minexp) == (zfp::ZFP_MAX_PREC, zfp::ZFP_MIN_EXP)
            }
            _ => false,
        }
    }

    /// Decodes the next block: 4 to the power of axes values, the first axis fastest.
    pub(super) fn block(&mut self, block: &mut [T; BLOCK]) -> Result<(), CodecError> {
        let decode = T::DECODE[self.dims - 1];
        #[expect(unsafe_code, reason = "zfp is a C library")]
        // SAFETY: `decode` writes 4, 16, 64 or 256 values of the type to `block`, which has room for
        // the most. The position is at most `end`, behind which are `PADDING_WORDS` words, and the
        // call reads at most `MOST_BLOCK_BITS` in a mode that `is_readable` let pass. Values take
        // part in arithmetic only, never in where to read or write.
        unsafe {
            decode(self.stream.zfp.as_ptr(), block.as_mut_ptr());
        }
        if self.stream.position() > self.end {
            return Err(CodecError::corrupt("a zfp stream in it ends before its values do"));
        }
        Ok(())
    }
}

/// A stream, with its header, of the values at these places: length and stride of 1 to 4 axes, from
/// the first value on.
pub(super) fn compress<T: Scalar>(
    values: &[T],
    axes: &[(usize, usize)],
    mode: Mode,
) -> Result<Vec<u8>, CodecError> {
    check_rate::<T>(mode)?;
    let field = strided_field(values, axes)?;
    let dims = c_uint::try_from(axes.len()).unwrap_or(0);
    let mut words = vec![0; most_words::<T>(&field, dims, mode)?];
    let room = size_of_val(&*words);
    let stream = Stream::open(&mut words)?;
    stream.set_mode::<T>(mode, dims);
    #[expect(unsafe_code, reason = "zfp is a C library")]
    // SAFETY: `field` does not reach past `values`, as `strided_field` promises, and zfp only reads
    // them. It writes no more than the room that it asked for in `most_words` for this field and mode,
    // its header included.
    let len = unsafe {
        if zfp::zfp_write_header(stream.zfp.as_ptr(), &raw const field, zfp::ZFP_HEADER_FULL) == 0 {
            return Err(CodecError::unencodable(
                "zfp has at most 4096 values on each of 4 axes, and 65536 on each of 3: choose a \
                 smaller chunk size, or set zfpc_correlated_dims",
            ));
        }
        zfp::zfp_compress(stream.zfp.as_ptr(), &raw const field)
    };
    drop(stream);
    if len == 0 || len > room {
        return Err(CodecError::EncoderFailed { source: "zfp wrote nothing".into() });
    }
    let mut bytes = Vec::with_capacity(len + 8);
    for word in &words[..len.div_ceil(8)] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.truncate(len);
    Ok(bytes)
}

fn check_rate<T: Scalar>(mode: Mode) -> Result<(), CodecError> {
    match mode {
        Mode::Rate(rate) if !(MIN_RATE..=T::SIZE as f64 * 8.0).contains(&rate) => {
            Err(CodecError::unencodable(format!(
                "zfpc_rate is {rate}: choose some bits for each value, and no more than it has"
            )))
        }
        _ => Ok(()),
    }
}

/// Values at places as zfp is told of them. No place is outside `values`: all strides are positive,
/// and the place farthest from the first is looked at.
fn strided_field<T: Scalar>(
    values: &[T],
    axes: &[(usize, usize)],
) -> Result<zfp::zfp_field, CodecError> {
    let last: usize = axes.iter().map(|&(len, stride)| len.saturating_sub(1) * stride).sum();
    let known = !axes.is_empty() && axes.iter().all(|&(len, stride)| len > 0 && stride > 0);
    if !known || axes.len() > 4 || last >= values.len() {
        let source = format!("{} values have no axes {axes:?}", values.len()).into();
        return Err(CodecError::EncoderFailed { source });
    }
    let shape: Vec<usize> = axes.iter().map(|&(len, _)| len).collect();
    let stride = |axis: usize| {
        let stride = axes.get(axis).map_or(0, |&(_, stride)| stride);
        isize::try_from(stride).unwrap_or(0)
    };
    Ok(zfp::zfp_field {
        sx: stride(0),
        sy: stride(1),
        sz: stride(2),
        sw: stride(3),
        ..field::<T>(&shape, values.as_ptr().cast_mut().cast::<c_void>())
    })
}

/// The room that a stream may take, in words.
fn most_words<T: Scalar>(
    field: &zfp::zfp_field,
    dims: c_uint,
    mode: Mode,
) -> Result<usize, CodecError> {
    let stream = Stream::open(&mut [])?;
    stream.set_mode::<T>(mode, dims);
    #[expect(unsafe_code, reason = "zfp is a C library")]
    // SAFETY: both live longer than the call, which only reads their numbers.
    let bytes = unsafe { zfp::zfp_stream_maximum_size(stream.zfp.as_ptr(), field) };
    if bytes == 0 {
        return Err(CodecError::EncoderFailed { source: "zfp knows no room for it".into() });
    }
    Ok(bytes.div_ceil(8))
}

/// Values of a shape as zfp is told of them. 0 stands for an axis that is not there.
fn field<T: Scalar>(shape: &[usize], data: *mut c_void) -> zfp::zfp_field {
    let axis = |axis: usize| shape.get(axis).copied().unwrap_or(0);
    zfp::zfp_field {
        type_: T::TYPE,
        nx: axis(0),
        ny: axis(1),
        nz: axis(2),
        nw: axis(3),
        sx: 0,
        sy: 0,
        sz: 0,
        sw: 0,
        data,
    }
}

/// A number of bit planes: more than there are is all, and so is 0.
fn whole(planes: f64) -> c_uint {
    (0..zfp::ZFP_MAX_PREC).find(|&n| planes < f64::from(n) + 1.0).unwrap_or(zfp::ZFP_MAX_PREC)
}

fn out_of_memory() -> CodecError {
    CodecError::EncoderFailed { source: "zfp found no memory".into() }
}
