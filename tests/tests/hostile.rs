//! The corpus of the fuzz targets, replayed: what other programs wrote, what a fuzzer found, and
//! damage done to both by rule.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test helpers may fail a test and tell why"
)]

use std::fs;
use std::path::PathBuf;

use bigarrays_tests::hostile::{Entry, Outcome, TARGETS, chunk, run};
use bigarrays_tests::{repository, skipped};

/// Damaged inputs for a target: together a few seconds' work without optimisation.
fn damaged_inputs(target: &str) -> usize {
    // A JPEG XL image takes a hundred times as long as others of its size.
    if target == "jxl" { 300 } else { 3000 }
}

/// An input, named when it breaks a promise.
struct Input {
    name: String,
    bytes: Vec<u8>,
}

impl Input {
    /// A fuzzer names what it finds by its SHA-1; all others are seeds.
    fn is_seed(&self) -> bool {
        self.name.len() != 40 || !self.name.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// Tells what was running when a promise broke.
struct Running<'a>(&'a str, &'a Input, &'a str);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Self(target, Input { name, bytes }, damage) = self;
        if std::thread::panicking() {
            println!("this input broke a promise: {target}/{name}{damage}");
            println!("{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        }
    }
}

fn corpus(target: &str) -> Vec<Input> {
    let folder: PathBuf = repository().join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .map(|path| Input {
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            bytes: fs::read(&path).expect("read"),
        })
        .collect();
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(inputs.len() >= 5, "{target} has {} inputs", inputs.len());
    inputs
}

/// Replays a target's inputs, then its seeds cut short and with single bytes changed.
fn replay(target: &str) {
    let inputs = corpus(target);
    if let Some((_, Entry::Absent(feature))) = TARGETS.iter().find(|(name, _)| *name == target) {
        return skipped(&format!("{target}: this build is without the feature {feature:?}"));
    }
    for input in &inputs {
        let _running = Running(target, input, "");
        run(target, &input.bytes);
    }
    let seeds: Vec<_> = inputs.into_iter().filter(Input::is_seed).collect();
    let each = damaged_inputs(target) / seeds.len();
    for seed in &seeds {
        let len = seed.bytes.len();
        let cuts = each / 4;
        for cut in spread(len, cuts) {
            damaged(target, seed, &format!(" cut to {cut} bytes"), |bytes| bytes.truncate(cut));
        }
        for (turn, at) in spread(len, each - cuts).enumerate() {
            let flip = [0xff, 0x01, 0x80, 0x10][turn % 4];
            let what = format!(" with byte {at} changed by {flip:#x}");
            damaged(target, seed, &what, |bytes| bytes[at] ^= flip);
        }
    }
}

/// At most `count` places below `len`, spread evenly.
fn spread(len: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(len);
    (0..count).map(move |index| index * len / count)
}

fn damaged(target: &str, seed: &Input, what: &str, damage: impl FnOnce(&mut Vec<u8>)) {
    let mut input = Input { name: seed.name.clone(), bytes: seed.bytes.clone() };
    damage(&mut input.bytes);
    let _running = Running(target, &input, what);
    run(target, &input.bytes);
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn every_target_is_replayed_and_has_a_program() {
            let replayed = [$(stringify!($target)),*];
            assert_eq!(TARGETS.map(|(name, _)| name), replayed);
            for target in replayed {
                let program = format!("fuzz/fuzz_targets/{target}.rs");
                let text = fs::read_to_string(repository().join(&program)).expect(&program);
                assert!(text.contains(&format!("{target:?}")), "{program} runs another target");
            }
        }
    };
}

targets! {
    raw jpeg png jxl compressed_segmentation compresso crackle fpzip kempressed zfpc gzip zstd
    blosclz round_trip transport shard info chunk_name
    key url old_layout arguments import_npy import_tiff import_nifti import_png sqlite
    h5_file h5_config h5_name sections
    http_answer s3_answer s3_credentials gcs_answer gcs_credentials
}

#[test]
fn what_other_programs_wrote_is_read() {
    let mut wrong = Vec::new();
    for (target, entry) in TARGETS {
        let Entry::Chunk(encoding) = entry else { continue };
        for seed in corpus(target).into_iter().filter(Input::is_seed) {
            let _running = Running(target, &seed, "");
            // Some are made to be refused.
            let is_refused = seed.name.starts_with("refused-");
            let wanted = if is_refused { Outcome::Refused } else { Outcome::Decoded };
            match chunk(encoding, &seed.bytes) {
                Outcome::Unsupported => skipped(&format!("{target}/{}: not supported", seed.name)),
                found if found != wanted => wrong.push(format!("{target}/{}", seed.name)),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "not as wanted: {wrong:#?}");
}
