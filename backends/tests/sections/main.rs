//! A stack of sections, in the files of `tests/golden/plain/stack`.
#![cfg(feature = "hdf5")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "the helpers belong to the tests")]

#[path = "../golden/code.rs"]
mod golden;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bigarrays_backends::sections::{MissingFile, SectionsBackend, SectionsBuilder, ZOrder};
use bigarrays_core::backend::{BackendError, ErrorKind, KeyValueBackendExt, wait};
use bigarrays_core::conformance::Suite;
use bigarrays_core::{BigArray, BoundingBox, DataType, DynBackend, Error, Key, Prefix};

/// Where the sections of the golden stack lie and how large they are, by z.
const PLACES: [Option<([i64; 2], [u64; 2])>; 4] =
    [Some(([-3, 2], [20, 15])), Some(([0, 0], [18, 12])), None, Some(([5, 5], [21, 17]))];

fn stack() -> SectionsBuilder {
    SectionsBackend::builder(golden::folder().join("stack")).missing(MissingFile::Zeros)
}

fn opened(builder: SectionsBuilder) -> BigArray {
    let store: DynBackend = Arc::new(builder.open().expect("the stack opens"));
    BigArray::open(store).expect("a volume")
}

fn check(array: &BigArray, bbox: BoundingBox) {
    let found = array.read_dyn(bbox).unwrap().array;
    let mut expected = Vec::new();
    for z in bbox.min[2]..bbox.max[2] {
        let place = usize::try_from(z).ok().and_then(|z| PLACES.get(z).copied().flatten());
        let mut plane = bbox;
        (plane.min[2], plane.max[2]) = (0, 1);
        let ([x, y], [width, height]) = place.unwrap_or(([0, 0], [0, 0]));
        let size = [width, height, 1];
        expected.extend(golden::expected(plane, [x, y, 0], size, 1, DataType::Uint8));
    }
    assert!(found.fortran_bytes() == expected, "{bbox}");
}

#[test]
fn the_store_conforms_as_far_as_a_reader_can() {
    Suite::new(|| stack().open()).persistent().run().assert_ok();
}

#[test]
fn sections_lie_where_the_registry_says_and_zeros_around_them() {
    let array = opened(stack().resolution([4.0, 4.0, 40.0]));
    assert_eq!(array.bounds().to_string(), "[-3:26, 0:22, 0:4]");
    assert_eq!(array.scale().resolution, [4.0, 4.0, 40.0]);
    assert_eq!((array.scale().chunk_size(), array.data_type()), ([512, 512, 1], DataType::Uint8));
    check(&array, array.bounds());
    for chunk in [[8, 8, 1], [5, 7, 3], [64, 3, 2], [1, 1, 1]] {
        let array = opened(stack().chunk(chunk));
        check(&array, array.bounds());
        check(&array, BoundingBox::from([-10..40, -2..9, -1..6]));
        check(&array, BoundingBox::from([3..7, 4..6, 0..4]));
    }
}

#[test]
fn a_chunk_that_no_section_touches_is_missing() {
    let store = stack().chunk([16, 16, 1]).open().unwrap();
    let array = BigArray::open(store).unwrap();
    let missing = array.missing_chunks(array.bounds()).unwrap();
    let keys: Vec<_> = missing.iter().map(|missing| missing.key.as_str().to_owned()).collect();
    assert_eq!(
        keys,
        [
            "1_1_1/-3-13_16-22_1-2",
            "1_1_1/13-26_16-22_1-2",
            "1_1_1/13-26_0-16_2-3",
            "1_1_1/-3-13_16-22_2-3",
            "1_1_1/13-26_16-22_2-3",
        ]
    );
    let listed = wait(array.backend().list_all(&Prefix::root())).unwrap();
    assert_eq!(listed.len(), 16 - 5 + 1);
}

