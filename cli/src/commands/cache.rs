//! `bigarrays cache`: what is kept of stores that are far away.

use bigarrays::backend::wait;
use bigarrays::open_cache;
use serde_json::json;

use crate::args::{CacheArgs, CacheFolderArgs, CacheVerb};
use crate::console::Console;
use crate::error::CliError;
use crate::volume;

pub(crate) fn run(args: &CacheArgs, console: Console) -> Result<(), CliError> {
    match &args.verb {
        CacheVerb::Du(folder) => du(folder, console),
        CacheVerb::Flush(folder) => flush(folder, console),
    }
}

fn du(args: &CacheFolderArgs, console: Console) -> Result<(), CliError> {
    let cache = open_cache(args.folder.as_deref())?;
    let usage = wait(cache.usage()).map_err(bigarrays::Error::from)?;
    let facts =
        json!({ "folder": cache.to_string(), "entries": usage.entries, "bytes": usage.bytes });
    let (entries, size) = (usage.entries, volume::bytes(usage.bytes.into()));
    console.facts(&facts, &format!("{size} in {entries} values are kept in {cache}"));
    Ok(())
}

fn flush(args: &CacheFolderArgs, console: Console) -> Result<(), CliError> {
    let cache = open_cache(args.folder.as_deref())?;
    let gone = wait(cache.flush()).map_err(bigarrays::Error::from)?;
    let facts =
        json!({ "folder": cache.to_string(), "entries": gone.entries, "bytes": gone.bytes });
    let (entries, size) = (gone.entries, volume::bytes(gone.bytes.into()));
    console.facts(&facts, &format!("deleted {size} in {entries} values from {cache}"));
    Ok(())
}
