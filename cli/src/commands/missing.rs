//! `bigarrays missing`: the chunks that are not stored.

use serde_json::json;

use crate::args::MissingArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::volume;

pub(crate) fn run(args: &MissingArgs, console: Console) -> Result<(), CliError> {
    let array = volume::open_to_read(&args.url, args.scale.as_deref())?;
    let bbox = args.bbox.map_or(array.bounds(), |bbox| bbox.within(array.bounds()));
    let missing = array.missing_chunks(bbox)?;
    let keys: Vec<&str> = missing.iter().map(|missing| missing.key.as_str()).collect();
    let total = array.chunk_count(bbox);
    console.note(&format!("{} of {total} chunks are missing", keys.len()));
    let facts = json!({ "url": args.url.to_string(), "chunks": total, "missing": keys });
    if console.is_json() || !keys.is_empty() {
        console.facts(&facts, &keys.join("\n"));
    }
    Ok(())
}
