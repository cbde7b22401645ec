//! URLs: which open, which do not, and what is said then.

#![expect(clippy::expect_used, reason = "test helpers may fail a test")]

use bigarrays::backend::{KeyValueBackendExt, wait};
use bigarrays::ndarray::Array3;
use bigarrays::{DataType, Error, Key, OpenError, OpenOptions, Prefix, Registry, VolumeInfo};

fn info() -> VolumeInfo {
    VolumeInfo::builder(DataType::Uint8, [8, 8, 8]).chunk_size([8, 8, 8]).build().expect("valid")
}

fn put(url: &str, key: &str, bytes: &str) {
    let store = bigarrays::open_store(url).expect("a store");
    wait(store.put_always(&Key::new(key).expect("a key"), bytes.to_owned())).expect("stored");
}

#[test]
fn a_memory_store_of_a_name_is_the_same_store_in_the_whole_process() {
    bigarrays::create("mem://shared-name", info()).expect("created");
    let again = bigarrays::open("mem://shared-name").expect("opened");
    again.write([0, 0, 0], Array3::<u8>::ones((8, 8, 8)).view()).expect("written");
    let third = bigarrays::open("precomputed://mem://shared-name/").expect("opened");
    assert_eq!(third.read::<u8>([7..8, 7..8, 7..8]).expect("read")[[0; 4]], 1);
    assert!(matches!(
        bigarrays::open("mem://other-name"),
        Err(OpenError::Array(Error::NoInfo { .. }))
    ));
}

#[test]
fn one_sqlite_file_holds_many_volumes_and_reading_creates_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let url = |prefix: &str| format!("sqlite://{}/x.db?prefix={prefix}", dir.path().display());
    assert!(bigarrays::open(&url("a")).is_err());
    assert!(!dir.path().join("x.db").exists());
    for (prefix, value) in [("a", 1), ("a/b", 2), ("ab", 3)] {
        let volume = bigarrays::create(&url(prefix), info()).expect("created");
        let voxels = Array3::<u8>::from_elem((8, 8, 8), value);
        volume.write([0, 0, 0], voxels.view()).expect("written");
    }
    for (prefix, value) in [("a", 1), ("a/b", 2), ("ab", 3)] {
        let volume = OpenOptions::new().read_only().open(&url(prefix)).expect("opened");
        assert_eq!(volume.read::<u8>([0..1, 0..1, 0..1]).expect("read")[[0; 4]], value);
        let refused = volume.write([0, 0, 0], Array3::<u8>::zeros((8, 8, 8)).view());
        assert!(refused.expect_err("read-only").to_string().contains("read-only"));
    }
}

#[test]
fn an_unknown_scheme_is_answered_with_the_known_ones_and_a_known_one_with_its_feature() {
    let message = bigarrays::open("rocsdb:///x").expect_err("unknown").to_string();
    for known in ["rocsdb://", "file://", "mem://", "sqlite://"] {
        assert!(message.contains(known), "{message}");
    }
    let message = bigarrays::open("file:///x?durabilty=each").expect_err("a slip").to_string();
    assert!(message.contains("durabilty") && message.contains("durability"), "{message}");
    let message = bigarrays::open("file:///x?durability=maybe").expect_err("a slip").to_string();
    assert!(message.contains("none, batch, each"), "{message}");
}

#[test]
fn a_scheme_of_ones_own_opens_and_may_replace_one() {
    let memory = bigarrays::memory::MemoryBackend::new();
    let registry = Registry::default().with("FILE", move |url, _access| {
        assert_eq!(url.location(), "/somewhere");
        Ok(std::sync::Arc::new(memory.clone()) as bigarrays::DynBackend)
    });
    let options = OpenOptions::new().registry(registry);
    options.create("file:///somewhere?prefix=v", info()).expect("created");
    let keys = wait(options.open_store("/somewhere").expect("a store").list_all(&Prefix::root()));
    assert_eq!(keys.expect("listed")[0].key.as_str(), "v/info");
}

#[test]
fn redirects_are_followed_ten_times_and_never_in_a_circle() {
    bigarrays::create("mem://moved-to", info()).expect("created");
    put("mem://moved-from", "info", r#"{"redirect": "precomputed://mem://moved-to"}"#);
    let volume = bigarrays::open("mem://moved-from").expect("followed");
    assert!(volume.backend().to_string().contains("moved-to"));

    put("mem://circle-a", "info", r#"{"redirect": "mem://circle-b"}"#);
    put("mem://circle-b", "info", r#"{"redirect": "mem://circle-a"}"#);
    let message = bigarrays::open("mem://circle-a").expect_err("a circle").to_string();
    assert!(message.contains("circle") && message.contains("mem://circle-b"), "{message}");

    for n in 0..12 {
        put(
            &format!("mem://hop-{n}"),
            "info",
            &format!(r#"{{"redirect": "mem://hop-{}"}}"#, n + 1),
        );
    }
    let message = bigarrays::open("mem://hop-0").expect_err("too far").to_string();
    assert!(message.contains("more than 10"), "{message}");

    // Who wrote the description does not choose which of our keys go where.
    let chosen = r#"{"redirect": "gs://vol/x?endpoint=http://evil&secret=/home/me/key.json"}"#;
    put("mem://lured", "info", chosen);
    let message = bigarrays::open("mem://lured").expect_err("a choice of keys").to_string();
    assert!(message.contains("\"endpoint\"") && !message.contains("key.json"), "{message}");

    // One that points at itself is at home.
    let mut own = String::from_utf8(info().to_json().expect("valid")).expect("text");
    own.insert_str(1, r#""redirect": "mem://home","#);
    put("mem://home", "info", &own);
    assert_eq!(bigarrays::open("mem://home").expect("at home").bounds().max, [8, 8, 8]);
}

#[test]
fn a_scale_beside_the_volume_is_reached_from_further_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut info = info();
    info.scales[0].key = "../pool/fine".into();
    let at = |place: &str| dir.path().join(place);
    std::fs::create_dir_all(at("set/vol")).expect("a folder");
    std::fs::create_dir_all(at("set/pool/fine")).expect("a folder");
    std::fs::write(at("set/vol/info"), info.to_json().expect("valid")).expect("written");
    std::fs::write(at("set/pool/fine/0-8_0-8_0-8"), [7; 512]).expect("written");
    let volume = bigarrays::open(&at("set/vol").display().to_string()).expect("opened");
    assert_eq!(volume.read::<u8>([3..4, 3..4, 3..4]).expect("read")[[0; 4]], 7);
}
