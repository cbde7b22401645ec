//! C20 to C22: what is left when a writer is killed, or a store cannot write.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::counters::Job;
use crate::backend::{BackendError, DynBackend, ErrorKind, KeyValueBackend, Precondition, wait};
use crate::conformance::bench::{Bench, Stop, Verdict, ensure, fail, get, holds, list, put};
use crate::conformance::payload::{sealed, unseal};
use crate::key::Key;

/// How many writers are killed.
const ROUNDS: u64 = 5;

/// The keys that a writer overwrites in turn.
pub(super) const KEYS: u64 = 8;

/// The length of value `number`: from a few bytes to more than a database page or two.
pub(super) fn length(number: u64) -> usize {
    usize::try_from(number.wrapping_mul(7919) % 60_000).unwrap_or(0)
}

pub(super) fn killed_writers(bench: &Bench<'_>) -> Verdict {
    let Some(process) = &bench.suite.process else {
        return Ok(());
    };
    let keys =
        (0..KEYS).map(|n| bench.key(&format!("key-{n}"))).collect::<Result<Vec<Key>, Stop>>()?;
    for round in 0..ROUNDS {
        let job = Job::write(bench.key("key-")?);
        let child = process()
            .env(Job::ENV, job.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.map_err(|error| Stop::Fail(format!("no process starts: {error}")))?;
        // Later and later in the writer's life.
        let killed = kill_after(bench, child, &keys, 20 * round);
        killed?;
        for key in &keys {
            after_the_kill(&bench.open()?, key, round)?;
        }
    }
    if bench.capabilities.listable {
        for meta in list(&bench.open()?, &bench.prefix("")?)? {
            ensure!(keys.contains(&meta.key), "a killed writer left {} to be listed", meta.key);
        }
    }
    Ok(())
}

/// Kills a writer once it has written so many values that it was seen to.
fn kill_after(bench: &Bench<'_>, mut child: Child, keys: &[Key], values: u64) -> Verdict {
    let seen = watch(bench, &mut child, keys, values);
    // It may have ended by itself; then `watch` says why.
    let _ = child.kill();
    let _ = child.wait();
    seen
}

fn watch(bench: &Bench<'_>, child: &mut Child, keys: &[Key], values: u64) -> Verdict {
    let patience = Instant::now() + Duration::from_secs(60);
    let store = bench.open()?;
    let mut latest = 0;
    loop {
        for key in keys {
            if let Some(bytes) = get(&store, key)? {
                let number = unseal(&bytes)
                    .map_err(|what| Stop::Fail(format!("beside a writer a reader saw: {what}")))?;
                latest = latest.max(number);
            }
        }
        if latest > values {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            fail!("a process that was to write ended with {status}");
        }
        ensure!(Instant::now() < patience, "a process wrote {latest} values in a minute");
    }
}

/// A value is whole, and the next writer finds no lock.
fn after_the_kill(store: &DynBackend, key: &Key, round: u64) -> Verdict {
    if let Some(bytes) = get(store, key)? {
        unseal(&bytes)
            .map_err(|what| Stop::Fail(format!("a killed writer left in {key}: {what}")))?;
    }
    let value = sealed(0, length(round));
    put(store, key, value.clone())?;
    holds(store, key, &value)
}

pub(super) fn refused_writes(bench: &Bench<'_>) -> Verdict {
    let writer = bench.writer()?;
    let (key, new) = (bench.key("value")?, bench.key("new")?);
    put(&writer, &key, "old")?;
    for open in &bench.suite.refusing {
        let store = open()?;
        let value = || sealed(1, 100_000).into();
        for (what, answer) in [
            ("put", wait(store.put(&key, value(), Precondition::Always)).map(drop)),
            ("put of a new key", wait(store.put(&new, value(), Precondition::Always)).map(drop)),
        ] {
            let kind = answer.err().as_ref().map(BackendError::kind);
            ensure!(
                matches!(
                    kind,
                    Some(
                        ErrorKind::ReadOnly
                            | ErrorKind::PermissionDenied
                            | ErrorKind::StorageFull
                            | ErrorKind::Unsupported
                    )
                ),
                "a {what} that must be refused in {store} answered {kind:?}"
            );
        }
        holds(&bench.open()?, &key, b"old")?;
        ensure!(get(&bench.open()?, &new)?.is_none(), "a refused put left a value");
    }
    Ok(())
}
