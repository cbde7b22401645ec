//! Ctrl-C, SIGTERM and panics in the middle of long work: no leftovers, a message that says how to
//! go on, and a following run that finishes.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "test helpers may fail a test")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bigarrays::array::Progress;
use bigarrays::backend::{KeyValueBackendExt, wait};
use bigarrays::ndarray::{Array4, ShapeBuilder};
use bigarrays::{DataType, Error, Prefix, VolumeInfo};
use bigarrays_tests::bench::{Bench, payload};
use bigarrays_tests::text;

fn start(bench: &Bench, line: &str) -> Child {
    Command::new(bench.command())
        .args(line.split_whitespace())
        .current_dir(bench.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts")
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status();
    assert!(sent.expect("kill is there").success());
}

/// Leaves the processor to what is looked at; nothing depends on how long.
fn look_again() {
    std::thread::sleep(Duration::from_millis(1));
}

/// Sends a signal as soon as the command has come so far, and waits for its end.
fn interrupt(bench: &Bench, line: &str, signal: &str, so_far: impl Fn() -> bool) -> Output {
    let mut child = start(bench, line);
    while !so_far() {
        assert!(child.try_wait().expect("asked").is_none(), "{line}: ended too early");
        look_again();
    }
    send(&child, signal);
    child.wait_with_output().expect("ends")
}

fn assert_interrupted(output: &Output, status: i32, advice: &str) {
    assert_eq!(output.status.code(), Some(status), "{}", text(output));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("interrupted before it was done"), "{said}");
    assert!(said.contains(advice), "{said}");
}

/// The names of all files below a folder, folders that are not there are empty.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        // It may vanish while we look.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => left.push(path),
                path => found.push(path.to_string_lossy().into_owned()),
            }
        }
    }
    found
}

/// A file that is neither a chunk nor the description, nor what the test put there.
fn leftovers(folder: &Path) -> Vec<String> {
    let is_known = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or_default();
        let is_chunk = name.split('_').count() == 3
            && name.bytes().all(|byte| byte.is_ascii_digit() || b"_-".contains(&byte));
        is_chunk || name == "info" || name.ends_with(".raw") || name.ends_with(".npy")
    };
    files(folder).into_iter().filter(|name| !is_known(name)).collect()
}

/// 8 MiB of voxels that are not zeros, as a raw file of 256 x 256 x 128.
fn source(bench: &Bench) {
    let voxels: Vec<u8> = (0..8_u32 << 20).map(|n| n.to_le_bytes()[1] | 1).collect();
    fs::write(bench.path("in.raw"), voxels).expect("written");
}

const IMPORT: &str = "--size 256,256,128 --dtype uint8 --chunk 16,16,16";

#[test]
fn an_interrupted_import_leaves_whole_chunks_and_the_same_command_finishes() {
    let Some(bench) = Bench::new() else { return };
    source(&bench);
    for (url, signal, status) in [("vol", "-INT", 130), ("again", "-TERM", 128 + 15)] {
        let line = format!("import in.raw {url} {IMPORT}");
        let chunks = bench.path(url).join("1_1_1");
        let output = interrupt(&bench, &line, signal, || files(&chunks).len() > 20);
        assert_interrupted(&output, status, "run the same command again to finish");
        assert_eq!(leftovers(&bench.path("")), [] as [String; 0]);

        bench.succeeds(&format!("verify {url} --deep"));
        let missing = bench.succeeds(&format!("missing {url}")).lines().count();
        assert!((1..2048).contains(&missing), "{missing} chunks are missing");
        bench.succeeds(&line);
        assert_eq!(bench.succeeds(&format!("missing {url}")), "");
        bench.succeeds(&format!("cutout {url} -o back.raw"));
        assert!(fs::read(bench.path("back.raw")).ok() == fs::read(bench.path("in.raw")).ok());
    }
    // Options that say something else are refused as ever.
    bench.fails(
        1,
        "import in.raw vol --size 256,256,128 --dtype uint8 --chunk 8,8,8",
        &["--chunk"],
    );
}

