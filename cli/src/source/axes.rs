//! What the axes of a file mean.
//!
//! A file has dimensions in an order of its own; axes such as `zyx` name them, a letter each:
//!
//! - `.npy`: letter *i* names numpy's axis *i* (the order of the index, not of the memory).
//!   Default `xy`, `xyz`, `xyzc`.
//! - Image stacks: the letters name page, row, column and, if there are several, the sample.
//!   Default `zyx`, `zyxc`.
//! - NIfTI: dimension 1, 2, 3 and, if there are several, 4. Default `xyz`, `xyzc`.
//! - Raw: the letters are in the order of `--size`, the first varies fastest. Default `xy`,
//!   `xyz`, `xyzc`.
//! - HDF5: letter *i* names dimension *i* of the dataset (the last varies fastest). Default what
//!   the file says, or `yx`, `zyx`, `czyx`.
//!
//! An axis without a letter has one element.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::error::{SourceError, brief};

/// An axis of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    X,
    Y,
    Z,
    C,
}

impl Axis {
    /// Its place in `[x, y, z, c]`.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::X => 0,
            Self::Y => 1,
            Self::Z => 2,
            Self::C => 3,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::X => 'x',
            Self::Y => 'y',
            Self::Z => 'z',
            Self::C => 'c',
        }
    }
}

/// Names of the dimensions of a file, two to four different ones of `x`, `y`, `z`, `c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Axes(Vec<Axis>);

impl Axes {
    /// `xy`, `xyz` or `xyzc`.
    pub(super) fn x_first(dimensions: usize) -> Self {
        let mut axes = vec![Axis::X, Axis::Y, Axis::Z, Axis::C];
        axes.truncate(dimensions);
        Self(axes)
    }

    /// `zyxc`: page, row, column, sample.
    pub(super) fn pages() -> Self {
        Self(vec![Axis::Z, Axis::Y, Axis::X, Axis::C])
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn names(&self, axis: Axis) -> bool {
        self.0.contains(&axis)
    }

    pub(super) fn with(mut self, axis: Axis) -> Self {
        self.0.push(axis);
        self
    }

    /// The dimensions that are x, y or z, each with its place in `[x, y, z]`.
    pub(super) fn spatial(&self) -> impl Iterator<Item = (usize, usize)> {
        let places = self.0.iter().map(|axis| axis.index()).enumerate();
        places.filter(|&(_, axis)| axis < 3)
    }

    /// The dimensions of a file with their names.
    pub(super) fn pair(&self, path: &Path, shape: &[u64]) -> Result<Vec<(Axis, u64)>, SourceError> {
        if self.len() != shape.len() {
            return Err(SourceError::AxesMismatch {
                path: path.to_owned(),
                shape: shape.to_vec(),
                axes: self.to_string(),
                named: self.len(),
            });
        }
        Ok(self.0.iter().copied().zip(shape.iter().copied()).collect())
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|axis| write!(f, "{}", axis.letter()))
    }
}

impl FromStr for Axes {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let reason = "two to four different letters of x, y, z and c are needed, such as zyx";
        let wrong = || bad_option("--axes", text, reason);
        let mut axes = Vec::new();
        for letter in text.chars() {
            let axis = match letter.to_ascii_lowercase() {
                'x' => Axis::X,
                'y' => Axis::Y,
                'z' => Axis::Z,
                'c' => Axis::C,
                _ => return Err(wrong()),
            };
            if axes.contains(&axis) {
                return Err(wrong());
            }
            axes.push(axis);
        }
        if axes.len() < 2 {
            return Err(wrong());
        }
        Ok(Self(axes))
    }
}

/// The size of a raw source on the command line: `512,512,40`, in the order of the axes.
pub(crate) fn parse_size(text: &str) -> Result<Vec<u64>, SourceError> {
    let reason = "two to four numbers above 0 are needed, such as 512,512,40";
    let wrong = || bad_option("--size", text, reason);
    let size: Vec<u64> = text
        .split(',')
        .map(|number| number.trim().parse().ok().filter(|&number| number > 0))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    if (2..=4).contains(&size.len()) { Ok(size) } else { Err(wrong()) }
}

fn bad_option(option: &'static str, text: &str, reason: &'static str) -> SourceError {
    SourceError::BadOption { option, text: brief(text), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_two_to_four_different_letters() {
        for text in ["xy", "yx", "zyx", "xyz", "xyzc", "czyx", "zyxc", "xz", "yxc"] {
            assert_eq!(text.parse::<Axes>().unwrap().to_string(), text);
        }
        assert_eq!("ZYX".parse::<Axes>().unwrap().to_string(), "zyx");
        for wrong in ["", "x", "xx", "xyzcx", "xyt", "x,y", "xyzcc"] {
            let error = wrong.parse::<Axes>().unwrap_err().to_string();
            assert!(error.contains("--axes") && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn axes_that_do_not_fit_are_refused_with_both() {
        let axes: Axes = "zyx".parse().unwrap();
        let error = axes.pair(Path::new("a.npy"), &[4, 5]).unwrap_err().to_string();
        assert!(error.contains("a.npy has 2 dimensions [4, 5]"), "{error}");
        assert!(error.contains("the axes zyx name 3"), "{error}");
    }

    #[test]
    fn sizes_are_two_to_four_numbers_above_zero() {
        assert_eq!(parse_size("512, 512,40").unwrap(), [512, 512, 40]);
        assert_eq!(parse_size("3,4").unwrap(), [3, 4]);
        for wrong in ["", "1", "1,2,3,4,5", "1,0,3", "1,,3", "-1,2,3", "a,b"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
