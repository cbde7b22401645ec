//! Coarser scales, counting, listing and describing, as somebody types them.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use bigarrays_tests::bench::Bench;
use bigarrays_tests::{command, python, run_python, shared};
use serde_json::{Value, json};

/// 4 × 4 × 2 chunks of numbers that say where they are; every fifth chunk is not stored.
fn volume() -> Option<(Bench, Vec<u16>)> {
    let bench = Bench::new()?;
    let mut voxels: Vec<u16> =
        (0..64_u32 * 64 * 16).map(|n| u16::try_from(n % 1009 * 3).unwrap()).collect();
    bench.succeeds("create vol --size 64,64,16 --dtype uint16 --chunk 16,16,8");
    let bytes: Vec<u8> = voxels.iter().flat_map(|voxel| voxel.to_le_bytes()).collect();
    fs::write(bench.path("source.raw"), bytes).unwrap();
    bench.succeeds("import source.raw vol --size 64,64,16 --dtype uint16");
    for chunk in (0..32).step_by(5) {
        let [x, y, z] = [chunk % 4 * 16, chunk / 4 % 4 * 16, chunk / 16 * 8];
        bench.succeeds(&format!("rm vol --box {x}:{},{y}:{},{z}:{}", x + 16, y + 16, z + 8));
        for (n, voxel) in voxels.iter_mut().enumerate() {
            let at = [n % 64, n / 64 % 64, n / 4096];
            let inside =
                |axis: usize, from: usize, len: usize| (from..from + len).contains(&at[axis]);
            if inside(0, x, 16) && inside(1, y, 16) && inside(2, z, 8) {
                *voxel = 0;
            }
        }
    }
    Some((bench, voxels))
}

#[test]
fn the_scales_of_labels_and_of_a_brain_equal_numpy_and_tinybrain() {
    let (Some(python), Some(command)) = (python(), command()) else { return };
    let data = shared("data").and_then(|data| data.parent().map(ToOwned::to_owned));
    run_python(&python, "pyramid.py", &[&command, &data.unwrap_or_default()]);
}

#[test]
fn counts_are_those_of_all_voxels_stored_or_not() {
    let Some((bench, voxels)) = volume() else { return };
    let said = bench.json("stats vol --histogram 7 --unique --labels labels.csv");
    let counted = &said["statistics"];
    let sum: u64 = voxels.iter().map(|&voxel| u64::from(voxel)).sum();
    assert_eq!(counted["sum"], sum.to_string());
    assert_eq!(counted["voxels"], voxels.len());
    assert_eq!(counted["absent"], 7 * 16 * 16 * 8);
    assert_eq!(counted["min"], 0);
    assert_eq!(counted["max"], voxels.iter().max().copied().unwrap());
    assert_eq!(counted["nonzero"], voxels.iter().filter(|&&voxel| voxel != 0).count());
    let count = f64::from(u32::try_from(voxels.len()).unwrap());
    let mean = voxels.iter().map(|&voxel| f64::from(voxel)).sum::<f64>() / count;
    let spread = voxels.iter().map(|&voxel| (f64::from(voxel) - mean).powi(2)).sum::<f64>();
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 1e-6;
    assert!(near(&counted["mean"], mean) && near(&counted["std"], (spread / count).sqrt()));
    let bins = counted["histogram"]["voxels"].as_array().unwrap();
    assert_eq!(bins.len(), 7);
    let in_bins: u64 = bins.iter().map(|bin| bin.as_u64().unwrap()).sum();
    assert_eq!(in_bins, voxels.len() as u64);
    assert_eq!(counted["unique"], 1009);
    let labels = fs::read_to_string(bench.path("labels.csv")).unwrap();
    assert_eq!(labels.lines().count(), 1009);
    let zeros = voxels.iter().filter(|&&voxel| voxel == 0).count();
    assert_eq!(labels.lines().next(), Some(format!("0,{zeros}").as_str()));
    let stored = bench.json("stats vol --stored");
    assert_eq!(stored["statistics"]["voxels"], voxels.len() - 7 * 16 * 16 * 8);
    bench.fails(1, "stats vol --unique --memory 1K", &["different values", "--memory"]);
    bench.fails(1, "stats vol --box 100:200,0:1,0:1", &["no voxel"]);
}

#[test]
fn what_is_stored_is_listed_and_added_up() {
    let Some((bench, _)) = volume() else { return };
    bench.succeeds("downsample vol --scales 1");
    let du = bench.json("du vol");
    let scales: Vec<u64> = du["scales"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scale| scale["values"].as_u64().unwrap())
        .collect();
    assert_eq!(scales, [25, 8]);
    assert_eq!(du["scales"][0]["bytes"], 25 * 16 * 16 * 8 * 2);
    fs::create_dir(bench.path("deep")).unwrap();
    fs::rename(bench.path("vol"), bench.path("deep/vol")).unwrap();
    assert_eq!(bench.succeeds("ls deep").trim(), "vol/");
    let listed = bench.json("ls deep");
    assert_eq!(
        listed["entries"],
        json!([{
            "name": "vol", "kind": "volume", "values": 34, "bytes": du["bytes"],
        }])
    );
    assert_eq!(bench.succeeds("ls deep/vol"), "1_1_1/\n2_2_1/\ninfo\n");
    assert_eq!(bench.succeeds("ls deep/vol --recursive").lines().count(), 34);
}

