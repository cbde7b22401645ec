//! Telling what a document is when it is not a volume.
//!
//! Every neuroglancer directory has an `info`, and a wrong path is the commonest mistake, so the
//! refusal names what was found.

use serde_json::{Map, Value};

/// The value of `@type` in a volume.
pub(crate) const VOLUME: &str = "neuroglancer_multiscale_volume";

/// Other values of `@type`, and what they mean.
const NAMED: [(&str, &str); 7] = [
    ("neuroglancer_annotations_v1", "an annotation layer"),
    ("neuroglancer_annotation_collection", "an annotation layer of the older form"),
    ("neuroglancer_legacy_mesh", "a mesh directory"),
    ("neuroglancer_multilod_draco", "a multi-resolution mesh directory"),
    ("neuroglancer_skeletons", "a skeleton directory"),
    ("neuroglancer_segment_properties", "a segment properties directory"),
    ("neuroglancer_uint64_sharded_v1", "a sharding specification"),
];

/// What this document is, with its article; `None` if it is, or tries to be, a volume or a
/// redirect to one.
pub(crate) fn other_kind(document: &Value) -> Option<String> {
    let fields = match document {
        Value::Object(fields) => fields,
        Value::Array(_) => return Some("a JSON array".to_owned()),
        Value::String(_) => return Some("a JSON text".to_owned()),
        Value::Number(_) => return Some("a JSON number".to_owned()),
        Value::Bool(_) => return Some("a JSON boolean".to_owned()),
        Value::Null => return Some("a JSON null".to_owned()),
    };
    match fields.get("@type") {
        None | Some(Value::Null) => unnamed(fields).map(str::to_owned),
        Some(Value::String(name)) if name == VOLUME => None,
        Some(Value::String(name)) => Some(named(name)),
        Some(_) => Some("a document whose @type is not a text".to_owned()),
    }
}

fn named(name: &str) -> String {
    let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    match NAMED.iter().find(|(known, _)| *known == name) {
        Some((_, what)) => format!("{what} ({shown})"),
        None => format!("a document of @type {shown}"),
    }
}

/// Documents of other formats, told by the keys they must have.
fn unnamed(fields: &Map<String, Value>) -> Option<&'static str> {
    let has = |key: &str| fields.contains_key(key);
    if has("scales") || has("redirect") {
        return None;
    }
    if has("zarr_format") {
        return Some(match fields.get("node_type").and_then(Value::as_str) {
            Some("array") => "a Zarr array (zarr.json)",
            Some("group") => "a Zarr group (zarr.json)",
            _ if has("chunks") => "a Zarr array (.zarray)",
            _ => "a Zarr group (.zgroup)",
        });
    }
    if has("multiscales") || has("ome") {
        return Some("OME-Zarr attributes");
    }
    if has("n5") || (has("blockSize") && has("dimensions")) {
        return Some("N5 attributes (attributes.json)");
    }
    if has("layers") {
        return Some("a neuroglancer viewer state");
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn other_neuroglancer_documents_are_named() {
        for (name, what) in NAMED {
            let kind = other_kind(&json!({ "@type": name, "scales": [] })).unwrap();
            assert_eq!(kind, format!("{what} ({name})"));
        }
        assert!(other_kind(&json!({ "@type": "something" })).unwrap().contains("something"));
        assert!(other_kind(&json!({ "@type": 5 })).is_some());
    }

    #[test]
    fn other_formats_are_named() {
        for (document, word) in [
            (json!({ "zarr_format": 2, "shape": [1], "chunks": [1] }), ".zarray"),
            (json!({ "zarr_format": 2 }), ".zgroup"),
            (json!({ "zarr_format": 3, "node_type": "array" }), "Zarr array"),
            (json!({ "zarr_format": 3, "node_type": "group" }), "Zarr group"),
            (json!({ "multiscales": [] }), "OME-Zarr"),
            (json!({ "n5": "2.5.0" }), "N5"),
            (json!({ "dimensions": [1], "blockSize": [1], "dataType": "uint8" }), "N5"),
            (json!({ "layers": [], "dimensions": {} }), "viewer state"),
            (json!([1]), "array"),
            (json!(null), "null"),
        ] {
            let kind = other_kind(&document).unwrap();
            assert!(kind.contains(word), "{document}: {kind}");
        }
    }

    #[test]
    fn volumes_and_unfinished_volumes_are_not_another_kind() {
        for document in [
            json!({}),
            json!({ "@type": VOLUME }),
            json!({ "@type": null, "scales": [], "layers": [] }),
            json!({ "redirect": "gs://elsewhere", "n5": "2.5.0" }),
        ] {
            assert_eq!(other_kind(&document), None, "{document}");
        }
    }
}
