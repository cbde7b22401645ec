//! Coarser scales that nobody stored, made when they are asked for.
//!
//! They are made of the coarsest stored scale, by the mean of images and the mode of segmentations,
//! step by step, as `bigarrays downsample` makes them. What one chunk costs is bounded: a scale is
//! shown only if the stored voxels below a chunk of it are few enough.

use bigarrays::array::{Mean, Method, pool};
use bigarrays::backend::{Blob, ContentEncoding};
use bigarrays::codec::{ChunkSpec, codec_for};
use bigarrays::geometry::ChunkGrid;
use bigarrays::ndarray::Array4;
use bigarrays::{
    BigArray, BoundingBox, Encoding, Error, Key, OutOfBounds, Result, VolumeInfo, VolumeType,
    dispatch,
};
use bytes::Bytes;

use super::unsharded::describe;
use super::volume::{Described, Volumes};

/// Bytes of stored voxels below one chunk that is made.
const MOST_BELOW: u128 = 128 << 20;
/// So many scales are made at the most.
const MOST_SCALES: usize = 8;

/// A volume with the scales that are made.
struct Pyramid {
    info: VolumeInfo,
    /// How many scales are stored; the last of them is what the others are made of.
    stored: usize,
    /// From each made scale to the one before it.
    steps: Vec<[u64; 3]>,
}

/// A value as this view shows it.
pub(super) fn show(volumes: &Volumes, key: &Key) -> Result<Option<Blob>> {
    let Some((volume, path)) = volumes.above(key)? else { return volumes.stored(key) };
    let pyramid = Pyramid::over(&volume.info);
    if path == "info" {
        return describe(key, &volume, pyramid.info).map(Some);
    }
    match Described::chunk(&pyramid.info, &path) {
        Some((scale, chunk)) if scale >= pyramid.stored => {
            let base = volumes.open(&volume, pyramid.stored - 1)?;
            let _place = volumes.makers.take();
            pyramid.make(&base, scale, chunk, key)
        }
        _ => volumes.stored(key),
    }
}

impl Pyramid {
    /// The scales that can be made of the coarsest one that is stored.
    fn over(info: &VolumeInfo) -> Self {
        let (mut info, stored) = (info.clone(), info.scales.len());
        let mut steps = Vec::new();
        let Some(base) = info.scales.last().cloned() else { return Self { info, stored, steps } };
        let Some(first) = info.scales.first().and_then(|finest| base.factor_of(finest)) else {
            return Self { info, stored, steps };
        };
        let voxel = u128::from(info.num_channels).saturating_mul(info.data_type.size() as u128);
        let chunk = base.chunk_size();
        let (mut whole, mut below) = (first, voxel.saturating_mul(volume(chunk)));
        while steps.len() < MOST_SCALES {
            let last = &info.scales[info.scales.len() - 1];
            if (0..3).all(|axis| last.size[axis] <= chunk[axis]) {
                break;
            }
            let step = step(last.resolution, last.size);
            below = below.saturating_mul(volume(step));
            whole = std::array::from_fn(|axis| whole[axis].saturating_mul(step[axis]));
            if below > MOST_BELOW {
                break;
            }
            let Ok(index) = info.add_scale(whole) else { break };
            let made = &mut info.scales[index];
            made.sharding = None;
            made.chunk_sizes = vec![chunk];
            // What is made on request is sent once: time counts for more than size.
            if !is_quick(made.encoding) {
                made.encoding = Encoding::Raw;
            }
            steps.push(step);
        }
        Self { info, stored, steps }
    }

    /// Makes a chunk, or `None` if there is no such one.
    fn make(
        &self,
        base: &BigArray,
        scale: usize,
        chunk: BoundingBox,
        key: &Key,
    ) -> Result<Option<Blob>> {
        let made = &self.info.scales[scale];
        let bad =
            |source| Error::BadChunk { key: key.clone(), chunk, encoding: made.encoding, source };
        let grid = ChunkGrid::new(made.voxel_offset, made.size, made.chunk_size()).ok();
        let cell = grid.and_then(|grid| Some((grid.cell_of(chunk.min)?, grid)));
        let Some((cell, grid)) = cell else { return Ok(None) };
        if grid.chunk_box(cell) != chunk {
            return Ok(None);
        }
        let steps = &self.steps[..=scale - self.stored];
        let below = below(base.bounds(), made.voxel_offset, steps, chunk);
        let cropped = base.to_builder().bounds(OutOfBounds::Crop).scale(self.stored - 1).open()?;
        let method = match self.info.volume_type {
            VolumeType::Segmentation => Method::Mode,
            VolumeType::Image | VolumeType::Other(_) => Method::Mean,
        };
        let voxels = dispatch!(base.data_type(), T => {
            let voxels = pooled::<T>(cropped.read::<T>(below)?, steps, method);
            bytes_of(voxels)
        });
        let shape = chunk.shape().map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        let [x, y, z] = shape;
        let spec = ChunkSpec { data_type: base.data_type(), shape: [x, y, z, base.channels()] };
        let encoded = codec_for(made).and_then(|codec| codec.encode(voxels, &spec));
        Ok(Some(Blob {
            bytes: Bytes::from(encoded.map_err(bad)?),
            // Nothing tells cheaply whether one of the chunks below was replaced.
            version: None,
            content_encoding: ContentEncoding::Identity,
        }))
    }
}