#[test]
fn a_description_is_changed_where_that_harms_nothing() {
    let Some((bench, _)) = volume() else { return };
    bench.succeeds("info set vol type=segmentation mesh=mesh owner=\"me\"");
    bench.succeeds("info set vol --scale 0 resolution=[8,8,40]");
    let info = &bench.json("info vol")["info"];
    assert_eq!(info["type"], "segmentation");
    assert_eq!((&info["mesh"], &info["owner"]), (&json!("mesh"), &json!("me")));
    assert_eq!(info["scales"][0]["resolution"], json!([8, 8, 40]));
    bench.succeeds("info set vol owner=");
    assert_eq!(bench.json("info vol")["info"].get("owner"), None);
    let before = bench.snapshot();
    bench.fails(1, "info set vol data_type=uint8", &["could not be read"]);
    bench.fails(1, "info set vol --scale 0 chunk_sizes=[[1,1,1]]", &["could not be read"]);
    bench.fails(2, "info set vol resolution=[1,1,1]", &["--scale"]);
    bench.fails(1, "info set vol --scale 0 resolution=[0,1,1]", &["resolution"]);
    bench.fails(2, "info set vol owner", &["NAME=VALUE"]);
    bench.fails(1, "info set nowhere a=b", &["nowhere"]);
    assert!(bench.snapshot() == before);
    bench.succeeds("info add-scale vol --factor 2,2,1 --chunk 8,8,8");
    assert_eq!(bench.json("info vol")["info"]["scales"][1]["chunk_sizes"], json!([[8, 8, 8]]));
    bench.succeeds("info lock vol --scale 0");
    bench.fails(1, "rm vol --box 16:32,0:16,0:8", &["locked"]);
    bench.succeeds("downsample vol --scales 1");
    bench.succeeds("info unlock vol");
    bench.succeeds("rm vol --box 16:32,0:16,0:8");
}

#[test]
fn scales_are_made_until_one_fits_into_a_chunk_and_need_no_more_than_is_stored() {
    let Some((bench, _)) = volume() else { return };
    bench.succeeds("info set vol type=segmentation");
    let made = bench.json("downsample vol --sharded");
    let keys: Vec<_> =
        made["scales"].as_array().unwrap().iter().map(|scale| scale["scale"].clone()).collect();
    assert_eq!(keys, ["2_2_1", "4_4_1"]);
    let info = bench.json("info vol");
    assert!(info["info"]["scales"][1]["sharding"].is_object());
    bench.fails(1, "downsample vol --sharded", &["there already"]);
    let again = bench.json("downsample vol");
    assert_eq!(again["scales"].as_array().unwrap().len(), 2);
    bench.fails(2, "downsample vol --factor 1,1,1", &["--factor"]);
    bench.fails(2, "downsample vol --factor 0,2,2", &["--factor"]);
    bench.fails(2, "downsample vol --method median", &["median"]);
}

#[test]
fn a_pyramid_that_is_killed_again_and_again_ends_as_one_that_was_not() {
    let Some((bench, _)) = volume() else { return };
    bench.succeeds("copy vol other");
    bench.succeeds("downsample other --scales 2");
    let line = "downsample vol --scales 2 --memory 40K --jobs 1 --journal journal";
    let made = || -> usize {
        ["vol/2_2_1", "vol/4_4_1"]
            .map(|place| fs::read_dir(bench.path(place)).map_or(0, Iterator::count))
            .iter()
            .sum()
    };
    for (kills, wanted) in (1..=8).enumerate() {
        let resume = if kills > 0 { " --resume" } else { "" };
        let mut child = Command::new(command().unwrap())
            .args(format!("{line}{resume}").split_whitespace())
            .current_dir(bench.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while made() < wanted && child.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
    }
    bench.succeeds(&format!("{line} --resume"));
    for scale in [1, 2] {
        bench.succeeds(&format!("cutout vol --scale {scale} --output a.raw"));
        bench.succeeds(&format!("cutout other --scale {scale} --output b.raw"));
        assert!(fs::read(bench.path("a.raw")).unwrap() == fs::read(bench.path("b.raw")).unwrap());
    }
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let Some(bench) = Bench::new() else { return };
    let help = bench.succeeds("--help");
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    bench.succeeds("man pages");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bench.succeeds(&format!("completions {shell}"));
        assert!(commands.iter().all(|name| script.contains(name)), "{shell}");
    }
    for name in commands {
        let page = fs::read_to_string(bench.path(&format!("pages/bigarrays-{name}.1"))).unwrap();
        assert!(page.contains(".TH"), "{name}");
        let help = bench.succeeds(&format!("{name} --help"));
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{name} --help is wider than 80 columns");
    }
}
