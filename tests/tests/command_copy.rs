//! `bigarrays copy` and `bigarrays plan`, as somebody types them.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use bigarrays_tests::bench::Bench;
use bigarrays_tests::keys::has_keys;
use bigarrays_tests::skipped;
use serde_json::Value;

const SIDE: usize = 96;

/// A volume of labels, 6 × 6 × 6 chunks, of which the last layer was never written.
fn labels() -> Option<Bench> {
    let bench = Bench::new()?;
    let label = |n: usize| u32::try_from(n % SIDE / 9 + n / SIDE % SIDE / 7 * 13 + n / 9000 * 29);
    let voxels: Vec<u8> =
        (0..SIDE * SIDE * 80).flat_map(|n| label(n).unwrap().to_le_bytes()).collect();
    fs::write(bench.path("source.raw"), voxels).unwrap();
    bench.succeeds("create vol --size 96,96,96 --dtype uint32 --chunk 16,16,16 --offset -5,7,100");
    bench.succeeds("import source.raw vol --size 96,96,80 --dtype uint32 --at -5,7,100");
    Some(bench)
}

fn voxels(bench: &Bench, volume: &str) -> Vec<u8> {
    bench.succeeds(&format!("cutout {volume} --output cut.raw"));
    fs::read(bench.path("cut.raw")).unwrap()
}

