//! The options of the command about chunks: encoding, quality, sharding, compression.

use std::fs;

use bigarrays_tests::bench::{Bench, payload, ramp};
use bigarrays_tests::text;
use serde_json::Value;

/// A ramp of 20 x 10 x 6 voxels of uint8, uint32 and float32.
fn sources(bench: &Bench) {
    bench.npy("u8.npy", "|u1", "20, 10, 6", &ramp(1200));
    let wide: Vec<u8> =
        ramp(1200).into_iter().flat_map(|n| u32::from(n / 16).to_le_bytes()).collect();
    bench.npy("u32.npy", "<u4", "20, 10, 6", &wide);
    let real: Vec<u8> = ramp(1200).into_iter().flat_map(|n| f32::from(n).to_le_bytes()).collect();
    bench.npy("f32.npy", "<f4", "20, 10, 6", &real);
}

/// Imports a source by these options and cuts all of it out again.
fn returns(bench: &Bench, source: &str, options: &str) -> Value {
    for url in ["vol", "sqlite://x.db?prefix=v"] {
        bench.succeeds(&format!("import {source} {url} --chunk 8,8,4 {options}"));
        bench.succeeds(&format!("cutout {url} -o back.npy"));
        let equal = payload(&bench.path("back.npy")) == payload(&bench.path(source));
        assert!(equal, "{url} {source} {options}");
        if url != "vol" {
            bench.succeeds(&format!("rm {url} --all"));
        }
    }
    let info = bench.json("info vol");
    bench.succeeds("rm vol --all");
    info["scales"][0].clone()
}

#[test]
fn every_lossless_encoding_returns_what_was_imported() {
    let Some(bench) = Bench::new() else { return };
    sources(&bench);
    for (source, encodings) in [
        ("u8.npy", "raw png jxl compresso crackle gzip zstd blosclz"),
        ("u32.npy", "raw compressed_segmentation compresso crackle gzip zstd blosclz"),
        ("f32.npy", "raw fpzip zfpc gzip zstd blosclz"),
    ] {
        for encoding in encodings.split(' ') {
            for sharded in ["", "--sharded", "--sharded=preshift=1,minishard=1,shard=2"] {
                let scale = returns(&bench, source, &format!("--encoding {encoding} {sharded}"));
                assert_eq!(scale["encoding"], encoding);
                assert_eq!(scale["sharded"], !sharded.is_empty());
            }
        }
    }
    // Any case, as in an info.
    assert_eq!(returns(&bench, "u8.npy", "--encoding PNG")["encoding"], "png");
}

