//! `bigarrays shard`: what is inside shard files.

use bigarrays::info::Sharding;
use bigarrays::shard::ShardStore;
use bigarrays::{BigArray, DynBackend, KeyValueBackendExt, Prefix, transport};
use serde_json::{Value, json};

use crate::args::{ShardArgs, ShardGetArgs, ShardLsArgs, ShardVerb};
use crate::console::Console;
use crate::error::CliError;
use crate::output;
use crate::values::Url;
use crate::volume;

/// No value is decompressed to more than this.
const MAX_VALUE: usize = 4 << 30;

/// Shards and, if they are a volume's, the volume.
struct Shards {
    store: ShardStore<DynBackend>,
    volume: Option<BigArray>,
}

pub(crate) fn run(args: &ShardArgs, console: Console) -> Result<(), CliError> {
    match &args.verb {
        ShardVerb::Ls(args) => ls(args, console),
        ShardVerb::Get(args) => get(args, console),
    }
}

fn ls(args: &ShardLsArgs, console: Console) -> Result<(), CliError> {
    let shards = open(&args.url, args.scale.as_deref())?;
    match args.id {
        None => list_shards(&shards, &args.url, console),
        Some(id) => list_ids(&shards, &args.url, id, console),
    }
}

fn list_shards(shards: &Shards, url: &Url, console: Console) -> Result<(), CliError> {
    let mut found = shards.store.list()?;
    found.sort_unstable_by_key(|shard| shard.shard);
    let text: Vec<String> =
        found.iter().map(|shard| format!("{}\t{} bytes", shard.key, shard.size)).collect();
    let facts: Vec<Value> = found
        .iter()
        .map(
            |shard| json!({ "shard": shard.shard, "key": shard.key.as_str(), "bytes": shard.size }),
        )
        .collect();
    console.note(&format!("{} shards", found.len()));
    if console.is_json() || !found.is_empty() {
        console.facts(&json!({ "url": url.to_string(), "shards": facts }), &text.join("\n"));
    }
    Ok(())
}

/// The shard that has, or would have, an id.
fn list_ids(shards: &Shards, url: &Url, id: u64, console: Console) -> Result<(), CliError> {
    let place = shards.store.place(id);
    let key = shards.store.key(place.shard)?;
    let entries = shards.store.entries(place.shard)?.ok_or_else(|| {
        CliError::refused(format!("there is no shard {key}, which would have the id {id}"))
    })?;
    let facts: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let chunk = shards.chunk(entry.id);
            json!({
                "id": entry.id,
                "minishard": shards.store.place(entry.id).minishard,
                "offset": entry.range.start,
                "bytes": entry.range.end - entry.range.start,
                "chunk": chunk,
            })
        })
        .collect();
    let text: Vec<String> = entries
        .iter()
        .map(|entry| {
            let chunk = shards.chunk(entry.id).map_or(String::new(), |chunk| format!("\t{chunk}"));
            let bytes = entry.range.end - entry.range.start;
            format!("{}\t{bytes} bytes at {}{chunk}", entry.id, entry.range.start)
        })
        .collect();
    console.note(&format!("{key}: {} ids", entries.len()));
    let facts =
        json!({ "url": url.to_string(), "key": key.as_str(), "shard": place.shard, "ids": facts });
    console.facts(&facts, &text.join("\n"));
    Ok(())
}

fn get(args: &ShardGetArgs, console: Console) -> Result<(), CliError> {
    let shards = open(&args.url, args.scale.as_deref())?;
    let key = shards.store.key(shards.store.place(args.id).shard)?;
    let blob = shards
        .store
        .get(args.id)?
        .ok_or_else(|| CliError::refused(format!("the shard {key} has no id {}", args.id)))?;
    let mut scratch = Vec::new();
    let bytes = match args.stored {
        true => &blob.bytes[..],
        false => {
            let encoding = blob.content_encoding;
            transport::decompress(encoding, &blob.bytes, None, MAX_VALUE, &mut scratch).map_err(
                |source| CliError::refused(format!("the id {} in {key}: {source}", args.id)),
            )?
        }
    };
    match &args.output {
        Some(path) => output::save(path, bytes)?,
        None => console.bytes(bytes)?,
    }
    let chunk = shards.chunk(args.id).map_or(String::new(), |chunk| format!(", the chunk {chunk}"));
    console.note(&format!("{} bytes of the id {} in {key}{chunk}", bytes.len(), args.id));
    Ok(())
}

impl Shards {
    /// The voxels of the chunk with an id.
    fn chunk(&self, id: u64) -> Option<String> {
        let volume = self.volume.as_ref()?;
        Some(volume.grid().chunk_box(volume.chunk_of_id(id)?).to_string())
    }
}

/// Opens the shards of a volume's scale, or of meshes, skeletons or annotations.
fn open(url: &Url, scale: Option<&str>) -> Result<Shards, CliError> {
    let store = volume::reader().open_store(url)?;
    let key = bigarrays::Key::new("info").map_err(bigarrays::Error::from)?;
    let info: Option<Value> = bigarrays::backend::wait(store.get_bytes(&key))
        .map_err(bigarrays::Error::from)?
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some((directory, sharding)) = info.as_ref().and_then(container) {
        let sharding = Sharding::from_value(sharding)?;
        let directory = Prefix::new(directory).map_err(bigarrays::Error::from)?;
        return Ok(Shards { store: ShardStore::new(store, directory, sharding), volume: None });
    }
    let volume = volume::open_to_read(url, scale)?;
    let Some(shards) = volume.shards() else {
        let scale = &volume.scale().key;
        return Err(CliError::refused(format!(
            "the scale {scale:?} of {url} is not in shards: each of its chunks is stored for itself"
        )));
    };
    let backend: DynBackend = std::sync::Arc::clone(shards.backend()) as _;
    let store = ShardStore::new(backend, volume.directory().clone(), *shards.sharding());
    Ok(Shards { store, volume: Some(volume) })
}

/// Where the shards of a description that is no volume's lie, and how.
fn container(info: &Value) -> Option<(&str, &Value)> {
    match info.get("sharding") {
        Some(sharding @ Value::Object(_)) => Some(("", sharding)),
        _ => {
            let by_id = info.get("by_id")?;
            Some((by_id.get("key")?.as_str()?, by_id.get("sharding")?))
        }
    }
}
