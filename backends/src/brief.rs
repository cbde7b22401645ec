//! Text of others in our errors.

/// Characters that an error quotes, or says, of what somebody else wrote.
const MOST: usize = 300;

/// The beginning of a text that may be of any length.
pub(crate) fn brief(text: &str) -> String {
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_a_short_one_is_not() {
        assert_eq!(brief("short"), "short");
        let long = "é".repeat(MOST + 1);
        assert_eq!(brief(&long), format!("{}…", "é".repeat(MOST)));
    }
}
