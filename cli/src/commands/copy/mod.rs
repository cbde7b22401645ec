//! `bigarrays copy` and `bigarrays plan`: a volume, or a part of it, from one store to another.

mod target;

use std::num::NonZeroUsize;

use bigarrays::array::{Copied, Copier, CopyOptions, CopyWay, OnAbsent, ScaleSelector};
use bigarrays::backend::{ContentEncoding, ErrorKind, wait};
use bigarrays::{
    BigArray, BigArrayBuilder, DynBackend, Error, Key, KeyValueBackendExt, OpenError, OpenOptions,
    Transport, Unaligned, VolumeInfo,
};
use serde_json::{Value, json};

use crate::args::{CopyArgs, CopyWhat, Part, PlanArgs};
use crate::chunks;
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::journal::Journal;
use crate::values;
use crate::volume;

/// Chunks that are looked at to learn how a source compresses its chunks.
const SAMPLES: usize = 64;
/// Differing chunks that are named.
const NAMED: usize = 20;

/// What a copy may use, divided: a third for the voxels of a task, as much for the chunks made of
/// them, and an eighth for chunks on their way out of the source, and into the target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) task: usize,
    pub(super) array: usize,
}

impl Memory {
    pub(super) fn divide(total: u64) -> Self {
        let share = |of: u64| usize::try_from(total / of).unwrap_or(usize::MAX);
        Self { task: share(3), array: share(8) }
    }
}

/// A copy that is ready to run: one copier a scale.
type Job = Vec<Copier<DynBackend, DynBackend>>;

pub(crate) fn run(args: &CopyArgs, console: Console) -> Result<(), CliError> {
    let what = &args.what;
    if volume::is_volatile(&what.target) {
        return Err(CliError::usage("a mem:// volume is gone when this command ends"));
    }
    let part = args.part.unwrap_or(Part { index: 0, of: 1 });
    let job = prepare(what, Place::Target, part.of, console)?;
    let mut journal = Journal::open(
        "copy",
        args.resume.journal.as_deref(),
        identity(what, &job, part),
        args.resume.resume,
        console,
    )?;
    if args.resume.resume && !journal.is_begun() {
        console.note("nothing of this copy was done before; it begins anew");
    }
    let mut facts = Vec::new();
    let mut total = Copied::default();
    for copier in &job {
        let scale = &copier.target().scale().key;
        let share = copier.share(part.index, part.of);
        let copied = journal.run(scale, share, |task| copier.run(task))?;
        total += copied;
        facts.push(json!({
            "scale": scale,
            "box": { "min": copier.bbox().min, "max": copier.bbox().max },
            "way": way_name(copier.way()),
            "chunks": copied.written,
            "absent": copied.absent,
        }));
    }
    copy_provenance(&job)?;
    let differing = if args.verify { verify(&job, part, console)? } else { Vec::new() };
    let facts = json!({
        "source": what.source.to_string(),
        "target": what.target.to_string(),
        "scales": facts,
        "verified": args.verify.then_some(differing.is_empty()),
    });
    let text = format!(
        "copied {} to {}: {} in {}{}",
        what.source,
        what.target,
        volume::count(total.written, "chunk"),
        volume::count(job.len() as u64, "scale"),
        if args.verify && differing.is_empty() { ", verified" } else { "" },
    );
    console.facts(&facts, &text);
    if !differing.is_empty() {
        return Err(CliError::refused(format!(
            "{} chunks of the target differ from the source (somebody wrote to one of them, or the target keeps less of them than was given):\n{}",
            differing.len(),
            differing.iter().take(NAMED).cloned().collect::<Vec<_>>().join("\n"),
        )));
    }
    journal.remove()
}

/// Names of the chunks that differ.
fn verify(
    job: &[Copier<DynBackend, DynBackend>],
    part: Part,
    console: Console,
) -> Result<Vec<String>, CliError> {
    let mut differing = Vec::new();
    let _hold = interrupt::hold();
    for copier in job {
        let target = copier.target();
        console.note(&format!("comparing the scale {}", target.scale().key));
        for task in copier.share(part.index, part.of) {
            interrupt::check()?;
            let boxes = copier.compare(task)?;
            differing.extend(boxes.iter().map(|bbox| format!("{} {bbox}", target.scale().key)));
        }
    }
    Ok(differing)
}

/// Where a plan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the target, which is made if it is not there.
    Target,
    /// In memory, where nothing changes.
    Memory,
}

