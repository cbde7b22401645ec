//! The info document as users meet it: read, written, checked against its schema.

// `cfg(test)` tells clippy that helpers outside of a `#[test]` are tests too.
#[cfg(test)]
mod documents;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod writing;
