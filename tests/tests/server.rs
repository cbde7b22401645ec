//! `bigarrays serve` with real programs on the other side.

use std::path::Path;

use bigarrays_tests::{command, python, run_python, shared, web_python};

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

#[test]
fn tls_is_spoken_with_real_clients() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_tls.py", &[&command, work.path()]);
}

#[test]
fn rclone_copies_in_and_out_of_every_store() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_rclone.py", &[&command, work.path()]);
}

#[test]
fn the_interface_is_as_its_document_says() {
    let (Some(command), Some(python), Some(web)) = (command(), python(), web_python()) else {
        return;
    };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_openapi.py", &[&command, work.path(), &web]);
}

#[test]
fn many_clients_are_answered_within_bounded_memory() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    let seconds = std::env::var("BIGARRAYS_LOAD_SECONDS").unwrap_or_else(|_| "3".to_owned());
    let options = ["--seconds", &seconds].map(Path::new);
    run_python(&python, "server_load.py", &[&command, work.path(), options[0], options[1]]);
}
