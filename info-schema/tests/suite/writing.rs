//! What is written, and what is refused.

use crate::documents::{image, segmentation, with};
use bigarrays_info::{
    DataType, Encoding, InfoError, Severity, ShardEncoding, ShardHash, Sharding, VolumeInfo,
    VolumeType,
};
use serde_json::{Value, json};

fn read(document: Value) -> VolumeInfo {
    VolumeInfo::from_value(document).unwrap().info
}

fn refused(info: &VolumeInfo) -> Vec<String> {
    match info.to_json() {
        Err(InfoError::Invalid { problems }) => {
            assert!(problems.iter().all(|problem| problem.severity == Severity::Error));
            problems.into_iter().map(|problem| problem.path).collect()
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn document_is_indented_sorted_and_has_a_type() {
    let info = VolumeInfo::builder(DataType::Uint8, [1000, 800, 40])
        .resolution([4.5, 8.0, 40.0])
        .voxel_offset([0, -5, 7])
        .jpeg_quality(85)
        .build()
        .unwrap();
    let expected = r#"{
  "@type": "neuroglancer_multiscale_volume",
  "data_type": "uint8",
  "num_channels": 1,
  "scales": [
    {
      "chunk_sizes": [
        [
          64,
          64,
          64
        ]
      ],
      "encoding": "raw",
      "jpeg_quality": 85,
      "key": "4.5_8_40",
      "resolution": [
        4.5,
        8,
        40
      ],
      "size": [
        1000,
        800,
        40
      ],
      "voxel_offset": [
        0,
        -5,
        7
      ]
    }
  ],
  "type": "image"
}"#;
    assert_eq!(String::from_utf8(info.to_json().unwrap()).unwrap(), expected);
}

#[test]
fn specification_documents_are_written_back_as_they_were() {
    for document in [image(), segmentation()] {
        assert_eq!(read(document.clone()).to_value(), document);
    }
}

#[test]
fn lenient_spellings_are_written_plainly() {
    let odd = with(image(), "/type", Some(json!("IMAGE")));
    let odd = with(odd, "/num_channels", Some(json!("1")));
    let odd = with(odd, "/scales/0/size", Some(json!([1000.0, "800", 40])));
    let odd = with(odd, "/scales/0/resolution", Some(json!([8.0, "8", 40])));
    let odd = with(odd, "/scales/0/sharding", Some(Value::Null));
    let odd = with(odd, "/scales/0/hidden", Some(json!(false)));
    let text = String::from_utf8(read(odd).to_json().unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), image());
    assert!(!text.contains(".0"), "{text}");
}

#[test]
fn unknown_keys_survive_everywhere() {
    let extra = json!({ "b": [1, null, { "deep": 0.1 }], "a": "text" });
    let document = with(segmentation(), "/graph", Some(extra.clone()));
    let document = with(document, "/app", Some(Value::Null));
    let document = with(document, "/scales/0/rois", Some(extra.clone()));
    let document = with(document, "/scales/1/jxl_quality", Some(json!(85)));
    let document = with(document, "/scales/0/sharding/note", Some(extra));
    let info = read(document.clone());
    assert_eq!(info.validate(), []);
    let bytes = info.to_json().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), document);
    assert_eq!(VolumeInfo::parse(&bytes).unwrap().info, info);
}

#[test]
fn hidden_and_locked_are_written_only_when_set() {
    let mut info = read(image());
    assert!(info.to_value()["scales"][0].get("locked").is_none());
    info.scales[0].locked = true;
    info.scales[0].hidden = true;
    assert_eq!(info.to_value()["scales"][0]["locked"], true);
    assert_eq!(read(info.to_value()), info);
}

