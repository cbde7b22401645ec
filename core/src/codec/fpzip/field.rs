//! One field (channel): each value as its difference from what its neighbours make of it.
//!
//! Outside the field all is zero. A difference is a symbol and the rest of its bits: where values
//! have at most 8 bits, the symbol is the difference itself; else it tells the sign and the place of
//! the highest bit, and the bits below follow as they are.

use super::model::Model;
use super::range::{RangeDecoder, RangeEncoder};
use super::real::{Map, Neighbours, Real};

const WIDEST_SYMBOL: u32 = 8;

/// What turns values into differences: the same on both sides.
#[derive(Debug)]
struct Predictor<R> {
    map: Map,
    model: Model,
    stride: usize,
    /// This plane and the one before, each with a row and a column of zeros in front.
    current: Vec<R>,
    previous: Vec<R>,
}

impl<R: Real> Predictor<R> {
    fn new(bits: u32, [x, y]: [usize; 2]) -> Self {
        let map = Map::new::<R>(bits);
        let symbols = if bits > WIDEST_SYMBOL { 2 * bits + 1 } else { (2 << bits) - 1 };
        let plane = vec![R::ZERO; (x + 1) * (y + 1)];
        Self {
            map,
            model: Model::new(symbols as usize),
            stride: x + 1,
            current: plane.clone(),
            previous: plane,
        }
    }

    /// Goes through the next row of values, `row` 0 being the first of a plane: `code` is given the
    /// model, the map and the prediction, and the bytes of the voxel, and gives the value as it is
    /// decoded.
    #[inline]
    fn row<V>(
        &mut self,
        row: usize,
        voxels: impl Iterator<Item = V>,
        mut code: impl FnMut(&mut Model, Map, R, V) -> R,
    ) {
        if row == 0 {
            std::mem::swap(&mut self.current, &mut self.previous);
        }
        let (before, current) = self.current.split_at_mut((row + 1) * self.stride);
        let y = before[row * self.stride..].array_windows();
        let z = self.previous[(row + 1) * self.stride..].array_windows();
        let yz = self.previous[row * self.stride..].array_windows();
        let mut x = R::ZERO;
        let values = current[1..self.stride].iter_mut();
        for ((((value, voxel), y), z), yz) in values.zip(voxels).zip(y).zip(z).zip(yz) {
            let (&[xy, y], &[xz, z], &[xyz, yz]) = (y, z, yz);
            let prediction = R::predict(&Neighbours { x, y, z, xy, xz, yz, xyz });
            x = code(&mut self.model, self.map, prediction, voxel);
            *value = x;
        }
    }
}

/// Writes the planes of a field; `planes` are the bytes of each.
pub(super) fn encode<'a, R: Real>(
    encoder: &mut RangeEncoder,
    bits: u32,
    shape: [usize; 2],
    planes: impl Iterator<Item = &'a [u8]>,
) {
    let mut predictor = Predictor::<R>::new(bits, shape);
    for plane in planes {
        for (row, voxels) in plane.chunks_exact((shape[0] * R::SIZE).max(1)).enumerate() {
            let voxels = voxels.chunks_exact(R::SIZE);
            predictor.row(row, voxels, |model, map, prediction, voxel| {
                let value = map.forward(R::from_le(voxel));
                put(encoder, model, map.bits(), map.forward(prediction), value);
                map.inverse(value)
            });
        }
    }
}

/// Reads the planes of a field. `false` as soon as the stream is found damaged.
pub(super) fn decode<'a, R: Real>(
    decoder: &mut RangeDecoder<'_>,
    bits: u32,
    shape: [usize; 2],
    planes: impl Iterator<Item = &'a mut [u8]>,
) -> bool {
    let mut predictor = Predictor::<R>::new(bits, shape);
    for plane in planes {
        for (row, voxels) in plane.chunks_exact_mut((shape[0] * R::SIZE).max(1)).enumerate() {
            let voxels = voxels.chunks_exact_mut(R::SIZE);
            predictor.row(row, voxels, |model, map, prediction, voxel| {
                let value: R =
                    map.inverse(get(decoder, model, map.bits(), map.forward(prediction)));
                value.to_le(voxel);
                value
            });
            if !decoder.is_sound() {
                return false;
            }
        }
    }
    true
}

#[inline]
fn put(encoder: &mut RangeEncoder, model: &mut Model, bits: u32, prediction: u64, value: u64) {
    if bits <= WIDEST_SYMBOL {
        let symbol = ((1 << bits) - 1 + value).wrapping_sub(prediction);
        encoder.symbol(usize::try_from(symbol).unwrap_or(0), model);
        return;
    }
    let difference = value.abs_diff(prediction);
    let Some(place) = difference.checked_ilog2() else {
        return encoder.symbol(bits as usize, model);
    };
    let symbol = if value > prediction { bits + 1 + place } else { bits - 1 - place };
    encoder.symbol(symbol as usize, model);
    encoder.bits(difference ^ 1 << place, place);
}

#[inline]
fn get(decoder: &mut RangeDecoder<'_>, model: &mut Model, bits: u32, prediction: u64) -> u64 {
    let symbol = decoder.symbol(model) as u64;
    if bits <= WIDEST_SYMBOL {
        return (prediction + symbol).wrapping_sub((1 << bits) - 1);
    }
    let middle = u64::from(bits);
    match symbol.cmp(&middle) {
        std::cmp::Ordering::Equal => prediction,
        std::cmp::Ordering::Greater => {
            prediction.wrapping_add(difference(decoder, symbol - middle - 1))
        }
        std::cmp::Ordering::Less => {
            prediction.wrapping_sub(difference(decoder, middle - 1 - symbol))
        }
    }
}

/// A number whose highest bit has this place, which is below 64.
#[inline]
fn difference(decoder: &mut RangeDecoder<'_>, place: u64) -> u64 {
    let place = u32::try_from(place & 63).unwrap_or(0);
    1 << place | decoder.bits(place)
}
