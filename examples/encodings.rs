//! Which encoding for my data? Encodes and decodes every chunk of a volume with every encoding
//! that can hold it, on one thread, and prints sizes and speeds.
//!
//! ```sh
//! bigarrays import labels.npy.gz labels
//! cargo run --release --all-features --example encodings -- labels
//! ```
//! Without a URL it takes a small volume made up on the spot.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bigarrays::codec::{ChunkSpec, CodecError, codec_for};
use bigarrays::ndarray::{Array4, ShapeBuilder};
use bigarrays::{
    BigArray, BoundingBox, Encoding, OpenOptions, Transport, VolumeInfo, VolumeType, dispatch,
};

/// Every chunk is worked on so often; the fastest counts.
const ROUNDS: usize = 3;

/// The bytes of a chunk's voxels and its shape.
type Chunk = (Vec<u8>, ChunkSpec);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let volume = match std::env::args().nth(1) {
        Some(url) => OpenOptions::new().read_only().open(&url)?,
        None => made_up()?,
    };
    let chunks = chunks(&volume)?;
    let voxel_bytes: usize = chunks.iter().map(|(voxels, _)| voxels.len()).sum();
    println!(
        "{} chunks of {} voxels, {:.1} MB; sizes in MB, speeds in MB/s of voxels, one thread",
        chunks.len(),
        volume.data_type(),
        megabytes(voxel_bytes),
    );
    println!("| encoding | size | ratio | then gzipped | encode | decode |");
    println!("|---|---|---|---|---|---|");
    let copied = fastest(&chunks, |(voxels, _), scratch| {
        scratch.clear();
        scratch.extend_from_slice(voxels);
        Ok(())
    })?;
    println!("| (plain copy) | | | | | {:.0} |", megabytes(voxel_bytes) / copied.as_secs_f64());
    for encoding in Encoding::ALL {
        let fits = encoding.data_types().contains(&volume.data_type())
            && encoding.channel_counts().is_none_or(|counts| counts.contains(&channels(&volume)));
        if fits {
            match row(&volume, encoding, &chunks) {
                Ok(row) => println!("{row}"),
                Err(error) => println!("| {encoding} | {error} | | | | |"),
            }
        }
    }
    Ok(())
}

fn row(
    volume: &BigArray,
    encoding: Encoding,
    chunks: &[Chunk],
) -> Result<String, Box<dyn std::error::Error>> {
    let info = VolumeInfo::builder(volume.data_type(), volume.scale().size)
        .channels(channels(volume))
        .chunk_size(volume.grid().chunk_size())
        .volume_type(VolumeType::Image)
        .encoding(encoding)
        .build()?;
    let codec = codec_for(&info.scales[0])?;
    let mut encoded = Vec::new();
    for (voxels, spec) in chunks {
        encoded.push((codec.encode(voxels.clone(), spec)?, *spec));
    }
    let encode = fastest(chunks, |(voxels, spec), _| {
        black_box(codec.encode(voxels.clone(), spec)?);
        Ok(())
    })?;
    let decode = fastest(&encoded, |(bytes, spec), scratch| {
        black_box(codec.decode(bytes, spec, scratch)?);
        Ok(())
    })?;
    let mut scratch = Vec::new();
    let mut equal = true;
    let (mut size, mut gzipped) = (0, 0);
    for ((bytes, spec), (voxels, _)) in encoded.into_iter().zip(chunks) {
        equal &= codec.decode(&bytes, &spec, &mut scratch)? == voxels;
        size += bytes.len();
        gzipped += Transport::Gzip(6).compress(bytes)?.bytes.len();
    }
    let bytes: usize = chunks.iter().map(|(voxels, _)| voxels.len()).sum();
    let rate = |time: Duration| megabytes(bytes) / time.as_secs_f64();
    Ok(format!(
        "| {encoding}{} | {:.2} | {:.1} | {:.2} | {:.0} | {:.0} |",
        if equal { "" } else { " (lossy)" },
        megabytes(size),
        megabytes(bytes) / megabytes(size),
        megabytes(gzipped),
        rate(encode),
        rate(decode),
    ))
}

/// The sum over all chunks of the fastest of several rounds.
fn fastest<T>(
    chunks: &[T],
    mut work: impl FnMut(&T, &mut Vec<u8>) -> Result<(), CodecError>,
) -> Result<Duration, CodecError> {
    let mut scratch = Vec::new();
    let mut total = Duration::ZERO;
    for chunk in chunks {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            work(chunk, &mut scratch)?;
            black_box(&scratch);
            best = best.min(start.elapsed());
        }
        total += best;
    }
    Ok(total)
}

fn chunks(volume: &BigArray) -> Result<Vec<Chunk>, bigarrays::Error> {
    let mut chunks = Vec::new();
    for part in volume.grid().cover(&volume.bounds()) {
        let bbox: BoundingBox = part.chunk;
        chunks.push(dispatch!(volume.data_type(), T => {
            let array = volume.read::<T>(bbox)?;
            let (x, y, z, c) = array.dim();
            let spec = ChunkSpec { data_type: volume.data_type(), shape: [x, y, z, c] };
            let voxels = array.as_slice_memory_order().unwrap_or_default();
            (bytemuck::cast_slice::<T, u8>(voxels).to_vec(), spec)
        }));
    }
    Ok(chunks)
}

/// 32 cells with straight walls.
fn made_up() -> Result<BigArray, Box<dyn std::error::Error>> {
    let info = VolumeInfo::builder(bigarrays::DataType::Uint32, [96, 64, 40])
        .chunk_size([32; 3])
        .volume_type(VolumeType::Segmentation)
        .build()?;
    let volume = bigarrays::create("mem://encodings", info)?;
    let mut place = 0_u32;
    let labels = Array4::from_shape_simple_fn((96, 64, 40, 1).f(), || {
        let (x, y, z) = (place % 96, place / 96 % 64, place / 96 / 64);
        place += 1;
        (x + z / 4) / 20 + 8 * ((y + x / 8) / 30) + 1000
    });
    volume.write([0; 3], labels.view())?;
    Ok(volume)
}

fn channels(volume: &BigArray) -> u64 {
    volume.info().num_channels
}

fn megabytes(bytes: usize) -> f64 {
    // Far less than 2^52 bytes.
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}
