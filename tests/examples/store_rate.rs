//! How fast a volume of labels is written to the local stores and cut out of them again, in one
//! run: MB of voxels a second, and the part of the file tree's rate.
//!
//! The volume is written in slabs of whole chunks, with the stores' own durability; then the store
//! is closed and opened, and 100 boxes at random places are read. The stores take turns, and the
//! fastest round of each counts. Options: the side of the volume (512), that of the chunks (64),
//! the type (`u8`, `u32`), the encoding (`raw`, `compressed_segmentation`), the rounds (3), a
//! directory to work in, the stores (`stores=file,sqlite`; all), and the order of what is read (`f`,
//! `c`).
//!
//! ```sh
//! cargo run --release -p bigarrays-tests --example store_rate --features rocksdb -- \
//!     side=512 chunk=64 type=u8 encoding=raw rounds=3
//! ```

#![expect(clippy::print_stdout, reason = "a program of the benchmark")]

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use bigarrays::ndarray::Array3;
use bigarrays::{BigArray, DataType, Element, Encoding, MemoryOrder, OpenOptions, VolumeInfo};

/// Boxes that are cut out, and their side.
const CUTOUTS: usize = 100;
const CUTOUT: usize = 128;

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Job {
    side: usize,
    chunk: usize,
    rounds: usize,
    encoding: Encoding,
    stores: Option<String>,
    order: MemoryOrder,
}

/// The fastest time of each store.
struct Best {
    url: String,
    write: Duration,
    read: Duration,
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options: HashMap<&str, &str> =
        words.iter().filter_map(|word| word.split_once('=')).collect();
    let number = |name: &str, usual: usize| {
        options.get(name).map_or(Ok(usual), |text| text.parse::<usize>())
    };
    let job = Job {
        side: number("side", 512)?,
        chunk: number("chunk", 64)?,
        rounds: number("rounds", 3)?,
        encoding: match options.get("encoding") {
            None | Some(&"raw") => Encoding::Raw,
            Some(_) => Encoding::CompressedSegmentation,
        },
        stores: options.get("stores").map(|&stores| stores.to_owned()),
        order: match options.get("order") {
            Some(&"c") => MemoryOrder::C,
            _ => MemoryOrder::Fortran,
        },
    };
    let dir = match options.get("dir") {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    match options.get("type") {
        Some(&"u32") => measure(&job, dir.path(), DataType::Uint32, |n| n),
        _ => measure(&job, dir.path(), DataType::Uint8, |n| u8::try_from(n & 0xff).unwrap_or(0)),
    }
}

fn urls(dir: &Path) -> Vec<String> {
    let at = |scheme: &str, name: &str| format!("{scheme}://{}/{name}", dir.display());
    let mut urls = vec![at("file", "tree"), at("sqlite", "file.db")];
    if cfg!(feature = "rocksdb") {
        urls.push(at("rocksdb", "db"));
    }
    urls
}

fn measure<T: Element>(
    job: &Job,
    dir: &Path,
    data_type: DataType,
    label: impl Fn(u32) -> T,
) -> Outcome<()> {
    let mut urls = urls(dir);
    if let Some(stores) = &job.stores {
        urls.retain(|url| stores.split(',').any(|store| url.starts_with(store)));
    }
    let unknown = |url: String| Best { url, write: Duration::MAX, read: Duration::MAX };
    let mut best: Vec<Best> = urls.into_iter().map(unknown).collect();
    let side = u64::try_from(job.side)?;
    let chunk = [u32::try_from(job.chunk)?; 3];
    for round in 0..job.rounds {
        for best in &mut best {
            let info = VolumeInfo::builder(data_type, [side; 3])
                .chunk_size(chunk.map(u64::from))
                .encoding(job.encoding)
                .build()?;
            let url = format!("{}{round}", best.url);
            let volume = bigarrays::create(&url, info)?;
            best.write = best.write.min(write(job, &volume, &label)?);
            drop(volume);
            let order = job.order;
            let volume = OpenOptions::new().array(move |a| a.order(order)).open(&url)?;
            best.read = best.read.min(read::<T>(job, &volume, round)?);
        }
    }
    report::<T>(job, &best);
    Ok(())
}

/// Blobs of a label each, of some thousand voxels.
fn slab<T: Element>(job: &Job, z: usize, label: &impl Fn(u32) -> T) -> Array3<T> {
    Array3::from_shape_fn((job.side, job.side, job.chunk), |(x, y, k)| {
        let cell = (x + y / 3) / 37 + 31 * ((y + (z + k) / 2) / 29) + 997 * ((z + k) / 41);
        label(u32::try_from(cell).unwrap_or(0).wrapping_mul(2_654_435_761) >> 8)
    })
}

fn write<T: Element>(job: &Job, volume: &BigArray, label: &impl Fn(u32) -> T) -> Outcome<Duration> {
    let mut time = Duration::ZERO;
    for z in (0..job.side).step_by(job.chunk) {
        let slab = slab(job, z, label);
        let begun = Instant::now();
        volume.write([0, 0, i64::try_from(z)?], slab.view())?;
        time += begun.elapsed();
    }
    Ok(time)
}

fn read<T: Element>(job: &Job, volume: &BigArray, round: usize) -> Outcome<Duration> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(1 + u64::try_from(round)?);
    let room = u64::try_from(job.side.saturating_sub(CUTOUT) + 1)?;
    let mut place = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        i64::try_from(random % room)
    };
    let mut time = Duration::ZERO;
    let side = i64::try_from(CUTOUT.min(job.side))?;
    for _ in 0..CUTOUTS {
        let (x, y, z) = (place()?, place()?, place()?);
        let begun = Instant::now();
        let cutout = volume.read::<T>([x..x + side, y..y + side, z..z + side])?;
        time += begun.elapsed();
        drop(cutout);
    }
    Ok(time)
}

fn report<T: Element>(job: &Job, best: &[Best]) {
    let megabytes = |voxels: usize| {
        f64::from(u32::try_from((voxels * size_of::<T>()) >> 10).unwrap_or(u32::MAX)) * 1.024e-3
    };
    let written = megabytes(job.side.pow(3));
    let read = megabytes(CUTOUTS * CUTOUT.min(job.side).pow(3));
    let rates = |best: &Best| (written / best.write.as_secs_f64(), read / best.read.as_secs_f64());
    let Some(first) = best.first().map(rates) else { return };
    println!(
        "{:<10} {:>10} {:>6} {:>10} {:>6}",
        "store", "write MB/s", "of fs", "read MB/s", "of fs"
    );
    for store in best {
        let (write, read) = rates(store);
        let scheme = store.url.split("://").next().unwrap_or_default();
        println!(
            "{scheme:<10} {write:>10.0} {:>6.2} {read:>10.0} {:>6.2}",
            write / first.0,
            read / first.1
        );
    }
}
