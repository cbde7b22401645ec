//! The rules of the format, checked on whatever could be read.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::data_type::{DataType, VolumeType};
use crate::draft::{BlockSize, Draft, DraftScale};
use crate::encoding::Encoding;
use crate::problems::Problems;
use crate::scale::grid_size;
use crate::sharding::Sharding;

/// The bytes of one decoded chunk (its shape x channels x bytes of the data type) must not be more
/// than this: one less than 2 GiB, so that it fits memory lengths on every machine.
pub const MAX_CHUNK_BYTES: u64 = 0x7fff_ffff;

/// 2^this minishards at most; the index of one shard file is 16 bytes for each.
const MAX_MINISHARD_BITS: u32 = 32;

/// What the volume is for: some old documents break rules that new ones must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reading,
    Writing,
}

/// The keys of the document that have a field.
const VOLUME_KEYS: [&str; 8] = [
    "@type",
    "type",
    "data_type",
    "num_channels",
    "scales",
    "mesh",
    "skeletons",
    "segment_properties",
];

/// The keys of a scale that have a field; `sharding` is looked at apart.
const SCALE_KEYS: [&str; 11] = [
    "key",
    "size",
    "voxel_offset",
    "resolution",
    "chunk_sizes",
    "encoding",
    "compressed_segmentation_block_size",
    "jpeg_quality",
    "png_level",
    "hidden",
    "locked",
];

/// The keys of a `sharding` object that have a field.
const SHARDING_KEYS: [&str; 7] = [
    "@type",
    "preshift_bits",
    "hash",
    "minishard_bits",
    "shard_bits",
    "minishard_index_encoding",
    "data_encoding",
];

/// Reports everything wrong or odd about `draft`. A gap is no problem here: whoever left it told.
pub(crate) fn check(draft: &Draft, purpose: Purpose, problems: &mut Problems) {
    check_type(draft, problems);
    check_channels(draft, purpose, problems);
    check_directories(draft, problems);
    if purpose == Purpose::Writing {
        check_extra("", &draft.extra, &VOLUME_KEYS, problems);
    }
    let Some(scales) = &draft.scales else { return };
    if scales.is_empty() {
        problems.error("scales", "must hold at least one scale");
    }
    for (index, scale) in scales.iter().enumerate() {
        ScaleCheck { path: format!("scales[{index}]"), scale, draft }.run(purpose, problems);
    }
    check_unique(scales, problems);
}

fn check_type(draft: &Draft, problems: &mut Problems) {
    if let Some(VolumeType::Other(name)) = &draft.volume_type {
        // A name that reads back as something else would not survive a round trip.
        if name.is_empty() || name.parse() != Ok(VolumeType::Other(name.clone())) {
            let message = format!("{name:?} cannot be a type of its own");
            problems.error("type", message);
        } else {
            let message = format!("{name:?} is neither image nor segmentation; viewers refuse it");
            problems.warning("type", message);
        }
    }
    let Some(data_type) = draft.data_type else {
        return;
    };
    if !data_type.is_in_spec() {
        let message = format!("{data_type} is not in the specification; viewers refuse it");
        problems.warning("data_type", message);
    } else if data_type == DataType::Float32 && draft.volume_type == Some(VolumeType::Segmentation)
    {
        problems.warning("data_type", "float32 is no segment id; viewers refuse it");
    }
}

fn check_channels(draft: &Draft, purpose: Purpose, problems: &mut Problems) {
    let Some(channels) = draft.num_channels else {
        return;
    };
    if channels == 0 {
        problems.error("num_channels", "must be 1 or more, not 0");
    } else if channels > 1 && draft.volume_type == Some(VolumeType::Segmentation) {
        let message = format!("must be 1 for a segmentation, not {channels}");
        match purpose {
            Purpose::Reading => problems.warning("num_channels", message),
            Purpose::Writing => problems.error("num_channels", message),
        }
    }
}

fn check_directories(draft: &Draft, problems: &mut Problems) {
    let directories = [
        ("mesh", &draft.mesh),
        ("skeletons", &draft.skeletons),
        ("segment_properties", &draft.segment_properties),
    ];
    for (key, directory) in directories {
        let Some(directory) = directory else { continue };
        if directory.is_empty() {
            problems.warning(key, "is empty: it names no directory");
        }
        if draft.volume_type == Some(VolumeType::Image) {
            problems.warning(key, "belongs to a segmentation; an image has none");
        }
    }
}

/// Keys that have a field must not stand among the others as well: one of the two would be lost.
fn check_extra(path: &str, extra: &Map<String, Value>, known: &[&str], problems: &mut Problems) {
    for key in known.iter().filter(|key| extra.contains_key(**key)) {
        let path = if path.is_empty() { (*key).to_owned() } else { format!("{path}.{key}") };
        problems.error(path, "stands in `extra`, but has a field of its own");
    }
}

