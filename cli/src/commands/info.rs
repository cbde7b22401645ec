//! `bigarrays info`: what a volume is.

use bigarrays::info::{Scale, VolumeInfo};
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::volume;

pub(crate) fn run(args: &InfoArgs, console: Console) -> Result<(), CliError> {
    let info = &volume::reader().info(&args.url)?;
    super::create::warn_of_oddities(info, console);
    console.facts(&facts(&args.url, info), &table(&args.url, info));
    Ok(())
}

fn voxel_bytes(info: &VolumeInfo) -> u128 {
    u128::from(info.num_channels) * info.data_type.size() as u128
}

fn voxels(scale: &Scale) -> u128 {
    scale.size.iter().fold(1, |product: u128, &axis| product.saturating_mul(axis.into()))
}

fn chunks(scale: &Scale) -> u128 {
    scale.grid_size().iter().fold(1, |product: u128, &axis| product.saturating_mul(axis.into()))
}

fn facts(url: &str, info: &VolumeInfo) -> Value {
    let scales: Vec<Value> = info
        .scales
        .iter()
        .enumerate()
        .map(|(index, scale)| {
            json!({
                "index": index,
                "key": scale.key,
                "size": scale.size,
                "voxel_offset": scale.voxel_offset,
                "resolution": scale.resolution,
                "chunk_size": scale.chunk_size(),
                "encoding": scale.encoding.name(),
                "sharded": scale.sharding.is_some(),
                "chunks": u64::try_from(chunks(scale)).ok(),
                "bytes": u64::try_from(voxels(scale).saturating_mul(voxel_bytes(info))).ok(),
            })
        })
        .collect();
    json!({
        "url": url,
        "type": info.volume_type.to_string(),
        "data_type": info.data_type.name(),
        "num_channels": info.num_channels,
        "scales": scales,
        "info": info.to_value(),
    })
}

fn table(url: &str, info: &VolumeInfo) -> String {
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
            chunks(scale).to_string(),
            volume::bytes(voxels(scale).saturating_mul(voxel_bytes(info))),
        ]);
    }
    format!("{url}\n{}, {}, {channels}\n\n{}", info.volume_type, info.data_type, columns(&rows))
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
