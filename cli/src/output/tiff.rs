//! TIFF of a page per z, uncompressed.

use std::path::Path;

use bigarrays::info::DataType;
use tiff::encoder::colortype::{
    ColorType, Gray8, Gray16, Gray32, Gray32Float, Gray64, Gray64Float, GrayI8, GrayI16, GrayI32,
    GrayI64, RGB8, RGB16, RGB32, RGB32Float, RGB64, RGB64Float,
};
use tiff::encoder::{TiffEncoder, TiffKind, TiffValue};
use tiff::{TiffError, TiffResult};

use super::OutputError;
use super::replace::Out;
use super::write::Voxels;

/// What a page takes beside its pixels, generously.
const PAGE_OVERHEAD: u64 = 4096;

pub(super) fn encode(
    path: &Path,
    voxels: Voxels<'_>,
    out: &mut Out<'_>,
) -> Result<(), OutputError> {
    let len = voxels.bytes.len() as u64;
    let overhead = voxels.size[2].saturating_mul(PAGE_OVERHEAD) + len / 1000;
    let big = u32::try_from(len.saturating_add(overhead)).is_err();
    encode_as(voxels, out, big).map_err(|error| match error {
        TiffError::IoError(error) => OutputError::io("write", path)(error),
        error => OutputError::Encode { path: path.to_owned(), source: error.into() },
    })
}

/// With 64-bit places in the file, or with 32-bit ones, which more programs read.
pub(super) fn encode_as(voxels: Voxels<'_>, out: &mut Out<'_>, big: bool) -> TiffResult<()> {
    if big {
        write_pages(voxels, TiffEncoder::new_big(out)?)
    } else {
        write_pages(voxels, TiffEncoder::new(out)?)
    }
}

fn write_pages<K: TiffKind>(
    voxels: Voxels<'_>,
    encoder: TiffEncoder<&mut Out<'_>, K>,
) -> TiffResult<()> {
    match (voxels.data_type, voxels.size[3]) {
        (DataType::Uint8 | DataType::Bool, 1) => {
            pages::<Gray8, K, 1>(voxels, encoder, u8::from_le_bytes)
        }
        (DataType::Uint16, 1) => pages::<Gray16, K, 2>(voxels, encoder, u16::from_le_bytes),
        (DataType::Uint32, 1) => pages::<Gray32, K, 4>(voxels, encoder, u32::from_le_bytes),
        (DataType::Uint64, 1) => pages::<Gray64, K, 8>(voxels, encoder, u64::from_le_bytes),
        (DataType::Float32, 1) => pages::<Gray32Float, K, 4>(voxels, encoder, f32::from_le_bytes),
        (DataType::Float64, 1) => pages::<Gray64Float, K, 8>(voxels, encoder, f64::from_le_bytes),
        // Signed colours were refused before.
        (DataType::Int8, _) => pages::<GrayI8, K, 1>(voxels, encoder, i8::from_le_bytes),
        (DataType::Int16, _) => pages::<GrayI16, K, 2>(voxels, encoder, i16::from_le_bytes),
        (DataType::Int32, _) => pages::<GrayI32, K, 4>(voxels, encoder, i32::from_le_bytes),
        (DataType::Int64, _) => pages::<GrayI64, K, 8>(voxels, encoder, i64::from_le_bytes),
        (DataType::Uint8 | DataType::Bool, _) => {
            pages::<RGB8, K, 1>(voxels, encoder, u8::from_le_bytes)
        }
        (DataType::Uint16, _) => pages::<RGB16, K, 2>(voxels, encoder, u16::from_le_bytes),
        (DataType::Uint32, _) => pages::<RGB32, K, 4>(voxels, encoder, u32::from_le_bytes),
        (DataType::Uint64, _) => pages::<RGB64, K, 8>(voxels, encoder, u64::from_le_bytes),
        (DataType::Float32, _) => pages::<RGB32Float, K, 4>(voxels, encoder, f32::from_le_bytes),
        (DataType::Float64, _) => pages::<RGB64Float, K, 8>(voxels, encoder, f64::from_le_bytes),
    }
}

/// Writes pages of values of `N` bytes.
fn pages<C: ColorType, K: TiffKind, const N: usize>(
    voxels: Voxels<'_>,
    mut encoder: TiffEncoder<&mut Out<'_>, K>,
    value: fn([u8; N]) -> C::Inner,
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    let [width, height, depth, _] = voxels.size;
    let (width, height) = (u32::try_from(width)?, u32::try_from(height)?);
    for z in 0..usize::try_from(depth)? {
        let page = voxels.page(z);
        let values: Vec<C::Inner> =
            page.as_chunks::<N>().0.iter().map(|bytes| value(*bytes)).collect();
        encoder.write_image::<C>(width, height, &values)?;
    }
    Ok(())
}