#[test]
fn broken_volumes_are_refused_with_every_problem() {
    let mut info = read(image());
    info.num_channels = 0;
    info.scales[0].chunk_sizes = vec![[0, 64, 64]];
    info.scales[0].resolution[2] = f64::NAN;
    info.scales[0].jpeg_quality = Some(101);
    assert_eq!(
        refused(&info),
        [
            "num_channels",
            "scales[0].resolution[2]",
            "scales[0].chunk_sizes[0][0]",
            "scales[0].jpeg_quality",
        ]
    );
    // No panic without the check either.
    assert_eq!(info.to_value()["scales"][0]["resolution"][2], Value::Null);
}

#[test]
fn segmentation_of_two_channels_is_read_but_not_written() {
    let document = with(segmentation(), "/num_channels", Some(json!(2)));
    let info = read(with(document, "/scales/1/encoding", Some(json!("raw"))));
    assert_eq!(refused(&info), ["num_channels"]);
}

#[test]
fn warnings_do_not_stop_writing() {
    let mut info = read(image());
    info.data_type = DataType::Float64;
    info.volume_type = VolumeType::Other("affinities".to_owned());
    info.scales[0].size = [0, 5, 5];
    let problems = info.validate();
    assert_eq!(problems.len(), 3);
    assert!(problems.iter().all(|problem| problem.severity == Severity::Warning));
    assert_eq!(read(serde_json::from_slice(&info.to_json().unwrap()).unwrap()), info);
}

#[test]
fn extra_keys_must_not_repeat_a_field() {
    let mut info = read(segmentation());
    info.extra.insert("data_type".to_owned(), json!("uint8"));
    info.scales[1].extra.insert("size".to_owned(), json!([1, 1, 1]));
    info.scales[1].extra.insert("sharding".to_owned(), json!({ "note": 1 }));
    info.scales[0].extra.insert("sharding".to_owned(), json!({ "hash": "identity" }));
    assert_eq!(
        refused(&info),
        ["data_type", "scales[0].sharding.hash", "scales[1].size", "scales[1].sharding"]
    );
    // The field goes first.
    assert_eq!(info.to_value()["data_type"], "uint64");
}

#[test]
fn a_known_type_must_not_hide_as_another() {
    let mut info = read(image());
    for name in ["Segmentation", ""] {
        info.volume_type = VolumeType::Other(name.to_owned());
        assert_eq!(refused(&info), ["type"]);
    }
}

#[test]
fn builder_gives_sensible_defaults() {
    let info = VolumeInfo::builder(DataType::Uint32, [10, 20, 30]).build().unwrap();
    assert_eq!(info.volume_type, VolumeType::Image);
    assert_eq!(info.num_channels, 1);
    let scale = &info.scales[0];
    assert_eq!((scale.key.as_str(), scale.resolution), ("1_1_1", [1.0; 3]));
    assert_eq!((scale.chunk_sizes.as_slice(), scale.encoding), (&[[64; 3]][..], Encoding::Raw));
    assert_eq!(scale.voxel_offset, [0; 3]);
}

#[test]
fn builder_sets_every_field() {
    let sharding = Sharding {
        preshift_bits: 9,
        hash: ShardHash::Identity,
        minishard_bits: 6,
        shard_bits: 15,
        minishard_index_encoding: ShardEncoding::Gzip,
        data_encoding: ShardEncoding::Raw,
    };
    let info = VolumeInfo::builder(DataType::Uint64, [4096, 4096, 100])
        .volume_type(VolumeType::Segmentation)
        .channels(1)
        .key("full")
        .encoding(Encoding::CompressedSegmentation)
        .compressed_segmentation_block_size([8, 8, 4])
        .chunk_size([128, 128, 16])
        .voxel_offset([-1, 0, 1])
        .resolution([4.0, 4.0, 40.0])
        .jpeg_quality(90)
        .png_level(3)
        .sharding(sharding)
        .scales(2, [2, 2, 1])
        .build()
        .unwrap();
    let [full, coarse] = info.scales.as_slice() else { panic!("{:?}", info.scales) };
    assert_eq!(full.key, "full");
    assert_eq!(coarse.key, "8_8_40");
    assert_eq!(coarse.voxel_offset, [-1, 0, 1]);
    for scale in [full, coarse] {
        assert_eq!(scale.compressed_segmentation_block_size, Some([8, 8, 4]));
        assert_eq!(scale.chunk_size(), [128, 128, 16]);
        assert_eq!((scale.jpeg_quality, scale.png_level), (Some(90), Some(3)));
        assert_eq!(scale.sharding, Some(sharding));
    }
}

