//! `bigarrays downsample`: coarser scales of a volume.

use std::sync::Arc;

use bigarrays::array::{Copied, Method, Pooling, PyramidOptions};
use bigarrays::info::{VolumeInfo, VolumeType};
use bigarrays::{BigArray, BigArrayBuilder, DynBackend, OpenOptions};
use serde_json::{Value, json};

use super::copy::{Memory, as_stored, threads};
use crate::args::{DownsampleArgs, MethodArg, Part};
use crate::chunks::{self, ShardedArg};
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::journal::Journal;
use crate::values;
use crate::volume;

/// So many scales are made at the most if nothing is said.
const MOST_SCALES: usize = 24;

pub(crate) fn run(args: &DownsampleArgs, console: Console) -> Result<(), CliError> {
    if volume::is_volatile(&args.url) {
        return Err(CliError::usage("a mem:// volume is gone when this command ends"));
    }
    if args.factor.0.contains(&0) || args.factor.0 == [1; 3] {
        return Err(CliError::usage("--factor needs a part of 2 or more, and none of 0"));
    }
    let memory = Memory::divide(args.memory.0);
    let finest = open(args, memory)?;
    let pooling = Pooling { method: method(args.method, finest.info()), sparse: args.sparse };
    let (info, keys) = describe(args, &finest, memory, console)?;
    if keys.is_empty() {
        console.facts(
            &json!({ "url": args.url.to_string(), "scales": [] }),
            "nothing to do: the scale fits into one chunk; give --scales to go on",
        );
        return Ok(());
    }
    let is_new = info != *finest.info();
    let array = if is_new {
        let _hold = interrupt::hold();
        finest.commit_info(info)?
    } else {
        finest
    };
    let part = args.part.unwrap_or(Part { index: 0, of: 1 });
    let work = json!({
        "source": args.url.to_string(),
        "target": keys,
        "part": format!("{}/{}", part.index, part.of),
        "method": format!("{pooling:?}"),
        "factor": args.factor.0,
        "memory": args.memory.0,
        "compress": args.compress.map(|compress| format!("{compress:?}")),
    });
    let mut journal = Journal::open(
        "downsample",
        args.resume.journal.as_deref(),
        work,
        args.resume.resume,
        console,
    )?;
    if args.resume.resume && !journal.is_begun() {
        console.note("nothing of this was done before; it begins anew");
    }
    let mut left = targets(args, &array, &keys, console)?;
    let mut source = array;
    let (mut facts, mut copied) = (Vec::new(), Copied::default());
    while !left.is_empty() {
        let options = PyramidOptions::new(pooling).memory(memory.task).shares(part.of);
        let pass = source.downsample_to(&left, options)?;
        let step = left[0].scale().key.clone();
        copied += journal.run(&step, pass.share(part.index, part.of), |task| pass.run(task))?;
        facts.extend(left.iter().take(pass.scales()).map(scale_facts));
        let made = pass.scales();
        source = left[made - 1].clone();
        left.drain(..made);
        if part.of > 1 && !left.is_empty() {
            console.note(&format!(
                "the scale {} needs another pass: run the command again with --scale {} when all shares are done",
                left[0].scale().key,
                source.scale().key,
            ));
            break;
        }
    }
    let lines: Vec<String> = facts.iter().map(scale_line).collect();
    let facts = json!({
        "url": args.url.to_string(),
        "scales": facts,
        "written": copied.written,
        "absent": copied.absent,
    });
    console.facts(&facts, &lines.join("\n"));
    journal.remove()
}

fn open(args: &DownsampleArgs, memory: Memory) -> Result<BigArray, CliError> {
    let (scale, jobs) = (values::scale(args.scale.as_deref()), args.jobs);
    let configure = move |options: BigArrayBuilder<DynBackend>| {
        threads(options.scale(scale.clone()).memory(memory.array), jobs)
    };
    Ok(OpenOptions::new().array(configure).open(&args.url)?)
}

