//! The `bigarrays` command from outside: what it does, what it prints, how it ends.

use std::fs;
use std::process::Command;

use bigarrays_tests::bench::{Bench, payload, ramp};
use bigarrays_tests::{skipped, text};

#[test]
fn a_volume_is_created_written_cut_out_and_removed() {
    let Some(bench) = Bench::new() else { return };
    for url in ["vol", "sqlite://x.db?prefix=a/b", "file://other/vol"] {
        bench.succeeds(&format!(
            "create {url} --size 20,10,6 --dtype uint8 --chunk 8,8,4 --offset -13,7,1000 --resolution 8,8,33.5 --type segmentation"
        ));
        bench.npy("a.npy", "|u1", "20, 10, 6", &ramp(1200));
        assert_eq!(bench.succeeds(&format!("missing {url}")).lines().count(), 12);
        bench.succeeds(&format!("write {url} a.npy --at -13,7,1000"));
        assert_eq!(bench.json(&format!("missing {url}"))["missing"], serde_json::json!([]));
        bench.succeeds(&format!("cutout {url} -o back.npy"));
        assert_eq!(payload(&bench.path("back.npy")), ramp(1200));

        // A box across the border: one row of it.
        bench.succeeds(&format!("cutout {url} --box -15:-11,7:8,1000:1001 --fill 9 -o b.raw"));
        assert_eq!(fs::read(bench.path("b.raw")).expect("a file"), [9, 9, 0, 1]);
        bench
            .succeeds(&format!("cutout {url} --box -15:-11,7:8,1000:1001 --outside crop -o b.raw"));
        assert_eq!(fs::read(bench.path("b.raw")).expect("a file"), [0, 1]);
        let out = bench.run(&format!("cutout {url} --box :,7:8,1000:1001 -o -")).stdout;
        assert_eq!((&out[..6], out.len() % 64), (&b"\x93NUMPY"[..], 20));

        let points = bench.json(&format!("points {url} --at -13,7,1000 -12,7,1000 6,16,1005"));
        let values: Vec<_> = points["points"]
            .as_array()
            .expect("points")
            .iter()
            .map(|p| p["values"][0].clone())
            .collect();
        assert_eq!(values, [0, 1, 1199 % 251]);

        let info = bench.json(&format!("info {url}"));
        assert_eq!(info["scales"][0]["key"], "8_8_33.5");
        assert_eq!((&info["type"], &info["data_type"]), (&"segmentation".into(), &"uint8".into()));
        let table = bench.succeeds(&format!("info {url}"));
        assert!(table.contains("-13,7,1000") && table.contains("1.1 KiB"), "{table}");

        bench.succeeds(&format!("rm {url} --box -13:-5,7:15,1000:1004"));
        assert_eq!(
            bench.succeeds(&format!("missing {url}")).trim(),
            "8_8_33.5/-13--5_7-15_1000-1004"
        );
        bench.succeeds(&format!("rm {url} --scale 0"));
        assert_eq!(bench.succeeds(&format!("missing {url}")).lines().count(), 12);
        bench.succeeds(&format!("rm {url} --all"));
        bench.fails(1, &format!("info {url}"), &["no \"info\""]);
    }
}

#[test]
fn import_makes_a_volume_of_the_sources_shape_and_fits_it_into_one_that_exists() {
    let Some(bench) = Bench::new() else { return };
    bench.npy("a.npy", "<u2", "20, 10, 6", &ramp(2400));
    bench.succeeds("import a.npy vol --chunk 8,8,4 --offset -3,0,5");
    bench.succeeds("cutout vol -o back.npy");
    assert_eq!(payload(&bench.path("back.npy")), ramp(2400));
    bench.fails(1, "import a.npy vol --chunk 4,4,4", &["already", "--chunk"]);
    // The same again is no other volume.
    bench.succeeds("import a.npy vol --chunk 8,8,4 --offset -3,0,5");

    bench.succeeds("create big --size 40,40,40 --dtype uint16 --chunk 8,8,4");
    bench.fails(1, "import a.npy big --at 8,8,4", &["[8:28, 8:18, 4:10]", "[8:32, 8:24, 4:12]"]);
    assert_eq!(bench.succeeds("missing big").lines().count(), 250);
    bench.succeeds("import a.npy big --at 8,8,4 --unaligned");
    bench.succeeds("cutout big --box 8:28,8:18,4:10 -o back.npy");
    assert_eq!(payload(&bench.path("back.npy")), ramp(2400));
    bench.succeeds("import a.npy zyx --axes zyx --memory 4K");
    assert_eq!(bench.json("info zyx")["scales"][0]["size"], serde_json::json!([6, 10, 20]));
}

