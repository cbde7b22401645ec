//! `bigarrays info`: what a volume is.

use bigarrays::backend::{ContentEncoding, wait};
use bigarrays::info::{Scale, VolumeInfo};
use bigarrays::{BigArray, KeyValueBackend};
use bigarrays_formats::facts;
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::chunks::{self, Shards};
use crate::console::Console;
use crate::error::CliError;
use crate::values::Url;
use crate::volume;

/// What becomes of compressed chunks in a directory tree.
const UNSEEN: &str = ": as files with a suffix, which neuroglancer and TensorStore do not find";

pub(crate) fn run(args: &InfoArgs, console: Console) -> Result<(), CliError> {
    let Some(url) = &args.url else {
        return match &args.verb {
            Some(verb) => super::info_edit::run(verb, console),
            None => Err(CliError::usage("a volume is needed")),
        };
    };
    let info = &volume::reader().info(url)?;
    super::create::warn_of_oddities(info, console);
    let compressions: Vec<_> =
        (0..info.scales.len()).map(|scale| compression(url, scale)).collect();
    let text = table(url, info) + &notes(url, info, &compressions);
    console.facts(&told(url, info, &compressions), &text);
    Ok(())
}

/// How the chunks of a scale are compressed as they are stored: seen on one of them, for the
/// volume's info does not say. `None` where none of a few is stored, or the scale cannot be opened.
fn compression(url: &str, scale: usize) -> Option<ContentEncoding> {
    let array = volume::open_to_read(url, Some(&scale.to_string())).ok()?;
    if array.scale().sharding.is_some() {
        return None;
    }
    let grid = array.scale().grid_size();
    let cells = [[0; 3], grid.map(|cells| cells / 2), grid.map(|cells| cells.saturating_sub(1))];
    cells.into_iter().find_map(|cell| stored(&array, cell))
}

fn stored(array: &BigArray, cell: [u64; 3]) -> Option<ContentEncoding> {
    let meta = wait(array.backend().head(&array.chunk_key(cell)?)).ok()??;
    meta.content_encoding
}

fn voxel_bytes(info: &VolumeInfo) -> u128 {
    u128::from(info.num_channels) * info.data_type.size() as u128
}

fn voxels(scale: &Scale) -> u128 {
    scale.size.iter().fold(1, |product: u128, &axis| product.saturating_mul(axis.into()))
}

fn chunk_count(scale: &Scale) -> u128 {
    scale.grid_size().iter().fold(1, |product: u128, &axis| product.saturating_mul(axis.into()))
}

fn told(url: &Url, info: &VolumeInfo, compressions: &[Option<ContentEncoding>]) -> Value {
    let scales: Vec<Value> = info
        .scales
        .iter()
        .zip(compressions)
        .enumerate()
        .map(|(index, (scale, compression))| {
            let more = json!({
                "index": index,
                "encoding_parameters": chunks::parameters(scale),
                "sharding": Shards::of(scale).map(|shards| shards.facts()),
                "compression": compression.map(|compression| compression.to_string()),
                "chunks": u64::try_from(chunk_count(scale)).ok(),
                "bytes": u64::try_from(voxels(scale).saturating_mul(voxel_bytes(info))).ok(),
            });
            facts::with(facts::scale(scale), more)
        })
        .collect();
    let more = json!({ "url": url.to_string(), "scales": scales, "info": info.to_value() });
    facts::with(facts::volume(info), more)
}

fn table(url: &Url, info: &VolumeInfo) -> String {
    let channels = match info.num_channels {
        1 => "1 channel".to_owned(),
        channels => format!("{channels} channels"),
    };
    let header =
        ["scale", "key", "size", "offset", "nm/voxel", "chunk", "encoding", "chunks", "bytes"];
    let mut rows = vec![header.map(String::from)];
    for (index, scale) in info.scales.iter().enumerate() {
        let mut encoding = scale.encoding.to_string();
        if scale.sharding.is_some() {
            encoding.push_str(", sharded");
        }
        if scale.locked {
            encoding.push_str(", locked");
        }
        if scale.is_placeholder() {
            encoding.push_str(", placeholder");
        }
        rows.push([
            index.to_string(),
            scale.key.clone(),
            triple(&scale.size),
            triple(&scale.voxel_offset),
            triple(&scale.resolution),
            triple(&scale.chunk_size()),
            encoding,
            chunk_count(scale).to_string(),
            volume::bytes(voxels(scale).saturating_mul(voxel_bytes(info))),
        ]);
    }
    format!("{url}\n{}, {}, {channels}\n\n{}", info.volume_type, info.data_type, columns(&rows))
}

/// What does not fit into the table: a line for each thing, after an empty one.
fn notes(url: &Url, info: &VolumeInfo, compressions: &[Option<ContentEncoding>]) -> String {
    let mut lines = Vec::new();
    for (index, (scale, compression)) in info.scales.iter().zip(compressions).enumerate() {
        let parameters = chunks::parameters(scale);
        if !parameters.is_empty() {
            lines.push(format!(
                "scale {index}: {}: {}",
                scale.encoding,
                chunks::words(&parameters)
            ));
        }
        if let Some(shards) = Shards::of(scale) {
            lines.push(format!("scale {index}: sharded: {shards}"));
        }
        if let Some(compression) = compression.filter(|&found| found != ContentEncoding::Identity) {
            let unseen = if volume::is_tree(url) { UNSEEN } else { "" };
            lines.push(format!("scale {index}: chunks are compressed with {compression}{unseen}"));
        }
    }
    if lines.is_empty() { String::new() } else { format!("\n\n{}", lines.join("\n")) }
}

fn triple<T: ToString>(values: &[T; 3]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

/// Rows as aligned columns, two spaces apart.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
