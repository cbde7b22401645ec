//! Objects as other programs see them.

use std::env;
use std::process::Command;

use bigarrays_backends::s3::{Conditional, Credentials};
use bigarrays_core::backend::{
    ByteRange, ConditionalPut, ContentEncoding, ErrorKind, KeyValueBackend, KeyValueBackendExt,
    Precondition, Put, PutOutcome, Value, wait,
};
use bigarrays_core::{Key, Prefix};
use bytes::Bytes;

use crate::proxy::{Action, Proxy, refusal};
use crate::{BUCKET, clean, key, options, place, server};

/// Runs a program in which `s3` is boto3's client and `place` our prefix, if there is boto3.
fn boto3(endpoint: &str, place: &Prefix, program: &str) -> Option<String> {
    let Ok(python) = env::var("BIGARRAYS_PYTHON") else {
        eprintln!("skipped: BIGARRAYS_PYTHON names no Python with boto3");
        return None;
    };
    let head = format!(
        "import boto3\nfrom botocore.config import Config\n\
         s3 = boto3.client('s3', endpoint_url='{endpoint}', region_name='us-east-1',\n\
         aws_access_key_id='testaccess', aws_secret_access_key='{}',\n\
         config=Config(s3={{'addressing_style': 'path'}}))\n\
         bucket, place = '{BUCKET}', '{place}'\n",
        crate::SECRET
    );
    let output = Command::new(python).arg("-c").arg(head + program).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text").trim().to_owned())
}

#[test]
fn headers_of_what_is_put_are_seen_by_other_programs() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let store = options(&endpoint, &place).cache_control("no-cache").open().unwrap();
    let chunk = Value::encoded("\x1f\u{8b} not really", ContentEncoding::Gzip);
    wait(store.put_always(&key("8_8_40/0-64"), chunk)).unwrap();
    wait(store.put_always(&key("info"), "{}")).unwrap();
    let seen = boto3(
        &endpoint,
        &place,
        "for name in ['8_8_40/0-64', 'info']:\n\
        \x20   h = s3.head_object(Bucket=bucket, Key=place + name)\n\
        \x20   print(h['ContentType'], h.get('ContentEncoding'), h['CacheControl'],\n\
        \x20         list(h['Metadata']))\n",
    );
    if let Some(seen) = seen {
        assert_eq!(
            seen,
            "application/octet-stream gzip no-cache ['bigarrays-write']\n\
             application/json None no-cache ['bigarrays-write']"
        );
    }
    clean(&endpoint, &place);
}

