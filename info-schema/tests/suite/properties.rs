//! What holds for every document and every description.

use std::sync::LazyLock;

use bigarrays_info::{
    DataType, Encoding, InfoError, ShardEncoding, ShardHash, Sharding, VolumeInfo, VolumeType,
    resolution_key,
};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::documents::{image, segmentation};
use crate::schema::validator;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(validator);

/// Words that documents are made of, so that random documents get past the first check.
const WORDS: [&str; 36] = [
    "@type",
    "type",
    "data_type",
    "num_channels",
    "scales",
    "mesh",
    "redirect",
    "key",
    "size",
    "voxel_offset",
    "resolution",
    "chunk_sizes",
    "encoding",
    "compressed_segmentation_block_size",
    "jpeg_quality",
    "png_level",
    "sharding",
    "hidden",
    "locked",
    "preshift_bits",
    "minishard_bits",
    "shard_bits",
    "hash",
    "data_encoding",
    "neuroglancer_multiscale_volume",
    "neuroglancer_uint64_sharded_v1",
    "image",
    "segmentation",
    "uint8",
    "float64",
    "raw",
    "npz",
    "identity",
    "64",
    "-1",
    "4.5",
];

/// Words from the messages of the rules that a schema cannot express.
const BEYOND_THE_SCHEMA: [&str; 7] = [
    "64-bit coordinates",
    "2 GiB",
    "at most together",
    "chunk ids",
    "2^32 voxels",
    "already",
    "must be a smaller number, not the text",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(&WORDS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0_u64..100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ]
}

/// Any JSON value.
fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..8)
                .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// Where every value of a document stands, as JSON pointers.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                pointers(item, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// A good document in which one value was replaced by any other.
fn nearly_good() -> impl Strategy<Value = Value> {
    (select(vec![image(), segmentation()]), any::<prop::sample::Index>(), value()).prop_map(
        |(mut document, index, value)| {
            let mut found = vec![];
            pointers(&document, "", &mut found);
            *document.pointer_mut(&found[index.index(found.len())]).unwrap() = value;
            document
        },
    )
}

/// Keys that no field has, with any values.
fn unknown() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("[a-z]{1,3}_x", value()), 0..3)
        .prop_map(|fields| fields.into_iter().collect())
}

fn sharding() -> impl Strategy<Value = Sharding> {
    (0_u32..=20, 0_u32..=20, 0_u32..=24, select(&ShardHash::ALL[..]))
        .prop_flat_map(|bits| {
            (Just(bits), select(&ShardEncoding::ALL[..]), select(&ShardEncoding::ALL[..]))
        })
        .prop_map(|((preshift_bits, minishard_bits, shard_bits, hash), index, data)| Sharding {
            preshift_bits,
            hash,
            minishard_bits,
            shard_bits,
            minishard_index_encoding: index,
            data_encoding: data,
        })
}

/// An encoding with a data type and a number of channels that it can hold.
fn voxels() -> impl Strategy<Value = (Encoding, DataType, u64)> {
    select(&Encoding::ALL[..]).prop_flat_map(|encoding| {
        let channels = encoding.channel_counts().unwrap_or(&[1, 2, 7]);
        (Just(encoding), select(encoding.data_types()), select(channels))
    })
}

fn length() -> impl Strategy<Value = f64> {
    prop_oneof![(1_u32..10_000).prop_map(f64::from), 1e-9..1e9_f64]
}

