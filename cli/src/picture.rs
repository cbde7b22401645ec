//! Pictures of a slice: as a PNG, and on the terminal.

mod terminal;

use std::path::Path;

use bigarrays::DynArray;
use bigarrays::info::DataType;

use crate::output::{self, OutputError};

pub(crate) use terminal::Colours;

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
/// How voxels become grey.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// The axis that the picture cuts, along which there is one voxel.
    pub(crate) normal: usize,
    /// One channel; else the first three are red, green and blue, if there are so many.
    pub(crate) channel: Option<usize>,
    /// The value that is black; else it is found from the voxels.
    pub(crate) black: Option<f64>,
    /// The value that is white; likewise.
    pub(crate) white: Option<f64>,
}

impl Default for Look {
    fn default() -> Self {
        Self { normal: 2, channel: None, black: None, white: None }
    }
}

impl Picture {
    /// A slice of an image: dark to bright between the first and the last percent of its values,
    /// or as the look says. Three channels or more become red, green and blue. The values that
    /// are black and white come with it.
    pub(crate) fn image(voxels: &DynArray, look: Look) -> (Self, [f64; 2]) {
        let slice = Slice::across(voxels, look.normal);
        let channels = match look.channel {
            Some(channel) => [channel; 3],
            None if slice.channels >= 3 => [0, 1, 2],
            None => [0; 3],
        };
        let value = |pixel, channel| to_number(slice.data_type, slice.value(pixel, channel));
        let step = (slice.pixels() / SAMPLES).max(1);
        let sample = (0..slice.pixels())
            .step_by(step)
            .flat_map(|pixel| channels.map(|channel| value(pixel, channel)));
        let found = contrast(sample.collect());
        let (black, white) = (look.black.unwrap_or(found.0), look.white.unwrap_or(found.1));
        let picture = slice.picture(|pixel| {
            channels.map(|channel| brightness(value(pixel, channel), black, white))
        });
        (picture, [black, white])
    }

    /// The first z of an image.
    pub(crate) fn gray(voxels: &DynArray) -> Self {
        Self::image(voxels, Look::default()).0
    }

    /// The first z of a segmentation: a colour per label, always the same, and black for 0.
    pub(crate) fn labels(voxels: &DynArray) -> Self {
        Self::labels_across(voxels, 2, 0)
    }

    /// A slice of a segmentation, across an axis.
    pub(crate) fn labels_across(voxels: &DynArray, normal: usize, channel: usize) -> Self {
        let slice = Slice::across(voxels, normal);
        slice.picture(|pixel| label_colour(to_label(slice.value(pixel, channel))))
    }

    /// Pixels to the right and downwards.
    pub(crate) const fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// Rows become columns.
    pub(crate) fn transposed(&self) -> Self {
        let row = |x: usize| (0..self.height).map(move |y| self.pixels[y * self.width + x]);
        let pixels = (0..self.width).flat_map(row).collect();
        Self { width: self.height, height: self.width, pixels }
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
    /// As [`output::write()`].
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

    /// The picture with this width, each pixel as the nearest one was.
    pub(crate) fn scaled(&self, width: usize) -> Self {
        let height = (self.height * width + self.width / 2).checked_div(self.width);
        self.resized(width, height.unwrap_or(0).max(1))
    }

    /// The picture in another size, each pixel as the mean of those in its place.
    pub(crate) fn averaged(&self, width: usize, height: usize) -> Self {
        let (fewer, lower) = (width.min(self.width), height.min(self.height));
        if fewer == 0 || lower == 0 {
            return Self { width: 0, height: 0, pixels: Vec::new() };
        }
        let part = |at: usize, len: usize, old: usize| at * old / len..(at + 1) * old / len;
        let mut pixels = Vec::with_capacity(fewer * lower);
        for y in 0..lower {
            let rows = part(y, lower, self.height);
            pixels.extend((0..fewer).map(|x| {
                let columns = part(x, fewer, self.width);
                let count = (rows.len() * columns.len()) as u64;
                let mut sums = [0_u64; 3];
                for row in rows.clone() {
                    for pixel in &self.pixels[row * self.width..][columns.clone()] {
                        sums.iter_mut().zip(pixel).for_each(|(sum, &part)| *sum += u64::from(part));
                    }
                }
                sums.map(|sum| u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX))
            }));
        }
        Self { width: fewer, height: lower, pixels }.resized(width, height)
    }

    /// The picture in another size, each pixel as the nearest one was.
    pub(crate) fn resized(&self, width: usize, height: usize) -> Self {
        if self.width == 0 || self.height == 0 || width == 0 || height == 0 {
            return Self { width: 0, height: 0, pixels: Vec::new() };
        }
        let nearest = |at: usize, len: usize, old: usize| (at * 2 + 1) * old / (len * 2);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = nearest(y, height, self.height) * self.width;
            pixels.extend((0..width).map(|x| self.pixels[row + nearest(x, width, self.width)]));
        }
        Self { width, height, pixels }
    }
}

