//! Boxes and scales as people write them.

use std::str::FromStr;

use bigarrays_core::{BoundingBox, ScaleSelector};

/// `x0:x1,y0:y1,z0:z1`, half-open; an end may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxText([(Option<i64>, Option<i64>); 3]);

impl FromStr for BoxText {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a box like 0:64,-10:54,1000:1064 is needed (half-open)".to_owned();
        let end = |text: &str| match text.trim() {
            "" => Ok(None),
            number => number.parse().map(Some).map_err(|_| wrong()),
        };
        let axes: Result<Vec<_>, String> = text
            .split(',')
            .map(|axis| {
                let (start, stop) = axis.split_once(':').ok_or_else(wrong)?;
                Ok((end(start)?, end(stop)?))
            })
            .collect();
        <[_; 3]>::try_from(axes?).map(Self).map_err(|_| wrong())
    }
}

impl BoxText {
    /// The box, with the volume's own ends where none are given.
    #[must_use]
    pub fn within(self, bounds: BoundingBox) -> BoundingBox {
        let axis = |axis: usize| self.0[axis];
        BoundingBox {
            min: std::array::from_fn(|n| axis(n).0.unwrap_or(bounds.min[n])),
            max: std::array::from_fn(|n| axis(n).1.unwrap_or(bounds.max[n])),
        }
    }
}

/// A scale: an index, a resolution `x,y,z`, else a key; the first one where none is given.
#[must_use]
pub fn scale(text: Option<&str>) -> ScaleSelector {
    let Some(text) = text else { return ScaleSelector::default() };
    if let Ok(index) = text.parse() {
        return ScaleSelector::Index(index);
    }
    let axes: Result<Vec<f64>, _> = text.split(',').map(|axis| axis.trim().parse()).collect();
    match axes.map(<[f64; 3]>::try_from) {
        Ok(Ok(resolution)) => ScaleSelector::Resolution(resolution),
        _ => ScaleSelector::Key(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_may_leave_out_ends_and_be_negative() {
        let bounds = BoundingBox::new([0, 1, 2], [10, 11, 12]);
        let parse = |text: &str| text.parse::<BoxText>().map(|arg| arg.within(bounds));
        assert_eq!(parse("-5:5,:3,4:"), Ok(BoundingBox::new([-5, 1, 4], [5, 3, 12])));
        for wrong in ["", "1:2", "1:2,3:4", "1:2,3:4,5", "a:b,c:d,e:f", "1:2,3:4,5:6,7:8"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_scale_is_an_index_a_resolution_or_a_key() {
        assert_eq!(scale(None), ScaleSelector::Index(0));
        assert_eq!(scale(Some("2")), ScaleSelector::Index(2));
        assert_eq!(scale(Some("8,8,40")), ScaleSelector::Resolution([8.0, 8.0, 40.0]));
        assert_eq!(scale(Some("8_8_40")), ScaleSelector::Key("8_8_40".into()));
    }
}
