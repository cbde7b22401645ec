//! C11, C12: several handles, one after the other and side by side.

use crate::backend::{ByteRange, ConditionalPut, ContentEncoding, KeyValueBackend, Value, wait};
use crate::conformance::bench::{
    Bench, Verdict, delete, ensure, fail, holds, is_absent, list, put, version,
};
use crate::conformance::payload::noise;

pub(super) fn second(bench: &Bench<'_>) -> Verdict {
    let (writer, one, two) = (bench.writer()?, bench.open()?, bench.open()?);
    let key = bench.key("shared")?;
    is_absent(&one, &key)?;
    for (round, len) in [100, 5000, 3].into_iter().enumerate() {
        let value = noise(round as u64, len);
        put(&writer, &key, value.clone())?;
        holds(&one, &key, &value)?;
        holds(&two, &key, &value)?;
        // Also one that is opened only now.
        holds(&bench.open()?, &key, &value)?;
        if bench.capabilities.listable {
            let metas = list(&two, &bench.prefix("")?)?;
            let size = metas.iter().find(|meta| meta.key == key).map(|meta| meta.size);
            ensure!(
                size == Some(len as u64),
                "another handle lists the size {size:?} instead of {len}"
            );
        }
    }
    delete(&writer, &key)?;
    is_absent(&one, &key)?;
    is_absent(&two, &key)
}

pub(super) fn reopened(bench: &Bench<'_>) -> Verdict {
    let (plain, long, gone) = (bench.key("a/plain")?, bench.key("long")?, bench.key("gone")?);
    let swaps = bench.capabilities.conditional_put == ConditionalPut::CompareAndSwap;
    let before = {
        let (writer, store) = (bench.writer()?, bench.open()?);
        put(&writer, &plain, Value::encoded("encoded", ContentEncoding::Identity))?;
        put(&writer, &long, noise(12, 1 << 20))?;
        put(&writer, &gone, "gone")?;
        delete(&writer, &gone)?;
        swaps.then(|| version(&store, &plain)).transpose()?
    };
    // No handle of the suite is open now.
    let (writer, store) = (bench.writer()?, bench.open()?);
    holds(&store, &plain, b"encoded")?;
    holds(&store, &long, &noise(12, 1 << 20))?;
    is_absent(&store, &gone)?;
    let Some(blob) = wait(store.get(&plain, ByteRange::Full))? else {
        fail!("{plain} is missing at the second look");
    };
    if before.is_some() {
        ensure!(
            blob.version == before,
            "the version of {plain} changed by opening the store again"
        );
    }
    put(&writer, &plain, "again")?;
    holds(&store, &plain, b"again")
}