#[test]
fn an_import_that_does_not_fit_leaves_no_empty_volume_behind() {
    let Some(bench) = Bench::new() else { return };
    let info = r#"{"type": "image", "data_type": "uint8", "num_channels": 1, "scales": [
        {"key": "1_1_1", "size": [40, 40, 40], "resolution": [1, 1, 1], "chunk_sizes": [[8, 8, 4]], "encoding": "raw"}]}"#;
    fs::write(bench.path("my.json"), info).expect("written");
    bench.npy("a.npy", "|u1", "20, 10, 6", &ramp(1200));
    bench.npy("u16.npy", "<u2", "8, 8, 4", &ramp(512));
    for url in ["vol", "sqlite://x.db"] {
        let before = bench.snapshot();
        let import = |source: &str| format!("import {source} {url} --info my.json");
        bench.fails(1, &import("u16.npy"), &["uint16", "uint8"]);
        bench.fails(1, &import("a.npy"), &["[0:20, 0:10, 0:6]", "[0:24, 0:16, 0:8]"]);
        bench.fails(1, &(import("a.npy") + " --at 32,0,0"), &["[0:40, 0:40, 0:40]"]);
        assert_eq!(bench.snapshot(), before, "something was made");
        bench.succeeds(&(import("a.npy") + " --at 5,5,5 --unaligned"));
        bench.succeeds(&format!("cutout {url} --box 5:25,5:15,5:11 -o back.raw"));
        assert_eq!(fs::read(bench.path("back.raw")).expect("a file"), ramp(1200));
    }
}

#[test]
fn scales_channels_and_lists_of_points_are_chosen() {
    let Some(bench) = Bench::new() else { return };
    let info = r#"{"type": "image", "data_type": "uint8", "num_channels": 2, "scales": [
        {"key": "4_4_40", "size": [4, 3, 2], "resolution": [4, 4, 40], "chunk_sizes": [[4, 4, 4]], "encoding": "raw"},
        {"key": "8_8_40", "size": [2, 2, 2], "resolution": [8, 8, 40], "chunk_sizes": [[4, 4, 4]], "encoding": "raw"}]}"#;
    fs::write(bench.path("my.json"), info).expect("written");
    bench.succeeds("create vol --info my.json");
    bench.npy("fine.npy", "|u1", "4, 3, 2, 2", &ramp(48));
    bench.npy("coarse.npy", "|u1", "2, 2, 2, 2", &ramp(16));
    bench.succeeds("write vol fine.npy --at 0,0,0");
    for scale in ["1", "8_8_40", "8,8,40.0"] {
        bench.succeeds(&format!("write vol coarse.npy --at 0,0,0 --scale {scale}"));
        bench.succeeds(&format!("cutout vol --scale {scale} -o c.raw"));
        assert_eq!(fs::read(bench.path("c.raw")).expect("a file"), ramp(16));
        bench.succeeds(&format!("rm vol --scale {scale}"));
    }
    bench.succeeds("cutout vol --channel 1 -o one.raw");
    assert_eq!(fs::read(bench.path("one.raw")).expect("a file"), ramp(48)[24..]);
    bench.succeeds("cutout vol --box :,:,1:2 --channel 0 -o slice.tif");
    bench.succeeds("import slice.tif again");
    bench.succeeds("cutout again -o slice.raw");
    assert_eq!(fs::read(bench.path("slice.raw")).expect("a file"), ramp(48)[12..24]);

    fs::write(bench.path("list.txt"), "# x y z\n0,0,0\n\n3 2 1\n1\t0\t0\n").expect("written");
    let lines = bench.succeeds("points vol --from list.txt");
    assert_eq!(lines, "0,0,0\t0\t24\n3,2,1\t23\t47\n1,0,0\t1\t25\n");
    fs::write(bench.path("bad.txt"), "0,0,0\n1,2\n").expect("written");
    bench.fails(1, "points vol --from bad.txt", &["bad.txt line 2", "1,2"]);
    // Another description of the same place is refused, and the volume stays.
    bench.fails(1, "create vol --info my.json", &["already", "rm"]);
    assert_eq!(bench.json("info vol")["scales"].as_array().map(Vec::len), Some(2));
}

