//! What is understood, what is refused, and what is said about it.

use crate::documents::{image, segmentation, sharding, with};
use bigarrays_info::{
    DataType, Document, Encoding, InfoError, Parsed, Problem, Severity, ShardEncoding, ShardHash,
    Sharding, VolumeInfo, VolumeType,
};
use serde_json::{Value, json};

fn read(document: Value) -> Parsed {
    VolumeInfo::from_value(document).unwrap()
}

fn problems(document: Value) -> Vec<Problem> {
    match VolumeInfo::from_value(document) {
        Err(InfoError::Invalid { problems }) => problems,
        other => panic!("not refused as invalid: {other:?}"),
    }
}

/// The one problem of the image with this change: its path and message.
fn problem(pointer: &str, value: Value) -> (String, String) {
    let mut all = problems(with(image(), pointer, Some(value)));
    assert_eq!(all.len(), 1, "{all:?}");
    let only = all.remove(0);
    assert_eq!(only.severity, Severity::Error);
    (only.path, only.message)
}

/// The one warning of this document: its path and message.
fn warning(document: Value) -> (String, String) {
    let mut all = read(document).warnings;
    assert_eq!(all.len(), 1, "{all:?}");
    let only = all.remove(0);
    assert_eq!(only.severity, Severity::Warning);
    (only.path, only.message)
}

#[test]
fn every_field_is_read() {
    let Parsed { info, warnings } = read(segmentation());
    assert_eq!(warnings, []);
    assert_eq!(info.volume_type, VolumeType::Segmentation);
    assert_eq!(info.data_type, DataType::Uint64);
    assert_eq!(info.num_channels, 1);
    assert_eq!(info.mesh.as_deref(), Some("mesh"));
    assert_eq!(info.skeletons.as_deref(), Some("skeletons"));
    assert_eq!(info.segment_properties.as_deref(), Some("props"));
    assert!(info.extra.is_empty());

    let [fine, coarse] = info.scales.as_slice() else { panic!("{:?}", info.scales) };
    assert_eq!(fine.key, "4_4_40");
    assert_eq!(fine.size, [1000, 900, 40]);
    assert_eq!(fine.resolution, [4.0, 4.0, 40.0]);
    assert_eq!(fine.chunk_size(), [64, 64, 32]);
    assert_eq!(fine.grid_size(), [16, 15, 2]);
    assert_eq!(fine.encoding, Encoding::CompressedSegmentation);
    assert_eq!(fine.compressed_segmentation_block_size, Some([8, 8, 8]));
    let sharding = Sharding {
        preshift_bits: 3,
        hash: ShardHash::Murmurhash3X86_128,
        minishard_bits: 2,
        shard_bits: 4,
        minishard_index_encoding: ShardEncoding::Gzip,
        data_encoding: ShardEncoding::Gzip,
    };
    assert_eq!(fine.sharding, Some(sharding));
    assert_eq!(coarse.encoding, Encoding::Compresso);
    assert_eq!(coarse.resolution, [4.5, 4.5, 33.25]);
    assert!(!coarse.hidden && !coarse.locked);
}

#[test]
fn type_and_offset_may_be_missing() {
    let document = with(image(), "/@type", None);
    let parsed = read(with(document, "/scales/0/voxel_offset", None));
    assert_eq!(parsed.warnings, []);
    assert_eq!(parsed.info.scales[0].voxel_offset, [0, 0, 0]);
}

#[test]
fn integers_may_be_floats_and_texts() {
    let scale = json!({
        "key": "k", "size": [1000.0, "800", 40], "voxel_offset": ["0", -5.0, "7"],
        "resolution": ["8", 8.0, "40.5"], "chunk_sizes": [["64", 64.0, 16]], "encoding": "raw",
        "jpeg_quality": "85", "png_level": 9.0
    });
    let document = with(image(), "/scales/0", Some(scale));
    let parsed = read(with(document, "/num_channels", Some(json!("1"))));
    assert_eq!(parsed.warnings, []);
    let scale = &parsed.info.scales[0];
    assert_eq!(scale.size, [1000, 800, 40]);
    assert_eq!(scale.voxel_offset, [0, -5, 7]);
    assert_eq!(scale.resolution, [8.0, 8.0, 40.5]);
    assert_eq!(scale.chunk_sizes, [[64, 64, 16]]);
    assert_eq!((scale.jpeg_quality, scale.png_level), (Some(85), Some(9)));
}

