//! `bigarrays import`: a foreign file or folder becomes (a part of) a volume.

use bigarrays::{BigArray, BigArrayBuilder, DynBackend, OpenOptions, Unaligned, VolumeInfo};
use serde_json::json;

use super::create::{describe, format, read_info, warn_of_oddities};
use crate::args::ImportArgs;
use crate::chunks;
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::source::{self, Source, SourceOptions};
use crate::transfer::{self, Memory};
use crate::values;
use crate::volume;

pub(crate) fn run(args: &ImportArgs, console: Console) -> Result<(), CliError> {
    if volume::is_volatile(&args.url) {
        return Err(CliError::usage(
            "a mem:// volume is gone when this command ends; import into a file:// or sqlite:// volume",
        ));
    }
    let memory = Memory::divide(args.memory.0);
    let mut size = args.size.as_deref().map(source::parse_size).transpose()?;
    if let Some(size) = &mut size
        && size.len() == 3
    {
        size.extend(args.channels);
    }
    let options = SourceOptions {
        axes: args.axes.as_deref().map(str::parse).transpose()?,
        size,
        data_type: args.dtype,
        dataset: args.dataset.clone(),
        memory: memory.source,
    };
    let mut source = source::open(&args.source, &options)?;
    console.note(&format!("{}: {}", args.source.display(), source.describe()));
    if let Some(channels) = args.channels.filter(|&channels| channels != source.size()[3]) {
        return Err(CliError::refused(format!(
            "--channels says {channels}, but {} has {}",
            args.source.display(),
            source.size()[3],
        )));
    }
    let array = target(args, source.as_ref(), memory, console)?;
    let array = chunks::compressing(array, args.compress.how)?;
    let at = place(args, &array);
    let bbox = transfer::copy(source.as_mut(), &array, at, memory.source, console)?;
    let chunks = array.chunk_count(bbox);
    let facts = json!({
        "url": args.url.to_string(),
        "source": args.source,
        "box": { "min": bbox.min, "max": bbox.max },
        "data_type": array.data_type().name(),
        "chunks": chunks,
    });
    console.facts(&facts, &format!("imported {bbox} into {}: {chunks} chunks", args.url));
    Ok(())
}

/// The volume to import into: the one that is there, or a new one as large as the source.
fn target(
    args: &ImportArgs,
    source: &dyn Source,
    memory: Memory,
    console: Console,
) -> Result<BigArray, CliError> {
    let scale = values::scale(args.scale.as_deref());
    let unaligned = if args.unaligned { Unaligned::ReadModifyWrite } else { Unaligned::Reject };
    let configure = move |options: BigArrayBuilder<DynBackend>| {
        options.scale(scale.clone()).unaligned(unaligned).memory(memory.array)
    };
    let options = OpenOptions::new().array(configure.clone());
    match options.open(&args.url) {
        Ok(array) => {
            let mut given = args.shape.given();
            given.extend(args.info.as_ref().map(|_| "--info"));
            // The same command again goes on with a volume that it made before.
            if given.is_empty() || is_as_asked(args, source, memory, &array) {
                return Ok(array);
            }
            Err(CliError::refused(format!(
                "there is a volume in {} already, and it is not what {} would make; leave that out, or remove the volume first",
                args.url,
                given.join(" "),
            )))
        }
        Err(error) if volume::is_absent(&error) => {
            let info = match &args.info {
                Some(path) => read_info(path, console)?,
                None => {
                    format(&args.shape, describe_source(args, source)?, memory.shard(), console)?
                }
            };
            let _hold = interrupt::hold();
            warn_of_oddities(&info, console);
            // Tried in memory first: what cannot be imported must leave no empty volume behind.
            let rehearsal = volume::rehearse(&info, configure)?;
            let rehearsal = chunks::compressing(rehearsal, args.compress.how)?;
            transfer::fit(source, &rehearsal, place(args, &rehearsal))?;
            Ok(options.create(&args.url, info)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a volume is what the options would make of the source.
fn is_as_asked(args: &ImportArgs, source: &dyn Source, memory: Memory, array: &BigArray) -> bool {
    let wanted = match &args.info {
        Some(path) => std::fs::read(path)
            .ok()
            .and_then(|bytes| VolumeInfo::parse(&bytes).ok())
            .map(|parsed| parsed.info),
        None => describe_source(args, source)
            .and_then(|info| chunks::describe(&args.shape.format, info, memory.shard()))
            .ok()
            .map(|(info, _)| info),
    };
    wanted.is_some_and(|wanted| wanted.to_value() == array.info().to_value())
}

/// Where the source begins in the volume.
fn place(args: &ImportArgs, array: &BigArray) -> [i64; 3] {
    args.at.map_or(array.bounds().min, |at| at.0)
}

/// A volume as large as the source, that begins where the source is to lie.
fn describe_source(args: &ImportArgs, source: &dyn Source) -> Result<VolumeInfo, CliError> {
    let [x, y, z, channels] = source.size();
    let mut shape = args.shape.clone();
    shape.offset = shape.offset.or(args.at);
    describe(source.data_type(), [x, y, z], channels, &shape, source.resolution())
}
