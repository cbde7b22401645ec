//! A folder of many small volumes with the voxels that each must have: made by another program and
//! read by us, or made by us and read by others. `manifest.json` says what is what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bigarrays::{BigArray, BoundingBox, Encoding, Number, OnMissing, OpenOptions};
use serde_json::Value;

use crate::npy::Voxels;

/// A folder of volumes.
#[derive(Debug)]
pub struct Matrix {
    /// The folder.
    pub dir: PathBuf,
    /// Its volumes.
    pub volumes: Vec<Volume>,
}

/// One volume, as the manifest has it.
#[derive(Debug, Clone)]
pub struct Volume(pub Value);

/// One scale of a volume and its voxels.
#[derive(Debug, Clone)]
pub struct Mip {
    /// The index of the scale.
    pub index: usize,
    /// What a reader must get.
    pub voxels: Voxels,
    /// How much a value may differ.
    pub tolerance: f64,
    /// What was given to a lossy encoder, and how far it went from that.
    pub source: Option<(Voxels, f64)>,
    /// The names of chunks that are not stored.
    pub missing: Vec<String>,
}

impl Matrix {
    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// What is wrong with it; volumes that its maker could not make among it.
    pub fn load(dir: &Path) -> Result<Self, String> {
        let path = dir.join("manifest.json");
        let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let manifest: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if manifest["skipped"].as_array().is_some_and(|skipped| !skipped.is_empty()) {
            return Err(format!("volumes that were not made: {}", manifest["skipped"]));
        }
        let volumes = manifest["volumes"].as_array().ok_or("no volumes")?;
        let volumes = volumes.iter().cloned().map(Volume).collect();
        Ok(Self { dir: dir.to_owned(), volumes })
    }

    /// Whether it has a volume of this encoding.
    #[must_use]
    pub fn has(&self, encoding: Encoding) -> bool {
        self.volumes.iter().any(|volume| volume.encoding() == Ok(encoding))
    }

    /// Reads every volume whole and in some boxes, and compares. Answers how many volumes of each
    /// encoding are right; adds what is not right to `failures`.
    pub fn check(&self, failures: &mut Vec<String>) -> BTreeMap<&'static str, usize> {
        let mut right = BTreeMap::new();
        for volume in &self.volumes {
            match self.check_volume(volume) {
                Ok(encoding) => *right.entry(encoding.name()).or_default() += 1,
                Err(why) => failures.push(format!(
                    "read {} ({}): {why}",
                    volume.name(),
                    volume.text("encoding")
                )),
            }
        }
        right
    }

    fn check_volume(&self, volume: &Volume) -> Result<Encoding, String> {
        let encoding = volume.encoding()?;
        for mip in volume.mips(&self.dir)? {
            let at = |what: String| format!("scale {}: {what}", mip.index);
            let array = volume.open(&self.dir, mip.index).map_err(at)?;
            check_array(&array, &mip, volume.name()).map_err(at)?;
        }
        Ok(encoding)
    }
}

/// Compares an array with the voxels that it must have: the whole of it, and boxes that begin and
/// end anywhere.
///
/// # Errors
/// The first box that differs, or why one cannot be read.
pub fn check_array(array: &BigArray, mip: &Mip, seed: &str) -> Result<(), String> {
    let bounds = array.bounds();
    let [x, y, z, _] = mip.voxels.shape;
    let mut random = Random::new(seed);
    let mut boxes = vec![([0; 3], [x, y, z])];
    for _ in 0..4 {
        let min = [x, y, z].map(|length| random.below(length));
        let max =
            std::array::from_fn(|axis| min[axis] + 1 + random.below([x, y, z][axis] - min[axis]));
        boxes.push((min, max));
    }
    for (min, max) in boxes {
        let corner = |place: [usize; 3]| {
            std::array::from_fn(|axis| bounds.min[axis].saturating_add_unsigned(place[axis] as u64))
        };
        let bbox = BoundingBox::new(corner(min), corner(max));
        let got = array.read_dyn(bbox).map_err(|error| format!("{bbox}: {}", story(&error)))?;
        let wanted = mip.voxels.cut(min, max);
        let same = Voxels::from(got).compare(&wanted, mip.tolerance);
        same.map_err(|why| format!("{bbox}: {why}"))?;
    }
    Ok(())
}

impl Volume {
    /// A text of the manifest; empty where there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// Its encoding.
    ///
    /// # Errors
    /// If there is no such encoding.
    pub fn encoding(&self) -> Result<Encoding, String> {
        self.text("encoding").parse().map_err(|error| format!("{error}"))
    }

    /// The value of chunks that are not stored, if some are not.
    #[must_use]
    pub fn fill(&self) -> Option<i64> {
        let fill = self.0["fill_missing"].as_bool().unwrap_or(false);
        fill.then(|| self.0["background_color"].as_i64().unwrap_or(0))
    }

    /// Opens a scale. A chunk that is missing is an error, unless the volume has such.
    ///
    /// # Errors
    /// Why it does not open.
    pub fn open(&self, dir: &Path, scale: usize) -> Result<BigArray, String> {
        let fill = self.fill();
        let options = OpenOptions::new().read_only().array(move |options| match fill {
            Some(fill) => options.scale(scale).fill(Number::Int(fill.into())),
            None => options.scale(scale).on_missing(OnMissing::Error),
        });
        let url = format!("file://{}", dir.join(self.text("path")).display());
        options.open(&url).map_err(|error| story(&error))
    }

    /// Its scales, with the voxels that they must have.
    ///
    /// # Errors
    /// What is wrong with the manifest or a file.
    pub fn mips(&self, dir: &Path) -> Result<Vec<Mip>, String> {
        let mips = self.0["mips"].as_array().ok_or("no mips")?;
        mips.iter().map(|mip| Mip::load(mip, dir)).collect()
    }
}

impl Mip {
    fn load(mip: &Value, dir: &Path) -> Result<Self, String> {
        let file = |key: &str| mip[key].as_str().map(|name| Voxels::load(&dir.join(name)));
        let index = mip["mip"].as_u64().and_then(|index| usize::try_from(index).ok());
        let missing = mip["missing"].as_array().into_iter().flatten();
        Ok(Self {
            index: index.ok_or("a scale without an index")?,
            voxels: file("npy").ok_or("a scale without voxels")??,
            tolerance: mip["tolerance"].as_f64().unwrap_or(0.0),
            source: match file("source_npy") {
                Some(source) => Some((source?, mip["source_error"].as_f64().unwrap_or(0.0))),
                None => None,
            },
            missing: missing.filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
        })
    }
}

/// An error with all its causes.
pub fn story(error: &dyn std::error::Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story.push_str(&format!(": {error}"));
        cause = error.source();
    }
    story
}

/// Numbers that look random and are the same in every run.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on a text.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        let seed = seed.bytes().fold(14_695_981_039_346_656_037, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
        });
        Self(seed | 1)
    }

    /// A number from 0 to one below the limit, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % (limit as u64)).unwrap_or(0)
    }
}
