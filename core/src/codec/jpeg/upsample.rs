//! Samples to pixels: subsampled components at full size, and colours.
//!
//! Both as libjpeg-turbo does it by default, rounding included. Components of half the width
//! are interpolated: a pixel is three parts its own sample and one part the nearer neighbour.

use super::frame::{Component, Frame};

/// How the components of a pixel make its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colors {
    /// They are its channels.
    Direct,
    /// They are luma and two chromas.
    YCbCr,
}

/// Writes a finished frame as planes.
pub(super) fn write(frame: &Frame, colors: Colors, planes: &mut [u8]) {
    let (width, pixels) = (frame.width, frame.width * frame.height);
    if let ([y, cb, cr], Colors::YCbCr) = (&frame.components[..], colors) {
        let mut planes = planes.chunks_exact_mut(pixels);
        if let (Some(red), Some(green), Some(blue)) = (planes.next(), planes.next(), planes.next())
        {
            let rows = red.chunks_exact_mut(width).zip(green.chunks_exact_mut(width));
            let rows = rows.zip(blue.chunks_exact_mut(width));
            let mut samples = [(); 3].map(|()| Vec::new());
            for (index, ((red, green), blue)) in rows.enumerate() {
                let [luma, blues, reds] = &mut samples;
                let (luma, blues) = (upsample(y, index, luma), upsample(cb, index, blues));
                convert([luma, blues, upsample(cr, index, reds)], [red, green, blue]);
            }
        }
    } else {
        let mut samples = Vec::new();
        for (plane, component) in planes.chunks_exact_mut(pixels).zip(&frame.components) {
            let rows = 8 * frame.wanted.start..frame.wanted.end.saturating_mul(8);
            let all = plane.chunks_exact_mut(width).enumerate();
            for (index, row) in all.take(rows.end).skip(rows.start) {
                row.copy_from_slice(&upsample(component, index, &mut samples)[..width]);
            }
        }
    }
}

/// A row of pixels of one component, or some more; made in `to` if they are not there already.
fn upsample<'a>(component: &'a Component, y: usize, to: &'a mut Vec<u8>) -> &'a [u8] {
    let [across, down] = component.pixels_per_sample;
    let near = component.row(y / down);
    // The row that the pixels are next nearest to; the outermost rows are their own neighbours.
    let last = component.size[1] - 1;
    let far = if y.is_multiple_of(2) { (y / 2).saturating_sub(1) } else { (y / 2 + 1).min(last) };
    to.clear();
    match [across, down] {
        [1, 1] => return near,
        [2, 1] if near.len() > 2 => {
            double(near.iter().map(|&sample| 4 * u16::from(sample)), [4, 8], to);
        }
        [2, 2] if near.len() > 2 => double(weigh(near, component.row(far)), [8, 7], to),
        [1, 2] => {
            let rounding = if y.is_multiple_of(2) { 1 } else { 2 };
            let sums = weigh(near, component.row(far));
            to.extend(sums.map(|sum| low_byte((sum + rounding) >> 2)));
        }
        _ => to.extend(near.iter().flat_map(|&sample| std::iter::repeat_n(sample, across))),
    }
    to
}

/// Three parts of one row and one of another.
fn weigh(near: &[u8], far: &[u8]) -> impl ExactSizeIterator<Item = u16> + Clone {
    near.iter().zip(far).map(|(&near, &far)| 3 * u16::from(near) + u16::from(far))
}

/// Twice as many pixels from samples that are four times as large. Pixels left of their sample
/// and right of it are rounded differently, so that it evens out.
fn double(
    samples: impl ExactSizeIterator<Item = u16> + Clone,
    rounding: [u16; 2],
    to: &mut Vec<u8>,
) {
    let first = samples.clone().next();
    let last = samples.clone().last();
    let before = first.into_iter().chain(samples.clone());
    let after = samples.clone().skip(1).chain(last);
    for ((before, sample), after) in before.zip(samples).zip(after) {
        let left = (3 * sample + before + rounding[0]) >> 4;
        let right = (3 * sample + after + rounding[1]) >> 4;
        to.extend([left, right].map(low_byte));
    }
}

fn low_byte(value: u16) -> u8 {
    let [low, _] = value.to_le_bytes();
    low
}

/// Red, green and blue of a row (JFIF), in 16-bit fixed point.
fn convert(samples: [&[u8]; 3], [red, green, blue]: [&mut [u8]; 3]) {
    const HALF: i32 = 1 << 15;
    let [luma, blues, reds] = samples;
    let colors = red.iter_mut().zip(green).zip(blue);
    for (((red, green), blue), ((&y, &cb), &cr)) in colors.zip(luma.iter().zip(blues).zip(reds)) {
        let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
        *red = clamped(y + ((91_881 * cr + HALF) >> 16));
        *green = clamped(y + ((HALF - 22_554 * cb - 46_802 * cr) >> 16));
        *blue = clamped(y + ((116_130 * cb + HALF) >> 16));
    }
}

#[inline]
fn clamped(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(0)
}
