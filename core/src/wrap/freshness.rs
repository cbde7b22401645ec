//! For how long what was read once is used again.

use std::time::Duration;

/// When a cache asks the store whether a value is still the same.
///
/// Whatever is chosen, a write through the cache itself is seen by the next read through it. The
/// choice is about writes by others: another process, or another handle with a cache of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// Never: for values that nobody changes, or where an old one does no harm. Another's write
    /// may never be seen. The fastest.
    Forever,
    /// If it was not asked for so long. Another's write is seen after this time at the latest.
    Age(Duration),
    /// Every time, by one `head` whose version is compared. A read sees what another had written
    /// before it began. Values whose version the store does not tell are not kept.
    #[default]
    Validate,
}

impl Freshness {
    /// Whether what was known at `checked` is still believed at `now`.
    pub(crate) fn trusts(self, checked: Duration, now: Duration) -> bool {
        match self {
            Self::Forever => true,
            // What was checked in the future was checked by a clock that is wrong.
            Self::Age(age) => now.checked_sub(checked).is_some_and(|passed| passed < age),
            Self::Validate => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_ends_with_its_age() {
        let at = Duration::from_secs;
        assert!(Freshness::Forever.trusts(at(0), Duration::MAX));
        assert!(!Freshness::Validate.trusts(at(5), at(5)));
        let minute = Freshness::Age(at(60));
        assert!(minute.trusts(at(5), at(64)));
        assert!(!minute.trusts(at(5), at(65)));
        assert!(!minute.trusts(at(5), at(4)), "a clock that went back");
    }
}
