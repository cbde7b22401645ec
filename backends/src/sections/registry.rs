//! The registry: which section is which file, and where it lies in the stack.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::brief::brief;

/// What z a section has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZOrder {
    /// The number of its line, from 0. Wafers follow one another.
    #[default]
    Line,
    /// Its number in the wafer, as its name tells it. No two lines may tell the same.
    Section,
}

/// A section: one line of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// The file below the registry's directory.
    pub(super) file: PathBuf,
    /// The line that tells of it, from 1.
    pub(super) line: usize,
    /// The first voxel in x and y.
    pub(super) min: [i64; 2],
    /// One past the last.
    pub(super) max: [i64; 2],
}

/// A line that is not one, or does not fit another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {text:?}: {reason}")]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// The line, cut where it is very long.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

/// All sections by their z.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Registry(pub(super) BTreeMap<i64, Section>);

impl Registry {
    /// Reads the text of a registry.
    pub(super) fn parse(text: &str, order: ZOrder) -> Result<Self, BadLine> {
        let mut sections = BTreeMap::<i64, Section>::new();
        for (index, line) in text.trim_end().lines().enumerate() {
            let bad = |reason: String| BadLine {
                line: index + 1,
                text: line.chars().take(100).collect(),
                reason,
            };
            let (name, section) = parse_line(line, index + 1).map_err(bad)?;
            let z = match order {
                ZOrder::Line => i64::try_from(index).map_err(|error| bad(error.to_string()))?,
                ZOrder::Section => section_number(name).ok_or_else(|| {
                    bad("its name does not begin with WAFER,SECTION; take z from the lines".into())
                })?,
            };
            if let Some(other) = sections.insert(z, section) {
                return Err(bad(format!(
                    "line {} tells section {z} too; take z from the lines",
                    other.line
                )));
            }
        }
        Ok(Self(sections))
    }

    /// The smallest box that holds all sections, `[x, y, z]`; `None` if there is none, or none
    /// with voxels.
    pub(super) fn bounds(&self) -> Option<([i64; 3], [i64; 3])> {
        let (first, last) = (self.0.first_key_value()?.0, self.0.last_key_value()?.0);
        let (mut min, mut max) = ([i64::MAX; 2], [i64::MIN; 2]);
        for section in self.0.values() {
            for axis in 0..2 {
                min[axis] = min[axis].min(section.min[axis]);
                max[axis] = max[axis].max(section.max[axis]);
            }
        }
        let end = last.checked_add(1)?;
        Some(([min[0], min[1], *first], [max[0], max[1], end]))
    }
}

/// `NAME [0] X Y WIDTH HEIGHT FLAG`.
fn parse_line(line: &str, number: usize) -> Result<(&str, Section), String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (name, numbers) = match fields[..] {
        [name, x, y, width, height, _] | [name, _, x, y, width, height, _] => {
            (name, [x, y, width, height])
        }
        _ => {
            return Err(format!(
                "it has {} fields, where 7 (name, 0, x, y, width, height, flag) or 6 (without the 0) are needed",
                fields.len()
            ));
        }
    };
    let mut parsed = [0; 4];
    for (number, text) in parsed.iter_mut().zip(numbers) {
        *number = whole(text)
            .ok_or_else(|| format!("{} is no whole number", brief(&format!("{text:?}"))))?;
    }
    let [x, y, width, height] = parsed;
    if width < 1 || height < 1 {
        return Err(format!("a section of {width} x {height} voxels has none"));
    }
    let end = |first: i64, len: i64| {
        first.checked_add(len).ok_or("its place is outside of all coordinates")
    };
    let (min, max) = ([x, y], [end(x, width)?, end(y, height)?]);
    Ok((name, Section { file: file(name)?, line: number, min, max }))
}

/// A whole number, also one that was written as `12.0`.
fn whole(text: &str) -> Option<i64> {
    let text = match text.split_once('.') {
        Some((whole, rest)) if rest.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    };
    text.parse().ok()
}

/// The file of a section. Names may not lead out of the directory.
fn file(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(format!("{name}.h5"));
    let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if is_inside && !name.contains('\0') {
        Ok(path)
    } else {
        Err("its name leads out of the registry's directory".to_owned())
    }
}

/// `<wafer>,<section>_...`.
fn section_number(name: &str) -> Option<i64> {
    let (wafer, section) = name.split('_').next()?.split_once(',')?;
    let _wafer: i64 = wafer.parse().ok()?;
    section.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Registry, BadLine> {
        Registry::parse(text, ZOrder::Line)
    }

    #[test]
    fn both_forms_are_read_and_z_is_the_line() {
        let text = "1,7_aligned 0 10 20 30 40 true\n2,3_aligned -5 6 7 8 false\n\n";
        let registry = lines(text).unwrap();
        let first = &registry.0[&0];
        assert_eq!((first.file.as_path(), first.line), (Path::new("1,7_aligned.h5"), 1));
        assert_eq!((first.min, first.max), ([10, 20], [40, 60]));
        assert_eq!((registry.0[&1].min, registry.0[&1].max), ([-5, 6], [2, 14]));
        assert_eq!(registry.bounds(), Some(([-5, 6, 0], [40, 60, 2])));
        assert_eq!(lines("a 0 1.0 2.00 3 4 x").unwrap().0[&0].min, [1, 2]);
        assert_eq!(lines("").unwrap().bounds(), None);
    }

    #[test]
    fn z_may_be_the_number_of_the_section() {
        let text = "1,7_a 0 0 0 9 9 t\n1,3_a 0 0 0 9 9 t";
        let registry = Registry::parse(text, ZOrder::Section).unwrap();
        assert_eq!(registry.0.keys().copied().collect::<Vec<_>>(), [3, 7]);
        assert_eq!(registry.bounds().unwrap().1, [9, 9, 8]);
        let twice = "1,7_a 0 0 0 9 9 t\n2,7_a 0 0 0 9 9 t";
        let error = Registry::parse(twice, ZOrder::Section).unwrap_err().to_string();
        assert!(
            error.starts_with("line 2 ") && error.contains("line 1 tells section 7"),
            "{error}"
        );
        let error = Registry::parse("a 0 0 0 9 9 t", ZOrder::Section).unwrap_err().to_string();
        assert!(error.contains("WAFER,SECTION"), "{error}");
    }

    #[test]
    fn lines_that_are_none_are_told_with_number_and_reason() {
        for (line, reason) in [
            ("", "0 fields"),
            ("a 1 2 3 4", "5 fields"),
            ("a 0 1 2 3 4 t t", "8 fields"),
            ("a 0 x 2 3 4 t", "\"x\" is no whole number"),
            ("a 0 1.5 2 3 4 t", "\"1.5\" is no whole number"),
            ("a 0 1 2 0 4 t", "0 x 4 voxels"),
            ("a 0 1 2 3 -4 t", "3 x -4 voxels"),
            ("a 0 9223372036854775807 2 3 4 t", "outside of all coordinates"),
            ("../a 0 1 2 3 4 t", "leads out"),
            ("/a 0 1 2 3 4 t", "leads out"),
        ] {
            let text = format!("ok 0 1 2 3 4 t\n{line}\nok 0 1 2 3 4 t");
            let error = lines(&text).unwrap_err();
            assert_eq!(error.line, 2, "{line}");
            assert!(error.reason.contains(reason), "{error}");
        }
    }
}