/// Any description that the builder makes.
fn built() -> impl Strategy<Value = VolumeInfo> {
    let place = (
        prop::array::uniform3(0_u64..1 << 21),
        prop::array::uniform3(-(1_i64 << 40)..1 << 40),
        prop::array::uniform3(length()),
        prop::array::uniform3(1_u64..128),
    );
    let storage = (
        voxels(),
        any::<bool>(),
        prop::option::of(sharding()),
        prop::option::of(prop::array::uniform3(1_u64..17)),
        prop::option::of(0_u8..=100),
        prop::option::of(0_u8..=9),
        1_usize..4,
    );
    (place, storage).prop_map(|((size, offset, resolution, chunk), storage)| {
        let ((encoding, data_type, channels), is_segmentation, sharding, block, quality, level, n) =
            storage;
        let mut builder = VolumeInfo::builder(data_type, size)
            .channels(channels)
            .encoding(encoding)
            .voxel_offset(offset)
            .resolution(resolution)
            .chunk_size(chunk)
            .scales(n, [2, 2, 1]);
        if is_segmentation && channels == 1 {
            builder = builder.volume_type(VolumeType::Segmentation);
        }
        if let Some(sharding) = sharding {
            builder = builder.sharding(sharding);
        }
        if let Some(block) = block {
            builder = builder.compressed_segmentation_block_size(block);
        }
        if let Some(quality) = quality {
            builder = builder.jpeg_quality(quality);
        }
        if let Some(level) = level {
            builder = builder.png_level(level);
        }
        builder.build().unwrap()
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = VolumeInfo::parse(&bytes).map_err(|error| error.to_string());
    }

    #[test]
    fn any_value_is_read_or_refused(value in value()) {
        let bytes = value.to_string().into_bytes();
        let _ = VolumeInfo::parse(&bytes).map_err(|error| error.to_string());
        let _ = VolumeInfo::from_value_here(value).map_err(|error| error.to_string());
    }

    /// One change to a good document: the code and the schema agree, and what was accepted is
    /// written back as the same.
    #[test]
    fn nearly_good_documents_are_held_to_the_schema(document in nearly_good()) {
        let is_valid = VALIDATOR.is_valid(&document);
        match VolumeInfo::from_value(document) {
            Ok(parsed) => {
                prop_assert!(is_valid);
                let written = parsed.info.to_value();
                prop_assert!(VALIDATOR.is_valid(&written), "{}", written);
                prop_assert_eq!(VolumeInfo::from_value(written).unwrap().info, parsed.info);
            }
            Err(InfoError::Invalid { problems }) if is_valid => {
                for problem in problems {
                    let message = &problem.message;
                    prop_assert!(
                        BEYOND_THE_SCHEMA.iter().any(|rule| message.contains(rule)),
                        "the schema misses {}",
                        problem
                    );
                }
            }
            Err(InfoError::Redirect { .. }) => prop_assert!(is_valid),
            Err(error) => prop_assert!(!is_valid, "{}", error),
        }
    }

    #[test]
    fn built_descriptions_fit_the_schema_and_round_trip(info in built()) {
        let bytes = info.to_json().unwrap();
        let written: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert!(VALIDATOR.is_valid(&written), "{}", written);
        let read = VolumeInfo::parse(&bytes).unwrap();
        prop_assert_eq!(&read.info, &info);
        // What the reader warns of, the writer warned of.
        prop_assert_eq!(read.warnings, info.validate());
        for scale in &info.scales {
            prop_assert_eq!(info.scale_index_by_resolution(&scale.resolution).is_some(), true);
        }
    }

    #[test]
    fn unknown_keys_round_trip(
        mut info in built(),
        root in unknown(),
        scale in unknown(),
        sharding in unknown(),
    ) {
        info.extra = root;
        info.scales[0].extra = scale;
        if info.scales[0].sharding.is_some() && !sharding.is_empty() {
            info.scales[0].extra.insert("sharding".to_owned(), sharding.into());
        }
        prop_assert_eq!(&VolumeInfo::parse(&info.to_json().unwrap()).unwrap().info, &info);
    }

    #[test]
    fn derived_scales_cover_the_finest(
        mut info in built(),
        factor in prop::array::uniform3(1_u64..50),
    ) {
        info.scales.truncate(1);
        if info.add_scale(factor).is_err() {
            return Ok(());
        }
        let [fine, coarse] = info.scales.as_slice() else { unreachable!() };
        for (axis, by) in factor.into_iter().enumerate() {
            let by = i64::try_from(by).unwrap();
            prop_assert!(coarse.voxel_offset[axis] * by <= fine.voxel_offset[axis]);
            prop_assert!((coarse.voxel_offset[axis] + 1) * by > fine.voxel_offset[axis]);
            prop_assert_eq!(coarse.size[axis], fine.size[axis].div_ceil(factor[axis]));
        }
        prop_assert_eq!(&coarse.key, &resolution_key(coarse.resolution));
        let problems = info.validate();
        prop_assert!(problems.iter().all(|problem| !problem.is_error()), "{:?}", problems);
    }

    /// Fields are open: no description makes the accessors or the writer panic.
    #[test]
    fn broken_descriptions_do_not_panic(
        mut info in built(),
        size in any::<[u64; 3]>(),
        offset in any::<[i64; 3]>(),
        resolution in any::<[f64; 3]>(),
        chunks in any::<Vec<[u64; 3]>>(),
        bits in any::<[u32; 3]>(),
        factor in any::<[u64; 3]>(),
        channels in any::<u64>(),
    ) {
        info.num_channels = channels;
        let scale = &mut info.scales[0];
        scale.size = size;
        scale.voxel_offset = offset;
        scale.resolution = resolution;
        scale.chunk_sizes = chunks;
        scale.compressed_segmentation_block_size = Some(size);
        scale.sharding = Some(Sharding {
            preshift_bits: bits[0],
            hash: ShardHash::Identity,
            minishard_bits: bits[1],
            shard_bits: bits[2],
            minishard_index_encoding: ShardEncoding::Raw,
            data_encoding: ShardEncoding::Raw,
        });
        let _ = (scale.grid_size(), scale.max_point());
        let _ = (info.validate(), info.to_json().is_ok(), info.to_value());
        let _ = info.add_scale(factor).is_ok();
    }
}

#[test]
fn resolutions_round_trip_to_the_bit() {
    for resolution in [0.1, 1.0 / 3.0, 4.35, f64::MIN_POSITIVE, 5e-324, 9_007_199_254_740_993.0] {
        let info = VolumeInfo::builder(DataType::Uint8, [1; 3])
            .resolution([resolution; 3])
            .build()
            .unwrap();
        let read = VolumeInfo::parse(&info.to_json().unwrap()).unwrap().info;
        assert_eq!(read.scales[0].resolution.map(f64::to_bits), [resolution.to_bits(); 3]);
        assert_eq!(json!(read), json!(info));
    }
}