#[test]
fn objects_of_other_programs_are_read_as_they_are_stored() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let made = boto3(
        &endpoint,
        &place,
        "import gzip\n\
         packed = gzip.compress(b'hello' * 100)\n\
         s3.put_object(Bucket=bucket, Key=place + 'a', Body=packed, ContentEncoding='gzip')\n\
         s3.put_object(Bucket=bucket, Key=place + 'b', Body=b'x', ContentEncoding='compress')\n\
         s3.put_object(Bucket=bucket, Key=place + 'folder/', Body=b'')\n\
         print(len(packed))\n",
    );
    let Some(len) = made else { return };
    let store = options(&endpoint, &place).open().unwrap();
    let blob = wait(store.get(&key("a"), ByteRange::Full)).unwrap().unwrap();
    assert_eq!(blob.bytes.len().to_string(), len);
    assert_eq!(&blob.bytes[..2], b"\x1f\x8b");
    assert_eq!(blob.content_encoding, ContentEncoding::Gzip);
    let part = wait(store.get(&key("a"), ByteRange::Bounded(1..2))).unwrap().unwrap();
    assert_eq!((&*part.bytes, part.content_encoding), (&b"\x8b"[..], ContentEncoding::Gzip));
    // An encoding that nobody here can undo is told, and not passed off as none.
    let error = wait(store.get(&key("b"), ByteRange::Full)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // The version of such an object is a condition as good as any.
    let version = blob.version.unwrap();
    let swap = wait(store.put(&key("a"), "new".into(), Precondition::IfVersion(version)));
    assert!(swap.unwrap().is_written());
    // The marker of a folder is no key.
    let mut names = wait(store.list_all(&Prefix::root())).unwrap();
    names.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(names.iter().map(|meta| meta.key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    clean(&endpoint, &place);
    let gone = boto3(&endpoint, &place, "s3.delete_object(Bucket=bucket, Key=place + 'folder/')");
    assert_eq!(gone.as_deref(), Some(""));
}

#[test]
fn odd_names_are_the_same_for_other_programs() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let store = options(&endpoint, &place).open().unwrap();
    let names = ["sp ace/ü+&%=?#'~\"", "a%2Fb", "*(!)$,;:@[x]", "^`{|}", "😀"];
    for name in names {
        wait(store.put_always(&key(name), name.to_owned())).unwrap();
    }
    let mut want: Vec<_> = names.iter().map(|name| key(name)).collect();
    want.sort();
    let mut listed: Vec<Key> =
        wait(store.list_all(&Prefix::root())).unwrap().into_iter().map(|meta| meta.key).collect();
    listed.sort();
    assert_eq!(listed, want);
    let inside = wait(store.list_all(&Prefix::new("sp ace").unwrap())).unwrap();
    assert_eq!(inside.len(), 1);
    let seen = boto3(
        &endpoint,
        &place,
        "for o in s3.list_objects_v2(Bucket=bucket, Prefix=place)['Contents']:\n\
        \x20   body = s3.get_object(Bucket=bucket, Key=o['Key'])['Body'].read().decode()\n\
        \x20   assert o['Key'] == place + body, (o['Key'], body)\n\
        \x20   print('same')\n",
    );
    if let Some(seen) = seen {
        assert_eq!(seen.lines().count(), names.len());
    }
    wait(store.delete_batch(&want)).unwrap();
    assert!(wait(store.list_all(&Prefix::root())).unwrap().is_empty());
}

#[test]
fn listings_and_bulk_deletes_go_on_over_pages() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let proxy = Proxy::start(Some(&endpoint), |_| Action::Pass);
    let store = options(&proxy.endpoint(), &place).conditional(Conditional::None).open().unwrap();
    let keys: Vec<Key> = (0..2010).map(|n| key(&format!("d/{n:04}"))).collect();
    let put = |key: &Key| Put { key: key.clone(), value: "x".into() };
    wait(store.put_batch(keys.iter().map(put).collect())).unwrap();
    wait(store.put_always(&key("d2"), "neighbour")).unwrap();
    let before = proxy.seen().len();
    let mut listed: Vec<Key> = wait(store.list_all(&Prefix::new("d").unwrap()))
        .unwrap()
        .into_iter()
        .map(|meta| meta.key)
        .collect();
    assert_eq!(proxy.seen().len() - before, 3);
    listed.sort();
    assert_eq!(listed, keys);
    wait(store.delete_batch(&keys)).unwrap();
    assert_eq!(proxy.count("POST"), 3);
    assert_eq!(proxy.count("DELETE"), 0);
    let left = wait(store.list_all(&Prefix::root())).unwrap();
    assert_eq!(left.len(), 1);
    clean(&endpoint, &place);
}

#[test]
fn a_server_without_bulk_deletes_is_asked_one_by_one() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let proxy = Proxy::start(Some(&endpoint), |request| match request.method() {
        "POST" => Action::Answer(refusal("501 Not Implemented", "NotImplemented")),
        _ => Action::Pass,
    });
    let store = options(&proxy.endpoint(), &place).conditional(Conditional::None).open().unwrap();
    for name in ["a", "b"] {
        wait(store.put_always(&key(name), "x")).unwrap();
    }
    wait(store.delete_batch(&[key("a"), key("b"), key("c")])).unwrap();
    assert_eq!(proxy.count("DELETE"), 3);
    assert!(wait(store.list_all(&Prefix::root())).unwrap().is_empty());
}

