//! The parameters that an encoding has in a scale, in words.

use bigarrays::info::{Encoding, Scale};
use serde_json::{Map, Value, json};

/// The keys of a scale that say how its encoding is to be written, with their values.
pub(crate) fn parameters(scale: &Scale) -> Map<String, Value> {
    let own = [
        ("jpeg_quality", scale.jpeg_quality.map(|quality| json!(quality))),
        ("png_level", scale.png_level.map(|level| json!(level))),
        (
            "compressed_segmentation_block_size",
            scale.compressed_segmentation_block_size.map(|block| json!(block)),
        ),
    ];
    let own = own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let prefix = match scale.encoding {
        Encoding::Jxl => "jxl_",
        Encoding::Fpzip => "fpzip_",
        Encoding::Zfpc => "zfpc_",
        _ => return own.collect(),
    };
    let others = scale.extra.iter().filter(|(key, _)| key.starts_with(prefix));
    own.chain(others.map(|(key, value)| (key.clone(), value.clone()))).collect()
}

/// `jpeg_quality 85, block 8,8,8`.
pub(crate) fn words(parameters: &Map<String, Value>) -> String {
    let word = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("compressed_segmentation_block_size", Value::Array(block)) => {
            let block: Vec<_> = block.iter().map(Value::to_string).collect();
            format!("blocks of {}", block.join(","))
        }
        (key, value) => format!("{key} {value}"),
    };
    parameters.iter().map(word).collect::<Vec<_>>().join(", ")
}
