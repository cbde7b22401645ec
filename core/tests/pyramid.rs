//! Coarser scales: each voxel is what its window says, whatever chunks, shards and memory are.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use std::collections::HashMap;

use bigarrays_core::array::{Method, OnAbsent, Pooling, PyramidOptions, pool};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ArrayView4, ShapeBuilder};
use bigarrays_core::wrap::Trace;
use bigarrays_core::{BigArray, DataType, Element, Error, VolumeInfo};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
use proptest::prelude::*;

const SHARDING: Sharding = Sharding {
    preshift_bits: 1,
    hash: ShardHash::Identity,
    minishard_bits: 1,
    shard_bits: 8,
    minishard_index_encoding: ShardEncoding::Raw,
    data_encoding: ShardEncoding::Raw,
};

/// The same by the words of the documentation, voxel by voxel.
fn naive(view: &ArrayView4<'_, u16>, factor: [usize; 3], pooling: Pooling) -> Array4<u16> {
    let (x, y, z, c) = view.dim();
    let shape = (x.div_ceil(factor[0]), y.div_ceil(factor[1]), z.div_ceil(factor[2]), c);
    Array4::from_shape_fn(shape.f(), |(i, j, k, channel)| {
        let mut window = Vec::new();
        for z in (k * factor[2]..z).take(factor[2]) {
            for y in (j * factor[1]..y).take(factor[1]) {
                for x in (i * factor[0]..x).take(factor[0]) {
                    window.push(view[[x, y, z, channel]]);
                }
            }
        }
        let all = window.clone();
        if pooling.sparse && matches!(pooling.method, Method::Mean | Method::Mode) {
            window.retain(|&value| value != 0);
        }
        match pooling.method {
            _ if window.is_empty() => 0,
            Method::Mean => {
                let sum: usize = window.iter().map(|&value| usize::from(value)).sum();
                u16::try_from(sum / window.len()).unwrap()
            }
            Method::Min => *window.iter().min().unwrap(),
            Method::Max => *window.iter().max().unwrap(),
            Method::Stride => window[0],
            Method::Mode if factor.iter().product::<usize>() == 4 && all.len() == 4 => {
                let twice = (1..window.len()).find(|&n| window[..n].contains(&window[n]));
                match twice {
                    Some(n) => window[n],
                    None if pooling.sparse && all[3] == 0 => window[0],
                    None => window[window.len() - 1],
                }
            }
            Method::Mode => {
                let mut counts: HashMap<u16, usize> = HashMap::new();
                window.iter().for_each(|&value| *counts.entry(value).or_default() += 1);
                let most = counts.values().max().unwrap();
                *window.iter().find(|value| counts[value] == *most).unwrap()
            }
        }
    })
}

fn pooling() -> impl Strategy<Value = Pooling> {
    let methods = [Method::Mean, Method::Mode, Method::Min, Method::Max, Method::Stride];
    (prop::sample::select(methods.to_vec()), any::<bool>())
        .prop_map(|(method, sparse)| Pooling { method, sparse })
}

fn labels(shape: [usize; 3], channels: usize, seed: u64) -> Array4<u16> {
    let mut state = seed | 1;
    let [x, y, z] = shape;
    Array4::from_shape_simple_fn((x, y, z, channels).f(), || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        [0, 0, 1, 1, 2, 300, 65_535][usize::try_from(state % 7).unwrap()]
    })
}

proptest! {
    #[test]
    fn pooling_is_what_its_words_say(
        shape in prop::array::uniform3(1_usize..12),
        factor in prop::sample::select(vec![[2, 2, 1], [2, 2, 2], [1, 2, 2], [3, 1, 2], [1, 1, 1], [4, 4, 4]]),
        pooling in pooling(),
        (channels, seed, c_order) in (1_usize..3, any::<u64>(), any::<bool>()),
    ) {
        let voxels = labels(shape, channels, seed);
        let wanted = naive(&voxels.view(), factor, pooling);
        let pooled = if c_order {
            pool(voxels.as_standard_layout().view(), factor, pooling)
        } else {
            pool(voxels.view(), factor, pooling)
        };
        prop_assert_eq!(pooled, wanted);
    }
}

/// A volume with coarser scales, all of them empty.
fn volume(
    size: [u64; 3],
    offset: [i64; 3],
    factor: [u64; 3],
    scales: usize,
    sharded: bool,
) -> BigArray<Trace<MemoryBackend>> {
    let mut info = VolumeInfo::builder(DataType::Uint16, size)
        .voxel_offset(offset)
        .chunk_size([8, 8, 4])
        .resolution([4.0, 4.0, 40.0])
        .channels(2)
        .scales(1, [1; 3])
        .build()
        .unwrap();
    let mut whole = [1; 3];
    for _ in 1..scales {
        whole = std::array::from_fn(|axis| whole[axis] * factor[axis]);
        info.add_scale(whole).unwrap();
    }
    if sharded {
        info.scales.iter_mut().skip(1).for_each(|scale| scale.sharding = Some(SHARDING));
    }
    BigArray::create(Trace::new(MemoryBackend::new()), info).unwrap()
}

