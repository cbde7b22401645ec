//! The frame: size, components and their samples (T.81, section B.2.2).

use std::ops::Range;

use super::super::raster;
use super::super::{ChunkSpec, CodecError};
use super::blocks::NATURAL;
use super::idct;

/// An image on its way from scans to samples.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    /// How many groups of blocks side by side and one below the other, where scans have several
    /// components.
    pub(super) groups: [usize; 2],
    pub(super) is_progressive: bool,
    /// Which rows of blocks are decoded.
    pub(super) wanted: Range<usize>,
    pub(super) components: Vec<Component>,
}

/// One component of an image.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks of a group side by side, and one below the other.
    pub(super) sampling: [usize; 2],
    /// Pixels of the image for each sample, on both axes.
    pub(super) pixels_per_sample: [usize; 2],
    /// Samples on both axes.
    pub(super) size: [usize; 2],
    /// Which quantization table it uses; the table itself is that of its first scan.
    pub(super) table: usize,
    pub(super) quantization: Option<[u16; 64]>,
    /// Whole groups of samples, row by row.
    pub(super) samples: Vec<u8>,
    /// Samples of a row.
    pub(super) stride: usize,
    /// Coefficients of whole groups, in progressive images only.
    pub(super) coefficients: Vec<[i16; 64]>,
}

impl Frame {
    /// Reads a frame header. Nothing is allocated before it agrees with the chunk.
    pub(super) fn parse(
        header: &[u8],
        is_progressive: bool,
        spec: &ChunkSpec,
        pixels: &Range<usize>,
    ) -> Result<Self, CodecError> {
        let ([bits, h1, h0, w1, w0, count], components) =
            header.split_first_chunk().ok_or_else(malformed)?;
        let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
        raster::check_size(spec, width, height)?;
        raster::check_components(spec, usize::from(*count))?;
        raster::check_depth(spec, *bits)?;
        let (components, []) = components.as_chunks::<3>() else { return Err(malformed()) };
        if components.len() != usize::from(*count) {
            return Err(malformed());
        }
        let factors = components.iter().map(|&[_, sampling, _]| match components.len() {
            // A lone component has one block in a group, whatever it says.
            1 => [1, 1],
            _ => [sampling >> 4, sampling & 15].map(usize::from),
        });
        let most = factors.clone().reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])]);
        let most = most.ok_or_else(malformed)?;
        let size = [width, height].map(usize::from);
        let groups = [0, 1].map(|axis| size[axis].div_ceil(8 * most[axis].max(1)));
        let parts = components
            .iter()
            .zip(factors)
            .map(|(&[id, _, table], sampling)| {
                let mut component = Component::new(id, sampling, most, size)?;
                component.table = usize::from(table);
                component.allocate(groups, is_progressive);
                Ok(component)
            })
            .collect::<Result<_, _>>()?;
        // Subsampled components need their neighbours, and a progressive image is only known whole.
        let wanted = match components {
            [_] if !is_progressive => {
                let row = |pixel: usize| pixel / size[0].max(1) / 8;
                row(pixels.start)..row(pixels.end.saturating_sub(1)) + 1
            }
            _ => 0..usize::MAX,
        };
        let components = parts;
        Ok(Self { width: size[0], height: size[1], groups, is_progressive, wanted, components })
    }

    /// Makes samples of the coefficients of a progressive image.
    pub(super) fn finish(&mut self) -> Result<(), CodecError> {
        for component in &mut self.components {
            let Some(quantization) = component.quantization else {
                return Err(CodecError::corrupt("it ends before all of its components"));
            };
            let coefficients = std::mem::take(&mut component.coefficients);
            for (index, coefficients) in coefficients.iter().enumerate() {
                let mut block = [0; 64];
                for (&natural, step) in NATURAL.iter().zip(quantization) {
                    let natural = usize::from(natural);
                    block[natural] = i32::from(coefficients[natural]) * i32::from(step);
                }
                let is_flat = coefficients[1..] == [0; 63];
                let across = component.stride / 8;
                component.put([index % across, index / across], &block, is_flat);
            }
        }
        Ok(())
    }
}

impl Component {
    fn new(
        id: u8,
        sampling: [usize; 2],
        most: [usize; 2],
        image: [usize; 2],
    ) -> Result<Self, CodecError> {
        let is_whole = |axis| {
            let (own, most): (usize, usize) = (sampling[axis], most[axis]);
            (1..=4).contains(&own) && most <= 4 && most.is_multiple_of(own)
        };
        if !is_whole(0) || !is_whole(1) {
            return Err(CodecError::corrupt(format!(
                "a component has {}x{} samples where another has {}x{}",
                sampling[0], sampling[1], most[0], most[1]
            )));
        }
        let pixels_per_sample = [0, 1].map(|axis| most[axis] / sampling[axis]);
        Ok(Self {
            id,
            sampling,
            pixels_per_sample,
            size: [0, 1].map(|axis| image[axis].div_ceil(pixels_per_sample[axis])),
            table: 0,
            quantization: None,
            samples: Vec::new(),
            stride: 0,
            coefficients: Vec::new(),
        })
    }

    fn allocate(&mut self, groups: [usize; 2], is_progressive: bool) {
        let blocks = [0, 1].map(|axis| groups[axis] * self.sampling[axis]);
        self.stride = 8 * blocks[0];
        self.samples = vec![0; 64 * blocks[0] * blocks[1]];
        if is_progressive {
            self.coefficients = vec![[0; 64]; blocks[0] * blocks[1]];
        }
    }

    /// Blocks on both axes that hold samples of the image.
    pub(super) fn blocks(&self) -> [usize; 2] {
        self.size.map(|samples| samples.div_ceil(8))
    }

    /// Transforms a block to samples.
    pub(super) fn put(&mut self, [x, y]: [usize; 2], block: &[i32; 64], is_flat: bool) {
        let start = 8 * (y * self.stride + x);
        let rows = self.samples[start..].chunks_mut(self.stride).take(8);
        if is_flat {
            let sample = idct::flat(block[0]);
            for row in rows {
                row[..8].fill(sample);
            }
        } else {
            for (row, samples) in rows.zip(idct::inverse(block)) {
                row[..8].copy_from_slice(&samples);
            }
        }
    }

    /// The samples of a row, without padding.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.stride..][..self.size[0]]
    }
}

fn malformed() -> CodecError {
    CodecError::corrupt("its frame header is malformed")
}
