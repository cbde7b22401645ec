//! One plane of a volume, as a PNG and in the terminal.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use std::fs;
use std::process::{Command, Stdio};

use bigarrays_tests::bench::Bench;
use bigarrays_tests::{repository, text};
use serde_json::{Value, json};

const SIZE: [usize; 3] = [30, 20, 10];

/// A voxel is 7 x + 3 y + 11 z of its place in the volume.
fn value(x: usize, y: usize, z: usize) -> usize {
    7 * x + 3 * y + 11 * z
}

/// 30 × 20 × 10 voxels of 8 × 8 × 40 nm, of uint16.
fn volume(bench: &Bench) {
    let mut voxels = Vec::new();
    for z in 0..SIZE[2] {
        for y in 0..SIZE[1] {
            for x in 0..SIZE[0] {
                voxels.extend(u16::try_from(value(x, y, z)).unwrap().to_le_bytes());
            }
        }
    }
    fs::write(bench.path("source.raw"), voxels).unwrap();
    bench.succeeds(
        "import source.raw vol --size 30,20,10 --dtype uint16 --chunk 16,16,4 --offset 5,7,100 \
         --resolution 8,8,40",
    );
}

/// The pixels of a PNG as the command itself imports them: its size, and red, green and blue.
fn pixels(bench: &Bench, name: &str) -> ([usize; 2], Vec<[u8; 3]>) {
    bench.succeeds(&format!("import {name} back"));
    bench.succeeds("cutout back back.raw");
    let size = &bench.json("info back")["info"]["scales"][0]["size"];
    let [width, height] =
        [0, 1].map(|axis: usize| usize::try_from(size[axis].as_u64().unwrap()).unwrap());
    let planes = fs::read(bench.path("back.raw")).unwrap();
    assert_eq!(planes.len(), width * height * 3);
    let count = width * height;
    let pixels = (0..count).map(|n| [planes[n], planes[n + count], planes[n + 2 * count]]);
    let found = ([width, height], pixels.collect());
    bench.succeeds("rm back --all");
    found
}

/// The grey of a value between the values that are black and white.
fn grey(value: usize, black: usize, white: usize) -> [u8; 3] {
    let share = value.saturating_sub(black).min(white - black);
    [u8::try_from((share * 255 * 2 + (white - black)) / (2 * (white - black))).unwrap(); 3]
}

#[test]
fn a_png_of_any_plane_has_a_pixel_for_each_voxel() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench);
    let window = "--min 50 --max 250";
    let said = bench.json(&format!("slice vol --z 104 {window} -o xy.png"));
    assert_eq!(said["plane"], json!({ "z": 104 }));
    assert_eq!((&said["black"], &said["white"]), (&json!(50.0), &json!(250.0)));
    let (size, found) = pixels(&bench, "xy.png");
    assert_eq!(size, [30, 20]);
    for (n, pixel) in found.iter().enumerate() {
        assert_eq!(*pixel, grey(value(n % 30, n / 30, 4), 50, 250), "{n}");
    }
    bench.succeeds(&format!("slice vol --y 10 {window} -o xz.png"));
    let (size, found) = pixels(&bench, "xz.png");
    assert_eq!(size, [30, 10]);
    for (n, pixel) in found.iter().enumerate() {
        assert_eq!(*pixel, grey(value(n % 30, 3, n / 30), 50, 250), "{n}");
    }
    // As in the viewer z runs to the right here, and y downwards.
    bench.succeeds(&format!("slice vol --x 7 {window} --box :,10:20,: -o yz.png"));
    let (size, found) = pixels(&bench, "yz.png");
    assert_eq!(size, [10, 10]);
    for (n, pixel) in found.iter().enumerate() {
        assert_eq!(*pixel, grey(value(2, 3 + n / 10, n % 10), 50, 250), "{n}");
    }
}

#[test]
fn contrast_is_found_where_it_is_not_given_and_the_plane_too() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench);
    let said = bench.json("slice vol -o middle.png");
    assert_eq!(said["plane"], json!({ "z": 105 }));
    let (_, found) = pixels(&bench, "middle.png");
    assert!(found.contains(&[0; 3]) && found.contains(&[255; 3]));
    let [black, white] = ["black", "white"].map(|end| said[end].as_f64().unwrap());
    assert!(value(0, 0, 5) <= 60 && black > 55.0 && white < 318.0, "{black}, {white}");
    // A value of one channel, and of all of them.
    fs::write(bench.path("rgb.raw"), [9, 90, 200]).unwrap();
    bench.succeeds("import rgb.raw rgb --size 1,1,1,3 --dtype uint8");
    bench.succeeds("slice rgb --min 0 --max 255 -o rgb.png");
    assert_eq!(pixels(&bench, "rgb.png").1, [[9, 90, 200]]);
    bench.succeeds("slice rgb --min 0 --max 255 --channel 1 -o rgb.png");
    assert_eq!(pixels(&bench, "rgb.png").1, [[90; 3]]);
}

