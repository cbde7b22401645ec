//! Missing is not failed.

use std::sync::Arc;

use bigarrays::backend::{ErrorKind, Operation};
use bigarrays::memory::MemoryBackend;
use bigarrays::wrap::Fault;
use bigarrays::{DynBackend, Transport};
use bigarrays_server::Options;

use crate::client::get;
use crate::harness::{memory, put, serve, volume};

#[test]
fn a_store_that_fails_is_a_5xx_and_the_log_knows_why() {
    for (kind, status) in [
        (ErrorKind::Transient, 503),
        (ErrorKind::Other, 502),
        (ErrorKind::PermissionDenied, 502),
        (ErrorKind::Corrupt, 500),
    ] {
        let inner = MemoryBackend::new();
        volume(&(Arc::new(inner.clone()) as DynBackend));
        let failing = Fault::new(inner)
            .fail_every(Operation::Get, 1, kind)
            .fail_every(Operation::Head, 1, kind)
            .fail_every(Operation::List, 1, kind);
        let server = serve(&[("em", Arc::new(failing))], Options::default());
        for path in ["/em/info", "/em/8_8_8/-10-22_0-32_5-37", "/v1/em/cutout", "/v1/volumes", "/"]
        {
            let answer = get(server.address, path, &[]);
            assert_eq!(answer.status, status, "{path} {kind:?}");
            assert!(answer.json()["error"].is_string());
        }
        let part = get(server.address, "/em/info", &["Range: bytes=0-1"]);
        assert_eq!(part.status, status);
        assert!(server.log.lock().expect("no panic")[0].contains("/em/info"));
    }
}

#[test]
fn damaged_chunks_are_a_500_and_missing_ones_are_zeros() {
    let store = memory();
    volume(&store);
    put(&store, "8_8_8/-10-22_0-32_5-37", "short");
    let mut packed = Transport::GZIP.compress(vec![7; 1000]).expect("compressed");
    packed.bytes = packed.bytes.slice(..packed.bytes.len() - 9);
    put(&store, "torn", packed);
    let server = serve(&[("em", store)], Options::default());
    assert_eq!(get(server.address, "/v1/em/cutout?box=0:1,0:1,6:7", &[]).status, 500);
    assert_eq!(get(server.address, "/em/torn", &[]).status, 500);
    assert_eq!(get(server.address, "/em/torn", &["Accept-Encoding: gzip"]).status, 200);
    let outside = get(server.address, "/v1/em/cutout?box=500:501,0:1,6:7&format=raw", &[]);
    assert_eq!((outside.status, outside.body), (200, vec![0]));
}
