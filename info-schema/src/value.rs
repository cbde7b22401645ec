//! Reading single JSON values leniently.
//!
//! A reader is a function of a [`Node`] and the [`Problems`] so far; `None` means that the value
//! cannot be read, and that the reason is among the problems.

use std::fmt;

use serde_json::{Map, Value};

use crate::problems::Problems;

/// One value and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) place: Place<'a>,
}

/// Where a value stands. Its path is only spelled for a problem: most documents have none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A field of the object with this path.
    Field(&'a str, &'a str),
    /// An item of an array.
    Item(&'a Self, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field("", key) => f.write_str(key),
            Self::Field(path, key) => write!(f, "{path}.{key}"),
            Self::Item(array, index) => write!(f, "{array}[{index}]"),
        }
    }
}

/// Reports that this value is not what it must be.
fn refuse<T>(node: &Node<'_>, must: &str, problems: &mut Problems) -> Option<T> {
    problems.error(node.place.to_string(), format!("must be {must}, not {}", shown(node.value)));
    None
}

/// Any text, the empty one too.
pub(crate) fn any_text(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    node.value.as_str().map(str::to_owned).or_else(|| refuse(node, "a text", problems))
}

/// A text of at least one character.
pub(crate) fn text(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    match node.value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => refuse(node, "a text that is not empty", problems),
    }
}

/// A name out of a closed list.
pub(crate) fn name<T>(node: &Node<'_>, problems: &mut Problems) -> Option<T>
where
    T: std::str::FromStr,
    T::Err: fmt::Display,
{
    let text = text(node, problems)?;
    text.parse()
        .map_err(|unknown: T::Err| problems.error(node.place.to_string(), unknown.to_string()))
        .ok()
}

pub(crate) fn boolean(node: &Node<'_>, problems: &mut Problems) -> Option<bool> {
    node.value.as_bool().or_else(|| refuse(node, "true or false", problems))
}

/// A whole number that fits `T`: `64`, `64.0` or `"64"`.
pub(crate) fn whole<T: TryFrom<i128>>(node: &Node<'_>, problems: &mut Problems) -> Option<T> {
    let Some(number) = integer(node.value) else {
        return refuse(node, "a whole number", problems);
    };
    match T::try_from(number) {
        Ok(number) => Some(number),
        Err(_) if number < 0 && T::try_from(-1).is_err() => refuse(node, "0 or more", problems),
        Err(_) if number < 0 => refuse(node, "a larger number", problems),
        Err(_) => refuse(node, "a smaller number", problems),
    }
}

/// Any number: `4`, `4.5` or `"4.5"`.
pub(crate) fn number(node: &Node<'_>, problems: &mut Problems) -> Option<f64> {
    match node.value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if is_decimal(text) => text.parse().ok(),
        _ => None,
    }
    .or_else(|| refuse(node, "a number", problems))
}

pub(crate) fn fields<'a>(node: &Node<'a>, problems: &mut Problems) -> Option<Fields<'a>> {
    match node.value {
        Value::Object(map) => Some(Fields::new(node.place.to_string(), map)),
        _ => refuse(node, "an object", problems),
    }
}

/// Every item of an array.
pub(crate) fn items<'a>(
    node: &'a Node<'_>,
    problems: &mut Problems,
) -> Option<impl Iterator<Item = Node<'a>> + use<'a>> {
    let Some(items) = node.value.as_array() else {
        return refuse(node, "an array", problems);
    };
    let items = items.iter().enumerate();
    Some(items.map(|(index, value)| Node { value, place: Place::Item(&node.place, index) }))
}

