//! Listings that go on while things change.

use std::fs;

use bigarrays_backends::fs::{Durability, FsBackend};
use bigarrays_core::Prefix;
use bigarrays_core::backend::{ContentEncoding, KeyValueBackend, Put, Value, wait};
use futures::stream::StreamExt;
use tempfile::tempdir;

use crate::common::{delete, key, keys, metas, put};

fn filled(count: usize) -> (tempfile::TempDir, FsBackend) {
    let dir = tempdir().unwrap();
    let store = FsBackend::builder(dir.path()).durability(Durability::None).open().unwrap();
    let put = |n: usize| Put { key: key(&format!("8_8_40/{n}")), value: "x".into() };
    wait(store.put_batch((0..count).map(put).collect())).unwrap();
    (dir, store)
}

#[test]
fn every_key_can_be_deleted_as_it_is_listed() {
    let (dir, store) = filled(1200);
    let prefix = Prefix::root();
    let deleted = wait(async {
        let mut listing = store.list(&prefix);
        let mut deleted = 0;
        while let Some(meta) = listing.next().await {
            delete(&store, meta.unwrap().key.as_str());
            deleted += 1;
        }
        deleted
    });
    assert_eq!(deleted, 1200);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_listing_streams_and_can_be_left() {
    let (_dir, store) = filled(1200);
    let prefix = Prefix::new("8_8_40").unwrap();
    let first = wait(store.list(&prefix).next()).unwrap().unwrap();
    assert!(prefix.contains(&first.key));
    assert_eq!(keys(&store, "8_8_40").len(), 1200);
    assert!(keys(&store, "8_8").is_empty());
    assert!(keys(&store, "8_8_40/7").is_empty());
}

#[test]
fn a_key_whose_encoding_changes_meanwhile_is_listed_once() {
    let (_dir, store) = filled(1100);
    let prefix = Prefix::root();
    let shown = wait(async {
        let mut listing = store.list(&prefix);
        let mut shown = Vec::new();
        while let Some(meta) = listing.next().await {
            let meta = meta.unwrap();
            let to = match meta.content_encoding.unwrap() {
                ContentEncoding::Identity => ContentEncoding::Gzip,
                _ => ContentEncoding::Identity,
            };
            put(&store, meta.key.as_str(), Value::encoded("x", to));
            shown.push(meta.key);
        }
        shown
    });
    let mut once = shown.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), shown.len());
    assert_eq!(metas(&store, "").len(), 1100);
}

#[test]
fn a_root_that_became_a_file_has_no_values() {
    let (dir, store) = filled(3);
    fs::remove_dir_all(dir.path()).unwrap();
    fs::write(dir.path(), "a file now").unwrap();
    assert!(keys(&store, "").is_empty());
    assert_eq!(wait(store.head(&key("8_8_40/0"))).unwrap(), None);
}