/// The voxels of the base that a chunk of a made scale is made of.
fn below(
    base: BoundingBox,
    offset: [i64; 3],
    steps: &[[u64; 3]],
    chunk: BoundingBox,
) -> BoundingBox {
    let whole: [u64; 3] = std::array::from_fn(|axis| {
        steps.iter().fold(1, |whole: u64, step| whole.saturating_mul(step[axis]))
    });
    let scaled = |at: i64, axis: usize| {
        let distance = at.abs_diff(offset[axis]).saturating_mul(whole[axis]);
        base.min[axis].saturating_add_unsigned(distance)
    };
    BoundingBox {
        min: std::array::from_fn(|axis| scaled(chunk.min[axis], axis)),
        max: std::array::from_fn(|axis| scaled(chunk.max[axis], axis).min(base.max[axis])),
    }
}

fn pooled<T: Mean>(mut voxels: Array4<T>, steps: &[[u64; 3]], method: Method) -> Array4<T> {
    for step in steps {
        let step = step.map(|step| usize::try_from(step).unwrap_or(usize::MAX));
        voxels = pool(voxels.view(), step, method.into());
    }
    voxels
}

/// Little-endian bytes, x fastest.
fn bytes_of<T: Mean>(voxels: Array4<T>) -> Vec<u8> {
    T::into_dyn(voxels).fortran_bytes().into_owned()
}

/// Voxels become cubes as they become coarser: an axis whose voxels are longer than others' waits.
fn step(resolution: [f64; 3], size: [u64; 3]) -> [u64; 3] {
    let shortest = (0..3)
        .filter(|&axis| size[axis] > 1)
        .map(|axis| resolution[axis])
        .fold(f64::INFINITY, f64::min);
    std::array::from_fn(
        |axis| {
            if size[axis] > 1 && resolution[axis] < shortest * 1.5 { 2 } else { 1 }
        },
    )
}

fn volume(size: [u64; 3]) -> u128 {
    size.iter().fold(1, |volume: u128, &len| volume.saturating_mul(len.into()))
}

/// Encodings that take little time, and lose nothing a second time.
const fn is_quick(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::Raw | Encoding::CompressedSegmentation | Encoding::Jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::DataType;

    fn info(size: [u64; 3], resolution: [f64; 3]) -> VolumeInfo {
        VolumeInfo::builder(DataType::Uint8, size).resolution(resolution).build().unwrap()
    }

    #[test]
    fn voxels_become_cubes() {
        let pyramid = Pyramid::over(&info([1000, 1000, 200], [8.0, 8.0, 40.0]));
        assert_eq!(pyramid.steps[..3], [[2, 2, 1], [2, 2, 1], [2, 2, 2]]);
        let made: Vec<_> = pyramid.info.scales.iter().map(|scale| scale.size).collect();
        assert_eq!(
            made[..4],
            [[1000, 1000, 200], [500, 500, 200], [250, 250, 200], [125, 125, 100]]
        );
    }

    #[test]
    fn scales_end_where_one_chunk_is_all_or_would_cost_too_much() {
        let small = Pyramid::over(&info([64, 64, 64], [1.0; 3]));
        assert_eq!(small.steps.len(), 0);
        let huge = Pyramid::over(&info([1 << 40, 1 << 40, 1 << 40], [1.0; 3]));
        assert_eq!(huge.steps.len(), 3);
    }

    #[test]
    fn a_chunk_is_made_of_the_voxels_below_it() {
        let base = BoundingBox::new([-5, 0, 7], [100, 9, 8]);
        let made = BoundingBox::new([-3 + 16, 0, 7], [-3 + 27, 3, 8]);
        let below = below(base, [-3, 0, 7], &[[2, 2, 1], [2, 2, 1]], made);
        assert_eq!(below, BoundingBox::new([59, 0, 7], [100, 9, 8]));
    }
}
