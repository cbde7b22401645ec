//! Changing block files, one writer after the other.
//!
//! Threads of this process take turns by block (`turn`). Other processes may change the same file
//! meanwhile: the new file is made without a lock, and under the lock of the directory it takes the
//! old one's place only if that is still the file that it was made from. Who is overtaken a few
//! times makes it under the lock.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bigarrays_core::backend::{ErrorKind, Operation, Precondition, Version};

use super::blocks::Blocks;
use super::geometry::BlockId;
use super::rewrite::{Changes, NewFile, change_in_place, leaves_nothing, rebuild};
use super::temporary::{Temporary, stamp, sync_directory};
use super::volume::{Cuboids, Volume};
use crate::fs::FsBackend;
use crate::fs::failure::Failure;
use crate::fs::io as calls;
use crate::fs::lock::DirectoryLock;
use crate::hdf5::direct::{FileState, H5Error, Pipeline, Snapshot, Storage, swap_bytes};

/// How often a file is made that another process may overtake.
const OPTIMISTIC: u32 = 3;
/// Chunks that are compressed by one thread.
const PER_THREAD: usize = 4;
/// Threads that compress the chunks of a batch.
const MOST_THREADS: usize = 8;

/// How files are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    pub(super) in_place: bool,
    pub(super) sync: bool,
}

/// HDF5 chunks of one block with their voxels, or without them if they are to be removed.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) block: BlockId,
    pub(super) chunks: Vec<(Vec<u64>, Option<Vec<u8>>)>,
}

/// How a change ended.
#[derive(Debug)]
pub(super) enum Changed {
    /// The file has this version now; none if it is gone.
    Done(Option<Version>),
    /// The condition did not hold.
    Conflict,
}

/// What a change is made with.
#[derive(Debug)]
pub(super) struct Editor<'a> {
    pub(super) blocks: &'a Blocks,
    pub(super) plain: &'a FsBackend,
    pub(super) volume: &'a Volume,
    pub(super) cuboids: &'a Cuboids,
    pub(super) writing: Writing,
}

/// A change about to be made.
struct Plan<'a> {
    path: PathBuf,
    old: Option<Arc<Snapshot>>,
    new: NewFile,
    changes: &'a Changes,
}

impl Editor<'_> {
    /// Changes chunks of one block if `when` holds for all of them together.
    pub(super) fn change(&self, edit: Edit, when: &Precondition) -> Result<Changed, H5Error> {
        let Edit { block, chunks } = edit;
        let name = self.cuboids.geometry.name(&block);
        let path = self.blocks.root().join(&name);
        let at = |error: H5Error| error.in_file(&path);
        let dataset = self.blocks.get(&name);
        let _turn = turn(&path);
        let mut encoded: Option<(Pipeline, bool, Changes)> = None;
        for attempt in 0.. {
            let held = if attempt < OPTIMISTIC { None } else { Some(self.lock().map_err(at)?) };
            let old = dataset.snapshot()?;
            if let Some(settled) = self.settled_without(old.as_deref(), &chunks, when) {
                return Ok(settled);
            }
            let new = self.new_file(&block);
            let (pipeline, swapped) = self.filters(old.as_deref(), &new).map_err(at)?;
            if encoded.as_ref().is_none_or(|(p, s, _)| (p, *s) != (&pipeline, swapped)) {
                let size = self.cuboids.data_type.size();
                let changes =
                    encode_all(&chunks, &pipeline, swapped.then_some(size)).map_err(at)?;
                encoded = Some((pipeline, swapped, changes));
            }
            let Some((_, _, changes)) = &encoded else { continue };
            let plan = Plan { path: path.clone(), old, new, changes };
            if let Some(done) = self.attempt(&plan, when, held).map_err(at)? {
                return Ok(done);
            }
        }
        Err(at(H5Error::new(ErrorKind::Transient, "it is changed again and again")))
    }

    /// The outcome, if it is clear before anything is written: the condition does not hold, or there
    /// is nothing to remove.
    fn settled_without(
        &self,
        old: Option<&Snapshot>,
        chunks: &[(Vec<u64>, Option<Vec<u8>>)],
        when: &Precondition,
    ) -> Option<Changed> {
        let table = old.and_then(|old| old.map().table());
        let exists = chunks.iter().any(|(chunk, _)| table.is_some_and(|t| t.find(chunk).is_some()));
        let version = old.map(|old| old.state().version());
        if !when.holds(version.as_ref().filter(|_| exists)) {
            return Some(Changed::Conflict);
        }
        let removes_nothing = !exists && chunks.iter().all(|(_, voxels)| voxels.is_none());
        removes_nothing.then_some(Changed::Done(None))
    }

    fn new_file(&self, block: &[i64]) -> NewFile {
        let geometry = &self.cuboids.geometry;
        let oldest = geometry.global_names && geometry.rank == 3;
        let origin = || geometry.origin(block).iter().map(|at| at + 1).collect();
        NewFile {
            shape: geometry.dataset_shape(),
            chunk: geometry.dataset_chunk(),
            data_type: self.cuboids.data_type,
            compression: self.volume.config.compression,
            origin: oldest.then(origin),
        }
    }

    /// The filters of the file, and whether its values are big-endian.
    fn filters(&self, old: Option<&Snapshot>, new: &NewFile) -> Result<(Pipeline, bool), H5Error> {
        let Some(old) = old else { return Ok((new.pipeline(), false)) };
        self.cuboids.check(old)?;
        match &old.map().storage {
            Storage::Chunked { pipeline, raw_edges: false, .. } => {
                Ok((pipeline.clone(), old.map().big_endian))
            }
            _ => Err(H5Error::unsupported(
                "its chunks at the edge have no filters, which cannot be written here",
            )),
        }
    }

    /// Makes the change unless another process was faster: `None` then.
    fn attempt(
        &self,
        plan: &Plan<'_>,
        when: &Precondition,
        held: Option<DirectoryLock>,
    ) -> Result<Option<Changed>, H5Error> {
        let old = plan.old.as_deref();
        if leaves_nothing(old, &plan.path, plan.changes) {
            return self.publish(plan, when, held, calls::unlink);
        }
        let removes = plan.changes.values().any(Option::is_none);
        if self.writing.in_place && !removes && old.is_some() {
            return self.in_place(plan, when, held);
        }
        let made = Temporary::new(self.blocks.root());
        let source = old.map(|old| (plan.path.as_path(), old));
        rebuild(source, made.path(), &plan.new, plan.changes)?;
        made.finish(self.writing.sync).map_err(cannot_write)?;
        self.publish(plan, when, held, |path| made.rename(path))
    }

    /// Under the lock: replaces or removes the file if it is still the one that was read.
    fn publish(
        &self,
        plan: &Plan<'_>,
        when: &Precondition,
        held: Option<DirectoryLock>,
        replace: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<Option<Changed>, H5Error> {
        let lock = self.permitted(when, held)?;
        if !is_still(plan)? {
            return Ok(None);
        }
        replace(&plan.path).map_err(cannot_write)?;
        let now = FileState::at(&plan.path).map_err(cannot_write)?;
        drop(lock);
        if self.writing.sync {
            sync_directory(self.blocks.root()).map_err(cannot_write)?;
        }
        Ok(Some(Changed::Done(now.map(|state| state.version()))))
    }

    fn in_place(
        &self,
        plan: &Plan<'_>,
        when: &Precondition,
        held: Option<DirectoryLock>,
    ) -> Result<Option<Changed>, H5Error> {
        let _lock = self.permitted(when, held)?;
        if !is_still(plan)? {
            return Ok(None);
        }
        change_in_place(&plan.path, &plan.new, plan.changes)?;
        stamp(&plan.path, self.writing.sync).map_err(cannot_write)?;
        let now = FileState::at(&plan.path).map_err(cannot_write)?;
        Ok(Some(Changed::Done(now.map(|state| state.version()))))
    }

    fn permitted(
        &self,
        when: &Precondition,
        held: Option<DirectoryLock>,
    ) -> Result<DirectoryLock, H5Error> {
        let lock = held.map_or_else(|| self.lock(), Ok)?;
        lock.permits(when).map_err(|failure| self.failed(failure))?;
        Ok(lock)
    }

    fn lock(&self) -> Result<DirectoryLock, H5Error> {
        let lock = DirectoryLock::take(self.blocks.root(), File::lock);
        let lock = lock.map_err(|failure| self.failed(failure))?;
        lock.ok_or_else(|| H5Error::new(ErrorKind::NotFound, "the directory is gone"))
    }

    fn failed(&self, failure: Failure) -> H5Error {
        let error = failure.of(self.plain, Operation::Put);
        H5Error::new(error.kind(), "its directory cannot be locked").because(error)
    }
}