pub(crate) fn plan(args: &PlanArgs, console: Console) -> Result<(), CliError> {
    let what = &args.what;
    if args.parts == 0 {
        return Err(CliError::usage("--parts is at least 1"));
    }
    let job = prepare(what, Place::Memory, args.parts, console)?;
    let mut facts = Vec::new();
    let mut lines = Vec::new();
    for copier in &job {
        let target = copier.target();
        let voxel = target.channels().saturating_mul(target.data_type().size()) as u128;
        let bytes = |tasks: std::ops::Range<u64>| -> u128 {
            tasks.map(|task| copier.task(task).voxels().saturating_mul(voxel)).sum()
        };
        lines.push(format!(
            "scale {}: {}, {} of voxels, {}: {}",
            target.scale().key,
            copier.bbox(),
            volume::bytes(bytes(0..copier.tasks())),
            volume::count(copier.tasks(), "task"),
            copier.way(),
        ));
        let mut shares = Vec::new();
        for index in 0..args.parts {
            let share = copier.share(index, args.parts);
            let (tasks, share_bytes) = (share.end - share.start, bytes(share));
            lines.push(format!(
                "  --part {index}/{}: {}, {} of voxels",
                args.parts,
                volume::count(tasks, "task"),
                volume::bytes(share_bytes),
            ));
            shares.push(json!({ "tasks": tasks, "bytes": share_bytes.to_string() }));
        }
        facts.push(json!({
            "scale": target.scale().key,
            "way": way_name(copier.way()),
            "tasks": copier.tasks(),
            "shares": shares,
        }));
    }
    lines.push(format!("memory: {} for each process", volume::bytes(what.memory.0.into())));
    let facts = json!({ "memory": what.memory.0, "scales": facts });
    console.facts(&facts, &lines.join("\n"));
    Ok(())
}

/// Opens both volumes, the target made if need be, and plans the copy of each scale.
fn prepare(what: &CopyWhat, place: Place, shares: u64, console: Console) -> Result<Job, CliError> {
    let memory = Memory::divide(what.memory.0);
    let source = open_source(what, memory)?;
    let scales: Vec<usize> = match what.bbox.is_some() || what.scale.is_some() {
        true => vec![source.scale_index()],
        false => (0..source.scales().len())
            .filter(|&index| !source.scales()[index].is_placeholder())
            .collect(),
    };
    let bbox = what.bbox.map(|bbox| bbox.within(source.bounds()));
    if let Some(bbox) = bbox.filter(|bbox| !source.bounds().contains(bbox) || bbox.is_empty()) {
        return Err(CliError::refused(format!(
            "the box {bbox} is not inside the volume {}",
            source.bounds(),
        )));
    }
    let info = target::describe(what, &source, &scales, bbox, memory.task as u64, console)?;
    let (target, is_new) = open_target(what, &info, memory, place)?;
    target::require_same(what, &info, target.info())?;
    let mut job = Job::new();
    for (&index, wanted) in scales.iter().zip(&info.scales) {
        let source = source.at_scale(index)?;
        let target = target.at_scale(wanted.resolution)?;
        let (target, least) = compressing(what, &source, target)?;
        let bbox = bbox.unwrap_or(source.bounds());
        let bar = console.bar("copying", target.chunk_count(bbox));
        let target = target.with_progress(bar);
        let absent = if is_new { OnAbsent::Leave } else { OnAbsent::Delete };
        let options = CopyOptions::default().memory(memory.task).at_least(least);
        let options = options.on_absent(absent).shares(shares);
        job.push(source.copy_to(&target, bbox, options)?);
    }
    Ok(job)
}

fn open_source(what: &CopyWhat, memory: Memory) -> Result<BigArray, CliError> {
    let (scale, jobs) = (values::scale(what.scale.as_deref()), what.jobs);
    let configure = move |options: BigArrayBuilder<DynBackend>| {
        threads(options.scale(scale.clone()).memory(memory.array), jobs)
    };
    Ok(volume::reader().array(configure).open(&what.source)?)
}

