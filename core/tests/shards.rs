//! Volumes in shards: what is read and written, what a writer owns, what becomes of races and of
//! damaged files.

#![expect(clippy::unwrap_used, reason = "test helpers outside test functions may fail a test")]

use std::thread;

use bigarrays_core::array::{OnMissing, Unaligned};
use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome, Meta, Operation,
    Precondition, PutOutcome, Value, wait,
};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ShapeBuilder};
use bigarrays_core::shard::{ShardStore, file_name};
use bigarrays_core::wrap::{Fault, Trace};
use bigarrays_core::{
    BigArray, BoundingBox, DataType, Error, Key, KeyValueBackend, Prefix, VolumeInfo,
};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
use futures::stream::BoxStream;

/// Grid 4 × 4 × 4 in shards of 2 × 2 × 2 chunks: eight shards.
const SHARDING: Sharding = Sharding {
    preshift_bits: 1,
    hash: ShardHash::Identity,
    minishard_bits: 2,
    shard_bits: 3,
    minishard_index_encoding: ShardEncoding::Gzip,
    data_encoding: ShardEncoding::Raw,
};

fn info(sharding: Sharding) -> VolumeInfo {
    VolumeInfo::builder(DataType::Uint8, [32; 3])
        .chunk_size([8; 3])
        .sharding(sharding)
        .build()
        .unwrap()
}

fn numbered(shape: [usize; 3]) -> Array4<u8> {
    let mut next = 0_u8;
    Array4::from_shape_simple_fn((shape[0], shape[1], shape[2], 1).f(), || {
        next = next % 251 + 1;
        next
    })
}

/// A volume with every voxel written, and what asks its store.
fn filled(sharding: Sharding) -> (BigArray<Trace<MemoryBackend>>, Array4<u8>) {
    let array = BigArray::create(Trace::new(MemoryBackend::new()), info(sharding)).unwrap();
    let whole = numbered([32; 3]);
    array.write([0; 3], whole.view()).unwrap();
    (array, whole)
}

/// What a call asks of the store.
fn counted<T>(
    array: &BigArray<Trace<MemoryBackend>>,
    call: impl FnOnce() -> T,
) -> (T, bigarrays_core::wrap::Counts) {
    let before = array.backend().counts();
    let result = call();
    (result, array.backend().counts().since(&before))
}

#[test]
fn a_writer_of_whole_shards_puts_each_once_and_reads_nothing() {
    let array = BigArray::create(Trace::new(MemoryBackend::new()), info(SHARDING)).unwrap();
    let whole = numbered([32; 3]);
    let (_, asked) = counted(&array, || array.write([0; 3], whole.view()).unwrap());
    assert_eq!((asked.put, asked.get), (8, 0));
    // One shard alone: the box that `shard_bbox` says.
    let unit = array.shard_bbox([20, 3, 9]).unwrap();
    assert_eq!(unit, BoundingBox::new([16, 0, 0], [32, 16, 16]));
    assert_eq!(array.write_unit(), [16; 3]);
    let (_, asked) = counted(&array, || array.write(unit.min, numbered([16; 3]).view()).unwrap());
    assert_eq!((asked.put, asked.get), (1, 0));
    // With a hash shards are no boxes, but the whole volume is still all of each of them.
    let hashed = Sharding { hash: ShardHash::Murmurhash3X86_128, ..SHARDING };
    let array = BigArray::create(Trace::new(MemoryBackend::new()), info(hashed)).unwrap();
    assert_eq!((array.shard_bbox([0; 3]), array.write_unit()), (None, [8; 3]));
    let (_, asked) = counted(&array, || array.write([0; 3], whole.view()).unwrap());
    assert_eq!(asked.get, 0);
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), whole);
}

#[test]
fn a_shard_that_is_wanted_whole_is_one_request() {
    let (array, whole) = filled(SHARDING);
    let (read, asked) = counted(&array, || array.read::<u8>(array.bounds()).unwrap());
    assert_eq!(read, whole);
    assert_eq!((asked.get, asked.head), (8, 0));
}

#[test]
fn a_chunk_takes_three_requests_and_one_once_the_indices_are_known() {
    let (array, _) = filled(SHARDING);
    let read = || array.read::<u8>([0..8, 0..8, 0..8]).unwrap();
    assert_eq!(counted(&array, read).1.get, 3);
    assert_eq!(counted(&array, read).1.get, 1);
    // Nothing is kept where nothing may be.
    let array = array.to_builder().index_cache(0).open().unwrap();
    let read_again = || array.read::<u8>([0..8, 0..8, 0..8]).unwrap();
    counted(&array, read_again);
    assert_eq!(counted(&array, read_again).1.get, 3);
    let array = array.to_builder().index_cache(1 << 20).open().unwrap();
    counted(&array, || array.read::<u8>([0..8, 0..8, 0..8]).unwrap());
    // Its neighbour in the same minishard needs no index either.
    let (_, asked) = counted(&array, || array.read::<u8>([8..16, 0..8, 0..8]).unwrap());
    assert_eq!((asked.get, asked.head), (1, 0));
}

