//! Writers of unaligned boxes in the same chunks and shards, side by side: no voxel is lost.
//!
//! Each writer writes values that name it and count, and keeps a log. A writer's calls follow one
//! another, so in the end a voxel holds the last value that some writer gave it; and one that only
//! a single writer wrote holds that writer's last. `BIGARRAYS_VOXEL_WRITES` says how many voxels
//! the processes write on each store (10000000 is the long run).

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test helpers may fail a test and tell what they did"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use bigarrays::info::{DataType, ShardEncoding, ShardHash, Sharding};
use bigarrays::ndarray::{Array4, ShapeBuilder};
use bigarrays::{BigArray, Error, OpenOptions, Unaligned, VolumeInfo};

/// No chunk border is a border of the volume, but for the first.
const SIZE: [u64; 3] = [60, 44, 36];
const CHUNK: [u64; 3] = [16, 16, 16];
/// Boxes are up to so long: some hold whole chunks, most do not.
const LONGEST: u64 = 20;
/// A writer that lost every attempt begins again, so often at the most.
const PATIENCE: usize = 100;
/// How a child process is told what to write.
const JOB: &str = "BIGARRAYS_TEST_WRITER";

/// Which boxes a writer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boxes {
    /// Any: writers overwrite each other.
    Overlapping,
    /// Planes of its own in chunks of all: every voxel has one writer.
    Disjoint,
}

/// What one writer is to do.
#[derive(Debug, Clone)]
struct Task {
    writer: u64,
    writers: u64,
    boxes: Boxes,
    /// At least so many voxels.
    voxels: u64,
}

/// One call of `write` that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    min: [u64; 3],
    max: [u64; 3],
    value: u32,
}

/// What a writer did.
#[derive(Debug, Default)]
struct Log {
    entries: Vec<Entry>,
    voxels: u64,
    /// Calls that gave up with a conflict and were made again.
    conflicts: usize,
}

/// Marsaglia's xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

impl Task {
    /// Writes through a handle of its own.
    fn run(&self, url: &str) -> Log {
        let array = OpenOptions::new()
            .array(|options| {
                options.unaligned(Unaligned::ReadModifyWrite).threads(NonZeroUsize::MIN)
            })
            .open(url)
            .expect("opens");
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (self.writer + 1));
        let mut log = Log::default();
        while log.voxels < self.voxels {
            let (min, max) = self.next_box(&mut random);
            let number = u32::try_from(log.entries.len() + 1).expect("few");
            let value = u32::try_from(self.writer + 1).expect("few") << 24 | number;
            assert!(number < 1 << 24, "a number does not touch the writer's name");
            self.write(&array, Entry { min, max, value }, &mut log);
        }
        log
    }

    fn next_box(&self, random: &mut Random) -> ([u64; 3], [u64; 3]) {
        let mut min: [u64; 3] = SIZE.map(|size| random.below(size));
        let mut len: [u64; 3] = std::array::from_fn(|_| 1 + random.below(LONGEST));
        if self.boxes == Boxes::Disjoint {
            min[0] = min[0] - min[0] % self.writers + self.writer;
            min[0] -= if min[0] < SIZE[0] { 0 } else { self.writers };
            len[0] = 1;
        }
        (min, std::array::from_fn(|axis| (min[axis] + len[axis]).min(SIZE[axis])))
    }

    fn write(&self, array: &BigArray, entry: Entry, log: &mut Log) {
        let shape: [usize; 3] = std::array::from_fn(|axis| {
            usize::try_from(entry.max[axis] - entry.min[axis]).expect("small")
        });
        let [x, y, z] = shape;
        let voxels = Array4::from_elem((x, y, z, 1).f(), entry.value);
        let at = entry.min.map(|at| i64::try_from(at).expect("small"));
        for _ in 0..PATIENCE {
            match array.write(at, voxels.view()) {
                Ok(()) => {
                    log.entries.push(entry);
                    log.voxels += shape.iter().product::<usize>() as u64;
                    return;
                }
                Err(Error::Conflict { .. } | Error::ShardConflict { .. }) => log.conflicts += 1,
                Err(error) => panic!("writer {}: {error:?}", self.writer),
            }
        }
        panic!("writer {} starves", self.writer);
    }
}

fn create(url: &str, sharded: bool) {
    let mut info = VolumeInfo::builder(DataType::Uint32, SIZE).chunk_size(CHUNK);
    if sharded {
        info = info.sharding(Sharding {
            preshift_bits: 2,
            hash: ShardHash::Identity,
            minishard_bits: 1,
            shard_bits: 3,
            minishard_index_encoding: ShardEncoding::Gzip,
            data_encoding: ShardEncoding::Raw,
        });
    }
    bigarrays::create(url, info.build().expect("a description")).expect("a volume");
}

