//! The databases that are open in this process: one for each directory, shared by all stores on it.
//!
//! RocksDB lets a directory be open for writing only once, and says so also to a second store of
//! the same process. So there is this one list for the whole process, by what the directory is
//! and not by how it is called.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::database::Database;
use super::failure::Failure;

#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = std::path::PathBuf;

static PLACES: Mutex<BTreeMap<Identity, Arc<Place>>> = Mutex::new(BTreeMap::new());

/// A directory that may be open.
#[derive(Debug, Default)]
pub(super) struct Place {
    state: Mutex<[Slot; 2]>,
    changed: Condvar,
}

/// Which of the two databases of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Follower,
}

#[derive(Debug, Default)]
struct Slot {
    database: Weak<Database>,
    /// Also while the database is being opened or closed, which takes time.
    is_taken: bool,
}

/// The right to have a database open, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    place: Arc<Place>,
    role: Role,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.place.state()[self.role as usize].is_taken = false;
        self.place.changed.notify_all();
    }
}

impl Place {
    /// The place of a directory that exists.
    pub(super) fn of(path: &Path) -> Result<Arc<Self>, Failure> {
        let identity = identity(path)?;
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody can begin to use one while the list is locked.
        places.retain(|_, place| Arc::strong_count(place) > 1);
        Ok(Arc::clone(places.entry(identity).or_default()))
    }

    /// The database that is open here in this role, if there is one.
    pub(super) fn opened(&self, role: Role) -> Option<Arc<Database>> {
        self.state()[role as usize].database.upgrade()
    }

    /// The database that is open here in this role, or else the one that `open` opens.
    pub(super) fn open(
        self: &Arc<Self>,
        role: Role,
        open: impl FnOnce(Claim) -> Result<Database, Failure>,
    ) -> Result<Arc<Database>, Failure> {
        let mut state = self.state();
        loop {
            if let Some(database) = state[role as usize].database.upgrade() {
                return Ok(database);
            }
            if !state[role as usize].is_taken {
                break;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state[role as usize].is_taken = true;
        drop(state);
        let database = Arc::new(open(Claim { place: Arc::clone(self), role })?);
        self.state()[role as usize].database = Arc::downgrade(&database);
        self.changed.notify_all();
        Ok(database)
    }

    // Each change of the state is a single one: it is right after a panic, too.
    fn state(&self) -> MutexGuard<'_, [Slot; 2]> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Result<Identity, Failure> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Result<Identity, Failure> {
    Ok(fs::canonicalize(path)?)
}
