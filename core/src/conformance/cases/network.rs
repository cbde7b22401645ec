//! C22, C24 to C27: a store behind a bad network, and one that does not know us.

use std::time::{Duration, Instant};

use super::counters::{Answers, check, increase, start};
use crate::backend::{
    BackendError, BackendResult, ByteRange, DynBackend, ErrorKind, KeyValueBackend, Precondition,
    PutOutcome, wait,
};
use crate::conformance::bench::{
    Bench, Stop, Verdict, ensure, fail, get, holds, is_absent, list, put, threads,
};
use crate::conformance::payload::{sealed, unseal};
use crate::conformance::proxy::{Proxy, Weather};
use crate::key::Key;
use crate::wrap::Retry;

/// How long a request may take that can only run out of time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The network of the suite, and a store behind it.
fn connect(bench: &Bench<'_>) -> Result<(Proxy, DynBackend), Stop> {
    let Some(network) = &bench.suite.network else {
        fail!("there is no network");
    };
    let proxy = Proxy::start(network.server);
    let proxy = proxy.map_err(|error| Stop::Fail(format!("no proxy starts: {error}")))?;
    let store = (network.open)(proxy.address())?;
    Ok((proxy, store))
}

/// Asks a store again as programs do, but without long waits.
fn patient(store: DynBackend) -> DynBackend {
    let quick = Duration::from_millis(1);
    std::sync::Arc::new(Retry::new(store).max_attempts(10).min_delay(quick).max_delay(quick * 20))
}

fn fails<T>(what: &str, answer: BackendResult<T>) -> Verdict {
    let kind = answer.err().as_ref().map(BackendError::kind);
    ensure!(
        kind == Some(ErrorKind::Transient),
        "{what}, the server out of reach, answered {kind:?} instead of a failure for the moment"
    );
    Ok(())
}

pub(super) fn out_of_reach(bench: &Bench<'_>) -> Verdict {
    let (proxy, store) = connect(bench)?;
    let (key, absent) = (bench.key("value")?, bench.key("absent")?);
    let value = sealed(1, 5000);
    put(&bench.writer()?, &key, value.clone())?;
    proxy.set(Weather::Refuse);
    fails("a get", wait(store.get(&key, ByteRange::Full)))?;
    fails("a get of an absent key", wait(store.get(&absent, ByteRange::Full)))?;
    fails("a head", wait(store.head(&absent)))?;
    if bench.capabilities.writable {
        fails("a put", wait(store.put(&key, "x".into(), Precondition::Always)))?;
        fails("a delete", wait(store.delete(&key, Precondition::Always)))?;
    }
    if bench.capabilities.listable {
        ensure!(
            list(&store, &bench.prefix("")?).is_err(),
            "a listing, the server out of reach, ended as if there were no keys"
        );
    }
    proxy.set(Weather::Clear);
    holds(&store, &key, &value)?;
    is_absent(&store, &absent)
}

pub(super) fn cut_replies(bench: &Bench<'_>) -> Verdict {
    let (proxy, store) = connect(bench)?;
    let value = sealed(1, 300_000);
    let keys =
        (0..5).map(|n| bench.key(&format!("key-{n}"))).collect::<Result<Vec<Key>, Stop>>()?;
    let writer = bench.writer()?;
    for key in &keys {
        put(&writer, key, value.clone())?;
    }
    for bytes in [0, 1, 40, 200, 500, 2000, 100_000, 299_000] {
        proxy.set(Weather::Cut(bytes));
        let whole = wait(store.get(&keys[0], ByteRange::Full));
        ensure!(
            whole.is_err(),
            "a reply cut after {bytes} bytes was taken for an answer: {:?}",
            whole.ok().flatten().map(|blob| blob.bytes.len())
        );
        // What came before the cut may be all that was asked.
        if let Ok(part) = wait(store.get(&keys[0], ByteRange::Bounded(100..250_000))) {
            let part = part.map(|blob| blob.bytes);
            ensure!(
                part.as_deref() == Some(&value[100..250_000]),
                "a cut range was taken as whole"
            );
        }
        if let Ok(parts) = wait(store.get_ranges(&keys[0], &[0..10, 200_000..299_000])) {
            let right = parts.is_some_and(|parts| parts[1] == value[200_000..299_000]);
            ensure!(right, "cut ranges were taken as whole");
        }
        if bench.capabilities.listable
            && let Ok(metas) = list(&store, &bench.prefix("")?)
        {
            ensure!(
                metas.len() == keys.len(),
                "a cut listing of {} keys was taken as whole",
                metas.len()
            );
        }
    }
    proxy.set(Weather::Clear);
    holds(&store, &keys[0], &value)
}