#[test]
fn neighbouring_chunks_are_read_together() {
    let (array, whole) =
        filled(Sharding { preshift_bits: 6, minishard_bits: 0, shard_bits: 0, ..SHARDING });
    let array = array.to_builder().threads(std::num::NonZeroUsize::MIN).open().unwrap();
    // 8 of 64 chunks, which lie side by side in the file: shard index, minishard index, and the
    // halves that a thread and its neighbour would take.
    let (read, asked) = counted(&array, || array.read::<u8>([0..16, 0..16, 0..16]).unwrap());
    assert_eq!(read, whole.slice(bigarrays_core::ndarray::s![..16, ..16, ..16, ..]));
    assert_eq!(asked.get, 4);
}

#[test]
fn a_kept_index_never_leads_to_old_or_wrong_bytes() {
    let (array, _) = filled(SHARDING);
    let chunk = || array.read::<u8>([0..8, 0..8, 0..8]).unwrap();
    chunk();
    // Another writer replaces the shard; the lengths and places of its chunks differ.
    let other = BigArray::open(array.backend().clone()).unwrap();
    let compressible = Array4::<u8>::from_elem((16, 16, 16, 1), 77);
    other.write([0; 3], compressible.view()).unwrap();
    assert!(chunk().iter().all(|&voxel| voxel == 77));
    // It removes one chunk, and then the shard.
    other.delete([0..8, 0..8, 0..8]).unwrap();
    assert!(chunk().iter().all(|&voxel| voxel == 0));
    assert_eq!(array.missing_chunks(array.bounds()).unwrap().len(), 1);
    other.delete([0..16, 0..16, 0..16]).unwrap();
    assert_eq!(array.read::<u8>([8..16, 0..8, 0..8]).unwrap().sum(), 0);
    // It comes back: an absence is not kept either.
    other.write([0; 3], compressible.view()).unwrap();
    assert!(chunk().iter().all(|&voxel| voxel == 77));
}

#[test]
fn a_chunk_that_was_added_to_a_shard_is_seen_beside_one_that_was_there() {
    let store = MemoryBackend::new();
    let writer = BigArray::builder(store.clone()).unaligned(Unaligned::ReadModifyWrite);
    let writer = writer.create(info(SHARDING)).unwrap();
    let reader = BigArray::open(store).unwrap();
    let chunk = |value| Array4::<u8>::from_elem((8, 8, 8, 1).f(), value);
    writer.write([0; 3], chunk(1).view()).unwrap();
    // The index of the minishard of both is kept from here on, and says that the second is absent.
    assert_eq!(reader.read::<u8>([0..8, 0..8, 0..8]).unwrap(), chunk(1));
    writer.write([8, 0, 0], chunk(2).view()).unwrap();
    let read = reader.read::<u8>([4..12, 0..8, 0..8]).unwrap();
    assert_eq!((read[[0; 4]], read[[4, 0, 0, 0]]), (1, 2));
    let points = reader.read_points::<u8>(&[[0; 3], [8, 0, 0]]).unwrap();
    assert_eq!((points[[0, 0]], points[[1, 0]]), (1, 2));
}

#[test]
fn a_part_of_a_shard_is_merged_and_leaves_the_rest() {
    let (array, mut whole) = filled(SHARDING);
    array.write([8, 0, 0], Array4::<u8>::zeros((8, 8, 8, 1)).view()).unwrap();
    whole.slice_mut(bigarrays_core::ndarray::s![8..16, ..8, ..8, ..]).fill(0);
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), whole);
    // Part of a chunk too, on request.
    let array = array.to_builder().unaligned(Unaligned::ReadModifyWrite).open().unwrap();
    array.write([5, 6, 7], Array4::<u8>::ones((20, 3, 2, 1)).view()).unwrap();
    whole.slice_mut(bigarrays_core::ndarray::s![5..25, 6..9, 7..9, ..]).fill(1);
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), whole);
}

