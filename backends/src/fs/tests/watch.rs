//! Watching the system calls of stores below a directory: one of them fails, or all are written
//! down.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use super::super::io::Call;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Create,
    Write,
    Stamp,
    SyncFile,
    Rename,
    Unlink,
    MakeDirectory,
    RemoveDirectory,
    SyncDirectory,
    Open,
    Look,
    Read,
    List,
    Lock,
}

pub(crate) const KINDS: [Kind; 14] = [
    Kind::Create,
    Kind::Write,
    Kind::Stamp,
    Kind::SyncFile,
    Kind::Rename,
    Kind::Unlink,
    Kind::MakeDirectory,
    Kind::RemoveDirectory,
    Kind::SyncDirectory,
    Kind::Open,
    Kind::Look,
    Kind::Read,
    Kind::List,
    Kind::Lock,
];

fn parts<'a>(call: &Call<'a>) -> (Kind, &'a Path) {
    match *call {
        Call::Create(path) => (Kind::Create, path),
        Call::Write { path, .. } => (Kind::Write, path),
        Call::Stamp(path) => (Kind::Stamp, path),
        Call::SyncFile(path) => (Kind::SyncFile, path),
        Call::Rename { from, .. } => (Kind::Rename, from),
        Call::Unlink(path) => (Kind::Unlink, path),
        Call::MakeDirectory(path) => (Kind::MakeDirectory, path),
        Call::RemoveDirectory(path) => (Kind::RemoveDirectory, path),
        Call::SyncDirectory(path) => (Kind::SyncDirectory, path),
        Call::Open(path) => (Kind::Open, path),
        Call::Look(path) => (Kind::Look, path),
        Call::Read(path) => (Kind::Read, path),
        Call::List(path) => (Kind::List, path),
        Call::Lock(path) => (Kind::Lock, path),
    }
}

/// A call that changed something or made it last, and succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    SyncFile(PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    MakeDirectory(PathBuf),
    RemoveDirectory(PathBuf),
    SyncDirectory(PathBuf),
    /// Not a call: the store reported a step as done.
    Reported,
}

fn event(call: &Call<'_>) -> Option<Event> {
    Some(match *call {
        Call::Create(path) => Event::Create(path.to_owned()),
        Call::Write { path, content } => Event::Write(path.to_owned(), content.to_owned()),
        Call::SyncFile(path) => Event::SyncFile(path.to_owned()),
        Call::Rename { from, to } => Event::Rename(from.to_owned(), to.to_owned()),
        Call::Unlink(path) => Event::Unlink(path.to_owned()),
        Call::MakeDirectory(path) => Event::MakeDirectory(path.to_owned()),
        Call::RemoveDirectory(path) => Event::RemoveDirectory(path.to_owned()),
        Call::SyncDirectory(path) => Event::SyncDirectory(path.to_owned()),
        _ => return None,
    })
}

#[derive(Debug, Default)]
struct State {
    /// The call that is to fail: of this kind, this many away.
    fault: Option<(Kind, usize)>,
    failed: Option<PathBuf>,
    events: Vec<Event>,
}

/// The calls below a directory, watched until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    root: PathBuf,
    state: Mutex<State>,
}

static WATCHED: RwLock<Vec<Arc<Watched>>> = RwLock::new(Vec::new());

impl Watch {
    pub(crate) fn below(root: &Path) -> Self {
        let watched = Arc::new(Watched { root: root.to_owned(), state: Mutex::default() });
        WATCHED.write().unwrap().push(Arc::clone(&watched));
        Self(watched)
    }

    /// Lets the `n`-th call of a kind fail, counted from 1 and from now.
    pub(crate) fn fail(&self, kind: Kind, n: usize) {
        let mut state = self.0.state.lock().unwrap();
        (state.fault, state.failed) = (Some((kind, n)), None);
    }

    /// Lets nothing fail any more. The path of what failed.
    pub(crate) fn heal(&self) -> Option<PathBuf> {
        let mut state = self.0.state.lock().unwrap();
        state.fault = None;
        state.failed.take()
    }

    pub(crate) fn report(&self) {
        self.0.state.lock().unwrap().events.push(Event::Reported);
    }

    /// What was done since the beginning, or the last time this was asked.
    pub(crate) fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.state.lock().unwrap().events)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.write().unwrap().retain(|watched| !Arc::ptr_eq(watched, &self.0));
    }
}

/// Makes a call, unless it is to fail.
pub(in crate::fs) fn make<T>(call: Call<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let (kind, path) = parts(&call);
    let found = WATCHED.read().unwrap().iter().find(|w| path.starts_with(&w.root)).cloned();
    let Some(watched) = found else { return act() };
    {
        let mut state = watched.state.lock().unwrap();
        match &mut state.fault {
            Some((wanted, left)) if *wanted == kind => {
                *left -= 1;
                if *left == 0 {
                    (state.fault, state.failed) = (None, Some(path.to_owned()));
                    // EIO: what a failing disk says.
                    return Err(io::Error::from_raw_os_error(5));
                }
            }
            _ => {}
        }
    }
    let made = act()?;
    watched.state.lock().unwrap().events.extend(event(&call));
    Ok(made)
}
