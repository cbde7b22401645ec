//! What each store promises, as a table that documents and programs print.

/// What one store is and promises, in short sentences for a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreFacts {
    /// The cargo feature that has it, which is also its name.
    pub feature: &'static str,
    /// Its URL schemes, the first one the usual one.
    pub schemes: &'static [&'static str],
    /// What it is and what a value is in it.
    pub what: &'static str,
    /// How a put is whole.
    pub atomicity: &'static str,
    /// What a reported put survives.
    pub durability: &'static str,
    /// Between whom compare-and-swap holds, or that there is none.
    pub compare_and_swap: &'static str,
    /// Readers and writers beside each other.
    pub concurrency: &'static str,
    /// Longest values, keys that are refused, what it cannot do.
    pub limits: &'static str,
    /// What must be installed to build or run it.
    pub needs: &'static str,
}

/// The stores of this build, in the order of their names.
#[must_use]
pub fn stores() -> Vec<&'static StoreFacts> {
    vec![
        #[cfg(all(feature = "fs", unix))]
        &crate::fs::FACTS,
        #[cfg(feature = "gcs")]
        &crate::gcs::FACTS,
        #[cfg(feature = "hdf5")]
        &crate::hdf5::FACTS,
        #[cfg(feature = "http")]
        &crate::http::FACTS,
        #[cfg(feature = "object")]
        &crate::object::FACTS,
        #[cfg(feature = "rocksdb")]
        &crate::rocksdb::FACTS,
        #[cfg(feature = "s3")]
        &crate::s3::FACTS,
        #[cfg(feature = "hdf5")]
        &crate::sections::FACTS,
        #[cfg(feature = "sqlite")]
        &crate::sqlite::FACTS,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_says_all_of_its_promises() {
        for store in stores() {
            let StoreFacts { feature, schemes, what, .. } = store;
            assert!(!schemes.is_empty() && !what.is_empty(), "{feature}");
            let rest = [store.atomicity, store.durability, store.compare_and_swap];
            let more = [store.concurrency, store.limits, store.needs];
            assert!(rest.iter().chain(&more).all(|text| !text.is_empty()), "{feature}");
        }
    }
}
