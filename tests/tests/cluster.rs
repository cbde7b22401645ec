//! A distributed engine that loses a storage node and its leader while processes write and read.
#![cfg(feature = "s3")]
#![expect(clippy::expect_used, reason = "test helpers may fail a test")]

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bigarrays::ndarray::Array4;
use bigarrays::{BigArray, OnMissing, OpenOptions};
use bigarrays_tests::keys::keys;
use bigarrays_tests::matrix::Random;
use bigarrays_tests::{command, python, repository, shared, text};

/// What a process of the test is to do: the local volume, the remote one, and its part.
const WORK: &str = "BIGARRAYS_TEST_CLUSTER_WORK";
const WORKERS: usize = 4;
/// Voxels along x and y of the volume, and of a box that is written at once.
const SIDE: i64 = 512;
const BOX: [i64; 3] = [128, 128, 64];

fn open(url: &str) -> BigArray {
    let options = OpenOptions::new().array(|array| array.on_missing(OnMissing::Error));
    options.open(url).expect("the volume opens")
}

fn read(array: &BigArray, min: [i64; 3], size: [i64; 3]) -> Array4<u32> {
    let range = |axis: usize| min[axis]..min[axis] + size[axis];
    array.read::<u32>([range(0), range(1), range(2)]).expect("the box is read")
}

/// Not a test when run by hand: one of the processes that know the keys of the cluster.
#[test]
fn a_worker_of_the_cluster_does_its_work() {
    let Ok(work) = env::var(WORK) else { return };
    let [local, remote, part] = work.split(' ').collect::<Vec<_>>()[..] else { return };
    let source = open(local);
    match part {
        "create" => {
            OpenOptions::new().create(remote, source.info().clone()).expect("it is created");
        }
        "check" => check(&source, &open(remote)),
        number => write(&source, &open(remote), number.parse().expect("a number")),
    }
}

/// Writes the slices of one process, box after box, and cuts out of what it wrote.
#[expect(clippy::print_stdout, reason = "the test reads it")]
fn write(local: &BigArray, remote: &BigArray, number: i64) {
    let mut random = Random::new(&format!("worker {number}"));
    let mut written: Vec<[i64; 3]> = Vec::new();
    let depth = SIDE / 4;
    for z in (number * depth..(number + 1) * depth).step_by(64) {
        for y in (0..SIDE).step_by(128) {
            for x in (0..SIDE).step_by(128) {
                let at = [x, y, z];
                remote.write(at, read(local, at, BOX).view()).expect("the box is written");
                written.push(at);
                // Of something written earlier, not aligned to chunks.
                let seen = written[random.below(written.len())].map(|start| start + 3);
                let size = BOX.map(|size| size - 10);
                assert!(
                    read(remote, seen, size) == read(local, seen, size),
                    "a cutout of what was written is not what was written"
                );
                println!("wrote {}", written.len());
            }
        }
    }
}

fn check(local: &BigArray, remote: &BigArray) {
    for z in (0..SIDE).step_by(64) {
        let slab = [SIDE, SIDE, 64];
        assert!(
            read(remote, [0, 0, z], slab) == read(local, [0, 0, z], slab),
            "after the loss of two nodes the slices from {z} on are not what was written"
        );
    }
}

struct Cluster {
    python: PathBuf,
    dir: tempfile::TempDir,
}

impl Cluster {
    fn start(python: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let cluster = Self { python: python.to_owned(), dir };
        let output = cluster.servers("cluster").expect("the servers are started");
        assert!(output.status.success(), "{}", text(&output));
        cluster
    }

    fn servers(&self, what: &str) -> io::Result<Output> {
        let script = repository().join("tests/servers/servers.py");
        Command::new(&self.python).arg(script).arg(what).arg(self.dir.path()).output()
    }

    fn variable(&self, name: &str) -> String {
        let env = std::fs::read_to_string(self.dir.path().join("env")).expect("variables");
        let line = env.lines().find(|line| line.contains(name)).expect("the variable");
        line.split('\'').nth(1).expect("a value").to_owned()
    }

    /// A node is lost.
    fn kill(&self, name: &str) {
        let pid =
            std::fs::read_to_string(self.dir.path().join("pid").join(name)).expect("a process");
        let status = Command::new("kill").args(["-9", pid.trim()]).status().expect("kill runs");
        assert!(status.success(), "{name} was not running");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.servers("down");
    }
}

fn worker(local: &str, remote: &str, part: &str) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "a_worker_of_the_cluster_does_its_work", "--nocapture"])
        .env(WORK, format!("{local} {remote} {part}"))
        .envs(keys())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

fn succeeds(worker: Child) {
    let output = worker.wait_with_output().expect("the process ends");
    assert!(output.status.success(), "a process failed: {}", text(&output));
}

#[test]
fn a_cluster_that_loses_a_node_and_its_leader_loses_nothing_else() {
    let (Some(python), Some(program)) = (python(), command()) else { return };
    let Some(labels) = shared("data/labels_512_u32.npy.gz") else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let local = format!("file://{}/labels?durability=none", dir.path().display());
    let imported = Command::new(program)
        .arg("import")
        .arg(labels)
        .args([&local, "--type", "segmentation", "--encoding", "compressed_segmentation"])
        .output()
        .expect("the command runs");
    assert!(imported.status.success(), "{}", text(&imported));

    let cluster = Cluster::start(&python);
    let endpoint = cluster.variable("BIGARRAYS_CLUSTER_S3");
    let remote = format!("s3://vol/labels?endpoint={endpoint}&region=us-east-1");
    succeeds(worker(&local, &remote, "create"));
    let mut workers: Vec<Child> =
        (0..WORKERS).map(|number| worker(&local, &remote, &number.to_string())).collect();
    let outputs = workers.iter_mut().map(|worker| worker.stdout.take().expect("its output"));
    let mut outputs: Vec<_> = outputs.map(|output| BufReader::new(output).lines()).collect();
    for lines in &mut outputs {
        let own = lines.map_while(Result::ok).filter(|line| line.starts_with("wrote"));
        assert_eq!(own.take(4).count(), 4, "a process ended before it wrote four boxes");
    }
    cluster.kill("volume2");
    cluster.kill(&cluster.variable("BIGARRAYS_CLUSTER_LEADER"));
    std::thread::scope(|scope| {
        for lines in outputs {
            // Read to its end, so that no process waits for room.
            scope.spawn(move || lines.map_while(Result::ok).for_each(drop));
        }
        workers.into_iter().for_each(succeeds);
    });
    succeeds(worker(&local, &remote, "check"));
}
