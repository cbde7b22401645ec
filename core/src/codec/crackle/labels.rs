//! The labels section: which label each region has.
//!
//! ```text
//! background           only pins: label of the regions that no pin names
//! u64                  number of labels
//! labels               each in the stored width
//! regions a slice      each in the width of sx·sy
//! flat: keys           one a region, in the width of the number of labels: its label
//! pins: see `pins`
//! ```
//!
//! Stored labels that are narrower than a voxel are widened, with their sign if the voxels have
//! one; wider ones lose their high bytes.

use super::bytes::{Reader, len, uint, width_of};
use super::header::{Header, LabelFormat};
use super::pins::Pins;
use crate::codec::CodecError;

/// The labels of a stream.
#[derive(Debug)]
pub(super) struct Labels<'a> {
    table: Table<'a>,
    /// See [`read_firsts`].
    firsts: Vec<usize>,
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    Flat { keys: &'a [u8], key_width: usize },
    Pins { background: u64, pins: Pins },
}

/// The different labels of a stream, as stored.
#[derive(Debug, Clone, Copy)]
struct Table<'a> {
    bytes: &'a [u8],
    width: usize,
    signed: bool,
}

impl Table<'_> {
    fn get(&self, key: usize) -> Option<u64> {
        let start = key.checked_mul(self.width)?;
        self.bytes.get(start..start.checked_add(self.width)?).map(|bytes| self.widen(bytes))
    }

    fn widen(&self, bytes: &[u8]) -> u64 {
        let value = uint(bytes);
        let unused = 64 - 8 * self.width;
        if self.signed {
            ((value << unused).cast_signed() >> unused).cast_unsigned()
        } else {
            value
        }
    }
}

/// The number of each slice's first region, among those of all slices, and last the number of all
/// regions.
fn read_firsts(reader: &mut Reader<'_>, header: &Header) -> Result<Vec<usize>, CodecError> {
    let width = header.count_width();
    let counts = reader.take_items(u64::from(header.shape[2]), width, WHAT)?;
    let mut all = 0_u64;
    let mut firsts = Vec::with_capacity(header.slices() + 1);
    firsts.push(0);
    for count in counts.chunks_exact(width).map(uint) {
        all = all.saturating_add(count);
        firsts.push(len(all));
    }
    let voxels = header.shape.iter().fold(1_u64, |all, &axis| all.saturating_mul(axis.into()));
    if all > voxels {
        return Err(CodecError::corrupt(format!("it has {all} regions in {voxels} voxels")));
    }
    Ok(firsts)
}

impl<'a> Labels<'a> {
    /// Reads the section, checking its lengths.
    pub(super) fn read(section: &'a [u8], header: &Header) -> Result<Self, CodecError> {
        let mut reader = Reader::new(section);
        let stored = header.stored_width;
        let background = match header.label_format {
            LabelFormat::Flat => &[][..],
            LabelFormat::Pins => reader.take(stored, WHAT)?,
        };
        let number = reader.uint(8, WHAT)?;
        let bytes = reader.take_items(number, stored, WHAT)?;
        let table = Table { bytes, width: stored, signed: header.signed };
        let firsts = read_firsts(&mut reader, header)?;
        let form = match header.label_format {
            LabelFormat::Flat => Form::Flat { keys: reader.rest(), key_width: width_of(number) },
            LabelFormat::Pins => {
                let regions = firsts.last().copied().unwrap_or(0);
                let pins = Pins::read(reader, number, regions, header)?;
                Form::Pins { background: table.widen(background), pins }
            }
        };
        Ok(Self { table, firsts, form })
    }

    /// The label of all voxels, if there is but one: the cracks do not matter then.
    pub(super) fn only(&self) -> Option<u64> {
        match &self.form {
            Form::Flat { .. } if self.table.bytes.len() == self.table.width => self.table.get(0),
            Form::Pins { background, .. } if self.table.bytes.is_empty() => Some(*background),
            _ => None,
        }
    }

    /// Fills `palette` with the labels of a slice's regions. Slices come in ascending order.
    pub(super) fn of_slice(
        &mut self,
        z: usize,
        regions: &[u32],
        count: usize,
        palette: &mut Vec<u64>,
    ) -> Result<(), CodecError> {
        let first = self.firsts[z];
        let stored = self.firsts[z + 1] - first;
        if count != stored {
            let what = format!("slice {z} has {count} regions, but its labels are for {stored}");
            return Err(CodecError::corrupt(what));
        }
        palette.clear();
        match &mut self.form {
            Form::Flat { keys, key_width } => {
                let before = keys.get(first.saturating_mul(*key_width)..).unwrap_or(&[]);
                let keys = Reader::new(before).take(count * *key_width, "keys of labels")?;
                for key in keys.chunks_exact(*key_width).map(uint) {
                    palette.push(self.table.get(len(key)).ok_or_else(|| no_label(key))?);
                }
            }
            Form::Pins { background, pins } => {
                let keys = pins.keys_of_slice(z, first, regions).iter().take(count);
                palette
                    .extend(keys.map(|&key| self.table.get(key as usize).unwrap_or(*background)));
            }
        }
        Ok(())
    }
}

const WHAT: &str = "labels";

fn no_label(key: u64) -> CodecError {
    CodecError::corrupt(format!("a region has label number {key}, which its table does not have"))
}
