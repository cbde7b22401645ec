//! `--quality`: one option for what every encoding calls by another name.

use std::fmt;
use std::str::FromStr;

use bigarrays::info::{Encoding, Scale};
use serde_json::{Number, Value};

use crate::error::CliError;

/// A number, or one that says what it means: `rate=8`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct QualityArg {
    knob: Option<Knob>,
    value: f64,
}

/// What a named number is, for the encodings of floating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knob {
    Rate,
    Precision,
    Tolerance,
}

impl Knob {
    const ALL: [(&'static str, Self); 3] =
        [("rate", Self::Rate), ("precision", Self::Precision), ("tolerance", Self::Tolerance)];
}

impl FromStr for QualityArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "a number like 85 is needed, or for zfpc rate=8, precision=20 or tolerance=0.01"
                .to_owned()
        };
        let (knob, number) = match text.split_once('=') {
            None => (None, text),
            Some((name, number)) => {
                let known = Knob::ALL.into_iter().find(|(known, _)| *known == name.trim());
                (Some(known.ok_or_else(wrong)?.1), number)
            }
        };
        let value: f64 = number.trim().parse().map_err(|_| wrong())?;
        if !value.is_finite() || value < 0.0 {
            return Err(wrong());
        }
        Ok(Self { knob, value })
    }
}

impl fmt::Display for QualityArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = Knob::ALL.into_iter().find(|(_, knob)| Some(*knob) == self.knob) {
            write!(f, "{name}=")?;
        }
        self.value.fmt(f)
    }
}

impl QualityArg {
    /// Writes the quality into the description of a scale, under the name that its encoding has
    /// for it.
    pub(crate) fn apply(self, scale: &mut Scale) -> Result<(), CliError> {
        let encoding = scale.encoding;
        let key = match (encoding, self.knob) {
            (Encoding::Jpeg, None) => {
                scale.jpeg_quality = Some(self.whole(encoding, 100)?);
                return Ok(());
            }
            (Encoding::Png, None) => {
                scale.png_level = Some(self.whole(encoding, 9)?);
                return Ok(());
            }
            (Encoding::Jxl, None) => return self.apply_jxl(scale),
            (Encoding::Fpzip, None | Some(Knob::Precision)) => {
                let bits = self.whole(encoding, 64)?;
                scale.extra.insert("fpzip_precision".to_owned(), bits.into());
                return Ok(());
            }
            (Encoding::Zfpc, Some(Knob::Precision)) => {
                let bits = self.whole(encoding, 64)?;
                scale.extra.insert("zfpc_precision".to_owned(), bits.into());
                return Ok(());
            }
            (Encoding::Zfpc, Some(Knob::Rate)) => "zfpc_rate",
            (Encoding::Zfpc, Some(Knob::Tolerance)) => "zfpc_tolerance",
            (Encoding::Zfpc, None) => {
                return Err(CliError::usage(format!(
                    "--quality {self} for zfpc must say what it is: rate=…, precision=… or tolerance=…; without --quality zfpc is lossless"
                )));
            }
            _ => return Err(self.does_not_apply(encoding)),
        };
        // A whole number is written as one, as people do.
        let whole = format!("{}", self.value).parse::<u64>().ok().map(Value::from);
        let number = whole.or_else(|| Number::from_f64(self.value).map(Value::Number));
        scale.extra.insert(key.to_owned(), number.unwrap_or_default());
        Ok(())
    }

    fn apply_jxl(self, scale: &mut Scale) -> Result<(), CliError> {
        if self.whole(Encoding::Jxl, 100)? < 100 {
            return Err(CliError::usage(format!(
                "--quality {self}: jxl is written lossless here, which is 100; leave --quality out, or choose jpeg for lossy images"
            )));
        }
        set_lossless_jxl(scale);
        Ok(())
    }

    fn whole(self, encoding: Encoding, most: u8) -> Result<u8, CliError> {
        let whole = (0..=most).find(|&whole| f64::from(whole) == self.value);
        whole.ok_or_else(|| {
            CliError::usage(format!(
                "--quality {self} is not one of {encoding}, which has whole numbers from 0 to {most}"
            ))
        })
    }

    fn does_not_apply(self, encoding: Encoding) -> CliError {
        let takes = match encoding {
            Encoding::Jpeg => "a number from 0 to 100",
            Encoding::Png => "a level from 0 to 9",
            Encoding::Jxl => "100 only, lossless",
            Encoding::Fpzip => "bits of precision, such as 20",
            _ => "none; leave it out",
        };
        CliError::usage(format!(
            "--quality {self} means nothing to {encoding}, which takes {takes}"
        ))
    }
}

/// Says in the description that JPEG XL is written lossless, so that other programs that write
/// into the volume do the same.
pub(crate) fn set_lossless_jxl(scale: &mut Scale) {
    scale.extra.insert("jxl_quality".to_owned(), 100.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::info::VolumeInfo;

    fn applied(encoding: Encoding, quality: &str) -> Result<Scale, CliError> {
        let data_type = encoding.data_types()[0];
        let builder = VolumeInfo::builder(data_type, [1; 3]).encoding(encoding);
        let mut scale = builder.build().unwrap().scales.remove(0);
        quality.parse::<QualityArg>().unwrap().apply(&mut scale)?;
        Ok(scale)
    }

    #[test]
    fn each_encoding_has_its_own_name_for_quality() {
        assert_eq!(applied(Encoding::Jpeg, "85").unwrap().jpeg_quality, Some(85));
        assert_eq!(applied(Encoding::Png, "0").unwrap().png_level, Some(0));
        let extra = |encoding, quality| applied(encoding, quality).unwrap().extra;
        assert_eq!(extra(Encoding::Jxl, "100")["jxl_quality"], 100);
        assert_eq!(extra(Encoding::Fpzip, "16")["fpzip_precision"], 16);
        assert_eq!(extra(Encoding::Fpzip, "precision=16")["fpzip_precision"], 16);
        assert_eq!(extra(Encoding::Zfpc, "rate=8")["zfpc_rate"], 8);
        assert_eq!(extra(Encoding::Zfpc, "rate=0.5")["zfpc_rate"], 0.5);
        assert_eq!(extra(Encoding::Zfpc, "precision=20")["zfpc_precision"], 20);
        assert_eq!(extra(Encoding::Zfpc, "tolerance=1e-3")["zfpc_tolerance"], 0.001);
    }

    #[test]
    fn what_an_encoding_does_not_take_is_refused_with_what_it_does() {
        let refused = |encoding, quality| applied(encoding, quality).unwrap_err().to_string();
        assert!(refused(Encoding::Jpeg, "101").contains("0 to 100"));
        assert!(refused(Encoding::Jpeg, "85.5").contains("whole"));
        assert!(refused(Encoding::Jpeg, "rate=8").contains("0 to 100"));
        assert!(refused(Encoding::Png, "10").contains("0 to 9"));
        assert!(refused(Encoding::Jxl, "85").contains("jpeg"));
        assert!(refused(Encoding::Fpzip, "tolerance=1").contains("precision"));
        assert!(refused(Encoding::Zfpc, "8").contains("rate="));
        assert!(refused(Encoding::Raw, "1").contains("leave it out"));
        for wrong in ["", "high", "rate", "rate=", "speed=3", "-1", "nan", "inf"] {
            assert!(wrong.parse::<QualityArg>().is_err(), "{wrong}");
        }
    }
}
