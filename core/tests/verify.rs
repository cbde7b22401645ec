//! Damage of every kind is found, with the very key, and nothing else is.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test helpers outside test functions may fail a test in any way"
)]

use std::ops::ControlFlow;
use std::sync::Mutex;

use bigarrays_core::array::{Checkpoint, VerifyOptions, VerifyReport, VerifyWatch};
use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind, KeyValueBackend,
    KeyValueBackendExt, Meta, Operation, Precondition, PutOutcome, Value, wait,
};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array3, Array4, s};
use bigarrays_core::wrap::{Fault, Rule};
use bigarrays_core::{BigArray, DataType, Error, Key, Prefix, Transport, VolumeInfo};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
use bytes::Bytes;
use futures::stream::BoxStream;

const DEEP: VerifyOptions = VerifyOptions { deep: true, expect_complete: false };
const SHALLOW: VerifyOptions = VerifyOptions { deep: false, expect_complete: false };
const COMPLETE: VerifyOptions = VerifyOptions { deep: false, expect_complete: true };

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn sharding(hash: ShardHash, encoding: ShardEncoding) -> Sharding {
    Sharding {
        preshift_bits: 1,
        hash,
        minishard_bits: 1,
        shard_bits: 2,
        minishard_index_encoding: encoding,
        data_encoding: encoding,
    }
}

/// Voxels that do not compress to nothing.
fn voxels(size: [usize; 3]) -> Array4<u16> {
    let [x, y, z] = size;
    Array4::from_shape_fn((x, y, z, 2), |(x, y, z, c)| {
        u16::try_from((x * 7919 + y * 104_729 + z * 1_299_709 + c) % 65_521).unwrap()
    })
}

/// A volume of 4 x 3 x 3 chunks, those at the end cut.
fn volume<B: KeyValueBackend>(
    store: B,
    sharding: Option<Sharding>,
    transport: Transport,
) -> BigArray<B> {
    let info = VolumeInfo::builder(DataType::Uint16, [30, 20, 20])
        .voxel_offset([-8, 0, 100])
        .chunk_size([8; 3])
        .channels(2);
    let info = match sharding {
        Some(sharding) => info.sharding(sharding).build().unwrap(),
        None => info.build().unwrap(),
    };
    let array = BigArray::builder(store).transport(transport).create(info).unwrap();
    array.write([-8, 0, 100], voxels([30, 20, 20]).view()).unwrap();
    array
}

fn plain() -> BigArray<MemoryBackend> {
    volume(MemoryBackend::new(), None, Transport::None)
}

fn shards(encoding: ShardEncoding) -> BigArray<MemoryBackend> {
    let sharding = sharding(ShardHash::Identity, encoding);
    volume(MemoryBackend::new(), Some(sharding), Transport::None)
}

fn verify<B: KeyValueBackend>(array: &BigArray<B>, options: VerifyOptions) -> VerifyReport {
    let report = array.verify(options, None, &()).unwrap();
    assert!(report.is_finished);
    report
}

fn bad(report: &VerifyReport) -> Vec<&str> {
    report.bad.iter().map(|finding| finding.key.as_str()).collect()
}

/// The one thing that is wrong, which must be with this key.
fn only(report: &VerifyReport, key: &str) -> String {
    assert_eq!(bad(report), [key], "{report:?}");
    report.bad[0].what.clone()
}

fn get(store: &impl KeyValueBackend, name: &str) -> Vec<u8> {
    wait(store.get_bytes(&key(name))).unwrap().unwrap().to_vec()
}

fn put(store: &impl KeyValueBackend, name: &str, value: impl Into<Bytes>) {
    wait(store.put_always(&key(name), value.into())).unwrap();
}

fn delete(store: &impl KeyValueBackend, name: &str) {
    let _always_deleted = wait(store.delete(&key(name), Precondition::Always)).unwrap();
}

fn change(store: &impl KeyValueBackend, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut value = get(store, name);
    change(&mut value);
    put(store, name, value);
}

const CHUNK: &str = "1_1_1/0-8_8-16_100-108";

