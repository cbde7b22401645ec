//! Pictures of a slice: as a PNG, and on the terminal.

use std::fmt::Write as _;
use std::path::Path;

use bigarrays::DynArray;
use bigarrays::info::DataType;

use crate::output::{self, OutputError};

/// A picture of red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    width: usize,
    height: usize,
    /// Row by row.
    pixels: Vec<[u8; 3]>,
}

/// What share of the values may be darker than black, and brighter than white.
const CLIPPED: usize = 100;
/// How many values are looked at, at most, to find black and white.
const SAMPLES: usize = 1 << 18;
/// Characters from dark to bright.
const RAMP: &[u8] = b" .:-=+*#%@";

impl Picture {
    /// The first z of an image: dark to bright between the first and the last percent of its
    /// values. Three channels or more become red, green and blue.
    pub(crate) fn gray(voxels: &DynArray) -> Self {
        let slice = Slice::new(voxels);
        let channels = if slice.channels >= 3 { [0, 1, 2] } else { [0; 3] };
        let value = |pixel, channel| to_number(slice.data_type, slice.value(pixel, channel));
        let step = (slice.pixels() / SAMPLES).max(1);
        let sample = (0..slice.pixels())
            .step_by(step)
            .flat_map(|pixel| channels.map(|channel| value(pixel, channel)));
        let (black, white) = contrast(sample.collect());
        slice.picture(|pixel| {
            channels.map(|channel| brightness(value(pixel, channel), black, white))
        })
    }

    /// The first z of a segmentation: a colour per label, always the same, and black for 0.
    pub(crate) fn labels(voxels: &DynArray) -> Self {
        let slice = Slice::new(voxels);
        slice.picture(|pixel| label_colour(to_label(slice.value(pixel, 0))))
    }

    /// Lays another picture of the same size over this one; its black parts are transparent.
    /// `opacity` is between 0 (nothing is seen of it) and 1.
    pub(crate) fn overlay(&mut self, other: &Self, opacity: f32) {
        if (self.width, self.height) != (other.width, other.height) {
            return;
        }
        for (below, above) in self.pixels.iter_mut().zip(&other.pixels) {
            if *above != [0; 3] {
                *below = std::array::from_fn(|channel| {
                    let [below, above] = [below[channel], above[channel]].map(f32::from);
                    to_byte(below + (above - below) * opacity)
                });
            }
        }
    }

    /// Saves the picture.
    ///
    /// # Errors
    /// As [`output::write`].
    pub(crate) fn save_png(&self, path: &Path) -> Result<(), OutputError> {
        let side = |len: usize| {
            u32::try_from(len).map_err(|_| OutputError::Unsupported {
                path: path.to_owned(),
                what: format!("a picture of {} x {} pixels", self.width, self.height),
                advice: "choose a smaller box",
            })
        };
        output::save_rgb(path, [side(self.width)?, side(self.height)?], self.pixels.as_flattened())
    }

    /// The picture as lines of `columns` characters: half blocks in colour, or plain characters.
    pub(crate) fn terminal(&self, columns: usize, colour: bool) -> String {
        let scaled = self.scaled(columns);
        let mut text = String::new();
        for upper in (0..scaled.height).step_by(2) {
            let mut colours = None;
            for x in 0..scaled.width {
                let above = scaled.pixels[upper * scaled.width + x];
                let below = scaled.pixels.get((upper + 1) * scaled.width + x).copied();
                if colour {
                    // Neighbours of the same colour need not say it again.
                    if colours != Some((above, below)) {
                        text.push_str(&escape(above, below));
                        colours = Some((above, below));
                    }
                    text.push('▀');
                } else {
                    text.push(character(above, below.unwrap_or(above)));
                }
            }
            text.push_str(if colour { "\x1b[0m\n" } else { "\n" });
        }
        text
    }

    /// The picture with this width, each pixel as the nearest one was.
    fn scaled(&self, width: usize) -> Self {
        if self.width == 0 || self.height == 0 || width == 0 {
            return Self { width: 0, height: 0, pixels: Vec::new() };
        }
        let height = ((self.height * width + self.width / 2) / self.width).max(1);
        let nearest = |at: usize, len: usize, old: usize| (at * 2 + 1) * old / (len * 2);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = nearest(y, height, self.height) * self.width;
            pixels.extend((0..width).map(|x| self.pixels[row + nearest(x, width, self.width)]));
        }
        Self { width, height, pixels }
    }
}

