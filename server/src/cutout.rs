//! `GET /v1/NAME/cutout`: a box of voxels.

use std::borrow::Cow;
use std::io::Cursor;

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bigarrays::array::Cutout;
use bigarrays::{BigArray, BoundingBox, DataType};
use bigarrays_formats::text::BoxText;
use bigarrays_formats::{Voxels, npy, png, tiff};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::fault::Fault;
use crate::path;
use crate::served::ON_THEIR_WAY;

/// `x,y,z,c`.
pub(crate) const SHAPE: &str = "x-bigarrays-shape";
/// The type of a voxel.
pub(crate) const DTYPE: &str = "x-bigarrays-dtype";
/// The first voxel `x,y,z`.
pub(crate) const OFFSET: &str = "x-bigarrays-offset";

/// How voxels are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Format {
    #[default]
    Npy,
    Png,
    Tiff,
    Raw,
}

impl Format {
    fn of(name: &str) -> Result<Self, Fault> {
        match name {
            "npy" => Ok(Self::Npy),
            "png" => Ok(Self::Png),
            "tiff" | "tif" => Ok(Self::Tiff),
            "raw" => Ok(Self::Raw),
            _ => {
                Err(Fault::bad_request("there is no such format; there are npy, png, tiff and raw"))
            }
        }
    }

    const fn mime(self) -> &'static str {
        match self {
            Self::Npy | Self::Raw => "application/octet-stream",
            Self::Png => "image/png",
            Self::Tiff => "image/tiff",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Npy => "attachment; filename=\"cutout.npy\"",
            Self::Png => "inline; filename=\"cutout.png\"",
            Self::Tiff => "attachment; filename=\"cutout.tif\"",
            Self::Raw => "attachment; filename=\"cutout.raw\"",
        }
    }

    /// Refuses what the format cannot hold, before anything is read.
    fn check(self, data_type: DataType, [x, y, z, c]: [u64; 4]) -> Result<(), Fault> {
        let is_image = matches!(self, Self::Png | Self::Tiff);
        let is_signed = matches!(
            data_type,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64
        );
        let why = match self {
            _ if is_image && [x, y, z, c].contains(&0) => "an image has voxels; ask for npy",
            _ if is_image && u32::try_from(x.max(y)).is_err() => "an image is smaller; ask for npy",
            Self::Png if z != 1 => "a png is one z; ask for such a box, or for tiff or npy",
            Self::Png if !matches!(data_type, DataType::Uint8 | DataType::Uint16) => {
                "a png holds uint8 or uint16; ask for tiff or npy"
            }
            Self::Png if c > 4 => "a png has 1 to 4 channels; ask for npy",
            Self::Tiff if c != 1 && c != 3 => "a tiff has 1 or 3 channels here; ask for npy",
            Self::Tiff if c == 3 && is_signed => "a tiff of 3 channels has no sign; ask for npy",
            _ => return Ok(()),
        };
        Err(Fault::bad_request(why))
    }
}

/// What a query asks for.
#[derive(Debug, Default)]
struct Query {
    bbox: Option<BoxText>,
    scale: Option<String>,
    format: Format,
}

impl Query {
    /// A name that is not known is refused: a slip is not silently ignored.
    fn parse(query: &str) -> Result<Self, Fault> {
        let mut parsed = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "box" => parsed.bbox = Some(value.parse().map_err(Fault::bad_request)?),
                "scale" => parsed.scale = Some(value.into_owned()),
                "format" => parsed.format = Format::of(&value)?,
                _ => {
                    let message = "a cutout is asked for by box, scale and format";
                    return Err(Fault::bad_request(message));
                }
            }
        }
        Ok(parsed)
    }
}

