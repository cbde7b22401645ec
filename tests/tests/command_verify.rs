//! `bigarrays verify`: damage is found in every store, and a check that was killed goes on.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use bigarrays_tests::bench::{Bench, ramp};
use bigarrays_tests::{command, text};
use serde_json::{Value, json};

/// A ramp of 20 x 10 x 6 voxels of uint8, uint32 and float32.
fn sources(bench: &Bench) {
    bench.npy("u8.npy", "|u1", "20, 10, 6", &ramp(1200));
    let wide: Vec<u8> =
        ramp(1200).into_iter().flat_map(|n| u32::from(n / 16).to_le_bytes()).collect();
    bench.npy("u32.npy", "<u4", "20, 10, 6", &wide);
    let real: Vec<u8> = ramp(1200).into_iter().flat_map(|n| f32::from(n).to_le_bytes()).collect();
    bench.npy("f32.npy", "<f4", "20, 10, 6", &real);
}

/// The keys that a check finds bad; it must end as it should.
fn bad(bench: &Bench, line: &str) -> Vec<String> {
    let output = bench.run(&format!("verify {line}"));
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let keys: Vec<String> =
        lines.lines().map(|line| line.split_once('\t').unwrap().0.to_owned()).collect();
    let status = i32::from(!keys.is_empty());
    assert_eq!(output.status.code(), Some(status), "{line}: {}", text(&output));
    keys
}

/// Changes a byte wherever a file of a folder has these bytes: pages of databases have some of
/// them twice, once where nobody looks. `false` if none has.
fn flip(folder: &Path, bytes: &[u8]) -> bool {
    let mut is_changed = false;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut content = fs::read(&path).unwrap();
        let mut from = 0;
        while let Some(at) = content[from..].windows(bytes.len()).position(|part| part == bytes) {
            content[from + at] ^= 1;
            from += at + 1;
        }
        if from > 0 {
            fs::write(&path, content).unwrap();
            is_changed = true;
        }
    }
    is_changed
}

/// The voxel with a number: noise.
fn voxel(n: u32) -> u8 {
    u8::try_from(n.wrapping_mul(n ^ 2_654_435_761) >> 24).unwrap()
}

#[test]
fn volumes_of_every_encoding_have_nothing_wrong() {
    let Some(bench) = Bench::new() else { return };
    sources(&bench);
    for (source, encodings) in [
        ("u8.npy", "raw jpeg png jxl compresso crackle gzip zstd blosclz"),
        ("u32.npy", "raw compressed_segmentation compresso crackle gzip zstd blosclz"),
        ("f32.npy", "raw fpzip kempressed zfpc gzip zstd blosclz"),
    ] {
        for encoding in encodings.split(' ') {
            for more in ["", "--compress gzip", "--sharded=preshift=1,minishard=1,shard=2"] {
                let options = format!("--chunk 8,8,4 --encoding {encoding} {more}");
                bench.succeeds(&format!("import {source} vol {options}"));
                let facts = bench.json("verify vol --deep --expect-complete");
                let scale = &facts["scales"][0];
                assert_eq!((&facts["ok"], &scale["stored"]), (&json!(true), &json!(12)));
                assert_eq!(bad(&bench, "vol"), [""; 0], "{encoding} {more}");
                bench.succeeds("rm vol --all");
            }
        }
    }
}

#[test]
fn a_flipped_byte_is_found_by_the_checksums_of_the_stores_that_keep_them() {
    let Some(bench) = Bench::new() else { return };
    let voxels: Vec<u8> = (0..64 * 64 * 64).map(voxel).collect();
    fs::write(bench.path("a.raw"), voxels).unwrap();
    let sharded = "--sharded=preshift=1,minishard=1,shard=1,data=raw";
    let mut stores = vec![("sqlite://here/x.db", "here", vec!["", sharded])];
    if cfg!(feature = "rocksdb") {
        // Its own blocks have checksums, too: that of the first shard has the info in it.
        stores.push(("rocksdb://rocks", "rocks", vec![""]));
    }
    for (url, folder, ways) in stores {
        for sharded in ways {
            fs::create_dir(bench.path(folder)).unwrap();
            let shape = "--size 64,64,64 --dtype uint8 --chunk 32,32,32";
            bench.succeeds(&format!("import a.raw {url} {shape} {sharded}"));
            // The first two rows of the chunk that begins at 32,0,0.
            let rows: Vec<u8> = (32..64).chain(96..128).map(voxel).collect();
            assert!(flip(&bench.path(folder), &rows), "{url} {sharded}");
            let key = if sharded.is_empty() { "1_1_1/32-64_0-32_0-32" } else { "1_1_1/0.shard" };
            let mut found = bad(&bench, &format!("{url} --deep"));
            // Of a small shard the same block holds indices, too.
            found.dedup();
            assert_eq!(found, [key], "{url} {sharded}");
            if url.starts_with("sqlite") {
                if sharded.is_empty() {
                    assert_eq!(bad(&bench, url), [""; 0]);
                }
                assert_eq!(bad(&bench, &format!("{url}?checksums=false --deep")), [""; 0]);
            }
            fs::remove_dir_all(bench.path(folder)).unwrap();
        }
    }
    fs::create_dir(bench.path("here")).unwrap();
    bench.fails(1, "verify sqlite://here/x.db?checksums=maybe", &["true or false"]);
}

