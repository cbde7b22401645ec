//! What the directory is at one moment: its configuration, and how keys map to chunks.

use bigarrays_core::backend::ErrorKind;
use bigarrays_core::geometry::parse_chunk_name;
use bigarrays_core::key::Key;
use bigarrays_info::{DataType, Encoding, Scale, VolumeInfo, resolution_key};
use bytes::Bytes;

use super::blocks::Blocks;
use super::config::Config;
use super::geometry::{Found, Geometry};
use super::names::ranges_of;
use crate::hdf5::direct::{H5Error, open_quietly};

/// More channels than this are no volume.
const MOST_CHANNELS: u64 = 1 << 16;
/// HDF5 has no larger chunks, and no value of this store is larger.
const LARGEST_CHUNK: u64 = u32::MAX as u64;
/// Damaged files that are looked at to find out the type of a volume's values.
const TRIED: usize = 16;

/// A directory with a configuration.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) config: Config,
    /// Names of files that look like blocks.
    pub(super) files: Vec<String>,
    /// `info`, where it is made up.
    pub(super) made_up: Option<Bytes>,
    /// The scale whose chunks are in the files; `None` if there is neither `info` nor any file.
    pub(super) cuboids: Option<Cuboids>,
}

/// The scale whose chunks are in the files.
#[derive(Debug)]
pub(super) struct Cuboids {
    pub(super) geometry: Geometry,
    pub(super) data_type: DataType,
    pub(super) channels: usize,
    /// The scale's key, and a slash.
    pub(super) prefix: String,
    start: [i64; 3],
    end: [i64; 3],
}

/// A chunk of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which block, along x, y and z.
    pub(super) block: [i64; 3],
    /// Which chunk of it.
    pub(super) cell: [u64; 3],
    /// Voxels along each axis, clipped to the volume.
    pub(super) shape: [usize; 3],
}

impl Volume {
    /// Looks at the directory. `names` are those of its files, `info` is its own description.
    pub(super) fn look(
        config: Config,
        names: &[String],
        info: Option<VolumeInfo>,
        blocks: &Blocks,
    ) -> Result<Self, H5Error> {
        let is_block = |name: &&String| ranges_of(&config.prefix, name).is_some();
        let mut files: Vec<String> = names.iter().filter(is_block).cloned().collect();
        files.sort_unstable();
        let (found, data_type) = look_at_one(&files, blocks);
        let channels = info.as_ref().map(|info| info.num_channels);
        let mut geometry = Geometry::new(&config, &files, found.as_ref(), channels);
        if is_oldest(&config, &geometry, &files, blocks) {
            geometry.global_names = true;
        }
        files.retain(|name| geometry.block_of(name).is_some());
        check_size(&geometry, data_type)?;
        let data_type = config.data_type.or(data_type);
        let (info, made_up) = match info {
            Some(info) => (Some(info), None),
            None => match data_type.and_then(|data_type| make_up(&geometry, data_type, &files)) {
                Some(info) => {
                    let text = info
                        .to_json()
                        .map_err(|error| invalid("no info can be made up for it").because(error))?;
                    (Some(info), Some(Bytes::from(text)))
                }
                None => (None, None),
            },
        };
        let cuboids = match info {
            Some(info) => Some(Cuboids::new(geometry, &info, data_type)?),
            None => None,
        };
        Ok(Self { config, files, made_up, cuboids })
    }
}

/// Shape, chunk and type of the dataset in the first file that can be read.
fn look_at_one(files: &[String], blocks: &Blocks) -> (Option<Found>, Option<DataType>) {
    for name in files.iter().take(TRIED) {
        // A damaged one says so when it is read.
        let Ok(Some(snapshot)) = blocks.get(name).snapshot() else { continue };
        let map = snapshot.map();
        let Some(chunk) = map.chunk() else { continue };
        let turned = |axes: &[u64]| axes.iter().rev().copied().collect();
        return (Some((turned(&map.shape), turned(chunk))), Some(map.data_type));
    }
    (None, None)
}

