//! The array engine against a plain array in memory: random volumes, boxes and strides.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    reason = "test helpers outside test functions may fail a test in any way"
)]

use bigarrays_core::array::{MemoryOrder, OnMissing, OutOfBounds, Unaligned};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array2, Array3, Array4, ShapeBuilder, s};
use bigarrays_core::{
    BigArray, BoundingBox, DataType, Element, Error, Number, Transport, VolumeInfo,
};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
use proptest::prelude::*;

/// A small volume: offset, size, chunk size, channels, shards.
#[derive(Debug, Clone)]
struct Volume {
    offset: [i64; 3],
    size: [u64; 3],
    chunk: [u64; 3],
    channels: u64,
    sharding: Option<Sharding>,
}

/// As many volumes in shards as without.
fn shardings() -> impl Strategy<Value = Option<Sharding>> {
    let sharding = (0_u32..5, 0_u32..4, 0_u32..6, any::<[bool; 3]>()).prop_map(
        |(preshift_bits, minishard_bits, shard_bits, [identity, gzip_index, gzip_data])| {
            let gzip = |gzip| if gzip { ShardEncoding::Gzip } else { ShardEncoding::Raw };
            Sharding {
                preshift_bits,
                hash: if identity { ShardHash::Identity } else { ShardHash::Murmurhash3X86_128 },
                minishard_bits,
                shard_bits,
                minishard_index_encoding: gzip(gzip_index),
                data_encoding: gzip(gzip_data),
            }
        },
    );
    prop::option::of(sharding)
}

fn volumes() -> impl Strategy<Value = Volume> {
    (
        prop::array::uniform3(-30_i64..30),
        prop::array::uniform3(1_u64..20),
        prop::array::uniform3(1_u64..9),
        1_u64..4,
        shardings(),
    )
        .prop_map(|(offset, size, chunk, channels, sharding)| Volume {
            offset,
            size,
            chunk,
            channels,
            sharding,
        })
}

impl Volume {
    fn info(&self, data_type: DataType) -> VolumeInfo {
        let builder = VolumeInfo::builder(data_type, self.size)
            .voxel_offset(self.offset)
            .chunk_size(self.chunk)
            .channels(self.channels);
        match self.sharding {
            Some(sharding) => builder.sharding(sharding).build().unwrap(),
            None => builder.build().unwrap(),
        }
    }

    fn shape(&self) -> [usize; 4] {
        let [x, y, z] = self.size;
        [x, y, z, self.channels].map(|axis| usize::try_from(axis).unwrap())
    }

    /// Every voxel its own number, from 1.
    fn numbered<T: Element>(&self) -> Array4<T> {
        let mut next = 0;
        Array4::from_shape_simple_fn(self.shape().f(), || {
            next = next % 120 + 1;
            T::from_number(Number::Int(next)).unwrap()
        })
    }

    /// What a read of `bbox` must return when the whole volume is `whole`.
    fn expect<T: Element>(&self, whole: &Array4<T>, bbox: BoundingBox, fill: T) -> Array4<T> {
        let [x, y, z] = bbox.shape().map(|axis| usize::try_from(axis).unwrap());
        Array4::from_shape_fn((x, y, z, whole.dim().3), |(i, j, k, c)| {
            let at = |axis: usize, step: usize| {
                usize::try_from(bbox.min[axis] + step as i64 - self.offset[axis]).ok()
            };
            let (x, y, z) = (at(0, i), at(1, j), at(2, k));
            x.zip(y).zip(z).and_then(|((x, y), z)| whole.get((x, y, z, c))).copied().unwrap_or(fill)
        })
    }
}

fn boxes() -> impl Strategy<Value = BoundingBox> {
    (prop::array::uniform3(-45_i64..45), prop::array::uniform3(0_u64..30))
        .prop_map(|(min, shape)| BoundingBox::at(min, shape).unwrap())
}

fn transports() -> impl Strategy<Value = Transport> {
    prop::sample::select(vec![
        Transport::None,
        Transport::GZIP,
        Transport::Brotli(3),
        Transport::ZSTD,
    ])
}

