//! What far away servers cost: round trips, counted by the time that each of them is made to take.
#![cfg(feature = "s3")]
#![expect(clippy::expect_used, reason = "test helpers may fail a test")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bigarrays::backends::s3::{Conditional, Credentials, S3Backend};
use bigarrays::conformance::{Proxy, Weather};
use bigarrays::info::{ShardEncoding, ShardHash, Sharding};
use bigarrays::ndarray::Array4;
use bigarrays::{BigArray, DataType, Prefix, VolumeInfo};
use bigarrays_tests::skipped;

/// A round trip. Long, so that what the machine itself takes is little beside it.
const ROUND_TRIP: Duration = Duration::from_secs(1);

fn server() -> Option<SocketAddr> {
    let Ok(endpoint) = std::env::var("BIGARRAYS_TEST_S3") else {
        skipped("there is no S3 server; run ./test.sh (BIGARRAYS_TEST_S3)");
        return None;
    };
    endpoint.strip_prefix("http://")?.parse().ok()
}

fn store(server: SocketAddr, name: &str) -> S3Backend {
    let prefix = format!("latency-{}-{name}", std::process::id());
    S3Backend::builder("vol")
        .prefix(Prefix::new(prefix).expect("a prefix"))
        .endpoint(format!("http://{server}"))
        .region("us-east-1")
        .credentials(Credentials::new("testaccess", "testsecret1234567890"))
        .conditional(Conditional::Trust)
        .open()
        .expect("the store opens")
}

fn pattern(size: [u64; 3]) -> Array4<u8> {
    let [x, y, z] = size.map(|size| usize::try_from(size).expect("small"));
    let value = |(x, y, z, _)| u8::try_from((x * 3 + y * 5 + z * 7) % 256).expect("a byte");
    Array4::from_shape_fn((x, y, z, 1), value)
}

/// A volume, written without delay, and opened again behind a proxy.
fn volume(server: SocketAddr, name: &str, info: VolumeInfo) -> (Proxy, BigArray<S3Backend>) {
    let size = info.scales[0].size;
    let array = BigArray::builder(store(server, name)).create(info).expect("created");
    array.write([0, 0, 0], pattern(size).view()).expect("written");
    let proxy = Proxy::start(server).expect("a proxy");
    let array = BigArray::open(store(proxy.address(), name)).expect("opened");
    proxy.set(Weather::Late(ROUND_TRIP));
    (proxy, array)
}

/// How many round trips' time a whole read takes, begun ones included.
fn round_trips(array: &BigArray<S3Backend>, size: [i64; 3]) -> u32 {
    let begun = Instant::now();
    let cutout = array.read::<u8>(size.map(|size| 0..size)).expect("read");
    let took = begun.elapsed();
    assert_eq!(cutout[[1, 1, 1, 0]], 15);
    u32::try_from(took.as_millis() / ROUND_TRIP.as_millis()).expect("few")
}

#[test]
fn a_hundred_chunks_cost_less_than_six_round_trips() {
    let Some(server) = server() else { return };
    let info = VolumeInfo::builder(DataType::Uint8, [80, 80, 64]).chunk_size([16, 16, 16]);
    let (_proxy, array) = volume(server, "plain", info.build().expect("valid"));
    let took = round_trips(&array, [80, 80, 64]);
    assert!(took < 6, "100 chunks took the time of {took} round trips");
}

#[test]
fn a_chunk_of_a_shard_costs_three_round_trips_and_with_a_known_index_one() {
    let Some(server) = server() else { return };
    let sharding = Sharding {
        preshift_bits: 1,
        hash: ShardHash::Identity,
        minishard_bits: 2,
        shard_bits: 0,
        minishard_index_encoding: ShardEncoding::Gzip,
        data_encoding: ShardEncoding::Raw,
    };
    let info = VolumeInfo::builder(DataType::Uint8, [64, 64, 64])
        .chunk_size([16, 16, 16])
        .sharding(sharding);
    let (_proxy, array) = volume(server, "sharded", info.build().expect("valid"));
    let cold = round_trips(&array, [16, 16, 16]);
    assert!(cold < 4, "a chunk of an unknown shard took the time of {cold} round trips");
    let warm = round_trips(&array, [16, 16, 16]);
    assert!(warm < 2, "a chunk of a known shard took the time of {warm} round trips");
}
