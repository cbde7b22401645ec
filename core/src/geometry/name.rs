//! Names of unsharded chunks: `x0-x1_y0-y1_z0-z1`.
//!
//! Source: the neuroglancer *precomputed* volume specification. Decimal, offset included, no
//! padding; a negative end gives a double dash, as in `-13-3_7-23_-64--56`.

use std::fmt;

use super::bbox::BoundingBox;

/// Displays a box as the name of the chunk that holds it.
#[derive(Debug, Clone, Copy)]
pub struct ChunkName(
    /// The chunk's voxels.
    pub BoundingBox,
);

impl fmt::Display for ChunkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([x0, y0, z0], [x1, y1, z1]) = (self.0.min, self.0.max);
        write!(f, "{x0}-{x1}_{y0}-{y1}_{z0}-{z1}")
    }
}

/// The box that a chunk name stands for, or `None` if `name` is not one.
#[must_use]
pub fn parse_chunk_name(name: &str) -> Option<BoundingBox> {
    let mut bbox = BoundingBox::new([0; 3], [0; 3]);
    let mut axes = name.split('_');
    for axis in 0..3 {
        let text = axes.next()?;
        // The first dash may be the sign of the first number.
        let dash = text.get(1..)?.find('-')? + 1;
        bbox.min[axis] = parse_exact(&text[..dash])?;
        bbox.max[axis] = parse_exact(&text[dash + 1..])?;
    }
    axes.next().is_none().then_some(bbox)
}

/// Refuses what a writer would not have written: `+1`, `01`, `-0`.
fn parse_exact(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn negative_numbers_give_double_dashes() {
        let bbox = BoundingBox::from([-13..3, 7..23, -64..-56]);
        assert_eq!(ChunkName(bbox).to_string(), "-13-3_7-23_-64--56");
        assert_eq!(parse_chunk_name("-13-3_7-23_-64--56"), Some(bbox));
    }

    #[test]
    fn other_names_are_not_chunks() {
        for name in [
            "",
            "info",
            "0-1_0-1",
            "0-1_0-1_0-1_0-1",
            "0-1_0-1_0-1.gz",
            "00-1_0-1_0-1",
            "+0-1_0-1_0-1",
            "0-1_0-1_0--",
            "é-1_0-1_0-1",
            "-",
        ] {
            assert_eq!(parse_chunk_name(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(min in prop::array::uniform3(any::<i64>()), max in prop::array::uniform3(any::<i64>())) {
            let bbox = BoundingBox::new(min, max);
            prop_assert_eq!(parse_chunk_name(&ChunkName(bbox).to_string()), Some(bbox));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse_chunk_name(&text);
        }
    }
}
