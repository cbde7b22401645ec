//! Names of block files: `<prefix>s1-e1_s2-e2_..._sN-eN.h5`, counted from 1, both ends inside.

/// The name of the file with these ranges.
pub(super) fn name_of(prefix: &str, ranges: &[(i64, i64)]) -> String {
    let ranges: Vec<String> = ranges.iter().map(|(start, end)| format!("{start}-{end}")).collect();
    format!("{prefix}{}.h5", ranges.join("_"))
}

/// The ranges in a file's name, or `None` if it is not one.
pub(super) fn ranges_of(prefix: &str, name: &str) -> Option<Vec<(i64, i64)>> {
    let ranges = name.strip_prefix(prefix)?.strip_suffix(".h5")?;
    ranges.split('_').map(range).collect()
}

fn range(text: &str) -> Option<(i64, i64)> {
    // The first dash may be the sign of the first number.
    let dash = text.get(1..)?.find('-')? + 1;
    let (start, end) = (exact(&text[..dash])?, exact(&text[dash + 1..])?);
    (start <= end).then_some((start, end))
}

/// Refuses what a writer would not have written: `+1`, `01`, `-0`.
fn exact(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_of_the_forerunner() {
        let ranges = [(-1023, 0), (1, 1024), (-255, -128)];
        let name = "block_-1023-0_1-1024_-255--128.h5";
        assert_eq!(name_of("block_", &ranges), name);
        assert_eq!(ranges_of("block_", name).unwrap(), ranges);
        for other in
            ["block_1-2.h5x", "block_.h5", "block_1_2.h5", "block_2-1.h5", "x1-2.h5", "block_é.h5"]
        {
            assert_eq!(ranges_of("block_", other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(ranges in prop::collection::vec((any::<i64>(), any::<i64>()), 1..5)) {
            let ranges: Vec<_> = ranges.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
            prop_assert_eq!(ranges_of("p", &name_of("p", &ranges)), Some(ranges));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = ranges_of("", &text);
        }
    }
}
