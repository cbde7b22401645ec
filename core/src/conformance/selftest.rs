//! The suite must be able to fail: stores that are broken in one way each, and the cases that
//! notice, and no others.

mod broken;
mod wire;

use std::sync::{Arc, Mutex, Weak};

use super::{Outcome, Report, Suite, run};
use crate::backend::{BackendError, BackendResult, ErrorKind, Operation};
use crate::memory::MemoryBackend;
use broken::{Broken, Flaw};

fn report(flaw: Flaw) -> Report {
    let store = Broken { inner: MemoryBackend::new(), flaw };
    // C1 is asked only where it matters: its 16 MiB are slow without optimisation.
    let matters = matches!(flaw, Flaw::Truncates | Flaw::EmptyIsMissing | Flaw::Sound);
    let suite = Suite::new(|| Ok(store.clone())).overwrites(200);
    if matters { suite.run() } else { suite.without("C1", "not about sizes").run() }
}

#[track_caller]
fn fails(flaw: Flaw, ids: &[&str]) {
    let report = report(flaw);
    assert_eq!(report.failed(), ids, "{report}");
}

#[test]
fn a_sound_store_fails_nothing() {
    fails(Flaw::Sound, &[]);
}

#[test]
fn torn_values_are_seen() {
    fails(Flaw::Tears, &["C13"]);
    fails(Flaw::TearsEncoding, &["X2"]);
}

#[test]
fn lost_updates_are_seen() {
    fails(Flaw::LosesUpdates, &["C15"]);
    fails(Flaw::CreatesTwice, &["C17"]);
    fails(Flaw::DeletesTwice, &["C18"]);
}

#[test]
fn bad_listings_are_seen() {
    fails(Flaw::ListsTemporary, &["C9"]);
    fails(Flaw::ListsTwice, &["C7", "C8", "C9", "X1"]);
    fails(Flaw::ListsOnePage, &["C9"]);
    fails(Flaw::ListsNoSizes, &["C9", "C11"]);
    fails(Flaw::ListsLookalikes, &["C10"]);
    fails(Flaw::ListsNothing, &["X5"]);
}

#[test]
fn deletes_that_take_too_much_or_nothing_are_seen() {
    fails(Flaw::DeletesLookalikes, &["C8", "C10"]);
    let failed = report(Flaw::DeletesNothing).failed();
    assert!(failed.contains(&"C2") && failed.contains(&"C10") && failed.contains(&"X12"));
}

#[test]
fn confusions_of_missing_empty_and_failed_are_seen() {
    fails(Flaw::EmptyIsMissing, &["C1", "C3"]);
    assert!(report(Flaw::MissingIsError).failed().contains(&"C2"));
}

#[test]
fn disregarded_conditions_are_seen() {
    fails(Flaw::IgnoresConditions, &["C15", "C17", "C18", "X4"]);
    fails(Flaw::DropsConditions, &["X5"]);
}

#[test]
fn versions_that_do_not_change_are_seen() {
    fails(Flaw::ConstantVersions, &["C19"]);
    fails(Flaw::ContentVersions, &["C19"]);
}

#[test]
fn wrong_ranges_are_seen() {
    fails(Flaw::RefusesPastEnd, &["C3", "C4"]);
    fails(Flaw::SortsRanges, &["C5"]);
    let failed = report(Flaw::ForgetsRanges).failed();
    assert_eq!(failed, ["C4", "X1", "X9"]);
}

#[test]
fn wrong_batches_are_seen() {
    fails(Flaw::SortsBatches, &["C6", "X3"]);
    fails(Flaw::SpreadsFailures, &["C6"]);
    fails(Flaw::DropsFromBatches, &["C9", "X3"]);
}

#[test]
fn changed_keys_are_seen() {
    fails(Flaw::DecodesPercent, &["C7"]);
    fails(Flaw::FoldsCase, &["C7"]);
    fails(Flaw::HidesBelow, &["C8"]);
}