#[test]
fn long_values_go_in_parts_with_their_headers_and_conditions() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let proxy = Proxy::start(Some(&endpoint), |_| Action::Pass);
    let options = options(&proxy.endpoint(), &place).multipart_threshold(1 << 20);
    let store = options.part_size(5 << 20).conditional(Conditional::Trust).open().unwrap();
    let long: Bytes =
        (0..11_u32 << 20).map(|n| (n / 7).to_le_bytes()[0]).collect::<Vec<_>>().into();
    let value = || Value::encoded(long.clone(), ContentEncoding::Zstd);
    let written = wait(store.put(&key("long"), value(), Precondition::IfAbsent)).unwrap();
    assert_eq!(proxy.seen().iter().filter(|r| r.target().contains("partNumber=")).count(), 3);
    let blob = wait(store.get(&key("long"), ByteRange::Full)).unwrap().unwrap();
    assert!(blob.bytes == long && blob.content_encoding == ContentEncoding::Zstd);
    assert_eq!(written, PutOutcome::Written { version: blob.version });
    // A second creation is a conflict, and its parts are given up.
    let again = wait(store.put(&key("long"), value(), Precondition::IfAbsent)).unwrap();
    assert_eq!(again, PutOutcome::Conflict);
    let aborted = |request: &crate::proxy::Message| {
        request.method() == "DELETE" && request.target().contains("uploadId=")
    };
    assert_eq!(proxy.seen().iter().filter(|request| aborted(request)).count(), 1);
    clean(&endpoint, &place);
}

#[test]
fn a_failed_upload_in_parts_is_given_up_at_the_server() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let proxy =
        Proxy::start(Some(&endpoint), |request| match request.target().contains("partNumber=2") {
            true => Action::Answer(refusal("403 Forbidden", "AccessDenied")),
            false => Action::Pass,
        });
    let options = options(&proxy.endpoint(), &place).multipart_threshold(1 << 20);
    let store = options.part_size(5 << 20).conditional(Conditional::Trust).open().unwrap();
    let long = vec![7; 11 << 20];
    let error = wait(store.put_always(&key("long"), long)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(proxy.count("DELETE"), 1);
    assert!(wait(store.get_bytes(&key("long"))).unwrap().is_none());
    let left = boto3(
        &endpoint,
        &place,
        "print(s3.list_multipart_uploads(Bucket=bucket, Prefix=place).get('Uploads', []))",
    );
    assert!(left.is_none_or(|left| left == "[]"));
}

#[test]
fn a_key_that_may_only_read_reads_and_is_refused_to_write() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let owner = options(&endpoint, &place).open().unwrap();
    wait(owner.put_always(&key("a"), "x")).unwrap();
    let reader = Credentials::new("roaccess", "rosecret1234567890");
    let store = options(&endpoint, &place).credentials(reader).open().unwrap();
    assert_eq!(wait(store.get_bytes(&key("a"))).unwrap().unwrap(), "x");
    let error = wait(store.put_always(&key("a"), "y")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    let error = wait(store.delete(&key("a"), Precondition::Always)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let batch = wait(store.delete_batch(&[key("a")])).unwrap_err();
    assert_eq!(batch.kind(), ErrorKind::PermissionDenied);
    assert_eq!(wait(owner.get_bytes(&key("a"))).unwrap().unwrap(), "x");
    clean(&endpoint, &place);
}

#[test]
fn an_anonymous_reader_sends_no_credentials() {
    let Some(endpoint) = server() else { return };
    let made = boto3(
        &endpoint,
        &Prefix::root(),
        "s3.put_object(Bucket='open', Key='test-s3-anonymous', Body=b'hello')",
    );
    if made.is_none() {
        return;
    }
    let proxy = Proxy::start(Some(&endpoint), |_| Action::Pass);
    let open = |bucket: &str| {
        let options = bigarrays_backends::s3::S3Backend::builder(bucket);
        options.endpoint(proxy.endpoint()).anonymous(true).read_only(true).open().unwrap()
    };
    let store = open("open");
    assert_eq!(wait(store.get_bytes(&key("test-s3-anonymous"))).unwrap().unwrap(), "hello");
    assert!(wait(store.head(&key("test-s3-anonymous"))).unwrap().is_some());
    assert_eq!(store.capabilities().conditional_put, ConditionalPut::Unsupported);
    let error = wait(store.put_always(&key("x"), "y")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    let error = wait(open(BUCKET).get_bytes(&key("x"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("no credentials were sent"), "{error}");
    assert!(proxy.seen().iter().all(|request| request.header("authorization").is_none()));
}