#[test]
fn types_that_viewers_refuse_are_made_with_a_warning() {
    let Some(bench) = Bench::new() else { return };
    for dtype in ["int64", "float64", "bool"] {
        let output = bench.run(&format!("create {dtype} --size 8,8,8 --dtype {dtype}"));
        assert!(output.status.success(), "{}", text(&output));
        assert!(String::from_utf8_lossy(&output.stderr).contains("warning"), "{}", text(&output));
    }
    bench.fails(
        1,
        "create seg --size 8,8,8 --dtype uint8 --channels 2 --type segmentation",
        &["num_channels"],
    );
    bench.fails(1, "create jpg --size 8,8,8 --dtype uint64 --encoding jpeg", &["jpeg"]);
    assert!(!bench.path("seg").exists() && !bench.path("jpg").exists());
}

#[test]
fn the_command_line_is_explained_and_mistakes_in_it_are_status_2() {
    let Some(bench) = Bench::new() else { return };
    let help = bench.succeeds("--help");
    for word in ["create", "info", "import", "cutout", "write", "points", "missing", "rm", "demo"] {
        assert!(help.contains(word), "{word} is not in the help");
        let help = bench.succeeds(&format!("{word} --help"));
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    bench.fails(2, "cutout vol --box 0:1,0:1 -o x.npy", &["0:64,-10:54,1000:1064"]);
    bench.fails(2, "create vol --size 1,2,3", &["--dtype"]);
    bench.fails(2, "create vol --size 1,2,3 --dtype uint7", &["uint7"]);
    bench.fails(2, "rm vol", &["--all"]);
    bench.fails(2, "nonsense", &["nonsense"]);
    assert_eq!(bench.snapshot(), []);
}

#[test]
fn bad_input_is_a_clear_error_and_changes_nothing() {
    let Some(bench) = Bench::new() else { return };
    for url in ["vol", "sqlite://x.db?prefix=v"] {
        bench.succeeds(&format!("create {url} --size 20,10,6 --dtype uint8 --chunk 8,8,4"));
        bench.npy("good.npy", "|u1", "20, 10, 6", &ramp(1200));
        bench.npy("part.npy", "|u1", "9, 8, 4", &ramp(288));
        bench.npy("u16.npy", "<u2", "8, 8, 4", &ramp(512));
        bench.npy("rgb.npy", "|u1", "8, 8, 4, 3", &ramp(768));
        bench.npy("flat.npy", "|u1", "8", &ramp(8));
        bench.npy("short.npy", "|u1", "8, 8, 4", &ramp(255));
        bench.npy("huge.npy", "|u1", "1152921504606846976, 8, 4", &ramp(255));
        bench.succeeds(&format!("write {url} good.npy --at 0,0,0"));
        let before = bench.snapshot();

        bench.fails(
            1,
            &format!("write {url} part.npy --at 0,0,0"),
            &["[0:9, 0:8, 0:4]", "[0:16, 0:8, 0:4]"],
        );
        bench.fails(1, &format!("write {url} u16.npy --at 0,0,0"), &["uint16", "uint8"]);
        bench.fails(1, &format!("write {url} rgb.npy --at 0,0,0"), &["3 channels", "1"]);
        bench.fails(1, &format!("write {url} flat.npy --at 0,0,0"), &["flat.npy"]);
        bench.fails(1, &format!("write {url} short.npy --at 0,0,0"), &["short.npy", "256", "255"]);
        bench.fails(1, &format!("write {url} huge.npy --at 0,0,0"), &["huge.npy"]);
        bench.fails(1, &format!("write {url} none.npy --at 0,0,0"), &["none.npy"]);
        bench.fails(
            1,
            &format!("write {url} good.npy --at 8,0,0"),
            &["[8:28, 0:10, 0:6]", "[0:20, 0:10, 0:6]"],
        );
        bench.fails(1, &format!("write {url} good.npy --at 0,0,0 --scale 3"), &["no scale 3"]);
        bench.fails(
            1,
            &format!("cutout {url} --box 0:30,0:1,0:1 --outside error -o x.npy"),
            &["[0:30, 0:1, 0:1]", "[0:20, 0:10, 0:6]"],
        );
        bench.fails(
            1,
            &format!("cutout {url} --box 9:3,0:1,0:1 -o x.npy"),
            &["ends before it begins"],
        );
        bench.fails(1, &format!("cutout {url} --fill 300 -o x.npy"), &["300", "uint8"]);
        bench.fails(1, &format!("cutout {url} --channel 1 -o x.npy"), &["channel 1"]);
        bench.fails(1, &format!("cutout {url} --box :,:,0:2 -o x.png"), &["x.png"]);
        bench.fails(1, &format!("cutout {url} -o nowhere/x.npy"), &["nowhere"]);
        bench.fails(
            1,
            &format!("cutout {url} --box -9000000000000000000:9000000000000000000,:,: -o x.npy"),
            &["choose a smaller box"],
        );
        bench.fails(1, &format!("points {url} --at 20,0,0"), &["[20:21, 0:1, 0:1]"]);
        bench.fails(1, &format!("rm {url} --box 0:9,0:8,0:4"), &["[0:16, 0:8, 0:4]"]);
        bench.fails(1, &format!("create {url} --size 1,1,1 --dtype uint8"), &["already"]);
        assert_eq!(bench.snapshot(), before, "something changed");
    }
    bench.fails(1, "info rocksdbb:///x", &["rocksdbb", "file://", "sqlite://"]);
    bench.fails(1, "info zarr://x", &["zarr"]);
    bench.fails(1, "info none", &["/none", "no such store", "directory does not exist"]);
    bench.fails(1, "info sqlite://none.db", &["/none.db", "no such store", "file does not exist"]);
    assert!(!bench.path("none.db").exists() && !bench.path("none").exists());
}

#[test]
fn a_malformed_info_is_refused_with_all_its_problems() {
    let Some(bench) = Bench::new() else { return };
    let bad = r#"{"type": "image", "data_type": "uint7", "num_channels": 0, "scales": [
        {"key": "a", "size": [1, 2], "resolution": [1, 1, -4], "chunk_sizes": [[0, 1, 1]], "encoding": "raw"}]}"#;
    fs::create_dir(bench.path("vol")).expect("a folder");
    fs::write(bench.path("vol/info"), bad).expect("written");
    let words = [
        "data_type",
        "uint7",
        "num_channels",
        "scales[0].size",
        "scales[0].resolution",
        "scales[0].chunk_sizes",
    ];
    bench.fails(1, "info vol", &words);
    fs::write(bench.path("bad.json"), bad).expect("written");
    bench.fails(1, "create new --info bad.json", &words);
    assert!(!bench.path("new").exists());
    fs::write(bench.path("vol/info"), r#"{"@type": "neuroglancer_annotations_v1"}"#)
        .expect("written");
    bench.fails(1, "info vol", &["annotation"]);
    fs::write(bench.path("vol/info"), "{").expect("written");
    bench.fails(1, "info vol", &["info"]);
}