fn write_read<T: Element>(volume: &Volume, bbox: BoundingBox, transport: Transport) {
    let whole = volume.numbered::<T>();
    let array = BigArray::builder(MemoryBackend::new())
        .transport(transport)
        .create(volume.info(T::DATA_TYPE))
        .unwrap();
    array.write(volume.offset, whole.view()).unwrap();
    let zero = T::from_number(Number::Int(0)).unwrap();
    let expected = volume.expect(&whole, bbox, zero);

    let read = array.read::<T>(bbox).unwrap();
    assert_eq!(read, expected);
    assert!(read.is_empty() || read.t().is_standard_layout(), "not in Fortran order");

    let c_order = array.to_builder().order(MemoryOrder::C).open().unwrap();
    let read = c_order.read::<T>(bbox).unwrap();
    assert_eq!(read, expected);
    assert!(read.is_standard_layout(), "not in C order");

    // Into a view of odd strides, full of other values.
    let (x, y, z, c) = expected.dim();
    let mut room = Array4::from_elem((z, c * 2, x, y), T::from_number(Number::Int(99)).unwrap());
    let view = room.slice_mut(s![.., ..;2, ..;-1, ..]).permuted_axes([2, 3, 0, 1]);
    array.read_into(bbox, view).unwrap();
    let view = room.slice(s![.., ..;2, ..;-1, ..]);
    assert_eq!(view.permuted_axes([2, 3, 0, 1]), expected);

    // Every voxel by itself, in one call.
    let points: Vec<[i64; 3]> = expected
        .slice(s![.., .., .., 0])
        .indexed_iter()
        .map(|((x, y, z), _)| {
            [bbox.min[0] + x as i64, bbox.min[1] + y as i64, bbox.min[2] + z as i64]
        })
        .collect();
    let values = array.read_points::<T>(&points).unwrap();
    for (row, point) in values.rows().into_iter().zip(&points) {
        let at = |axis: usize| usize::try_from(point[axis] - bbox.min[axis]).unwrap();
        assert_eq!(row, expected.slice(s![at(0), at(1), at(2), ..]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_box_of_any_volume_reads_what_was_written(
        volume in volumes(), bbox in boxes(), transport in transports(),
    ) {
        write_read::<u8>(&volume, bbox, transport);
        write_read::<u16>(&volume, bbox, transport);
        write_read::<f64>(&volume, bbox, transport);
    }

    #[test]
    fn unaligned_writes_change_their_voxels_and_no_others(
        volume in volumes(),
        writes in prop::collection::vec((boxes(), 1_u8..), 1..6),
        transport in transports(),
    ) {
        let array = BigArray::builder(MemoryBackend::new())
            .transport(transport)
            .unaligned(Unaligned::ReadModifyWrite)
            .bounds(OutOfBounds::Crop)
            .create(volume.info(DataType::Uint8))
            .unwrap();
        let mut model = Array4::<u8>::zeros(volume.shape());
        for (bbox, value) in writes {
            let [x, y, z] = bbox.shape().map(|axis| usize::try_from(axis).unwrap());
            let channels = usize::try_from(volume.channels).unwrap();
            let source = Array4::from_elem((x, y, z, channels), value);
            array.write(bbox.min, source.view()).unwrap();
            let inside = array.bounds().intersection(&bbox);
            let range = |axis: usize| {
                let from = usize::try_from(inside.min[axis] - volume.offset[axis]).unwrap_or(0);
                let len = usize::try_from(inside.shape()[axis]).unwrap();
                if inside.is_empty() { 0..0 } else { from..from + len }
            };
            model.slice_mut(s![range(0), range(1), range(2), ..]).fill(value);
        }
        prop_assert_eq!(array.read::<u8>(array.bounds()).unwrap(), model);
    }

    #[test]
    fn missing_chunks_are_exactly_those_not_written(volume in volumes(), bbox in boxes()) {
        let array = BigArray::create(MemoryBackend::new(), volume.info(DataType::Uint8)).unwrap();
        let written = array.grid().align_outward(&bbox);
        let [x, y, z] = written.shape().map(|axis| usize::try_from(axis).unwrap());
        let ones = Array4::<u8>::ones((x, y, z, volume.shape()[3]));
        array.write(written.min, ones.view()).unwrap();
        let missing = array.missing_chunks(array.bounds()).unwrap();
        let expected = array.chunk_count(array.bounds()) - array.chunk_count(written);
        prop_assert_eq!(missing.len() as u64, expected);
        prop_assert!(missing.iter().all(|missing| written.intersection(&missing.chunk).is_empty()));

        prop_assert_eq!(array.delete(written).unwrap(), array.chunk_count(written));
        prop_assert_eq!(array.missing_chunks(array.bounds()).unwrap().len() as u64, array.chunk_count(array.bounds()));
    }

    #[test]
    fn a_tiny_memory_budget_changes_nothing_but_speed(volume in volumes(), bbox in boxes()) {
        let whole = volume.numbered::<u32>();
        let array = BigArray::builder(MemoryBackend::new())
            .memory(1)
            .create(volume.info(DataType::Uint32))
            .unwrap();
        array.write(volume.offset, whole.view()).unwrap();
        prop_assert_eq!(array.read::<u32>(bbox).unwrap(), volume.expect(&whole, bbox, 0));
    }
}

fn small() -> Volume {
    Volume {
        offset: [-13, 7, 1000],
        size: [20, 10, 5],
        chunk: [8, 8, 8],
        channels: 1,
        sharding: None,
    }
}

#[test]
fn every_data_type_reads_back_through_the_typed_and_the_dynamic_call() {
    for data_type in DataType::ALL {
        let volume = small();
        let array = BigArray::create(MemoryBackend::new(), volume.info(data_type)).unwrap();
        bigarrays_core::dispatch!(data_type, T => {
            let mut whole = volume.numbered::<T>();
            if data_type == DataType::Bool {
                whole.fill(T::from_number(Number::Int(1)).unwrap());
            }
            array.write(volume.offset, whole.view()).unwrap();
            let cutout = array.read_dyn(array.bounds()).unwrap();
            assert_eq!(cutout.bbox, array.bounds());
            assert_eq!(Array4::<T>::try_from(cutout.array).unwrap(), whole);
            let typed = array.typed::<T>().unwrap();
            assert_eq!(typed.read(array.bounds()).unwrap(), whole);
        });
    }
}

#[test]
fn options_decide_what_lies_outside() {
    let volume = small();
    let array = BigArray::create(MemoryBackend::new(), volume.info(DataType::Uint8)).unwrap();
    array.write(volume.offset, volume.numbered::<u8>().view()).unwrap();
    let bbox = BoundingBox::from([-20..-10, 7..9, 1000..1002]);

    let filled = array.to_builder().fill(Number::Int(200)).open().unwrap();
    let read = filled.read::<u8>(bbox).unwrap();
    assert_eq!((read[[0, 0, 0, 0]], read[[7, 0, 0, 0]]), (200, 1));

    let strict = array.to_builder().bounds(OutOfBounds::Error).open().unwrap();
    assert!(matches!(strict.read::<u8>(bbox), Err(Error::OutOfBounds { .. })));
    assert!(strict.read::<u8>(array.bounds()).is_ok());
    assert!(matches!(strict.read_points::<u8>(&[[0, 0, 0]]), Err(Error::OutOfBounds { .. })));

    let cropped = array.to_builder().bounds(OutOfBounds::Crop).open().unwrap();
    let cutout = cropped.read_dyn(bbox).unwrap();
    assert_eq!(cutout.bbox, BoundingBox::from([-13..-10, 7..9, 1000..1002]));
    assert_eq!(cutout.array.shape(), [3, 2, 2, 1]);
}

#[test]
fn missing_chunks_are_filled_or_refused_and_leave_the_others_intact() {
    let volume =
        Volume { offset: [0; 3], size: [40, 8, 8], chunk: [8, 8, 8], channels: 1, sharding: None };
    let array = BigArray::create(MemoryBackend::new(), volume.info(DataType::Uint8)).unwrap();
    let whole = volume.numbered::<u8>();
    array.write([0; 3], whole.view()).unwrap();
    array.delete([16..24, 0..8, 0..8]).unwrap();

    let read = array.read::<u8>(array.bounds()).unwrap();
    assert_eq!(read.slice(s![..16, .., .., ..]), whole.slice(s![..16, .., .., ..]));
    assert!(read.slice(s![16..24, .., .., ..]).iter().all(|&voxel| voxel == 0));
    assert_eq!(read.slice(s![24.., .., .., ..]), whole.slice(s![24.., .., .., ..]));

    let strict = array.to_builder().on_missing(OnMissing::Error).open().unwrap();
    match strict.read::<u8>(array.bounds()) {
        Err(Error::MissingChunk { key, .. }) => assert_eq!(key.as_str(), "1_1_1/16-24_0-8_0-8"),
        other => panic!("{other:?}"),
    }
    let message = strict.read_points::<u8>(&[[17, 0, 0]]).unwrap_err().to_string();
    assert!(message.contains("1_1_1/16-24_0-8_0-8"), "{message}");
}

#[test]
fn writes_that_do_not_fit_are_refused_and_change_nothing() {
    let volume = small();
    let array = BigArray::create(MemoryBackend::new(), volume.info(DataType::Uint8)).unwrap();
    let ones = |x, y, z| Array4::<u8>::ones((x, y, z, 1));

    match array.write([-13, 7, 1000], ones(9, 8, 5).view()) {
        Err(error @ Error::Unaligned(_)) => {
            let text = error.to_string();
            assert!(text.contains("[-13:3, 7:15, 1000:1005]"), "{text}");
            assert!(text.contains("inside it [-13:-5, 7:15, 1000:1005]"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        array.write([-13, 7, 1000], ones(24, 10, 5).view()),
        Err(Error::OutOfBounds { .. })
    ));
    assert!(matches!(
        array.write([i64::MAX, 0, 0], ones(1, 1, 1).view()),
        Err(Error::OutOfRange { .. })
    ));
    let wrong_type = Array4::<u16>::ones((20, 10, 5, 1));
    assert!(matches!(
        array.write([-13, 7, 1000], wrong_type.view()),
        Err(Error::WrongDataType { .. })
    ));
    let wrong_shape = Array4::<u8>::ones((20, 10, 5, 2));
    assert!(matches!(
        array.write([-13, 7, 1000], wrong_shape.view()),
        Err(Error::WrongShape { .. })
    ));
    let flat = Array2::<u8>::ones((20, 10));
    assert!(matches!(array.write([-13, 7, 1000], flat.view()), Err(Error::WrongShape { .. })));
    assert_eq!(
        array.missing_chunks(array.bounds()).unwrap().len() as u64,
        array.chunk_count(array.bounds())
    );

    // Past the end, if asked: the part outside is dropped.
    let cropping = array.to_builder().bounds(OutOfBounds::Crop).open().unwrap();
    cropping.write([-13, 7, 1000], ones(24, 16, 8).view()).unwrap();
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), ones(20, 10, 5));
    // Three axes do for one channel, and an empty box is no work.
    let cube = Array3::<u8>::zeros((20, 10, 5));
    array.write([-13, 7, 1000], cube.view()).unwrap();
    array.write([500, 500, 500], ones(0, 4, 4).view()).unwrap();
}

#[test]
fn boxes_that_cannot_be_read_are_errors_and_not_aborts() {
    let volume = small();
    let array = BigArray::create(MemoryBackend::new(), volume.info(DataType::Uint64)).unwrap();
    let inverted = BoundingBox::new([5, 0, 0], [0, 5, 5]);
    assert!(matches!(array.read::<u64>(inverted), Err(Error::InvertedBox { .. })));
    let everything = BoundingBox::new([i64::MIN; 3], [i64::MAX; 3]);
    assert!(matches!(array.read::<u64>(everything), Err(Error::TooLarge { .. })));
    assert!(matches!(array.read::<u8>([0..1, 0..1, 0..1]), Err(Error::WrongDataType { .. })));
    assert_eq!(array.read::<u64>([3..3, 0..5, 0..5]).unwrap().dim(), (0, 5, 5, 1));
    let mut wrong = Array4::<u64>::zeros((2, 2, 2, 2));
    assert!(matches!(
        array.read_into([0..2, 0..2, 0..2], wrong.view_mut()),
        Err(Error::WrongShape { .. })
    ));
}

#[test]
fn a_volume_is_created_once_and_its_description_changes_only_under_whoever_knows_it() {
    let (volume, store) = (small(), MemoryBackend::new());
    let info = volume.info(DataType::Uint8);
    let first = BigArray::create(store.clone(), info.clone()).unwrap();
    assert!(matches!(
        BigArray::create(store.clone(), info.clone()),
        Err(Error::AlreadyExists { .. })
    ));
    let second = BigArray::open(store).unwrap();

    let mut wider = info.clone();
    wider.add_scale([2, 2, 1]).unwrap();
    let first = first.commit_info(wider.clone()).unwrap();
    assert_eq!(first.scales().len(), 2);
    assert!(matches!(second.commit_info(info), Err(Error::InfoConflict { .. })));

    let coarse = first.at_scale("2_2_1").unwrap();
    assert_eq!((coarse.scale_index(), coarse.bounds().min), (1, [-7, 3, 1000]));
    assert_eq!(first.at_scale([2.0, 2.0, 1.0]).unwrap().scale_index(), 1);
    let message = first.at_scale(7).unwrap_err().to_string();
    assert!(message.contains("no scale 7") && message.contains("2_2_1"), "{message}");

    wider.scales[0].locked = true;
    let locked = first.commit_info(wider).unwrap();
    let whole = volume.numbered::<u8>();
    assert!(matches!(locked.write(volume.offset, whole.view()), Err(Error::ScaleLocked { .. })));
    assert!(matches!(locked.delete(locked.bounds()), Err(Error::ScaleLocked { .. })));
}

#[test]
fn a_store_without_a_volume_says_so() {
    let message = BigArray::open(MemoryBackend::new()).unwrap_err().to_string();
    assert!(message.contains("no \"info\"") && message.contains("create"), "{message}");
}

#[test]
fn removing_a_volume_leaves_what_is_not_its_own() {
    use bigarrays_core::backend::{KeyValueBackendExt, wait};
    use bigarrays_core::{Key, Prefix};
    let (volume, store) = (small(), MemoryBackend::new());
    let array = BigArray::create(store.clone(), volume.info(DataType::Uint8)).unwrap();
    array.write(volume.offset, volume.numbered::<u8>().view()).unwrap();
    for other in ["mesh/info", "1_1_1/notes.txt", "1_1_1/0-1_0-1_0-1/x"] {
        wait(store.put_always(&Key::new(other).unwrap(), &b"mine"[..])).unwrap();
    }
    assert_eq!(BigArray::builder(store.clone()).remove().unwrap(), 7);
    let left: Vec<_> = wait(store.list_all(&Prefix::root())).unwrap();
    let left: Vec<_> = left.iter().map(|meta| meta.key.as_str()).collect();
    assert_eq!(left, ["1_1_1/0-1_0-1_0-1/x", "1_1_1/notes.txt", "mesh/info"]);
}

#[test]
fn missing_chunks_are_the_same_whether_listed_or_asked_for_one_by_one() {
    let volume = Volume {
        offset: [-7, 0, 5],
        size: [40, 40, 20],
        chunk: [4, 4, 4],
        channels: 1,
        sharding: None,
    };
    let array = BigArray::create(MemoryBackend::new(), volume.info(DataType::Uint8)).unwrap();
    let ones = Array4::<u8>::ones((40, 40, 8, 1));
    array.write([-7, 0, 9], ones.view()).unwrap();
    // 500 chunks are worth a listing; the slabs of 100 are not.
    let listed = array.missing_chunks(array.bounds()).unwrap();
    let slabs = (0..5_i64).map(|z| [-7..33, 0..40, 5 + 4 * z..9 + 4 * z]);
    let asked: Vec<_> = slabs.flat_map(|slab| array.missing_chunks(slab).unwrap()).collect();
    assert_eq!(listed.len(), 300);
    assert_eq!(listed, asked);
    // A listing that holds more than was asked for.
    let part = BoundingBox::from([-7..25, 0..40, 5..25]);
    let expected: Vec<_> =
        listed.into_iter().filter(|chunk| !chunk.chunk.intersection(&part).is_empty()).collect();
    assert_eq!(array.missing_chunks(part).unwrap(), expected);
}
