//! A long way to the server costs few round trips.

use std::time::{Duration, Instant};

use bigarrays_backends::s3::Conditional;
use bigarrays_core::backend::{KeyValueBackend, Put, wait};

use crate::proxy::{Action, Proxy};
use crate::{clean, key, options, place, server};

const ROUND_TRIP: Duration = Duration::from_millis(30);

#[test]
fn a_hundred_values_cost_less_than_six_round_trips() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let keys: Vec<_> = (0..100).map(|n| key(&format!("8_8_40/{n}"))).collect();
    let direct = options(&endpoint, &place).conditional(Conditional::None).open().unwrap();
    let put = |key: &bigarrays_core::Key| Put { key: key.clone(), value: vec![7; 10_000].into() };
    wait(direct.put_batch(keys.iter().map(put).collect())).unwrap();
    let proxy = Proxy::start(Some(&endpoint), |_| Action::Delay(ROUND_TRIP));
    let store = options(&proxy.endpoint(), &place).conditional(Conditional::None).open().unwrap();
    // The first one opens the connections; both are measured, for a busy machine.
    let times: Vec<Duration> = (0..4)
        .map(|_| {
            let begun = Instant::now();
            let blobs = wait(store.get_batch(&keys));
            assert!(blobs.into_iter().all(|blob| blob.unwrap().unwrap().bytes.len() == 10_000));
            begun.elapsed()
        })
        .collect();
    eprintln!("100 values over a link of {ROUND_TRIP:?}: {times:?}");
    let best = times.iter().min().unwrap();
    assert!(*best < 6 * ROUND_TRIP, "{times:?}");
    clean(&endpoint, &place);
}
