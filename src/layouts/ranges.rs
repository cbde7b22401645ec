//! Names of chunks as one-based inclusive ranges: `x1:x2_y1:y2_z1:z2` and `_c1:c2`.

use std::fmt;

/// One-based inclusive ranges, one an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(pub(super) Vec<[i64; 2]>);

impl Ranges {
    /// The ranges that a name has, or `None` if it is no such name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let axis = |text: &str| {
            let (first, last) = text.split_once(':')?;
            Some([exact(first)?, exact(last)?])
        };
        name.split('_').map(axis).collect::<Option<Vec<_>>>().map(Self)
    }
}

/// Refuses what the writer would not have written: `+1`, `01`, `-0`.
fn exact(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (axis, [first, last]) in self.0.iter().enumerate() {
            let separator = if axis == 0 { "" } else { "_" };
            write!(f, "{separator}{first}:{last}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_not_names() {
        for name in ["1:512_513:1024_-15:0", "1:8_1:8_1:8_1:3", "1:8_1:8"] {
            assert_eq!(Ranges::parse(name).unwrap().to_string(), name);
        }
        for name in
            ["", "info", "config.json", "0-8_0-8_0-8", "1:8_1:8_", "1:8_01:8", "1:2:3", "+1:2"]
        {
            assert_eq!(Ranges::parse(name), None, "{name}");
        }
    }
}