/// Bytes of a file that change while its time does not, as on a disk that loses them.
#[test]
fn bytes_that_a_disk_lost_are_found_where_checksums_were_asked_for() {
    let Some(bench) = Bench::new() else { return };
    bench.npy("a.npy", "|u1", "20, 10, 6", &ramp(1200));
    let url = format!("file://{}?checksums=true", bench.path("vol").display());
    bench.succeeds(&format!("import a.npy {url} --chunk 8,8,4"));
    assert!(bench.path("vol/.sums/1_1_1/8-16_0-8_0-4").exists());
    let path = bench.path("vol/1_1_1/8-16_0-8_0-4");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[77] ^= 8;
    fs::write(&path, bytes).unwrap();
    fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(bad(&bench, &format!("{url} --deep")), ["1_1_1/8-16_0-8_0-4"]);
    bench.fails(1, &format!("cutout {url} -o x.npy"), &["CRC32C", "8-16_0-8_0-4"]);
    assert_eq!(bad(&bench, "vol --deep"), [""; 0], "who asks for no checksums gets none");
    // Whoever overwrites it leaves nothing to be compared.
    bench.succeeds("import a.npy vol");
    assert_eq!(bad(&bench, &format!("{url} --deep")), [""; 0]);
    bench.succeeds(&format!("rm {url} --all"));
    assert!(!bench.path("vol/.sums/1_1_1").exists());
    if cfg!(feature = "hdf5") {
        bench.fails(1, "info h5://there?checksums=true", &["no place for checksums"]);
    }
}

#[test]
fn damaged_files_are_told_one_a_line_in_the_order_of_their_keys() {
    let Some(bench) = Bench::new() else { return };
    bench.npy("a.npy", "|u1", "20, 10, 6", &ramp(1200));
    bench.succeeds("import a.npy vol --chunk 8,8,4 --encoding gzip");
    let file = |name: &str| bench.path("vol/1_1_1").join(name);
    let whole = fs::read(file("0-8_0-8_0-4")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(file("0-8_0-8_0-4"), &flipped).unwrap();
    fs::write(file("8-16_0-8_0-4"), &whole[..whole.len() - 9]).unwrap();
    fs::write(file("16-20_0-8_0-4"), &whole).unwrap();
    fs::rename(file("0-8_8-10_0-4"), file("0-8_8-16_0-4")).unwrap();
    fs::write(file("notes.txt"), "mine").unwrap();
    let keys = ["0-8_0-8_0-4", "0-8_8-16_0-4", "16-20_0-8_0-4", "8-16_0-8_0-4"];
    let keys = keys.map(|name| format!("1_1_1/{name}"));
    assert_eq!(bad(&bench, "vol --deep"), keys);
    assert_eq!(bad(&bench, "vol --deep --scale 1_1_1 --memory 1K"), keys);
    assert_eq!(bad(&bench, "vol"), keys[1..2]);
    let output = bench.run("verify vol --deep --json");
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    let scale = &facts["scales"][0];
    assert_eq!((&facts["ok"], &facts["deep"]), (&json!(false), &json!(true)));
    assert_eq!(scale["bad"].as_array().unwrap().len(), 4);
    assert_eq!(scale["bad"][1]["key"], keys[1]);
    assert_eq!((&scale["stored"], &scale["missing"]), (&json!(11), &json!(1)));
    assert_eq!(scale["foreign_keys"], json!(["1_1_1/notes.txt"]));
    bench.fails(1, "verify vol --deep", &["4 things are wrong in vol", "1 other keys"]);
    bench.fails(1, "verify vol --expect-complete", &["2 things are wrong", "--deep"]);
    bench.fails(1, "verify nowhere", &["no such store"]);
    bench.fails(1, "verify vol --scale 7", &["no scale 7"]);
    let cached = format!("verify file://{}?cache=kept", bench.path("vol").display());
    bench.fails(2, &cached, &["leave it out"]);
}

#[test]
fn every_scale_is_checked_unless_one_is_chosen() {
    let Some(bench) = Bench::new() else { return };
    let info = r#"{"type": "image", "data_type": "uint8", "num_channels": 1, "scales": [
        {"key": "4_4_40", "size": [4, 3, 2], "resolution": [4, 4, 40], "chunk_sizes": [[4, 4, 4]], "encoding": "raw"},
        {"key": "8_8_40", "size": [2, 2, 2], "resolution": [8, 8, 40], "chunk_sizes": [[4, 4, 4]], "encoding": "raw"}]}"#;
    fs::write(bench.path("my.json"), info).unwrap();
    bench.succeeds("create vol --info my.json");
    for key in ["4_4_40/0-4_0-3_0-2", "8_8_40/0-2_0-2_0-2"] {
        let path = bench.path("vol").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "short").unwrap();
    }
    assert_eq!(bad(&bench, "vol"), ["4_4_40/0-4_0-3_0-2", "8_8_40/0-2_0-2_0-2"]);
    assert_eq!(bad(&bench, "vol --scale all").len(), 2);
    assert_eq!(bad(&bench, "vol --scale 8,8,40"), ["8_8_40/0-2_0-2_0-2"]);
}

