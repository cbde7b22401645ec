//! A long way to the server costs few round trips.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bigarrays_backends::s3::{Conditional, S3Backend};
use bigarrays_core::backend::{KeyValueBackend, Put, wait};
use bigarrays_core::{BigArray, Prefix};
use bigarrays_info::{DataType, VolumeInfo};
use ndarray::{Array3, Axis};

use crate::proxy::{Action, Proxy};
use crate::{clean, key, options, place, server};

/// Long, so that what a busy machine adds does not count.
const ROUND_TRIP: Duration = Duration::from_millis(150);

/// A link on which each request that begins after the answer to another is a round trip more.
struct Link {
    proxy: Proxy,
    answered: Arc<Mutex<usize>>,
}

impl Link {
    fn new(endpoint: &str) -> Self {
        let answered = Arc::new(Mutex::new(0));
        let count = Arc::clone(&answered);
        let proxy = Proxy::start(Some(endpoint), move |_| {
            let trip = *count.lock().unwrap() + 1;
            thread::sleep(ROUND_TRIP);
            let mut answered = count.lock().unwrap();
            *answered = trip.max(*answered);
            Action::Pass
        });
        Self { proxy, answered }
    }

    fn store(&self, place: &Prefix) -> S3Backend {
        let options = options(&self.proxy.endpoint(), place);
        options.conditional(Conditional::None).open().unwrap()
    }

    /// The round trips that `work` costs at best.
    fn trips(&self, what: &str, work: impl Fn()) -> usize {
        let once = |_| {
            *self.answered.lock().unwrap() = 0;
            let begun = Instant::now();
            work();
            let trips = *self.answered.lock().unwrap();
            eprintln!("{what} over a link of {ROUND_TRIP:?}: {trips} in {:?}", begun.elapsed());
            trips
        };
        (0..3).map(once).min().unwrap()
    }
}

#[test]
fn a_hundred_values_cost_less_than_six_round_trips() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let keys: Vec<_> = (0..100).map(|n| key(&format!("8_8_40/{n}"))).collect();
    let direct = options(&endpoint, &place).conditional(Conditional::None).open().unwrap();
    let put = |key: &bigarrays_core::Key| Put { key: key.clone(), value: vec![7; 10_000].into() };
    wait(direct.put_batch(keys.iter().map(put).collect())).unwrap();
    let link = Link::new(&endpoint);
    let store = link.store(&place);
    let trips = link.trips("100 values", || {
        let blobs = wait(store.get_batch(&keys));
        assert!(blobs.into_iter().all(|blob| blob.unwrap().unwrap().bytes.len() == 10_000));
    });
    assert!(trips < 6, "{trips}");
    clean(&endpoint, &place);
}

#[test]
fn a_cutout_of_a_hundred_chunks_costs_less_than_six_round_trips() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let info = VolumeInfo::builder(DataType::Uint8, [320, 320, 64]).chunk_size([32, 32, 64]);
    let info = info.resolution([8.0, 8.0, 40.0]).build().unwrap();
    let direct = options(&endpoint, &place).conditional(Conditional::None).open().unwrap();
    let volume = BigArray::builder(direct).create(info).unwrap();
    let voxel = |(x, y, z): (usize, usize, usize)| (x * 7 + y * 3 + z).to_le_bytes()[0];
    let voxels = Array3::from_shape_fn((320, 320, 64), voxel);
    volume.write([0, 0, 0], voxels.view()).unwrap();
    let link = Link::new(&endpoint);
    let volume = BigArray::open(link.store(&place)).unwrap();
    let trips = link.trips("100 chunks", || {
        let cutout = volume.read::<u8>([0..320, 0..320, 0..64]).unwrap();
        assert_eq!(cutout.index_axis(Axis(3), 0), voxels);
    });
    assert!(trips < 6, "{trips}");
    clean(&endpoint, &place);
}
