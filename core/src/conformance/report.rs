//! What came out of a run of the suite.

use std::fmt;
use std::time::Duration;

/// How one case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The store keeps this promise.
    Passed,
    /// It does not: what was expected and what came instead.
    Failed(String),
    /// The case does not apply to this store: why.
    Skipped(String),
}

/// One case of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaseResult {
    /// The number of the case, such as `C13`.
    pub id: &'static str,
    /// The promise.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Where the store had a choice: what it chose.
    pub notes: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// All cases of a run. Its `Display` is a table.
#[derive(Debug, Clone)]
#[must_use = "a report that nobody reads proves nothing"]
pub struct Report {
    store: String,
    cases: Vec<CaseResult>,
}

impl Report {
    pub(super) const fn new(store: String, cases: Vec<CaseResult>) -> Self {
        Self { store, cases }
    }

    /// All cases in the order in which they ran.
    #[must_use]
    pub fn cases(&self) -> &[CaseResult] {
        &self.cases
    }

    /// How the case of this number ended.
    #[must_use]
    pub fn outcome(&self, id: &str) -> Option<&Outcome> {
        let case = self.cases.iter().find(|case| case.id == id)?;
        Some(&case.outcome)
    }

    /// The numbers of the cases that failed.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.ids(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    /// The numbers of the cases that do not apply.
    #[must_use]
    pub fn skipped(&self) -> Vec<&'static str> {
        self.ids(|outcome| matches!(outcome, Outcome::Skipped(_)))
    }

    fn ids(&self, wanted: impl Fn(&Outcome) -> bool) -> Vec<&'static str> {
        let cases = self.cases.iter().filter(|case| wanted(&case.outcome));
        cases.map(|case| case.id).collect()
    }

    /// Whether no case failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failed().is_empty()
    }

    /// Ends the test with the whole table if a case failed.
    ///
    /// # Panics
    /// If a case failed: this is meant for tests.
    #[expect(clippy::panic, reason = "an assertion for tests, which says so")]
    pub fn assert_ok(&self) {
        if !self.is_ok() {
            panic!("{self}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "conformance of {}", self.store)?;
        for case in &self.cases {
            let (word, why) = match &case.outcome {
                Outcome::Passed => ("passed", None),
                Outcome::Failed(why) => ("FAILED", Some(why)),
                Outcome::Skipped(why) => ("skipped", Some(why)),
            };
            let (id, name, millis) = (case.id, case.name, case.elapsed.as_millis());
            writeln!(f, "  {id:<4}{word:<8} {name} ({millis} ms)")?;
            for line in why.into_iter().chain(&case.notes) {
                writeln!(f, "              {line}")?;
            }
        }
        let (all, failed, skipped) = (self.cases.len(), self.failed().len(), self.skipped().len());
        write!(f, "{} passed, {failed} failed, {skipped} skipped", all - failed - skipped)
    }
}
