//! Boxes as text, voxels as files and volumes as facts: what the programs of bigarrays share.
//!
//! Encoders write to whatever takes bytes, and know of no file, path or request.

pub mod facts;
pub mod npy;
pub mod png;
pub mod text;
pub mod tiff;
mod voxels;

pub use voxels::Voxels;