#[test]
fn a_line_whose_file_is_absent_is_an_error_unless_it_is_to_be_zeros() {
    let array = opened(SectionsBackend::builder(golden::folder().join("stack")));
    let error = array.read::<u8>([0..9, 0..9, 2..3]).unwrap_err();
    let Error::Backend(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    for part in ["line 3", "1,4_aligned.h5", "missing=zeros"] {
        assert!(text.contains(part), "{text}");
    }
    check(&array, BoundingBox::from([-3..26, 0..22, 0..2]));
    check(&array, BoundingBox::from([-3..26, 0..22, 3..4]));
    let zeros = opened(stack());
    assert!(zeros.read::<u8>([0..9, 0..9, 2..3]).unwrap().iter().all(|&value| value == 0));
}

/// A folder with the golden images and this registry.
fn folder(registry: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for image in ["1,1_aligned.h5", "1,2_aligned.h5", "2,1_aligned.h5"] {
        let from = golden::folder().join("stack").join(image);
        fs::copy(from, dir.path().join(image)).expect("copied");
    }
    fs::write(dir.path().join("registry_aligned.txt"), registry).expect("written");
    dir
}

fn refused(path: &Path) -> BackendError {
    SectionsBackend::builder(path).open().expect_err("no sound stack")
}

#[test]
fn the_registry_may_have_either_name_and_either_form_and_be_named_itself() {
    let dir = folder("1,2_aligned 100 200 18 12 t\n2,1_aligned 0 100 200 24 20 t\n");
    for path in [dir.path().to_owned(), dir.path().join("registry_aligned.txt")] {
        let array = opened(SectionsBackend::builder(path));
        assert_eq!(array.bounds().to_string(), "[100:124, 200:220, 0:2]");
        assert_eq!(array.read::<u8>([101..102, 202..203, 0..1]).unwrap()[[0; 4]], 63);
    }
    let by_number = SectionsBackend::builder(dir.path()).z(ZOrder::Section);
    assert_eq!(opened(by_number).bounds().to_string(), "[100:124, 200:220, 1:3]");
}

#[test]
fn damaged_registries_are_refused_with_file_and_line() {
    let dir = folder("1,2_aligned 0 0 18 12 t\n\n1,2_aligned 0 0 18 t\n");
    let error = refused(dir.path());
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("registry_aligned.txt"), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("line 2 "), "{cause}");
    assert_eq!(refused(folder("").path()).kind(), ErrorKind::Corrupt);
    assert_eq!(refused(folder("gone 0 0 18 12 t").path()).kind(), ErrorKind::NotFound);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(refused(empty.path()).kind(), ErrorKind::NotFound);
    assert!(refused(empty.path()).to_string().contains("registry.txt"));
    assert_eq!(refused(&empty.path().join("none")).kind(), ErrorKind::NotFound);
    fs::write(empty.path().join("registry.txt"), b"\xff\xfe\x00binary").unwrap();
    assert_eq!(refused(empty.path()).kind(), ErrorKind::Corrupt);
}

#[test]
fn an_image_that_is_not_what_the_registry_says_is_an_error_with_the_line() {
    let dir = folder("1,2_aligned 0 0 18 12 t\n1,1_aligned 0 0 21 15 t\n1,9_a 0 0 9 9 t\n");
    fs::write(dir.path().join("1,9_a.h5"), "no HDF5").unwrap();
    let array = opened(SectionsBackend::builder(dir.path()));
    assert_eq!(array.read::<u8>([1..2, 2..3, 0..1]).unwrap()[[0; 4]], 63);
    let error = array.read::<u8>([0..1, 0..1, 1..2]).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("21 x 15"), "{error}");
    let error = array.read::<u8>([0..1, 0..1, 2..3]).unwrap_err().to_string();
    assert!(error.contains("1,9_a.h5") && error.contains("no HDF5 file"), "{error}");
}

#[test]
fn threads_read_beside_each_other_and_nothing_is_written() {
    let array = opened(stack().chunk([8, 8, 2]));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| check(&array, array.bounds())));
        }
    });
    let info = Key::new("info").unwrap();
    let error = wait(array.backend().put_always(&info, "{}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
}