fn coarser<B>(array: &BigArray<B>) -> Vec<BigArray<B>>
where
    B: bigarrays_core::KeyValueBackend,
{
    (1..array.scales().len()).map(|scale| array.at_scale(scale).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_scale_is_pooled_of_the_one_before(
        size in prop::array::uniform3(1_usize..40),
        offset in prop::array::uniform3(-9_i64..9),
        factor in prop::sample::select(vec![[2, 2, 1], [2, 2, 2], [3, 2, 1]]),
        (pooling, sharded, seed) in (pooling(), any::<bool>(), any::<u64>()),
        memory in prop::sample::select(vec![1, 30_000, 1 << 30]),
        shares in 1_u64..4,
    ) {
        let array = volume(size.map(|axis| axis as u64), offset, factor, 4, sharded);
        let mut voxels = labels(size, 2, seed);
        array.write(offset, voxels.view()).unwrap();
        let mut source = array.clone();
        let mut left = coarser(&array);
        let options = PyramidOptions::new(pooling).memory(memory).shares(shares);
        while !left.is_empty() {
            let downsampler = source.downsample_to(&left, options).unwrap();
            prop_assert!(downsampler.scales() > 0);
            for share in (0..shares).rev() {
                for task in downsampler.share(share, shares) {
                    downsampler.run(task).unwrap();
                }
            }
            source = left[downsampler.scales() - 1].clone();
            left.drain(..downsampler.scales());
        }
        for scale in coarser(&array) {
            let step = factor.map(|axis| usize::try_from(axis).unwrap());
            voxels = naive(&voxels.view(), step, pooling);
            prop_assert_eq!(&scale.read::<u16>(scale.bounds()).unwrap(), &voxels);
        }
    }
}

#[test]
fn several_scales_are_made_in_one_pass_over_the_finest() {
    let array = volume([64, 64, 16], [0; 3], [2, 2, 1], 4, false);
    array.write([0; 3], labels([64, 64, 16], 2, 5).view()).unwrap();
    let before = array.backend().counts();
    let options = PyramidOptions::new(Method::Mode);
    let downsampler = array.downsample_to(&coarser(&array), options).unwrap();
    assert_eq!((downsampler.scales(), downsampler.tasks()), (3, 1));
    let copied = downsampler.run(0).unwrap();
    assert_eq!(copied.written, 4 * (16 + 4 + 1));
    assert_eq!(array.backend().counts().since(&before).get, 4 * 64);
}

#[test]
fn what_is_absent_in_the_finer_scale_is_absent_in_the_coarser_ones() {
    for sharded in [false, true] {
        let array = volume([64, 64, 4], [3, -5, 7], [2, 2, 1], 3, sharded);
        array.write([3 + 48, -5, 7], labels([8, 8, 4], 2, 3).view()).unwrap();
        for scale in coarser(&array) {
            let stale = Array4::from_elem(
                (64 >> scale.scale_index(), 64 >> scale.scale_index(), 4, 2).f(),
                9_u16,
            );
            scale.write(scale.bounds().min, stale.view()).unwrap();
        }
        for (absent, left) in [(OnAbsent::Leave, true), (OnAbsent::Delete, false)] {
            let options = PyramidOptions::new(Method::Max).on_absent(absent);
            let downsampler = array.downsample_to(&coarser(&array), options).unwrap();
            (0..downsampler.tasks()).for_each(|task| {
                downsampler.run(task).unwrap();
            });
            for scale in coarser(&array) {
                let first = scale.missing_chunks(scale.bounds()).unwrap().len();
                let all = usize::try_from(scale.chunk_count(scale.bounds())).unwrap();
                let missing = match (left, sharded) {
                    (true, false) => 0,
                    // The shard of four chunks that is written has only what was made.
                    (true, true) => 3,
                    (false, _) => all - 1,
                };
                assert_eq!(first, missing, "{absent:?}, sharded: {sharded}");
            }
        }
    }
}

#[test]
fn a_scale_that_is_no_coarser_one_is_refused() {
    let array = volume([64, 64, 16], [0; 3], [2, 2, 1], 3, false);
    let all = coarser(&array);
    let options = PyramidOptions::new(Method::Mean);
    let upside_down = all[1].downsample_to(&all[..1], options).unwrap_err();
    assert!(matches!(upside_down, Error::WrongScale { .. }), "{upside_down}");
    let mut info = array.info().clone();
    info.scales[1].size = [31, 32, 16];
    let other = BigArray::create(Trace::new(MemoryBackend::new()), info).unwrap();
    let error = array.downsample_to(&coarser(&other)[..1], options).unwrap_err();
    assert!(error.to_string().contains("size"), "{error}");
}

#[test]
fn means_of_every_type_are_exact_to_the_ends_of_the_type() {
    fn check<T: bigarrays_core::array::Mean + Element>(values: [T; 4], mean: T) {
        let voxels = Array4::from_shape_vec((2, 2, 1, 1), values.to_vec()).unwrap();
        let pooled = pool(voxels.view(), [2, 2, 1], Method::Mean.into());
        assert_eq!(pooled[[0; 4]], mean);
    }
    check([u8::MAX; 4], u8::MAX);
    check([u16::MAX; 4], u16::MAX);
    check([u32::MAX; 4], u32::MAX);
    check([u64::MAX; 4], u64::MAX);
    check([i8::MIN; 4], i8::MIN);
    check([i16::MIN; 4], i16::MIN);
    check([i32::MIN; 4], i32::MIN);
    check([i64::MIN, i64::MIN, i64::MIN, i64::MIN + 4], i64::MIN + 1);
    check([1, 1, 1, 0_u8], 0);
    check([-1, -1, -1, 0_i16], 0);
    check([0.5, 0.25, 0.0, 0.25_f32], 0.25);
    check([1e300, 1e300, 0.0, 0.0], 5e299);
}
