//! What a volume is, as JSON for programs.

use bigarrays_core::{Scale, VolumeInfo};
use serde_json::{Map, Value, json};

/// Its type, and that of its voxels.
#[must_use]
pub fn volume(info: &VolumeInfo) -> Map<String, Value> {
    object([
        ("type", json!(info.volume_type.to_string())),
        ("data_type", json!(info.data_type.name())),
        ("num_channels", json!(info.num_channels)),
    ])
}

/// Where a scale lies, and how it is stored.
#[must_use]
pub fn scale(scale: &Scale) -> Map<String, Value> {
    object([
        ("key", json!(scale.key)),
        ("size", json!(scale.size)),
        ("voxel_offset", json!(scale.voxel_offset)),
        ("resolution", json!(scale.resolution)),
        ("chunk_size", json!(scale.chunk_size())),
        ("encoding", json!(scale.encoding.name())),
        ("sharded", json!(scale.sharding.is_some())),
    ])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Some facts and more of them, as one object.
#[must_use]
pub fn with(mut facts: Map<String, Value>, more: Value) -> Value {
    if let Value::Object(more) = more {
        facts.extend(more);
    }
    Value::Object(facts)
}