/// Whether these files are of version 0.0.1, although their names would do for later ones, too.
fn is_oldest(config: &Config, geometry: &Geometry, files: &[String], blocks: &Blocks) -> bool {
    let offset = config.offset.iter().any(|&offset| offset != 0);
    let oldest = Geometry { global_names: true, ..geometry.clone() };
    if !offset || !files.iter().any(|name| oldest.block_of(name).is_some()) {
        return geometry.global_names;
    }
    // Only that version has channels in files but not in the configuration, and an origin.
    let has_origin = |name: &String| {
        let file = open_quietly(&blocks.root().join(name));
        file.is_ok_and(|file| file.link_exists("origin"))
    };
    geometry.global_names
        || geometry.rank > config.block.len()
        || files.first().is_some_and(has_origin)
}

/// Bounds what a configuration, or names of files, can make this store allocate.
fn check_size(geometry: &Geometry, data_type: Option<DataType>) -> Result<(), H5Error> {
    let product = |axes: &[u64]| {
        let size = data_type.map_or(1, DataType::size) as u64;
        axes.iter().try_fold(size, |all, &axis| all.checked_mul(axis))
    };
    let channels = geometry.channels();
    let planes = product(&geometry.chunk[3..]).unwrap_or(u64::MAX);
    if channels > MOST_CHANNELS || planes > MOST_CHANNELS * 8 {
        return Err(invalid(format!("it would have {channels} channels")));
    }
    let value = [&geometry.chunk[..3], &[channels.max(1)]].concat();
    let largest = product(&geometry.chunk).zip(product(&value)).map(|(chunk, all)| chunk.max(all));
    if largest.is_none_or(|bytes| bytes > LARGEST_CHUNK) {
        return Err(invalid("its chunks have 4 GiB or more"));
    }
    Ok(())
}

fn invalid(what: impl Into<String>) -> H5Error {
    H5Error::new(ErrorKind::InvalidConfig, what)
}

/// A description of what the files hold: the union of their blocks.
fn make_up(geometry: &Geometry, data_type: DataType, files: &[String]) -> Option<VolumeInfo> {
    let blocks: Vec<_> = files.iter().filter_map(|name| geometry.block_of(name)).collect();
    let (mut offset, mut size) = ([0; 3], [0; 3]);
    for axis in 0..3 {
        let starts = || blocks.iter().map(|block| geometry.origin(block)[axis]);
        let (first, last) = (starts().min()?, starts().max()?);
        offset[axis] = first;
        size[axis] = last.abs_diff(first).checked_add(geometry.block[axis])?;
    }
    let chunk = [geometry.chunk[0], geometry.chunk[1], geometry.chunk[2]];
    VolumeInfo::builder(data_type, size)
        .channels(geometry.channels())
        .chunk_size(chunk)
        .voxel_offset(offset)
        .resolution([1.0; 3])
        .encoding(Encoding::Raw)
        .key(resolution_key([1.0; 3]))
        .build()
        .ok()
}

impl Cuboids {
    fn new(
        geometry: Geometry,
        info: &VolumeInfo,
        data_type: Option<DataType>,
    ) -> Result<Self, H5Error> {
        let Some(scale) = info.scales.first() else { return Err(invalid("its info has no scale")) };
        check_scale(scale, &geometry)?;
        if data_type.is_some_and(|found| !same_type(found, info.data_type)) {
            let found = data_type.map_or("another type", DataType::name);
            let told = info.data_type;
            return Err(invalid(format!(
                "its info says {told}, its configuration or files {found}"
            )));
        }
        if info.num_channels != geometry.channels() {
            let (told, found) = (info.num_channels, geometry.channels());
            let text = format!("its info says {told} channels, its configuration or files {found}");
            return Err(invalid(text));
        }
        let channels = usize::try_from(info.num_channels).unwrap_or(usize::MAX);
        let (start, size) = (scale.voxel_offset, scale.size);
        let end = std::array::from_fn(|axis| start[axis].saturating_add_unsigned(size[axis]));
        let prefix = format!("{}/", scale.key.trim_end_matches('/'));
        Ok(Self { geometry, data_type: info.data_type, channels, prefix, start, end })
    }

