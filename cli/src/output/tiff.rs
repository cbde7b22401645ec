//! TIFF of a page per z, uncompressed.

use std::io;
use std::path::Path;

use bigarrays::info::DataType;
use tiff::encoder::colortype::{
    ColorType, Gray8, Gray16, Gray32, Gray32Float, Gray64, Gray64Float, GrayI8, GrayI16, GrayI32,
    GrayI64, RGB8, RGB16, RGB32, RGB32Float, RGB64, RGB64Float,
};
use tiff::encoder::{TiffEncoder, TiffKind, TiffValue};
use tiff::{TiffError, TiffResult};

use super::OutputError;
use super::pages::Pages;
use super::replace::Out;
use super::stream::Wanted;
use super::write::Voxels;
use crate::error::CliError;

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
    encode_as(voxels, out, big).map_err(|error| fault(path, error))
}

/// The same of pages that are read as they are written.
pub(super) fn encode_pages(
    path: &Path,
    wanted: &Wanted,
    out: &mut Out<'_>,
    pages: &mut Pages<'_>,
) -> Result<(), CliError> {
    let bytes = wanted
        .size
        .iter()
        .fold(wanted.data_type.size() as u64, |bytes, &axis| bytes.saturating_mul(axis));
    let overhead = wanted.size[2].saturating_mul(PAGE_OVERHEAD).saturating_add(bytes / 1000);
    let big = u32::try_from(bytes.saturating_add(overhead)).is_err();
    let mut failure = None;
    let what = What { data_type: wanted.data_type, size: wanted.size };
    let mut page = |z: u64| {
        pages.page(z).map_err(|error| {
            failure = Some(error);
            // Nobody sees this one.
            TiffError::IoError(io::ErrorKind::Interrupted.into())
        })
    };
    let encoded = encode_with(what, out, big, &mut page);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(encoded.map_err(|error| fault(path, error))?),
    }
}

/// The type of the voxels, and `[x, y, z, c]`.
#[derive(Debug, Clone, Copy)]
struct What {
    data_type: DataType,
    size: [u64; 4],
}

/// Gives a page.
type Page<'a> = &'a mut dyn FnMut(u64) -> TiffResult<Vec<u8>>;

fn encode_with(what: What, out: &mut Out<'_>, big: bool, page: Page<'_>) -> TiffResult<()> {
    if big {
        write_pages(what, TiffEncoder::new_big(out)?, page)
    } else {
        write_pages(what, TiffEncoder::new(out)?, page)
    }
}

fn fault(path: &Path, error: TiffError) -> OutputError {
    match error {
        TiffError::IoError(error) => OutputError::io("write", path)(error),
        error => OutputError::Encode { path: path.to_owned(), source: error.into() },
    }
}

/// With 64-bit places in the file, or with 32-bit ones, which more programs read.
pub(super) fn encode_as(voxels: Voxels<'_>, out: &mut Out<'_>, big: bool) -> TiffResult<()> {
    let what = What { data_type: voxels.data_type, size: voxels.size };
    encode_with(what, out, big, &mut |z| Ok(voxels.page(usize::try_from(z)?)))
}

fn write_pages<K: TiffKind>(
    what: What,
    encoder: TiffEncoder<&mut Out<'_>, K>,
    page: Page<'_>,
) -> TiffResult<()> {
    match (what.data_type, what.size[3]) {
        (DataType::Uint8 | DataType::Bool, 1) => {
            pages::<Gray8, K, 1>(what, encoder, page, u8::from_le_bytes)
        }
        (DataType::Uint16, 1) => pages::<Gray16, K, 2>(what, encoder, page, u16::from_le_bytes),
        (DataType::Uint32, 1) => pages::<Gray32, K, 4>(what, encoder, page, u32::from_le_bytes),
        (DataType::Uint64, 1) => pages::<Gray64, K, 8>(what, encoder, page, u64::from_le_bytes),
        (DataType::Float32, 1) => {
            pages::<Gray32Float, K, 4>(what, encoder, page, f32::from_le_bytes)
        }
        (DataType::Float64, 1) => {
            pages::<Gray64Float, K, 8>(what, encoder, page, f64::from_le_bytes)
        }
        // Signed colours were refused before.
        (DataType::Int8, _) => pages::<GrayI8, K, 1>(what, encoder, page, i8::from_le_bytes),
        (DataType::Int16, _) => pages::<GrayI16, K, 2>(what, encoder, page, i16::from_le_bytes),
        (DataType::Int32, _) => pages::<GrayI32, K, 4>(what, encoder, page, i32::from_le_bytes),
        (DataType::Int64, _) => pages::<GrayI64, K, 8>(what, encoder, page, i64::from_le_bytes),
        (DataType::Uint8 | DataType::Bool, _) => {
            pages::<RGB8, K, 1>(what, encoder, page, u8::from_le_bytes)
        }
        (DataType::Uint16, _) => pages::<RGB16, K, 2>(what, encoder, page, u16::from_le_bytes),
        (DataType::Uint32, _) => pages::<RGB32, K, 4>(what, encoder, page, u32::from_le_bytes),
        (DataType::Uint64, _) => pages::<RGB64, K, 8>(what, encoder, page, u64::from_le_bytes),
        (DataType::Float32, _) => {
            pages::<RGB32Float, K, 4>(what, encoder, page, f32::from_le_bytes)
        }
        (DataType::Float64, _) => {
            pages::<RGB64Float, K, 8>(what, encoder, page, f64::from_le_bytes)
        }
    }
}

/// Writes pages of values of `N` bytes.
fn pages<C: ColorType, K: TiffKind, const N: usize>(
    what: What,
    mut encoder: TiffEncoder<&mut Out<'_>, K>,
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
