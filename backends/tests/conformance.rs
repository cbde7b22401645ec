//! The conformance suite on every store of this package, with threads and processes.
#![cfg(all(feature = "fs", feature = "sqlite", unix))]
#![expect(clippy::expect_used, reason = "the helpers belong to the tests")]

use std::env;
use std::path::Path;
use std::process::Command;

use bigarrays_backends::fs::{CompressedNames, Durability, FsBackend};
use bigarrays_backends::sqlite::SqliteBackend;
use bigarrays_core::DynBackend;
use bigarrays_core::backend::BackendResult;
use bigarrays_core::conformance::{Job, Suite};
use bigarrays_core::wrap::Checksummed;
use std::sync::Arc;
use tempfile::TempDir;

/// Tells a process that the suite started which store it is to open.
const STORE: &str = "BIGARRAYS_CONFORMANCE_STORE";

fn open(kind: &str, place: &Path) -> BackendResult<DynBackend> {
    let fs = |durability| FsBackend::builder(place.join("tree")).durability(durability);
    Ok(match kind {
        "none" => Arc::new(fs(Durability::None).open()?),
        "batch" => Arc::new(fs(Durability::Batch).open()?),
        "each" => Arc::new(fs(Durability::Each).open()?),
        "checked" => Arc::new(Checksummed::new(fs(Durability::None).open()?)),
        "literal" => Arc::new(fs(Durability::None).names(CompressedNames::Literal).open()?),
        _ => Arc::new(SqliteBackend::open(place.join("file.db"))?),
    })
}

/// Where syncing costs nothing, if there is such a place: what is proved does not depend on it.
fn quick_place() -> TempDir {
    let in_memory = TempDir::new_in("/dev/shm");
    in_memory.or_else(|_| TempDir::new()).expect("a folder")
}

fn prove(kind: &'static str, configure: impl Fn(Suite<'_>) -> Suite<'_>) {
    let dir = match kind {
        "each" => quick_place(),
        _ => TempDir::new().expect("a folder"),
    };
    let place = dir.path();
    let suite = Suite::new(|| open(kind, place)).persistent().processes(|| {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command
            .args(["--exact", "a_process_of_the_suite_does_its_job", "--nocapture"])
            .env(STORE, format!("{kind} {}", place.display()));
        command
    });
    configure(suite).run().assert_ok();
}

/// Not a test when run by hand: the suite runs it in processes of their own.
#[test]
fn a_process_of_the_suite_does_its_job() {
    let (Some(job), Ok(store)) = (Job::from_env(), env::var(STORE)) else { return };
    let (kind, place) = store.split_once(' ').expect("a kind and a place");
    job.run(&open(kind, Path::new(place)).expect("the store opens")).expect("the job is done");
}

#[test]
fn a_tree_without_syncs_conforms() {
    prove("none", |suite| suite);
}

#[test]
fn a_tree_that_syncs_batches_conforms() {
    prove("batch", |suite| suite);
}

#[test]
fn a_tree_that_syncs_each_value_conforms() {
    prove("each", |suite| suite);
}

#[test]
fn a_tree_in_which_suffixes_mean_nothing_conforms() {
    let why = "a tree without suffixes has no place for a content encoding";
    prove("literal", |suite| suite.without("X1", why).without("X2", why));
}

#[test]
fn a_tree_with_checksums_conforms() {
    prove("checked", |suite| suite);
}

#[test]
fn an_sqlite_file_conforms() {
    prove("sqlite", |suite| suite);
}
