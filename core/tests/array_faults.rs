//! Each request of each verb of an array fails once: that is told with the key, nothing else
//! changes, and the array works afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers outside test functions may fail a test"
)]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use bigarrays_core::array::Unaligned;
use bigarrays_core::backend::{ByteRange, ErrorKind, KeyValueBackendExt, Operation, wait};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ShapeBuilder};
use bigarrays_core::wrap::{Fault, Rule};
use bigarrays_core::{BigArray, DataType, Error, Key, KeyValueBackend, Prefix, Result, VolumeInfo};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};

type Faulty = Fault<MemoryBackend>;
type Array = BigArray<Faulty>;
/// Keys and bytes of a store.
type Content = BTreeMap<String, Vec<u8>>;

const OPERATIONS: [Operation; 5] =
    [Operation::Head, Operation::Get, Operation::Put, Operation::Delete, Operation::List];

/// Grid 4 × 4 × 4; sharded: eight shards of 2 × 2 × 2 chunks.
fn info(sharded: bool) -> VolumeInfo {
    let info = VolumeInfo::builder(DataType::Uint8, [32; 3]).chunk_size([8; 3]);
    let sharding = Sharding {
        preshift_bits: 1,
        hash: ShardHash::Identity,
        minishard_bits: 2,
        shard_bits: 3,
        minishard_index_encoding: ShardEncoding::Gzip,
        data_encoding: ShardEncoding::Raw,
    };
    if sharded { info.sharding(sharding) } else { info }.build().unwrap()
}

fn numbered(side: usize) -> Array4<u8> {
    let mut next = 0_u8;
    Array4::from_shape_simple_fn((side, side, side, 1).f(), || {
        next = next % 251 + 1;
        next
    })
}

fn fives(side: usize) -> Array4<u8> {
    Array4::from_elem((side, side, side, 1).f(), 5)
}

/// A store with all chunks but those of the last corner.
fn filled(sharded: bool) -> MemoryBackend {
    let store = MemoryBackend::new();
    let array = BigArray::create(store.clone(), info(sharded)).unwrap();
    array.write([0; 3], numbered(32).view()).unwrap();
    array.delete([24..32, 24..32, 24..32]).unwrap();
    store
}

fn open(store: Faulty) -> Result<Array> {
    // One thread: requests come in the same order at every run.
    BigArray::builder(store).threads(NonZeroUsize::MIN).unaligned(Unaligned::ReadModifyWrite).open()
}

fn content(store: &MemoryBackend) -> Content {
    let listed = wait(store.list_all(&Prefix::root())).unwrap();
    let get = |key: &Key| wait(store.get(key, ByteRange::Full)).unwrap().unwrap().bytes.to_vec();
    listed.into_iter().map(|meta| (meta.key.to_string(), get(&meta.key))).collect()
}

type Verb = fn(&Array) -> Result<()>;

/// A verb and the volume that it works on.
struct Case {
    name: &'static str,
    sharded: bool,
    act: Verb,
}

fn read_and_compare(array: &Array) -> Result<()> {
    let read = array.read::<u8>([3..20, 3..20, 3..20])?;
    let whole = numbered(32);
    for ((x, y, z, c), &voxel) in read.indexed_iter() {
        assert_eq!(voxel, whole[[x + 3, y + 3, z + 3, c]], "a failure became voxels");
    }
    Ok(())
}

fn points(array: &Array) -> Result<()> {
    let at: Vec<[i64; 3]> = (0..24).step_by(5).map(|n| [n, n, 23 - n]).collect();
    let values = array.read_points::<u8>(&at)?;
    let whole = numbered(32);
    for (n, point) in at.iter().enumerate() {
        let [x, y, z] = point.map(|at| usize::try_from(at).unwrap());
        assert_eq!(values[[n, 0]], whole[[x, y, z, 0]], "a failure became voxels");
    }
    Ok(())
}

fn aligned(array: &Array) -> Result<()> {
    array.write([8; 3], fives(16).view())
}

fn unaligned(array: &Array) -> Result<()> {
    array.write([3; 3], fives(17).view())
}

fn whole_shards(array: &Array) -> Result<()> {
    array.write([0, 0, 16], fives(16).view())
}

fn delete(array: &Array) -> Result<()> {
    array.delete([8..24, 0..16, 0..16]).map(drop)
}

fn delete_all(array: &Array) -> Result<()> {
    array.delete_all().map(drop)
}