#[test]
fn names_may_be_in_any_case() {
    let document = with(image(), "/type", Some(json!("IMAGE")));
    let document = with(document, "/data_type", Some(json!("UINT8")));
    let parsed = read(with(document, "/scales/0/encoding", Some(json!("RAW"))));
    assert_eq!(parsed.warnings, []);
    assert_eq!(parsed.info, read(image()).info);
}

#[test]
fn null_counts_as_absent() {
    let mut document = image();
    for key in ["@type", "mesh", "skeletons", "segment_properties", "redirect"] {
        document = with(document, &format!("/{key}"), Some(Value::Null));
    }
    for key in [
        "voxel_offset",
        "sharding",
        "jpeg_quality",
        "png_level",
        "hidden",
        "locked",
        "compressed_segmentation_block_size",
    ] {
        document = with(document, &format!("/scales/0/{key}"), Some(Value::Null));
    }
    let Parsed { info, warnings } = read(document);
    assert_eq!(warnings, []);
    assert_eq!(info.scales[0].sharding, None);
    assert_eq!(info.scales[0].voxel_offset, [0, 0, 0]);
    assert!(info.scales[0].extra.is_empty());
    assert_eq!(info.validate(), []);
}

#[test]
fn shard_encodings_are_raw_when_absent() {
    let document = with(segmentation(), "/scales/0/sharding/data_encoding", None);
    let document = with(document, "/scales/0/sharding/minishard_index_encoding", None);
    let sharding = read(document).info.scales[0].sharding.unwrap();
    assert_eq!(sharding.data_encoding, ShardEncoding::Raw);
    assert_eq!(sharding.minishard_index_encoding, ShardEncoding::Raw);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let text = format!("\u{feff}{}", image());
    assert_eq!(VolumeInfo::parse(text.as_bytes()).unwrap(), read(image()));
}

#[test]
fn hidden_and_locked_are_read() {
    let document = with(image(), "/scales/0/hidden", Some(json!(true)));
    let info = read(with(document, "/scales/0/locked", Some(json!(true)))).info;
    assert!(info.scales[0].hidden && info.scales[0].locked);
    let (path, _) = problem("/scales/0/locked", json!("yes"));
    assert_eq!(path, "scales[0].locked");
}

#[test]
fn odd_documents_are_read_with_a_warning() {
    let changed = |pointer: &str, value: Value| warning(with(image(), pointer, Some(value)));
    for (found, path, word) in [
        (changed("/type", json!("affinities")), "type", "affinities"),
        (changed("/data_type", json!("float64")), "data_type", "not in the specification"),
        (changed("/data_type", json!("int64")), "data_type", "viewers refuse"),
        (changed("/data_type", json!("bool")), "data_type", "viewers refuse"),
        (changed("/mesh", json!("mesh")), "mesh", "image"),
        (changed("/scales/0/size", json!([0, 1, 1])), "scales[0].size[0]", "empty"),
        (changed("/scales/0/encoding", json!("gzip")), "scales[0].encoding", "specification"),
        (
            changed("/scales/0/chunk_sizes", json!([[64, 64, 1], [8, 8, 8]])),
            "scales[0].chunk_sizes",
            "only the first",
        ),
        (
            changed("/scales/0/compressed_segmentation_block_size", json!([8, 8, 8])),
            "scales[0].compressed_segmentation_block_size",
            "means nothing",
        ),
    ] {
        assert_eq!(found.0, path);
        assert!(found.1.contains(word), "{}", found.1);
    }
    let two_channels = with(segmentation(), "/num_channels", Some(json!(2)));
    let two_channels = with(two_channels, "/scales/1/encoding", Some(json!("raw")));
    assert_eq!(warning(two_channels).0, "num_channels");
    let no_mesh = with(segmentation(), "/mesh", Some(json!("")));
    assert_eq!(warning(no_mesh).0, "mesh");
    let same_resolution = with(segmentation(), "/scales/1/resolution", Some(json!([4, 4, 40])));
    assert_eq!(warning(same_resolution).0, "scales[1].resolution");
    let floats = with(segmentation(), "/data_type", Some(json!("float32")));
    let raw = json!("raw");
    let floats = with(floats, "/scales/0/encoding", Some(raw.clone()));
    let floats = with(floats, "/scales/0/compressed_segmentation_block_size", None);
    assert_eq!(warning(with(floats, "/scales/1/encoding", Some(raw))).0, "data_type");
}