/// Two scales of one key would share their chunks; of one resolution, only the first is found.
fn check_unique(scales: &[DraftScale], problems: &mut Problems) {
    let mut keys = HashMap::new();
    let mut resolutions = HashMap::new();
    for (index, scale) in scales.iter().enumerate() {
        if let Some(key) = &scale.key
            && let Some(first) = first_of(&mut keys, key.as_str(), index)
        {
            let path = format!("scales[{index}].key");
            let message = format!("{key:?} is the key of scales[{first}] already");
            // Placeholders have no chunks to share.
            if key.contains("placeholder") {
                problems.warning(path, message);
            } else {
                problems.error(path, message);
            }
        }
        if let Some(resolution) = scale.resolution
            && let Some(first) = first_of(&mut resolutions, resolution.map(f64::to_bits), index)
        {
            let message = format!("{resolution:?} is the resolution of scales[{first}] already");
            problems.warning(format!("scales[{index}].resolution"), message);
        }
    }
}

/// The index under which `item` was seen before; otherwise remembers it.
fn first_of<T: Eq + std::hash::Hash>(
    seen: &mut HashMap<T, usize>,
    item: T,
    index: usize,
) -> Option<usize> {
    let first = *seen.entry(item).or_insert(index);
    (first != index).then_some(first)
}

/// The rules for one scale.
struct ScaleCheck<'a> {
    path: String,
    scale: &'a DraftScale,
    draft: &'a Draft,
}

