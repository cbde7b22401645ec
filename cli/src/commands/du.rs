//! `bigarrays du`: how much of a volume is stored, scale by scale.

use bigarrays::backend::{KeyValueBackend, wait};
use bigarrays::{Error, Prefix};
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::args::DuArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::volume;

#[derive(Debug, Clone, Default)]
struct Stored {
    values: u64,
    bytes: u64,
}

pub(crate) fn run(args: &DuArgs, console: Console) -> Result<(), CliError> {
    let array = volume::open_to_read(&args.url, None)?;
    let directories: Vec<String> = (0..array.scales().len())
        .map(|index| Ok(array.at_scale(index)?.directory().as_str().to_owned()))
        .collect::<Result<_, Error>>()?;
    // The last one is for everything else.
    let mut stored = vec![Stored::default(); directories.len() + 1];
    let root = Prefix::root();
    let listing = array.backend().list(&root).try_for_each(|meta| {
        let key = meta.key.as_str();
        let place = directories.iter().position(|directory| key.starts_with(directory.as_str()));
        let stored = &mut stored[place.unwrap_or(directories.len())];
        stored.values += 1;
        stored.bytes += meta.size;
        std::future::ready(Ok(()))
    });
    wait(listing).map_err(Error::from)?;
    let voxel = array.data_type().size().saturating_mul(array.channels()) as u128;
    let mut facts: Vec<Value> = Vec::new();
    let mut lines = vec![format!(
        "{:<16}{:>10}{:>12}{:>12}{:>8}",
        "scale", "values", "stored", "voxels", "ratio"
    )];
    for (scale, stored) in array.scales().iter().zip(&stored) {
        let whole = scale.size.iter().fold(voxel, |bytes, &axis| bytes.saturating_mul(axis.into()));
        facts.push(json!({
            "scale": scale.key,
            "values": stored.values,
            "bytes": stored.bytes,
            "voxel_bytes": u64::try_from(whole).ok(),
        }));
        lines.push(format!(
            "{:<16}{:>10}{:>12}{:>12}{:>8}",
            scale.key,
            stored.values,
            volume::bytes(stored.bytes.into()),
            volume::bytes(whole),
            ratio(whole, stored.bytes),
        ));
    }
    let (values, bytes) = stored
        .iter()
        .fold((0, 0), |(values, bytes), stored| (values + stored.values, bytes + stored.bytes));
    lines.push(format!("{:<16}{values:>10}{:>12}", "in all", volume::bytes(bytes.into())));
    let facts = json!({
        "url": args.url.to_string(),
        "scales": facts,
        "values": values,
        "bytes": bytes,
    });
    console.facts(&facts, &lines.join("\n"));
    Ok(())
}

/// How many times smaller than its voxels a scale is stored.
fn ratio(whole: u128, stored: u64) -> String {
    match u128::from(stored) {
        0 => "-".to_owned(),
        stored => {
            let tenths = whole.saturating_mul(10) / stored;
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    }
}
