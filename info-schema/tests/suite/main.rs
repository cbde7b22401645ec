//! The info document as users meet it: read, written, checked against its schema.

mod documents;
mod properties;
mod reading;
mod schema;
mod writing;
