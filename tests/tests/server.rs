//! `bigarrays serve` with real programs on the other side.

use std::path::Path;

use bigarrays_tests::{command, python, run_python, shared};

#[test]
fn served_volumes_of_every_store_read_equal_in_the_rivals() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_read.py", &[&command, work.path()]);
}

#[test]
fn the_matrix_of_volumes_reads_equal_through_the_server() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let Some(make) = shared("interop/cv_make.py") else { return };
    let Some(check) = shared("interop/cv_check.py") else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_matrix.py", &[&command, &make, &check, work.path()]);
}

#[test]
fn the_gateway_does_what_clients_of_s3_expect() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_s3.py", &[&command, work.path()]);
}

#[test]
fn a_server_that_is_killed_while_it_writes_tears_nothing() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    let rounds = std::env::var("BIGARRAYS_KILL_ROUNDS").unwrap_or_else(|_| "6".to_owned());
    run_python(&python, "server_kill.py", &[&command, work.path(), Path::new(&rounds)]);
}
