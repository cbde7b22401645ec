//! `bigarrays write`: an array to a voxel of a volume that exists.

use bigarrays::OpenOptions;
use bigarrays::array::{OutOfBounds, Unaligned};
use serde_json::json;

use crate::args::WriteArgs;
use crate::chunks;
use crate::console::Console;
use crate::error::CliError;
use crate::source::{self, SourceOptions};
use crate::transfer::{self, Memory};
use crate::values;

pub(crate) fn run(args: &WriteArgs, console: Console) -> Result<(), CliError> {
    let memory = Memory::divide(args.memory.0);
    let options = SourceOptions {
        axes: args.axes.as_deref().map(str::parse).transpose()?,
        memory: memory.source,
        ..SourceOptions::default()
    };
    let mut source = source::open(&args.source, &options)?;
    let scale = values::scale(args.scale.as_deref());
    let unaligned = if args.unaligned { Unaligned::ReadModifyWrite } else { Unaligned::Reject };
    let bounds = if args.crop { OutOfBounds::Crop } else { OutOfBounds::Error };
    let array = OpenOptions::new()
        .array(move |options| {
            options.scale(scale.clone()).unaligned(unaligned).bounds(bounds).memory(memory.array)
        })
        .open(&args.url)?;
    chunks::check(&args.format, &array)?;
    let array = chunks::compressing(array, args.compress.how)?;
    let bbox = transfer::copy(source.as_mut(), &array, args.at.0, memory.source, console)?;
    let chunks = array.chunk_count(bbox);
    let facts = json!({
        "url": args.url.to_string(),
        "box": { "min": bbox.min, "max": bbox.max },
        "chunks": chunks,
    });
    console.facts(&facts, &format!("wrote {bbox} to {}: {chunks} chunks", args.url));
    Ok(())
}
