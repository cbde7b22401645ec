//! What is wrong on the command line, or in the files that it names.

use std::fs;

use bigarrays_tests::bench::{Bench, ramp};

use super::{Case, fails};

/// What the lines work on.
fn prepare(bench: &Bench) {
    bench.npy("a.npy", "|u1", "20, 10, 6", &ramp(1200));
    bench.npy("chunk.npy", "|u1", "8, 8, 4", &ramp(256));
    bench.npy("u16.npy", "<u2", "8, 8, 4", &ramp(512));
    bench.npy("rgb.npy", "|u1", "8, 8, 4, 3", &ramp(768));
    bench.npy("short.npy", "|u1", "20, 10, 6", &ramp(100));
    bench.npy("object.npy", "|O", "2, 2, 2", &ramp(64));
    bench.npy("flat.npy", "|u1", "20", &ramp(20));
    bench.npy("complex.npy", "<c16", "2, 2, 2", &ramp(128));
    for (name, bytes) in [
        ("text.npy", &b"not an array"[..]),
        ("empty.npy", b""),
        ("cut.npy.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x02"),
        ("bad.tif", b"II*\0\xff\xff\xff\xff"),
        ("bad.png", b"\x89PNG\r\n\x1a\n????"),
        ("bad.nii", b"????"),
        ("bad.h5", b"no signature"),
        ("a.raw", b"0123456789"),
        ("a.mrc", b"????"),
        ("not.json", b"{\"type\": "),
        ("points.txt", b"1,2,3\n4,5\n"),
        ("database.db", b"this is not a database of any kind, and it is long enough to see that"),
    ] {
        fs::write(bench.path(name), bytes).expect("written");
    }
    let info = |change: &dyn Fn(&str) -> String| {
        change(
            r#"{"@type": "neuroglancer_multiscale_volume", "type": "image", "data_type": "uint8", "num_channels": 1,
        "scales": [{"key": "1_1_1", "size": [40, 40, 40], "resolution": [1, 1, 1], "chunk_sizes": [[8, 8, 4]], "encoding": "raw"}]}"#,
        )
    };
    for (name, from, to) in [
        ("negative.json", "[40, 40, 40]", "[40, -40, 40]"),
        ("no_scales.json", "\"scales\"", "\"scalse\""),
        ("type.json", "uint8", "uint7"),
        ("encoding.json", "\"raw\"", "\"rar\""),
        ("chunks.json", "[[8, 8, 4]]", "[]"),
        ("locked.json", "\"encoding\"", "\"locked\": true, \"encoding\""),
    ] {
        fs::write(bench.path(name), info(&|text| text.replace(from, to))).expect("written");
    }
    fs::create_dir(bench.path("empty")).expect("made");
    for (here, there) in [("round", "trip"), ("trip", "round")] {
        fs::create_dir(bench.path(here)).expect("made");
        let there = bench.path(there);
        let moved = format!(r#"{{"redirect": "file://{}"}}"#, there.display());
        fs::write(bench.path(here).join("info"), moved).expect("written");
    }
    fs::create_dir(bench.path("mine")).expect("made");
    fs::write(bench.path("mine/thesis.txt"), "precious").expect("written");
    bench.succeeds("create vol --size 40,40,40 --dtype uint8 --chunk 8,8,4");
    bench.succeeds("create rgb --size 8,8,4 --dtype uint8 --chunk 8,8,4 --channels 3");
    bench.succeeds("create locked --info locked.json");
    bench.succeeds("create shards --size 40,40,40 --dtype uint8 --chunk 8,8,4 --sharded=preshift=2,minishard=1,shard=6");
}

