//! `bigarrays import`, killed and run again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bigarrays::Cleaned;
use bigarrays_tests::matrix::Random;
use bigarrays_tests::{command, text};
use tempfile::TempDir;

use crate::kill::{note, rounds_or, seed};

const SHAPE: [u64; 3] = [128, 96, 64];
/// Many chunks, so that a kill hits many waves.
const CHUNK: [&str; 2] = ["--chunk", "32,16,32"];
const SHARDED: &str = "--sharded=preshift=2,minishard=1,shard=4";

/// An import under test.
struct Import<'a> {
    program: &'a Path,
    source: &'a Path,
    url: String,
    sharded: bool,
}

impl Import<'_> {
    fn command(&self) -> Command {
        let mut import = Command::new(self.program);
        let size = SHAPE.map(|length| length.to_string()).join(",");
        import.arg("import").arg(self.source).arg(&self.url);
        import.args(["--size", &size, "--dtype", "uint8", "--memory", "1M"]).args(CHUNK);
        if self.sharded {
            import.arg(SHARDED);
        }
        import
    }

    /// To its end; how long it took.
    fn run(&self) -> Duration {
        let begun = Instant::now();
        let output = self.command().output().expect("the command starts");
        assert!(output.status.success(), "{}: {}", self.url, text(&output));
        begun.elapsed()
    }

    /// Until it is killed, so long after it said what it reads. Tells whether it was still at work.
    fn kill(&self, after: Duration) -> bool {
        let mut child = self.command().stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
        let child = child.as_mut().expect("the command starts");
        let mut said = String::new();
        let mut output = BufReader::new(child.stderr.take().expect("its output"));
        output.read_line(&mut said).expect("it says what it reads");
        thread::sleep(after);
        child.kill().expect("it is killed");
        !child.wait().expect("its end").success()
    }

    fn check(&self, wanted: &[u8]) {
        let array = bigarrays::open(&self.url).expect("the volume opens");
        let missing = array.missing_chunks(array.bounds()).expect("it is looked for");
        assert!(missing.is_empty(), "{}: {} chunks are missing", self.url, missing.len());
        let voxels = array.read::<u8>(array.bounds()).expect("it is read");
        let found = voxels.into_raw_vec_and_offset().0;
        assert!(found == wanted, "{}: other voxels", self.url);
        drop(array);
        if let Cleaned::Files(_) =
            bigarrays::clean(&self.url, Duration::ZERO).expect("it is cleaned")
        {
            let left = bigarrays::leftovers(&self.url, Duration::ZERO).expect("it is counted");
            assert_eq!(left, Cleaned::Files(0));
        }
    }
}

/// A folder, in memory where that can be: syncs cost nothing there, and a kill does the same.
fn folder() -> TempDir {
    let in_memory = TempDir::new_in("/dev/shm");
    in_memory.or_else(|_| TempDir::new()).expect("a folder")
}

/// Every kind of volume: killed while it is made or filled, and filled to its end the second time.
pub(crate) fn kill_and_repeat() {
    let Some(program) = command() else { return };
    let seed = seed();
    let mut random = Random::new(&format!("imports of {seed}"));
    let dir = tempfile::tempdir().expect("a folder");
    let source = dir.path().join("source.raw");
    let len = usize::try_from(SHAPE.iter().product::<u64>()).expect("small");
    let bytes: Vec<u8> =
        (0..len).map(|_| u8::try_from(random.below(256)).expect("a byte")).collect();
    fs::write(&source, &bytes).expect("written");

    let mut stores =
        vec!["file://DIR/tree", "file://DIR/tree?durability=none", "sqlite://DIR/a.db"];
    if cfg!(feature = "rocksdb") {
        stores.push("rocksdb://DIR/database");
    }
    if cfg!(feature = "hdf5") {
        stores.push("h5://DIR/cuboids?block=64,64,64");
    }
    for store in stores {
        // Cuboid files have a layout of their own.
        for sharded in
            [false, true].into_iter().filter(|sharded| !sharded || !store.starts_with("h5"))
        {
            let (mut length, mut cut) = (None, 0);
            let rounds = rounds_or(1, 20);
            note(&format!("{rounds} imports into {store}, sharded: {sharded}, seed {seed}"));
            for _ in 0..=rounds {
                let dir = folder();
                let url = store.replace("DIR", &dir.path().display().to_string());
                let import = Import { program: &program, source: &source, url, sharded };
                if let Some(length) = length {
                    let length: Duration = length;
                    let most = usize::try_from(length.as_micros()).expect("not that long");
                    let after = u64::try_from(random.below(most.max(1))).expect("small");
                    cut += u64::from(import.kill(Duration::from_micros(after)));
                }
                let whole = import.run();
                length = Some(length.unwrap_or(whole));
                import.check(&bytes);
            }
            note(&format!("{store}, sharded: {sharded}: {cut} of {rounds} were cut short"));
        }
    }
}
