//! What the dimensions of a dataset are.
//!
//! Letters name the dimensions in the order of the file (C order: the last varies fastest), so
//! `zyx` is what h5py calls `data[z, y, x]`. Without a word of the file or the caller they are
//! `yx`, `zyx`, `czyx`.

use std::fmt;
use std::str::FromStr;

use ndarray::{ArrayViewMut4, ArrayViewMutD, Axis as Place, IxDyn};
use serde_json::Value;

/// A dimension of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    X,
    Y,
    Z,
    C,
    /// Time, which a volume has no place for: it must have one element.
    T,
}

impl Axis {
    const ALL: [(char, Self); 5] =
        [('x', Self::X), ('y', Self::Y), ('z', Self::Z), ('c', Self::C), ('t', Self::T)];

    fn from_letter(letter: char) -> Option<Self> {
        let letter = letter.to_ascii_lowercase();
        Self::ALL.into_iter().find_map(|(known, axis)| (known == letter).then_some(axis))
    }

    /// Its place in `[x, y, z, c, t]`.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::X => 0,
            Self::Y => 1,
            Self::Z => 2,
            Self::C => 3,
            Self::T => 4,
        }
    }
}

/// Names of the dimensions of a dataset, in the order of the file: `zyx` is `data[z, y, x]`.
///
/// ```
/// use bigarrays_backends::hdf5::plain::Axes;
/// assert_eq!("CZYX".parse::<Axes>()?.to_string(), "czyx");
/// assert!("zzy".parse::<Axes>().is_err());
/// # Ok::<(), bigarrays_backends::hdf5::plain::InvalidAxes>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes(Vec<Axis>);

/// A text that names no axes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} does not name axes: different letters of x, y, z, c and t are needed, two of x, y, z among them, such as zyx"
)]
pub struct InvalidAxes {
    /// The text.
    pub text: String,
}

impl Axes {
    /// The axes of so many dimensions about which nothing is known.
    pub(crate) fn usual(dimensions: usize) -> Option<Self> {
        use Axis::{C, X, Y, Z};
        match dimensions {
            2 => Some(Self(vec![Y, X])),
            3 => Some(Self(vec![Z, Y, X])),
            4 => Some(Self(vec![C, Z, Y, X])),
            _ => None,
        }
    }

    /// The axes that an attribute `axistags` (vigra, ilastik) tells.
    pub(crate) fn from_axistags(json: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(json).ok()?;
        let keys = document.get("axes")?.as_array()?.iter();
        let letters: Option<String> = keys.map(|axis| axis.get("key")?.as_str()).collect();
        letters?.parse().ok()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Axis> {
        self.0.iter().copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The dimensions that are x, y or z, in the order of the file.
    pub(crate) fn spatial(&self) -> Vec<Axis> {
        self.iter().filter(|axis| axis.index() < 3).collect()
    }

    /// Numbers that belong to the dimensions, as `[x, y, z, c, t]`; `other` for axes that are
    /// not there.
    pub(crate) fn arrange<T: Copy>(&self, of_file: &[T], other: T) -> [T; 5] {
        let mut arranged = [other; 5];
        for (axis, &value) in self.iter().zip(of_file) {
            arranged[axis.index()] = value;
        }
        arranged
    }

    /// Numbers of a volume in the order of the file; time is at `at_time`.
    pub(crate) fn of_file<T: Copy>(&self, of_volume: [T; 4], at_time: T) -> Vec<T> {
        let [x, y, z, c] = of_volume;
        let all = [x, y, z, c, at_time];
        self.iter().map(|axis| all[axis.index()]).collect()
    }

    /// Whether C order of the file is Fortran order of the volume: x varies fastest, then y, z, c.
    pub(crate) fn is_fortran(&self) -> bool {
        self.0.is_sorted_by(|slow, fast| slow.index() > fast.index())
    }

    /// A volume `[x, y, z, c]` seen with the dimensions of the file. Axes that the file lacks
    /// have one element.
    pub(crate) fn seen_as_file<'a, A>(&self, volume: ArrayViewMut4<'a, A>) -> ArrayViewMutD<'a, A> {
        let with_time = volume.into_dyn().insert_axis(Place(4));
        let absent = (0..5).filter(|place| self.0.iter().all(|axis| axis.index() != *place));
        let order: Vec<usize> = self.iter().map(Axis::index).chain(absent).collect();
        let mut view = with_time.permuted_axes(IxDyn(&order));
        while view.ndim() > self.len() {
            let last = view.ndim() - 1;
            view = view.index_axis_move(Place(last), 0);
        }
        view
    }
}

