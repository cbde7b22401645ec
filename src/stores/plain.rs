//! `h5:///file.h5?dataset=NAME&axes=zyx&resolution=x,y,z&offset=x,y,z&chunk=x,y,z&type=image`.

use std::str::FromStr;
use std::sync::Arc;

use bigarrays_backends::hdf5::plain::{Axes, PlainBackend};
use bigarrays_core::{DynBackend, VolumeType};

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::{InvalidUrl, StoreUrl};

/// Opens one dataset of a file.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["dataset", "axes", "resolution", "offset", "chunk", "type"])?;
    if access == Access::Create {
        let reason = "a dataset of an HDF5 file is only read; create a volume in another store";
        return Err(url.invalid(reason).into());
    }
    let mut builder = PlainBackend::builder(url.location());
    if let Some(dataset) = url.parameter("dataset") {
        builder = builder.dataset(dataset);
    }
    if let Some(axes) = url.parameter("axes") {
        let axes = Axes::from_str(axes).map_err(|error| url.invalid(error.to_string()))?;
        builder = builder.axes(axes);
    }
    if let Some(resolution) = three(url, "resolution")? {
        builder = builder.resolution(resolution);
    }
    if let Some(offset) = three(url, "offset")? {
        builder = builder.offset(whole(url, "offset", offset)?);
    }
    if let Some(chunk) = three(url, "chunk")? {
        builder = builder.chunk(whole(url, "chunk", chunk)?);
    }
    if let Some(kind) = url.parameter("type") {
        let kind = VolumeType::from_str(kind).map_err(|error| url.invalid(error.to_string()))?;
        builder = builder.volume_type(kind);
    }
    Ok(Arc::new(builder.open()?))
}

/// A parameter of three numbers `x,y,z`.
pub(super) fn three(url: &StoreUrl, name: &str) -> Result<Option<[f64; 3]>, InvalidUrl> {
    let Some(text) = url.parameter(name) else { return Ok(None) };
    let numbers: Option<Vec<f64>> =
        text.split(',').map(|number| number.trim().parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| <[f64; 3]>::try_from(numbers).ok());
    let numbers = numbers.filter(|numbers| numbers.iter().all(|number| number.is_finite()));
    match numbers {
        Some(numbers) => Ok(Some(numbers)),
        None => Err(url.invalid(format!("{name}={text:?} is not three numbers x,y,z"))),
    }
}

/// The numbers of such a parameter, which must be whole.
pub(super) fn whole<T: TryFrom<i64> + Copy>(
    url: &StoreUrl,
    name: &str,
    numbers: [f64; 3],
) -> Result<[T; 3], InvalidUrl> {
    let wrong = || url.invalid(format!("{name}={numbers:?} are not whole numbers for it"));
    let mut whole = [None; 3];
    for (whole, number) in whole.iter_mut().zip(numbers) {
        // Below 2^53 each whole number is a float of its own.
        if number.fract() == 0.0 && number.abs() < 9e15 {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range")]
            let number = number as i64;
            *whole = T::try_from(number).ok();
        }
    }
    match whole {
        [Some(x), Some(y), Some(z)] => Ok([x, y, z]),
        _ => Err(wrong()),
    }
}
