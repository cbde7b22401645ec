//! Collecting what is wrong with a document.

use crate::error::{Problem, Severity};

/// Beyond this number problems are only counted: a hostile document must not fill the memory.
const MAX_PROBLEMS: usize = 1000;

/// Problems, collected while reading goes on.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<Problem>,
    unlisted_errors: usize,
}

impl Problems {
    pub(crate) fn error(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.push(Problem::error(path, message));
    }

    pub(crate) fn warning(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.push(Problem::warning(path, message));
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        if self.listed.len() < MAX_PROBLEMS {
            self.listed.push(problem);
        } else if problem.is_error() {
            self.unlisted_errors += 1;
        }
    }

    pub(crate) fn into_vec(mut self) -> Vec<Problem> {
        if self.unlisted_errors > 0 {
            let message = format!("has {} more problems, not listed", self.unlisted_errors);
            self.listed.push(Problem { severity: Severity::Error, path: String::new(), message });
        }
        self.listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_past_the_limit_are_counted() {
        let mut problems = Problems::default();
        for _ in 0..MAX_PROBLEMS + 7 {
            problems.error("x", "is bad");
        }
        let listed = problems.into_vec();
        assert_eq!(listed.len(), MAX_PROBLEMS + 1);
        assert!(listed[MAX_PROBLEMS].message.contains("7 more"));
    }
}
