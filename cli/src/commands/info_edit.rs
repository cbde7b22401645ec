//! `bigarrays info set`, `add-scale`, `lock` and `unlock`: changes of a description.

use bigarrays::info::VolumeInfo;
use bigarrays::{BigArray, OpenOptions};
use serde_json::{Value, json};

use crate::args::{AddScaleArgs, InfoVerb, LockArgs, SetArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::values;

/// Fields that say how voxels are stored: changed here they would make what is stored unreadable.
const OF_THE_VOLUME: [&str; 4] = ["@type", "data_type", "num_channels", "scales"];
const OF_A_SCALE: [&str; 7] = [
    "key",
    "size",
    "voxel_offset",
    "chunk_sizes",
    "encoding",
    "compressed_segmentation_block_size",
    "sharding",
];
/// Memory that a writer has for a shard of a new scale, as `copy` and `downsample` divide theirs.
const SHARD_MEMORY: u64 = (256 << 20) / 3;

pub(super) fn run(verb: &InfoVerb, console: Console) -> Result<(), CliError> {
    match verb {
        InfoVerb::Set(args) => set(args, console),
        InfoVerb::AddScale(args) => add_scale(args, console),
        InfoVerb::Lock(args) => lock(args, true, console),
        InfoVerb::Unlock(args) => lock(args, false, console),
    }
}

fn set(args: &SetArgs, console: Console) -> Result<(), CliError> {
    let array = open(&args.url, args.scale.as_deref())?;
    let mut document = array.info().to_value();
    let (fields, kept) = match args.scale {
        Some(_) => {
            (document.pointer_mut(&format!("/scales/{}", array.scale_index())), &OF_A_SCALE[..])
        }
        None => (Some(&mut document), &OF_THE_VOLUME[..]),
    };
    let Some(Value::Object(fields)) = fields else {
        return Err(CliError::refused("the description has no such scale"));
    };
    for field in &args.fields {
        let Some((name, value)) = field.split_once('=') else {
            return Err(CliError::usage(format!("{field:?} is not NAME=VALUE")));
        };
        if kept.contains(&name) {
            return Err(CliError::refused(format!(
                "{name} says how voxels are stored, and what is stored could not be read any more; make another volume with `bigarrays copy`",
            )));
        }
        if args.scale.is_none() && (OF_A_SCALE.contains(&name) || name == "resolution") {
            return Err(CliError::usage(format!(
                "{name} belongs to a scale; say which by --scale"
            )));
        }
        match value {
            "" => drop(fields.remove(name)),
            value => {
                let value =
                    serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.to_owned()));
                fields.insert(name.to_owned(), value);
            }
        }
    }
    let parsed = VolumeInfo::parse(document.to_string().as_bytes()).map_err(CliError::Describe)?;
    for warning in &parsed.warnings {
        console.note(&format!("warning: {warning}"));
    }
    commit(&array, parsed.info, &args.url.to_string(), console)
}

fn add_scale(args: &AddScaleArgs, console: Console) -> Result<(), CliError> {
    let array = open(&args.url, None)?;
    let mut info = array.info().clone();
    let index = info.add_scale(args.factor.0)?;
    if let Some(chunk) = args.chunk {
        info.scales[index].chunk_sizes = vec![chunk.0];
        info.scales[index].sharding = None;
    }
    if let Some(sharded) = args.sharded {
        let (sharding, choice) = sharded.resolve(&info, index, SHARD_MEMORY)?;
        info.scales[index].sharding = Some(sharding);
        if let Some(choice) = choice {
            console.note(&format!("sharding: {choice}"));
        }
    }
    commit(&array, info, &args.url.to_string(), console)
}

fn lock(args: &LockArgs, locked: bool, console: Console) -> Result<(), CliError> {
    let array = open(&args.url, args.scale.as_deref())?;
    let mut info = array.info().clone();
    for (index, scale) in info.scales.iter_mut().enumerate() {
        if args.scale.is_none() || index == array.scale_index() {
            scale.locked = locked;
        }
    }
    commit(&array, info, &args.url.to_string(), console)
}

fn open(url: &str, scale: Option<&str>) -> Result<BigArray, CliError> {
    let scale = values::scale(scale);
    Ok(OpenOptions::new().array(move |options| options.scale(scale.clone())).open(url)?)
}

fn commit(array: &BigArray, info: VolumeInfo, url: &str, console: Console) -> Result<(), CliError> {
    let _hold = interrupt::hold();
    let changed = info != *array.info();
    let array = if changed { array.commit_info(info)? } else { array.clone() };
    let text =
        if changed { format!("changed the info of {url}") } else { "nothing changed".to_owned() };
    let facts = json!({ "url": url, "changed": changed, "info": array.info().to_value() });
    console.facts(&facts, &text);
    Ok(())
}