#[test]
fn labels_have_the_colours_of_the_viewer() {
    let Some(bench) = Bench::new() else { return };
    let golden = fs::read_to_string(repository().join("viewer/colours.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let golden = golden["colours"].as_object().unwrap();
    let labels: Vec<u8> =
        golden.keys().flat_map(|label| label.parse::<u64>().unwrap().to_le_bytes()).collect();
    fs::write(bench.path("labels.raw"), labels).unwrap();
    let shape = format!("--size {},1,1 --dtype uint64", golden.len());
    bench.succeeds(&format!("import labels.raw seg {shape} --type segmentation"));
    bench.succeeds(&format!("import labels.raw image {shape}"));
    for line in ["slice seg -o a.png", "slice image --labels -o a.png"] {
        bench.succeeds(line);
        let (_, found) = pixels(&bench, "a.png");
        for (pixel, (label, wanted)) in found.iter().zip(golden) {
            assert_eq!(json!(pixel), *wanted, "{label}");
        }
    }
    // Values of a segmentation, if somebody wants them.
    bench.succeeds("slice seg --min 0 --max 2 -o a.png");
    assert_eq!(pixels(&bench, "a.png").1[0], [0; 3]);
}

#[test]
fn the_terminal_has_the_sides_as_long_as_in_nanometres() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench);
    let lines = |line: &str| -> Vec<usize> {
        let said = bench.succeeds(line);
        said.lines().map(|line| line.chars().count()).collect()
    };
    // 240 × 160 nm, and 240 × 400 nm; a line has two rows. The end of a line may be dark.
    let plain = lines("slice vol --z 104 --width 60 --colours none");
    assert_eq!((plain.len(), plain.iter().max()), (20, Some(&60)));
    let tall = lines("slice vol --y 10 --width 60 --colours none");
    assert_eq!((tall.len(), tall.iter().max()), (50, Some(&60)));
    // No terminal, so neither colours nor a width of its own.
    let said = bench.succeeds("slice vol");
    assert!(said.is_ascii() && said.lines().all(|line| line.len() <= 80), "{said}");
    let said = bench.succeeds("slice vol --width 9 --colours 24bit --min 0 --max 1");
    assert_eq!(
        said.lines().next(),
        Some("\u{1b}[38;2;255;255;255;48;2;255;255;255m▀▀▀▀▀▀▀▀▀\u{1b}[0m")
    );
    let said = bench.succeeds("slice vol --width 9 --colours 256 --min 0 --max 1");
    assert_eq!(said.lines().next(), Some("\u{1b}[38;5;231;48;5;231m▀▀▀▀▀▀▀▀▀\u{1b}[0m"));
}

#[test]
fn a_terminal_gets_colours_unless_it_is_asked_not_to() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench);
    // `script` gives a program a terminal; not every system has it.
    let Ok(known) = Command::new("script").arg("--version").output() else { return };
    if !text(&known).contains("util-linux") {
        return;
    }
    let said = |variables: &[(&str, &str)]| {
        let line = format!("stty cols 40 rows 30; {} -q slice vol", bench.command().display());
        let output = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(bench.path(""))
            .env_remove("NO_COLOR")
            .env_remove("COLORTERM")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = said(&[]);
    assert!(shown.contains("\u{1b}[38;5;") && !shown.contains("38;2;"), "{shown}");
    let blocks = |line: &str| line.chars().filter(|&c| c == '▀').count();
    assert_eq!(shown.lines().map(blocks).max(), Some(40));
    assert!(said(&[("COLORTERM", "truecolor")]).contains("\u{1b}[38;2;"));
    for plain in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!said(&[plain]).contains("\u{1b}[38"), "{plain:?}");
    }
}

#[test]
fn the_terminal_gets_a_scale_that_is_fine_enough() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench);
    bench.succeeds("downsample vol --factor 2,2,1 --scales 2");
    let scale = |line: &str| bench.json(line)["scale"].as_u64();
    assert_eq!(scale("slice vol --z 104 --width 30"), Some(0));
    assert_eq!(scale("slice vol --z 104 --width 14"), Some(1));
    assert_eq!(scale("slice vol --z 104 --width 5"), Some(2));
    assert_eq!(scale("slice vol --z 104 --width 5 --scale 0"), Some(0));
    assert_eq!(scale("slice vol --z 104 -o a.png"), Some(0));
    // The plane is named in voxels of the finest scale, and is the same place.
    for plane in ["--x 34", "--x 5", "--y 26", "--y 7", "--z 100", "--z 109"] {
        let said = bench.json(&format!("slice vol {plane} --width 4"));
        assert!(said["scale"].as_u64() > Some(0), "{plane}: {said}");
    }
    let said = bench.json("slice vol --x 34 --width 4");
    let [min, max] = ["min", "max"].map(|end| said["box"][end][0].as_i64().unwrap());
    let factor = 1 << said["scale"].as_u64().unwrap();
    assert_eq!(max - min, 1);
    assert!((min - 34 / factor).abs() <= 1, "{said}");
}

#[test]
fn what_cannot_be_shown_is_refused_and_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    volume(&bench);
    bench.succeeds("create floats --size 4,4,4 --dtype float32");
    let before = bench.snapshot();
    bench.fails(1, "slice vol --z 99 -o a.png", &["outside", "z 100 to 109"]);
    bench.fails(1, "slice vol --x 5 --box 6:9,:,: -o a.png", &["outside", "box has x 6 to 8"]);
    bench.fails(1, "slice vol --box 500:600,:,: -o a.png", &["outside"]);
    bench.fails(1, "slice vol --channel 1 -o a.png", &["no channel 1"]);
    bench.fails(1, "slice vol --memory 1K -o a.png", &["--box", "--scale"]);
    bench.fails(1, "slice floats --labels -o a.png", &["float32"]);
    bench.fails(2, "slice vol -o a.tif", &[".png"]);
    bench.fails(2, "slice vol --x 6 --z 103", &["--z"]);
    bench.fails(2, "slice vol --labels --min 3", &["--labels"]);
    bench.fails(1, "slice nothing -o a.png", &["nothing"]);
    assert!(bench.snapshot() == before);
}
