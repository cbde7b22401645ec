//! C17, C18, X4: conditional puts and deletes.

use crate::backend::{
    ConditionalPut, DeleteOutcome, DynBackend, KeyValueBackend, Precondition, PutOutcome, Value,
    wait,
};
use crate::conformance::bench::{
    Bench, Stop, Verdict, ensure, get, holds, is_absent, put, threads, version,
};
use crate::key::Key;

/// One handle for each thread of a race.
fn handles(bench: &Bench<'_>) -> Result<Vec<DynBackend>, Stop> {
    (0..4).map(|_| bench.open()).collect()
}

pub(super) fn creation(bench: &Bench<'_>) -> Verdict {
    let handles = handles(bench)?;
    for round in 0..40 {
        let key = bench.key(&format!("round-{round:02}"))?;
        let won = threads(handles.len(), |n| {
            let value = Value::plain(format!("creator {n}"));
            let outcome = wait(handles[n].put(&key, value, Precondition::IfAbsent))?;
            Ok(outcome.is_written().then_some(n))
        })?;
        let winners: Vec<usize> = won.into_iter().flatten().collect();
        ensure!(
            winners.len() == 1,
            "{} of {} creators of one key were told that they won",
            winners.len(),
            handles.len()
        );
        holds(&bench.open()?, &key, format!("creator {}", winners[0]).as_bytes())?;
    }
    Ok(())
}

fn conflicts(store: &DynBackend, key: &Key, when: Precondition, what: &str) -> Verdict {
    let before = get(store, key)?;
    let outcome = wait(store.put(key, "must not be stored".into(), when))?;
    ensure!(outcome == PutOutcome::Conflict, "a put if {what} was not a conflict");
    ensure!(get(store, key)? == before, "a put if {what} changed the value");
    Ok(())
}

fn written(store: &DynBackend, key: &Key, value: &str, when: Precondition, what: &str) -> Verdict {
    let outcome = wait(store.put(key, value.to_owned().into(), when))?;
    ensure!(outcome.is_written(), "a put if {what} was a conflict");
    holds(store, key, value.as_bytes())
}

pub(super) fn puts(bench: &Bench<'_>) -> Verdict {
    use Precondition::{IfAbsent, IfVersion};
    let store = bench.open()?;
    let (key, other) = (bench.key("value")?, bench.key("other")?);
    written(&store, &key, "1", IfAbsent, "absent, of an absent key")?;
    conflicts(&store, &key, IfAbsent, "absent, of a present key")?;
    if bench.capabilities.conditional_put == ConditionalPut::CompareAndSwap {
        let first = version(&store, &key)?;
        written(&store, &key, "2", IfVersion(first.clone()), "of its version")?;
        conflicts(&store, &key, IfVersion(first.clone()), "of an older version")?;
        // The version that the put itself tells is as good as one that was read.
        let when = IfVersion(version(&store, &key)?);
        if let PutOutcome::Written { version: Some(told) } =
            wait(store.put(&key, "3".into(), when))?
        {
            let same = told == version(&store, &key)?;
            ensure!(same, "a put tells another version than a get after it");
        }
        put(&store, &other, "another value")?;
        let others = IfVersion(version(&store, &other)?);
        conflicts(&store, &key, others, "of another key's version")?;
        conflicts(&store, &bench.key("absent")?, IfVersion(first), "of a version, when absent")?;
        is_absent(&store, &bench.key("absent")?)?;
        holds(&store, &key, b"3")?;
    }
    // Once deleted it can be created again.
    let _always_deleted = wait(store.delete(&key, Precondition::Always))?;
    written(&store, &key, "4", IfAbsent, "absent, of a deleted key")
}

pub(super) fn deletes(bench: &Bench<'_>) -> Verdict {
    use Precondition::{IfAbsent, IfVersion};
    let store = bench.open()?;
    let (key, neighbour, absent) = (bench.key("value")?, bench.key("wall")?, bench.key("absent")?);
    put(&store, &neighbour, "neighbour")?;
    put(&store, &key, "old")?;
    let stale = version(&store, &key)?;
    put(&store, &key, "new")?;
    let current = version(&store, &key)?;
    let conflict = |key: &Key, when, what: &str| -> Verdict {
        let outcome = wait(store.delete(key, when))?;
        ensure!(outcome == DeleteOutcome::Conflict, "a delete if {what} was not a conflict");
        Ok(())
    };
    conflict(&key, IfVersion(stale.clone()), "of an older version")?;
    conflict(&key, IfAbsent, "absent, of a present key")?;
    conflict(&absent, IfVersion(stale), "of a version, of an absent key")?;
    holds(&store, &key, b"new")?;
    let outcome = wait(store.delete(&key, IfVersion(current)))?;
    ensure!(outcome == DeleteOutcome::Deleted, "a delete if of its version was a conflict");
    is_absent(&store, &key)?;
    let outcome = wait(store.delete(&absent, IfAbsent))?;
    ensure!(
        outcome == DeleteOutcome::Deleted,
        "a delete if absent, of an absent key, was a conflict"
    );
    holds(&store, &neighbour, b"neighbour")?;
    one_deletes(bench)
}

/// Of several deletes of one version, one is told that it did it.
fn one_deletes(bench: &Bench<'_>) -> Verdict {
    let handles = handles(bench)?;
    let key = bench.key("contested")?;
    for _ in 0..40 {
        put(&handles[0], &key, "contested")?;
        let current = version(&handles[0], &key)?;
        let outcomes = threads(handles.len(), |n| {
            let when = Precondition::IfVersion(current.clone());
            Ok(wait(handles[n].delete(&key, when))?)
        })?;
        let deleted = outcomes.iter().filter(|&&outcome| outcome == DeleteOutcome::Deleted);
        let count = deleted.count();
        ensure!(
            count == 1,
            "{count} of {} deletes of one version were told that they did it",
            handles.len()
        );
        is_absent(&handles[0], &key)?;
    }
    Ok(())
}
