//! The conformance suite, with threads and processes.

use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bigarrays_backends::fs::Durability;
use bigarrays_backends::hdf5::cuboids::H5CuboidBackend;
use bigarrays_core::backend::{BackendResult, KeyValueBackendExt, wait};
use bigarrays_core::conformance::{Job, Suite};
use bigarrays_core::{DataType, DynBackend, Encoding, Key, VolumeInfo};

/// Tells a process that the suite started where its store is.
const STORE: &str = "BIGARRAYS_CONFORMANCE_STORE";

fn open(place: &Path) -> BackendResult<DynBackend> {
    let store = H5CuboidBackend::builder(place).durability(Durability::None).open()?;
    Ok(Arc::new(store))
}

/// Not a test when run by hand: the suite runs it in processes of their own.
#[test]
fn a_process_of_the_suite_does_its_job() {
    let (Some(job), Ok(place)) = (Job::from_env(), env::var(STORE)) else { return };
    job.run(&open(Path::new(&place)).expect("the store opens")).expect("the job is done");
}

fn prove(place: &Path) {
    let suite = Suite::new(|| open(place)).persistent().processes(|| {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command
            .args(["--exact", "suite::a_process_of_the_suite_does_its_job", "--nocapture"])
            .env(STORE, place);
        command
    });
    let read_only = || H5CuboidBackend::builder(place).read_only(true).open();
    // A directory that is no volume yet cannot be opened for reading only.
    let suite = if read_only().is_ok() { suite.refusing(read_only) } else { suite };
    suite.run().assert_ok();
}

#[test]
fn a_directory_that_is_no_volume_yet_conforms() {
    let dir = tempfile::tempdir().unwrap();
    prove(&dir.path().join("volume"));
}

#[test]
fn keys_beside_the_chunks_of_a_volume_conform() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let info = VolumeInfo::builder(DataType::Uint8, [64, 64, 64])
        .chunk_size([16; 3])
        .resolution([8.0; 3])
        .encoding(Encoding::Raw)
        .build()
        .unwrap();
    let put = |name: &str, value: Vec<u8>| {
        wait(store.put_always(&Key::new(name).unwrap(), value)).unwrap();
    };
    put("info", info.to_json().unwrap());
    put("8_8_8/0-16_0-16_0-16", vec![7; 4096]);
    prove(dir.path());
    let kept = wait(store.get_bytes(&Key::new("8_8_8/0-16_0-16_0-16").unwrap())).unwrap();
    assert_eq!(kept.unwrap(), vec![7; 4096]);
}
