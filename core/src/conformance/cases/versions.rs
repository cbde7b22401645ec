//! C19, X7: versions.

use std::collections::HashSet;

use crate::backend::{ByteRange, KeyValueBackend, Version, wait};
use crate::conformance::bench::{Bench, Stop, Verdict, delete, ensure, fail, list, put};

pub(super) fn change(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let key = bench.key("value")?;
    let mut seen: HashSet<Version> = HashSet::new();
    // The same bytes, other bytes of the same length, and a new value after a delete.
    for round in 0..60 {
        let value = if round % 3 == 2 { "other" } else { "bytes" };
        put(&writer, &key, value)?;
        let Some(blob) = wait(store.get(&key, ByteRange::Full))? else {
            fail!("{key} is missing after it was put");
        };
        let Some(version) = blob.version else {
            return Err(Stop::Skip("the store tells no versions".to_owned()));
        };
        ensure!(
            seen.insert(version),
            "put number {} of one key has the version of an earlier one",
            round + 1
        );
        if round % 10 == 9 {
            delete(&writer, &key)?;
        }
    }
    Ok(())
}

pub(super) fn agree(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let key = bench.key("value")?;
    for value in ["one", "two, longer", "3"] {
        let told = put(&writer, &key, value)?;
        let whole = wait(store.get(&key, ByteRange::Full))?;
        let part = wait(store.get(&key, ByteRange::From(1)))?;
        let batch = wait(store.get_batch(std::slice::from_ref(&key))).pop();
        let batch = batch.transpose()?.flatten();
        let head = wait(store.head(&key))?;
        let mut answers = vec![
            // A writer given beside the store may count in another way.
            ("put", told.filter(|_| bench.suite.writer.is_none())),
            ("get", whole.and_then(|blob| blob.version)),
            ("get of a range", part.and_then(|blob| blob.version)),
            ("get_batch", batch.and_then(|blob| blob.version)),
            ("head", head.and_then(|meta| meta.version)),
        ];
        if bench.capabilities.listable {
            let metas = list(&store, &bench.prefix("")?)?;
            let meta = metas.into_iter().find(|meta| meta.key == key);
            answers.push(("list", meta.and_then(|meta| meta.version)));
        }
        let told = answers.iter().filter_map(|(who, v)| Some((*who, v.as_ref()?)));
        let told: Vec<(&str, &Version)> = told.collect();
        for pair in told.windows(2) {
            let [(one, a), (other, b)] = pair else {
                continue;
            };
            ensure!(a == b, "{one} tells the version {a:?} and {other} tells {b:?}");
        }
        if told.is_empty() {
            return Err(Stop::Skip("the store tells no versions".to_owned()));
        }
    }
    Ok(())
}