fn cannot_write(error: io::Error) -> H5Error {
    H5Error::io("it cannot be written", error)
}

fn is_still(plan: &Plan<'_>) -> Result<bool, H5Error> {
    let now = FileState::at(&plan.path).map_err(cannot_write)?;
    Ok(now == plan.old.as_ref().map(|old| *old.state()))
}

/// Applies the filters to chunks, several at once. `swap` is the size of values whose bytes the file
/// has the other way round.
fn encode_all(
    chunks: &[(Vec<u64>, Option<Vec<u8>>)],
    pipeline: &Pipeline,
    swap: Option<usize>,
) -> Result<Changes, H5Error> {
    let encode = |chunks: &[(Vec<u64>, Option<Vec<u8>>)]| -> Result<Changes, H5Error> {
        let one = |(chunk, voxels): &(Vec<u64>, Option<Vec<u8>>)| {
            let Some(voxels) = voxels else { return Ok((chunk.clone(), None)) };
            let mut voxels = voxels.clone();
            if let Some(size) = swap {
                swap_bytes(&mut voxels, size);
            }
            Ok((chunk.clone(), Some(pipeline.encode(voxels)?)))
        };
        chunks.iter().map(one).collect()
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let share = chunks.len().div_ceil(threads).max(PER_THREAD);
    thread::scope(|scope| {
        let mut shares = chunks.chunks(share);
        let own = shares.next().unwrap_or_default();
        let mut done = Vec::new();
        let mut others = Vec::new();
        for share in shares {
            match thread::Builder::new().spawn_scoped(scope, move || encode(share)) {
                Ok(thread) => others.push(thread),
                // Without a thread it only takes longer.
                Err(_) => done.push(encode(share)),
            }
        }
        done.push(encode(own));
        let panicked = |_| Err(H5Error::new(ErrorKind::Other, "a compressing thread panicked"));
        done.extend(others.into_iter().map(|other| other.join().unwrap_or_else(panicked)));
        let mut all = Changes::new();
        for part in done {
            all.extend(part?);
        }
        Ok(all)
    })
}

/// The turn of this thread to change a file; some files share one. No thread takes two.
fn turn(path: &Path) -> MutexGuard<'static, ()> {
    static TURNS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    // The remainder is below 64, so it fits.
    let at = usize::try_from(hasher.finish() % 64).unwrap_or(0);
    // It guards no data that a panic could have left half-changed.
    TURNS[at].lock().unwrap_or_else(PoisonError::into_inner)
}