/// The target, and whether it was made just now.
fn open_target(
    what: &CopyWhat,
    info: &VolumeInfo,
    memory: Memory,
    place: Place,
) -> Result<(BigArray, bool), CliError> {
    let unaligned = if what.unaligned { Unaligned::ReadModifyWrite } else { Unaligned::Reject };
    let jobs = what.jobs;
    let configure = move |options: BigArrayBuilder<DynBackend>| {
        threads(
            options.scale(ScaleSelector::Index(0)).unaligned(unaligned).memory(memory.array),
            jobs,
        )
    };
    let options = OpenOptions::new().array(configure);
    let opened = match place {
        Place::Target => options.open(&what.target),
        Place::Memory => volume::reader().array(configure).open(&what.target),
    };
    match opened {
        Ok(array) => Ok((array, false)),
        Err(error) if volume::is_absent(&error) => {
            // Tried in memory first: what cannot be made must leave no empty volume behind.
            let rehearsal = volume::rehearse(info, configure)?;
            if place == Place::Memory {
                return Ok((rehearsal, true));
            }
            match options.create(&what.target, info.clone()) {
                Ok(array) => Ok((array, true)),
                // Another share was quicker.
                Err(OpenError::Array(Error::AlreadyExists { .. })) => {
                    Ok((options.open(&what.target)?, true))
                }
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn threads(
    options: BigArrayBuilder<DynBackend>,
    jobs: Option<NonZeroUsize>,
) -> BigArrayBuilder<DynBackend> {
    match jobs {
        Some(jobs) => options.threads(jobs),
        None => options,
    }
}

/// The target with its compression: the one asked for, or else that of the source's chunks.
fn compressing(
    what: &CopyWhat,
    source: &BigArray,
    target: BigArray,
) -> Result<(BigArray, CopyWay), CliError> {
    if what.compress.is_some() {
        return Ok((chunks::compressing(target, what.compress)?, CopyWay::Encoded));
    }
    Ok((as_stored(source, target)?, CopyWay::Stored))
}

/// The target, compressing chunks as those of the source are.
pub(super) fn as_stored(source: &BigArray, target: BigArray) -> Result<BigArray, CliError> {
    if target.scale().sharding.is_some() || source.scale().sharding.is_some() {
        return Ok(target);
    }
    let transport = match sample(source)? {
        // At which level nobody knows.
        Some(ContentEncoding::Gzip) => Transport::Gzip(6),
        Some(ContentEncoding::Brotli) => Transport::BROTLI,
        Some(ContentEncoding::Zstd) => Transport::ZSTD,
        _ => Transport::None,
    };
    Ok(target.to_builder().transport(transport).open()?)
}

/// How the first chunk that is found is compressed.
fn sample(source: &BigArray) -> Result<Option<ContentEncoding>, CliError> {
    for part in source.grid().cover(&source.bounds()).take(SAMPLES) {
        if let Some(blob) = source.read_chunk_bytes(part.cell)? {
            return Ok(Some(blob.content_encoding));
        }
    }
    Ok(None)
}

/// All that makes two copies the same one.
fn identity(what: &CopyWhat, job: &[Copier<DynBackend, DynBackend>], part: Part) -> Value {
    let scale = |copier: &Copier<DynBackend, DynBackend>| {
        json!({
            "from": copier.source().scale().key,
            "to": copier.target().scale().key,
            "box": copier.bbox().to_string(),
            "chunk": copier.target().grid().chunk_size(),
            "tasks": copier.tasks(),
            "way": way_name(copier.way()),
        })
    };
    let scales: Vec<Value> = job.iter().map(scale).collect();
    json!({
        "source": what.source.to_string(),
        "target": what.target.to_string(),
        "part": format!("{}/{}", part.index, part.of),
        "memory": what.memory.0,
        "compress": what.compress.map(|compress| format!("{compress:?}")),
        "scales": scales,
    })
}

const fn way_name(way: CopyWay) -> &'static str {
    match way {
        CopyWay::Stored => "stored",
        CopyWay::Encoded => "encoded",
        CopyWay::Voxels => "voxels",
    }
}

/// The note of where a volume comes from belongs to it.
fn copy_provenance(job: &[Copier<DynBackend, DynBackend>]) -> Result<(), CliError> {
    let Some(copier) = job.first() else { return Ok(()) };
    let (source, target) = (copier.source(), copier.target());
    let key = Key::new("provenance").map_err(Error::from)?;
    let Some(bytes) = wait(source.backend().get_bytes(&key)).map_err(Error::from)? else {
        return Ok(());
    };
    match wait(target.backend().put_always(&key, bytes)) {
        // A store of chunks alone has no place for it.
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        put => put.map(|_| ()).map_err(|error| Error::from(error).into()),
    }
}
