//! `config.json`: how a volume is cut into files and chunks.

use bigarrays_info::DataType;
use serde_json::{Map, Value, json};

use crate::brief::brief;

/// Files are named so unless the configuration says otherwise.
const PREFIX: &str = "block_";
/// HDF5 allows this many axes.
const MOST_AXES: usize = 32;
/// Lengths and offsets beyond this are refused, so that positions can be computed without care.
const FARTHEST: u64 = 1 << 48;

/// How chunks of new files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Byte shuffle and deflate (gzip) at level 3, which every HDF5 reads.
    #[default]
    Deflate,
    /// Blosc (filter 32001): faster; other programs need its plugin (`hdf5plugin` for h5py).
    Blosc,
    /// Chunks are stored as they are.
    None,
}

impl Compression {
    const fn name(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Blosc => "blosc",
            Self::None => "none",
        }
    }
}

/// A configuration, whatever version of `BigArrays.jl` wrote it. Axes begin with x.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) prefix: String,
    /// `None` before 2017-06: the files tell.
    pub(super) data_type: Option<DataType>,
    pub(super) offset: Vec<i64>,
    pub(super) block: Vec<u64>,
    pub(super) chunk: Vec<u64>,
    pub(super) compression: Compression,
}

impl Config {
    /// Reads a configuration. The error is a clause that says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        // It may quote any part of it.
        Self::read(bytes).map_err(|error| brief(&error))
    }

    fn read(bytes: &[u8]) -> Result<Self, String> {
        let document: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is no JSON object: {error}"))?;
        let either = |names: &[&str]| names.iter().find_map(|&name| document.get(name));
        let prefix = match either(&["h5FilePrefix", "prefix"]) {
            None => PREFIX.to_owned(),
            Some(Value::String(prefix)) => prefix.clone(),
            Some(other) => return Err(format!("its prefix is {other}")),
        };
        if prefix.contains(['/', '\\', '\0']) || prefix.starts_with('.') {
            return Err(format!("files beside it cannot begin with {prefix:?}"));
        }
        let (block, chunk) = if document.contains_key("innerChunkSize") {
            (either(&["blockSize", "chunkSize"]), either(&["innerChunkSize"]))
        } else {
            (either(&["blockSize", "blocksz"]), either(&["chunkSize", "chunksz"]))
        };
        let (block, chunk) = (lengths(block, "block size")?, lengths(chunk, "chunk size")?);
        if block.len() != chunk.len() {
            return Err("its block size and chunk size have different numbers of axes".to_owned());
        }
        let config = Self {
            prefix,
            data_type: either(&["dataType"]).map(data_type).transpose()?,
            offset: offsets(either(&["globalOffset"]), block.len())?,
            block,
            chunk,
            compression: match either(&["compression"]) {
                None => Compression::default(),
                Some(Value::String(name)) if name == "deflate" => Compression::Deflate,
                Some(Value::String(name)) if name == "blosc" => Compression::Blosc,
                Some(_) => Compression::None,
            },
        };
        config.check()?;
        Ok(config)
    }

    /// Refuses what cannot be seen as a grid of chunks.
    pub(super) fn check(&self) -> Result<(), String> {
        let axes = self.block.iter().zip(&self.chunk).take(3);
        match axes.into_iter().find(|(block, chunk)| !block.is_multiple_of(**chunk)) {
            None => Ok(()),
            Some((block, chunk)) => Err(format!(
                "its blocks of {block} are no whole number of chunks of {chunk}, so that its chunks \
                 are no regular grid"
            )),
        }
    }

    /// The document, as the last version of `BigArrays.jl` with this layout wrote it.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let document = json!({
            "h5FilePrefix": self.prefix,
            "dataType": self.data_type.map_or("UInt8", julia_name),
            "globalOffset": self.offset,
            "blockSize": self.block,
            "chunkSize": self.chunk,
            "compression": self.compression.name(),
        });
        let mut text = document.to_string().into_bytes();
        text.push(b'\n');
        text
    }

    /// The configuration of a new volume.
    pub(super) fn new(
        data_type: DataType,
        (block, chunk): ([u64; 3], [u64; 3]),
        offset: [i64; 3],
        channels: u64,
        compression: Compression,
    ) -> Self {
        let (mut block, mut chunk, mut offset) = (block.to_vec(), chunk.to_vec(), offset.to_vec());
        if channels > 1 {
            block.push(channels);
            chunk.push(channels);
            offset.push(0);
        }
        let (prefix, data_type) = (PREFIX.to_owned(), Some(data_type));
        Self { prefix, data_type, offset, block, chunk, compression }
    }
}

