//! Pages of keys, in order.
//!
//! A store lists its keys in any order. A page is the first of those behind the last one's end, and
//! only so many are kept while the listing passes by: memory is bounded, and each page takes a
//! listing.

use std::collections::BTreeMap;

use bigarrays::backend::{BackendResult, Meta, Version};
use bigarrays::{KeyValueBackend, Prefix};
use futures::TryStreamExt;

/// What a page has.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Keys begin with it, wherever it ends.
    pub(super) prefix: String,
    /// Keys that have it behind the prefix are shown as one, as far as it.
    pub(super) delimiter: String,
    /// All come behind it.
    pub(super) after: String,
    /// So many at the most.
    pub(super) most: usize,
}

/// One of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Object {
        size: u64,
        version: Option<Version>,
    },
    /// Several objects, as far as the delimiter.
    Common,
}

/// Some of what is there, in order.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: BTreeMap<String, Entry>,
    /// Whether there are more behind.
    pub(super) is_truncated: bool,
}

impl Page {
    /// The last of the page, behind which the next one begins.
    pub(super) fn end(&self) -> Option<&str> {
        self.entries.last_key_value().map(|(key, _)| key.as_str())
    }

    /// Takes a key into account.
    fn take(&mut self, wanted: &Wanted, meta: Meta) {
        let key = meta.key.as_str();
        let Some(rest) = key.strip_prefix(wanted.prefix.as_str()) else { return };
        let common = match wanted.delimiter.as_str() {
            "" => None,
            delimiter => rest.find(delimiter).map(|at| at + delimiter.len()),
        };
        let (name, entry) = match common {
            Some(len) => (&key[..wanted.prefix.len() + len], Entry::Common),
            None => (key, Entry::Object { size: meta.size, version: meta.version }),
        };
        if name <= wanted.after.as_str() {
            return;
        }
        if self.entries.len() == wanted.most && self.end().is_none_or(|end| name > end) {
            self.is_truncated = true;
            return;
        }
        self.entries.insert(name.to_owned(), entry);
        if self.entries.len() > wanted.most {
            self.entries.pop_last();
            self.is_truncated = true;
        }
    }
}

/// Lists a page of a store.
pub(super) async fn page(store: &dyn KeyValueBackend, wanted: &Wanted) -> BackendResult<Page> {
    let mut page = Page::default();
    if wanted.most == 0 {
        return Ok(page);
    }
    let folder = match wanted.prefix.rfind('/') {
        Some(end) => Prefix::new(&wanted.prefix[..end]),
        None => Ok(Prefix::root()),
    };
    // What is no prefix of a key is one of none.
    let Ok(folder) = folder else { return Ok(page) };
    let mut keys = store.list(&folder);
    while let Some(meta) = keys.try_next().await? {
        page.take(wanted, meta);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::Key;

    fn pages(keys: &[&str], wanted: &Wanted) -> Vec<Vec<String>> {
        let mut wanted = wanted.clone();
        let mut pages = Vec::new();
        loop {
            let mut page = Page::default();
            for key in keys {
                let key = Key::new(key).unwrap();
                page.take(&wanted, Meta { key, size: 1, version: None, content_encoding: None });
            }
            pages.push(page.entries.keys().cloned().collect());
            match page.end() {
                Some(end) if page.is_truncated => wanted.after = end.to_owned(),
                _ => return pages,
            }
        }
    }

    const KEYS: [&str; 7] = ["b/2", "a", "c", "b/1", "b.x", "b/d/1", "d/1"];

    #[test]
    fn pages_together_are_all_keys_in_order() {
        for most in 1..8 {
            let wanted = Wanted { most, ..Wanted::default() };
            let pages = pages(&KEYS, &wanted);
            assert!(pages.iter().rev().skip(1).all(|page| page.len() == most));
            assert_eq!(pages.concat(), ["a", "b.x", "b/1", "b/2", "b/d/1", "c", "d/1"]);
        }
    }

    #[test]
    fn what_has_a_delimiter_is_one_on_all_pages_together() {
        for most in 1..6 {
            let wanted = Wanted { most, delimiter: "/".into(), ..Wanted::default() };
            assert_eq!(pages(&KEYS, &wanted).concat(), ["a", "b.x", "b/", "c", "d/"]);
        }
        let wanted = |prefix: &str| Wanted {
            most: 9,
            delimiter: "/".into(),
            prefix: prefix.into(),
            ..Wanted::default()
        };
        assert_eq!(pages(&KEYS, &wanted("b/")).concat(), ["b/1", "b/2", "b/d/"]);
        assert_eq!(pages(&KEYS, &wanted("b")).concat(), ["b.x", "b/"]);
        assert_eq!(pages(&KEYS, &wanted("x")).concat(), [""; 0]);
    }
}
