//! Writing a document strictly.

use serde_json::{Map, Number, Value, json};

use crate::error::InfoError;
use crate::info::VolumeInfo;
use crate::kind::VOLUME;
use crate::scale::Scale;
use crate::sharding::Sharding;

impl VolumeInfo {
    /// The bytes of the `info` document: checked, indented, keys sorted.
    ///
    /// # Errors
    ///
    /// [`InfoError::Invalid`] with every error that [`validate`](Self::validate) finds. Warnings
    /// do not stop writing.
    pub fn to_json(&self) -> Result<Vec<u8>, InfoError> {
        self.check_for_writing()?;
        Ok(format!("{:#}", self.to_value()).into_bytes())
    }

    /// The document as a JSON value, keys sorted, without any check.
    ///
    /// A resolution that JSON cannot hold (infinite or not a number) becomes `null`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut document = self.extra.clone();
        let mut set = |key: &str, value: Value| document.insert(key.to_owned(), value);
        set("@type", json!(VOLUME));
        set("type", json!(self.volume_type.name()));
        set("data_type", json!(self.data_type.name()));
        set("num_channels", json!(self.num_channels));
        set("scales", self.scales.iter().map(scale).collect());
        let directories = [
            ("mesh", &self.mesh),
            ("skeletons", &self.skeletons),
            ("segment_properties", &self.segment_properties),
        ];
        for (key, directory) in directories {
            if let Some(directory) = directory {
                set(key, json!(directory));
            }
        }
        let mut document = Value::Object(document);
        document.sort_all_objects();
        document
    }
}

fn scale(scale: &Scale) -> Value {
    let mut fields = scale.extra.clone();
    let sharding_extra = fields.shift_remove("sharding");
    let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    set("key", json!(scale.key));
    set("size", json!(scale.size));
    set("voxel_offset", json!(scale.voxel_offset));
    set("resolution", scale.resolution.into_iter().map(number).collect());
    set("chunk_sizes", json!(scale.chunk_sizes));
    set("encoding", json!(scale.encoding.name()));
    if let Some(block_size) = scale.compressed_segmentation_block_size {
        set("compressed_segmentation_block_size", json!(block_size));
    }
    if let Some(quality) = scale.jpeg_quality {
        set("jpeg_quality", json!(quality));
    }
    if let Some(level) = scale.png_level {
        set("png_level", json!(level));
    }
    if let Some(spec) = scale.sharding {
        set("sharding", sharding(spec, sharding_extra));
    }
    for (key, flag) in [("hidden", scale.hidden), ("locked", scale.locked)] {
        if flag {
            set(key, json!(true));
        }
    }
    Value::Object(fields)
}

fn sharding(spec: Sharding, extra: Option<Value>) -> Value {
    let mut fields = if let Some(Value::Object(extra)) = extra { extra } else { Map::new() };
    let known = [
        ("@type", json!(Sharding::TYPE)),
        ("preshift_bits", json!(spec.preshift_bits)),
        ("hash", json!(spec.hash.name())),
        ("minishard_bits", json!(spec.minishard_bits)),
        ("shard_bits", json!(spec.shard_bits)),
        ("minishard_index_encoding", json!(spec.minishard_index_encoding.name())),
        ("data_encoding", json!(spec.data_encoding.name())),
    ];
    fields.extend(known.map(|(key, value)| (key.to_owned(), value)));
    Value::Object(fields)
}

/// A whole number is written without a point, as CloudVolume and people do.
fn number(number: f64) -> Value {
    // The text of a whole f64 is digits only, and reads back as the same f64.
    match number.to_string().parse::<i64>() {
        Ok(whole) => Value::from(whole),
        Err(_) => Number::from_f64(number).map_or(Value::Null, Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_resolutions_are_written_without_a_point() {
        assert_eq!(number(4.0).to_string(), "4");
        assert_eq!(number(33.25).to_string(), "33.25");
        assert_eq!(number(1e18).to_string(), "1000000000000000000");
        assert_eq!(number(1e-7).as_f64(), Some(1e-7));
        assert_eq!(number(1e300).as_f64(), Some(1e300));
        assert_eq!(number(f64::NAN), Value::Null);
    }
}
