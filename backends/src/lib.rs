//! The stores of bigarrays: one module and one feature each.
#[cfg(feature = "fs")]
pub mod fs;
#[cfg(feature = "sqlite")]
pub mod sqlite;