/// Compares the volume with the logs of all who wrote it.
fn check(url: &str, logs: &[Log], boxes: Boxes) {
    let [x, y, z] = SIZE.map(|axis| usize::try_from(axis).expect("small"));
    let lasts: Vec<Vec<u32>> = logs
        .iter()
        .map(|log| {
            let mut last = vec![0; x * y * z];
            for entry in &log.entries {
                let [(x0, x1), (y0, y1), (z0, z1)] = std::array::from_fn(|axis| {
                    let place = |at: u64| usize::try_from(at).expect("small");
                    (place(entry.min[axis]), place(entry.max[axis]))
                });
                for k in z0..z1 {
                    for j in y0..y1 {
                        let row = x * (j + y * k);
                        last[row + x0..row + x1].fill(entry.value);
                    }
                }
            }
            last
        })
        .collect();
    let array = bigarrays::open(url).expect("opens");
    let found = array.read::<u32>(array.bounds()).expect("reads");
    let (mut written, mut lost) = (0_u64, Vec::new());
    for ((i, j, k, _), &value) in found.indexed_iter() {
        let place = i + x * (j + y * k);
        let mut candidates: Vec<u32> = lasts.iter().map(|last| last[place]).collect();
        candidates.retain(|&last| last != 0);
        written += u64::from(!candidates.is_empty());
        if boxes == Boxes::Disjoint {
            assert!(candidates.len() <= 1, "boxes are not disjoint");
        }
        if !(candidates.contains(&value) || candidates.is_empty() && value == 0) {
            lost.push(format!("[{i}, {j}, {k}] holds {value:#x} and not one of {candidates:x?}"));
        }
    }
    assert!(lost.is_empty(), "{url}: {} of {written} voxels are lost: {}", lost.len(), lost[0]);
}

fn report(url: &str, what: &str, logs: &[Log], began: Instant) {
    let voxels: u64 = logs.iter().map(|log| log.voxels).sum();
    let calls: usize = logs.iter().map(|log| log.entries.len()).sum();
    let conflicts: usize = logs.iter().map(|log| log.conflicts).sum();
    let scheme = url.split_once("://").map_or("file", |(scheme, _)| scheme);
    println!(
        "{scheme} {what}: {voxels} voxels in {calls} boxes in {:.1} s, lost 0, gave up {conflicts} times",
        began.elapsed().as_secs_f64()
    );
}

/// Lets threads write, each through a handle of its own.
fn threads(url: &str, what: &str, writers: u64, boxes: Boxes, voxels: u64) {
    let began = Instant::now();
    let logs: Vec<Log> = thread::scope(|scope| {
        let tasks =
            (0..writers).map(|writer| Task { writer, writers, boxes, voxels: voxels / writers });
        let started: Vec<_> = tasks.map(|task| scope.spawn(move || task.run(url))).collect();
        started.into_iter().map(|thread| thread.join().expect("writes")).collect()
    });
    check(url, &logs, boxes);
    report(url, what, &logs, began);
}

/// Lets processes write that begin together.
fn processes(dir: &Path, url: &str, what: &str, boxes: Boxes, voxels: u64) {
    let writers = 4;
    let began = Instant::now();
    let log = |writer: u64| dir.join(format!("log-{writer}"));
    let mut children: Vec<Child> = (0..writers)
        .map(|writer| {
            let log = log(writer);
            let job = format!(
                "{url}\n{writer}\n{writers}\n{}\n{}\n{}",
                u8::from(boxes == Boxes::Disjoint),
                voxels / writers,
                log.display()
            );
            Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "a_child_writes", "--nocapture"])
                .env(JOB, job)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("starts")
        })
        .collect();
    for child in &mut children {
        let out = BufReader::new(child.stdout.as_mut().expect("a pipe"));
        let mut lines = out.lines().map_while(Result::ok);
        // The harness may say something on the same line before.
        assert!(lines.any(|line| line.ends_with("ready")), "the child ended too early");
    }
    for child in &mut children {
        child.stdin.take().expect("a pipe").write_all(b"go\n").expect("told");
    }
    for child in &mut children {
        assert!(child.wait().expect("ends").success());
    }
    let logs: Vec<Log> = (0..writers).map(|writer| read_log(&log(writer))).collect();
    check(url, &logs, boxes);
    report(url, what, &logs, began);
}

fn read_log(path: &Path) -> Log {
    let text = fs::read_to_string(path).expect("a log");
    let mut log = Log::default();
    for line in text.lines() {
        let numbers: Vec<u64> =
            line.split(' ').map(|word| word.parse().expect("a number")).collect();
        match numbers[..] {
            [conflicts] => log.conflicts = usize::try_from(conflicts).expect("few"),
            [x0, y0, z0, x1, y1, z1, value] => {
                log.voxels += (x1 - x0) * (y1 - y0) * (z1 - z0);
                let value = u32::try_from(value).expect("a voxel");
                log.entries.push(Entry { min: [x0, y0, z0], max: [x1, y1, z1], value });
            }
            _ => panic!("what is {line:?}?"),
        }
    }
    log
}

