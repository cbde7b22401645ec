//! Documents say what the programs do.

#![expect(clippy::expect_used, reason = "test helpers may fail a test")]

use std::fmt::Write as _;

use bigarrays::backends::{StoreFacts, stores};
use bigarrays_tests::repository;

const BEGIN: &str = "<!-- what the stores say of themselves -->\n";
const END: &str = "<!-- end -->\n";

fn chapter(store: &StoreFacts) -> String {
    let schemes: Vec<String> =
        store.schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
    let mut text = format!("### {}: {}\n| | |\n|---|---|\n", schemes.join(", "), store.what);
    for (name, fact) in [
        ("feature", format!("`{}`", store.feature)),
        ("atomic by", store.atomicity.to_owned()),
        ("survives", store.durability.to_owned()),
        ("compare-and-swap", store.compare_and_swap.to_owned()),
        ("side by side", store.concurrency.to_owned()),
        ("limits", store.limits.to_owned()),
        ("needs", store.needs.to_owned()),
    ] {
        writeln!(text, "| {name} | {fact} |").expect("a string takes it");
    }
    text + "\n"
}

/// Only a build with every store can compare. To write the chapters anew, run this test with
/// `BIGARRAYS_UPDATE=1`.
#[test]
#[cfg(all(
    feature = "rocksdb",
    feature = "hdf5",
    feature = "s3",
    feature = "gcs",
    feature = "azure",
    feature = "http"
))]
fn the_guarantees_in_the_documents_are_those_that_the_stores_declare() {
    let path = repository().join("docs/stores.md");
    let text = std::fs::read_to_string(&path).expect("the document");
    let (before, rest) = text.split_once(BEGIN).expect("a beginning");
    let (found, after) = rest.split_once(END).expect("an end");
    let wanted: String = stores().into_iter().map(chapter).collect();
    if std::env::var_os("BIGARRAYS_UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("written");
        return;
    }
    assert!(
        found == wanted,
        "docs/stores.md is out of date; run this test with BIGARRAYS_UPDATE=1"
    );
}

/// The commands of the README, run in a folder that has the files they speak of.
#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    use std::process::Command;

    use bigarrays_tests::bench::{Bench, ramp};
    use bigarrays_tests::{command, text};

    let (Some(bench), Some(command)) = (Bench::new(), command()) else { return };
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README");
    let chapter = readme.split("\n## ").find(|text| text.starts_with("On the command line"));
    let blocks = chapter.expect("its chapter").split("```sh\n").skip(1);
    let mut script = String::from("set -eu\n");
    for block in blocks {
        let lines = block.split("```").next().unwrap_or_default();
        script.push_str(lines);
    }
    let lines: Vec<&str> = script.lines().filter(|line| !line.starts_with("cargo")).collect();
    assert!(lines.iter().filter(|line| line.starts_with("bigarrays ")).count() > 15);

    std::fs::write(bench.path("all.raw"), ramp(100 * 80 * 64)).expect("written");
    bench.succeeds("import all.raw all --size 100,80,64 --dtype uint8 --offset 0,-10,0");
    bench.succeeds("export all brain.nii.gz --box 0:90,-10:60,0:64 --outside crop");
    bench.succeeds("export all em.tif");
    let labels: Vec<u8> = (0..80_u32 * 70 * 20).flat_map(|n| (n / 9 % 31).to_le_bytes()).collect();
    bench.npy("labels.npy", "<u4", "80, 70, 20", &labels);
    let zipped = Command::new("gzip").arg("labels.npy").current_dir(bench.path("")).status();
    assert!(zipped.expect("gzip runs").success());

    let folder = command.parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-c", &lines.join("\n")])
        .env("PATH", path)
        .current_dir(bench.path(""))
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{}", text(&output));
    for made in ["slice.png", "labels/info", "em.nii.gz", "part/info", "em.db"] {
        assert!(bench.path(made).exists(), "{made} was not made");
    }
    assert!(!bench.path("elsewhere").exists());
}

/// The tests that a page names, as `path/to/file.rs::name`.
fn tests_named_in(page: &str) -> Vec<(&str, &str)> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|text| text.split_once("::").filter(|(file, _)| file.ends_with(".rs")))
        .collect()
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    let page = repository().join("doc/guarantees.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let named = tests_named_in(&page);
    assert!(named.len() > 50, "only {} tests are named", named.len());
    for (file, name) in named {
        let source = std::fs::read_to_string(repository().join(file));
        let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
        let head = format!("fn {name}(");
        let at = source.find(&head).unwrap_or_else(|| panic!("{file} has no test {name}"));
        // The attribute stands some lines above, with others.
        let above = source[..at].rsplit("\n\n").next().unwrap_or_default();
        assert!(above.contains("#[test]"), "{name} in {file} is no test");
    }
}

#[test]
fn every_guarantee_names_its_test_or_says_that_there_is_none() {
    let page = repository().join("doc/guarantees.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| | can"));
    let mut count = 0;
    for row in rows {
        count += 1;
        let is_proved = !tests_named_in(row).is_empty();
        assert!(is_proved || row.contains("not proved"), "nothing proves: {row}");
    }
    assert!(count > 25, "only {count} rows");
}