/// Answers all of `/v1/…` that is not a path of its own: `/v1/NAME[/PLACE]/cutout`.
pub(crate) async fn answer(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Fault> {
    let absent = || Fault::not_found("there is no such path; a cutout is /v1/NAME/cutout?box=…");
    let path = request.uri().path();
    let place = path.strip_prefix("/v1/").and_then(|path| path.strip_suffix("/cutout"));
    let place = path::split(place.ok_or_else(absent)?).ok_or_else(absent)?;
    let (name, view) = place.view();
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let array = app.shelf.open(name, view, &place.rest, query.scale.as_deref()).await?;
    let bbox = query.bbox.map_or(array.bounds(), |bbox| bbox.within(array.bounds()));
    // Inverted boxes are refused here.
    let bbox = array.clip(bbox)?;
    let size = size_of(&array, bbox);
    query.format.check(array.data_type(), size)?;
    let bytes = Voxels::expected(array.data_type(), size);
    let limit = app.options.limits.cutout;
    if bytes > u128::from(limit) {
        return Err(Fault::too_large(format!(
            "the box has {bytes} bytes of voxels, and a cutout may have {limit}; ask for it in parts"
        )));
    }
    // Once as it is read, once as it is sent; and chunks on their way.
    let needed = u64::try_from(bytes.saturating_mul(2)).unwrap_or(u64::MAX);
    let needed = needed.saturating_add(needed.min(ON_THEIR_WAY as u64));
    let held = app.budget.hold(needed).await.ok_or_else(|| {
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, "the server is ending; try again")
    })?;
    let cutout = array.read_dyn_async(bbox).await?;
    let format = query.format;
    let encoded = spawn_blocking(move || encode(format, &cutout, size)).await;
    let failed = |error: &dyn std::error::Error| {
        Fault::inside(StatusCode::INTERNAL_SERVER_ERROR, "the voxels cannot be encoded", error)
    };
    let bytes = encoded.map_err(|error| failed(&error))?.map_err(|error| failed(&*error))?;
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, bytes.len().into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.mime()));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(format.file()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    for (name, said) in [
        (SHAPE, size.map(|len| len.to_string()).join(",")),
        (DTYPE, array.data_type().name().to_owned()),
        (OFFSET, bbox.min.map(|at| at.to_string()).join(",")),
    ] {
        let said = HeaderValue::try_from(said).map_err(|error| failed(&error))?;
        headers.insert(HeaderName::from_static(name), said);
    }
    *response.body_mut() = Body::from(held.with(bytes));
    Ok(response)
}

fn size_of(array: &BigArray, bbox: BoundingBox) -> [u64; 4] {
    let [x, y, z] = bbox.shape();
    [x, y, z, array.channels() as u64]
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn encode(format: Format, cutout: &Cutout, size: [u64; 4]) -> Result<Bytes, Failure> {
    let bytes = cutout.array.fortran_bytes();
    let data_type = cutout.array.data_type();
    let voxels = Voxels { bytes: &bytes, data_type, size };
    let mut out = Vec::new();
    match format {
        Format::Raw => return Ok(Bytes::from(Cow::into_owned(bytes))),
        Format::Npy => {
            out.reserve_exact(bytes.len().saturating_add(1024));
            npy::encode(voxels, &mut out)?;
        }
        Format::Png => png::encode(voxels, &mut out)?,
        Format::Tiff => tiff::encode(voxels, Cursor::new(&mut out))?,
    }
    Ok(Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_that_say_something_else_are_refused() {
        assert!(Query::parse("box=0:1,0:1,0:1&scale=8_8_40&format=raw").is_ok());
        assert!(Query::parse("box=0%3A1,0:1,:").is_ok());
        for query in ["box=1", "format=gif", "boks=0:1,0:1,0:1", "box", "a&b", "%ff=1"] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn formats_refuse_what_they_cannot_hold() {
        let check = |format: Format, data_type, size| format.check(data_type, size).is_ok();
        assert!(check(Format::Png, DataType::Uint16, [5, 5, 1, 4]));
        assert!(!check(Format::Png, DataType::Uint16, [5, 5, 2, 1]));
        assert!(!check(Format::Png, DataType::Uint32, [5, 5, 1, 1]));
        assert!(!check(Format::Png, DataType::Uint8, [5, 0, 1, 1]));
        assert!(check(Format::Tiff, DataType::Float32, [5, 5, 7, 1]));
        assert!(!check(Format::Tiff, DataType::Int8, [5, 5, 1, 3]));
        assert!(check(Format::Raw, DataType::Int8, [0, 5, 1, 9]));
    }
}