/// Not a test: the work of a child process.
#[test]
fn a_child_writes() {
    let Ok(job) = std::env::var(JOB) else { return };
    let words: Vec<&str> = job.split('\n').collect();
    let [url, writer, writers, disjoint, voxels, log] = words[..] else { panic!("{job:?}") };
    let number = |word: &str| word.parse::<u64>().expect("a number");
    let boxes = if disjoint == "1" { Boxes::Disjoint } else { Boxes::Overlapping };
    let task =
        Task { writer: number(writer), writers: number(writers), boxes, voxels: number(voxels) };
    println!("ready");
    std::io::stdin().lock().read_line(&mut String::new()).expect("told");
    let done = task.run(url);
    let mut text = format!("{}\n", done.conflicts);
    for Entry { min: [x0, y0, z0], max: [x1, y1, z1], value } in done.entries {
        writeln!(text, "{x0} {y0} {z0} {x1} {y1} {z1} {value}").expect("a string takes it");
    }
    fs::write(log, text).expect("written");
}

/// Every store here that declares compare-and-swap, and whether several processes may write it.
fn stores(dir: &Path) -> Vec<(String, bool, bool)> {
    let dir = dir.display();
    let mut stores = vec![
        (format!("mem:/{dir}"), false, true),
        // What a power cut would leave is not asked here.
        (format!("file://{dir}/tree?durability=none"), true, true),
        (format!("sqlite://{dir}/one.db"), true, true),
    ];
    if cfg!(feature = "rocksdb") {
        // A database has one writing process: its writers are threads.
        stores.push((format!("rocksdb://{dir}/rocks?durability=none"), false, true));
    }
    if cfg!(feature = "hdf5") {
        stores.push((format!("h5://{dir}/cuboids?durability=none&block=32,32,32"), true, false));
    }
    stores
}

/// The same store with another volume in it.
fn volume(url: &str, name: &str) -> String {
    let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
    let place = match place.strip_suffix(".db") {
        Some(place) => format!("{place}-{name}.db"),
        None => format!("{place}-{name}"),
    };
    if parameters.is_empty() { place } else { format!("{place}?{parameters}") }
}

/// How many voxels processes write on each store.
fn voxel_writes() -> u64 {
    let said = std::env::var("BIGARRAYS_VOXEL_WRITES").ok();
    said.map_or(80_000, |count| count.parse().expect("a number"))
}

#[test]
fn threads_lose_no_voxel_of_overlapping_boxes() {
    let dir = tempfile::tempdir().expect("a folder");
    for (store, _, can_shard) in stores(dir.path()) {
        for sharded in [false, true].into_iter().take(1 + usize::from(can_shard)) {
            let url = volume(&store, if sharded { "sharded" } else { "plain" });
            create(&url, sharded);
            let what = if sharded { "shards, 8 threads" } else { "chunks, 8 threads" };
            threads(&url, what, 8, Boxes::Overlapping, 60_000);
        }
    }
}

#[test]
fn threads_lose_no_voxel_of_disjoint_boxes_in_the_same_chunks() {
    let dir = tempfile::tempdir().expect("a folder");
    for (store, _, can_shard) in stores(dir.path()) {
        for sharded in [false, true].into_iter().take(1 + usize::from(can_shard)) {
            let url = volume(&store, if sharded { "sharded" } else { "plain" });
            create(&url, sharded);
            let what = if sharded { "shards, 8 threads apart" } else { "chunks, 8 threads apart" };
            threads(&url, what, 8, Boxes::Disjoint, 5_000);
        }
    }
}

#[test]
fn processes_lose_no_voxel() {
    let dir = tempfile::tempdir().expect("a folder");
    for (store, many, _) in stores(dir.path()) {
        let url = volume(&store, "overlapping");
        if store.starts_with("mem:") || store.starts_with("h5:") {
            continue;
        }
        create(&url, false);
        if many {
            processes(dir.path(), &url, "chunks, 4 processes", Boxes::Overlapping, voxel_writes());
        } else {
            threads(&url, "chunks, 4 handles", 4, Boxes::Overlapping, voxel_writes());
        }
    }
}

#[test]
fn processes_lose_no_voxel_in_shards_and_hdf5_files_nor_of_disjoint_boxes() {
    let dir = tempfile::tempdir().expect("a folder");
    for (store, many, can_shard) in stores(dir.path()) {
        if !many {
            continue;
        }
        for (name, sharded, boxes, voxels) in [
            ("files", false, Boxes::Overlapping, 25_000),
            ("sharded", true, Boxes::Overlapping, 25_000),
            ("apart", can_shard, Boxes::Disjoint, 3_000),
        ] {
            if !can_shard && sharded {
                continue;
            }
            let url = volume(&store, name);
            create(&url, sharded);
            processes(dir.path(), &url, &format!("{name}, 4 processes"), boxes, voxels);
        }
    }
}