#[test]
fn each_problem_has_its_path() {
    for (pointer, value, path, word) in [
        ("/type", json!(5), "type", "text"),
        ("/data_type", json!("float16"), "data_type", "uint8, int8"),
        ("/num_channels", json!(0), "num_channels", "1 or more"),
        ("/num_channels", json!(-1), "num_channels", "0 or more"),
        ("/num_channels", json!(1.5), "num_channels", "whole"),
        ("/scales", json!({}), "scales", "array"),
        ("/scales", json!([]), "scales", "at least one"),
        ("/scales/0", json!(7), "scales[0]", "object"),
        ("/mesh", json!(true), "mesh", "text"),
        ("/scales/0/key", json!(""), "scales[0].key", "empty"),
        ("/scales/0/size", json!([1, 2]), "scales[0].size", "array of 3"),
        ("/scales/0/size", json!([1, 2, 3, 4]), "scales[0].size", "array of 3"),
        ("/scales/0/size/1", json!(-1), "scales[0].size[1]", "0 or more"),
        ("/scales/0/size/1", json!(u64::MAX), "scales[0].size[1]", "64-bit"),
        ("/scales/0/size/1", json!(1e30), "scales[0].size[1]", "smaller"),
        ("/scales/0/voxel_offset/2", json!(0.5), "scales[0].voxel_offset[2]", "whole"),
        ("/scales/0/voxel_offset/2", json!(-1e30), "scales[0].voxel_offset[2]", "larger"),
        ("/scales/0/voxel_offset/0", json!(i64::MAX), "scales[0].size[0]", "64-bit"),
        ("/scales/0/resolution/1", json!(0), "scales[0].resolution[1]", "more than 0"),
        ("/scales/0/resolution/1", json!(-4.5), "scales[0].resolution[1]", "more than 0"),
        ("/scales/0/resolution/1", json!("fine"), "scales[0].resolution[1]", "number"),
        ("/scales/0/chunk_sizes", json!([]), "scales[0].chunk_sizes", "at least one"),
        ("/scales/0/chunk_sizes", json!([64]), "scales[0].chunk_sizes[0]", "array of 3"),
        ("/scales/0/chunk_sizes/0/2", json!(0), "scales[0].chunk_sizes[0][2]", "1 or more"),
        ("/scales/0/chunk_sizes/0/2", json!(1 << 20), "scales[0].chunk_sizes[0]", "2 GiB"),
        ("/scales/0/chunk_sizes/0/2", json!(u64::MAX), "scales[0].chunk_sizes[0]", "2 GiB"),
        ("/scales/0/encoding", json!("webp"), "scales[0].encoding", "raw, jpeg"),
        ("/scales/0/encoding", json!("npz"), "scales[0].encoding", "legacy"),
        ("/scales/0/jpeg_quality", json!(101), "scales[0].jpeg_quality", "0 to 100"),
        ("/scales/0/jpeg_quality", json!(300), "scales[0].jpeg_quality", "smaller"),
        ("/scales/0/png_level", json!(10), "scales[0].png_level", "0 to 9"),
        ("/scales/0/sharding", json!("yes"), "scales[0].sharding", "object"),
    ] {
        let (found, message) = problem(pointer, value);
        assert_eq!(found, path);
        assert!(message.contains(word), "{path}: {message}");
    }
}

#[test]
fn missing_keys_are_named() {
    for key in ["type", "data_type", "num_channels", "scales"] {
        let all = problems(with(image(), &format!("/{key}"), None));
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].to_string(), format!("{key}: is missing"));
    }
    for key in ["key", "size", "resolution", "chunk_sizes", "encoding"] {
        let all = problems(with(image(), &format!("/scales/0/{key}"), None));
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].to_string(), format!("scales[0].{key}: is missing"));
    }
    assert_eq!(problems(json!({})).len(), 4);
}

