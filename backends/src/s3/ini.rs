//! The files in which the tools of Amazon keep profiles.

/// What a section of a file says under a name. Later lines go before earlier ones.
pub(super) fn value(text: &str, section: &str, name: &str) -> Option<String> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines() {
        // A line that is indented belongs to the setting above it, which is none of ours.
        let is_nested = line.starts_with(char::is_whitespace);
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(head) = line.strip_prefix('[') {
            let title = head.split(']').next().unwrap_or_default();
            // `[profile  x]` is `[profile x]`.
            inside = title.split_whitespace().eq(section.split_whitespace());
        } else if let (true, false, Some((key, value))) = (inside, is_nested, line.split_once('='))
            && key.trim().eq_ignore_ascii_case(name)
        {
            found = Some(value.trim().to_owned());
        }
    }
    found.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::value;

    const FILE: &str = "\
# comment
name = outside
[default]
name = one
s3 =
    name = nested
[profile  lab]
; name = comment
NAME=two = 2
empty =
";

    #[test]
    fn a_value_is_found_in_its_section_only() {
        assert_eq!(value(FILE, "default", "name").as_deref(), Some("one"));
        assert_eq!(value(FILE, "profile lab", "name").as_deref(), Some("two = 2"));
        assert_eq!(value(FILE, "profile lab", "empty"), None);
        assert_eq!(value(FILE, "lab", "name"), None);
        assert_eq!(value("[default", "default", "name"), None);
    }
}
