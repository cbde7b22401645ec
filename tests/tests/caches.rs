//! The command's way to the cache on disk.

use bigarrays_tests::bench::{Bench, payload, ramp};

#[test]
fn the_command_counts_and_empties_a_cache() {
    let Some(bench) = Bench::new() else { return };
    bench.npy("a.npy", "|u1", "20, 10, 6", &ramp(1200));
    bench.succeeds("import a.npy vol --chunk 8,8,4");
    let du = bench.json("cache du kept");
    assert_eq!((&du["entries"], &du["bytes"]), (&0.into(), &0.into()));
    let url = format!("file://{}?cache=kept", bench.path("vol").display());
    for _ in 0..2 {
        bench.succeeds(&format!("cutout {url} -o back.npy"));
        assert_eq!(payload(&bench.path("back.npy")), ramp(1200));
    }
    assert_eq!(bench.json("cache du kept")["entries"], 13);
    assert!(bench.succeeds("cache du kept").contains("13 values"));
    std::fs::write(bench.path("kept/mine"), "not an entry").expect("written");
    assert_eq!(bench.json("cache flush kept")["entries"], 13);
    assert_eq!(bench.json("cache du kept")["entries"], 0);
    assert!(bench.path("kept/mine").exists());
    bench.fails(1, "cache du kept/mine", &["mine"]);
}
