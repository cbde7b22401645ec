//! Where a writer writes, and as what: values by key, chunks of a volume, chunks in shards.

use bigarrays::backend::{
    KeyValueBackend, KeyValueBackendExt, Precondition, Put, PutOutcome, Value, wait,
};
use bigarrays::conformance::{sealed, unseal};
use bigarrays::info::{ShardEncoding, ShardHash, Sharding};
use bigarrays::ndarray::{Array4, ShapeBuilder, s};
use bigarrays::{
    Access, BigArray, BigArrayBuilder, DataType, DynBackend, Key, OpenOptions, Prefix, Registry,
    StoreUrl, VolumeInfo,
};

use crate::script::{GROUP, KEYS, Step, value_number};

/// Voxels of a chunk along each axis.
const SIDE: u64 = 16;
const CHUNK_BYTES: usize = 16 * 16 * 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Values of many lengths, by key.
    Values,
    /// Chunks of HDF5 files, by key.
    Cuboids,
    /// Chunks of a volume, each a value.
    Chunks,
    /// Chunks of a volume, eight a shard.
    Shards,
}

/// A store and what it is used for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) kind: Kind,
}

/// A place that is open.
pub(crate) enum Open {
    Store { store: DynBackend, kind: Kind },
    Array(Box<BigArray>),
}

impl Place {
    /// Makes the volume, where there is to be one.
    pub(crate) fn make(&self) {
        if self.kind == Kind::Values {
            return;
        }
        let mut info = VolumeInfo::builder(DataType::Uint8, [4 * SIDE, 2 * SIDE, 2 * SIDE])
            .chunk_size([SIDE; 3]);
        if self.kind == Kind::Shards {
            info = info.sharding(Sharding {
                preshift_bits: 1,
                hash: ShardHash::Identity,
                minishard_bits: 2,
                shard_bits: 1,
                minishard_index_encoding: ShardEncoding::Gzip,
                data_encoding: ShardEncoding::Raw,
            });
        }
        let info = info.build().expect("valid");
        bigarrays::create(&self.url, info).expect("the volume is made");
    }

    pub(crate) fn open(&self) -> Open {
        match self.kind {
            Kind::Values | Kind::Cuboids => {
                let url = StoreUrl::parse(&self.url).expect("a URL");
                let store = Registry::default().open_store(&url, Access::Create);
                Open::Store { store: store.expect("the store opens"), kind: self.kind }
            }
            Kind::Chunks | Kind::Shards => {
                let options = OpenOptions::new().array(|builder: BigArrayBuilder<DynBackend>| {
                    builder.unaligned(bigarrays::Unaligned::ReadModifyWrite)
                });
                Open::Array(Box::new(options.open(&self.url).expect("the volume opens")))
            }
        }
    }

    /// Keys of which a step changes all or none. `None` if each is for itself.
    pub(crate) fn group(&self, key: usize) -> Option<usize> {
        let is_database = ["sqlite", "rocksdb"].iter().any(|scheme| self.url.starts_with(scheme));
        match self.kind {
            Kind::Values => is_database.then_some(0),
            Kind::Cuboids | Kind::Shards => Some(key / GROUP),
            Kind::Chunks => None,
        }
    }

    /// Whether a killed writer can leave files.
    pub(crate) fn leaves_files(&self) -> bool {
        ["file", "h5"].iter().any(|scheme| self.url.starts_with(scheme))
    }
}

/// The cell of a chunk: the first eight are one shard and one HDF5 file.
fn cell(key: usize) -> [u64; 3] {
    let key = key as u64;
    [key / GROUP as u64 * 2 + key % 2, key / 2 % 2, key / 4 % 2]
}

fn corner(key: usize) -> [i64; 3] {
    cell(key).map(|at| i64::try_from(at * SIDE).expect("small"))
}

fn key(kind: Kind, n: usize) -> Key {
    let name = match kind {
        // Folders that come and go.
        Kind::Values => format!("group-{}/{}/value-{n}", n / GROUP, n % 3),
        _ => {
            let [x, y, z] = cell(n).map(|at| format!("{}-{}", at * SIDE, (at + 1) * SIDE));
            format!("1_1_1/{x}_{y}_{z}")
        }
    };
    Key::new(name).expect("a key")
}

/// From a few bytes to more than some pages of a database.
fn length(kind: Kind, number: u64) -> usize {
    match kind {
        Kind::Values => usize::try_from(number.wrapping_mul(7919) % 90_000).expect("small"),
        _ => CHUNK_BYTES,
    }
}

impl Open {
    /// Does one step.
    pub(crate) fn act(&self, step: &Step, number: u64) {
        match self {
            Self::Store { store, kind } => act_on_values(store, *kind, step, number),
            Self::Array(array) => act_on_chunks(array, step, number),
        }
    }