pub(super) fn cases(bench: &Bench) -> Vec<Case> {
    prepare(bench);
    let create = "create new --size 40,40,40 --dtype uint8";
    let cut = "cutout vol -o out.npy";
    let table: Vec<(&'static str, String)> = [
        ("A command that there is not", "improt a.npy vol"),
        ("An option that there is not", "cutout vol --bbox 0:1,0:1,0:1 -o a.npy"),
        ("No output", "cutout vol"),
        ("A size of two axes", "create new --size 40,40 --dtype uint8"),
        ("A type that there is not", "create new --size 40,40,40 --dtype uint7"),
        ("No type", "create new --size 40,40,40"),
        ("Empty chunks", &format!("{create} --chunk 0,8,8")),
        ("No resolution to speak of", &format!("{create} --resolution 0,1,1")),
        ("An encoding that there is not", &format!("{create} --encoding jpg")),
        (
            "An encoding that cannot hold the type",
            "create new --size 40,40,40 --dtype uint64 --encoding jpeg",
        ),
        ("A quality beyond all", &format!("{create} --encoding jpeg --quality 101")),
        ("A quality for what has none", &format!("{create} --quality 5")),
        ("Blocks for what has none", &format!("{create} --block 8,8,8")),
        (
            "Shards of more than 64 bits",
            &format!("{create} --sharded=preshift=60,minishard=6,shard=5"),
        ),
        ("Parameters of shards that are none", &format!("{create} --sharded=minishards=2")),
        ("Compression of an empty volume", &format!("{create} --compress gzip")),
        ("A volume where there is one", "create vol --size 40,40,40 --dtype uint8"),
        ("A description that is not JSON", "create new --info not.json"),
        ("A description without scales", "create new --info no_scales.json"),
        ("A description with a negative size", "create new --info negative.json"),
        ("A description with a type that there is not", "create new --info type.json"),
        ("A description with an encoding that there is not", "create new --info encoding.json"),
        ("A description without chunks", "create new --info chunks.json"),
        ("A description that is not there", "create new --info nowhere.json"),
        ("No volume", "info nowhere"),
        ("A folder without a volume", "info empty"),
        ("A scheme that there is not", "info ftp://host/vol"),
        ("A parameter that there is not", "info vol?durabilty=none"),
        ("A parameter that says nothing known", "info vol?durability=never"),
        ("A limit of a cache that is no number", "info https://host/vol?cache=c&cache-size=much"),
        ("A bucket without a name", "info s3://"),
        ("A file that is no SQLite database", "info sqlite://database.db"),
        ("A database that is not there", "info sqlite://nowhere.db"),
        ("A folder that is no RocksDB database", "info rocksdb://mine"),
        ("A file that is no HDF5", "info h5://bad.h5"),
        ("Descriptions that send us round in circles", "info round"),
        ("A scale that there is not", "cutout vol --scale 5 -o out.npy"),
        ("A scale whose key there is not", "cutout vol --scale 9_9_9 -o out.npy"),
        ("A box of two axes", &format!("{cut} --box 0:10,0:10")),
        ("A box that ends before it begins", &format!("{cut} --box 10:0,0:10,0:10")),
        (
            "A box outside, where that is not wanted",
            &format!("{cut} --box 30:50,0:8,0:4 --outside error"),
        ),
        (
            "A chunk that is missing, where that is not wanted",
            &format!("{cut} --box 0:8,0:8,0:4 --missing error"),
        ),
        ("A fill value that is not of the type", &format!("{cut} --fill 300")),
        ("A channel that there is not", &format!("{cut} --channel 1")),
        ("Memory that is no number", &format!("{cut} --memory lots")),
        ("A file of a format that is not written", "cutout vol -o out.jpg"),
        ("A PNG of many z", "cutout vol -o out.png"),
        ("A PNG that does not fit in memory", "cutout vol --box :,:,0:1 -o out.png --memory 100"),
        (
            "A file larger than files are",
            "cutout vol --box 0:1000000000000,0:1000000000000,0:4 -o out.raw",
        ),
        ("A folder for the file that is not there", "cutout vol -o nowhere/out.npy"),
        ("A file that is a folder", "cutout vol -o empty.npy/"),
        ("A source that is not there", "import nowhere.npy new"),
        ("A source of a format that is not read", "import a.mrc new"),
        ("A source whose name says nothing", "import points.txt new"),
        ("A raw source without a size", "import a.raw new"),
        ("A raw source with a size and no type", "import a.raw new --size 10,1,1"),
        ("A raw source of another length", "import a.raw new --size 10,10,10 --dtype uint8"),
        ("A folder without images", "import empty new"),
        ("A .npy that is none", "import text.npy new"),
        ("An empty file", "import empty.npy new"),
        ("A .npy that ends too early", "import short.npy new"),
        ("A .npy of Python objects", "import object.npy new"),
        ("A .npy of complex numbers", "import complex.npy new"),
        ("A .npy of one axis", "import flat.npy new"),
        ("A gzip stream that ends too early", "import cut.npy.gz new"),
        ("A TIFF that is broken", "import bad.tif new"),
        ("A PNG that is broken", "import bad.png new"),
        ("A NIfTI that is broken", "import bad.nii new"),
        ("An HDF5 file that is none", "import bad.h5 new"),
        ("Axes that are none", "import a.npy new --axes xxz"),
        ("Channels that are not there", "import a.npy new --channels 3"),
        ("A volume that is gone with the command", "import a.npy mem://new"),
        ("Another type than the volume's", "import u16.npy vol"),
        ("Other channels than the volume's", "write vol rgb.npy --at 0,0,0"),
        ("A box that is not aligned", "write vol a.npy --at 0,0,0"),
        ("A box that leaves the volume", "write vol a.npy --at 32,32,36"),
        ("A place of two axes", "write vol a.npy --at 0,0"),
        ("Chunks other than the volume's", "import a.npy vol --chunk 4,4,4"),
        ("An encoding other than the volume's", "write vol a.npy --at 0,0,0 --encoding png"),
        ("A compression that there is not", "import a.npy new --compress lz4"),
        ("A scale that is locked", "write locked chunk.npy --at 0,0,0"),
        ("A locked scale to be removed", "rm locked --all"),
        ("A point outside", "points vol --at 40,0,0"),
        ("A file of points with a line that is none", "points vol --from points.txt"),
        ("Nothing to be removed", "rm vol"),
        ("A box to be removed that is not aligned", "rm vol --box 0:9,0:8,0:4"),
        ("A box to be removed that leaves the volume", "rm vol --box 0:80,0:8,0:4"),
        ("Shards of what has none", "shard ls vol"),
        ("A shard that is not there", "shard ls shards 0"),
        ("An id that is not there", "shard get shards 7"),
        ("A store that cannot be written", "check-store http://127.0.0.1:1/vol"),
        ("A folder for the demo that holds other things", "demo --dir mine"),
    ]
    .map(|(what, line)| (what, line.to_owned()))
    .into();
    let before = bench.snapshot();
    let cases = table.iter().map(|(what, line)| fails(bench, what, line)).collect();
    let left = bench.snapshot();
    for (path, bytes) in &left {
        let was = before.iter().find(|(before, _)| before == path);
        let is_same = was.is_some_and(|(_, was)| was == bytes);
        assert!(is_same, "{} was made or changed", path.display());
    }
    assert_eq!(left.len(), before.len(), "something was removed");
    cases
}