impl ScaleCheck<'_> {
    fn run(&self, purpose: Purpose, problems: &mut Problems) {
        self.check_box(problems);
        self.check_chunk_sizes(problems);
        self.check_encoding(problems);
        self.check_block_size(problems);
        self.check_hints(problems);
        self.check_sharding(problems);
        if purpose == Purpose::Writing {
            check_extra(&self.path, &self.scale.extra, &SCALE_KEYS, problems);
            self.check_sharding_extra(problems);
        }
    }

    fn at(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    fn check_box(&self, problems: &mut Problems) {
        let scale = self.scale;
        if scale.key.as_ref().is_some_and(String::is_empty) {
            problems.error(self.at("key"), "must not be empty");
        }
        if let Some(size) = scale.size {
            for (axis, length) in size.into_iter().enumerate() {
                let offset = scale.voxel_offset.map_or(0, |offset| offset[axis]);
                let path = || self.at(&format!("size[{axis}]"));
                if length == 0 {
                    problems.warning(path(), "is 0: the scale is empty; viewers refuse it");
                } else if i64::try_from(length).is_err()
                    || offset.checked_add_unsigned(length).is_none()
                {
                    problems.error(
                        path(),
                        format!("{length} voxels from {offset} on do not fit 64-bit coordinates"),
                    );
                }
            }
        }
        for (axis, length) in scale.resolution.into_iter().flatten().enumerate() {
            if !(length.is_finite() && length > 0.0) {
                let path = self.at(&format!("resolution[{axis}]"));
                problems.error(path, format!("must be more than 0 and finite, not {length}"));
            }
        }
    }

    fn check_chunk_sizes(&self, problems: &mut Problems) {
        let Some(chunk_sizes) = &self.scale.chunk_sizes else {
            return;
        };
        match chunk_sizes.len() {
            0 => problems.error(self.at("chunk_sizes"), "must hold at least one chunk size"),
            1 => {}
            count if self.scale.sharding.is_some() => {
                let message = format!("must hold one chunk size in a sharded scale, not {count}");
                problems.error(self.at("chunk_sizes"), message);
            }
            count => {
                let message = format!("holds {count} chunk sizes; only the first is used");
                problems.warning(self.at("chunk_sizes"), message);
            }
        }
        for (index, chunk) in chunk_sizes.iter().enumerate() {
            if let Some(chunk) = chunk {
                self.check_chunk(*chunk, &self.at(&format!("chunk_sizes[{index}]")), problems);
            }
        }
    }

    fn check_chunk(&self, chunk: [u64; 3], path: &str, problems: &mut Problems) {
        let mut empty = false;
        for axis in chunk.iter().enumerate().filter(|(_, length)| **length == 0).map(|(i, _)| i) {
            problems.error(format!("{path}[{axis}]"), "must be 1 or more, not 0");
            empty = true;
        }
        // A gap counts as one byte: what is certain is still bounded.
        let value_bytes = self.draft.data_type.map_or(Some(1), |t| u64::try_from(t.size()).ok());
        let bytes = chunk
            .into_iter()
            .chain(self.draft.num_channels)
            .try_fold(value_bytes.unwrap_or(u64::MAX), u64::checked_mul);
        if !empty && bytes.is_none_or(|bytes| bytes > MAX_CHUNK_BYTES) {
            let size = bytes.map_or("more than 2^64".to_owned(), |bytes| bytes.to_string());
            let message = format!("a chunk is {size} bytes; it must be smaller than 2 GiB");
            problems.error(path, message);
        }
    }

    fn check_encoding(&self, problems: &mut Problems) {
        let Some(encoding) = self.scale.encoding else {
            return;
        };
        let path = self.at("encoding");
        if !encoding.is_in_spec() {
            let message = format!("{encoding} is not in the specification; viewers refuse it");
            problems.warning(path.as_str(), message);
        }
        if let Some(data_type) = self.draft.data_type
            && !encoding.data_types().contains(&data_type)
        {
            let good = listed(encoding.data_types());
            let message = format!("{encoding} cannot hold {data_type}, only {good}");
            problems.error(path.as_str(), message);
        }
        if let Some(channels) = self.draft.num_channels
            && let Some(counts) = encoding.channel_counts()
            && !counts.contains(&channels)
        {
            let good = listed(counts);
            let message = format!("{encoding} cannot hold {channels} channels, only {good}");
            problems.error(path, message);
        }
    }

    fn check_block_size(&self, problems: &mut Problems) {
        let path = self.at("compressed_segmentation_block_size");
        let is_needed = self.scale.encoding == Some(Encoding::CompressedSegmentation);
        match (self.scale.block_size, self.scale.encoding) {
            (BlockSize::Absent, _) if is_needed => {
                problems.error(path, "is missing; compressed_segmentation needs it");
            }
            (BlockSize::Present(_), Some(encoding)) if !is_needed => {
                problems.warning(path, format!("means nothing to the encoding {encoding}"));
            }
            _ => {}
        }
        let BlockSize::Present(block) = self.scale.block_size else {
            return;
        };
        let path = self.at("compressed_segmentation_block_size");
        let voxels = block.into_iter().try_fold(1, u64::checked_mul);
        if voxels == Some(0) || block.contains(&0) {
            problems.error(path, "each part must be 1 or more");
        } else if voxels.is_none_or(|voxels| voxels > u64::from(u32::MAX)) {
            problems.error(path, "a block must hold fewer than 2^32 voxels");
        }
    }

    fn check_hints(&self, problems: &mut Problems) {
        let hints = [
            ("jpeg_quality", self.scale.jpeg_quality, 100),
            ("png_level", self.scale.png_level, 9),
        ];
        for (field, value, most) in hints {
            if let Some(value) = value.filter(|value| *value > most) {
                problems.error(self.at(field), format!("must be 0 to {most}, not {value}"));
            }
        }
    }

    fn check_sharding(&self, problems: &mut Problems) {
        let Some(sharding) = self.scale.sharding else {
            return;
        };
        let limits = [
            ("preshift_bits", sharding.preshift_bits, 63),
            ("minishard_bits", sharding.minishard_bits, MAX_MINISHARD_BITS),
            ("shard_bits", sharding.shard_bits, 64),
        ];
        for (field, value, most) in limits {
            if value > most {
                let path = self.at(&format!("sharding.{field}"));
                problems.error(path, format!("must be 0 to {most}, not {value}"));
            }
        }
        let Sharding { preshift_bits, minishard_bits, shard_bits, .. } = sharding;
        let sum = [preshift_bits, minishard_bits, shard_bits].map(u64::from).iter().sum::<u64>();
        if sum > 64 {
            let message =
                format!("the three numbers of bits must be 64 at most together, not {sum}");
            problems.error(self.at("sharding"), message);
        }
        self.check_chunk_ids(problems);
    }

    /// Chunks of a sharded scale are numbered by the interleaved bits of their grid position.
    fn check_chunk_ids(&self, problems: &mut Problems) {
        let chunk = self.scale.chunk_sizes.iter().flatten().next().copied().flatten();
        let (Some(size), Some(chunk)) = (self.scale.size, chunk) else {
            return;
        };
        let bits = |cells: u64| u64::BITS - cells.saturating_sub(1).leading_zeros();
        let bits: u32 = grid_size(size, chunk).map(bits).iter().sum();
        if bits > 64 {
            let message = format!("the grid needs chunk ids of {bits} bits; there are 64");
            problems.error(self.at("sharding"), message);
        }
    }

    /// `extra` may keep unknown keys of the `sharding` object, beside a field that says the rest.
    fn check_sharding_extra(&self, problems: &mut Problems) {
        let path = self.at("sharding");
        match (self.scale.extra.get("sharding"), self.scale.sharding) {
            (None, _) => {}
            (Some(Value::Object(rest)), Some(_)) if !rest.is_empty() => {
                check_extra(&path, rest, &SHARDING_KEYS, problems);
            }
            (Some(_), _) => {
                problems.error(path, "stands in `extra`, but has a field of its own");
            }
        }
    }
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
