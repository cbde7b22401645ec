//! `bigarrays points`: the values of single voxels.

use std::io::Read;
use std::path::Path;

use bigarrays::array::OutOfBounds;
use bigarrays::dispatch;
use serde_json::{Value, json};

use crate::args::PointsArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::values::{self, Point};
use crate::volume;

pub(crate) fn run(args: &PointsArgs, console: Console) -> Result<(), CliError> {
    let points = match &args.from {
        Some(path) => read_points(path)?,
        None => args.at.iter().map(|point| point.0).collect(),
    };
    let scale = values::scale(args.scale.as_deref());
    let array = volume::reader()
        .array(move |options| options.scale(scale.clone()).bounds(OutOfBounds::Error))
        .open(&args.url)?;
    let rows: Vec<Vec<Value>> = dispatch!(array.data_type(), T => {
        let values = array.read_points::<T>(&points)?;
        values.rows().into_iter().map(|row| row.iter().map(|&value| json!(value)).collect()).collect()
    });
    let facts: Vec<Value> = points
        .iter()
        .zip(&rows)
        .map(|(point, values)| json!({ "at": point, "values": values }))
        .collect();
    let text: Vec<String> = points
        .iter()
        .zip(&rows)
        .map(|([x, y, z], values)| {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            format!("{x},{y},{z}\t{}", values.join("\t"))
        })
        .collect();
    console.facts(&json!({ "url": args.url.to_string(), "points": facts }), &text.join("\n"));
    Ok(())
}

fn read_points(path: &Path) -> Result<Vec<[i64; 3]>, CliError> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map_err(CliError::file("read", path))?;
    } else {
        text = std::fs::read_to_string(path).map_err(CliError::file("read", path))?;
    }
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(n, line)| {
            // Tabs and spaces are as good as commas.
            let commas = line.split([',', ' ', '\t', ';']).filter(|part| !part.is_empty());
            let point: Result<Point, String> = commas.collect::<Vec<_>>().join(",").parse();
            point.map(|point| point.0).map_err(|reason| {
                CliError::refused(format!("{} line {n}: {line:?}: {reason}", path.display()))
            })
        })
        .collect()
}