#[test]
fn damaged_chunks_are_named_with_what_was_expected() {
    let Some(bench) = Bench::new() else { return };
    bench.npy("good.npy", "|u1", "20, 10, 6", &ramp(1200));
    bench.succeeds("import good.npy vol --chunk 8,8,4");
    let chunk = bench.path("vol/1_1_1/0-8_0-8_0-4");
    fs::write(&chunk, [1; 255]).expect("written");
    bench.fails(1, "cutout vol -o x.npy", &["1_1_1/0-8_0-8_0-4", "255", "256"]);
    bench.fails(1, "points vol --at 0,0,0", &["1_1_1/0-8_0-8_0-4", "255", "256"]);
    assert!(!bench.path("x.npy").exists());
    bench.succeeds("cutout vol --box 8:20,:,: -o x.npy");

    fs::remove_file(&chunk).expect("removed");
    fs::write(bench.path("vol/1_1_1/0-8_0-8_0-4.gz"), b"\x1f\x8b\x08\x00nonsense")
        .expect("written");
    bench.fails(1, "cutout vol -o y.npy", &["1_1_1/0-8_0-8_0-4", "gzip"]);
    fs::remove_file(bench.path("vol/1_1_1/0-8_0-8_0-4.gz")).expect("removed");
    bench.succeeds("cutout vol -o y.npy");
    bench.fails(1, "cutout vol --missing error -o z.npy", &["1_1_1/0-8_0-8_0-4", "missing"]);
}