    /// What a name in the scale's directory is.
    pub(super) fn name_of_chunk(&self, name: &str) -> Named {
        let Some(bbox) = parse_chunk_name(name) else { return Named::Other };
        let mut shape = [0; 3];
        for (axis, len) in shape.iter_mut().enumerate() {
            let chunk = i128::from(self.geometry.chunk[axis]);
            let (min, max) = (i128::from(bbox.min[axis]), i128::from(bbox.max[axis]));
            let (start, end) = (i128::from(self.start[axis]), i128::from(self.end[axis]));
            let on_grid = (min - start).rem_euclid(chunk) == 0 && min >= start && min < end;
            if !on_grid || max != (min + chunk).min(end) {
                return Named::OffGrid;
            }
            // No longer than a chunk, which fits in memory.
            *len = usize::try_from(max - min).unwrap_or(0);
        }
        let (block, cell) = self.geometry.place(bbox.min);
        Named::Chunk(Place { block, cell, shape })
    }

    /// The key of the chunk that begins at a voxel; `None` if it is outside the volume.
    pub(super) fn key(&self, voxel: [i64; 3]) -> Option<(Key, Place)> {
        let mut max = [0; 3];
        for axis in 0..3 {
            max[axis] =
                voxel[axis].checked_add_unsigned(self.geometry.chunk[axis])?.min(self.end[axis]);
        }
        let bbox = bigarrays_core::BoundingBox::new(voxel, max);
        let name = bigarrays_core::geometry::ChunkName(bbox).to_string();
        match self.name_of_chunk(&name) {
            Named::Chunk(place) => Some((Key::new(format!("{}{name}", self.prefix)).ok()?, place)),
            _ => None,
        }
    }

    /// Bytes of the value of a chunk.
    pub(super) fn value_len(&self, place: &Place) -> usize {
        let [x, y, z] = place.shape;
        x * y * z * self.channels * self.data_type.size()
    }
}

/// What a name in the directory of the scale is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A chunk of the volume.
    Chunk(Place),
    /// A name that a chunk of another grid would have.
    OffGrid,
    /// Anything else.
    Other,
}

fn check_scale(scale: &Scale, geometry: &Geometry) -> Result<(), H5Error> {
    if scale.encoding != Encoding::Raw || scale.sharding.is_some() {
        let text = "chunks in HDF5 files are raw and not sharded; the first scale of its info says \
                    otherwise";
        return Err(invalid(text));
    }
    let chunk = scale.chunk_size();
    if scale.chunk_sizes.len() != 1 || chunk != geometry.chunk[..3] {
        return Err(invalid(format!(
            "its info has chunks of {chunk:?} and its configuration of {:?}",
            &geometry.chunk[..3]
        )));
    }
    let aligned = |axis: usize| {
        let (start, offset) = (scale.voxel_offset[axis], geometry.offset[axis]);
        let shift = i128::from(start) - i128::from(offset);
        shift.rem_euclid(i128::from(geometry.chunk[axis])) == 0
    };
    if (0..3).all(aligned) {
        return Ok(());
    }
    Err(invalid(format!(
        "its info begins at {:?}, which is not a chunk's begin in the files, whose offset is {:?}",
        scale.voxel_offset,
        &geometry.offset[..3]
    )))
}

/// Whether values of these types are the same bytes.
pub(super) fn same_type(one: DataType, other: DataType) -> bool {
    let plain = |data_type| if data_type == DataType::Bool { DataType::Uint8 } else { data_type };
    plain(one) == plain(other)
}
