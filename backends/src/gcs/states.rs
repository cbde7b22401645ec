//! What the states of objects are called, as far as it was seen.
//!
//! A conditional write tells in its mark after what it came. If the state before was itself a
//! marked write, that is told by its mark: so a writer whose answer was lost, and whose value was
//! replaced since, finds out that it had been there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::document::Document;

/// How many are kept. More are asked for again.
const CAPACITY: usize = 4096;

/// The marks of generations that were seen lately.
#[derive(Debug, Default)]
pub(super) struct States(Mutex<HashMap<(String, u64), String>>);

impl States {
    /// Remembers the mark of a generation.
    pub(super) fn note(&self, name: &str, generation: u64, mark: &str) {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= CAPACITY {
            states.clear();
        }
        states.insert((name.to_owned(), generation), mark.to_owned());
    }

    pub(super) fn find(&self, name: &str, generation: u64) -> Option<String> {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(&(name.to_owned(), generation)).cloned()
    }
}

impl Document {
    /// What the state of this object is called.
    pub(super) fn state(&self) -> String {
        match &self.mark {
            Some(mark) => mark.id.clone(),
            None => self.generation.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let states = States::default();
        for generation in 0..10_000 {
            states.note("a", generation, "me");
            assert_eq!(states.find("a", generation).as_deref(), Some("me"));
        }
        assert!(states.0.lock().unwrap().len() <= CAPACITY);
        assert_eq!(states.find("b", 9999), None);
    }
}