#[test]
fn an_interrupted_import_into_sqlite_and_shards_finishes_too() {
    let Some(bench) = Bench::new() else { return };
    source(&bench);
    let line = format!("import in.raw sqlite://x.db {IMPORT}");
    let wal = bench.path("x.db-wal");
    let is_long = || fs::metadata(&wal).is_ok_and(|wal| wal.len() > 1 << 20);
    let output = interrupt(&bench, &line, "-INT", is_long);
    assert_interrupted(&output, 130, "run the same command again to finish");
    bench.succeeds(&line);
    assert_eq!(bench.succeeds("missing sqlite://x.db"), "");

    let line = format!("import in.raw shards {IMPORT} --sharded=preshift=3,minishard=2,shard=6");
    let chunks = bench.path("shards");
    let output = interrupt(&bench, &line, "-INT", || files(&chunks).len() > 4);
    assert_interrupted(&output, 130, "run the same command again to finish");
    let strange = leftovers(&chunks).into_iter().filter(|name| !name.ends_with(".shard"));
    assert_eq!(strange.collect::<Vec<_>>(), [] as [String; 0]);
    bench.succeeds(&line);
    bench.succeeds("cutout shards -o back.raw");
    assert!(fs::read(bench.path("back.raw")).ok() == fs::read(bench.path("in.raw")).ok());
}

#[test]
fn an_interrupted_copy_or_pyramid_leaves_a_volume_that_is_sound_and_goes_on() {
    let Some(bench) = Bench::new() else { return };
    source(&bench);
    bench.succeeds(&format!("import in.raw vol {IMPORT}"));
    let copy = "copy vol twin --chunk 8,8,8 --memory 2M --jobs 1 --journal journal";
    let chunks = bench.path("twin");
    let output = interrupt(&bench, copy, "-INT", || files(&chunks).len() > 400);
    assert_interrupted(&output, 130, "--resume");
    bench.succeeds("verify twin --deep");
    let strange = leftovers(&bench.path(""));
    assert!(strange.iter().all(|name| name.ends_with("journal")), "{strange:?}");
    bench.succeeds(&format!("{copy} --resume --verify"));

    let pyramid = "downsample vol --scales 2 --memory 2M --jobs 1 --journal journal";
    let chunks = bench.path("vol/2_2_1");
    let output = interrupt(&bench, pyramid, "-TERM", || files(&chunks).len() > 20);
    assert_interrupted(&output, 128 + 15, "--resume");
    bench.succeeds("verify vol --deep");
    bench.succeeds(&format!("{pyramid} --resume"));
    assert_eq!(bench.succeeds("missing vol --scale 2"), "");
    bench.succeeds("verify vol --deep");
}

#[test]
fn an_interrupted_write_and_cutout_leave_no_temporary_file() {
    let Some(bench) = Bench::new() else { return };
    // 8 MiB that npy describes.
    let voxels: Vec<u8> = (0..8_u32 << 20).map(|n| n.to_le_bytes()[1] | 1).collect();
    bench.npy("in.npy", "|u1", "256, 256, 128", &voxels);
    bench.succeeds("create vol --size 256,256,128 --dtype uint8 --chunk 16,16,16");
    let chunks = bench.path("vol/1_1_1");
    let line = "write vol in.npy --at 0,0,0";
    let output = interrupt(&bench, line, "-INT", || files(&chunks).len() > 20);
    assert_interrupted(&output, 130, "run the same command again to finish");
    assert_eq!(leftovers(&bench.path("")), [] as [String; 0]);
    bench.succeeds(line);

    // A box far larger than the volume, so that it takes a while.
    fs::write(bench.path("out.npy"), "of before").expect("written");
    let line = "cutout vol --box 0:100000,0:100000,0:256 --fill 1 --memory 64M -o out.npy";
    let has_begun = || !leftovers(&bench.path("")).is_empty();
    let output = interrupt(&bench, line, "-INT", has_begun);
    assert_interrupted(&output, 130, "what was there before stays");
    assert_eq!(leftovers(&bench.path("")), [] as [String; 0]);
    assert_eq!(fs::read(bench.path("out.npy")).expect("a file"), b"of before");
    bench.succeeds("cutout vol -o out.npy");
    assert!(payload(&bench.path("out.npy")) == voxels);
}

