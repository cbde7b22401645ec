//! Volumes to files of other programs, and defaults of options.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use std::fs;
use std::process::Command;

use bigarrays_tests::bench::{Bench, ramp};
use bigarrays_tests::{command, python, run_python};

const TYPES: [(&str, usize); 10] = [
    ("uint8", 1),
    ("int8", 1),
    ("uint16", 2),
    ("int16", 2),
    ("uint32", 4),
    ("int32", 4),
    ("uint64", 8),
    ("int64", 8),
    ("float32", 4),
    ("float64", 8),
];

/// A volume of 20 × 18 × 11 voxels whose chunks do not fit evenly.
fn volume(bench: &Bench, dtype: &str, bytes: usize, channels: usize) -> Vec<u8> {
    let voxels = ramp(20 * 18 * 11 * channels * bytes);
    fs::write(bench.path("source.raw"), &voxels).unwrap();
    bench.succeeds(&format!(
        "import source.raw vol-{dtype}-{channels} --size 20,18,11,{channels} --dtype {dtype} \
         --chunk 8,8,4 --offset -3,5,100 --resolution 8,8,40"
    ));
    voxels
}

#[test]
fn what_is_exported_comes_back_from_every_format_in_little_memory() {
    let Some(bench) = Bench::new() else { return };
    let mut files = vec!["a.npy", "a.tif", "a.nii", "a.nii.gz"];
    if cfg!(feature = "hdf5") {
        files.push("a.h5");
    }
    for (dtype, bytes) in TYPES {
        let voxels = volume(&bench, dtype, bytes, 1);
        let is_image = ["uint8", "uint16"].contains(&dtype);
        for file in files.iter().copied().chain(is_image.then_some("pages/")) {
            bench.succeeds(&format!("export vol-{dtype}-1 {file} --memory 10K"));
            bench.succeeds(&format!("import {file} back"));
            bench.succeeds("cutout back back.raw");
            assert!(fs::read(bench.path("back.raw")).unwrap() == voxels, "{dtype}, {file}");
            let info = bench.json("info back");
            let resolution = &info["info"]["scales"][0]["resolution"];
            if file.contains(".nii") || file.contains(".h5") {
                assert_eq!(*resolution, serde_json::json!([8, 8, 40]), "{file}");
            }
            bench.succeeds("rm back --all");
            let path = bench.path(file);
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn colours_are_channels_in_every_format_that_has_them() {
    let Some(bench) = Bench::new() else { return };
    let voxels = volume(&bench, "uint8", 1, 3);
    let mut files = vec!["a.tif", "pages/", "a.npy", "a.nii"];
    if cfg!(feature = "hdf5") {
        files.push("a.h5");
    }
    for file in files {
        bench.succeeds(&format!("export vol-uint8-3 {file} --memory 10K"));
        bench.succeeds(&format!("import {file} back"));
        bench.succeeds("cutout back back.raw");
        assert!(fs::read(bench.path("back.raw")).unwrap() == voxels, "{file}");
        bench.succeeds("rm back --all");
    }
    bench.succeeds("export vol-uint8-3 one.nii.gz --channel 1");
    bench.succeeds("import one.nii.gz back");
    bench.succeeds("cutout back back.raw");
    let plane = voxels.len() / 3;
    assert!(fs::read(bench.path("back.raw")).unwrap() == voxels[plane..2 * plane]);
}

#[test]
fn other_programs_read_what_is_exported() {
    let (Some(bench), Some(python)) = (Bench::new(), python()) else { return };
    volume(&bench, "uint16", 2, 1);
    for file in ["a.npy", "a.tif", "a.nii.gz", "pages/"] {
        bench.succeeds(&format!("export vol-uint16-1 {file}"));
    }
    if cfg!(feature = "hdf5") {
        bench.succeeds("export vol-uint16-1 a.h5");
    }
    run_python(&python, "exported.py", &[&bench.path("")]);
}

#[test]
fn what_cannot_be_exported_is_refused_and_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench, "float32", 4, 1);
    bench.succeeds("create long --size 40000,1,1 --dtype uint8");
    fs::create_dir(bench.path("full")).unwrap();
    fs::write(bench.path("full/mine"), "mine").unwrap();
    let before = bench.snapshot();
    bench.fails(1, "export vol-float32-1 pages/", &["uint8 or uint16"]);
    bench.fails(1, "export long a.nii", &["32767"]);
    bench.fails(1, "export vol-float32-1 a.bad", &[".nii.gz"]);
    bench.fails(2, "export vol-float32-1", &["FILE"]);
    bench.fails(1, "export vol-float32-1 nowhere/a.tif", &["nowhere"]);
    bench.fails(1, "export long full", &["holds something"]);
    assert!(bench.snapshot() == before);
}

fn said(bench: &Bench, line: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(command().unwrap())
        .args(line.split_whitespace())
        .envs(variables.iter().copied())
        .current_dir(bench.path(""))
        .output()
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn defaults_come_from_the_environment_and_else_from_the_users_file() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench, "uint8", 1, 1);
    let plan = "plan vol-uint8-1 other";
    let file = [("BIGARRAYS_CONFIG", "config.toml")];
    let both = [file[0], ("BIGARRAYS_MEMORY", "7M")];
    let text = "[all]\nmemory = \"5M\"\njson = true\n[plan]\nmemory = \"6M\"\n";
    fs::write(bench.path("config.toml"), text).unwrap();
    assert!(said(&bench, plan, &file).contains("\"memory\":6291456"));
    assert!(said(&bench, plan, &both).contains("\"memory\":7340032"));
    assert!(said(&bench, &format!("{plan} --memory 8M"), &both).contains("\"memory\":8388608"));
    assert!(said(&bench, "ls vol-uint8-1", &file).starts_with('{'));
    assert!(said(&bench, plan, &[("BIGARRAYS_CONFIG", "nowhere")]).contains("256.0 MiB"));
    for (text, words) in [
        ("[all]\nchunk = 5\n", "cannot have a default"),
        ("[copi]\nmemory = 5\n", "no command"),
        ("memory = 5\n", "table"),
        ("[all\n", "config.toml"),
        ("[all]\nmemory = [5]\n", "should be a text"),
        ("[all]\njson = \"perhaps\"\n", "true or false"),
    ] {
        fs::write(bench.path("config.toml"), text).unwrap();
        let said = said(&bench, plan, &file);
        assert!(said.contains(words), "{text}: {said}");
    }
}
