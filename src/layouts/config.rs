//! `config.json` of BigArrays.jl v0.5.

use std::str::FromStr;

use bigarrays_core::DataType;
use serde_json::{Map, Value};

/// What BigArrays.jl v0.5 knows of a volume.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    /// Voxels of a chunk, and channels, for as many axes as the volume has: two to four.
    pub(super) chunk: Vec<u64>,
    pub(super) data_type: DataType,
}

/// Keys that only the `config.json` of its HDF5 and Google stores have.
const OF_OTHER_STORES: [&str; 5] =
    ["blockSize", "blocksz", "innerChunkSize", "h5FilePrefix", "globalRange"];

impl Config {
    /// Reads a `config.json`. `compression` says nothing: whatever it was, values are Blosc
    /// frames. `prefix` was not used.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is not a JSON object: {error}"))?;
        if let Some(other) = OF_OTHER_STORES.into_iter().find(|key| document.contains_key(*key)) {
            return Err(format!(
                "it has {other:?}, so it describes HDF5 files or blocks; \
                 a directory of HDF5 files opens as h5://"
            ));
        }
        let chunk = document.get("chunkSize").and_then(Value::as_array);
        let chunk =
            chunk.and_then(|axes| axes.iter().map(Value::as_u64).collect::<Option<Vec<_>>>());
        let chunk = chunk
            .filter(|axes| (2..=4).contains(&axes.len()) && !axes.contains(&0))
            .ok_or("its \"chunkSize\" is not a list of two to four numbers above 0")?;
        let name =
            document.get("dataType").and_then(Value::as_str).ok_or("it has no \"dataType\"")?;
        let data_type = DataType::from_str(name).map_err(|error| error.to_string())?;
        Ok(Self { chunk, data_type })
    }

    /// The length of a chunk on an axis `x`, `y`, `z` or `c`; 1 on one that the volume lacks.
    pub(super) fn axis(&self, axis: usize) -> u64 {
        self.chunk.get(axis).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_published_forms_are_read() {
        let plain = Config::parse(br#"{"chunkSize": [512,512,16], "dataType": "UInt8"}"#).unwrap();
        assert_eq!(plain, Config { chunk: vec![512, 512, 16], data_type: DataType::Uint8 });
        let affinity = br#"{"prefix": "", "chunkSize": [512,512,16,3], "dataType": "Float32",
                            "compression": "blosclz"}"#;
        let affinity = Config::parse(affinity).unwrap();
        assert_eq!(affinity.data_type, DataType::Float32);
        assert_eq!([affinity.axis(2), affinity.axis(3), plain.axis(3)], [16, 3, 1]);
    }

    #[test]
    fn what_is_something_else_is_refused_with_the_reason() {
        for (text, reason) in [
            ("[1]", "JSON object"),
            ("{", "JSON object"),
            ("{}", "chunkSize"),
            (r#"{"chunkSize": [0,1,1], "dataType": "UInt8"}"#, "above 0"),
            (r#"{"chunkSize": [8,8,8,8,8], "dataType": "UInt8"}"#, "two to four"),
            (r#"{"chunkSize": [8,8,-8], "dataType": "UInt8"}"#, "two to four"),
            (r#"{"chunkSize": [8,8,8]}"#, "dataType"),
            (r#"{"chunkSize": [8,8,8], "dataType": "Complex64"}"#, "Complex64"),
            (r#"{"chunkSize": [8,8,8], "dataType": "UInt8", "blockSize": [8,8,8]}"#, "h5://"),
        ] {
            let error = Config::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