impl FromStr for Axes {
    type Err = InvalidAxes;

    fn from_str(text: &str) -> Result<Self, InvalidAxes> {
        let wrong = || InvalidAxes { text: text.to_owned() };
        let axes: Vec<Axis> =
            text.chars().map(Axis::from_letter).collect::<Option<_>>().ok_or_else(wrong)?;
        let is_twice = |(at, axis): (usize, &Axis)| axes[..at].contains(axis);
        let in_space = axes.iter().filter(|axis| axis.index() < 3).count();
        if in_space < 2 || axes.iter().enumerate().any(is_twice) {
            return Err(wrong());
        }
        Ok(Self(axes))
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|axis| {
            let letter = Axis::ALL.into_iter().find(|(_, known)| known == axis);
            letter.map_or(Ok(()), |(letter, _)| write!(f, "{letter}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, ShapeBuilder};

    use super::*;

    fn axes(text: &str) -> Axes {
        text.parse().unwrap()
    }

    #[test]
    fn axes_are_different_letters_two_of_them_in_space() {
        for text in ["xy", "yx", "xz", "zyx", "xyz", "czyx", "zyxc", "tzyxc", "yxc"] {
            assert_eq!(axes(text).to_string(), text);
        }
        assert_eq!(axes("ZYX"), axes("zyx"));
        for wrong in ["", "x", "xx", "xc", "xyq", "x,y", "zyxcc"] {
            let error = wrong.parse::<Axes>().unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn axistags_of_ilastik_are_read_and_others_are_not() {
        let tags = r#"{"axes": [{"key": "t", "typeFlags": 8, "resolution": 0, "description": ""},
            {"key": "z"}, {"key": "y"}, {"key": "x"}, {"key": "c", "typeFlags": 1}]}"#;
        assert_eq!(Axes::from_axistags(tags), Some(axes("tzyxc")));
        for other in ["", "{}", "[]", r#"{"axes": [{"key": 1}]}"#, r#"{"axes": [{"key": "ab"}]}"#] {
            assert_eq!(Axes::from_axistags(other), None, "{other}");
        }
    }

    #[test]
    fn a_volume_is_seen_with_the_dimensions_of_the_file() {
        let mut volume =
            Array4::from_shape_fn((2, 3, 4, 5).f(), |(x, y, z, c)| x + 10 * y + 100 * z + 1000 * c);
        let view = axes("tczyx").seen_as_file(volume.view_mut());
        assert_eq!(view.shape(), [1, 5, 4, 3, 2]);
        assert_eq!(view[[0, 4, 3, 2, 1]], 4321);
        let view = axes("yzxc").seen_as_file(volume.view_mut());
        assert_eq!((view.shape(), view[[2, 3, 1, 4]]), (&[3, 4, 2, 5][..], 4321));
        let mut flat = Array4::from_shape_fn((2, 3, 1, 1), |(x, y, ..)| x + 10 * y);
        let view = axes("yx").seen_as_file(flat.view_mut());
        assert_eq!((view.shape(), view[[2, 1]]), (&[3, 2][..], 21));
        assert_eq!(axes("zyxc").arrange(&[4, 3, 2, 5], 1), [2, 3, 4, 5, 1]);
        assert_eq!(axes("tyx").of_file([2, 3, 4, 5], 0), [0, 3, 2]);
    }

    #[test]
    fn fortran_order_is_known() {
        for (text, is_fortran) in
            [("zyx", true), ("tczyx", true), ("yx", true), ("xyz", false), ("zyxc", false)]
        {
            assert_eq!(axes(text).is_fortran(), is_fortran, "{text}");
        }
    }
}
