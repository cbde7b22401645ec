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
        builder = builder.volume_type(match kind {
            "image" => VolumeType::Image,
            "segmentation" => VolumeType::Segmentation,
            other => {
                let reason = format!("type={other:?} is none of image, segmentation");
                return Err(url.invalid(reason).into());
            }
        });
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

#[cfg(test)]
mod tests {
    use crate::{OpenOptions, create, open};
    use bigarrays_core::{DataType, VolumeInfo, VolumeType};

    fn url(scheme: &str, rest: &str) -> String {
        format!("{scheme}://{}/backends/tests/golden/plain/{rest}", env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn a_dataset_opens_by_url_with_every_parameter() {
        let array = open(&url("h5", "main.h5")).unwrap();
        assert_eq!((array.bounds().max, array.data_type()), ([9, 12, 10], DataType::Int16));
        let rest = "cremi.h5?dataset=volumes/labels/neuron_ids&axes=xyz&resolution=1,2,3.5\
                    &offset=-1,0,7&chunk=2,3,4&type=segmentation";
        let array = open(&url("h5", rest)).unwrap();
        assert_eq!(array.bounds().to_string(), "[-1:4, 0:9, 7:18]");
        assert_eq!(array.scale().resolution, [1.0, 2.0, 3.5]);
        assert_eq!(array.scale().chunk_size(), [2, 3, 4]);
        assert_eq!(array.info().volume_type, VolumeType::Segmentation);
        let read_only = OpenOptions::new().read_only().open(&url("h5", "main.h5")).unwrap();
        assert_eq!(read_only.read::<i16>([1..2, 1..2, 0..1]).unwrap()[[0; 4]], 32);
    }

    #[test]
    fn sections_open_by_url_with_every_parameter() {
        let rest = "stack?z=line&missing=zeros&chunk=8,8,2&resolution=4,4,40";
        let array = open(&url("sections", rest)).unwrap();
        assert_eq!(array.bounds().to_string(), "[-3:26, 0:22, 0:4]");
        assert_eq!(array.scale().chunk_size(), [8, 8, 2]);
        assert_eq!(array.read::<u8>([-2..-1, 3..4, 0..1]).unwrap()[[0; 4]], 32);
        let error = open(&url("sections", "stack/registry.txt?z=section")).unwrap_err();
        let story = format!("{error}: {:?}", std::error::Error::source(&error));
        assert!(story.contains("section 1"), "{story}");
    }

    #[test]
    fn slips_are_refused_with_what_is_known() {
        for (scheme, rest, reason) in [
            ("h5", "main.h5?datset=main", "dataset, axes"),
            ("h5", "main.h5?axes=zzz", "zyx"),
            ("h5", "main.h5?chunk=1,2", "three numbers"),
            ("h5", "main.h5?chunk=1,2,-3", "whole numbers"),
            ("h5", "main.h5?offset=1,2,1.5", "whole numbers"),
            ("h5", "main.h5?resolution=a,b,c", "three numbers"),
            ("h5", "main.h5?type=cake", "cake"),
            ("sections", "stack?z=up", "line, section"),
            ("sections", "stack?missing=maybe", "error, zeros"),
        ] {
            let error = open(&url(scheme, rest)).unwrap_err().to_string();
            assert!(error.contains(reason), "{rest}: {error}");
        }
        let info = VolumeInfo::builder(DataType::Uint8, [8, 8, 8]).build().unwrap();
        for place in [url("h5", "main.h5"), url("sections", "stack")] {
            let error = create(&place, info.clone()).unwrap_err().to_string();
            assert!(error.contains("only read"), "{error}");
        }
    }
}
