//! What can be asked.

use std::error::Error;
use std::path::PathBuf;

use bigarrays::BoundingBox;
use clap::{Parser, ValueEnum};
use serde_json::Value;

use crate::Outcome;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// All boxes in order, one at a time.
    Read,
    /// Single voxels.
    Points,
    /// Opening from nothing, and one voxel.
    Open,
    /// A whole volume from memory.
    Write,
    /// Entries of a collection of many small arrays.
    Instances,
}

/// The command line.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// What is measured.
    #[arg(value_enum)]
    pub(crate) what: What,
    /// The volume, `file:///DIR`, or any other URL that bigarrays opens.
    #[arg(long)]
    pub(crate) volume: Option<String>,
    /// precomputed or hdf5.
    #[arg(long)]
    pub(crate) format: Option<String>,
    /// A file with `{"boxes": [[x0, y0, z0, x1, y1, z1], …]}`.
    #[arg(long)]
    pub(crate) boxes: Option<PathBuf>,
    /// Bytes of decoded chunks that may be kept between calls.
    #[arg(long, default_value_t = 0)]
    pub(crate) cache_bytes: u64,
    /// Read all points with one call.
    #[arg(long)]
    pub(crate) batch: bool,
    /// Append the bytes of the first repetition to this file.
    #[arg(long)]
    pub(crate) dump: Option<PathBuf>,
    /// The voxels to write, in Fortran order.
    #[arg(long)]
    pub(crate) source: Option<PathBuf>,
    /// What the volume to write is like.
    #[arg(long)]
    pub(crate) spec: Option<PathBuf>,
    /// Durability of writes: none, batch or each.
    #[arg(long, default_value = "none")]
    pub(crate) durability: String,
    /// Repetitions at the most.
    #[arg(long, default_value_t = 1)]
    pub(crate) repeat: usize,
    /// No repetition is begun later than this.
    #[arg(long, default_value_t = 1e9)]
    pub(crate) max_seconds: f64,
    /// Of a collection: not done yet.
    #[arg(long)]
    pub(crate) path: Option<PathBuf>,
    /// Of a collection: not done yet.
    #[arg(long)]
    pub(crate) order: Option<PathBuf>,
    /// Of a collection: not done yet.
    #[arg(long)]
    pub(crate) entries: Option<PathBuf>,
}

impl Args {
    pub(crate) fn volume(&self) -> Outcome<&str> {
        self.volume.as_deref().ok_or_else(|| "--volume is needed".into())
    }

    /// The URL of the volume, `None` for a format that is not read.
    pub(crate) fn url(&self) -> Outcome<Option<String>> {
        let volume = self.volume()?;
        Ok(match self.format.as_deref().unwrap_or("precomputed") {
            "precomputed" => Some(volume.to_owned()),
            "hdf5" if cfg!(feature = "hdf5") => {
                let path = volume.strip_prefix("file://").unwrap_or(volume);
                Some(format!("h5://{path}?dataset=/main"))
            }
            _ => None,
        })
    }

    pub(crate) fn boxes(&self) -> Outcome<Vec<BoundingBox>> {
        let path = self.boxes.as_ref().ok_or("--boxes is needed")?;
        let document: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let boxes = document["boxes"].as_array().ok_or("the file has no boxes")?;
        boxes.iter().map(bounding_box).collect()
    }
}

fn bounding_box(corners: &Value) -> Outcome<BoundingBox> {
    let corners: Vec<i64> =
        corners.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    match corners[..] {
        [x0, y0, z0, x1, y1, z1] => Ok(BoundingBox::new([x0, y0, z0], [x1, y1, z1])),
        _ => Err("a box has six numbers".into()),
    }
}

#[expect(clippy::print_stderr, reason = "it is a command")]
pub(crate) fn complain(error: &dyn Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
