//! Whatever is wrong, the message says what was wanted, what was found and what to do.
//!
//! The tables here are run, and what they said is the page `docs/bad_input.md`. To write the page
//! anew, run this test with `BIGARRAYS_UPDATE=1`.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test helpers may fail a test"
)]

mod command_line;
mod library;
mod stored_bytes;

use std::error::Error as StdError;
use std::fmt::Write as _;

use bigarrays_tests::bench::Bench;
use bigarrays_tests::repository;

/// One thing that is wrong, how it was tried, and what was said.
#[derive(Debug)]
struct Case {
    what: &'static str,
    how: String,
    said: String,
}

/// Runs a line that must fail, and keeps what it says of it. The folder is called `DIR`.
fn fails(bench: &Bench, what: &'static str, line: &str) -> Case {
    let output = bench.run(line);
    let said = String::from_utf8(output.stderr).expect("text");
    let status = output.status.code().unwrap_or(-1);
    let said = without_folder(bench, &said);
    Case {
        what,
        how: format!("$ bigarrays {line}"),
        said: format!("{}\n(exit status {status})", said.trim_end()),
    }
}

fn without_folder(bench: &Bench, text: &str) -> String {
    let folder = bench.path("");
    let folder = folder.to_str().expect("text").trim_end_matches('/');
    text.replace(folder, "DIR")
}

/// An error and its causes, a line each.
fn story(error: &dyn StdError) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(said, "\n  because: {}", error.to_string().replace('\n', "\n    ")).unwrap();
        cause = error.source();
    }
    said
}

fn page(chapters: &[(&str, Vec<Case>)]) -> String {
    let mut text = String::from(
        "# What is said of bad input\n\n\
         Every case here is a test (`tests/tests/bad_input`), and every message is what was really\n\
         said; `DIR` stands for a folder. `BIGARRAYS_UPDATE=1` writes this page anew.\n",
    );
    let mut number = 0;
    for (title, cases) in chapters {
        write!(text, "\n## {title}\n").unwrap();
        for Case { what, how, said } in cases {
            number += 1;
            let said: Vec<&str> = said.lines().map(str::trim_end).collect();
            write!(text, "\n{number}. {what}\n\n```text\n{how}\n\n{}\n```\n", said.join("\n"))
                .unwrap();
        }
    }
    text
}

/// Only a build with every store and encoding says the same as the page.
#[test]
#[cfg(all(
    feature = "rocksdb",
    feature = "hdf5",
    feature = "s3",
    feature = "gcs",
    feature = "azure",
    feature = "http"
))]
fn every_message_is_the_one_in_the_document() {
    let Some(bench) = Bench::new() else { return };
    let chapters = [
        ("The command line", command_line::cases(&bench)),
        ("Stored bytes", stored_bytes::cases(&bench)),
        ("The library", library::cases()),
    ];
    let count: usize = chapters.iter().map(|(_, cases)| cases.len()).sum();
    assert!(count >= 60, "only {count} cases");
    let wanted = page(&chapters);
    let path = repository().join("docs/bad_input.md");
    if std::env::var_os("BIGARRAYS_UPDATE").is_some() {
        std::fs::write(&path, &wanted).expect("written");
    }
    for Case { how, said, .. } in chapters.iter().flat_map(|(_, cases)| cases) {
        let is_refused = how.starts_with('$')
            && ["(exit status 1)", "(exit status 2)"].iter().any(|end| said.ends_with(end));
        assert!(is_refused || !how.starts_with('$'), "{how} was not refused: {said}");
        assert!(!said.contains("panicked"), "{how}: {said}");
    }
    let found = std::fs::read_to_string(&path).expect("the page");
    for (found, wanted) in found.lines().zip(wanted.lines()) {
        assert_eq!(found, wanted, "docs/bad_input.md is out of date; run with BIGARRAYS_UPDATE=1");
    }
    assert_eq!(found.len(), wanted.len(), "docs/bad_input.md is out of date");
}
