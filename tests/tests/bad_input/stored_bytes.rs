//! Stored bytes that are damaged, or not what they should be.

use std::fs;
use std::path::Path;

use bigarrays_tests::bench::{Bench, ramp};

use super::{Case, fails};

/// One damage: what it is, how the volume is made, which file is damaged, by what, and the line that
/// finds it.
type Damage = (&'static str, &'static str, &'static str, fn(&mut Vec<u8>), &'static str);

const CUT: &str = "cutout VOL --box 0:4,0:4,0:4 -o out.npy";
/// A chunk of it has 2^62 bytes.
const HUGE: &str = r#"{"type": "image", "data_type": "uint8", "num_channels": 1, "scales": [{"key": "1_1_1",
    "size": [4611686018427387904, 16, 16], "resolution": [1, 1, 1], "encoding": "raw",
    "chunk_sizes": [[4611686018427387904, 1, 1]]}]}"#;
const CHUNK: &str = "1_1_1/0-8_0-8_0-8";
const INFO: &str = "info VOL";

fn halve(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() / 2);
}

fn replace(bytes: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(bytes)).expect("text");
    assert!(text.contains(from), "{from:?} is not in {text}");
    *bytes = text.replace(from, to).into_bytes();
}

const TABLE: [Damage; 22] = [
    ("An empty description", "", "info", Vec::clear, INFO),
    ("A description cut short", "", "info", halve, INFO),
    (
        "A description that is something else",
        "",
        "info",
        |b| *b = b"<html>404</html>".to_vec(),
        INFO,
    ),
    (
        "A description of meshes",
        "",
        "info",
        |b| *b = b"{\"@type\": \"neuroglancer_legacy_mesh\"}".to_vec(),
        INFO,
    ),
    ("A description whose type is unknown", "", "info", |b| replace(b, "uint8", "uint12"), CUT),
    (
        "A description with chunks that are too large",
        "",
        "info",
        |b| *b = HUGE.as_bytes().to_vec(),
        CUT,
    ),
    ("A raw chunk cut short", "", CHUNK, halve, CUT),
    ("A raw chunk that is too long", "", CHUNK, |b| b.push(0), CUT),
    (
        "A compressed chunk that is not compressed",
        "--compress gzip",
        "1_1_1/0-8_0-8_0-8.gz",
        |b| *b = b"plain".to_vec(),
        CUT,
    ),
    ("A compressed chunk cut short", "--compress gzip", "1_1_1/0-8_0-8_0-8.gz", halve, CUT),
    (
        "A compressed_segmentation chunk cut short",
        "--encoding compressed_segmentation",
        CHUNK,
        halve,
        CUT,
    ),
    (
        "A compressed_segmentation chunk that points outside",
        "--encoding compressed_segmentation",
        CHUNK,
        |b| b[4..12].fill(0xff),
        CUT,
    ),
    ("A JPEG chunk that is none", "--encoding jpeg", CHUNK, |b| *b = b"no picture".to_vec(), CUT),
    ("A JPEG chunk cut short", "--encoding jpeg", CHUNK, halve, CUT),
    ("A PNG chunk with a wrong checksum", "--encoding png", CHUNK, |b| b[20] ^= 1, CUT),
    ("A PNG chunk cut short", "--encoding png", CHUNK, halve, CUT),
    ("A compresso chunk that is none", "--encoding compresso", CHUNK, |b| b[0] = b'x', CUT),
    ("A crackle chunk cut short", "--encoding crackle", CHUNK, halve, CUT),
    (
        "A shard that ends within its index",
        "--sharded=preshift=3,minishard=1,shard=0",
        "1_1_1/0.shard",
        |b| b.truncate(10),
        CUT,
    ),
    (
        "A shard that ends within its chunks",
        "--sharded=preshift=3,minishard=1,shard=0",
        "1_1_1/0.shard",
        halve,
        CUT,
    ),
    (
        "A shard whose index points outside",
        "--sharded=preshift=3,minishard=1,shard=0",
        "1_1_1/0.shard",
        |b| b[8..16].fill(0x7f),
        CUT,
    ),
    (
        "A shard whose minishard index is damaged",
        "--sharded=preshift=3,minishard=1,shard=0",
        "1_1_1/0.shard",
        |b| {
            let from = b.len() - 20;
            b[from..].fill(0xaa);
        },
        CUT,
    ),
];

pub(super) fn cases(bench: &Bench) -> Vec<Case> {
    bench.npy("segments.npy", "<u4", "16, 16, 16", &ramp(16 * 16 * 16 * 4));
    bench.npy("image.npy", "|u1", "16, 16, 16", &ramp(16 * 16 * 16));
    let mut cases: Vec<Case> = TABLE
        .iter()
        .enumerate()
        .map(|(n, (what, options, file, damage, line))| {
            let volume = format!("damaged-{n}");
            let is_segments =
                ["segmentation", "compresso", "crackle"].iter().any(|name| options.contains(name));
            let source = if is_segments { "segments.npy" } else { "image.npy" };
            bench.succeeds(&format!("import {source} {volume} --chunk 8,8,8 {options}"));
            change(&bench.path(&volume).join(file), *damage);
            fails(bench, what, &line.replace("VOL", &volume))
        })
        .collect();
    bench.succeeds("import image.npy sqlite://stored.db --chunk 8,8,8");
    change(&bench.path("stored.db"), |bytes| bytes[4096..].fill(0xaa));
    cases.push(fails(
        bench,
        "A database of which pages are damaged",
        "cutout sqlite://stored.db -o out.npy",
    ));
    cases
}

fn change(path: &Path, damage: fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    damage(&mut bytes);
    fs::write(path, bytes).expect("written");
}