/// A volume of several checkpoints, with damage in the first and the last of them.
fn large(bench: &Bench) {
    let voxels: Vec<u8> = (0..120 * 120 * 40).map(voxel).collect();
    fs::write(bench.path("a.raw"), voxels).unwrap();
    bench
        .succeeds("import a.raw vol --size 120,120,40 --dtype uint8 --chunk 6,6,6 --encoding gzip");
    for name in ["0-6_0-6_0-6", "114-120_114-120_36-40"] {
        let path = bench.path("vol/1_1_1").join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(path, &whole[..whole.len() - 12]).unwrap();
    }
}

#[test]
fn a_check_that_was_killed_goes_on_and_tells_the_same() {
    let Some(bench) = Bench::new() else { return };
    large(&bench);
    let line = "vol --deep --json";
    let once = bench.run(&format!("verify {line}")).stdout;
    let journal = bench.path("journal");
    let line = format!("verify {line} --resume journal");
    let mut was_killed = 0;
    // However far each has come: it is killed as soon as its journal has something new.
    let mut last = Vec::new();
    loop {
        let mut child = Command::new(command().unwrap())
            .args(line.split_whitespace())
            .current_dir(bench.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let is_done = loop {
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            let now = fs::read(&journal).unwrap_or_default();
            if !now.is_empty() && now != last && !contains(&now, b"\"at\":null") {
                last = now;
                child.kill().unwrap();
                break false;
            }
        };
        let output = child.wait_with_output().unwrap();
        if is_done || output.status.code().is_some() {
            assert_eq!(output.stdout, once);
            break;
        }
        was_killed += 1;
        let kept: Value = serde_json::from_slice(&fs::read(&journal).unwrap()).unwrap();
        assert_eq!(kept["at"]["bad"][0]["key"], "1_1_1/0-6_0-6_0-6");
    }
    assert!(!journal.exists(), "it was killed {was_killed} times");
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_journal_of_something_else_is_refused_and_left_as_it_is() {
    let Some(bench) = Bench::new() else { return };
    large(&bench);
    bench.npy("a.npy", "|u1", "20, 10, 6", &ramp(1200));
    bench.succeeds("import a.npy other --chunk 8,8,4");
    let store = |name: &str| format!("file://{}/1_1_1/", bench.path(name).display());
    let journal = |change: &dyn Fn(&mut Value)| {
        let scale = json!({
            "key": "1_1_1", "size": [20, 10, 6], "voxel_offset": [0, 0, 0],
            "chunk_size": [8, 8, 4], "encoding": "raw", "sharding": null
        });
        let mut journal = json!({
            "journal": "bigarrays verify 1",
            "of": {
                "url": "other", "store": store("other"),
                "volume": { "voxels": ["uint8", 1], "scales": [scale] },
                "deep": true, "expect_complete": false, "scales": [0],
            },
            "finished": [],
            "at": { "done": 1, "next": [0, 0, 1], "chunks": 0, "bytes": 5,
                    "bad": [{ "key": "1_1_1/0-8_0-8_0-4", "what": "found before" }] },
        });
        change(&mut journal);
        fs::write(bench.path("journal"), journal.to_string()).unwrap();
    };
    journal(&|_| ());
    let line = "other --deep --resume journal";
    assert_eq!(bad(&bench, line), ["1_1_1/0-8_0-8_0-4"], "what was found before is told");
    assert!(!bench.path("journal").exists());
    assert_eq!(bad(&bench, line), [""; 0], "it is done, and the next begins anew");
    for (change, words) in [
        (&(|_: &mut Value| ()) as &dyn Fn(&mut Value), ["another volume", "other"]),
        (&|journal| journal["journal"] = json!("bigarrays verify 9"), ["no journal", "version"]),
        (&|journal| *journal = json!("text"), ["no journal", "journal"]),
    ] {
        journal(change);
        let before = fs::read(bench.path("journal")).unwrap();
        bench.fails(1, "verify vol --deep --resume journal", &words);
        assert_eq!(fs::read(bench.path("journal")).unwrap(), before);
    }
    for (change, words) in [
        (
            &(|journal: &mut Value| journal["of"]["volume"]["scales"][0]["encoding"] = json!("png"))
                as &dyn Fn(&mut Value),
            ["another volume", "description"],
        ),
        (&|journal| journal["of"]["deep"] = json!(false), ["another check", "deep"]),
        (&|journal| journal["at"]["next"] = json!([0]), ["damaged", "journal"]),
    ] {
        journal(change);
        bench.fails(1, "verify other --deep --resume journal", &words);
    }
    bench.fails(1, "verify other --resume no/folder/journal", &["no/folder/journal"]);
}
