//! A fixed small set of operations, one for each run, whose instructions are counted:
//! `operations NAME`, or without a name the list. `nothing` is what a run costs before it begins.
//! `benches/instructions.sh` counts them and compares with the budget.

#![expect(clippy::print_stdout, reason = "it is a command")]

use std::error::Error;
use std::num::NonZeroUsize;

use bigarrays::memory::MemoryBackend;
use bigarrays::wrap::Freshness;
use bigarrays::{BigArray, ChunkCache, DataType, Encoding, MemoryOrder, OpenOptions, VolumeInfo};
use ndarray::{Array4, ShapeBuilder};

type Outcome = Result<(), Box<dyn Error>>;
type Volume = BigArray<MemoryBackend>;

/// How often each small thing is done, so that it outweighs what comes before.
const OFTEN: i64 = 200;

fn labels(side: usize) -> Array4<u32> {
    Array4::from_shape_fn((side, side, side, 1).f(), |(x, y, z, _)| {
        let cell = (x + y / 3) / 23 + 31 * ((y + z / 2) / 29) + 997 * (z / 31);
        u32::try_from(cell).unwrap_or(0).wrapping_mul(2_654_435_761) >> 8
    })
}

fn volume(encoding: Encoding) -> Result<Volume, Box<dyn Error>> {
    let info = VolumeInfo::builder(DataType::Uint32, [96; 3]).chunk_size([32; 3]);
    let builder = BigArray::builder(MemoryBackend::new()).threads(NonZeroUsize::MIN);
    let array = builder.create(info.encoding(encoding).build()?)?;
    array.write([0; 3], labels(96).view())?;
    Ok(array)
}

/// Its name, and the operation, which is done or only prepared.
type Operation = (&'static str, fn(bool) -> Outcome);

/// Each has a twin that prepares the same and does not do it.
const OPERATIONS: [Operation; 9] = [
    ("raw_read", |does| {
        let array = volume(Encoding::Raw)?;
        for _ in 0..if does { 20 } else { 0 } {
            array.read::<u32>(array.bounds())?;
        }
        Ok(())
    }),
    ("raw_cutout", |does| {
        let array = volume(Encoding::Raw)?;
        for at in 0..if does { OFTEN } else { 0 } {
            let at = at % 40 + 3;
            array.read::<u32>([at..at + 40, at..at + 40, at..at + 40])?;
        }
        Ok(())
    }),
    ("raw_c_order", |does| {
        let array = volume(Encoding::Raw)?.to_builder().order(MemoryOrder::C).open()?;
        for _ in 0..if does { 20 } else { 0 } {
            array.read::<u32>(array.bounds())?;
        }
        Ok(())
    }),
    ("one_voxel", |does| {
        let array = volume(Encoding::Raw)?;
        for at in 0..if does { OFTEN * 5 } else { 0 } {
            let at = at % 96;
            array.read::<u32>([at..at + 1, at..at + 1, at..at + 1])?;
        }
        Ok(())
    }),
    ("cseg_read", |does| {
        let array = volume(Encoding::CompressedSegmentation)?;
        for _ in 0..if does { 10 } else { 0 } {
            array.read::<u32>(array.bounds())?;
        }
        Ok(())
    }),
    ("cseg_voxel", |does| {
        let array = volume(Encoding::CompressedSegmentation)?;
        for at in 0..if does { OFTEN } else { 0 } {
            let at = at % 96;
            array.read::<u32>([at..at + 1, at..at + 1, at..at + 1])?;
        }
        Ok(())
    }),
    ("cseg_write", |does| {
        let array = volume(Encoding::CompressedSegmentation)?;
        let voxels = labels(96);
        for _ in 0..if does { 5 } else { 0 } {
            array.write([0; 3], voxels.view())?;
        }
        Ok(())
    }),
    ("cache_hit", |does| {
        let cache = ChunkCache::new(64 << 20).freshness(Freshness::Forever);
        let array = volume(Encoding::CompressedSegmentation)?.to_builder();
        let array = array.chunk_cache(cache).open()?;
        array.read::<u32>(array.bounds())?;
        for at in 0..if does { OFTEN } else { 0 } {
            let at = at % 60;
            array.read::<u32>([at..at + 32, at..at + 32, at..at + 32])?;
        }
        Ok(())
    }),
    ("open", |does| {
        let info = VolumeInfo::builder(DataType::Uint8, [64; 3]).scales(5, [2, 2, 1]).build()?;
        let url = "mem://operations";
        bigarrays::create(url, info)?;
        for _ in 0..if does { OFTEN } else { 0 } {
            OpenOptions::new().read_only().open(url)?;
        }
        Ok(())
    }),
];

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = words.first() else {
        OPERATIONS.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(());
    };
    let does = words.get(1).is_none_or(|word| word != "nothing");
    match OPERATIONS.iter().find(|(known, _)| known == name) {
        Some((_, operation)) => operation(does),
        None => Err(format!("there is no operation {name}").into()),
    }
}
