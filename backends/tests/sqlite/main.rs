//! x
#[path = "../common/mod.rs"]
mod common;
