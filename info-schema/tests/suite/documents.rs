//! Documents the tests start from.

use serde_json::{Value, json};

/// A small image of one scale, as the specification has it.
pub(crate) fn image() -> Value {
    json!({
        "@type": "neuroglancer_multiscale_volume",
        "type": "image",
        "data_type": "uint8",
        "num_channels": 1,
        "scales": [{
            "key": "8_8_40",
            "size": [1000, 800, 40],
            "voxel_offset": [0, -5, 7],
            "resolution": [8, 8, 40],
            "chunk_sizes": [[64, 64, 16]],
            "encoding": "raw"
        }]
    })
}

/// A segmentation of two scales: compressed and sharded, then compresso.
pub(crate) fn segmentation() -> Value {
    json!({
        "@type": "neuroglancer_multiscale_volume",
        "type": "segmentation",
        "data_type": "uint64",
        "num_channels": 1,
        "mesh": "mesh",
        "skeletons": "skeletons",
        "segment_properties": "props",
        "scales": [
            {
                "key": "4_4_40",
                "size": [1000, 900, 40],
                "voxel_offset": [0, 0, 0],
                "resolution": [4, 4, 40],
                "chunk_sizes": [[64, 64, 32]],
                "encoding": "compressed_segmentation",
                "compressed_segmentation_block_size": [8, 8, 8],
                "sharding": sharding()
            },
            {
                "key": "4.5_4.5_33.25",
                "size": [500, 450, 40],
                "voxel_offset": [0, 0, 0],
                "resolution": [4.5, 4.5, 33.25],
                "chunk_sizes": [[64, 64, 32]],
                "encoding": "compresso"
            }
        ]
    })
}

pub(crate) fn sharding() -> Value {
    json!({
        "@type": "neuroglancer_uint64_sharded_v1",
        "preshift_bits": 3,
        "hash": "murmurhash3_x86_128",
        "minishard_bits": 2,
        "shard_bits": 4,
        "minishard_index_encoding": "gzip",
        "data_encoding": "gzip"
    })
}

/// The document with the value at a JSON pointer replaced or added; `None` removes it.
pub(crate) fn with(mut document: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), Some(value)) => {
            fields.insert(key.to_owned(), value);
        }
        (Value::Object(fields), None) => {
            fields.shift_remove(key).unwrap();
        }
        (Value::Array(items), Some(value)) => items[key.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("nothing to set in {other}"),
    }
    document
}
