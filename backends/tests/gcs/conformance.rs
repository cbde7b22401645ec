//! The conformance suite, with threads, processes and a bad network.

use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use bigarrays_core::DynBackend;
use bigarrays_core::backend::BackendResult;
use bigarrays_core::conformance::{Job, Suite};

use super::front::Front;
use super::{anonymous, emulator, impatient, place};

/// Tells a process that the suite started which store it is to open.
const STORE: &str = "BIGARRAYS_CONFORMANCE_STORE";

fn open(endpoint: &str, prefix: &str) -> BackendResult<DynBackend> {
    Ok(Arc::new(anonymous(endpoint, prefix).open()?))
}

/// Not a test when run by hand: the suite runs it in processes of their own.
#[test]
fn a_process_of_the_suite_does_its_job() {
    let (Some(job), Ok(store)) = (Job::from_env(), env::var(STORE)) else { return };
    let (endpoint, prefix) = store.split_once(' ').unwrap();
    job.run(&open(endpoint, prefix).unwrap()).unwrap();
}

#[test]
fn an_emulators_bucket_conforms() {
    let Some(endpoint) = emulator() else { return };
    let prefix = place();
    let server: SocketAddr = endpoint.trim_start_matches("http://").parse().unwrap();
    let process = || {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "conformance::a_process_of_the_suite_does_its_job", "--nocapture"])
            .env(STORE, format!("{endpoint} {prefix}"));
        command
    };
    Suite::new(|| open(&endpoint, &prefix))
        .persistent()
        .processes(process)
        .refusing(|| anonymous(&endpoint, &prefix).read_only(true).open())
        .network(server, |address| {
            anonymous(&format!("http://{address}"), &prefix).timeouts(impatient()).open()
        })
        .run()
        .assert_ok();
}

/// With tokens, and with a server that honours all conditions.
#[test]
fn a_bucket_behind_a_guard_conforms() {
    let Some(front) = Front::start() else { return };
    let through = |address: SocketAddr, file| {
        let options = front.options(file).endpoint(format!("http://{address}"));
        options.timeouts(impatient()).open()
    };
    Suite::new(|| front.options("service.json").open())
        .network(front.address, |address| through(address, "service.json"))
        .stranger(|address| through(address, "wrong.json"))
        .only(&[
            "C4", "C5", "C17", "C18", "C24", "C25", "C26", "C27", "X4", "X5", "X7", "X9", "X10",
        ])
        .run()
        .assert_ok();
}