#[test]
fn whole_volumes_have_nothing_wrong() {
    for hash in ShardHash::ALL {
        for encoding in ShardEncoding::ALL {
            let sharding = Some(sharding(hash, encoding));
            let array = volume(MemoryBackend::new(), sharding, Transport::None);
            for options in [SHALLOW, DEEP, COMPLETE] {
                let report = verify(&array, options);
                assert_eq!(report.bad, []);
                assert_eq!((report.grid, report.stored, report.missing), (36, 36, 0));
                assert_eq!((report.shards, report.foreign), (4, 0));
            }
            let files: usize = wait(array.backend().list_all(array.directory()))
                .unwrap()
                .iter()
                .map(|meta| usize::try_from(meta.size).unwrap())
                .sum();
            assert_eq!(verify(&array, DEEP).bytes, files as u64);
        }
    }
    for transport in [Transport::None, Transport::Gzip(6), Transport::Zstd(3)] {
        let array = volume(MemoryBackend::new(), None, transport);
        for options in [SHALLOW, DEEP, COMPLETE] {
            let report = verify(&array, options);
            assert_eq!((report.bad, report.stored, report.shards), (vec![], 36, 0));
        }
    }
}

#[test]
fn an_empty_volume_is_sparse_or_incomplete() {
    let sharding = Some(sharding(ShardHash::Murmurhash3X86_128, ShardEncoding::Raw));
    for array in [plain(), volume(MemoryBackend::new(), sharding, Transport::None)] {
        array.delete_all().unwrap();
        let report = verify(&array, DEEP);
        assert_eq!((report.bad.len(), report.stored, report.missing), (0, 0, 36));
        let report = verify(&array, COMPLETE);
        assert_eq!(
            report.bad.len(),
            if sharding.is_some() && array.shards().is_some() { 4 } else { 36 }
        );
    }
}

#[test]
fn lengths_that_no_chunk_has_are_found_without_reading() {
    for (len, words) in [(2047, "2047 bytes"), (2049, "2049 bytes"), (0, "empty")] {
        let array = plain();
        change(array.backend(), CHUNK, |value| value.resize(len, 7));
        for options in [SHALLOW, DEEP] {
            assert!(only(&verify(&array, options), CHUNK).contains(words));
        }
    }
    // A chunk of another type has another length, and so has one of another shape.
    let array = plain();
    let border = "1_1_1/16-22_16-20_116-120";
    let (small, large) = (get(array.backend(), border), get(array.backend(), CHUNK));
    put(array.backend(), CHUNK, small);
    put(array.backend(), border, large);
    assert_eq!(bad(&verify(&array, SHALLOW)), [CHUNK, border]);
}

#[test]
fn compressed_chunks_are_read_only_by_a_deep_check() {
    let array = volume(MemoryBackend::new(), None, Transport::Gzip(6));
    let blob = array.read_chunk_bytes([1, 1, 0]).unwrap().unwrap();
    let mut bytes = blob.bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let put = |bytes: Vec<u8>| {
        let value = Value::encoded(bytes, blob.content_encoding);
        wait(array.backend().put_always(&key(CHUNK), value)).unwrap();
    };
    put(bytes.clone());
    assert_eq!(verify(&array, SHALLOW).bad, []);
    assert!(only(&verify(&array, DEEP), CHUNK).contains("gzip"));
    bytes[middle] ^= 1;
    put(bytes[..middle].to_vec());
    assert!(only(&verify(&array, DEEP), CHUNK).contains("gzip"));
    // So long that it cannot be a chunk, whatever it is.
    put(vec![0; 200_000]);
    assert!(only(&verify(&array, SHALLOW), CHUNK).contains("more than"));
    assert!(only(&verify(&array, DEEP), CHUNK).contains("more than"));
}

#[test]
fn names_that_no_reader_looks_for_are_found_and_others_are_left_aside() {
    let array = plain();
    let value = get(array.backend(), CHUNK);
    for name in ["readme.txt", "mesh/0-8_8-16_100-108", "0-8_8-16_100-108.md5"] {
        put(array.backend(), &format!("1_1_1/{name}"), "x");
    }
    let report = verify(&array, DEEP);
    assert_eq!((report.bad, report.foreign, report.foreign_keys.len()), (vec![], 3, 3));
    for (name, words) in [
        ("1_1_1/0-8_8-16_100-109", "0-8_8-16_100-108"),
        ("1_1_1/1-8_8-16_100-108", "0-8_8-16_100-108"),
        ("1_1_1/-16--8_8-16_100-108", "outside"),
        ("1_1_1/0.shard", "no shards"),
    ] {
        put(array.backend(), name, value.clone());
        assert!(only(&verify(&array, SHALLOW), name).contains(words));
        delete(array.backend(), name);
    }
    let array = shards(ShardEncoding::Raw);
    let shard = get(array.backend(), "1_1_1/0.shard");
    for (name, words) in [
        ("1_1_1/4.shard", "none has this name"),
        ("1_1_1/00.shard", "none has this name"),
        (CHUNK, "in shards"),
    ] {
        put(array.backend(), name, shard.clone());
        assert!(only(&verify(&array, SHALLOW), name).contains(words));
        delete(array.backend(), name);
    }
    // A shard in the place of another has ids that belong elsewhere.
    put(array.backend(), "1_1_1/1.shard", shard);
    let report = verify(&array, SHALLOW);
    assert!(report.bad.iter().all(|finding| finding.key.as_str() == "1_1_1/1.shard"));
    assert!(report.bad[0].what.contains("belongs elsewhere"), "{report:?}");
}