#[test]
fn deleting_all_chunks_of_a_shard_one_by_one_removes_its_file() {
    let (array, _) = filled(SHARDING);
    for x in [0, 8] {
        for y in [0, 8] {
            array.delete([x..x + 8, y..y + 8, 0..16]).unwrap();
        }
    }
    let shard = array.chunk_key([0, 0, 0]).unwrap();
    assert_eq!(wait(array.backend().head(&shard)).unwrap(), None);
    let strict = array.to_builder().on_missing(OnMissing::Error).open().unwrap();
    let error = strict.read::<u8>([0..8, 0..8, 0..8]).unwrap_err();
    assert!(matches!(&error, Error::MissingChunk { key, .. } if *key == shard), "{error}");
}

#[test]
fn writers_of_different_chunks_of_one_shard_lose_nothing() {
    let store = MemoryBackend::new();
    let sharding = Sharding { preshift_bits: 0, minishard_bits: 3, shard_bits: 0, ..SHARDING };
    let sharding = Sharding { hash: ShardHash::Murmurhash3X86_128, ..sharding };
    let array = BigArray::create(store, info(sharding)).unwrap();
    thread::scope(|scope| {
        for n in 0..8_u8 {
            let array = &array;
            scope.spawn(move || {
                for z in 0..4_i64 {
                    let at = [i64::from(n % 4) * 8, i64::from(n / 4) * 8, z * 8];
                    let voxels = Array4::<u8>::from_elem((8, 8, 8, 1), n + 1);
                    array.write(at, voxels.view()).unwrap();
                }
            });
        }
    });
    let read = array.read::<u8>([0..32, 0..16, 0..32]).unwrap();
    for ((x, y, _, _), &voxel) in read.indexed_iter() {
        assert_eq!(usize::from(voxel), x / 8 + 4 * (y / 8) + 1);
    }
}

#[test]
fn readers_of_a_shard_that_is_replaced_see_whole_old_or_whole_new_chunks() {
    let store = MemoryBackend::new();
    let array = BigArray::create(store, info(SHARDING)).unwrap();
    let fill = |n: u8| Array4::<u8>::from_elem((32, 32, 32, 1), n);
    array.write([0; 3], fill(1).view()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 2..60 {
                array.write([0; 3], fill(n).view()).unwrap();
            }
        });
        for _ in 0..200 {
            let read = array.read::<u8>([0..16, 0..16, 0..8]).unwrap();
            for chunk in read.exact_chunks((8, 8, 8, 1)) {
                let first = chunk[[0; 4]];
                assert!(first > 0 && chunk.iter().all(|&voxel| voxel == first));
            }
        }
    });
}

/// A store that cannot put on condition.
#[derive(Debug, Clone)]
struct NoSwap(MemoryBackend);

impl std::fmt::Display for NoSwap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a store without compare-and-swap")
    }
}

#[async_trait::async_trait]
impl KeyValueBackend for NoSwap {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_put: ConditionalPut::Unsupported,
            conditional_delete: false,
            ..self.0.capabilities()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.0.head(key).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.0.get(key, range).await
    }

    async fn put(&self, key: &Key, value: Value, _: Precondition) -> BackendResult<PutOutcome> {
        self.0.put(key, value, Precondition::Always).await
    }

    async fn delete(&self, key: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        self.0.delete(key, Precondition::Always).await
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.0.list(prefix)
    }
}

#[test]
fn a_store_without_compare_and_swap_takes_whole_shards_and_refuses_parts_unless_told() {
    let array = BigArray::create(NoSwap(MemoryBackend::new()), info(SHARDING)).unwrap();
    array.write([0; 3], numbered([32; 3]).view()).unwrap();
    let part = Array4::<u8>::zeros((8, 32, 32, 1));
    let error = array.write([0; 3], part.view()).unwrap_err();
    assert!(matches!(error, Error::NeedsCompareAndSwap { .. }), "{error}");
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), numbered([32; 3]));
    let alone = array.to_builder().unaligned(Unaligned::SingleWriter).open().unwrap();
    alone.write([0; 3], part.view()).unwrap();
    assert_eq!(alone.read::<u8>([0..8, 0..32, 0..32]).unwrap().sum(), 0);
}

#[test]
fn a_store_that_fails_never_reads_as_zeros() {
    let store = MemoryBackend::new();
    BigArray::create(store.clone(), info(SHARDING))
        .unwrap()
        .write([0; 3], numbered([32; 3]).view())
        .unwrap();
    // The first get is that of `info`.
    for nth in 2..12 {
        let kind = bigarrays_core::backend::ErrorKind::Transient;
        let array = BigArray::open(Fault::new(store.clone()).fail_nth(Operation::Get, nth, kind));
        let array = array.unwrap();
        for bbox in [BoundingBox::new([0; 3], [20; 3]), BoundingBox::new([0; 3], [32; 3])] {
            if let Ok(read) = array.read::<u8>(bbox) {
                assert!(read.iter().all(|&voxel| voxel > 0), "{nth}");
            }
        }
        assert_eq!(array.backend().injected(), 1, "{nth}");
    }
}