#[test]
fn quality_and_block_are_kept_in_the_info_and_shown() {
    let Some(bench) = Bench::new() else { return };
    for (number, (dtype, options, key, value, words)) in [
        ("uint8", "jpeg --quality 30", "jpeg_quality", "30", "jpeg_quality 30"),
        ("uint16", "png --quality 3", "png_level", "3", "png_level 3"),
        ("uint8", "jxl", "jxl_quality", "100", "jxl_quality 100"),
        ("uint8", "jxl --quality 100", "jxl_quality", "100", "jxl_quality 100"),
        ("float32", "fpzip --quality 16", "fpzip_precision", "16", "fpzip_precision 16"),
        ("float32", "fpzip --quality precision=16", "fpzip_precision", "16", "fpzip_precision 16"),
        (
            "float64",
            "zfpc --quality tolerance=0.01",
            "zfpc_tolerance",
            "0.01",
            "zfpc_tolerance 0.01",
        ),
        ("float64", "zfpc --quality rate=8", "zfpc_rate", "8", "zfpc_rate 8"),
        ("int32", "zfpc --quality precision=20", "zfpc_precision", "20", "zfpc_precision 20"),
        (
            "uint32",
            "compressed_segmentation",
            "compressed_segmentation_block_size",
            "[8,8,8]",
            "blocks of 8,8,8",
        ),
        (
            "uint64",
            "compressed_segmentation --block 4,16,2",
            "compressed_segmentation_block_size",
            "[4,16,2]",
            "blocks of 4,16,2",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        bench.succeeds(&format!(
            "create v{number} --size 8,8,8 --dtype {dtype} --encoding {options}"
        ));
        let value: Value = serde_json::from_str(value).expect("JSON");
        let scale = &bench.json(&format!("info v{number}"))["scales"][0];
        assert_eq!(scale["encoding_parameters"][key], value, "{options}: {scale}");
        let table = bench.succeeds(&format!("info v{number}"));
        assert!(table.contains(words), "{table}");
    }
    sources(&bench);
    bench.succeeds("import u8.npy bad --encoding jpeg --quality 5");
    bench.succeeds("import u8.npy good --encoding jpeg --quality 95");
    let len = |name: &str| {
        fs::metadata(bench.path(&format!("{name}/1_1_1/0-20_0-10_0-6"))).expect("a chunk").len()
    };
    assert!(len("bad") < len("good"), "{} {}", len("bad"), len("good"));
}

#[test]
fn wrong_formats_of_chunks_are_refused_and_nothing_is_made() {
    let Some(bench) = Bench::new() else { return };
    sources(&bench);
    let before = bench.snapshot();
    for url in ["vol", "sqlite://x.db"] {
        for (status, dtype, options, words) in [
            (2, "uint8", "--encoding webp", ["webp", "compressed_segmentation"]),
            (2, "uint8", "--encoding jpeg --quality 101", ["101", "0 to 100"]),
            (2, "uint8", "--encoding jpeg --quality -1", ["-1", "85"]),
            (2, "uint8", "--encoding jpeg --quality high", ["high", "85"]),
            (2, "uint16", "--encoding png --quality 10", ["10", "0 to 9"]),
            (2, "uint8", "--encoding jxl --quality 85", ["lossless", "jpeg"]),
            (2, "float32", "--encoding zfpc --quality 8", ["rate=", "tolerance="]),
            (2, "float32", "--encoding fpzip --quality rate=8", ["rate=8", "precision"]),
            (1, "float32", "--encoding fpzip --quality 50", ["fpzip", "precision"]),
            (2, "uint8", "--quality 85", ["85", "leave it out"]),
            (2, "uint8", "--block 8,8,8", ["--block", "compressed_segmentation"]),
            (
                1,
                "uint32",
                "--encoding compressed_segmentation --block 0,8,8",
                ["block_size", "1 or more"],
            ),
            (1, "uint64", "--encoding jpeg", ["jpeg", "uint8"]),
            (1, "float32", "--encoding compressed_segmentation", ["float32", "uint64"]),
            (1, "uint16", "--channels 5 --encoding png", ["5 channels", "1, 2, 3, 4"]),
            (2, "uint8", "--sharded=3,2,4", ["preshift=3", "index=gzip"]),
            (2, "uint8", "--sharded=preshift=3,minishard=2", ["preshift=3", "shard=4"]),
            (2, "uint8", "--sharded=preshift=3,minishard=2,shard=4,hash=md5", ["md5", "identity"]),
            (
                2,
                "uint8",
                "--sharded=preshift=3,minishard=2,shard=4,data=zstd",
                ["zstd", "raw, gzip"],
            ),
            (1, "uint8", "--sharded=preshift=64,minishard=2,shard=4", ["preshift_bits", "63"]),
            (1, "uint8", "--sharded=preshift=30,minishard=30,shard=30", ["64", "90"]),
            (2, "uint8", "--compress gzip", ["import", "write"]),
        ] {
            bench.fails(
                status,
                &format!("create {url} --size 64,64,64 --dtype {dtype} {options}"),
                &words,
            );
        }
        for (status, source, options, words) in [
            (1, "u32.npy", "--encoding jpeg", ["jpeg", "uint8"]),
            (2, "u8.npy", "--encoding jpeg --quality 101", ["101", "0 to 100"]),
            (2, "u8.npy", "--compress gzip:13", ["gzip", "0 to 12"]),
            (2, "u8.npy", "--compress zstd:0", ["zstd", "1 to 22"]),
            (2, "u8.npy", "--compress lzma", ["lzma", "gzip, br, zstd"]),
            (2, "u8.npy", "--compress auto:3", ["auto", "no levels"]),
            (2, "u8.npy", "--sharded --compress gzip", ["--compress", "data=gzip"]),
            (1, "f32.npy", "--encoding compresso", ["compresso", "uint8"]),
            (1, "f32.npy", "--encoding fpzip --quality 50", ["fpzip", "precision"]),
        ] {
            bench.fails(status, &format!("import {source} {url} {options}"), &words);
        }
        assert_eq!(bench.snapshot(), before, "something was made");
    }
    bench.fails(2, "create vol --info x.json --quality 3", &["--info", "--quality"]);
    bench.fails(2, "create vol --info x.json --sharded", &["--info", "--sharded"]);
}

#[test]
fn chunks_are_compressed_as_asked_and_info_tells_how() {
    let Some(bench) = Bench::new() else { return };
    sources(&bench);
    for (compress, suffix, name) in [
        ("", "", "none"),
        ("--compress none", "", "none"),
        ("--compress gzip", ".gz", "gzip"),
        ("--compress gzip:1", ".gz", "gzip"),
        ("--compress br", ".br", "br"),
        ("--compress zstd:19", ".zstd", "zstd"),
        ("--compress auto", ".gz", "gzip"),
        ("--compress auto --encoding compresso", ".gz", "gzip"),
        ("--compress auto --encoding png", "", "none"),
        ("--compress gzip --encoding png", ".gz", "gzip"),
    ] {
        bench.succeeds(&format!("import u8.npy vol {compress}"));
        let chunk = bench.path(&format!("vol/1_1_1/0-20_0-10_0-6{suffix}"));
        assert!(chunk.exists(), "{compress}: {}", chunk.display());
        assert_eq!(bench.json("info vol")["scales"][0]["compression"], name, "{compress}");
        let warned = bench.succeeds("info vol").contains("neuroglancer");
        assert_eq!(warned, !suffix.is_empty(), "{compress}");
        bench.succeeds("cutout vol -o back.npy");
        assert_eq!(payload(&bench.path("back.npy")), ramp(1200), "{compress}");
        // Written again in another way: the old file does not stay beside the new one.
        bench.succeeds("write vol u8.npy --at 0,0,0 --compress zstd");
        assert_eq!(fs::read_dir(bench.path("vol/1_1_1")).expect("a folder").count(), 1);
        assert!(bench.path("vol/1_1_1/0-20_0-10_0-6.zstd").exists(), "{compress}");
        bench.succeeds("rm vol --all");
    }
    bench.succeeds("create empty --size 64,64,64 --dtype uint8");
    assert_eq!(bench.json("info empty")["scales"][0]["compression"], Value::Null);
    bench.succeeds("import u8.npy sqlite://x.db --compress gzip");
    let told = bench.succeeds("info sqlite://x.db");
    assert!(told.contains("gzip") && !told.contains("neuroglancer"), "{told}");
}

#[test]
fn a_write_is_refused_if_the_volume_is_not_what_the_options_say() {
    let Some(bench) = Bench::new() else { return };
    sources(&bench);
    let sharded = "--sharded=preshift=1,minishard=1,shard=2";
    bench.succeeds("import u8.npy plain --encoding jpeg --quality 90");
    bench.succeeds(&format!("import u32.npy packed --chunk 8,8,4 --encoding compressed_segmentation --block 4,4,4 {sharded}"));
    let before = bench.snapshot();
    let plain = "write plain u8.npy --at 0,0,0";
    let packed = "write packed u32.npy --at 0,0,0";
    for (line, options, words) in [
        (plain, "--encoding raw", ["--encoding raw", "chunks are jpeg"]),
        (plain, "--quality 85", ["--quality", "jpeg_quality 90"]),
        (plain, "--sharded", ["--sharded", "not sharded"]),
        (packed, "--block 8,8,8", ["--block", "blocks of 4,4,4"]),
        (packed, "--sharded=preshift=1,minishard=1,shard=3", ["--sharded", "shard 2 bits"]),
    ] {
        bench.fails(1, &format!("{line} {options}"), &words);
    }
    bench.fails(2, &format!("{plain} --block 8,8,8"), &["--block", "jpeg"]);
    bench.fails(2, &format!("{packed} --compress gzip"), &["--compress", "data=gzip"]);
    bench.fails(
        1,
        "import u8.npy plain --encoding jpeg --quality 80",
        &["already", "--encoding --quality"],
    );
    bench.fails(1, "import u32.npy packed --sharded", &["already", "--sharded"]);
    assert_eq!(bench.snapshot(), before, "something changed");

    bench.succeeds(&format!("{plain} --encoding jpeg --quality 90"));
    bench.succeeds(&format!("{packed} --block 4,4,4 --compress auto {sharded}"));
    bench.succeeds(&format!("{packed} --sharded"));
}

#[test]
fn sharding_is_chosen_by_memory_and_told_in_words() {
    let Some(bench) = Bench::new() else { return };
    let output = bench.run("create --sharded big --size 20000,20000,5000 --dtype uint8");
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("shard(s) of"), "{}", text(&output));
    let scale = &bench.json("info big")["scales"][0];
    assert_eq!(scale["sharding"]["hash"], "identity");
    assert_eq!(scale["sharding"]["data_encoding"], "gzip");
    assert!(scale["sharding"]["shard_box"].is_array(), "{scale}");

    bench.npy("a.npy", "|u1", "128, 128, 64", &ramp(1 << 20));
    let output = bench.run("import a.npy small --chunk 16,16,16 --sharded --memory 256K");
    assert!(output.status.success(), "{}", text(&output));
    // A shard takes a quarter of the memory.
    let scale = &bench.json("info small")["scales"][0];
    assert_eq!(scale["sharding"]["chunks_per_shard"], 16);
    assert_eq!(scale["sharding"]["shard_box"], serde_json::json!([64, 32, 32]));
    assert_eq!(scale["sharding"]["shards"], 16);
    assert_eq!(fs::read_dir(bench.path("small/1_1_1")).expect("a folder").count(), 16);
    let told = bench.succeeds("info small");
    assert!(told.contains("raw, sharded"), "{told}");
    assert!(told.contains("16 chunks a shard, a box of 64,32,32 voxels; 16 shards"), "{told}");
    assert!(!text(&output).contains("in parts"), "{}", text(&output));

    // With less memory, or with a hash, it takes longer and says so.
    for (line, words) in [
        ("write small a.npy --at 0,0,0 --memory 128K", "--memory 262144"),
        (
            "import a.npy mixed --chunk 16,16,16 --sharded=preshift=1,minishard=1,shard=2,hash=murmurhash3_x86_128 --memory 256K",
            "no box",
        ),
    ] {
        let output = bench.run(line);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(words), "{}", text(&output));
    }
    for url in ["small", "mixed"] {
        bench.succeeds(&format!("cutout {url} -o back.npy"));
        assert_eq!(payload(&bench.path("back.npy")), ramp(1 << 20), "{url}");
    }
    let told = bench.succeeds("info mixed");
    assert!(told.contains("about 64 chunks a shard, spread by murmurhash3_x86_128"), "{told}");
}

#[test]
fn the_help_tells_every_encoding_and_where_compression_is_not_seen() {
    let Some(bench) = Bench::new() else { return };
    for command in ["create", "import", "write"] {
        let help = bench.succeeds(&format!("{command} --help"));
        for encoding in bigarrays::Encoding::ALL {
            assert!(help.contains(&format!("- {encoding}:")), "{encoding} is not in:\n{help}");
        }
        for words in [
            "feature",
            "tolerance=",
            "--block",
            "--sharded[=<PARAMS>]",
            "preshift=3,minishard=2,shard=4",
        ] {
            assert!(help.contains(words), "{words:?} is not in:\n{help}");
        }
        let compress = help.contains("--compress") && help.contains("TensorStore do not");
        assert_eq!(compress, command != "create", "{help}");
    }
}