fn facts(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The stores of this build, and a server if one runs, in a chain that ends in files again.
fn chain(bench: &Bench) -> Vec<String> {
    let dir = bench.path("").display().to_string();
    let mut urls = vec![format!("sqlite://{dir}one.db")];
    if cfg!(feature = "rocksdb") {
        urls.push(format!("rocksdb://{dir}rocks"));
    }
    if cfg!(feature = "hdf5") {
        urls.push(format!("h5://{dir}cuboids"));
    }
    match std::env::var("BIGARRAYS_TEST_S3") {
        Ok(server) if cfg!(feature = "s3") => {
            let place = format!("copy-{}", std::process::id());
            urls.push(format!("s3://{server}/vol/{place}?region=us-east-1"));
        }
        Ok(_) => {}
        Err(_) => skipped("no server for S3 is running (BIGARRAYS_TEST_S3); run ./test.sh"),
    }
    urls.push("back".to_owned());
    urls
}

/// Starts a line and kills it some time later; whether it was still at work then.
fn is_killed(bench: &Bench, line: &str, later: Duration) -> bool {
    let mut child = Command::new(bigarrays_tests::command().unwrap())
        .args(line.split_whitespace())
        .current_dir(bench.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Any instant will do: nothing is waited for.
    thread::sleep(later);
    let was_at_work = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    was_at_work
}

#[test]
fn a_chain_of_copies_through_all_stores_killed_at_random_ends_with_the_same_voxels() {
    let name = "a_chain_of_copies_through_all_stores_killed_at_random_ends_with_the_same_voxels";
    if !has_keys(name) {
        return;
    }
    let Some(bench) = labels() else { return };
    let before = voxels(&bench, "vol");
    let urls = chain(&bench);
    let ways = [
        "--chunk 32,32,8 --sharded",
        "--encoding compressed_segmentation --unsharded",
        "--encoding raw --chunk 16,16,16",
        "--chunk 24,24,24 --compress gzip",
        "--chunk 16,16,16 --compress none",
    ];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut from = "vol".to_owned();
    let (mut kills, wanted) = (0, 20);
    for (stage, (url, options)) in urls.iter().zip(ways).enumerate() {
        let line = format!("copy {from} {url} {options} --memory 2M --jobs 1 --journal journal");
        let due = wanted * (stage + 1) / urls.len();
        // The longest that a copy is let live: less, if it was done before.
        let mut longest = 400_000;
        while kills < due {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let later = Duration::from_micros(random % longest);
            if is_killed(&bench, &format!("{line} --resume"), later) {
                kills += 1;
            } else {
                longest = (longest * 3 / 4).max(1000);
            }
        }
        let said = facts(&bench.succeeds(&format!("{line} --resume --verify --json")));
        assert_eq!(said["verified"], true, "{url}");
        from.clone_from(url);
    }
    assert!(kills >= wanted);
    assert!(voxels(&bench, &from) == before);
}

#[test]
fn a_plain_copy_has_the_very_files_and_no_others() {
    let Some(bench) = labels() else { return };
    bench.succeeds("copy vol twin --compress gzip");
    bench.succeeds("copy twin again");
    let files = |name: &str| {
        let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(bench.path(name).join("1_1_1"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort_unstable();
        files
    };
    let twin = files("twin");
    // The layer that was never written is not there.
    assert_eq!(twin.len(), 6 * 6 * 5);
    assert!(twin.iter().all(|(name, _)| Path::new(name).extension().is_some()));
    assert!(files("again") == twin);
    assert!(voxels(&bench, "again") == voxels(&bench, "vol"));
}

#[test]
fn shares_that_run_at_the_same_time_make_the_volume_of_one() {
    let Some(bench) = labels() else { return };
    bench.succeeds("copy vol one --chunk 32,32,16 --sharded=preshift=0,minishard=1,shard=9");
    thread::scope(|scope| {
        for part in 0..4 {
            let bench = &bench;
            scope.spawn(move || {
                bench.succeeds(&format!(
                    "copy vol four --chunk 32,32,16 --sharded=preshift=0,minishard=1,shard=9 --part {part}/4"
                ));
            });
        }
    });
    let names = |name: &str| {
        let mut names: Vec<_> = fs::read_dir(bench.path(name).join("1_1_1"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names("one"), names("four"));
    assert!(voxels(&bench, "four") == voxels(&bench, "vol"));
    let plan = facts(&bench.succeeds("plan vol five --chunk 32,32,16 --parts 4 --json"));
    let shares = plan["scales"][0]["shares"].as_array().unwrap();
    assert_eq!(shares.len(), 4);
    assert!(shares.iter().all(|share| share["tasks"].as_u64().unwrap() > 0), "{plan}");
    assert!(!bench.path("five").exists(), "a plan makes nothing");
}

/// Runs a copy and kills it once the target has so many values.
fn killed_after(bench: &Bench, line: &str, values: usize) -> bool {
    let mut child = Command::new(bigarrays_tests::command().unwrap())
        .args(line.split_whitespace())
        .current_dir(bench.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let place = bench.path("target").join("1_1_1");
    let is_over = loop {
        let count = fs::read_dir(&place).map_or(0, Iterator::count);
        if count >= values {
            break false;
        }
        if child.try_wait().unwrap().is_some() {
            break true;
        }
        thread::yield_now();
    };
    let _ = child.kill();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!is_over || status.success(), "{said}");
    is_over
}

#[test]
fn a_copy_that_is_killed_again_and_again_goes_on_and_ends_equal() {
    let Some(bench) = labels() else { return };
    let line =
        "copy vol target --chunk 8,8,8 --compress zstd --memory 300K --jobs 1 --journal journal";
    let mut kills = 0;
    for step in 1..=20 {
        let resume = if kills > 0 { " --resume" } else { "" };
        if killed_after(&bench, &format!("{line}{resume}"), step * 60) {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 15, "killed only {kills} times");
    bench.succeeds(&format!("{line} --resume --verify"));
    assert!(!bench.path("journal").exists(), "a copy that is done needs no journal");
    assert!(voxels(&bench, "target") == voxels(&bench, "vol"));
    let leftovers = fs::read_dir(bench.path("target").join("1_1_1")).unwrap();
    let names = leftovers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // What killed writers leave has a name that no listing shows.
    let is_known = |name: &String| name.ends_with(".zstd") || name.starts_with(".bigarrays-");
    let strange: Vec<String> = names.filter(|name| !is_known(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn what_a_copy_cannot_do_it_says_and_changes_nothing() {
    let Some(bench) = labels() else { return };
    bench.fails(1, "copy vol twin --box 0:500,8:9,100:101", &["not inside the volume"]);
    bench.fails(1, "copy vol twin --encoding jpeg", &["jpeg"]);
    bench.fails(2, "copy vol mem://twin", &["gone when this command ends"]);
    bench.fails(2, "copy vol twin --part 4/4", &["0/4"]);
    bench.fails(2, "plan vol twin --parts 0", &["--parts"]);
    bench.fails(1, "copy nothing twin", &["nothing"]);
    assert!(!bench.path("twin").exists());
    bench.succeeds("create other --size 96,96,96 --dtype uint8 --chunk 16,16,16 --offset -5,7,100");
    bench.fails(1, "copy vol other", &["uint8"]);
    bench.succeeds("copy vol twin");
    bench.fails(1, "copy vol twin --chunk 32,32,32", &["other chunks than the options say"]);
    fs::write(bench.path("journal"), "no journal").unwrap();
    bench.fails(1, "copy vol twin --resume --journal journal", &["is no journal", "--resume"]);
}

#[test]
fn a_box_becomes_a_volume_of_its_own_where_it_was() {
    let Some(bench) = labels() else { return };
    bench.succeeds("copy vol part --box 1:40,20:60,110:150 --chunk 16,16,16 --verify");
    let info = facts(&bench.succeeds("info part --json"));
    let scale = &info["info"]["scales"][0];
    assert_eq!(scale["voxel_offset"], serde_json::json!([1, 20, 110]), "{info}");
    bench.succeeds("cutout vol --box 1:40,20:60,110:150 --output a.raw");
    bench.succeeds("cutout part --output b.raw");
    assert!(fs::read(bench.path("a.raw")).unwrap() == fs::read(bench.path("b.raw")).unwrap());
    // Into a volume that is there, across its chunks.
    bench.succeeds("create big --size 96,96,96 --dtype uint32 --chunk 16,16,16 --offset -5,7,100");
    bench.fails(1, "copy part big", &["--unaligned"]);
    bench.succeeds("copy part big --unaligned --verify");
}
