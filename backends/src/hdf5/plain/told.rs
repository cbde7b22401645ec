//! What a file says of its datasets: which there are, and their attributes.
//!
//! | attribute | from | meaning |
//! |---|---|---|
//! | `axistags` | vigra, ilastik | JSON with the names of the dimensions |
//! | `resolution`, `voxel_size` | CREMI, funlib | nanometres of a voxel |
//! | `element_size_um` | Fiji, ilastik | micrometres of a voxel |
//! | `offset` | CREMI | nanometres from the origin to the first voxel |
//!
//! Numbers are in the order of the dataset's own dimensions.

use std::path::Path;

use bigarrays_core::backend::ErrorKind;
use hdf5::sync::sync;
use hdf5::types::{FixedAscii, FixedUnicode, VarLenAscii, VarLenUnicode};
use hdf5::{Attribute, Dataset, Group, LinkType};

use super::axes::{Axes, Axis};
use crate::hdf5::direct::H5Error;

/// The longest text of an attribute.
const LONGEST_TEXT: usize = 1 << 14;
/// How deep groups are looked into, and how many objects are looked at.
const DEEPEST: usize = 16;
const MOST_OBJECTS: usize = 2000;
/// How many datasets an error names.
const MOST_NAMED: usize = 20;

/// What the attributes of a dataset say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub(super) axes: Option<Axes>,
    /// The attribute's name, and nanometres along the dimensions of the dataset.
    pub(super) resolution: Option<(&'static str, Vec<f64>)>,
    /// Nanometres along the dimensions of the dataset.
    pub(super) offset: Option<Vec<f64>>,
}

impl Told {
    /// Reads the attributes of a dataset that is known to be there.
    pub(super) fn of(path: &Path, name: &str) -> Result<Self, H5Error> {
        sync(|| {
            let file = open(path)?;
            let dataset = file.dataset(name).map_err(|error| {
                let what = "the file has no such dataset that can be read";
                H5Error::library(ErrorKind::NotFound, what, &error)
            })?;
            let axes = attribute(&dataset, "axistags").and_then(|tags| text(&tags));
            let mut resolution = None;
            for (name, nanometres) in
                [("resolution", 1.0), ("voxel_size", 1.0), ("element_size_um", 1000.0)]
            {
                if let Some(found) = attribute(&dataset, name) {
                    let numbers = numbers(&found, name)?;
                    let scaled = numbers.into_iter().map(|number| number * nanometres).collect();
                    resolution = Some((name, scaled));
                    break;
                }
            }
            let offset = attribute(&dataset, "offset");
            let offset = offset.map(|found| numbers(&found, "offset")).transpose()?;
            let axes = axes.and_then(|tags| Axes::from_axistags(&tags));
            Ok(Self { axes, resolution, offset })
        })
    }
}

/// Numbers of an attribute as `[x, y, z]`, if there are as many as the dataset has axes in space
/// (or three of z, y, x for a plane).
pub(super) fn in_space(
    axes: &Axes,
    name: &str,
    numbers: &[f64],
    other: f64,
) -> Result<[f64; 3], H5Error> {
    let mut space = axes.spatial();
    if space.len() == 2 && numbers.len() == 3 {
        space.insert(0, Axis::Z);
    }
    if space.len() != numbers.len() || numbers.iter().any(|number| !number.is_finite()) {
        return Err(H5Error::new(
            ErrorKind::InvalidConfig,
            format!(
                "its attribute {name:?} is {numbers:?}, and its axes are {axes}: give {}",
                advice(name)
            ),
        ));
    }
    let mut placed = [other; 3];
    for (axis, &number) in space.into_iter().zip(numbers) {
        placed[axis.index()] = number;
    }
    Ok(placed)
}

fn advice(name: &str) -> &'static str {
    if name == "offset" { "offset=x,y,z in voxels" } else { "resolution=x,y,z in nanometres" }
}

fn attribute(dataset: &Dataset, name: &str) -> Option<Attribute> {
    dataset.attr(name).ok()
}

fn numbers(attribute: &Attribute, name: &str) -> Result<Vec<f64>, H5Error> {
    // More numbers than axes are of no use.
    let read = if attribute.size() <= 8 { attribute.read_raw::<f64>().ok() } else { None };
    read.ok_or_else(|| {
        let text = format!("its attribute {name:?} is no list of numbers: give {}", advice(name));
        H5Error::new(ErrorKind::InvalidConfig, text)
    })
}

fn text(attribute: &Attribute) -> Option<String> {
    let datatype = attribute.dtype().ok()?;
    if attribute.size() != 1 || datatype.size() > LONGEST_TEXT {
        return None;
    }
    let read = attribute.read_raw::<VarLenUnicode>().map(first);
    let read = read.or_else(|_| attribute.read_raw::<VarLenAscii>().map(first));
    let read = read.or_else(|_| attribute.read_raw::<FixedUnicode<LONGEST_TEXT>>().map(first));
    read.or_else(|_| attribute.read_raw::<FixedAscii<LONGEST_TEXT>>().map(first)).ok().flatten()
}