#[test]
fn other_chunk_sizes_other_scales_and_documents_in_the_folder_are_not_wrong() {
    let mut info =
        VolumeInfo::builder(DataType::Uint8, [16; 3]).chunk_size([8; 3]).build().unwrap();
    let mut half = info.scales[0].clone();
    info.scales[0].key = ".".into();
    info.scales[0].chunk_sizes.push([16; 3]);
    half.key = "half".into();
    half.resolution = [2.0; 3];
    info.scales.push(half);
    let array = BigArray::create(MemoryBackend::new(), info).unwrap();
    let voxels = Array3::<u8>::ones((16, 16, 16));
    array.write([0; 3], voxels.view()).unwrap();
    array.at_scale(1).unwrap().write([0; 3], voxels.view()).unwrap();
    put(array.backend(), "0-16_0-16_0-16", vec![1; 16 * 16 * 16]);
    put(array.backend(), "provenance", "{}");
    put(array.backend(), "mesh/info", "{}");
    let report = verify(&array, DEEP);
    assert_eq!((report.bad, report.stored, report.foreign), (vec![], 8, 2));
    let foreign: Vec<&str> = report.foreign_keys.iter().map(Key::as_str).collect();
    assert_eq!(foreign, ["0-16_0-16_0-16", "mesh/info"]);
    let report = verify(&array.at_scale(1).unwrap(), DEEP);
    assert_eq!((report.bad, report.stored, report.foreign), (vec![], 8, 0));
}

#[test]
fn missing_chunks_are_told_by_name_if_all_are_expected() {
    let array = plain();
    array.delete([0..8, 8..16, 100..108]).unwrap();
    assert_eq!(verify(&array, DEEP).missing, 1);
    assert_eq!(only(&verify(&array, COMPLETE), CHUNK), "it is missing");
    for hash in ShardHash::ALL {
        let sharding = Some(sharding(hash, ShardEncoding::Gzip));
        let array = volume(MemoryBackend::new(), sharding, Transport::None);
        array.delete([0..8, 8..16, 100..108]).unwrap();
        assert_eq!((verify(&array, DEEP).missing, verify(&array, DEEP).bad.len()), (1, 0));
        let shard = array.chunk_key([1, 1, 0]).unwrap();
        assert!(only(&verify(&array, COMPLETE), shard.as_str()).starts_with("1 of its"));
        delete(array.backend(), shard.as_str());
        assert!(only(&verify(&array, COMPLETE), shard.as_str()).starts_with("it is missing"));
    }
}

/// The layout of a shard of two minishards, raw: its index (32 bytes), values, minishard indices.
#[test]
fn damaged_indices_of_shards_are_found_without_reading_values() {
    const SHARD: &str = "1_1_1/1.shard";
    let whole = shards(ShardEncoding::Raw);
    let file = get(whole.backend(), SHARD);
    let number = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    let index = usize::try_from(32 + number(0)).unwrap();
    let entries = usize::try_from((number(8) - number(0)) / 24).unwrap();
    assert!(entries > 1);
    let (id, second_offset) = (index, index + 8 * entries + 8);
    let length = index + 16 * entries;
    let flipped = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 4;
        file
    };
    for (damaged, words) in [
        (file[..20].to_vec(), "within its index of 32"),
        (file[..file.len() - 1].to_vec(), "should lie at"),
        (flipped(7), "said to lie"),
        (flipped(0), "multiple of 24"),
        (flipped(id), "belongs elsewhere"),
        (flipped(id + 7), "which no chunk of the grid has"),
        (flipped(second_offset), "overlaps"),
        (flipped(length + 7), "should lie at"),
        (vec![], "within its index"),
    ] {
        let array = shards(ShardEncoding::Raw);
        put(array.backend(), SHARD, damaged);
        for options in [SHALLOW, DEEP] {
            let report = verify(&array, options);
            assert!(!report.bad.is_empty(), "{words}");
            assert!(report.bad.iter().all(|finding| finding.key.as_str() == SHARD), "{report:?}");
            let told = report.bad.iter().any(|finding| finding.what.contains(words));
            assert!(told, "{words}: {report:?}");
        }
    }
    // A compressed index knows by itself that it is damaged.
    let array = shards(ShardEncoding::Gzip);
    change(array.backend(), SHARD, |file| {
        let last = file.len() - 10;
        file[last] ^= 1;
    });
    assert!(only(&verify(&array, SHALLOW), SHARD).contains("minishard"));
}