/// The list is right whenever it is given, also of a few chunks, which are asked for one by one.
fn missing(array: &Array) -> Result<()> {
    let all = array.missing_chunks(array.bounds())?;
    assert!(!all.is_empty(), "a failure became a chunk");
    let some = array.missing_chunks([16..32, 24..32, 24..32])?;
    assert!(!some.is_empty() && some.len() <= all.len(), "a failure became a chunk");
    Ok(())
}

fn put_info(array: &Array) -> Result<()> {
    // As it is now: one whose reply was lost is there already.
    let array = array.to_builder().open()?;
    let mut info = array.info().clone();
    info.scales[0].resolution = [4.0, 4.0, 40.0];
    array.commit_info(info).map(drop)
}

const VERBS: [(&str, Verb); 9] = [
    ("read", read_and_compare),
    ("points", points),
    ("aligned write", aligned),
    ("unaligned write", unaligned),
    ("write of a whole shard", whole_shards),
    ("delete", delete),
    ("delete of all", delete_all),
    ("missing chunks", missing),
    ("put of the info", put_info),
];

fn check_error(told: &str, error: &Error) {
    let Error::Backend(error) = error else { panic!("{told}: {error}") };
    assert!(error.to_string().contains("a planned fault"), "{told}: {error}");
    let is_list = error.op() == Operation::List;
    assert!(error.key().is_some() || is_list, "{told}: no key in {error}");
}

/// Lets the `n`-th request of a kind fail while a verb is at work. Tells whether there was one.
fn fail(case: &Case, after: &Content, op: Operation, n: u64, lost: bool) -> bool {
    let inner = filled(case.sharded);
    let before = content(&inner);
    let store = Fault::new(inner.clone());
    let array = open(store.clone()).unwrap();
    let rule = Rule::on(op).nth(n);
    store.add(if lost { rule.lose_reply() } else { rule.fail(ErrorKind::Other) });
    let answer = (case.act)(&array);
    let was_lost = if lost { ", done but its reply lost" } else { "" };
    let told =
        format!("{} (sharded: {}), request {n} of {op:?}{was_lost}", case.name, case.sharded);
    if store.injected() == 0 {
        answer.unwrap_or_else(|error| panic!("{told}: {error}"));
        return false;
    }
    let error = answer.expect_err(&format!("{told}: it was not told"));
    check_error(&told, &error);
    let found = content(&inner);
    for key in before.keys().chain(after.keys()) {
        let now = found.get(key);
        let is_whole = now == before.get(key) || now == after.get(key);
        assert!(is_whole, "{told}: {key} is neither old nor new");
    }
    assert!(found.keys().all(|key| before.contains_key(key) || after.contains_key(key)), "{told}");
    // The same again, with the same handle.
    store.heal();
    (case.act)(&array).unwrap_or_else(|error| panic!("{told}: afterwards {error}"));
    assert!(content(&inner) == *after, "{told}: afterwards something else is there");
    let again = open(store).unwrap();
    assert_eq!(
        array.read::<u8>(array.bounds()).unwrap(),
        again.read::<u8>(again.bounds()).unwrap(),
        "{told}: the handle remembers something else"
    );
    true
}

#[test]
fn every_failing_request_is_told_with_its_key_and_harms_nothing() {
    let mut failures: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, act) in VERBS {
        for sharded in [false, true] {
            let case = Case { name, sharded, act };
            let inner = filled(sharded);
            act(&open(Fault::new(inner.clone())).unwrap()).unwrap();
            let after = content(&inner);
            for op in OPERATIONS {
                for lost in [false, true] {
                    let count = (1..).take_while(|&n| fail(&case, &after, op, n, lost)).count();
                    *failures.entry(name).or_default() += count;
                }
            }
        }
    }
    // Every verb asked for something, and was refused.
    assert!(failures.values().all(|&count| count > 0), "{failures:?}");
}

#[test]
fn opening_and_creating_tell_a_failing_request() {
    for op in OPERATIONS {
        for n in 1.. {
            let store = Fault::new(MemoryBackend::new()).fail_nth(op, n, ErrorKind::Other);
            let created = BigArray::create(store.clone(), info(false));
            if store.injected() == 0 {
                break;
            }
            check_error("creating", &created.unwrap_err());
            store.heal();
            BigArray::create(store, info(false)).unwrap();
        }
        for n in 1.. {
            let store = Fault::new(filled(false)).fail_nth(op, n, ErrorKind::Other);
            let opened = open(store.clone());
            if store.injected() == 0 {
                break;
            }
            check_error("opening", &opened.unwrap_err());
            store.heal();
            read_and_compare(&open(store).unwrap()).unwrap();
        }
    }
}