fn method(method: MethodArg, info: &VolumeInfo) -> Method {
    match method {
        MethodArg::Auto if info.volume_type == VolumeType::Segmentation => Method::Mode,
        MethodArg::Auto | MethodArg::Mean => Method::Mean,
        MethodArg::Mode => Method::Mode,
        MethodArg::Min => Method::Min,
        MethodArg::Max => Method::Max,
        MethodArg::Stride => Method::Stride,
    }
}

/// The description with all scales that are to be made, and the keys of these.
fn describe(
    args: &DownsampleArgs,
    finest: &BigArray,
    memory: Memory,
    console: Console,
) -> Result<(VolumeInfo, Vec<String>), CliError> {
    let mut info = finest.info().clone();
    let this = finest.scale();
    let mut whole = this.factor_of(&finest.scales()[0]).ok_or_else(|| {
        CliError::refused(format!(
            "the resolution of the scale {} is no whole multiple of that of scale 0",
            this.key,
        ))
    })?;
    let mut keys = Vec::new();
    let mut size = finest.scale().size;
    let chunk = finest.scale().chunk_size();
    let most = args.scales.unwrap_or(MOST_SCALES);
    while keys.len() < most {
        let fits = (0..3).all(|axis| args.factor.0[axis] == 1 || size[axis] <= chunk[axis]);
        if args.scales.is_none() && fits {
            break;
        }
        whole = std::array::from_fn(|axis| whole[axis].saturating_mul(args.factor.0[axis]));
        size = std::array::from_fn(|axis| size[axis].div_ceil(args.factor.0[axis]));
        let resolution = std::array::from_fn(|axis| {
            // Products of 32 bits at the most: what is more is refused below.
            let whole = u32::try_from(whole[axis]).unwrap_or(u32::MAX);
            info.scales[0].resolution[axis] * f64::from(whole)
        });
        if let Some(there) = info.scale_index_by_resolution(&resolution) {
            if args.sharded.is_some() {
                return Err(CliError::refused(format!(
                    "the scale {} is there already, so --sharded cannot be chosen; leave it out, or remove the scale first",
                    info.scales[there].key,
                )));
            }
            keys.push(info.scales[there].key.clone());
            continue;
        }
        let index = info.add_scale(whole)?;
        let sharded = args.sharded.or(finest.scale().sharding.map(|_| ShardedArg::Auto));
        info.scales[index].sharding = None;
        if let Some(sharded) = sharded {
            let (sharding, choice) = sharded.resolve(&info, index, memory.task as u64)?;
            info.scales[index].sharding = Some(sharding);
            if let Some(choice) = choice {
                console.note(&format!("{}: {choice}", info.scales[index].key));
            }
        }
        keys.push(info.scales[index].key.clone());
    }
    Ok((info, keys))
}

/// The scales to make, telling one bar how they come along.
fn targets(
    args: &DownsampleArgs,
    array: &BigArray,
    keys: &[String],
    console: Console,
) -> Result<Vec<BigArray>, CliError> {
    let mut targets = Vec::new();
    for key in keys {
        let target = array.at_scale(key.as_str())?;
        targets.push(match args.compress {
            Some(_) => chunks::compressing(target, args.compress)?,
            None => as_stored(array, target)?,
        });
    }
    let chunks = targets.iter().map(|target| target.chunk_count(target.bounds())).sum();
    let bar = console.bar("downsampling", chunks);
    let watched = |target: BigArray| target.with_progress(Arc::clone(&bar) as _);
    Ok(targets.into_iter().map(watched).collect())
}

fn scale_facts(array: &BigArray) -> Value {
    json!({
        "scale": array.scale().key,
        "size": array.scale().size,
        "chunks": array.chunk_count(array.bounds()),
    })
}

fn scale_line(facts: &Value) -> String {
    let size: Vec<String> =
        facts["size"].as_array().into_iter().flatten().map(ToString::to_string).collect();
    format!(
        "made the scale {}: {} voxels, {}",
        facts["scale"].as_str().unwrap_or_default(),
        size.join(" x "),
        volume::count(facts["chunks"].as_u64().unwrap_or_default(), "chunk"),
    )
}