#[test]
fn a_damaged_chunk_in_a_shard_is_told_with_its_name_and_id() {
    const SHARD: &str = "1_1_1/1.shard";
    let array = shards(ShardEncoding::Gzip);
    let entries = array.shards().unwrap().entries(1).unwrap().unwrap();
    let hit = &entries[1];
    let at = usize::try_from(hit.range.start + 30).unwrap();
    change(array.backend(), SHARD, |file| file[at] ^= 1);
    assert_eq!(verify(&array, SHALLOW).bad, []);
    let what = only(&verify(&array, DEEP), SHARD);
    assert!(what.contains(&format!("(id {})", hit.id)), "{what}");
    // Of a raw one, the length tells.
    let array = shards(ShardEncoding::Raw);
    let store = array.shards().unwrap();
    store.update([(hit.id, Some(vec![1; 99]))]).unwrap();
    let what = only(&verify(&array, DEEP), SHARD);
    assert!(what.contains("99") && what.contains(&format!("(id {})", hit.id)), "{what}");
}

#[test]
fn every_flipped_byte_of_a_compressed_shard_is_found() {
    const SHARD: &str = "1_1_1/2.shard";
    let whole = shards(ShardEncoding::Gzip);
    let file = get(whole.backend(), SHARD);
    let array = shards(ShardEncoding::Gzip);
    for at in (0..32).chain((32..file.len()).step_by(41)) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        put(array.backend(), SHARD, damaged);
        let report = verify(&array, DEEP);
        // In the header of gzip there are bytes that mean nothing to who unpacks.
        if report.bad.is_empty() {
            let (x, y, z) = (-8..22, 0..20, 100..120);
            assert_eq!(array.read::<u16>([x, y, z]).unwrap(), voxels([30, 20, 20]), "byte {at}");
        }
        assert!(report.bad.iter().all(|finding| finding.key.as_str() == SHARD), "byte {at}");
    }
}

/// Remembers each checkpoint, and ends the check after so many.
struct Stop {
    after: usize,
    seen: Mutex<Vec<Checkpoint>>,
}

impl Stop {
    fn after(after: usize) -> Self {
        Self { after, seen: Mutex::default() }
    }

    fn last(&self) -> Option<Checkpoint> {
        self.seen.lock().unwrap().last().cloned()
    }
}