fn lengths(value: Option<&Value>, what: &str) -> Result<Vec<u64>, String> {
    let Some(value) = value else { return Err(format!("it has no {what}")) };
    let axes = value.as_array().filter(|axes| (1..=MOST_AXES).contains(&axes.len()));
    let length = |axis: &Value| axis.as_u64().filter(|length| (1..=FARTHEST).contains(length));
    axes.and_then(|axes| axes.iter().map(length).collect())
        .ok_or_else(|| format!("its {what} is {value}"))
}

fn offsets(value: Option<&Value>, axes: usize) -> Result<Vec<i64>, String> {
    let Some(value) = value else { return Ok(vec![0; axes]) };
    let near = |offset: &i64| offset.unsigned_abs() <= FARTHEST;
    let offset = |axis: &Value| axis.as_i64().filter(near);
    let list = value.as_array().filter(|list| list.len() <= axes);
    let list: Option<Vec<i64>> = list.and_then(|list| list.iter().map(offset).collect());
    let mut list = list.ok_or_else(|| format!("its globalOffset is {value}"))?;
    list.resize(axes, 0);
    Ok(list)
}

/// A type by its name in Julia, which differs from ours by capitals only.
fn data_type(value: &Value) -> Result<DataType, String> {
    let name = value.as_str().unwrap_or_default();
    let bare = name.rsplit('.').next().unwrap_or_default();
    bare.parse().map_err(|_| format!("its dataType is {value}, which is not known"))
}

const fn julia_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Uint8 => "UInt8",
        DataType::Int8 => "Int8",
        DataType::Uint16 => "UInt16",
        DataType::Int16 => "Int16",
        DataType::Uint32 => "UInt32",
        DataType::Int32 => "Int32",
        DataType::Uint64 => "UInt64",
        DataType::Int64 => "Int64",
        DataType::Float32 => "Float32",
        DataType::Float64 => "Float64",
        DataType::Bool => "Bool",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_configuration_is_read() {
        let oldest = br#"{"prefix": "block_", "blocksz": [4096,4096,512], "chunksz": [256,256,32],
            "compression": "deflate"}"#;
        let config = Config::parse(oldest).unwrap();
        assert_eq!(config.block, [4096, 4096, 512]);
        assert_eq!(config.chunk, [256, 256, 32]);
        assert_eq!((config.data_type, config.offset), (None, vec![0, 0, 0]));
        let inner =
            br#"{"prefix": "chunk_", "innerChunkSize": [64,64,8], "chunkSize": [256,256,32],
            "compression": "none"}"#;
        let config = Config::parse(inner).unwrap();
        assert_eq!(config.prefix, "chunk_");
        assert_eq!((config.block, config.chunk), (vec![256, 256, 32], vec![64, 64, 8]));
        assert_eq!(config.compression, Compression::None);
        let last = br#"{"h5FilePrefix":"block_","dataType":"Float32","globalOffset":[-5,0,7],
            "blockSize":[1024,1024,128],"chunkSize":[32,32,4],"compression":"blosc"}"#;
        let config = Config::parse(last).unwrap();
        assert_eq!(config.data_type, Some(DataType::Float32));
        assert_eq!(config.offset, [-5, 0, 7]);
        assert_eq!(Config::parse(&config.to_json()).unwrap(), config);
        for data_type in DataType::ALL {
            let config = Config { data_type: Some(data_type), ..config.clone() };
            assert_eq!(Config::parse(&config.to_json()).unwrap(), config);
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (document, word) in [
            ("[]", "no JSON object"),
            (r#"{"blockSize":[8],"chunkSize":[8,8]}"#, "axes"),
            (r#"{"blockSize":[8]}"#, "no chunk size"),
            (r#"{"blockSize":[0],"chunkSize":[1]}"#, "block size"),
            (r#"{"blockSize":[10],"chunkSize":[4]}"#, "grid"),
            (r#"{"blockSize":[8],"chunkSize":[4],"dataType":"Complex"}"#, "dataType"),
            (r#"{"blockSize":[8],"chunkSize":[4],"prefix":"../up"}"#, "begin with"),
            (
                r#"{"blockSize":[8],"chunkSize":[4],"globalOffset":[9223372036854775807]}"#,
                "globalOffset",
            ),
        ] {
            let error = Config::parse(document.as_bytes()).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
