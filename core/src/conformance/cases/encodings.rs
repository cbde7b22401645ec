//! X1, X2: the encoding that is kept beside a value.

use crate::backend::{
    Blob, ByteRange, ContentEncoding, DynBackend, ErrorKind, KeyValueBackend, Meta, Precondition,
    Value, wait,
};
use crate::conformance::bench::{
    Bench, Stop, Verdict, beside_readers, ensure, fail, holds, list, put,
};
use crate::conformance::payload::{sealed, unseal};
use crate::key::Key;

/// `hello` in each encoding, and as it is: real streams, which a store on the way may well want
/// to unpack, and must not.
const HELLO: [(ContentEncoding, &[u8]); 5] = [
    (ContentEncoding::Identity, b"hello"),
    (
        ContentEncoding::Gzip,
        b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0",
    ),
    (ContentEncoding::Brotli, b"\x0b\x02\x80hello\x03"),
    (ContentEncoding::Zstd, b"\x28\xb5\x2f\xfd\x20\x05\x29\0\0hello"),
    // Compressed bytes whose encoding is not the store's business.
    (ContentEncoding::Identity, b"\x1f\x8b\x08 not really gzip"),
];

pub(super) fn kept(bench: &Bench<'_>) -> Verdict {
    let (store, writer) = (bench.open()?, bench.writer()?);
    let turned = bench.key("overwritten")?;
    for (encoding, bytes) in HELLO {
        let value = || Value::encoded(bytes, encoding);
        let key = bench.key(&format!("in-{encoding}"))?;
        match wait(writer.put(&key, value(), Precondition::Always)) {
            Err(error)
                if error.kind() == ErrorKind::Unsupported
                    && encoding != ContentEncoding::Identity =>
            {
                bench.note(format!("refuses the encoding {encoding}"));
                continue;
            }
            outcome => ensure!(outcome?.is_written(), "a put was not written"),
        }
        comes_back(bench, &store, &key, bytes, encoding)?;
        // The same key in one encoding after the other.
        put(&writer, &turned, value())?;
        comes_back(bench, &store, &turned, bytes, encoding)?;
    }
    Ok(())
}

fn comes_back(
    bench: &Bench<'_>,
    store: &DynBackend,
    key: &Key,
    bytes: &[u8],
    encoding: ContentEncoding,
) -> Verdict {
    holds(store, key, bytes)?;
    let whole = wait(store.get(key, ByteRange::Full))?;
    let part = wait(store.get(key, ByteRange::Bounded(1..4)))?;
    let batch = wait(store.get_batch(std::slice::from_ref(key))).pop();
    let batch = batch.transpose()?.flatten();
    ensure!(
        part.as_ref().is_some_and(|part| part.bytes == bytes[1..4]),
        "a range of a value in {encoding} is not one of its stored bytes"
    );
    let of_blob = |blob: Option<Blob>| blob.map(|blob| blob.content_encoding);
    let of_meta = |meta: Option<Meta>| meta.and_then(|meta| meta.content_encoding);
    for (who, told) in [
        ("get", of_blob(whole)),
        ("get of a range", of_blob(part)),
        ("get_batch", of_blob(batch)),
        ("head", of_meta(wait(store.head(key))?)),
    ] {
        ensure!(
            told == Some(encoding),
            "{who} tells the encoding {told:?} of a value in {encoding}"
        );
    }
    if bench.capabilities.listable {
        let metas = list(store, &bench.prefix("")?)?;
        let times = metas.iter().filter(|meta| meta.key == *key).count();
        ensure!(times == 1, "a value in {encoding} is listed {times} times");
        let told = metas.into_iter().find(|meta| meta.key == *key);
        let told = told.and_then(|meta| meta.content_encoding);
        ensure!(
            told.is_none_or(|told| told == encoding),
            "a listing tells the encoding {told:?} of a value in {encoding}"
        );
    }
    Ok(())
}

/// The encoding of value `number` in X2.
const fn encoding_of(number: u64) -> ContentEncoding {
    if number.is_multiple_of(2) { ContentEncoding::Identity } else { ContentEncoding::Gzip }
}

pub(super) fn paired(bench: &Bench<'_>) -> Verdict {
    let writer = bench.writer()?;
    let key = bench.key("value")?;
    let value = |number| Value::encoded(sealed(number, 2000), encoding_of(number));
    put(&writer, &key, value(0))?;
    match wait(writer.put(&key, value(1), Precondition::Always)) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Err(Stop::Skip("the store refuses encodings".to_owned()));
        }
        outcome => ensure!(outcome?.is_written(), "a put was not written"),
    }
    let put_all = || (2..200).try_for_each(|n| put(&writer, &key, value(n)).map(drop));
    let reads = beside_readers(put_all, |_| {
        let (store, key) = (bench.open()?, &key);
        Ok(move || {
            let Some(blob) = wait(store.get(key, ByteRange::Full))? else {
                fail!("a reader found no value while its encoding changed");
            };
            let number = unseal(&blob.bytes).map_err(Stop::Fail)?;
            ensure!(
                blob.content_encoding == encoding_of(number),
                "a reader got the bytes of one value with the encoding of another"
            );
            Ok(())
        })
    })?;
    bench.note(format!("{reads} reads"));
    Ok(())
}