/// The first voxels of an array along an axis, as bytes.
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
    /// The lower of the other two axes runs along the rows. Across x and y there is one voxel; of
    /// many z the first is taken.
    fn across(voxels: &'a DynArray, normal: usize) -> Self {
        let [x, y, z, channels] = voxels.shape();
        let [width, height, depth] = match normal {
            0 => [y, z, x],
            1 => [x, z, y],
            _ => [x, y, z],
        };
        let some = depth > 0 && channels > 0 && (normal == 2 || depth == 1);
        Self {
            bytes: voxels.fortran_bytes(),
            data_type: voxels.data_type(),
            width,
            height: if some { height } else { 0 },
            channels,
            channel_stride: x * y * z,
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

/// A bright colour for each label but 0. The viewer has the same (`viewer/page/colours.js`); the rule
/// is in `viewer/README.md`, and both are compared with `viewer/colours.json`.
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

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    fn picture(width: usize, pixels: &[[u8; 3]]) -> Picture {
        Picture { width, height: pixels.len() / width, pixels: pixels.to_vec() }
    }

    fn image<T: bigarrays::Element>(shape: [usize; 4], value: impl Fn(usize) -> T) -> DynArray {
        let [x, y, z, _] = shape;
        T::into_dyn(Array4::from_shape_fn(shape, |(i, j, k, c)| {
            value(i + x * (j + y * (k + z * c)))
        }))
    }

    const BLACK: [u8; 3] = [0; 3];
    const WHITE: [u8; 3] = [255; 3];

    #[test]
    fn gray_runs_from_the_first_to_the_last_percent() {
        // 0 to 199, but for an outlier at each end.
        let outliers = |n: usize| match n {
            0 => -1e9,
            199 => 1e9,
            n => f64::from(u8::try_from(n).unwrap()),
        };
        let gray = Picture::gray(&image([20, 10, 1, 1], outliers));
        assert_eq!((gray.width, gray.height), (20, 10));
        assert_eq!((gray.pixels[0], gray.pixels[199]), (BLACK, WHITE));
        assert_eq!((gray.pixels[2], gray.pixels[197]), (BLACK, WHITE));
        assert_eq!(gray.pixels[100], [128; 3]);
    }

    #[test]
    fn few_bright_pixels_are_seen_and_nothing_is_black() {
        let sparse = Picture::gray(&image([100, 10, 1, 1], |n| u16::from(n == 5) * 300));
        assert_eq!((sparse.pixels[5], sparse.pixels[6]), (WHITE, BLACK));
        let constant = Picture::gray(&image([4, 4, 1, 1], |_| 7_u8));
        assert!(constant.pixels.iter().all(|&pixel| pixel == BLACK));
        let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0, 2.0, 3.0];
        let strange = Picture::gray(&image([6, 1, 1, 1], |n| strange[n]));
        assert_eq!(strange.pixels[..4], [BLACK, WHITE, BLACK, BLACK]);
        assert_eq!(strange.pixels[5], WHITE);
        assert!(Picture::gray(&image([0, 4, 1, 1], |_| 7_u8)).pixels.is_empty());
        assert!(Picture::gray(&image([3, 4, 0, 1], |_| 7_u8)).pixels.is_empty());
    }

    #[test]
    fn numbers_of_every_type_keep_their_order() {
        macro_rules! check {
            ($($T:ident)*) => { $(
                let ends = [$T::MIN, $T::MAX];
                let gray = Picture::gray(&image([2, 1, 1, 1], |n| ends[n]));
                assert_eq!(gray.pixels, [BLACK, WHITE], stringify!($T));
            )* };
        }
        check!(u8 i8 u16 i16 u32 i32 u64 i64);
        let gray = Picture::gray(&image([3, 1, 1, 1], |n| [-1.0_f32, 0.0, 1.0][n]));
        assert_eq!(gray.pixels, [BLACK, [128; 3], WHITE]);
        let gray = Picture::gray(&image([3, 1, 1, 1], |n| [-1_i16, 0, 1][n]));
        assert_eq!(gray.pixels, [BLACK, [128; 3], WHITE]);
    }

    #[test]
    fn three_channels_are_colours_of_the_first_z() {
        // Channels of the first z: 0, 1, 2; of the second: 100.
        let value = |n: usize| if n / 2 % 2 == 1 { 100 } else { u8::try_from(n / 4).unwrap() };
        let colours = Picture::gray(&image([2, 1, 2, 3], value));
        assert_eq!(colours.pixels, [[0, 128, 255]; 2]);
        let two = Picture::gray(&image([2, 1, 1, 2], |n| u8::try_from(n).unwrap()));
        assert_eq!(two.pixels, [BLACK, WHITE]);
    }

    #[test]
    fn labels_have_colours_of_their_own_and_0_is_black() {
        let labels = Picture::labels(&image([4, 1, 1, 1], |n| [0_u64, 1, 2, 1][n]));
        let wide = Picture::labels(&image([4, 1, 1, 1], |n| [0_u16, 1, 2, 1][n]));
        assert_eq!(labels, wide);
        assert_eq!(labels.pixels[0], BLACK);
        assert_eq!(labels.pixels[1], labels.pixels[3]);
        let mut colours: Vec<[u8; 3]> = (1..2000).map(label_colour).collect();
        assert!(colours.iter().all(|colour| colour.iter().any(|&part| part >= 150)));
        // The same in every version: people know their cells by colour.
        assert_eq!(colours[..2], [[105, 211, 123], [35, 170, 39]]);
        colours.sort_unstable();
        colours.dedup();
        assert!(colours.len() > 1990, "{}", colours.len());
    }

    #[test]
    fn colours_of_labels_are_those_of_the_viewer() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../viewer/colours.json")).unwrap();
        let colours = golden["colours"].as_object().unwrap();
        assert!(colours.len() > 10);
        for (label, wanted) in colours {
            let found = label_colour(label.parse().unwrap());
            assert_eq!(serde_json::json!(found), *wanted, "{label}");
        }
    }

    #[test]
    fn slices_across_other_axes_have_the_lower_one_along_their_rows() {
        let voxels = |shape| image(shape, |n| u8::try_from(n).unwrap());
        let look =
            |normal| Look { normal, black: Some(0.0), white: Some(255.0), ..Look::default() };
        let shades = |picture: Picture| picture.pixels.iter().map(|p| p[0]).collect::<Vec<u8>>();
        let (xz, window) = Picture::image(&voxels([3, 1, 2, 1]), look(1));
        assert_eq!((xz.size(), window), ([3, 2], [0.0, 255.0]));
        assert_eq!(shades(xz), [0, 1, 2, 3, 4, 5]);
        let (yz, _) = Picture::image(&voxels([1, 3, 2, 2]), look(0));
        assert_eq!(yz.size(), [3, 2]);
        let turned = yz.transposed();
        assert_eq!((turned.size(), shades(turned)), ([2, 3], vec![0, 3, 1, 4, 2, 5]));
        let second = Look { channel: Some(1), ..look(0) };
        let (second, _) = Picture::image(&voxels([1, 3, 2, 2]), second);
        assert_eq!(shades(second), [6, 7, 8, 9, 10, 11]);
        let (negative, _) = Picture::image(
            &voxels([2, 1, 1, 1]),
            Look { black: Some(0.5), white: None, ..look(2) },
        );
        assert_eq!(shades(negative), [0, 255]);
    }

    #[test]
    fn an_overlay_covers_but_where_it_is_black() {
        let mut below = picture(2, &[[100; 3], [100; 3]]);
        below.overlay(&picture(2, &[[200, 0, 0], BLACK]), 0.5);
        assert_eq!(below.pixels, [[150, 50, 50], [100; 3]]);
        let before = below.clone();
        below.overlay(&picture(1, &[WHITE, WHITE]), 0.5);
        assert_eq!(below, before);
    }

    #[test]
    fn pictures_scale_to_the_nearest_pixel() {
        let [a, b, c, d] = [[1; 3], [2; 3], [3; 3], [4; 3]];
        let small = picture(2, &[a, b, c, d]);
        assert_eq!(small.scaled(4).pixels, [a, a, b, b, a, a, b, b, c, c, d, d, c, c, d, d]);
        assert_eq!(small.scaled(4).scaled(2), small);
        assert_eq!(picture(4, &[a, b, c, d]).scaled(1), picture(1, &[c]));
        assert_eq!(picture(1, &[]).scaled(10).pixels, [] as [[u8; 3]; 0]);
        let means = picture(4, &[[0; 3], [3; 3], [10; 3], [20; 3]]);
        assert_eq!(means.averaged(2, 1), picture(2, &[[2; 3], [15; 3]]));
        assert_eq!(means.averaged(8, 1), means.resized(8, 1));
        assert_eq!(picture(1, &[]).averaged(10, 3).pixels, [] as [[u8; 3]; 0]);
    }

    #[test]
    fn a_saved_picture_is_a_png_of_its_pixels() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        picture(2, &[[1, 2, 3], [4, 5, 6], WHITE, BLACK]).save_png(&path).unwrap();
        let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = [9; 12];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!((reader.info().width, reader.info().height), (2, 2));
        assert_eq!(pixels, [1, 2, 3, 4, 5, 6, 255, 255, 255, 0, 0, 0]);
    }
}
