//! A directory of cuboid files as a store: [`H5CuboidBackend`].
mod blocks;
mod change;
mod config;
mod describe;
mod geometry;
mod list;
mod names;
mod options;
mod rewrite;
mod store;
mod temporary;
mod value;
mod volume;

pub use config::Compression;
pub use options::H5CuboidOptions;
pub use store::H5CuboidBackend;
