//! The JSON Schema and the code say the same.

use bigarrays_info::{DataType, Encoding, JSON_SCHEMA, VolumeInfo};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::documents::{image, segmentation, with};

/// The schema, ready to use.
pub(crate) fn validator() -> Validator {
    let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// One document and whether it is good.
type Case = (&'static str, Value, bool);

fn is_read(document: &Value) -> bool {
    VolumeInfo::parse_document(document.to_string().as_bytes()).is_ok()
}

/// The image, or the sharded segmentation, with one value replaced.
fn changed(document: fn() -> Value, pointer: &str, value: Value) -> Value {
    with(document(), pointer, Some(value))
}

fn at_the_root() -> Vec<Case> {
    let image = |pointer, value| changed(image, pointer, value);
    vec![
        ("an image", crate::documents::image(), true),
        ("a segmentation", segmentation(), true),
        ("nothing", json!({}), false),
        ("an array", json!([]), false),
        ("a text", json!("info"), false),
        ("null", Value::Null, false),
        ("only a redirect", json!({ "redirect": "gs://b/v" }), true),
        ("a redirect beside anything", json!({ "redirect": "gs://b/v", "scales": 5 }), true),
        ("an empty redirect", json!({ "redirect": "" }), false),
        ("a redirect that is a number", image("/redirect", json!(1)), false),
        ("a null redirect", image("/redirect", Value::Null), true),
        ("null @type", image("/@type", Value::Null), true),
        ("annotations", image("/@type", json!("neuroglancer_annotations_v1")), false),
        ("annotations and a redirect", json!({ "@type": "x", "redirect": "gs://b/v" }), false),
        ("a number as @type", image("/@type", json!(1)), false),
        ("a Zarr array", json!({ "zarr_format": 2, "chunks": [1], "shape": [1] }), false),
        ("type in capitals", image("/type", json!("IMAGE")), true),
        ("another type", image("/type", json!("affinities")), true),
        ("an empty type", image("/type", json!("")), false),
        ("a number as type", image("/type", json!(1)), false),
        ("data type in capitals", image("/data_type", json!("Float32")), true),
        ("data type beyond the spec", image("/data_type", json!("int64")), true),
        ("bool", image("/data_type", json!("BOOL")), true),
        ("unknown data type", image("/data_type", json!("float16")), false),
        ("data type with a tail", image("/data_type", json!("uint8x")), false),
        ("no data type", with(crate::documents::image(), "/data_type", None), false),
        ("channels as a float", image("/num_channels", json!(3.0)), true),
        ("channels as a text", image("/num_channels", json!("3")), true),
        ("channels as a padded text", image("/num_channels", json!("03")), false),
        ("channels as a spaced text", image("/num_channels", json!(" 3")), false),
        ("half a channel", image("/num_channels", json!(1.5)), false),
        ("no channels", image("/num_channels", json!(0)), false),
        ("no channels as a text", image("/num_channels", json!("0")), false),
        ("negative channels", image("/num_channels", json!(-1)), false),
        ("null channels", image("/num_channels", Value::Null), false),
        ("too many channels", image("/num_channels", json!(1_u64 << 31)), false),
        ("no scales", image("/scales", json!([])), false),
        ("scales as an object", image("/scales", json!({})), false),
        ("a scale that is a number", image("/scales", json!([1])), false),
        ("mesh", image("/mesh", json!("mesh")), true),
        ("null mesh", image("/mesh", Value::Null), true),
        ("empty mesh", image("/mesh", json!("")), true),
        ("mesh as a boolean", image("/mesh", json!(true)), false),
        ("unknown key", image("/graph", json!({ "any": [1, null] })), true),
        (
            "segmentation of two channels",
            changed(segmentation, "/num_channels", json!(2)),
            // compresso in its second scale holds one channel only.
            false,
        ),
    ]
}

fn in_a_scale() -> Vec<Case> {
    let scale = |key: &str, value| changed(image, &format!("/scales/0/{key}"), value);
    vec![
        ("no key", with(image(), "/scales/0/key", None), false),
        ("empty key", scale("key", json!("")), false),
        ("key upward", scale("key", json!("../8_8_40")), true),
        ("no offset", with(image(), "/scales/0/voxel_offset", None), true),
        ("null offset", scale("voxel_offset", Value::Null), true),
        ("offset of two", scale("voxel_offset", json!([0, 0])), false),
        ("offset as texts", scale("voxel_offset", json!(["-1", "0", "5"])), true),
        ("offset as minus zero", scale("voxel_offset", json!(["-0", "0", "5"])), false),
        ("offset of halves", scale("voxel_offset", json!([0.5, 0, 0])), false),
        ("lowest offset", scale("voxel_offset", json!([i64::MIN, 0, 0])), true),
        ("offset too high", scale("voxel_offset", json!([u64::MAX, 0, 0])), false),
        ("size as floats", scale("size", json!([1.0, 2.0, 3e2])), true),
        ("size as texts", scale("size", json!(["1", "0", "3"])), true),
        ("size 0", scale("size", json!([0, 1, 1])), true),
        ("negative size", scale("size", json!([-1, 1, 1])), false),
        ("negative size as a text", scale("size", json!(["-1", 1, 1])), false),
        ("size past 64 bits", scale("size", json!([1e20, 1, 1])), false),
        ("size as a number", scale("size", json!(64)), false),
        ("size of booleans", scale("size", json!([true, 1, 1])), false),
        ("size of four", scale("size", json!([1, 1, 1, 1])), false),
        ("resolution of floats", scale("resolution", json!([4.5, 4.5, 33.25])), true),
        ("resolution of texts", scale("resolution", json!(["4.5", "4", "0.1"])), true),
        ("resolution 0", scale("resolution", json!([0, 1, 1])), false),
        ("resolution 0 as a text", scale("resolution", json!(["0.0", 1, 1])), false),
        ("negative resolution", scale("resolution", json!([1, -1, 1])), false),
        ("negative resolution as a text", scale("resolution", json!([1, "-1", 1])), false),
        ("resolution as words", scale("resolution", json!([1, "nm", 1])), false),
        ("no resolution", with(image(), "/scales/0/resolution", None), false),
        ("several chunk sizes", scale("chunk_sizes", json!([[64, 64, 1], [8, 8, 8]])), true),
        ("no chunk sizes", scale("chunk_sizes", json!([])), false),
        ("flat chunk sizes", scale("chunk_sizes", json!([64, 64, 64])), false),
        ("chunk size 0", scale("chunk_sizes", json!([[64, 0, 64]])), false),
        ("chunk size 0 as a text", scale("chunk_sizes", json!([["0", 1, 64]])), false),
        ("second chunk size bad", scale("chunk_sizes", json!([[8, 8, 8], [8, 8]])), false),
        ("chunk size past 2^31", scale("chunk_sizes", json!([[1_u64 << 31, 1, 1]])), false),
        ("encoding in capitals", scale("encoding", json!("JPEG")), true),
        ("npz", scale("encoding", json!("npz")), false),
        ("unknown encoding", scale("encoding", json!("webp")), false),
        ("null encoding", scale("encoding", Value::Null), false),
        ("quality", scale("jpeg_quality", json!(100)), true),
        ("quality as a text", scale("jpeg_quality", json!("100")), true),
        ("quality past 100", scale("jpeg_quality", json!(101)), false),
        ("quality past 100 as a text", scale("jpeg_quality", json!("101")), false),
        ("negative quality", scale("jpeg_quality", json!(-1)), false),
        ("null quality", scale("jpeg_quality", Value::Null), true),
        ("level", scale("png_level", json!(9)), true),
        ("level past 9", scale("png_level", json!(10)), false),
        ("hidden", scale("hidden", json!(true)), true),
        ("hidden as a number", scale("hidden", json!(1)), false),
        ("locked", scale("locked", json!(true)), true),
        ("locked as a text", scale("locked", json!("true")), false),
        ("unknown key", scale("rois", json!([[0, 0, 0, 1, 1, 1]])), true),
    ]
}

fn of_segmentations() -> Vec<Case> {
    let scale = |key: &str, value| changed(segmentation, &format!("/scales/0/{key}"), value);
    let sharding = |key: &str, value| scale(&format!("sharding/{key}"), value);
    let block = "compressed_segmentation_block_size";
    let without = |key: &str| with(segmentation(), &format!("/scales/0/{key}"), None);
    vec![
        ("no block size", without(block), false),
        ("null block size", scale(block, Value::Null), false),
        ("block size of two", scale(block, json!([8, 8])), false),
        ("block size 0", scale(block, json!([8, 0, 8])), false),
        ("block size as floats", scale(block, json!([8.0, 8.0, "8"])), true),
        (
            "needless block size",
            changed(image, &format!("/scales/0/{block}"), json!([8, 8, 8])),
            true,
        ),
        ("null sharding", scale("sharding", Value::Null), true),
        ("sharding as a text", scale("sharding", json!("identity")), false),
        ("sharding of two chunk sizes", scale("chunk_sizes", json!([[8, 8, 8], [4, 4, 4]])), false),
        ("sharding of another kind", sharding("@type", json!("v2")), false),
        ("sharding of no kind", without("sharding/@type"), false),
        ("no preshift", without("sharding/preshift_bits"), false),
        ("preshift as a text", sharding("preshift_bits", json!("3")), true),
        ("preshift past 63", sharding("preshift_bits", json!(64)), false),
        ("preshift past 63 as a text", sharding("preshift_bits", json!("64")), false),
        ("minishard bits past 32", sharding("minishard_bits", json!(33)), false),
        ("minishard bits past 32 as a text", sharding("minishard_bits", json!("33")), false),
        ("shard bits past 64", sharding("shard_bits", json!(65)), false),
        ("negative shard bits", sharding("shard_bits", json!(-1)), false),
        ("hash in capitals", sharding("hash", json!("Identity")), true),
        ("unknown hash", sharding("hash", json!("md5")), false),
        ("null hash", sharding("hash", Value::Null), false),
        ("no data encoding", without("sharding/data_encoding"), true),
        ("null data encoding", sharding("data_encoding", Value::Null), true),
        ("unknown data encoding", sharding("data_encoding", json!("br")), false),
        ("unknown index encoding", sharding("minishard_index_encoding", json!("br")), false),
        ("unknown sharding key", sharding("note", json!(1)), true),
    ]
}

/// Every pair of encoding and data type, with one to five channels.
fn encodings() -> Vec<(String, Value)> {
    let mut cases = vec![];
    for encoding in Encoding::ALL {
        for data_type in DataType::ALL {
            for channels in 1..=5 {
                let document = with(image(), "/data_type", Some(json!(data_type.name())));
                let document = with(document, "/num_channels", Some(json!(channels)));
                let document = with(document, "/scales/0/encoding", Some(json!(encoding.name())));
                let block = "/scales/0/compressed_segmentation_block_size";
                let document = with(document, block, Some(json!([8, 8, 8])));
                cases.push((format!("{encoding} of {data_type} x {channels}"), document));
            }
        }
    }
    cases
}

#[test]
fn schema_and_code_agree_on_every_case() {
    let validator = validator();
    let cases = [at_the_root(), in_a_scale(), of_segmentations()].concat();
    assert!(cases.len() >= 40);
    for (name, document, is_good) in cases {
        assert_eq!(is_read(&document), is_good, "the code on {name}: {document}");
        assert_eq!(validator.is_valid(&document), is_good, "the schema on {name}: {document}");
    }
}

#[test]
fn schema_and_code_agree_on_what_encodings_hold() {
    let validator = validator();
    for (name, document) in encodings() {
        assert_eq!(validator.is_valid(&document), is_read(&document), "{name}");
    }
}

/// What a schema has no words for: sums, products, comparisons between places, and the range of
/// numbers spelt as texts.
#[test]
fn rules_a_schema_cannot_express_are_checked_by_the_code() {
    let validator = validator();
    let scale = |key: &str, value| changed(image, &format!("/scales/0/{key}"), value);
    let sharding = |value| changed(segmentation, "/scales/0/sharding/shard_bits", value);
    let wide = json!([1_u64 << 40, 1_u64 << 40, 1]);
    let block = "/scales/0/compressed_segmentation_block_size";
    for (name, document) in [
        ("offset + size past 64 bits", scale("voxel_offset", json!([i64::MAX, 0, 0]))),
        ("chunk of 2 GiB", scale("chunk_sizes", json!([[2048, 1024, 1024]]))),
        ("same key twice", changed(segmentation, "/scales/1/key", json!("4_4_40"))),
        ("shard bits past 64 together", sharding(json!(60))),
        ("chunk ids past 64 bits", changed(segmentation, "/scales/0/size", wide)),
        ("huge block", changed(segmentation, block, json!([65536, 65536, 1]))),
        ("size as a text past 64 bits", scale("size", json!(["99999999999999999999", 1, 1]))),
        ("resolution as a text past all bounds", {
            scale("resolution", json!(["9".repeat(400), 1, 1]))
        }),
        ("resolution as a text below all bounds", {
            scale("resolution", json!([format!("0.{}1", "0".repeat(400)), 1, 1]))
        }),
    ] {
        assert!(validator.is_valid(&document), "{name}");
        assert!(!is_read(&document), "{name}");
    }
}

#[test]
fn what_is_written_is_valid() {
    let validator = validator();
    for document in [image(), segmentation()] {
        let info = VolumeInfo::from_value(document).unwrap().info;
        let written: Value = serde_json::from_slice(&info.to_json().unwrap()).unwrap();
        assert!(validator.is_valid(&written));
    }
}
