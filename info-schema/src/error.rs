//! What can be wrong with an `info` document.

use std::fmt;

/// Whether a [`Problem`] makes a document unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The document cannot be used.
    Error,
    /// The document can be used, but something about it is unusual, or refused by other programs.
    Warning,
}

/// One thing wrong with a document, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The JSON path, for instance `scales[1].chunk_sizes[0]`; empty for the document itself.
    pub path: String,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
}

impl Problem {
    /// Whether the document cannot be used because of this.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.into(), message: message.into() }
    }

    pub(crate) fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, path: path.into(), message: message.into() }
    }
}

/// `scales[1].size: must be 3 integers`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Why an `info` document cannot be read, written or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InfoError {
    /// The bytes are not JSON. The source tells the line and the column.
    #[error("cannot read the info document: it is not JSON")]
    NotJson {
        /// What the JSON reader says.
        #[source]
        source: serde_json::Error,
    },
    /// The document is JSON, but describes something else.
    #[error("cannot read the info document: this is {kind}, not a volume")]
    NotAVolume {
        /// What it is, with its article, for instance
        /// `an annotation layer (neuroglancer_annotations_v1)`.
        kind: String,
    },
    /// The volume lives somewhere else.
    #[error("the info document redirects to {to}")]
    Redirect {
        /// Where: the URL as it stands in the document.
        to: String,
    },
    /// The document breaks the rules of the format.
    #[error("the info document is not valid:{}", lines(problems))]
    Invalid {
        /// Every error, no warnings; of very many the first thousand and a count of the rest.
        problems: Vec<Problem>,
    },
    /// There is such a scale already.
    #[error("cannot add scale {key}: scales[{existing}] has this key or this resolution already")]
    ScaleExists {
        /// The key the new scale would have.
        key: String,
        /// The index of the scale that is in the way.
        existing: usize,
    },
    /// A scale cannot be derived by this factor.
    #[error("cannot add a scale by factor {factor:?}: {reason}")]
    InvalidFactor {
        /// The factor asked for.
        factor: [u64; 3],
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Every problem on a line of its own.
fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// A name that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`{note}; known are {known}")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    note: String,
    known: String,
}

impl UnknownName {
    pub(crate) fn new<const N: usize>(
        what: &'static str,
        name: &str,
        known: [&'static str; N],
    ) -> Self {
        // A name comes from the document: shown escaped, and not at any length.
        let name = name.chars().take(64).flat_map(char::escape_debug).collect();
        Self { what, name, note: String::new(), known: known.join(", ") }
    }

    pub(crate) fn with_note(self, note: &str) -> Self {
        Self { note: format!(" ({note})"), ..self }
    }

    /// The name that is not known.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_shown_on_a_line_of_its_own() {
        let problems = vec![
            Problem::error("scales[1].size", "must be 3 integers"),
            Problem::error("", "is empty"),
        ];
        let shown = InfoError::Invalid { problems }.to_string();
        let lines: Vec<_> = shown.lines().skip(1).collect();
        assert_eq!(lines, ["  scales[1].size: must be 3 integers", "  is empty"]);
    }

    #[test]
    fn hostile_names_are_escaped_and_cut() {
        let unknown = UnknownName::new("thing", &"\u{1b}[31m".repeat(100), ["a"]);
        assert!(!unknown.to_string().contains('\u{1b}'));
        assert!(unknown.to_string().len() < 600);
    }
}
