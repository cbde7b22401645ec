//! How fast a volume is read and written on one thread, from memory and to memory: one line of
//! JSON with MB of voxels a second. `read` is the whole volume into an array that is there,
//! `write` chunk by chunk, `copy` a plain copy of that array, `decode` the codec alone, chunk by
//! chunk. `tests/python/chunk_speed.py` runs it beside TensorStore.
//!
//! ```sh
//! cargo run --release -p bigarrays-tests --example chunk_rate -- URL
//! ```

#![expect(clippy::print_stdout, reason = "a program of the benchmark")]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bigarrays::backend::{ByteRange, KeyValueBackend, Precondition, Value, wait};
use bigarrays::codec::{ChunkSpec, codec_for};
use bigarrays::geometry::ChunkPart;
use bigarrays::memory::MemoryBackend;
use bigarrays::ndarray::Array4;
use bigarrays::{BigArray, KeyValueBackendExt, Prefix, dispatch};

/// Everything is done so often; the fastest counts.
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
    let parts: Vec<ChunkPart> = array.grid().cover(&array.bounds()).collect();
    dispatch!(array.data_type(), T => measure::<T>(&array, &parts))?;
    Ok(())
}

fn measure<T: bigarrays::Element>(
    array: &BigArray<MemoryBackend>,
    parts: &[ChunkPart],
) -> Result<(), bigarrays::Error> {
    let bounds = array.bounds();
    let mut whole: Array4<T> = array.read(bounds)?;
    let mut other = whole.clone();
    let bytes = whole.len() * size_of::<T>();
    let read = fastest(|| array.read_into(bounds, whole.view_mut()))?;
    let copy = fastest(|| {
        let (from, to) = (whole.as_slice_memory_order(), other.as_slice_memory_order_mut());
        if let (Some(from), Some(to)) = (black_box(from), to) {
            to.copy_from_slice(from);
        }
        Ok(())
    })?;
    let codec = codec_for(array.scale());
    let (mut decode, mut write) = (Duration::ZERO, Duration::ZERO);
    let mut scratch = Vec::new();
    for part in parts {
        let chunk: Array4<T> = array.read(part.chunk)?;
        let (x, y, z, c) = chunk.dim();
        let spec = ChunkSpec { data_type: array.data_type(), shape: [x, y, z, c] };
        if let (Ok(codec), Some(blob)) = (&codec, array.read_chunk_bytes(part.cell)?) {
            decode += fastest(|| {
                black_box(codec.decode(&blob.bytes, &spec, &mut scratch).is_ok());
                Ok(())
            })?;
        }
        write += fastest(|| array.write(part.chunk.min, chunk.view()))?;
    }
    let megabytes = f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) * 1.024e-3;
    let rate = |time: Duration| megabytes / time.as_secs_f64();
    println!(
        "{{\"read\": {:.0}, \"write\": {:.0}, \"copy\": {:.0}, \"decode\": {:.0}}}",
        rate(read),
        rate(write),
        rate(copy),
        rate(decode)
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
