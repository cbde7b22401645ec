//! `bigarrays ls`: what lies in a place of a store.

use std::collections::BTreeMap;

use bigarrays::backend::{KeyValueBackend, wait};
use bigarrays::{Error, Prefix};
use futures::TryStreamExt;
use serde_json::json;

use crate::args::LsArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::volume;

/// What is known of a name: how many bytes and values it has.
#[derive(Debug, Default)]
struct Entry {
    is_folder: bool,
    /// It has an `info` of its own.
    is_volume: bool,
    values: u64,
    bytes: u64,
}

pub(crate) fn run(args: &LsArgs, console: Console) -> Result<(), CliError> {
    let store = volume::reader().open_store(&args.url)?;
    let mut names: BTreeMap<String, Entry> = BTreeMap::new();
    let root = Prefix::root();
    let listing = store.list(&root).try_for_each(|meta| {
        let key = meta.key.as_str();
        let (name, is_folder) = match key.split_once('/') {
            Some((folder, _)) if !args.recursive => (folder, true),
            _ => (key, false),
        };
        let entry = names.entry(name.to_owned()).or_default();
        entry.is_folder |= is_folder;
        entry.is_volume |= key.split_once('/').is_some_and(|(_, rest)| rest == "info");
        entry.values += 1;
        entry.bytes += meta.size;
        std::future::ready(Ok(()))
    });
    wait(listing).map_err(Error::from)?;
    let facts: Vec<_> = names
        .iter()
        .map(|(name, entry)| {
            json!({
                "name": name,
                "kind": kind(entry),
                "values": entry.values,
                "bytes": entry.bytes,
            })
        })
        .collect();
    if console.is_json() {
        console.facts(&json!({ "url": args.url.to_string(), "entries": facts }), "");
        return Ok(());
    }
    for (name, entry) in &names {
        let slash = if entry.is_folder { "/" } else { "" };
        let line = match args.long {
            false => format!("{name}{slash}"),
            true => format!(
                "{:>10}  {:>9}  {}{slash}{}",
                volume::bytes(entry.bytes.into()),
                if entry.is_folder { entry.values.to_string() } else { String::new() },
                name,
                if entry.is_volume { "  (volume)" } else { "" },
            ),
        };
        console.line(&line);
    }
    if names.is_empty() {
        console.note("nothing is there");
    }
    Ok(())
}

const fn kind(entry: &Entry) -> &'static str {
    match (entry.is_volume, entry.is_folder) {
        (true, _) => "volume",
        (false, true) => "folder",
        (false, false) => "value",
    }
}
