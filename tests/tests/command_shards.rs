//! `bigarrays shard`: what is inside shards.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use std::fs;
use std::process::Output;

use bigarrays::Prefix;
use bigarrays::info::Sharding;
use bigarrays::shard::ShardStore;
use bigarrays_tests::bench::Bench;
use serde_json::{Value, json};

/// A volume of 4 × 4 × 4 chunks in shards of 4 chunks, whose voxels say where they are.
fn volume() -> Option<Bench> {
    let bench = Bench::new()?;
    let voxels: Vec<u8> =
        (0..64_u32.pow(3)).map(|n| u8::try_from(n * 7 / 64 % 251).unwrap()).collect();
    fs::write(bench.path("source.raw"), voxels).unwrap();
    bench.succeeds(
        "import source.raw vol --size 64,64,64 --dtype uint8 --chunk 16,16,16 \
         --sharded=preshift=1,minishard=1,shard=4",
    );
    Some(bench)
}

fn facts(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn bytes(bench: &Bench, line: &str) -> Vec<u8> {
    let Output { status, stdout, .. } = bench.run(line);
    assert!(status.success(), "{line}");
    stdout
}

#[test]
fn shards_and_their_ids_are_listed_with_the_chunks_that_they_are() {
    let Some(bench) = volume() else { return };
    let all = facts(&bench.succeeds("shard ls vol --json"));
    assert_eq!(all["shards"].as_array().unwrap().len(), 16);
    assert_eq!(all["shards"][15]["key"], "1_1_1/f.shard");
    let one = facts(&bench.succeeds("shard ls vol 6 --json"));
    let ids: Vec<_> =
        one["ids"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(ids, [4, 5, 6, 7]);
    // The id 6 is 110 in binary: z and y are the second cells.
    let voxels = one["ids"][2]["chunk"].as_str().unwrap();
    assert_eq!(voxels, "[0:16, 16:32, 16:32]");
    assert!(bench.succeeds("shard ls vol").contains("1_1_1/0.shard"));
    assert!(bench.succeeds("shard ls vol 6").contains("[0:16, 16:32, 16:32]"));
}

#[test]
fn the_value_of_an_id_is_the_chunk_as_its_encoding_has_it() {
    let Some(bench) = volume() else { return };
    let source = fs::read(bench.path("source.raw")).unwrap();
    let mut expected: Vec<u8> = Vec::new();
    for z in 16..32 {
        for y in 16..32 {
            let row = 64 * (y + 64 * z);
            expected.extend(&source[row..row + 16]);
        }
    }
    assert_eq!(bytes(&bench, "shard get vol 6"), expected);
    bench.succeeds("shard get vol 6 --output chunk");
    assert_eq!(fs::read(bench.path("chunk")).unwrap(), expected);
    let stored = bytes(&bench, "shard get vol 6 --stored");
    assert_eq!(stored[..2], [0x1f, 0x8b]);
}

#[test]
fn what_is_not_there_is_said() {
    let Some(bench) = volume() else { return };
    bench.succeeds("rm vol --box 0:16,16:32,16:32");
    bench.fails(1, "shard get vol 6", &["1_1_1/1.shard", "no id 6"]);
    bench.succeeds("rm vol --box 0:32,0:32,16:32");
    bench.fails(1, "shard ls vol 6", &["no shard", "1_1_1/1.shard"]);
    bench.succeeds("create plain --size 64,64,64 --dtype uint8");
    bench.fails(1, "shard ls plain", &["not in shards"]);
    bench.fails(2, "shard get vol six", &["six"]);
}

#[test]
fn shards_of_skeletons_and_annotations_are_looked_into_too() {
    let Some(bench) = Bench::new() else { return };
    let sharding = json!({
        "@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": 2, "minishard_bits": 3,
        "shard_bits": 1, "hash": "murmurhash3_x86_128", "data_encoding": "gzip",
    });
    let parsed = Sharding::from_value(&sharding).unwrap();
    for (name, directory, info) in [
        ("skeletons", "", json!({ "@type": "neuroglancer_skeletons", "sharding": sharding })),
        (
            "annotations",
            "by_id",
            json!({ "@type": "neuroglancer_annotations_v1", "by_id": { "key": "by_id", "sharding": sharding } }),
        ),
    ] {
        fs::create_dir(bench.path(name)).unwrap();
        fs::write(bench.path(name).join("info"), info.to_string()).unwrap();
        let store = bigarrays::open_store(bench.path(name).to_str().unwrap()).unwrap();
        let store = ShardStore::new(store, Prefix::new(directory).unwrap(), parsed);
        store.update([(720_575_940, Some(b"a neuron".to_vec()))]).unwrap();
        assert_eq!(bytes(&bench, &format!("shard get {name} 720575940")), b"a neuron");
        let listed = facts(&bench.succeeds(&format!("shard ls {name} --json")));
        assert_eq!(listed["shards"].as_array().unwrap().len(), 1);
    }
}
