//! Names: compressed siblings, refused keys, files that are no values.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use bigarrays_backends::fs::{CompressedNames, FsBackend};
use bigarrays_core::backend::{
    ByteRange, ContentEncoding, ErrorKind, KeyValueBackend, Precondition, Put, Value, wait,
};
use tempfile::tempdir;

use crate::common::{delete, files, get, key, keys, put, refused};

#[test]
fn files_of_cloudvolume_are_read_with_their_encoding() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    for encoding in ContentEncoding::COMPRESSED {
        let name = format!("0-64_{encoding}");
        let content = format!("bytes in {encoding}");
        fs::write(dir.path().join(format!("{name}{}", encoding.file_suffix())), &content).unwrap();
        let blob = wait(store.get(&key(&name), ByteRange::Full)).unwrap().unwrap();
        assert_eq!((&blob.bytes[..], blob.content_encoding), (content.as_bytes(), encoding));
        let meta = wait(store.head(&key(&name))).unwrap().unwrap();
        assert_eq!((meta.size, meta.content_encoding), (content.len() as u64, Some(encoding)));
        assert_eq!(meta.version, blob.version);
    }
    let listed = ["br", "bzip2", "gzip", "xz", "zstd"].map(|e| format!("0-64_{e} ({e})"));
    assert_eq!(keys(&store, ""), listed);
}

#[test]
fn of_two_siblings_the_more_important_one_counts_everywhere() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    for (suffix, shown) in
        [(".zstd", "k (zstd)"), (".br", "k (br)"), (".gz", "k (gzip)"), ("", "k")]
    {
        fs::write(dir.path().join(format!("k{suffix}")), format!("in k{suffix}")).unwrap();
        assert_eq!(get(&store, "k").unwrap(), format!("in k{suffix}"));
        assert_eq!(keys(&store, ""), [shown]);
    }
}

#[test]
fn a_put_removes_the_siblings_and_a_delete_all_of_them() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    let litter = || {
        for suffix in ["", ".gz", ".br", ".zstd", ".xz", ".bz2"] {
            fs::write(dir.path().join(format!("k{suffix}")), "old").unwrap();
        }
    };
    litter();
    put(&store, "k", Value::encoded("new", ContentEncoding::Brotli));
    assert_eq!(files(dir.path()), ["k.br"]);
    litter();
    put(&store, "k", "new");
    assert_eq!(files(dir.path()), ["k"]);
    litter();
    let value = Value::encoded("new", ContentEncoding::Gzip);
    wait(store.put_batch(vec![Put { key: key("k"), value }])).unwrap();
    assert_eq!(files(dir.path()), ["k.gz"]);
    litter();
    delete(&store, "k");
    assert!(files(dir.path()).is_empty());
    litter();
    wait(store.delete_batch(&[key("k")])).unwrap();
    assert!(files(dir.path()).is_empty());
}

#[test]
fn keys_that_look_compressed_are_refused_unless_suffixes_mean_nothing() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    let literal = FsBackend::builder(dir.path()).names(CompressedNames::Literal).open().unwrap();
    for name in ["a.gz", "d/a.br", "d.gz/a.zstd", ".xz", "a.bz2"] {
        let error = refused(&store, name, "x");
        assert_eq!((error.kind(), error.key()), (ErrorKind::InvalidKey, Some(name)));
        assert!(error.to_string().contains("CompressedNames::Literal"), "{error}");
        let kind = wait(store.head(&key(name))).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::InvalidKey);
        assert!(files(dir.path()).is_empty());
        put(&literal, name, "literally");
        assert_eq!(get(&literal, name).unwrap(), "literally");
        assert_eq!(keys(&literal, ""), [name]);
        delete(&literal, name);
    }
    put(&store, "d.gz/a", "a suffix of a directory means nothing");
    assert_eq!(keys(&store, ""), ["d.gz/a"]);

    let encoded = Value::encoded("x", ContentEncoding::Gzip);
    let error = wait(literal.put(&key("k"), encoded, Precondition::Always)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_name_too_long_with_its_suffix_is_only_too_long_when_compressed() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    let long = "k".repeat(254);
    assert_eq!(get(&store, &long), None);
    let encoded = Value::encoded("x", ContentEncoding::Gzip);
    let error = wait(store.put(&key(&long), encoded, Precondition::Always)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    put(&store, &long, "fits");
    assert_eq!(get(&store, &long).unwrap(), "fits");
    assert_eq!(files(dir.path()), [long]);
}

#[test]
fn own_names_are_neither_taken_nor_shown() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    for name in [".bigarrays-", ".bigarrays-0.tmp", "a/.bigarrays-x/y"] {
        assert_eq!(refused(&store, name, "x").kind(), ErrorKind::InvalidKey);
        fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
        fs::write(dir.path().join(name), "x").unwrap();
        assert_eq!(wait(store.head(&key(name))).unwrap_err().kind(), ErrorKind::InvalidKey);
    }
    assert!(keys(&store, "").is_empty());
    assert!(keys(&store, "a/.bigarrays-x").is_empty());
}