#[test]
fn the_demo_shows_the_main_job_twice_in_the_same_folder() {
    let Some(bench) = Bench::new() else { return };
    for _ in 0..2 {
        let shown = bench.succeeds("demo");
        for word in [
            "$ bigarrays import",
            "$ bigarrays info",
            "$ bigarrays cutout",
            "$ bigarrays points",
            "picture.png",
        ] {
            assert!(shown.contains(word), "{word} is not in:\n{shown}");
        }
    }
    let picture = fs::read(bench.path("bigarrays-demo/picture.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000);
    fs::write(bench.path("bigarrays-demo/mine.txt"), "x").expect("written");
    bench.fails(1, "demo", &["mine.txt", "--dir"]);
    assert!(bench.path("bigarrays-demo/mine.txt").exists());
}

/// Runs a test in a file system of 1 MiB, if this machine lets us make one.
#[test]
fn a_full_disk_is_an_error_and_the_old_values_stay() {
    let Some(bench) = Bench::new() else { return };
    let small = bench.path("small");
    fs::create_dir(&small).expect("a folder");
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&small).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        skipped("no small file system can be mounted here");
        return;
    }
    let results = std::panic::catch_unwind(|| {
        for url in ["small/vol", "sqlite://small/x.db"] {
            bench.npy("old.npy", "|u1", "64, 64, 16", &ramp(65536));
            bench.npy("big.npy", "|u1", "64, 64, 512", &ramp(2 << 20));
            bench
                .succeeds(&format!("create {url} --size 64,64,512 --dtype uint8 --chunk 64,64,16"));
            bench.succeeds(&format!("write {url} old.npy --at 0,0,0"));
            bench.fails(1, &format!("write {url} big.npy --at 0,0,0"), &["space"]);
            bench.succeeds(&format!("cutout {url} --box :,:,0:16 -o back.npy"));
            assert_eq!(payload(&bench.path("back.npy")), ramp(65536));
            bench.succeeds(&format!("rm {url} --all"));
        }
    });
    let unmounted = Command::new("umount").arg(&small).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    if let Err(panic) = results {
        std::panic::resume_unwind(panic);
    }
}

/// Root may write anywhere, so a read-only folder is a read-only mount there.
#[test]
fn a_read_only_folder_can_be_read_and_refuses_writes() {
    let Some(bench) = Bench::new() else { return };
    bench.npy("good.npy", "|u1", "20, 10, 6", &ramp(1200));
    bench.succeeds("import good.npy ro/vol --chunk 8,8,4");
    bench.succeeds("import good.npy sqlite://ro/x.db --chunk 8,8,4");
    let ro = bench.path("ro");
    let mount = |words: &[&str]| Command::new("mount").args(words).arg(&ro).arg(&ro).output();
    let bound = mount(&["--bind"]).is_ok_and(|mount| mount.status.success())
        && Command::new("mount")
            .args(["-o", "remount,ro,bind"])
            .arg(&ro)
            .status()
            .is_ok_and(|status| status.success());
    if !bound {
        skipped("no read-only mount can be made here");
        return;
    }
    let results = std::panic::catch_unwind(|| {
        for url in ["ro/vol", "sqlite://ro/x.db"] {
            bench.succeeds(&format!("cutout {url} -o back.npy"));
            assert_eq!(payload(&bench.path("back.npy")), ramp(1200));
            bench.fails(1, &format!("write {url} good.npy --at 0,0,0"), &["read-only"]);
            bench.fails(1, &format!("rm {url} --all"), &["read-only"]);
        }
        bench.fails(1, "create ro/new --size 1,1,1 --dtype uint8", &["read-only"]);
    });
    let unmounted = Command::new("umount").arg(&ro).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    if let Err(panic) = results {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn what_killed_writers_left_is_counted_removed_and_nothing_else() {
    let Some(bench) = Bench::new() else { return };
    bench.succeeds("create vol --size 8,8,8 --dtype uint8");
    let before = bench.snapshot();
    for name in ["vol/.bigarrays-1.tmp", "vol/1_1_1/.bigarrays-2.tmp"] {
        fs::create_dir_all(bench.path(name).parent().expect("a folder")).expect("made");
        fs::write(bench.path(name), "half").expect("written");
    }
    // Young ones may belong to a writer that lives.
    assert_eq!(bench.json("clean vol")["files"], 0);
    let counted = bench.json("clean vol --older-than 0 --dry-run");
    assert_eq!((&counted["files"], &counted["dry_run"]), (&2.into(), &true.into()));
    assert_eq!(bench.snapshot().len(), before.len() + 2);
    assert!(bench.succeeds("clean vol --older-than 0s").contains("removed 2"));
    assert_eq!(bench.snapshot(), before);
    assert!(bench.succeeds("clean sqlite://x.db").contains("SQLite"));
    assert_eq!(bench.snapshot(), before, "something was made");
    bench.fails(1, "clean nowhere", &["nowhere", "does not exist"]);
    bench.fails(2, "clean vol --older-than soon", &["90m"]);
}
