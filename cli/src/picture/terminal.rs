//! Pictures as lines of characters.

use super::Picture;

/// Characters from dark to bright.
const RAMP: &[u8] = b" .:-=+*#%@";
/// What red, green and blue can be in the cube of the 256 colours.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Which colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    /// None: plain characters.
    None,
    /// The 256 of xterm.
    Indexed,
    /// All, of 24 bits.
    True,
}

impl Colours {
    /// What a terminal says of itself in `TERM` and `COLORTERM`.
    pub(crate) fn of_terminal(term: &str, colorterm: &str) -> Self {
        if ["truecolor", "24bit"].contains(&colorterm) || term.contains("direct") {
            Self::True
        } else if term.is_empty() || term == "dumb" {
            Self::None
        } else {
            Self::Indexed
        }
    }
}

impl Picture {
    /// The picture as lines, a character for each pixel of a row and for two rows: half blocks in
    /// colour, or plain characters.
    pub(crate) fn terminal(&self, colours: Colours) -> String {
        let mut text = String::new();
        for upper in (0..self.height).step_by(2) {
            let mut last = None;
            for x in 0..self.width {
                let above = self.pixels[upper * self.width + x];
                let below = self.pixels.get((upper + 1) * self.width + x).copied();
                let Some(escape) = escape(above, below, colours) else {
                    text.push(character(above, below.unwrap_or(above)));
                    continue;
                };
                // Neighbours of the same colour need not say it again.
                if last.as_ref() != Some(&escape) {
                    text.push_str(&escape);
                    last = Some(escape);
                }
                text.push('▀');
            }
            text.push_str(if colours == Colours::None { "\n" } else { "\x1b[0m\n" });
        }
        text
    }
}

/// The escape that colours an upper half block, and what is below it; none without colours.
fn escape(above: [u8; 3], below: Option<[u8; 3]>, colours: Colours) -> Option<String> {
    let words = |ground: u8, [r, g, b]: [u8; 3]| match colours {
        Colours::None => None,
        Colours::Indexed => Some(format!("{ground};5;{}", nearest([r, g, b]))),
        Colours::True => Some(format!("{ground};2;{r};{g};{b}")),
    };
    // What the terminal has by itself, where there is no row below.
    let below = below.map_or(Some("49".to_owned()), |below| words(48, below))?;
    Some(format!("\x1b[{};{below}m", words(38, above)?))
}

/// The nearest of the 256 colours: in the cube of 6 × 6 × 6, or among the 24 greys.
fn nearest(colour: [u8; 3]) -> u8 {
    let distance = |other: [u8; 3]| -> u32 {
        colour.iter().zip(other).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let level = |part: u8| (0..6_u8).min_by_key(|&n| part.abs_diff(LEVELS[usize::from(n)]));
    let [r, g, b] = colour.map(|part| level(part).unwrap_or(0));
    let cube = [r, g, b].map(|n| LEVELS[usize::from(n)]);
    let grey = (0..24_u8).min_by_key(|&n| distance([8 + 10 * n; 3])).unwrap_or(0);
    if distance([8 + 10 * grey; 3]) < distance(cube) { 232 + grey } else { 16 + 36 * r + 6 * g + b }
}

/// A character as bright as two pixels.
fn character(above: [u8; 3], below: [u8; 3]) -> char {
    let brightness = |[r, g, b]: [u8; 3]| {
        // How bright the colours are to the eye (ITU-R BT.601), in thousandths.
        u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114
    };
    let sum = brightness(above) + brightness(below);
    let steps = RAMP.len() as u64;
    let step = u64::from(sum) * steps / (2 * 255 * 1000 + 1);
    usize::try_from(step).ok().and_then(|step| RAMP.get(step)).map_or(' ', |&c| char::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, pixels: &[[u8; 3]]) -> Picture {
        Picture { width, height: pixels.len() / width, pixels: pixels.to_vec() }
    }

    const BLACK: [u8; 3] = [0; 3];
    const WHITE: [u8; 3] = [255; 3];

    #[test]
    fn the_terminal_shows_two_rows_in_one() {
        let [red, blue] = [[255, 0, 0], [0, 0, 255]];
        let shown = picture(2, &[red, red, blue, blue, WHITE, BLACK]);
        assert_eq!(
            shown.terminal(Colours::True),
            "\x1b[38;2;255;0;0;48;2;0;0;255m▀▀\x1b[0m\n\
             \x1b[38;2;255;255;255;49m▀\x1b[38;2;0;0;0;49m▀\x1b[0m\n"
        );
        assert_eq!(
            shown.terminal(Colours::Indexed),
            "\x1b[38;5;196;48;5;21m▀▀\x1b[0m\n\x1b[38;5;231;49m▀\x1b[38;5;16;49m▀\x1b[0m\n"
        );
        let text = picture(2, &[WHITE, BLACK, WHITE, BLACK, BLACK, BLACK]);
        assert_eq!(text.terminal(Colours::None), "@ \n  \n");
        assert_eq!(picture(1, &[]).terminal(Colours::True), "");
        let text = picture(3, &[[90; 3]; 9]).scaled(76).terminal(Colours::None);
        assert_eq!((text.lines().count(), text.lines().next().unwrap().len()), (38, 76));
        assert!(text.bytes().all(|byte| byte == b'\n' || RAMP.contains(&byte)));
    }

    #[test]
    fn a_colour_becomes_the_nearest_of_256() {
        assert_eq!([BLACK, WHITE].map(nearest), [16, 231]);
        assert_eq!(nearest([128; 3]), 244);
        assert_eq!(nearest([0x5f, 0x87, 0xaf]), 67);
        assert_eq!(nearest([250, 130, 10]), 208);
    }

    #[test]
    fn terminals_say_what_they_can() {
        let of = Colours::of_terminal;
        assert_eq!(of("xterm-256color", "truecolor"), Colours::True);
        assert_eq!(of("xterm-direct", ""), Colours::True);
        assert_eq!(of("xterm-256color", ""), Colours::Indexed);
        assert_eq!([of("dumb", ""), of("", "")], [Colours::None; 2]);
    }
}
