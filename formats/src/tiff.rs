//! TIFF of a page per z, uncompressed.

use std::io::{Seek, Write};

use bigarrays_core::DataType;
use tiff::TiffResult;
use tiff::encoder::colortype::{
    ColorType, Gray8, Gray16, Gray32, Gray32Float, Gray64, Gray64Float, GrayI8, GrayI16, GrayI32,
    GrayI64, RGB8, RGB16, RGB32, RGB32Float, RGB64, RGB64Float,
};
use tiff::encoder::{TiffEncoder, TiffKind, TiffValue};

use crate::Voxels;

pub use tiff::TiffError;

/// What a page takes beside its pixels, generously.
const PAGE_OVERHEAD: u64 = 4096;

/// The type of the voxels, and `[x, y, z, c]`.
#[derive(Debug, Clone, Copy)]
pub struct What {
    /// The type of a voxel.
    pub data_type: DataType,
    /// One or three channels; three of types that are not signed.
    pub size: [u64; 4],
}

impl What {
    /// Whether places in the file need 64 bits. With 32, more programs read it.
    #[must_use]
    pub fn is_big(&self) -> bool {
        let bytes = u64::try_from(Voxels::expected(self.data_type, self.size)).unwrap_or(u64::MAX);
        let overhead = self.size[2].saturating_mul(PAGE_OVERHEAD).saturating_add(bytes / 1000);
        u32::try_from(bytes.saturating_add(overhead)).is_err()
    }
}

/// Gives a page: one z, with its channels as neighbours.
pub type Page<'a> = &'a mut dyn FnMut(u64) -> TiffResult<Vec<u8>>;

/// Writes voxels that are in memory.
///
/// # Errors
/// What `out` or the encoder says.
pub fn encode(voxels: Voxels<'_>, out: impl Write + Seek) -> Result<(), TiffError> {
    let what = What { data_type: voxels.data_type, size: voxels.size };
    encode_pages(what, out, what.is_big(), &mut |z| Ok(voxels.page(usize::try_from(z)?)))
}

/// Writes pages that are made as they are written.
///
/// # Errors
/// What `page`, `out` or the encoder says.
pub fn encode_pages(
    what: What,
    out: impl Write + Seek,
    is_big: bool,
    page: Page<'_>,
) -> Result<(), TiffError> {
    if is_big {
        write_pages(what, TiffEncoder::new_big(out)?, page)
    } else {
        write_pages(what, TiffEncoder::new(out)?, page)
    }
}

fn write_pages<W: Write + Seek, K: TiffKind>(
    what: What,
    encoder: TiffEncoder<W, K>,
    page: Page<'_>,
) -> TiffResult<()> {
    match (what.data_type, what.size[3]) {
        (DataType::Uint8 | DataType::Bool, 1) => {
            pages::<Gray8, W, K, 1>(what, encoder, page, u8::from_le_bytes)
        }
        (DataType::Uint16, 1) => pages::<Gray16, W, K, 2>(what, encoder, page, u16::from_le_bytes),
        (DataType::Uint32, 1) => pages::<Gray32, W, K, 4>(what, encoder, page, u32::from_le_bytes),
        (DataType::Uint64, 1) => pages::<Gray64, W, K, 8>(what, encoder, page, u64::from_le_bytes),
        (DataType::Float32, 1) => {
            pages::<Gray32Float, W, K, 4>(what, encoder, page, f32::from_le_bytes)
        }
        (DataType::Float64, 1) => {
            pages::<Gray64Float, W, K, 8>(what, encoder, page, f64::from_le_bytes)
        }
        // Signed colours were refused before.
        (DataType::Int8, _) => pages::<GrayI8, W, K, 1>(what, encoder, page, i8::from_le_bytes),
        (DataType::Int16, _) => pages::<GrayI16, W, K, 2>(what, encoder, page, i16::from_le_bytes),
        (DataType::Int32, _) => pages::<GrayI32, W, K, 4>(what, encoder, page, i32::from_le_bytes),
        (DataType::Int64, _) => pages::<GrayI64, W, K, 8>(what, encoder, page, i64::from_le_bytes),
        (DataType::Uint8 | DataType::Bool, _) => {
            pages::<RGB8, W, K, 1>(what, encoder, page, u8::from_le_bytes)
        }
        (DataType::Uint16, _) => pages::<RGB16, W, K, 2>(what, encoder, page, u16::from_le_bytes),
        (DataType::Uint32, _) => pages::<RGB32, W, K, 4>(what, encoder, page, u32::from_le_bytes),
        (DataType::Uint64, _) => pages::<RGB64, W, K, 8>(what, encoder, page, u64::from_le_bytes),
        (DataType::Float32, _) => {
            pages::<RGB32Float, W, K, 4>(what, encoder, page, f32::from_le_bytes)
        }
        (DataType::Float64, _) => {
            pages::<RGB64Float, W, K, 8>(what, encoder, page, f64::from_le_bytes)
        }
    }
}

/// Writes pages of values of `N` bytes.
fn pages<C: ColorType, W: Write + Seek, K: TiffKind, const N: usize>(
    what: What,
    mut encoder: TiffEncoder<W, K>,
    page: Page<'_>,
    value: fn([u8; N]) -> C::Inner,
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    let [width, height, depth, _] = what.size;
    let (width, height) = (u32::try_from(width)?, u32::try_from(height)?);
    for z in 0..depth {
        let page = page(z)?;
        let values: Vec<C::Inner> =
            page.as_chunks::<N>().0.iter().map(|bytes| value(*bytes)).collect();
        encoder.write_image::<C>(width, height, &values)?;
    }
    Ok(())
}