impl VerifyWatch for Stop {
    fn checkpoint(&self, at: &Checkpoint) -> ControlFlow<()> {
        let mut seen = self.seen.lock().unwrap();
        seen.push(at.clone());
        if seen.len() >= self.after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A volume with more chunks, and more shards, than are checked between two checkpoints.
fn large(sharded: bool) -> BigArray<Fault<MemoryBackend>> {
    let info = VolumeInfo::builder(DataType::Uint16, [60, 60, 40]).chunk_size([4; 3]);
    let sharding = Sharding { shard_bits: 8, ..sharding(ShardHash::Identity, ShardEncoding::Gzip) };
    let info = if sharded { info.sharding(sharding) } else { info };
    let store = Fault::new(MemoryBackend::new());
    let array = BigArray::create(store, info.build().unwrap()).unwrap();
    let voxels = voxels([60, 60, 40]);
    array.write([0; 3], voxels.slice(s![.., .., .., ..1])).unwrap();
    array
}

#[test]
fn a_check_that_was_ended_goes_on_and_tells_the_same() {
    for sharded in [false, true] {
        let array = large(sharded);
        let hit = [[1, 0, 0], [7, 9, 3], [14, 14, 9]].map(|cell| array.chunk_key(cell).unwrap());
        for key in &hit {
            change(array.backend(), key.as_str(), |value| value.truncate(value.len() - 3));
        }
        let once = verify(&array, DEEP);
        let mut told = bad(&once);
        told.dedup();
        let mut sorted: Vec<_> = hit.iter().map(Key::as_str).collect();
        sorted.sort_unstable();
        assert_eq!(told, sorted);

        let mut from = None;
        for part in 0.. {
            let stop = Stop::after(1);
            let before = array.backend().calls(Operation::Get);
            let report = array.verify(DEEP, from, &stop).unwrap();
            let calls = array.backend().calls(Operation::Get) - before;
            assert!(calls < once.stored, "part {part} read {calls} values");
            if report.is_finished {
                assert!(part > 1);
                assert_eq!(report, once);
                break;
            }
            from = stop.last();
        }
    }
}

#[test]
fn a_store_that_fails_ends_the_check_where_it_can_go_on() {
    for sharded in [false, true] {
        let array = large(sharded);
        let once = verify(&array, DEEP);
        let calls = array.backend().calls(Operation::Get);
        array.backend().add(Rule::on(Operation::Get).nth(calls * 3 / 4).fail(ErrorKind::Transient));
        let watch = Stop::after(usize::MAX);
        let Err(Error::Backend(error)) = array.verify(DEEP, None, &watch) else {
            panic!("the failure was not told")
        };
        assert_eq!(error.kind(), ErrorKind::Transient);
        let from = watch.last().unwrap();
        assert!(from.done > 0);
        assert_eq!(array.verify(DEEP, Some(from), &()).unwrap(), once);
    }
}

#[test]
fn what_the_store_says_is_damaged_is_told_and_the_check_goes_on() {
    for (sharded, kind) in
        [(false, ErrorKind::Corrupt), (false, ErrorKind::Other), (true, ErrorKind::Corrupt)]
    {
        let array = large(sharded);
        let hit = array.chunk_key([3, 3, 3]).unwrap();
        let name = hit.clone();
        array
            .backend()
            .add(Rule::on(Operation::Get).keys(move |key| key == name.as_str()).fail(kind));
        let report = verify(&array, DEEP);
        assert!(!report.bad.is_empty());
        assert!(report.bad.iter().all(|finding| finding.key == hit), "{report:?}");
        assert_eq!(report.grid, 2250);
    }
}

/// Fewer writes than a check looks again.
#[test]
fn shards_that_are_written_meanwhile_are_looked_at_again() {
    let array = large(true);
    let whole = verify(&array, DEEP);
    let writer = array.clone();
    std::thread::scope(|scope| {
        let check = scope.spawn(|| (0..3).map(|_| verify(&array, DEEP)).collect::<Vec<_>>());
        for n in 0..12 {
            let chunk = Array3::<u16>::from_elem((4, 4, 4), n);
            writer.write([8, 8, 8], chunk.view()).unwrap();
        }
        for report in check.join().unwrap() {
            assert_eq!((report.bad, report.stored), (vec![], whole.stored));
        }
    });
}

/// A store that cannot list.
#[derive(Debug)]
struct Unlisted(MemoryBackend);

impl std::fmt::Display for Unlisted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unlisted")
    }
}

#[async_trait::async_trait]
impl KeyValueBackend for Unlisted {
    fn capabilities(&self) -> Capabilities {
        Capabilities { listable: false, ..self.0.capabilities() }
    }
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.0.head(key).await
    }
    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.0.get(key, range).await
    }
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.0.put(key, value, when).await
    }
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.0.delete(key, when).await
    }
    fn list<'a>(&'a self, _: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        panic!("it was asked for a listing")
    }
}

#[test]
fn a_store_that_cannot_list_is_asked_for_each_chunk() {
    for sharded in [false, true] {
        let sharding = sharded.then(|| sharding(ShardHash::Identity, ShardEncoding::Gzip));
        let array = volume(Unlisted(MemoryBackend::new()), sharding, Transport::None);
        array.delete([0..8, 8..16, 100..108]).unwrap();
        let hit = array.chunk_key([3, 2, 2]).unwrap();
        change(array.backend(), hit.as_str(), |value| value.truncate(value.len() - 3));
        for options in [SHALLOW, DEEP] {
            let report = verify(&array, options);
            assert!(!report.is_listed);
            assert!(report.bad.iter().all(|finding| finding.key == hit), "{report:?}");
            assert!(!report.bad.is_empty());
            if !sharded {
                assert_eq!((report.grid, report.stored, report.missing), (36, 35, 1));
            }
        }
        let report = verify(&array, COMPLETE);
        let absent = array.chunk_key([1, 1, 0]).unwrap();
        let told = report
            .bad
            .iter()
            .any(|finding| finding.key == absent && finding.what.contains("missing"));
        assert!(told, "{report:?}");
    }
}
