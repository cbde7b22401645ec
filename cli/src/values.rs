//! Values on the command line: points, sizes, boxes, byte counts, scales.

use std::ffi::OsString;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

pub(crate) use bigarrays_formats::text::{BoxText as BoxArg, scale};

/// A URL as it was given, passwords and all; shown without them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url(String);

impl FromStr for Url {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Deref for Url {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bigarrays::without_secrets(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `x,y,z`, any sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point(pub(crate) [i64; 3]);

/// `x,y,z`, not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) [u64; 3]);

/// `x,y,z`, floating-point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Factor(pub(crate) [f64; 3]);

/// Bytes: a number, or one with K, M, G or T (powers of 1024).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteCount(pub(crate) u64);

/// A length of time: seconds, or a number with s, m, h or d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

fn triple<T: FromStr>(text: &str, what: &str) -> Result<[T; 3], String> {
    let wrong = || format!("three {what}s like {} are needed", example(what));
    let parsed: Result<Vec<T>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    let parsed = parsed.map_err(|_| wrong())?;
    <[T; 3]>::try_from(parsed).map_err(|_| wrong())
}

fn example(what: &str) -> &'static str {
    match what {
        "coordinate" => "-13,7,1000",
        "resolution" => "8,8,33.5",
        _ => "512,512,100",
    }
}

impl FromStr for Point {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        triple(text, "coordinate").map(Self)
    }
}

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        triple(text, "size").map(Self)
    }
}

impl FromStr for Factor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        triple(text, "resolution").map(Self)
    }
}

impl FromStr for ByteCount {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a number of bytes like 268435456, 256M or 4G is needed".to_owned();
        let upper = text.trim().to_ascii_uppercase();
        let bare = upper.strip_suffix('B').unwrap_or(&upper);
        let bare = bare.strip_suffix('I').unwrap_or(bare);
        let (digits, power) = match bare.char_indices().last() {
            Some((at, 'K')) => (&bare[..at], 1),
            Some((at, 'M')) => (&bare[..at], 2),
            Some((at, 'G')) => (&bare[..at], 3),
            Some((at, 'T')) => (&bare[..at], 4),
            _ => (bare, 0),
        };
        let count: u64 = digits.trim().parse().map_err(|_| wrong())?;
        count.checked_mul(1024_u64.pow(power)).map(Self).ok_or_else(wrong)
    }
}

impl FromStr for Age {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a length of time like 3600, 90m, 1h or 7d is needed".to_owned();
        let text = text.trim();
        let (digits, unit) = match text.char_indices().last() {
            Some((at, 's')) => (&text[..at], 1),
            Some((at, 'm')) => (&text[..at], 60),
            Some((at, 'h')) => (&text[..at], 3600),
            Some((at, 'd')) => (&text[..at], 86_400),
            _ => (text, 1),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        count.checked_mul(unit).map(Duration::from_secs).map(Self).ok_or_else(wrong)
    }
}

/// Joins values that begin with a minus to the option before them (`--offset -13,7,0` becomes
/// `--offset=-13,7,0`), so that they are not taken for options; and each of the several values of
/// `--at` to an `--at` of its own.
pub(crate) fn join_negative_values(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut option: Option<String> = None;
    for arg in args {
        // What is not text is a path, and neither an option nor a number.
        let Some(text) = arg.to_str() else {
            joined.push(arg);
            continue;
        };
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let number = unsigned.starts_with(|c: char| c.is_ascii_digit());
        match &option {
            Some(name)
                if number && (text.starts_with('-') || (name == "--at" && text.contains(','))) =>
            {
                if joined.last().is_some_and(|last| last == name.as_str()) {
                    joined.pop();
                }
                joined.push(format!("{name}={text}").into());
                continue;
            }
            _ => {}
        }
        if text.starts_with('-') {
            option = (text.starts_with("--") && !text.contains('=')).then(|| text.to_owned());
        }
        joined.push(arg);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_counts_take_units_and_refuse_overflow() {
        let parse = |text: &str| text.parse::<ByteCount>().map(|count| count.0);
        assert_eq!(parse("100"), Ok(100));
        assert_eq!(parse("256M"), Ok(256 << 20));
        assert_eq!(parse("2GiB"), Ok(2 << 30));
        assert!(parse("99999999999T").is_err() && parse("M").is_err() && parse("").is_err());
    }

    #[test]
    fn ages_take_units_and_refuse_overflow() {
        let parse = |text: &str| text.parse::<Age>().map(|age| age.0.as_secs());
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("90m"), Ok(5400));
        assert_eq!((parse("1h"), parse("2d"), parse("7s")), (Ok(3600), Ok(172_800), Ok(7)));
        for wrong in ["", "h", "-1h", "1w", "1.5h", "999999999999999999d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn negative_values_belong_to_the_option_before_them() {
        let join = |line: &str| {
            let joined = join_negative_values(line.split(' ').map(OsString::from));
            joined.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(join("x --at -1,2,3"), "x --at=-1,2,3");
        assert_eq!(join("x --at 1,2,3 -4,5,6 7,8,9"), "x --at=1,2,3 --at=-4,5,6 --at=7,8,9");
        assert_eq!(join("x --box -1:2,0:1,0:1 -o -"), "x --box=-1:2,0:1,0:1 -o -");
        assert_eq!(join("x -o -5"), "x -o -5");
    }
}
