//! Volumes as they are not stored.

use std::sync::Arc;

use bigarrays::array::{Method, pool};
use bigarrays::info::{ShardEncoding, ShardHash, Sharding};
use bigarrays::ndarray::{Array4, s};
use bigarrays::{BigArray, DataType, DynBackend, VolumeInfo, VolumeType};
use bigarrays_server::Options;

use crate::client::get;
use crate::harness::{memory, serve, volume, voxels};

/// Bytes x fastest.
fn bytes(array: &Array4<u8>) -> Vec<u8> {
    array.t().iter().copied().collect()
}

/// A sharded volume of 100 × 80 × 60 voxels whose chunks are in gzip.
fn sharded(store: &DynBackend) {
    let mut info = VolumeInfo::builder(DataType::Uint8, [100, 80, 60])
        .chunk_size([32, 32, 32])
        .resolution([8.0, 8.0, 8.0])
        .build()
        .expect("valid");
    info.scales[0].sharding = Some(Sharding {
        preshift_bits: 1,
        hash: ShardHash::Identity,
        minishard_bits: 1,
        shard_bits: 3,
        minishard_index_encoding: ShardEncoding::Gzip,
        data_encoding: ShardEncoding::Gzip,
    });
    let array = BigArray::create(Arc::clone(store), info).expect("created");
    array.write([0, 0, 0], voxels([100, 80, 60, 1]).view()).expect("written");
}

#[test]
fn a_sharded_volume_is_served_as_it_is_and_chunk_by_chunk() {
    let store = memory();
    sharded(&store);
    let server = serve(&[("em", store)], Options::default());
    let info = get(server.address, "/em/info", &[]).json();
    assert!(info["scales"][0]["sharding"].is_object());
    let info = get(server.address, "/em@unsharded/info", &[]).json();
    assert!(info["scales"][0].get("sharding").is_none_or(serde_json::Value::is_null));
    let path = "/em@unsharded/8_8_8/32-64_0-32_32-60";
    let wanted = voxels([100, 80, 60, 1]).slice_move(s![32..64, 0..32, 32..60, ..]);
    let chunk = get(server.address, path, &[]);
    assert!(chunk.status == 200 && chunk.body == bytes(&wanted));
    let packed = get(server.address, path, &["Accept-Encoding: gzip"]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < chunk.body.len());
    for path in ["32-64_0-32_32-64", "31-64_0-32_32-60", "0-32_0-32_64-96", "x"] {
        let answer = get(server.address, &format!("/em@unsharded/8_8_8/{path}"), &[]);
        assert_eq!(answer.status, 404, "{path}");
    }
    let cut = get(server.address, "/v1/em@unsharded/cutout?box=32:64,0:32,32:60&format=raw", &[]);
    assert!(cut.body == bytes(&wanted));
}

#[test]
fn coarser_scales_are_made_of_the_stored_one() {
    for volume_type in [VolumeType::Image, VolumeType::Segmentation] {
        let store = memory();
        let info = VolumeInfo::builder(DataType::Uint8, [100, 80, 60])
            .volume_type(volume_type.clone())
            .voxel_offset([-10, 0, 5])
            .chunk_size([16, 16, 16])
            .resolution([8.0, 8.0, 8.0])
            .build()
            .expect("valid");
        let array = BigArray::create(Arc::clone(&store), info).expect("created");
        let all = voxels([100, 80, 60, 1]);
        array.write([-10, 0, 5], all.view()).expect("written");
        let server = serve(&[("em", store)], Options::default());
        let info = get(server.address, "/em@pyramid/info", &[]).json();
        let keys: Vec<_> =
            info["scales"].as_array().expect("scales").iter().map(|s| s["key"].clone()).collect();
        assert_eq!(keys, ["8_8_8", "16_16_16", "32_32_32", "64_64_64"]);
        let method = match volume_type {
            VolumeType::Segmentation => Method::Mode,
            _ => Method::Mean,
        };
        let one = pool(all.view(), [2; 3], method.into());
        let two = pool(one.view(), [2; 3], method.into());
        for (scale, wanted) in [("16_16_16", &one), ("32_32_32", &two)] {
            let query = format!("/v1/em@pyramid/cutout?scale={scale}&format=raw");
            let cut = get(server.address, &query, &[]);
            assert_eq!(cut.status, 200, "{scale}");
            assert!(cut.body == bytes(wanted), "{scale}");
        }
        assert_eq!(get(server.address, "/em@pyramid/8_8_8/-10-6_0-16_5-21", &[]).status, 200);
        assert_eq!(get(server.address, "/em/16_16_16/-5-11_0-16_2-18", &[]).status, 404);
    }
}

#[test]
fn views_of_what_is_below_a_root_know_each_volume() {
    let store = memory();
    for place in ["a", "b/c"] {
        let prefix = bigarrays::Prefix::new(place).expect("a prefix");
        let below: DynBackend =
            Arc::new(bigarrays::wrap::Prefixed::new(DynBackend::clone(&store), prefix));
        if place == "a" { sharded(&below) } else { drop(volume(&below)) }
    }
    let server = serve(&[("root", store)], Options::default());
    for path in [
        "/root@unsharded/a/info",
        "/root@unsharded/a/8_8_8/0-32_0-32_0-32",
        "/root@unsharded/b/c/8_8_8/-10-22_0-32_5-37",
        "/root@pyramid/b/c/info",
        "/root@pyramid/b/c/16_16_16/-5-27_0-32_2-32",
        "/v1/root@pyramid/b/c/cutout?scale=1",
    ] {
        assert_eq!(get(server.address, path, &[]).status, 200, "{path}");
    }
    assert_eq!(get(server.address, "/root@unsharded/info", &[]).status, 404);
}
