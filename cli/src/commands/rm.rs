//! `bigarrays rm`: deletes chunks, a scale's chunks, or a whole volume.

use bigarrays::{BigArray, OpenOptions};
use serde_json::json;

use crate::args::RmArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::values;

pub(crate) fn run(args: &RmArgs, console: Console) -> Result<(), CliError> {
    let (deleted, what) = if args.all {
        (BigArray::builder(bigarrays::open_store(&args.url)?).remove()?, "values")
    } else {
        let scale = values::scale(args.scale.as_deref());
        let array = OpenOptions::new()
            .array(move |options| options.scale(scale.clone()))
            .open(&args.url)?;
        match args.bbox {
            Some(bbox) => {
                let bbox = bbox.within(array.bounds());
                let _hold = interrupt::hold();
                let bar = console.bar("deleting", array.chunk_count(bbox));
                (array.with_progress(bar).delete(bbox)?, "chunks")
            }
            None => (array.delete_all()?, "chunks"),
        }
    };
    let facts = json!({ "url": args.url.to_string(), "deleted": deleted });
    console.facts(&facts, &format!("deleted {deleted} {what} of {}", args.url));
    Ok(())
}
