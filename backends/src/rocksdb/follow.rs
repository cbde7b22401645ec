//! Catching up with the process that writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bigarrays_core::backend::ErrorKind;
use rocksdb::{DBWithThreadMode, SingleThreaded};

use super::failure::Failure;

/// How often a round is repeated while the writer changes the list of its files.
const ATTEMPTS: u32 = 50;

/// The rounds of catching up of one secondary.
///
/// A read must see all that the writer had reported done when it began. A round that began later
/// than the read is good for it, whoever asked for it: many threads that read share one.
#[derive(Debug)]
pub(super) struct CatchUp {
    path: PathBuf,
    begun: AtomicU64,
    /// The last round that succeeded.
    done: Mutex<u64>,
}

impl CatchUp {
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), begun: AtomicU64::new(0), done: Mutex::new(0) }
    }

    pub(super) fn run(&self, reader: &DBWithThreadMode<SingleThreaded>) -> Result<(), Failure> {
        self.share(|| {
            // RocksDB reads the list of files, and then the logs. If the writer meanwhile moves
            // what is in a log into a file and removes the log, or merges a new file into another
            // one and removes it, RocksDB sees neither, and says nothing. The writer always puts
            // that into the list first: if the list is the same before and after, nothing was
            // missed.
            let mut before = self.list()?;
            for _ in 0..ATTEMPTS {
                reader.try_catch_up_with_primary()?;
                let after = self.list()?;
                if after == before {
                    return Ok(());
                }
                before = after;
            }
            let note = "the writer changes its files faster than this process can follow";
            Err(Failure::new(ErrorKind::Transient, note))
        })
    }

    /// Which list of files the writer has (`MANIFEST-NUMBER`), and its length: it only grows.
    fn list(&self) -> Result<(Vec<u8>, u64), Failure> {
        let current = fs::read(self.path.join("CURRENT"))?;
        let name = String::from_utf8_lossy(&current);
        let len = match fs::metadata(self.path.join(name.trim_end())) {
            Ok(metadata) => metadata.len(),
            // There is another one already.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        Ok((current, len))
    }

    fn share(&self, round: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if *done > before {
            return Ok(());
        }
        let this = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        round()?;
        *done = this;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn each_read_is_followed_by_a_round_and_failed_rounds_do_not_count() {
        let catch_up = CatchUp::of(Path::new(""));
        let rounds = AtomicU64::new(0);
        let count = || {
            rounds.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        (0..5).for_each(|_| catch_up.share(count).unwrap());
        assert_eq!(rounds.load(Ordering::SeqCst), 5);
        catch_up.share(|| Err(Failure::new(ErrorKind::Other, "no"))).unwrap_err();
        catch_up.share(count).unwrap();
        assert_eq!(rounds.load(Ordering::SeqCst), 6);
    }

    #[test]
    fn a_value_that_was_there_before_the_read_is_seen_by_it() {
        let catch_up = CatchUp::of(Path::new(""));
        let (written, seen) = (AtomicU64::new(0), AtomicU64::new(0));
        let threads = 4;
        let start = Barrier::new(threads);
        let read = || {
            start.wait();
            for _ in 0..2000 {
                let wanted = written.fetch_add(1, Ordering::SeqCst) + 1;
                let look = || {
                    seen.fetch_max(written.load(Ordering::SeqCst), Ordering::SeqCst);
                    Ok(())
                };
                catch_up.share(look).unwrap();
                assert!(seen.load(Ordering::SeqCst) >= wanted);
            }
        };
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(read))));
    }
}