#[test]
fn all_problems_are_told_at_once() {
    let document = json!({
        "type": "segmentation",
        "data_type": "float16",
        "num_channels": "many",
        "scales": [
            { "key": "a", "size": [1, -1, "x"], "resolution": [1, 1, 0],
              "chunk_sizes": [[64, 64, 64], [0, 1, 1]], "encoding": "npz", "png_level": 12 },
            "a scale",
            { "key": "a", "size": [1, 1, 1], "resolution": [2, 2, 2],
              "chunk_sizes": [[1, 1]], "encoding": "compressed_segmentation" }
        ]
    });
    let mut paths: Vec<_> = problems(document.clone()).into_iter().map(|p| p.path).collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "data_type",
            "num_channels",
            "scales[0].chunk_sizes[1][0]",
            "scales[0].encoding",
            "scales[0].png_level",
            "scales[0].resolution[2]",
            "scales[0].size[1]",
            "scales[0].size[2]",
            "scales[1]",
            "scales[2].chunk_sizes[0]",
            "scales[2].compressed_segmentation_block_size",
            "scales[2].key",
        ]
    );
    let shown = VolumeInfo::from_value(document).unwrap_err().to_string();
    assert_eq!(shown.lines().count(), 13, "{shown}");
}

#[test]
fn encodings_are_held_to_their_data_types_and_channels() {
    let mut accepted = 0;
    for encoding in Encoding::ALL {
        for data_type in DataType::ALL {
            for channels in 1..=5 {
                let document = with(image(), "/data_type", Some(json!(data_type.name())));
                let document = with(document, "/num_channels", Some(json!(channels)));
                let document = with(document, "/scales/0/encoding", Some(json!(encoding.name())));
                let pointer = "/scales/0/compressed_segmentation_block_size";
                let document = with(document, pointer, Some(json!([8, 8, 8])));
                let is_good = encoding.data_types().contains(&data_type)
                    && encoding.channel_counts().is_none_or(|good| good.contains(&channels));
                accepted += usize::from(is_good);
                assert_eq!(
                    VolumeInfo::from_value(document).is_ok(),
                    is_good,
                    "{encoding} {data_type} {channels}"
                );
            }
        }
    }
    // raw, gzip, zstd, blosclz: 11 x 5 each; then as the table of encodings has it.
    assert_eq!(accepted, 220 + 2 + 8 + 3 + 10 + 4 + 8 + 10 + 10 + 20);
}

#[test]
fn sharding_is_checked() {
    for (key, value, path) in [
        ("preshift_bits", json!(64), "scales[0].sharding.preshift_bits"),
        ("minishard_bits", json!(33), "scales[0].sharding.minishard_bits"),
        ("shard_bits", json!(60), "scales[0].sharding"),
        ("shard_bits", json!(-1), "scales[0].sharding.shard_bits"),
        ("hash", json!("md5"), "scales[0].sharding.hash"),
        ("data_encoding", json!("br"), "scales[0].sharding.data_encoding"),
        ("@type", json!("neuroglancer_uint64_sharded_v2"), "scales[0].sharding.@type"),
    ] {
        let pointer = format!("/scales/0/sharding/{key}");
        let all = problems(with(segmentation(), &pointer, Some(value)));
        assert!(all.iter().any(|problem| problem.path == path), "{key}: {all:?}");
    }
    let all = problems(with(segmentation(), "/scales/0/sharding/hash", None));
    assert_eq!(all[0].to_string(), "scales[0].sharding.hash: is missing");

    let two = with(segmentation(), "/scales/0/chunk_sizes", Some(json!([[8, 8, 8], [4, 4, 4]])));
    assert_eq!(problems(two)[0].path, "scales[0].chunk_sizes");

    let wide = with(segmentation(), "/scales/0/size", Some(json!([1_u64 << 40, 1_u64 << 40, 1])));
    let all = problems(wide);
    assert!(all[0].message.contains("68 bits"), "{all:?}");
}