/// The first z of an array, as bytes.
struct Slice<'a> {
    bytes: std::borrow::Cow<'a, [u8]>,
    data_type: DataType,
    width: usize,
    height: usize,
    channels: usize,
    /// Values from one channel to the next.
    channel_stride: usize,
}

impl<'a> Slice<'a> {
    fn new(voxels: &'a DynArray) -> Self {
        let [width, height, depth, channels] = voxels.shape();
        let some = depth > 0 && channels > 0;
        Self {
            bytes: voxels.fortran_bytes(),
            data_type: voxels.data_type(),
            width,
            height: if some { height } else { 0 },
            channels,
            channel_stride: width * height * depth,
        }
    }

    const fn pixels(&self) -> usize {
        self.width * self.height
    }

    fn value(&self, pixel: usize, channel: usize) -> &[u8] {
        let item = self.data_type.size();
        &self.bytes[(pixel + channel * self.channel_stride) * item..][..item]
    }

    fn picture(&self, colour: impl Fn(usize) -> [u8; 3]) -> Picture {
        let pixels = (0..self.pixels()).map(colour).collect();
        Picture { width: self.width, height: self.height, pixels }
    }
}

/// The eight low bytes of a value; a negative one has zeros above.
fn to_label(value: &[u8]) -> u64 {
    value.iter().rev().fold(0, |label, &byte| label << 8 | u64::from(byte))
}

/// A value as a number, as near as can be.
#[expect(clippy::cast_precision_loss, reason = "it becomes one of 256 shades")]
fn to_number(data_type: DataType, value: &[u8]) -> f64 {
    let bits = to_label(value);
    // Where the sign bit is, if there is one.
    let unused = 64 - 8 * u32::try_from(value.len()).unwrap_or(8);
    match data_type {
        DataType::Float64 => f64::from_bits(bits),
        DataType::Float32 => f32::from_bits(u32::try_from(bits).unwrap_or(0)).into(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            ((bits << unused).cast_signed() >> unused) as f64
        }
        _ => bits as f64,
    }
}

/// The values that are to be black and white: without the outermost percent at each end, unless
/// nothing is left then.
fn contrast(mut values: Vec<f64>) -> (f64, f64) {
    values.retain(|value| value.is_finite());
    values.sort_unstable_by(f64::total_cmp);
    let clipped = values.len() / CLIPPED;
    let inner = values.get(clipped..values.len() - clipped).unwrap_or_default();
    let ends = |values: &[f64]| Some((*values.first()?, *values.last()?));
    ends(inner).filter(|(low, high)| low < high).or_else(|| ends(&values)).unwrap_or((0.0, 0.0))
}

fn brightness(value: f64, black: f64, white: f64) -> u8 {
    if white > black {
        #[expect(clippy::cast_possible_truncation, reason = "it becomes one of 256 shades")]
        to_byte(((value - black) / (white - black) * 255.0) as f32)
    } else {
        0
    }
}

/// The nearest byte; 0 for what is not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of a byte"
)]
fn to_byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// A bright colour for each label but 0.
fn label_colour(label: u64) -> [u8; 3] {
    if label == 0 {
        return [0; 3];
    }
    // The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): neighbours become strangers.
    let mut bits = label.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [hue_low, hue_high, saturation, value, ..] = (bits ^ (bits >> 31)).to_le_bytes();
    // From 0 to 6, once around the circle of hues.
    let hue = f32::from(u16::from_le_bytes([hue_low, hue_high])) / 65536.0 * 6.0;
    let saturation = 0.5 + f32::from(saturation) / 510.0;
    let value = 160.0 + f32::from(value) / 255.0 * 95.0;
    // Each of red, green and blue is bright for half of the circle, fading at both ends.
    [5.0, 3.0, 1.0].map(|shift: f32| {
        let place = (hue + shift) % 6.0;
        let fade = place.min(4.0 - place).clamp(0.0, 1.0);
        to_byte(value * (1.0 - saturation * fade))
    })
}

/// The escape that colours an upper half block, and what is below it.
fn escape([r, g, b]: [u8; 3], below: Option<[u8; 3]>) -> String {
    let mut text = format!("\x1b[38;2;{r};{g};{b}");
    // Writing to a string does not fail.
    let _ = match below {
        Some([r, g, b]) => write!(text, ";48;2;{r};{g};{b}m"),
        None => write!(text, ";49m"),
    };
    text
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
