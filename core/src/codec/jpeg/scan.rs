//! Scans: the entropy-coded blocks of some or all components (T.81, section B.2.3).

use super::super::CodecError;
use super::bits::{BitReader, Huffman};
use super::blocks::{Coder, Pass, pass_by, sequential};
use super::frame::{Component, Frame};

/// What stands between scans and holds until it is replaced.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// In zigzag order.
    pub(super) quantization: [Option<[u16; 64]>; 4],
    /// For first coefficients, and for the others.
    pub(super) huffman: [[Option<Huffman>; 4]; 2],
    /// How many groups are between two restart markers; 0 if there are none.
    pub(super) restart_interval: u32,
}

/// One scan on its way.
struct Scan<'a> {
    bits: BitReader<'a>,
    /// Which components, and their coders.
    coders: Vec<(usize, Coder<'a>)>,
    /// How blocks are refined, in a progressive image.
    pass: Option<Pass>,
    skipped: u32,
}

/// Decodes the scan with this header, whose bits begin at `position` of `bytes`. Returns where
/// they end; `None` if nothing more is wanted of the image.
pub(super) fn decode(
    frame: &mut Frame,
    tables: &Tables,
    header: &[u8],
    bytes: &[u8],
    position: usize,
) -> Result<Option<usize>, CodecError> {
    let mut scan = Scan::parse(frame, tables, header, BitReader::new(bytes, position))?;
    let groups = match scan.coders[..] {
        [(only, _)] => frame.components[only].blocks(),
        _ => frame.groups,
    };
    let mut until_restart = tables.restart_interval;
    let mut restarts = 0;
    for y in 0..groups[1] {
        if y >= frame.wanted.end {
            return Ok(None);
        }
        for x in 0..groups[0] {
            if tables.restart_interval > 0 {
                if until_restart == 0 {
                    scan.restart(restarts)?;
                    restarts = (restarts + 1) % 8;
                    until_restart = tables.restart_interval;
                }
                until_restart -= 1;
            }
            scan.group(frame, [x, y])?;
        }
    }
    Ok(Some(scan.bits.position()))
}

impl<'a> Scan<'a> {
    fn parse(
        frame: &mut Frame,
        tables: &'a Tables,
        header: &[u8],
        bits: BitReader<'a>,
    ) -> Result<Self, CodecError> {
        let (&count, rest) = header.split_first().ok_or_else(malformed)?;
        let ids = rest.get(..2 * usize::from(count)).ok_or_else(malformed)?;
        let [start, end, approximation] = rest[ids.len()..] else { return Err(malformed()) };
        let mut coders: Vec<(usize, Coder)> = Vec::new();
        for &[id, numbers] in ids.as_chunks::<2>().0 {
            let index = frame.components.iter().position(|component| component.id == id);
            let index = index.ok_or_else(malformed)?;
            if coders.iter().any(|&(other, _)| other == index) {
                return Err(malformed());
            }
            let [dc, ac] = [numbers >> 4, numbers & 15].map(usize::from);
            let [dc_tables, ac_tables] = &tables.huffman;
            let dc = dc_tables.get(dc).and_then(Option::as_ref);
            let ac = ac_tables.get(ac).and_then(Option::as_ref);
            coders.push((index, Coder { dc, ac, prediction: 0 }));
            latch_quantization(&mut frame.components[index], frame.is_progressive, tables)?;
        }
        if coders.is_empty() {
            return Err(malformed());
        }
        let pass = if frame.is_progressive {
            Some(pass([start, end], approximation, coders.len())?)
        } else {
            None
        };
        Ok(Self { bits, coders, pass, skipped: 0 })
    }

    fn restart(&mut self, number: u8) -> Result<(), CodecError> {
        self.bits.restart(number)?;
        self.skipped = 0;
        for (_, coder) in &mut self.coders {
            coder.prediction = 0;
        }
        Ok(())
    }

    /// One block if there is one component, and one group of each if there are more.
    fn group(&mut self, frame: &mut Frame, [x, y]: [usize; 2]) -> Result<(), CodecError> {
        let is_alone = self.coders.len() == 1;
        for (index, coder) in &mut self.coders {
            let component = &mut frame.components[*index];
            let [across, down] = if is_alone { [1, 1] } else { component.sampling };
            for row in 0..down {
                for column in 0..across {
                    let at = [x * across + column, y * down + row];
                    let (bits, skipped) = (&mut self.bits, &mut self.skipped);
                    if let Some(pass) = self.pass {
                        let index = at[1] * (component.stride / 8) + at[0];
                        pass.decode(bits, coder, skipped, &mut component.coefficients[index])?;
                    } else if !frame.wanted.contains(&y) {
                        pass_by(bits, coder)?;
                    } else if let Some(quantization) = &component.quantization {
                        let (block, is_flat) = sequential(bits, coder, quantization)?;
                        component.put(at, &block, is_flat);
                    }
                }
            }
        }
        self.bits.check()
    }
}

/// Keeps the quantization that holds at a component's first scan, which is its only one unless
/// the image is progressive.
fn latch_quantization(
    component: &mut Component,
    is_progressive: bool,
    tables: &Tables,
) -> Result<(), CodecError> {
    match component.quantization {
        Some(_) if is_progressive => Ok(()),
        Some(_) => Err(CodecError::corrupt("a component has two scans")),
        None => {
            let table = tables.quantization.get(component.table).copied().flatten();
            let missing = "a component has no quantization table";
            component.quantization = Some(table.ok_or_else(|| CodecError::corrupt(missing))?);
            Ok(())
        }
    }
}

/// Which coefficients and which of their bits a scan of a progressive image has.
fn pass(band: [u8; 2], approximation: u8, components: usize) -> Result<Pass, CodecError> {
    let [before, after] = [approximation >> 4, approximation & 15];
    let [start, end] = band;
    let is_band = match start {
        0 => end == 0,
        _ => start <= end && end < 64 && components == 1,
    };
    if !is_band || after > 13 || (before > 0 && before != after + 1) {
        return Err(malformed());
    }
    Ok(Pass { band: band.map(usize::from), is_refinement: before > 0, low_bits: after.into() })
}

fn malformed() -> CodecError {
    CodecError::corrupt("a scan header is malformed")
}
