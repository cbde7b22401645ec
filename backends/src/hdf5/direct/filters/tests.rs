use proptest::prelude::*;

use super::*;

fn noisy(len: usize, seed: u32, mask: u8) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3] & mask
    };
    (0..len).map(|_| next()).collect()
}

/// What the writer of each filter makes of some bytes.
fn apply(filter: Filter, bytes: &[u8]) -> Vec<u8> {
    match filter {
        // Literals only, which is what LZF does with noise.
        Filter::Lzf => {
            let run = |run: &[u8]| [&[u8::try_from(run.len() - 1).unwrap()], run].concat();
            bytes.chunks(32).flat_map(run).collect()
        }
        Filter::Deflate => compressed::deflate(bytes).unwrap(),
        Filter::Blosc(size) => compressed::to_blosc(bytes, size).unwrap(),
        Filter::Zstd => compressed::to_zstd(bytes).unwrap(),
        other => other.apply(bytes).unwrap().unwrap(),
    }
}

fn decode(pipeline: &Pipeline, mask: u32, len: usize, stored: Vec<u8>) -> Result<Vec<u8>, H5Error> {
    let mut out = Vec::new();
    let mut scratch = Scratch { stored, ..Scratch::default() };
    pipeline.decode(mask, len, &mut scratch, &mut out).map(|()| out)
}

fn any_filter() -> impl Strategy<Value = Filter> {
    prop_oneof![
        Just(Filter::Deflate),
        prop_oneof![Just(1_usize), Just(2), Just(4), Just(8)].prop_map(Filter::Shuffle),
        Just(Filter::Fletcher32),
        Just(Filter::Lzf),
        Just(Filter::Blosc(4)),
        Just(Filter::Zstd),
    ]
}

proptest! {
    #[test]
    fn any_pipeline_is_undone_also_where_filters_were_left_out(filters in prop::collection::vec(any_filter(), 0..4), mask in any::<u32>(), len in 1_usize..3000, seed in any::<u32>(), noise in any::<u8>()) {
        let bytes = noisy(len, seed, noise);
        let mut stored = bytes.clone();
        for (n, &filter) in filters.iter().enumerate() {
            if mask & (1 << n) == 0 {
                stored = apply(filter, &stored);
            }
        }
        prop_assert_eq!(decode(&Pipeline(filters), mask, len, stored).unwrap(), bytes);
    }

    #[test]
    fn what_the_pipeline_makes_it_undoes(filters in prop::collection::vec(any_filter(), 0..4), len in 1_usize..3000, seed in any::<u32>(), noise in any::<u8>()) {
        let (bytes, pipeline) = (noisy(len, seed, noise), Pipeline(filters));
        let (stored, mask) = pipeline.encode(bytes.clone()).unwrap();
        prop_assert!(stored.len() <= pipeline.longest(len));
        prop_assert_eq!(decode(&pipeline, mask, len, stored).unwrap(), bytes);
    }

    #[test]
    fn damage_is_an_error_or_other_bytes_of_the_right_length(filters in prop::collection::vec(any_filter(), 1..3), len in 1_usize..600, seed in any::<u32>(), at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<prop::sample::Index>()) {
        let mut stored = filters.iter().fold(noisy(len, seed, 7), |bytes, &f| apply(f, &bytes));
        let pipeline = Pipeline(filters);
        let kept = cut.index(stored.len());
        if let Ok(bytes) = decode(&pipeline, 0, len, stored[..kept].to_vec()) {
            prop_assert_eq!(bytes.len(), len);
        }
        let at = at.index(stored.len());
        stored[at] ^= flip;
        match decode(&pipeline, 0, len, stored) {
            Ok(bytes) => prop_assert_eq!(bytes.len(), len),
            Err(error) => prop_assert_eq!(error.kind(), bigarrays_core::backend::ErrorKind::Corrupt),
        }
    }

    #[test]
    fn no_bytes_make_lzf_panic_or_grow(stored in prop::collection::vec(any::<u8>(), 0..300), limit in 0_usize..2000) {
        let mut out = Vec::new();
        let _ = lzf::decompress(&stored, limit, &mut out);
        prop_assert!(out.len() <= limit);
    }
}

#[test]
fn lzf_repeats_what_it_writes_itself() {
    let mut out = Vec::new();
    // "ab", then 10 bytes from 2 back (length 7 + 1, so a byte more is read), then "!".
    lzf::decompress(&[1, b'a', b'b', 7 << 5, 1, 1, 0, b'!'], 13, &mut out).unwrap();
    assert_eq!(out, b"abababababab!");
    let before = lzf::decompress(&[0, b'a', 1 << 5, 1], 99, &mut out);
    assert!(before.unwrap_err().to_string().contains("before its beginning"));
}

#[test]
fn a_checksum_of_the_largest_words_does_not_overflow() {
    for len in [0, 1, 2, 719, 720, 721, 100_000] {
        let bytes = vec![0xff; len];
        let stored = apply(Filter::Fletcher32, &bytes);
        let mut out = Vec::new();
        fletcher::check_and_strip(&stored, &mut out).unwrap();
        assert_eq!(out, bytes);
        let mut damaged = stored;
        damaged[len] ^= 1;
        assert!(fletcher::check_and_strip(&damaged, &mut out).is_err());
    }
}
