//! What is in the bucket, as others see it.

use std::net::SocketAddr;

use bigarrays_backends::gcs::{Credentials, GcsBackend};
use bigarrays_core::Key;
use bigarrays_core::backend::{
    ByteRange, ContentEncoding, ErrorKind, KeyValueBackend, KeyValueBackendExt, Precondition, Put,
    Value, Version, wait,
};
use serde_json::Value as Json;

use super::common::{get, key, keys, metas, put};
use super::front::ask;
use super::{BUCKET, anonymous, emulator, place};

/// What the emulator tells of an object whose name needs no encoding but for slashes.
fn document(endpoint: &str, name: &str) -> Json {
    let server: SocketAddr = endpoint.trim_start_matches("http://").parse().unwrap();
    let name = name.replace('/', "%2F");
    serde_json::from_str(&ask(server, "GET", &format!("/storage/v1/b/{BUCKET}/o/{name}"), ""))
        .unwrap()
}

#[test]
fn objects_have_the_encoding_the_type_and_what_caches_are_told() {
    let Some(endpoint) = emulator() else { return };
    let prefix = place();
    let store = anonymous(&endpoint, &prefix).open().unwrap();
    put(&store, "a/b", Value::encoded("packed", ContentEncoding::Gzip));
    put(&store, "plain", "plain");
    let packed = document(&endpoint, &format!("{prefix}/a/b"));
    assert_eq!(packed["contentEncoding"], "gzip");
    assert_eq!(packed["contentType"], "application/octet-stream");
    assert_eq!(packed["cacheControl"], "no-cache");
    assert_eq!(packed["size"], "6");
    let plain = document(&endpoint, &format!("{prefix}/plain"));
    assert_eq!(plain.get("contentEncoding"), None);
    assert_eq!(keys(&store, ""), ["a/b (gzip)", "plain"]);
    let for_ever = anonymous(&endpoint, &prefix).cache_control("public, max-age=31536000");
    put(&for_ever.open().unwrap(), "kept", "1");
    let kept = document(&endpoint, &format!("{prefix}/kept"));
    assert_eq!(kept["cacheControl"], "public, max-age=31536000");
}

#[test]
fn listings_of_several_pages_have_each_key_once() {
    let Some(endpoint) = emulator() else { return };
    let store = anonymous(&endpoint, &place()).open().unwrap();
    let name = |n: usize| format!("a/{n:05}");
    let puts = (0..2100).map(|n| Put { key: key(&name(n)), value: "1".into() });
    wait(store.put_batch(puts.collect())).unwrap();
    put(&store, "ab", "beside");
    assert_eq!(keys(&store, "a"), (0..2100).map(name).collect::<Vec<_>>());
    assert_eq!(metas(&store, "").len(), 2101);
    let all: Vec<Key> = (0..2100).map(|n| key(&name(n))).collect();
    wait(store.delete_batch(&all)).unwrap();
    assert_eq!(keys(&store, ""), ["ab"]);
}

#[test]
fn odd_characters_of_keys_arrive_as_they_are() {
    let Some(endpoint) = emulator() else { return };
    let prefix = place();
    let store = anonymous(&endpoint, &prefix).open().unwrap();
    let mut names: Vec<String> = "+&%=?#'~ü \t\\\"<>[]{}|^`!$*(),:;@"
        .chars()
        .flat_map(|c| [format!("x{c}y"), format!("x{c}y/{c}")])
        .collect();
    names.extend(["%2F", "a%2Fb", "a/b", "%25", "+", "a b"].map(ToOwned::to_owned));
    for name in &names {
        put(&store, name, name.clone());
    }
    for name in &names {
        assert_eq!(get(&store, name).as_ref(), Some(name));
    }
    names.sort();
    let mut listed = keys(&store, "");
    listed.sort();
    assert_eq!(listed, names);
    // A prefix is taken by its characters too.
    assert_eq!(keys(&store, "x%y"), ["x%y/%"]);
    // The object's name is the key's, not some encoding of it.
    let document = document(&endpoint, &format!("{prefix}/a%252Fb"));
    assert_eq!(document["name"], format!("{prefix}/a%2Fb"));
}

#[test]
fn a_bucket_that_does_not_exist_is_no_empty_one() {
    let Some(endpoint) = emulator() else { return };
    let options = || {
        GcsBackend::builder("no-such-bucket")
            .endpoint(&endpoint)
            .credentials(Credentials::anonymous())
    };
    let error = options().open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("gcloud storage buckets create"), "{error}");
    let store = options().read_only(true).open().unwrap();
    for error in [
        wait(store.get(&key("a"), ByteRange::Full)).unwrap_err(),
        wait(store.head(&key("a"))).unwrap_err(),
        wait(store.get_ranges(&key("a"), &[])).unwrap_err(),
        wait(store.list_all(&bigarrays_core::Prefix::root())).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("no-such-bucket"), "{error}");
    }
}

#[test]
fn conditions_that_the_server_ignores_are_refused_and_nothing_is_removed() {
    let Some(endpoint) = emulator() else { return };
    let store = anonymous(&endpoint, &place()).open().unwrap();
    let version = put(&store, "a", "1");
    let answer = wait(store.delete(&key("a"), Precondition::IfVersion(version)));
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
}

#[test]
fn a_version_of_another_store_is_a_conflict() {
    let Some(endpoint) = emulator() else { return };
    let store = anonymous(&endpoint, &place()).open().unwrap();
    put(&store, "a", "1");
    for version in [Version::new(b"etag"), Version::from_u64(0), Version::from_u64(1)] {
        let when = Precondition::IfVersion(version);
        let outcome = wait(store.put(&key("a"), "2".into(), when.clone())).unwrap();
        assert!(!outcome.is_written());
        // To the server 0 means "if there is none".
        assert!(!wait(store.put(&key("new"), "2".into(), when)).unwrap().is_written());
    }
    assert_eq!(keys(&store, ""), ["a"]);
}

#[test]
fn a_probe_leaves_nothing_and_options_that_cannot_be_are_refused() {
    let Some(endpoint) = emulator() else { return };
    let prefix = place();
    let server: SocketAddr = endpoint.trim_start_matches("http://").parse().unwrap();
    drop(anonymous(&endpoint, &prefix).open().unwrap());
    let path = format!("/storage/v1/b/{BUCKET}/o?prefix={}", prefix.replace('/', "%2F"));
    let left: Json = serde_json::from_str(&ask(server, "GET", &path, "")).unwrap();
    assert_eq!(left.get("items"), None);
    for options in [
        anonymous(&endpoint, &prefix).part(100_000),
        anonymous(&endpoint, &prefix).part(0),
        anonymous(&endpoint, "a//b"),
        anonymous("http://me:hunter2@127.0.0.1", &prefix),
        GcsBackend::builder("Not/A Bucket").endpoint(&endpoint),
    ] {
        let error = options.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