    /// The numbers of the values of all keys. Fails the test if one is not whole.
    pub(crate) fn look(&self) -> Vec<Option<u64>> {
        let whole = |n: usize, bytes: &[u8]| {
            unseal(bytes).unwrap_or_else(|what| panic!("key {n} is torn: {what}"))
        };
        match self {
            Self::Store { store, kind } => (0..KEYS)
                .map(|n| {
                    let value = wait(store.get_bytes(&key(*kind, n))).expect("it is read");
                    value.map(|bytes| whole(n, &bytes))
                })
                .collect(),
            Self::Array(array) => (0..KEYS)
                .map(|n| {
                    let stored = array.read_chunk_bytes(cell(n)).expect("it is read")?;
                    assert_eq!(stored.bytes.len(), CHUNK_BYTES, "chunk {n}");
                    let bbox = array.grid().chunk_box(cell(n));
                    let voxels = array.read::<u8>(bbox).expect("it is read");
                    Some(whole(n, &voxels.into_raw_vec_and_offset().0))
                })
                .collect(),
        }
    }

    /// Asserts that a listing shows the keys that have values, and nothing else.
    pub(crate) fn check_listing(&self, state: &[Option<u64>]) {
        let store = match self {
            Self::Store { store, .. } => store,
            Self::Array(array) => array.backend(),
        };
        let listed = wait(store.list_all(&Prefix::root())).expect("it is listed");
        let listed: Vec<String> = listed.into_iter().map(|meta| meta.key.to_string()).collect();
        if let Self::Array(array) = self
            && array.shards().is_some()
        {
            let known = |name: &String| name == "info" || name.ends_with(".shard");
            assert!(listed.iter().all(known), "{listed:?}");
            return;
        }
        let kind = match self {
            Self::Store { kind, .. } => *kind,
            Self::Array(_) => Kind::Chunks,
        };
        let present = (0..KEYS).filter(|&n| state[n].is_some());
        let mut wanted: Vec<String> = present.map(|n| key(kind, n).to_string()).collect();
        if kind != Kind::Values {
            wanted.push("info".to_owned());
        }
        wanted.sort();
        let mut listed: Vec<_> = listed.into_iter().filter(|name| name != "config.json").collect();
        listed.sort();
        assert_eq!(listed, wanted);
    }
}

fn act_on_values(store: &DynBackend, kind: Kind, step: &Step, number: u64) {
    let value = |n: usize| {
        let number = value_number(number, n);
        Value::plain(sealed(number, length(kind, number)))
    };
    match step {
        Step::Put(n) => {
            wait(store.put_always(&key(kind, *n), value(*n))).expect("it is put");
        }
        Step::Swap(n) => {
            let key = key(kind, *n);
            let now = wait(store.head(&key)).expect("it is looked at");
            let when = match now.and_then(|meta| meta.version) {
                Some(version) => Precondition::IfVersion(version),
                None => Precondition::IfAbsent,
            };
            let put = wait(store.put(&key, value(*n), when)).expect("it is put");
            assert!(matches!(put, PutOutcome::Written { .. }), "nobody else writes");
        }
        Step::Batch(_) | Step::Whole(_) => {
            let puts = step.keys().into_iter();
            let puts = puts.map(|n| Put { key: key(kind, n), value: value(n) }).collect();
            wait(store.put_batch(puts)).expect("they are put");
        }
        Step::Delete(n) => {
            let _always =
                wait(store.delete(&key(kind, *n), Precondition::Always)).expect("it is deleted");
        }
    }
}

/// The voxels of a chunk: bytes that prove themselves whole.
fn voxels(number: u64) -> Array4<u8> {
    let side = usize::try_from(SIDE).expect("small");
    let bytes = sealed(number, CHUNK_BYTES).to_vec();
    Array4::from_shape_vec((side, side, side, 1).f(), bytes).expect("a chunk")
}

fn act_on_chunks(array: &BigArray, step: &Step, number: u64) {
    let put = |n: usize| {
        array.write(corner(n), voxels(value_number(number, n)).view()).expect("it is written");
    };
    match step {
        Step::Put(n) | Step::Swap(n) => put(*n),
        // In a store of chunks that is one put after the other, in a shard one merge each.
        Step::Batch(keys) if array.shards().is_none() => keys.iter().for_each(|&n| put(n)),
        Step::Batch(keys) => array
            .shards()
            .expect("a sharded volume")
            .update(keys.iter().map(|&n| {
                let id = array.chunk_id(cell(n)).expect("a chunk");
                (id, Some(sealed(value_number(number, n), CHUNK_BYTES).to_vec()))
            }))
            .expect("they are merged"),
        Step::Whole(group) => {
            let side = usize::try_from(2 * SIDE).expect("small");
            let mut all = Array4::<u8>::zeros((side, side, side, 1).f());
            for n in step.keys() {
                let [x, y, z] = [n % 2, n / 2 % 2, n / 4 % 2].map(|at| at * side / 2);
                let half = side / 2;
                all.slice_mut(s![x..x + half, y..y + half, z..z + half, ..])
                    .assign(&voxels(value_number(number, n)));
            }
            array.write(corner(*group), all.view()).expect("they are written");
        }
        Step::Delete(n) => {
            array.delete(array.grid().chunk_box(cell(*n))).expect("it is deleted");
        }
    }
}
