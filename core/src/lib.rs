//! One small trait turns any key-value store into an n-dimensional array.

pub mod backend;
pub mod geometry;
pub mod key;
pub mod memory;
pub mod wrap;
