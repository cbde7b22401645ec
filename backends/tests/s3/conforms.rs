//! The conformance suite.

use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use bigarrays_backends::remote::Timeouts;
use bigarrays_backends::s3::{Conditional, Credentials, S3Backend};
use bigarrays_core::Prefix;
use bigarrays_core::backend::BackendResult;
use bigarrays_core::conformance::{Job, Suite};

use crate::{clean, options, place, server};

/// Tells a process that the suite started where it is to open the store.
const STORE: &str = "BIGARRAYS_CONFORMANCE_STORE";

fn prove(endpoint: &str, configure: impl Fn(Suite<'_>) -> Suite<'_>, parts: bool) {
    let place = place();
    // Values of some of the cases are then put in parts.
    let threshold = if parts { 5 << 20 } else { 64 << 20 };
    let open = || options(endpoint, &place).multipart_threshold(threshold).open();
    let through = |address: SocketAddr| options(&format!("http://{address}"), &place);
    let impatient = Timeouts {
        connect: Duration::from_secs(1),
        idle: Duration::from_secs(1),
        total: Duration::from_secs(10),
    };
    let network = move |address: SocketAddr| -> BackendResult<S3Backend> {
        through(address).timeouts(impatient).conditional(Conditional::Trust).open()
    };
    let wrong = Credentials::new("testaccess", "not the secret");
    let stranger = |address: SocketAddr| {
        let options = through(address).credentials(wrong.clone());
        options.conditional(Conditional::Trust).open()
    };
    let reader = || {
        let reader = Credentials::new("roaccess", "rosecret1234567890");
        options(endpoint, &place).credentials(reader).open()
    };
    let address = endpoint.trim_start_matches("http://").parse().expect("an address");
    let suite = Suite::new(open)
        .persistent()
        .overwrites(150)
        .network(address, network)
        .stranger(stranger)
        .refusing(reader)
        .refusing(|| options(endpoint, &place).read_only(true).open())
        .processes(|| {
            let mut command = Command::new(env::current_exe().expect("this program"));
            command
                .args(["--exact", "conforms::a_process_of_the_suite_does_its_job", "--nocapture"])
                .env(STORE, format!("{endpoint} {place}"));
            command
        });
    configure(suite).run().assert_ok();
    clean(endpoint, &place);
}

/// Not a test when run by hand: the suite runs it in processes of their own.
#[test]
fn a_process_of_the_suite_does_its_job() {
    let (Some(job), Ok(store)) = (Job::from_env(), env::var(STORE)) else { return };
    let (endpoint, place) = store.split_once(' ').expect("a server and a place");
    let place = Prefix::new(place).expect("a prefix");
    job.run(&options(endpoint, &place).open().expect("the store opens")).expect("it is done");
}

#[test]
fn a_bucket_conforms() {
    let Some(endpoint) = server() else { return };
    prove(&endpoint, |suite| suite, false);
}

#[test]
fn values_in_parts_conform() {
    let Some(endpoint) = server() else { return };
    prove(&endpoint, |suite| suite.only(&["C1", "C3", "C4", "X1", "X4"]), true);
}
