//! Damaged files: typed errors, whatever is broken.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use bigarrays_backends::hdf5::plain::PlainBackend;
use bigarrays_core::backend::{BackendResult, ErrorKind};
use bigarrays_core::{BigArray, DynBackend};

use super::file;

fn read_all(store: BackendResult<PlainBackend>) -> Result<(), ErrorKind> {
    let store: DynBackend = Arc::new(store.map_err(|error| error.kind())?);
    let array = BigArray::open(store).map_err(|_| ErrorKind::Corrupt)?;
    match array.read_dyn(array.bounds()) {
        Ok(_) => Ok(()),
        Err(bigarrays_core::Error::Backend(error)) => Err(error.kind()),
        Err(_) => Err(ErrorKind::Corrupt),
    }
}

#[test]
fn what_is_no_hdf5_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in
        [("empty.h5", &b""[..]), ("text.h5", b"hello"), ("head.h5", b"\x89HDF\r\n\x1a\n")]
    {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        for builder in [PlainBackend::builder(&path), PlainBackend::builder(&path).dataset("main")]
        {
            let error = builder.open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    let error = PlainBackend::builder(dir.path()).dataset("main").open().unwrap_err();
    assert!(!error.to_string().is_empty());
}

#[test]
fn a_truncated_file_is_an_error_or_whole() {
    let dir = tempfile::tempdir().unwrap();
    for (name, dataset) in [("main.h5", "main"), ("filters.h5", "all"), ("sparse.h5", "data")] {
        let whole = fs::read(file(name)).unwrap();
        for len in (0..whole.len()).step_by(whole.len() / 13) {
            let path = dir.path().join(format!("{len}-{name}"));
            fs::write(&path, &whole[..len]).unwrap();
            let store = PlainBackend::builder(&path).dataset(dataset).open();
            assert!(read_all(store).is_err(), "{name} cut at {len}");
        }
    }
}

#[test]
fn flipped_bytes_are_errors_or_other_values_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.h5");
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for (name, dataset) in [
        ("cremi.h5", "volumes/raw"),
        ("ilastik.h5", "exported_data"),
        ("unwritten.h5", "resizable"),
    ] {
        let whole = fs::read(file(name)).unwrap();
        for _ in 0..60 {
            let mut damaged = whole.clone();
            for _ in 0..3 {
                let at = random(damaged.len());
                damaged[at] ^= u8::try_from(1 + random(255)).unwrap();
            }
            // Each state of the file is another file.
            let _ = fs::remove_file(&path);
            fs::File::create(&path).unwrap().write_all(&damaged).unwrap();
            let _ = read_all(PlainBackend::builder(&path).dataset(dataset).open());
            let _ = read_all(PlainBackend::builder(&path).open());
        }
    }
}

#[test]
fn a_damaged_chunk_is_named_and_the_others_are_read() {
    let whole = fs::read(file("filters.h5")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.h5");
    // A deflated chunk begins with these bytes.
    let at = whole.windows(2).position(|bytes| bytes == [0x78, 0x5e]).unwrap();
    let mut damaged = whole;
    damaged[at + 4..at + 12].fill(0xff);
    fs::write(&path, damaged).unwrap();
    let failed: Vec<_> = ["gzip", "gzip_shuffle", "all"]
        .into_iter()
        .filter(|name| read_all(PlainBackend::builder(&path).dataset(*name).open()).is_err())
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let array = super::opened(PlainBackend::builder(&path).dataset(failed[0]));
    let error = array.read_dyn(array.bounds()).unwrap_err().to_string();
    assert!(error.contains("chunk [") && error.contains("damaged.h5"), "{error}");
}

#[test]
fn a_file_that_was_replaced_is_read_anew_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    fs::copy(file("main.h5"), &path).unwrap();
    let array = super::opened(PlainBackend::builder(&path).dataset("main"));
    super::check(&array);
    fs::remove_file(&path).unwrap();
    let error = array.read_dyn(array.bounds()).unwrap_err().to_string();
    assert!(error.contains("the file is gone"), "{error}");
    fs::copy(file("main.h5"), &path).unwrap();
    super::check(&array);
}