#[test]
fn an_interrupted_check_of_a_store_removes_what_it_wrote() {
    let Some(bench) = Bench::new() else { return };
    let store = bench.path("store");
    let output = interrupt(&bench, "check-store store", "-INT", || !files(&store).is_empty());
    assert_interrupted(&output, 130, "run the same command again");
    assert_eq!(files(&store), [] as [String; 0]);
}

#[test]
fn an_interrupted_demo_begins_anew() {
    let Some(bench) = Bench::new() else { return };
    let database = bench.path("bigarrays-demo/demo.db");
    let output = interrupt(&bench, "demo", "-INT", || database.exists());
    assert_interrupted(&output, 130, "begins anew");
    let temporary =
        files(&bench.path("bigarrays-demo")).into_iter().filter(|name| name.contains("demo/."));
    assert_eq!(temporary.collect::<Vec<_>>(), [] as [String; 0]);
    bench.succeeds("demo");
}

#[test]
fn commands_that_hold_nothing_end_at_once() {
    let Some(bench) = Bench::new() else { return };
    // Nobody writes into the pipe, so these wait.
    let made = Command::new("mkfifo").arg(bench.path("pipe")).status().expect("mkfifo is there");
    assert!(made.success());
    for line in ["points vol --from pipe", "create vol --info pipe"] {
        let is_waiting = |child: &Child| {
            // It opens the pipe when it listens already.
            let tasks = fs::read_dir(format!("/proc/{}/task", child.id()));
            tasks.is_ok_and(|tasks| tasks.count() > 1)
        };
        let mut child = start(&bench, line);
        while !is_waiting(&child) {
            assert!(child.try_wait().expect("asked").is_none(), "{line}: ended too early");
            look_again();
        }
        send(&child, "-INT");
        let output = child.wait_with_output().expect("ends");
        assert_interrupted(&output, 130, "run the same command again");
    }
}

/// Stops a call, or breaks it, after some chunks.
struct After {
    left: AtomicU64,
    panics: bool,
}

impl After {
    fn watching(count: u64, panics: bool) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(count), panics })
    }
}

impl Progress for After {
    fn advance(&self, chunks: u64, _: u64) {
        let left = self.left.load(Ordering::SeqCst).saturating_sub(chunks);
        self.left.store(left, Ordering::SeqCst);
        assert!(!self.panics || left > 0, "as told");
    }
    fn is_cancelled(&self) -> bool {
        !self.panics && self.left.load(Ordering::SeqCst) == 0
    }
}

#[test]
fn a_stopped_or_broken_write_leaves_no_temporary_and_no_lock() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path().display();
    let mut urls = vec![format!("file://{dir}/tree"), format!("sqlite://{dir}/x.db")];
    if cfg!(feature = "rocksdb") {
        urls.push(format!("rocksdb://{dir}/rocks"));
    }
    if cfg!(feature = "hdf5") {
        urls.push(format!("h5://{dir}/cuboids?block=32,32,32"));
    }
    let voxels = Array4::<u8>::ones((64, 64, 64, 1).f());
    for url in urls {
        let info = VolumeInfo::builder(DataType::Uint8, [64; 3]).chunk_size([16; 3]).build();
        let array = bigarrays::create(&url, info.expect("a description")).expect("a volume");
        let stopped = array.clone().with_progress(After::watching(3, false));
        let result = stopped.write([0; 3], voxels.view());
        assert!(matches!(result, Err(Error::Cancelled) | Ok(())), "{url}: {result:?}");
        let broken = array.clone().with_progress(After::watching(3, true));
        let write = AssertUnwindSafe(|| broken.write([0; 3], voxels.view()));
        assert!(catch_unwind(write).is_err(), "{url}");
        assert_eq!(leftovers(Path::new(&format!("{dir}/tree"))), [] as [String; 0]);
        drop((array, stopped, broken));

        // Another handle writes at once, and all is there.
        let again = bigarrays::open(&url).expect("opens");
        again.write([0; 3], voxels.view()).expect("no lock is left");
        assert_eq!(again.read::<u8>(again.bounds()).expect("reads"), voxels);
        let keys = wait(again.backend().list_all(&Prefix::root())).expect("lists");
        assert_eq!(keys.len(), 65, "{url}: {keys:?}");
    }
}