#[test]
fn sharding_of_64_bits_is_read() {
    let whole = json!({ "@type": "neuroglancer_uint64_sharded_v1", "hash": "identity",
        "preshift_bits": 0, "minishard_bits": 0, "shard_bits": 64 });
    assert_eq!(read(with(segmentation(), "/scales/0/sharding", Some(whole))).warnings, []);
}

#[test]
fn scale_keys_must_differ_unless_they_are_placeholders() {
    let all = problems(with(segmentation(), "/scales/1/key", Some(json!("4_4_40"))));
    assert_eq!(all[0].to_string(), r#"scales[1].key: "4_4_40" is the key of scales[0] already"#);

    let name = json!("placeholder");
    let document = with(segmentation(), "/scales/0/key", Some(name.clone()));
    let parsed = read(with(document, "/scales/1/key", Some(name)));
    assert_eq!(parsed.warnings.len(), 1);
    assert!(parsed.info.scales[1].is_placeholder());
}

#[test]
fn another_kind_of_document_is_refused_by_name() {
    for (document, kind) in [
        (
            json!({ "@type": "neuroglancer_annotations_v1" }),
            "an annotation layer (neuroglancer_annotations_v1)",
        ),
        (
            json!({ "@type": "neuroglancer_multilod_draco", "scales": [] }),
            "a multi-resolution mesh directory (neuroglancer_multilod_draco)",
        ),
        (json!({ "zarr_format": 3, "node_type": "array" }), "a Zarr array (zarr.json)"),
        (json!([]), "a JSON array"),
    ] {
        let error = VolumeInfo::from_value(document).unwrap_err();
        assert!(matches!(error, InfoError::NotAVolume { .. }));
        let expected = format!("cannot read the info document: this is {kind}, not a volume");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn redirect_goes_before_the_volume_beside_it() {
    let document = with(image(), "/redirect", Some(json!("gs://bucket/new")));
    let bytes = document.to_string().into_bytes();
    let error = VolumeInfo::parse(&bytes).unwrap_err();
    assert!(matches!(&error, InfoError::Redirect { to } if to == "gs://bucket/new"));
    assert_eq!(
        VolumeInfo::parse_document(&bytes).unwrap(),
        Document::Redirect("gs://bucket/new".to_owned())
    );
    let here = VolumeInfo::from_value_here(document).unwrap().info;
    assert_eq!(here.extra["redirect"], "gs://bucket/new");
    assert_eq!(here.to_value()["redirect"], "gs://bucket/new");

    let (path, _) = problem("/redirect", json!(7));
    assert_eq!(path, "redirect");
}

#[test]
fn a_volume_document_is_a_volume() {
    let document = VolumeInfo::parse_document(image().to_string().as_bytes()).unwrap();
    assert_eq!(document, Document::Volume(read(image())));
}

#[test]
fn broken_json_is_refused_with_its_line() {
    let error = VolumeInfo::parse(b"{\n  \"type\": image\n}").unwrap_err();
    let InfoError::NotJson { source } = &error else { panic!("{error:?}") };
    assert_eq!(source.line(), 2);
    assert!(source.to_string().contains("line 2 column"), "{source}");
    for bytes in [&b""[..], b"\xff\xfe", b"{} {}", b"[NaN]", &b"[".repeat(100_000)] {
        assert!(matches!(VolumeInfo::parse(bytes), Err(InfoError::NotJson { .. })));
    }
}

#[test]
fn a_hostile_number_of_problems_is_cut() {
    let all = problems(with(image(), "/scales", Some(json!(vec![0; 50_000]))));
    assert_eq!(all.len(), 1001);
    assert!(all[1000].message.contains("49000 more problems"), "{}", all[1000]);
}

#[test]
fn unknown_keys_of_sharding_are_kept_beside_it() {
    let mut spec = sharding();
    spec["note"] = json!({ "by": "me" });
    let scale = read(with(segmentation(), "/scales/0/sharding", Some(spec))).info.scales.remove(0);
    assert_eq!(scale.extra["sharding"], json!({ "note": { "by": "me" } }));
}