fn first(texts: Vec<impl ToString>) -> Option<String> {
    texts.first().map(ToString::to_string)
}

/// The name of the only array of 2 to 4 dimensions of a file.
pub(super) fn only_dataset(path: &Path) -> Result<String, H5Error> {
    let mut found = Vec::new();
    let mut left = MOST_OBJECTS;
    sync(|| walk(&*open(path)?, DEEPEST, &mut left, &mut found))?;
    let mut arrays = found.iter().filter(|listed| listed.is_array());
    if let (Some(only), None) = (arrays.next(), arrays.next()) {
        return Ok(only.name.clone());
    }
    if found.is_empty() {
        return Err(H5Error::new(ErrorKind::NotFound, "there is no dataset in the file"));
    }
    let count = found.iter().filter(|listed| listed.is_array()).count();
    let mut names: Vec<String> = found.iter().take(MOST_NAMED).map(Listed::describe).collect();
    if found.len() > MOST_NAMED {
        names.push(format!("and {} more", found.len() - MOST_NAMED));
    }
    let text = format!(
        "there are {count} arrays of 2 to 4 dimensions; choose one with dataset=NAME. There are: {}",
        names.join("; ")
    );
    Err(H5Error::new(ErrorKind::InvalidConfig, text))
}

/// A dataset of a file.
struct Listed {
    name: String,
    shape: Vec<usize>,
    data_type: String,
    is_number: bool,
}

impl Listed {
    fn is_array(&self) -> bool {
        self.is_number && (2..=5).contains(&self.shape.len())
    }

    fn describe(&self) -> String {
        format!("{} {:?} {}", self.name, self.shape, self.data_type)
    }
}

fn walk(
    group: &Group,
    depth: usize,
    left: &mut usize,
    found: &mut Vec<Listed>,
) -> Result<(), H5Error> {
    let mut names = Vec::new();
    let visited = group.iter_visit_default(|name, link| {
        // A soft link leads to what is found elsewhere, or nowhere.
        if link.link_type == LinkType::Hard && names.len() < MOST_OBJECTS {
            names.push(name.to_owned());
        }
        Ok(())
    });
    visited.map_err(|error| {
        H5Error::library(ErrorKind::Corrupt, "the names in the file cannot be read", &error)
    })?;
    for name in names {
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        if let Ok(dataset) = group.dataset(&name) {
            found.push(listed(&dataset));
        } else if let Ok(group) = group.group(&name)
            && depth > 0
        {
            walk(&group, depth - 1, left, found)?;
        }
    }
    Ok(())
}

fn listed(dataset: &Dataset) -> Listed {
    use hdf5::types::TypeDescriptor::{Boolean, Enum, Float, Integer, Unsigned};
    let descriptor = dataset.dtype().and_then(|datatype| datatype.to_descriptor());
    let is_number =
        matches!(descriptor, Ok(Boolean | Enum(_) | Float(_) | Integer(_) | Unsigned(_)));
    let data_type =
        descriptor.map_or_else(|_| "of a type that is not known".into(), |d| d.to_string());
    Listed { name: dataset.name(), shape: dataset.shape(), data_type, is_number }
}

/// Opens a file for the library without locking it.
fn open(path: &Path) -> Result<hdf5::File, H5Error> {
    let mut options = hdf5::File::with_options();
    options.with_fapl(|access| access.file_locking(false));
    options.open(path).map_err(|error| {
        H5Error::library(ErrorKind::Corrupt, "it is no HDF5 file, or a damaged one", &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_axes_in_space() {
        let place = |axes: &str, numbers: &[f64]| {
            in_space(&axes.parse().unwrap(), "resolution", numbers, 1.0)
        };
        assert_eq!(place("zyx", &[40.0, 8.0, 4.0]).unwrap(), [4.0, 8.0, 40.0]);
        assert_eq!(place("tczyx", &[40.0, 8.0, 4.0]).unwrap(), [4.0, 8.0, 40.0]);
        assert_eq!(place("xyz", &[4.0, 8.0, 40.0]).unwrap(), [4.0, 8.0, 40.0]);
        assert_eq!(place("yx", &[8.0, 4.0]).unwrap(), [4.0, 8.0, 1.0]);
        assert_eq!(place("yx", &[40.0, 8.0, 4.0]).unwrap(), [4.0, 8.0, 40.0]);
        for wrong in [&[4.0][..], &[1.0, 2.0, 3.0, 4.0], &[1.0, f64::NAN, 2.0]] {
            let error = place("zyx", wrong).unwrap_err().to_string();
            assert!(error.contains("resolution=x,y,z"), "{error}");
        }
    }
}
