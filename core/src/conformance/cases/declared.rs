//! X5, X6, X11: what a store says of itself.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures::stream::StreamExt;

use crate::backend::{
    BackendError, BackendResult, ByteRange, ConditionalPut, DynBackend, ErrorKind, KeyValueBackend,
    Precondition, Put, Value, Version, wait,
};
use crate::conformance::bench::{Bench, Stop, Verdict, ensure, fail, holds, is_absent, put};
use crate::key::Key;

pub(super) fn refused(bench: &Bench<'_>) -> Verdict {
    let store = bench.open()?;
    ensure!(
        store.capabilities() == bench.capabilities,
        "two handles on one store declare different capabilities"
    );
    if !bench.capabilities.listable {
        no_listing(bench, &store)?;
    }
    if bench.capabilities.writable { conditions(bench, &store) } else { no_writes(bench, &store) }
}

fn kind_of<T>(answer: BackendResult<T>) -> Option<ErrorKind> {
    answer.err().as_ref().map(BackendError::kind)
}

fn no_listing(bench: &Bench<'_>, store: &DynBackend) -> Verdict {
    let prefix = bench.prefix("")?;
    let mut items = wait(store.list(&prefix).collect::<Vec<_>>()).into_iter();
    match items.next() {
        Some(Err(error)) if error.kind() == ErrorKind::Unsupported => {}
        Some(Err(error)) => fail!("an undeclared listing is refused as another kind: {error}"),
        Some(Ok(_)) => fail!("the store lists, but does not declare it"),
        None => fail!("a store that cannot list answers as if it had no keys"),
    }
    ensure!(items.next().is_none(), "a listing goes on after its failure");
    Ok(())
}

fn no_writes(bench: &Bench<'_>, store: &DynBackend) -> Verdict {
    let key = bench.key("never-stored")?;
    let put = || Put { key: key.clone(), value: "never stored".into() };
    let conditional = |when| wait(store.put(&key, "never stored".into(), when));
    for (what, kind) in [
        ("put", kind_of(conditional(Precondition::Always))),
        ("put if absent", kind_of(conditional(Precondition::IfAbsent))),
        ("delete", kind_of(wait(store.delete(&key, Precondition::Always)))),
        ("put_batch", kind_of(wait(store.put_batch(vec![put()])))),
        ("delete_batch", kind_of(wait(store.delete_batch(std::slice::from_ref(&key))))),
    ] {
        ensure!(
            matches!(kind, Some(ErrorKind::ReadOnly | ErrorKind::Unsupported)),
            "a {what} to a read-only store answered {kind:?}"
        );
    }
    is_absent(store, &key)
}

/// Preconditions beyond the declared ones are refused, and nothing is stored or removed.
fn conditions(bench: &Bench<'_>, store: &DynBackend) -> Verdict {
    let (present, absent) = (bench.key("present")?, bench.key("absent")?);
    put(store, &present, "unchanged")?;
    let version = wait(store.head(&present))?.and_then(|meta| meta.version);
    let version = version.unwrap_or_else(|| Version::from_u64(0));
    let level = bench.capabilities.conditional_put;
    let mut undeclared = Vec::new();
    if level < ConditionalPut::CompareAndSwap {
        undeclared.push(Precondition::IfVersion(version.clone()));
    }
    if level < ConditionalPut::CreateOnly {
        undeclared.push(Precondition::IfAbsent);
    }
    if !bench.capabilities.conditional_delete {
        for key in [&present, &absent] {
            refuses_delete(store, key, &version)?;
        }
    }
    for when in undeclared {
        for key in [&present, &absent] {
            refuses(store, key, &when)?;
        }
    }
    holds(store, &present, b"unchanged")?;
    is_absent(store, &absent)
}

fn refuses(store: &DynBackend, key: &Key, when: &Precondition) -> Verdict {
    let value = Value::plain("must not be stored");
    let kind = kind_of(wait(store.put(key, value, when.clone())));
    ensure!(
        kind == Some(ErrorKind::Unsupported),
        "a put with the undeclared {when:?} answered {kind:?}"
    );
    Ok(())
}

// A delete if absent removes nothing, so that some stores can honour it anyway.
fn refuses_delete(store: &DynBackend, key: &Key, version: &Version) -> Verdict {
    let when = Precondition::IfVersion(version.clone());
    let kind = kind_of(wait(store.delete(key, when)));
    ensure!(
        kind == Some(ErrorKind::Unsupported),
        "a delete with the undeclared condition of a version answered {kind:?}"
    );
    Ok(())
}

/// The output of a future that must be done at its first poll.
fn at_once<T>(what: &str, future: impl Future<Output = T>) -> Result<T, Stop> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => fail!("{what} answered Pending, though the store is declared Blocking"),
    }
}

pub(super) fn never_pending(bench: &Bench<'_>) -> Verdict {
    let store = bench.open()?;
    let keys = [bench.key("one")?, bench.key("two")?];
    let [key, _] = &keys;
    if bench.capabilities.writable {
        let value = || Value::plain("value");
        let written = at_once("put", store.put(key, value(), Precondition::Always))?;
        ensure!(written?.is_written(), "a put was not written");
        let puts = keys.iter().cloned().map(|key| Put { key, value: value() });
        at_once("put_batch", store.put_batch(puts.collect()))??;
    }
    at_once("head", store.head(key))??;
    at_once("get", store.get(key, ByteRange::Full))??;
    at_once("get_ranges", store.get_ranges(key, &[0..1, 2..3]))??;
    for answer in at_once("get_batch", store.get_batch(&keys))? {
        answer?;
    }
    if bench.capabilities.listable {
        let prefix = bench.prefix("")?;
        for item in at_once("list", store.list(&prefix).collect::<Vec<_>>())? {
            item?;
        }
    }
    if bench.capabilities.writable {
        at_once("delete_batch", store.delete_batch(&keys))??;
        let _always_deleted = at_once("delete", store.delete(key, Precondition::Always))??;
    }
    Ok(())
}

pub(super) fn name(bench: &Bench<'_>) -> Verdict {
    let name = bench.open()?.to_string();
    ensure!(!name.trim().is_empty(), "the store's Display is empty");
    ensure!(!name.contains('\n'), "the store's Display has several lines");
    Ok(())
}