#[test]
fn changed_values_are_seen() {
    fails(Flaw::ForgetsEncodings, &["X1", "X2"]);
    fails(Flaw::Truncates, &["C1"]);
    fails(Flaw::TruncatesAtLimit, &["X8"]);
}

#[test]
fn wrong_declarations_are_seen() {
    fails(Flaw::WritesThough, &["X5"]);
    fails(Flaw::AnswersPending, &["X6"]);
    fails(Flaw::Anonymous, &["X11"]);
}

#[test]
fn a_panic_is_a_failed_case_and_not_the_end() {
    let report = report(Flaw::Panics);
    // The key that C7 could not put cannot be removed either.
    assert_eq!(report.failed(), ["C7", "X12"], "{report}");
    let Some(Outcome::Failed(why)) = report.outcome("C7") else {
        panic!("{report}");
    };
    assert_eq!(why, "the store panicked: too long");
}

#[test]
fn content_that_ends_with_its_last_handle_is_not_persistent() {
    let living = Mutex::new(Weak::<MemoryBackend>::new());
    let open = || {
        let mut living = living.lock().unwrap();
        let store = living.upgrade().unwrap_or_default();
        *living = Arc::downgrade(&store);
        Ok(store)
    };
    // Something has to hold it between the handles of other cases.
    let report = Suite::new(open).persistent().only(&["C11", "C12"]).run();
    assert_eq!(report.failed(), ["C12"], "{report}");
    let kept = MemoryBackend::new();
    let report = Suite::new(|| Ok(kept.clone())).persistent().only(&["C12"]).run();
    assert_eq!(report.outcome("C12"), Some(&Outcome::Passed), "{report}");
}

#[test]
fn a_store_that_does_not_open_is_a_report_too() {
    let report = run(|| -> BackendResult<MemoryBackend> {
        Err(BackendError::new(ErrorKind::InvalidConfig, "nowhere", Operation::Open))
    });
    assert_eq!(report.failed(), ["C0"]);
    assert!(report.to_string().contains("cannot open nowhere"), "{report}");
}

#[test]
#[should_panic(expected = "X11 FAILED")]
fn a_failed_report_ends_a_test_with_its_table() {
    report(Flaw::Anonymous).assert_ok();
}

/// The cases about networks, on a client with a flaw.
fn over_a_wire(flaw: wire::Flaw) -> Report {
    let server = wire::serve(MemoryBackend::new());
    let client = |server, password| wire::Wire { server, password, flaw };
    Suite::new(|| Ok(wire::Wire { flaw: wire::Flaw::Sound, ..client(server, wire::PASSWORD) }))
        .network(server, |server| Ok(client(server, wire::PASSWORD)))
        .stranger(|server| Ok(client(server, 0)))
        .only(&["C22", "C24", "C25", "C26", "C27"])
        .run()
}

#[test]
fn what_a_client_makes_of_a_bad_network_is_seen() {
    use wire::Flaw;
    for (flaw, failed) in [
        (Flaw::Sound, &[][..]),
        (Flaw::TakesPartsForWholes, &["C24"]),
        (Flaw::TakesFailuresForMissing, &["C22", "C24", "C25", "C26"]),
        (Flaw::PutsTwice, &["C25"]),
        (Flaw::ConfusesRefusals, &["C27"]),
    ] {
        let report = over_a_wire(flaw);
        assert_eq!(report.failed(), failed, "{flaw:?}: {report}");
        assert_eq!(report.skipped(), [""; 0], "{report}");
    }
}

#[test]
fn a_write_that_should_be_refused_and_is_not_is_seen() {
    let store = MemoryBackend::new();
    let suite = || Suite::new(|| Ok(store.clone())).only(&["C21"]);
    let read_only = || Ok(crate::wrap::ReadOnly::new(store.clone()));
    assert_eq!(suite().refusing(read_only).run().failed(), [""; 0]);
    assert_eq!(suite().refusing(|| Ok(store.clone())).run().failed(), ["C21"]);
    assert_eq!(suite().run().skipped(), ["C21"]);
}