#[test]
fn a_value_and_values_below_it_exclude_each_other_in_words() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    put(&store, "a", "a value");
    for name in ["a/b", "a/b/c"] {
        let error = refused(&store, name, "x");
        assert_eq!((error.kind(), error.key()), (ErrorKind::InvalidKey, Some(name)));
        assert!(error.to_string().contains("\"a\" is a value"), "{error}");
        assert_eq!(get(&store, name), None);
        delete(&store, name);
    }
    put(&store, "d/e/f", "a value");
    for name in ["d", "d/e"] {
        let error = refused(&store, name, "x");
        assert_eq!((error.kind(), error.key()), (ErrorKind::InvalidKey, Some(name)));
        assert!(error.to_string().contains("values below it"), "{error}");
        assert_eq!(get(&store, name), None);
        delete(&store, name);
    }
    assert_eq!(files(dir.path()), ["a", "d/e/f"]);
    let batch = ["d/e/g", "a/x"].map(|name| Put { key: key(name), value: "x".into() });
    let error = wait(store.put_batch(batch.into())).unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::InvalidKey, Some("a/x")));
    assert_eq!(files(dir.path()), ["a", "d/e/f"]);
}

#[test]
fn what_a_failed_put_made_is_in_nobodys_way() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    let long = format!("new/deep/{}", "k".repeat(255));
    let encoded = || Value::encoded("x", ContentEncoding::Gzip);
    wait(store.put(&key(&long), encoded(), Precondition::Always)).unwrap_err();
    wait(store.put_batch(vec![Put { key: key(&long), value: encoded() }])).unwrap_err();
    put(&store, "new", "a value");
    assert_eq!(files(dir.path()), ["new"]);
}

#[test]
fn pipes_and_sockets_are_told_and_not_waited_for() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    let made = Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let _listener = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    assert_eq!(
        wait(store.get(&key("pipe"), ByteRange::Full)).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    for name in ["pipe", "socket"] {
        assert_eq!(wait(store.head(&key(name))).unwrap_err().kind(), ErrorKind::Unsupported);
        wait(store.get(&key(name), ByteRange::Full)).unwrap_err();
        assert_eq!(get(&store, &format!("{name}/below")), None);
        let error = refused(&store, &format!("{name}/below"), "x");
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
    }
    assert!(keys(&store, "").is_empty());
    put(&store, "pipe", "now a value");
    assert_eq!(keys(&store, ""), ["pipe"]);
}

#[test]
fn files_without_a_valid_name_are_not_listed() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    fs::write(dir.path().join(OsStr::from_bytes(b"not-utf8-\xff")), "x").unwrap();
    fs::create_dir(dir.path().join(OsStr::from_bytes(b"neither-\xfe"))).unwrap();
    fs::write(dir.path().join(OsStr::from_bytes(b"neither-\xfe/inside")), "x").unwrap();
    // Names that could not be asked for.
    for name in [".gz", "a.gz.gz"] {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    put(&store, "valid", "x");
    assert_eq!(keys(&store, ""), ["valid"]);
}

#[test]
fn links_are_followed_and_a_put_replaces_the_link() {
    let dir = tempdir().unwrap();
    let elsewhere = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    fs::write(elsewhere.path().join("value"), "linked").unwrap();
    symlink(elsewhere.path().join("value"), dir.path().join("link")).unwrap();
    symlink(elsewhere.path(), dir.path().join("directory")).unwrap();
    assert_eq!(get(&store, "link").unwrap(), "linked");
    assert_eq!(keys(&store, ""), ["directory/value", "link"]);
    put(&store, "link", "own");
    assert_eq!(get(&store, "link").unwrap(), "own");
    assert_eq!(get(&store, "directory/value").unwrap(), "linked");
    delete(&store, "directory/value");
    assert!(elsewhere.path().exists() && files(elsewhere.path()).is_empty());
}

#[test]
fn links_in_circles_end() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    put(&store, "a/value", "x");
    put(&store, "b/value", "x");
    symlink("..", dir.path().join("a/up")).unwrap();
    symlink("../b", dir.path().join("a/other")).unwrap();
    symlink("../a", dir.path().join("b/other")).unwrap();
    symlink("self", dir.path().join("self")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    assert_eq!(keys(&store, ""), ["a/other/value", "a/value", "b/other/value", "b/value"]);
    assert_eq!(get(&store, "dangling"), None);
    wait(store.head(&key("self"))).unwrap_err();
    wait(store.put(&key("dangling/x"), "x".into(), Precondition::Always)).unwrap_err();
}

#[test]
fn the_store_is_named_in_one_line_with_an_absolute_path() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path().join("a\nb/../c")).unwrap();
    assert!(store.root().is_absolute());
    let name = store.to_string();
    assert!(name.starts_with("file:///") && !name.contains('\n'), "{name:?}");
    assert!(FsBackend::open("relative").unwrap().root().is_absolute());
    assert_eq!(FsBackend::open("").unwrap_err().kind(), ErrorKind::InvalidConfig);
}
