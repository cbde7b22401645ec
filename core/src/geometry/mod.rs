//! Boxes of voxels and the grid of chunks: pure arithmetic that knows nothing of stores.
//!
//! Coordinates are voxels of one scale in the order x, y, z. Boxes are half-open.

mod bbox;
mod grid;
mod morton;
mod name;

pub use bbox::BoundingBox;
pub use grid::{ChunkGrid, ChunkPart, Cover, InvalidGrid};
pub use morton::MortonCode;
pub use name::{ChunkName, parse_chunk_name};
