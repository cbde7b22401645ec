//! Calls of the library that cannot be met.

use bigarrays::array::{OnMissing, OutOfBounds, Unaligned};
use bigarrays::memory::MemoryBackend;
use bigarrays::ndarray::{Array2, Array4};
use bigarrays::wrap::ReadOnly;
use bigarrays::{BigArray, DataType, Encoding, Key, Prefix, VolumeInfo};

use super::{Case, story};

fn info() -> VolumeInfo {
    VolumeInfo::builder(DataType::Uint8, [40, 40, 40]).chunk_size([8, 8, 4]).build().unwrap()
}

/// What a failed call said.
fn said<T, E: std::error::Error + 'static>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => story(&error),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let store = MemoryBackend::new();
    let array = BigArray::create(store.clone(), info()).unwrap();
    let ones = Array4::<u8>::ones((8, 8, 4, 1));
    let with = |change: fn(
        bigarrays::BigArrayBuilder<MemoryBackend>,
    ) -> bigarrays::BigArrayBuilder<MemoryBackend>| {
        change(array.to_builder()).open()
    };
    let strict =
        with(|options| options.bounds(OutOfBounds::Error).on_missing(OnMissing::Error)).unwrap();
    let frozen = BigArray::builder(ReadOnly::new(store.clone()))
        .unaligned(Unaligned::ReadModifyWrite)
        .open()
        .unwrap();
    let mut small = Array4::<u8>::zeros((1, 1, 1, 1));
    let describe = VolumeInfo::builder;
    let table: Vec<(&'static str, &str, String)> = vec![
        (
            "A type other than the volume's",
            "array.read::<u16>([0..1, 0..1, 0..1])",
            said(array.read::<u16>([0..1, 0..1, 0..1])),
        ),
        (
            "A box that ends before it begins",
            "array.read::<u8>([5..1, 0..1, 0..1])",
            said(array.read::<u8>(bigarrays::BoundingBox::new([5, 0, 0], [1, 1, 1]))),
        ),
        (
            "More than memory holds",
            "array.read::<u8>([0..1 << 40, 0..1 << 40, 0..1])",
            said(array.read::<u8>([0..1 << 40, 0..1 << 40, 0..1])),
        ),
        (
            "A view of another shape",
            "array.read_into([0..2, 0..2, 0..2], view)",
            said(array.read_into([0..2, 0..2, 0..2], small.view_mut())),
        ),
        (
            "A box outside, where that is an error",
            "strict.read::<u8>([30..50, 0..1, 0..1])",
            said(strict.read::<u8>([30..50, 0..1, 0..1])),
        ),
        (
            "A point outside, where that is an error",
            "strict.read_points::<u8>(&[[40, 0, 0]])",
            said(strict.read_points::<u8>(&[[40, 0, 0]])),
        ),
        (
            "A missing chunk, where that is an error",
            "strict.read::<u8>([0..1, 0..1, 0..1])",
            said(strict.read::<u8>([0..1, 0..1, 0..1])),
        ),
        (
            "A write of another type",
            "array.write([0, 0, 0], floats)",
            said(array.write([0; 3], Array4::<f32>::ones((8, 8, 4, 1)).view())),
        ),
        (
            "A write of two axes",
            "array.write([0, 0, 0], plane)",
            said(array.write([0; 3], Array2::<u8>::ones((8, 8)).view())),
        ),
        (
            "A write of other channels",
            "array.write([0, 0, 0], rgb)",
            said(array.write([0; 3], Array4::<u8>::ones((8, 8, 4, 3)).view())),
        ),
        (
            "A write that is not aligned",
            "array.write([1, 0, 0], ones)",
            said(array.write([1, 0, 0], ones.view())),
        ),
        (
            "A write that leaves the volume",
            "array.write([40, 0, 0], ones)",
            said(array.write([40, 0, 0], ones.view())),
        ),
        (
            "A write beyond all coordinates",
            "array.write([i64::MAX, 0, 0], ones)",
            said(array.write([i64::MAX, 0, 0], ones.view())),
        ),
        (
            "A write into a store that only reads",
            "frozen.write([0, 0, 0], ones)",
            said(frozen.write([0; 3], ones.view())),
        ),
        (
            "An unaligned write into a store without compare-and-swap",
            "frozen.write([1, 0, 0], ones)",
            said(frozen.write([1, 0, 0], ones.view())),
        ),
        (
            "A deletion that is not aligned",
            "array.delete([0..9, 0..8, 0..4])",
            said(array.delete([0..9, 0..8, 0..4])),
        ),
        ("A scale that there is not", "array.at_scale(3)", said(array.at_scale(3))),
        (
            "A scale whose key there is not",
            "array.at_scale(\"9_9_9\")",
            said(array.at_scale("9_9_9")),
        ),
        (
            "A resolution that there is not",
            "array.at_scale([4.0, 4.0, 40.0])",
            said(array.at_scale([4.0, 4.0, 40.0])),
        ),
        (
            "A fill value that is not of the type",
            "BigArray::builder(store).fill(Number::Int(-1)).open()",
            said(with(|options| options.fill(bigarrays::Number::Int(-1)))),
        ),
        (
            "A store without a volume",
            "BigArray::open(MemoryBackend::new())",
            said(BigArray::open(MemoryBackend::new())),
        ),
        (
            "A volume where there is one",
            "BigArray::create(store, info)",
            said(BigArray::create(store.clone(), info())),
        ),
        (
            "Too large a volume",
            "VolumeInfo::builder(DataType::Uint8, [1 << 63, 1, 1]).build()",
            said(describe(DataType::Uint8, [1 << 63, 1, 1]).build()),
        ),
        (
            "A type that JPEG cannot hold",
            "VolumeInfo::builder(DataType::Uint64, [8, 8, 8]).encoding(Encoding::Jpeg).build()",
            said(describe(DataType::Uint64, [8; 3]).encoding(Encoding::Jpeg).build()),
        ),
        (
            "No channels",
            "VolumeInfo::builder(DataType::Uint8, [8, 8, 8]).channels(0).build()",
            said(describe(DataType::Uint8, [8; 3]).channels(0).build()),
        ),
        (
            "A resolution that is no number",
            "VolumeInfo::builder(DataType::Uint8, [8, 8, 8]).resolution([f64::NAN, 1.0, 1.0]).build()",
            said(describe(DataType::Uint8, [8; 3]).resolution([f64::NAN, 1.0, 1.0]).build()),
        ),
        ("A key with steps upwards", "Key::new(\"a/../b\")", said(Key::new("a/../b"))),
        ("An empty key", "Key::new(\"\")", said(Key::new(""))),
        ("A prefix that begins with a slash", "Prefix::new(\"/a\")", said(Prefix::new("/a"))),
        (
            "A URL of a store that there is not",
            "bigarrays::open(\"ftp://host/vol\")",
            said(bigarrays::open("ftp://host/vol")),
        ),
        (
            "A type that there is not",
            "\"uint7\".parse::<DataType>()",
            said("uint7".parse::<DataType>()),
        ),
        (
            "An encoding that there is not",
            "\"rar\".parse::<Encoding>()",
            said("rar".parse::<Encoding>()),
        ),
    ];
    table.into_iter().map(|(what, how, said)| Case { what, how: how.to_owned(), said }).collect()
}
