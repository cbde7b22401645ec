//! `bigarrays create`: an empty volume.

use std::io::Read;
use std::path::Path;

use bigarrays::info::{DataType, ShardingGoal, VolumeInfo};
use serde_json::json;

use crate::args::{CreateArgs, Shape};
use crate::chunks;
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::volume;

pub(crate) fn run(args: &CreateArgs, console: Console) -> Result<(), CliError> {
    if args.compress.is_some() {
        return Err(CliError::usage(
            "a volume does not keep how its chunks are compressed; give --compress to `import` and `write`",
        ));
    }
    let info = match (&args.info, args.size, args.dtype) {
        (Some(path), _, _) => read_info(path, console)?,
        (None, Some(size), Some(dtype)) => {
            let info = describe(dtype, size.0, args.channels.unwrap_or(1), &args.shape, None)?;
            format(&args.shape, info, ShardingGoal::default().memory, console)?
        }
        (None, ..) => return Err(CliError::usage("give --size and --dtype, or --info")),
    };
    // Tried in memory first: what cannot be created must leave no empty store behind.
    volume::rehearse(&info, |options| options)?;
    let _hold = interrupt::hold();
    let array = bigarrays::create(&args.url, info)?;
    let text = format!(
        "created {}: {} {}, {} chunks",
        args.url,
        array.data_type(),
        array.bounds(),
        array.chunk_count(array.bounds()),
    );
    warn_of_oddities(array.info(), console);
    console.facts(&json!({ "url": args.url.to_string(), "info": array.info().to_value() }), &text);
    Ok(())
}

pub(super) fn read_info(path: &Path, console: Console) -> Result<VolumeInfo, CliError> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(CliError::file("read", path))?;
        bytes
    } else {
        std::fs::read(path).map_err(CliError::file("read", path))?
    };
    let parsed = VolumeInfo::parse(&bytes)
        .map_err(|source| CliError::Info { path: path.to_owned(), source })?;
    for warning in &parsed.warnings {
        console.note(&format!("{}: {warning}", path.display()));
    }
    Ok(parsed.info)
}

/// Says what viewers and other programs may not like.
pub(super) fn warn_of_oddities(info: &VolumeInfo, console: Console) {
    for problem in info.validate() {
        console.note(&format!("warning: {problem}"));
    }
}

/// The description of a volume with this shape. `resolution` is what the source says, if it says
/// something.
pub(super) fn describe(
    data_type: DataType,
    size: [u64; 3],
    channels: u64,
    shape: &Shape,
    resolution: Option<[f64; 3]>,
) -> Result<VolumeInfo, CliError> {
    let mut builder = VolumeInfo::builder(data_type, size).channels(channels);
    if let Some(chunk) = shape.chunk {
        builder = builder.chunk_size(chunk.0);
    }
    if let Some(offset) = shape.offset {
        builder = builder.voxel_offset(offset.0);
    }
    if let Some(resolution) = shape.resolution.map(|given| given.0).or(resolution) {
        builder = builder.resolution(resolution);
    }
    if let Some(encoding) = shape.format.encoding {
        builder = builder.encoding(encoding);
    }
    if let Some(volume_type) = &shape.volume_type {
        builder = builder.volume_type(volume_type.clone());
    }
    Ok(builder.build()?)
}

/// Adds what the options say about chunks, and says what was chosen. `memory` is what a writer
/// will have for a shard.
pub(super) fn format(
    shape: &Shape,
    info: VolumeInfo,
    memory: u64,
    console: Console,
) -> Result<VolumeInfo, CliError> {
    let (info, choice) = chunks::describe(&shape.format, info, memory)?;
    if let Some(choice) = choice {
        console.note(&format!("sharding: {choice}"));
    }
    Ok(info)
}
