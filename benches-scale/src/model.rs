//! How long a request takes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;
use std::time::Duration;

/// A store far away: so long to the first byte, then so many bytes a second.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    /// The shortest and the longest time to the first byte; each time between is as likely.
    pub latency: [Duration; 2],
    /// Of one request. 0: its bytes take no time.
    pub bytes_a_second: u64,
    /// How many requests it works on at once; others wait in line.
    pub at_once: Option<NonZeroUsize>,
}

impl Network {
    /// S3 as its users measure it: 20 to 50 ms, and 90 MB/s a request.
    #[must_use]
    pub const fn s3() -> Self {
        Self {
            latency: [Duration::from_millis(20), Duration::from_millis(50)],
            bytes_a_second: 90_000_000,
            at_once: None,
        }
    }

    /// Each request takes one second, so that seconds are round trips.
    #[must_use]
    pub const fn round_trips() -> Self {
        Self { latency: [Duration::from_secs(1); 2], bytes_a_second: 0, at_once: None }
    }

    /// Every answer is there at once.
    #[must_use]
    pub const fn none() -> Self {
        Self { latency: [Duration::ZERO; 2], bytes_a_second: 0, at_once: None }
    }

    /// The same with so many requests at once.
    #[must_use]
    pub fn at_once(mut self, requests: usize) -> Self {
        self.at_once = NonZeroUsize::new(requests);
        self
    }

    /// The time of a request in the mean, by itself.
    #[must_use]
    pub fn mean(&self, bytes: u64) -> Duration {
        let [least, most] = self.latency;
        (least + most) / 2 + self.transfer(bytes)
    }

    /// The most bytes a second of so many requests in flight of so many bytes each.
    #[must_use]
    pub fn limit(&self, in_flight: usize, bytes: u64) -> f64 {
        let in_flight = self.at_once.map_or(in_flight, |most| in_flight.min(most.get()));
        in_flight as f64 * bytes as f64 / self.mean(bytes).as_secs_f64()
    }

    fn transfer(&self, bytes: u64) -> Duration {
        match self.bytes_a_second {
            0 => Duration::ZERO,
            rate => {
                Duration::from_secs(bytes / rate)
                    + Duration::from_nanos((bytes % rate) * 1_000_000_000 / rate)
            }
        }
    }

    /// Of the request that had this number, all in the order in which they were made.
    fn duration(&self, request: u64, bytes: u64) -> Duration {
        let [least, most] = self.latency;
        let range = u64::try_from((most - least).as_nanos()).unwrap_or(u64::MAX);
        let extra = if range == 0 { 0 } else { random(request) % (range + 1) };
        least + Duration::from_nanos(extra) + self.transfer(bytes)
    }
}

/// The requests of a store so far.
#[derive(Debug)]
pub(crate) struct Line {
    network: Network,
    requests: u64,
    /// When those in flight end.
    ends: BinaryHeap<Reverse<Duration>>,
}

impl Line {
    pub(crate) const fn new(network: Network) -> Self {
        Self { network, requests: 0, ends: BinaryHeap::new() }
    }

    /// When a request that is made now will be answered, and how many are in flight with it.
    pub(crate) fn request(&mut self, now: Duration, bytes: u64) -> (Duration, usize) {
        self.requests += 1;
        while self.ends.peek().is_some_and(|end| end.0 <= now) {
            self.ends.pop();
        }
        let most = self.network.at_once.map_or(usize::MAX, NonZeroUsize::get);
        // Each end that is taken away is the begin of one that waited.
        let begin = match self.ends.len() {
            len if len < most => now,
            _ => self.ends.pop().map_or(now, |end| end.0),
        };
        let end = begin + self.network.duration(self.requests, bytes);
        self.ends.push(Reverse(end));
        (end, self.ends.len())
    }
}

/// A number that looks like chance and is always the same (splitmix64).
#[must_use]
pub const fn random(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_takes_its_latency_and_its_bytes() {
        let mut line = Line::new(Network::s3());
        for _ in 0..1000 {
            let (end, _) = line.request(Duration::ZERO, 90_000);
            assert!((21..=51).contains(&end.as_millis()), "{end:?}");
        }
    }

    #[test]
    fn those_beyond_the_limit_wait_for_the_first_that_ends() {
        let mut line = Line::new(Network::round_trips().at_once(2));
        let ends = [(); 5].map(|()| line.request(Duration::ZERO, 1).0.as_secs());
        assert_eq!(ends, [1, 1, 2, 2, 3]);
    }
}
