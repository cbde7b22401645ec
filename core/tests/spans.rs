//! Of raw chunks no more is read than the boxes wanted, and what is read is right.

#![expect(clippy::unwrap_used, reason = "test helpers outside test functions may fail a test")]

use bigarrays_core::array::MemoryOrder;
use bigarrays_core::backend::{
    ByteRange, KeyValueBackend, KeyValueBackendExt, Precondition, Value, wait,
};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ShapeBuilder, s};
use bigarrays_core::wrap::Trace;
use bigarrays_core::{BigArray, DataType, Error, Key, Transport, VolumeInfo};
use proptest::prelude::*;

const SIDE: usize = 40;

fn numbered() -> Array4<u32> {
    Array4::from_shape_fn((SIDE, SIDE, SIDE, 1).f(), |(x, y, z, _)| {
        u32::try_from(x + 100 * (y + 100 * z)).unwrap()
    })
}

/// 40³ voxels in chunks of 24³, of 54 KiB, at the voxel -7 on each axis.
fn volume(transport: Transport) -> (MemoryBackend, BigArray<Trace<MemoryBackend>>) {
    let store = MemoryBackend::new();
    let info = VolumeInfo::builder(DataType::Uint32, [SIDE as u64; 3])
        .voxel_offset([-7; 3])
        .chunk_size([24; 3])
        .build()
        .unwrap();
    let traced = Trace::new(store.clone());
    let array = BigArray::builder(traced).transport(transport).create(info).unwrap();
    array.write([-7; 3], numbered().view()).unwrap();
    (store, array)
}

proptest! {
    #[test]
    fn any_box_of_raw_chunks_is_the_one_that_was_written(
        corner in prop::array::uniform3(0_usize..SIDE),
        shape in prop::array::uniform3(1_usize..SIDE),
        is_c: bool,
        is_compressed: bool,
    ) {
        // Of a compressed one no more is decompressed than that.
        let transport = if is_compressed { Transport::Gzip(1) } else { Transport::None };
        let (_, array) = volume(transport);
        let order = if is_c { MemoryOrder::C } else { MemoryOrder::Fortran };
        let array = array.to_builder().order(order).open().unwrap();
        let end: [usize; 3] = std::array::from_fn(|n| (corner[n] + shape[n]).min(SIDE));
        let at = |place: usize| i64::try_from(place).unwrap() - 7;
        let [x, y, z]: [_; 3] = std::array::from_fn(|n| at(corner[n])..at(end[n]));
        let wanted = numbered();
        let wanted =
            wanted.slice(s![corner[0]..end[0], corner[1]..end[1], corner[2]..end[2], ..]);
        // Twice: what was met the first time changes the second.
        for _ in 0..2 {
            let found = array.read::<u32>([x.clone(), y.clone(), z.clone()]).unwrap();
            prop_assert_eq!(found.view(), wanted);
        }
    }
}

#[test]
fn of_a_raw_chunk_only_the_span_of_a_small_box_is_read() {
    let (_, array) = volume(Transport::None);
    let bytes = |bbox: [std::ops::Range<i64>; 3]| {
        let before = array.backend().counts();
        array.read::<u32>(bbox).unwrap();
        array.backend().counts().since(&before).bytes_read
    };
    assert_eq!(bytes([3..4, 3..4, 3..4]), 4);
    assert_eq!(bytes([-7..17, -7..17, 3..5]), 2 * 24 * 24 * 4);
    // From the first row of the first plane to the last of the last.
    assert_eq!(bytes([-6..0, -6..-4, -7..-5]), (24 * 24 + 24 + 6) * 4);
    // Most of it is the whole of it.
    assert_eq!(bytes([-7..17, -7..17, -7..10]), 24 * 24 * 24 * 4);
}

#[test]
fn a_damaged_compressed_chunk_is_an_error_if_it_cannot_be_read_to_the_box() {
    let (store, array) = volume(Transport::Gzip(6));
    let key = Key::new("1_1_1/-7-17_-7-17_-7-17").unwrap();
    let whole = wait(store.get(&key, ByteRange::Full)).unwrap().unwrap();
    for (bytes, is_read) in [
        (whole.bytes.slice(..whole.bytes.len() - 1), false),
        (whole.bytes.slice(..100), false),
        (whole.bytes.clone(), true),
    ] {
        let value = Value { bytes, content_encoding: whole.content_encoding };
        let _always = wait(store.put(&key, value, Precondition::Always)).unwrap();
        let read = array.read::<u32>([3..4, 3..4, -7..-6]);
        match read {
            Ok(voxels) => assert_eq!((voxels.sum(), is_read), (10 + 100 * 10, true)),
            Err(error) => {
                assert!(matches!(&error, Error::BadChunk { key: bad, .. } if *bad == key));
                assert!(!is_read, "{error}");
            }
        }
    }
}

#[test]
fn a_raw_chunk_that_ends_before_the_box_is_an_error_and_an_empty_one_is_missing() {
    let (store, array) = volume(Transport::None);
    let key = Key::new("1_1_1/-7-17_-7-17_-7-17").unwrap();
    let bytes = wait(store.get(&key, ByteRange::Full)).unwrap().unwrap().bytes;
    wait(store.put_always(&key, bytes.slice(..1000))).unwrap();
    let error = array.read::<u32>([3..4, 3..4, 3..4]).unwrap_err();
    assert!(matches!(&error, Error::BadChunk { key: bad, .. } if *bad == key), "{error}");
    wait(store.put_always(&key, "")).unwrap();
    assert_eq!(array.read::<u32>([3..4, 3..4, 3..4]).unwrap().sum(), 0);
    // Of another chunk nothing was said.
    assert_ne!(array.read::<u32>([20..21, 3..4, 3..4]).unwrap().sum(), 0);
}