/// Exactly three items, one for each of x, y, z, each read by `read`.
pub(crate) fn triple<T>(
    read: impl Fn(&Node<'_>, &mut Problems) -> Option<T>,
) -> impl Fn(&Node<'_>, &mut Problems) -> Option<[T; 3]> {
    move |node, problems| {
        if node.value.as_array().is_none_or(|items| items.len() != 3) {
            return refuse(node, "an array of 3 numbers (x, y, z)", problems);
        }
        let mut items = items(node, problems)?;
        // All three are read before giving up, so that each one's problem is told.
        let mut next = || items.next().and_then(|item| read(&item, problems));
        let [x, y, z] = [next(), next(), next()];
        Some([x?, y?, z?])
    }
}

/// An object whose keys are taken one by one; what remains was not known.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
    taken: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(path: String, map: &'a Map<String, Value>) -> Self {
        Self { path, map, taken: Vec::new() }
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        Place::Field(&self.path, key).to_string()
    }

    /// Takes the value of `key`; `null` counts as absent.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.taken.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Reads a key that may be absent.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(&Node<'_>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        read(&Node { value, place: Place::Field(&self.path, key) }, problems)
    }

    /// Reads a key that means `default` when it is absent; `None` only if it cannot be read.
    pub(crate) fn defaulted<T>(
        &mut self,
        key: &'static str,
        default: T,
        problems: &mut Problems,
        read: impl FnOnce(&Node<'_>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        match self.take(key) {
            None => Some(default),
            Some(value) => read(&Node { value, place: Place::Field(&self.path, key) }, problems),
        }
    }

    /// Reads a key that must be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(&Node<'_>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.take(key) else {
            problems.error(self.path_of(key), "is missing");
            return None;
        };
        read(&Node { value, place: Place::Field(&self.path, key) }, problems)
    }

    pub(crate) fn into_rest(self) -> Map<String, Value> {
        let rest = self.map.iter().filter(|(key, _)| !self.taken.contains(&key.as_str()));
        rest.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// The whole number a value stands for, whatever its spelling.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            // The text of a whole f64 has no point and no exponent.
            .or_else(|| number.as_f64()?.to_string().parse().ok()),
        Value::String(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let has_leading_zero = digits.starts_with('0') && text != "0";
            if is_plain && !has_leading_zero { text.parse().ok() } else { None }
        }
        _ => None,
    }
}

/// Whether a text is digits with at most one point between them.
fn is_decimal(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(text),
    }
}

/// A value as it is shown in a message: short, escaped.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => {
            let cut: String = text.chars().take(40).collect();
            format!("the text {cut:?}")
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_read_in_every_spelling() {
        for spelling in [json!(64), json!(64.0), json!("64"), json!(6.4e1)] {
            assert_eq!(integer(&spelling), Some(64), "{spelling}");
        }
        assert_eq!(integer(&json!(-13.0)), Some(-13));
        assert_eq!(integer(&json!("-13")), Some(-13));
        assert_eq!(integer(&json!(-0.0)), Some(0));
        assert_eq!(integer(&json!("0")), Some(0));
        assert_eq!(integer(&json!(u64::MAX)), Some(i128::from(u64::MAX)));
        assert_eq!(integer(&json!(i64::MIN)), Some(i128::from(i64::MIN)));
    }

    #[test]
    fn other_values_are_no_whole_numbers() {
        for spelling in [
            json!(1.5),
            json!(1e300),
            json!(""),
            json!("-"),
            json!("-0"),
            json!("007"),
            json!("1_0"),
            json!("+1"),
            json!(" 1"),
            json!("1.0"),
            json!(true),
            json!(null),
            json!([1]),
        ] {
            assert_eq!(integer(&spelling), None, "{spelling}");
        }
    }

    #[test]
    fn decimals_are_digits_around_a_point() {
        for good in ["4", "4.5", "0.25", "004"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", ".", "4.", ".5", "1.2.3", "1e3", "-1", "inf", "NaN"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }

    #[test]
    fn triple_tells_the_problem_of_each_item() {
        let value = json!([1, "x", null]);
        let mut problems = Problems::default();
        let node = Node { value: &value, place: Place::Field("", "size") };
        assert_eq!(triple(whole::<u64>)(&node, &mut problems), None);
        let paths: Vec<_> = problems.into_vec().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["size[1]", "size[2]"]);
    }
}