#[test]
fn builder_refuses_what_cannot_be() {
    let builder = || VolumeInfo::builder(DataType::Uint8, [64; 3]);
    assert!(builder().scales(0, [2, 2, 2]).build().is_err());
    assert!(builder().channels(0).build().is_err());
    assert!(builder().chunk_size([2048, 2048, 512]).build().is_err());
    assert!(builder().chunk_size([2048, 2048, 511]).build().is_ok());
    for (factor, word) in [([1, 1, 1], "already"), ([0, 2, 2], "1 or more"), ([1 << 20; 3], "2^")] {
        let error = builder().scales(9, factor).build().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn scales_are_added_relative_to_scale_0() {
    let document = with(image(), "/scales/0/jxl_quality", Some(json!(85)));
    let document = with(document, "/scales/0/rois", Some(json!([[0, 0, 0, 9, 9, 9]])));
    let mut info = read(with(document, "/scales/0/locked", Some(json!(true))));
    assert_eq!(info.add_scale([2, 2, 1]).unwrap(), 1);
    assert_eq!(info.add_scale([4, 4, 1]).unwrap(), 2);
    let scale = &info.scales[2];
    assert_eq!(scale.key, "32_32_40");
    assert_eq!(scale.size, [250, 200, 40]);
    // floor(-5 / 4): toward negative infinity.
    assert_eq!(scale.voxel_offset, [0, -2, 7]);
    assert_eq!(scale.chunk_sizes, info.scales[0].chunk_sizes);
    assert!(!scale.locked);
    // Settings of the encoding go along, regions of interest do not.
    assert_eq!(Value::Object(scale.extra.clone()), json!({ "jxl_quality": 85 }));
    assert_eq!(info.validate(), []);
}

#[test]
fn a_scale_is_not_added_twice() {
    let mut info = read(image());
    info.add_scale([2, 2, 1]).unwrap();
    let before = info.clone();
    let error = info.add_scale([2, 2, 1]).unwrap_err();
    assert!(matches!(&error, InfoError::ScaleExists { key, existing: 1 } if key == "16_16_40"));
    assert!(error.to_string().contains("16_16_40"));
    // The same resolution under a key of its own is there already too.
    info.scales[1].key = "coarse".to_owned();
    assert!(matches!(info.add_scale([2, 2, 1]), Err(InfoError::ScaleExists { .. })));
    info.scales[1].key = "16_16_40".to_owned();
    assert_eq!(info, before);
}

#[test]
fn impossible_factors_are_refused() {
    let mut info = read(image());
    for factor in [[0, 1, 1], [1, 1, 1 << 32], [u64::MAX; 3]] {
        assert!(matches!(info.add_scale(factor), Err(InfoError::InvalidFactor { .. })));
    }
    info.scales[0].resolution[0] = f64::MAX;
    assert!(matches!(info.add_scale([2, 1, 1]), Err(InfoError::InvalidFactor { .. })));
    info.scales.clear();
    assert!(matches!(info.add_scale([2, 1, 1]), Err(InfoError::InvalidFactor { .. })));
}

#[test]
fn scales_are_found_by_key_and_by_resolution() {
    let info = read(segmentation());
    assert_eq!(info.scale_index_by_key("4.5_4.5_33.25"), Some(1));
    assert_eq!(info.scale_index_by_key("4.50_4.50_33.25"), None);
    assert_eq!(info.scale_index_by_resolution(&[4.0, 4.0, 40.0]), Some(0));
    assert_eq!(info.scale_index_by_resolution(&[4.5, 4.5, 33.25]), Some(1));
    assert_eq!(info.scale_index_by_resolution(&[4.0, 4.0, 41.0]), None);
}