#[test]
fn truncated_answers_are_errors() {
    let store = MemoryBackend::new();
    BigArray::create(store.clone(), info(SHARDING))
        .unwrap()
        .write([0; 3], numbered([32; 3]).view())
        .unwrap();
    for nth in 1..4 {
        let cut = Fault::new(store.clone()).truncate_nth(nth + 1);
        let array = BigArray::open(cut).unwrap();
        let error = array.read::<u8>([0..8, 0..8, 0..8]).unwrap_err();
        assert!(matches!(error, Error::BadShard { .. } | Error::BadChunk { .. }), "{error}");
    }
}

/// Flips every byte and cuts at every length of a shard file: an error or voxels, never a panic,
/// and the error names the file.
#[test]
fn damaged_shards_are_errors_that_name_the_file() {
    let sharding = Sharding { minishard_index_encoding: ShardEncoding::Raw, ..SHARDING };
    let (array, _) = filled(sharding);
    let key = array.chunk_key([0, 0, 0]).unwrap();
    let sound = wait(array.backend().get(&key, ByteRange::Full)).unwrap().unwrap().bytes;
    let index = 4 * 16 + 8 * 24;
    let minishard_indices = sound.len() - 8 * 24..sound.len();
    let damaged: Vec<Vec<u8>> = (0..64)
        .chain(minishard_indices)
        .map(|at| {
            let mut bytes = sound.to_vec();
            bytes[at] ^= 0x91;
            bytes
        })
        .chain((0..index).map(|len| sound[..len].to_vec()))
        .collect();
    for bytes in damaged {
        let put = Value::plain(bytes);
        let _ = wait(array.backend().put(&key, put, Precondition::Always)).unwrap();
        for bbox in [BoundingBox::new([0; 3], [8; 3]), BoundingBox::new([0; 3], [16; 3])] {
            if let Err(error) = array.read::<u8>(bbox) {
                assert!(error.to_string().contains(key.as_str()), "{error}");
            }
        }
    }
    let empty = Value::plain(sound.slice(..10));
    let _ = wait(array.backend().put(&key, empty, Precondition::Always)).unwrap();
    let error = array.read::<u8>([0..8, 0..8, 0..8]).unwrap_err();
    assert!(matches!(error, Error::BadShard { .. }), "{error}");
}

#[test]
fn a_store_of_shards_holds_any_ids_with_any_parameters() {
    for hash in ShardHash::ALL {
        for bits in [[0, 0, 0], [3, 2, 4], [0, 9, 1], [6, 0, 11]] {
            let [preshift_bits, minishard_bits, shard_bits] = bits;
            let sharding = Sharding { preshift_bits, hash, minishard_bits, shard_bits, ..SHARDING };
            let sharding = Sharding { data_encoding: ShardEncoding::Gzip, ..sharding };
            let directory = Prefix::new("ids").unwrap();
            let store = ShardStore::new(MemoryBackend::new(), directory, sharding);
            let ids: Vec<u64> =
                (0..40).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            store.update(ids.iter().map(|&id| (id, Some(id.to_string().into_bytes())))).unwrap();
            store.update([(ids[3], None), (ids[4], Some(b"new".to_vec()))]).unwrap();
            for (n, &id) in ids.iter().enumerate() {
                let text = store.get(id).unwrap().map(|blob| {
                    let mut scratch = Vec::new();
                    let encoding = blob.content_encoding;
                    let bytes = bigarrays_core::transport::decompress(
                        encoding,
                        &blob.bytes,
                        None,
                        99,
                        &mut scratch,
                    );
                    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
                });
                match n {
                    3 => assert_eq!(text, None),
                    4 => assert_eq!(text.as_deref(), Some("new")),
                    _ => assert_eq!(text, Some(id.to_string())),
                }
            }
            let mut found: Vec<u64> = Vec::new();
            for shard in store.list().unwrap() {
                assert_eq!(
                    shard.key.as_str(),
                    format!("ids/{}", file_name(shard.shard, &sharding))
                );
                let entries = store.entries(shard.shard).unwrap().unwrap();
                found.extend(entries.iter().map(|entry| entry.id));
            }
            found.sort_unstable();
            let mut expected: Vec<u64> = ids.iter().copied().filter(|&id| id != ids[3]).collect();
            expected.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_value_for_another_shard_is_refused() {
    let store = ShardStore::new(MemoryBackend::new(), Prefix::root(), SHARDING);
    let error = store.write(1, [(0, vec![1])]).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("0.shard"), "{error}");
}