pub(super) fn lost_replies(bench: &Bench<'_>) -> Verdict {
    let (proxy, store) = connect(bench)?;
    let store = patient(store);
    let can = bench.capabilities;
    for number in 0..8 {
        let key = bench.key(&format!("new-{number}"))?;
        let value = sealed(number, 3000);
        let when = match can.conditional_put {
            crate::backend::ConditionalPut::Unsupported => Precondition::Always,
            _ => Precondition::IfAbsent,
        };
        // Of any two replies one is lost: every put loses some of its own.
        proxy.set(Weather::LoseEach(2));
        let outcome = wait(store.put(&key, value.clone().into(), when));
        proxy.set(Weather::Clear);
        match outcome? {
            PutOutcome::Written { .. } => holds(&store, &key, &value)?,
            PutOutcome::Conflict => fail!("a put whose reply was lost was told as a conflict"),
        }
    }
    if can.conditional_put == crate::backend::ConditionalPut::CompareAndSwap {
        let key = start(bench)?;
        proxy.set(Weather::LoseEach(5));
        threads(2, |worker| increase(&store, &key, worker, 40, Answers::Lossy))?;
        proxy.set(Weather::Clear);
        check(bench, &key, 80)?;
    }
    bench.note(format!("{} replies", proxy.replies()));
    Ok(())
}

pub(super) fn stalled(bench: &Bench<'_>) -> Verdict {
    let (proxy, store) = connect(bench)?;
    let (key, new) = (bench.key("value")?, bench.key("new")?);
    let value = sealed(1, 5000);
    put(&bench.writer()?, &key, value.clone())?;
    let begun = Instant::now();
    proxy.set(Weather::Stall);
    fails("a get", wait(store.get(&key, ByteRange::Full)))?;
    if bench.capabilities.writable {
        let put = store.put(&new, sealed(2, 200_000).into(), Precondition::Always);
        fails("a put", wait(put))?;
    }
    ensure!(begun.elapsed() < PATIENCE, "a stalled server was waited for {:?}", begun.elapsed());
    proxy.set(Weather::Clear);
    holds(&store, &key, &value)?;
    // It arrived or it did not; a part of it never did.
    if let Some(bytes) = get(&store, &new)? {
        unseal(&bytes)
            .map_err(|what| Stop::Fail(format!("a put that ran out of time left: {what}")))?;
    }
    Ok(())
}

pub(super) fn strangers(bench: &Bench<'_>) -> Verdict {
    let (Some(network), Some(stranger)) = (&bench.suite.network, &bench.suite.stranger) else {
        fail!("there is no network");
    };
    let key = bench.key("value")?;
    put(&bench.writer()?, &key, "secret")?;
    let proxy = Proxy::start(network.server);
    let proxy = proxy.map_err(|error| Stop::Fail(format!("no proxy starts: {error}")))?;
    let store = match stranger(proxy.address()) {
        Err(error) => return unknown("opening", error.kind()),
        Ok(store) => patient(store),
    };
    let before = proxy.replies();
    let kind = |answer: BackendResult<()>| answer.err().as_ref().map(BackendError::kind);
    for (what, got) in [
        ("a get", kind(wait(store.get(&key, ByteRange::Full)).map(drop))),
        ("a head", kind(wait(store.head(&key)).map(drop))),
    ] {
        match got {
            Some(kind) => unknown(what, kind)?,
            None => fail!("{what} with wrong credentials was answered"),
        }
    }
    if bench.capabilities.writable {
        let put = wait(store.put(&key, "mine".into(), Precondition::Always)).map(drop);
        match kind(put) {
            Some(kind) => unknown("a put", kind)?,
            None => fail!("a put with wrong credentials was answered"),
        }
    }
    let requests = proxy.replies() - before;
    // A refused request may be asked once more with a fresh token.
    ensure!(requests <= 9, "3 refused operations made {requests} requests");
    bench.note(format!("{requests} requests"));
    holds(&bench.open()?, &key, b"secret")
}

fn unknown(what: &str, kind: ErrorKind) -> Verdict {
    ensure!(
        kind == ErrorKind::Unauthenticated,
        "{what} with wrong credentials answered {kind:?} instead of Unauthenticated"
    );
    Ok(())
}
