//! How fast chunks of a volume are read and written on one thread, from memory and to memory:
//! one line of JSON with MB of voxels a second. `tests/python/chunk_speed.py` runs it beside
//! TensorStore.
//!
//! ```sh
//! cargo run --release -p bigarrays-tests --example chunk_rate -- URL
//! ```

#![expect(clippy::print_stdout, reason = "a program of the benchmark")]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bigarrays::backend::{ByteRange, KeyValueBackend, Precondition, Value, wait};
use bigarrays::memory::MemoryBackend;
use bigarrays::ndarray::Array4;
use bigarrays::{BigArray, BoundingBox, KeyValueBackendExt, Prefix, dispatch};

/// Each chunk is read and written so often; the fastest counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: chunk_rate URL")?;
    let store = bigarrays::open_store(&url)?;
    let memory = MemoryBackend::new();
    for meta in wait(store.list_all(&Prefix::root()))? {
        if let Some(blob) = wait(store.get(&meta.key, ByteRange::Full))? {
            let value = Value::encoded(blob.bytes, blob.content_encoding);
            let _always = wait(memory.put(&meta.key, value, Precondition::Always))?;
        }
    }
    let array = BigArray::builder(memory).threads(NonZeroUsize::MIN).open()?;
    let boxes: Vec<BoundingBox> =
        array.grid().cover(&array.bounds()).map(|part| part.chunk).collect();
    dispatch!(array.data_type(), T => measure::<T>(&array, &boxes))?;
    Ok(())
}

fn measure<T: bigarrays::Element>(
    array: &BigArray<MemoryBackend>,
    boxes: &[BoundingBox],
) -> Result<(), bigarrays::Error> {
    let (mut bytes, mut read, mut copy, mut write) =
        (0, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for &bbox in boxes {
        let chunk: Array4<T> = array.read(bbox)?;
        bytes += chunk.len() * size_of::<T>();
        read += fastest(|| array.read::<T>(bbox).map(drop))?;
        copy += fastest(|| {
            black_box(black_box(&chunk).clone());
            Ok(())
        })?;
        write += fastest(|| array.write(bbox.min, chunk.view()))?;
    }
    let megabytes = f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) * 1.024e-3;
    let rate = |time: Duration| megabytes / time.as_secs_f64();
    println!(
        "{{\"read\": {:.0}, \"write\": {:.0}, \"copy\": {:.0}}}",
        rate(read),
        rate(write),
        rate(copy)
    );
    Ok(())
}

fn fastest(
    mut work: impl FnMut() -> Result<(), bigarrays::Error>,
) -> Result<Duration, bigarrays::Error> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}
