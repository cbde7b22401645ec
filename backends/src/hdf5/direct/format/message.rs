//! The messages that describe a dataset.
//!
//! ```text
//! shape (1):   u8 1, u8 axes, u8 flags, 5 bytes -, u64 for each axis; or
//!              u8 2, u8 axes, u8 flags, u8 kind (0 scalar, 1 simple, 2 null), u64 for each axis
//! fill (5):    u8 1 or 2, u8, u8, u8 defined, [u32 bytes, value]; or
//!              u8 3, u8 flags (bit 5: defined), [u32 bytes, value].  Old fill (4): u32 bytes, value
//! layout (8):  u8 3 or 4, u8 class; class 0 (compact): u16 bytes, values;
//!              class 1 (contiguous): u64 address, u64 bytes; class 2: chunks
//! filters (11): u8 1, u8 filters, 6 bytes -; each u16 number, u16 bytes of the name, u16 flags,
//!              u16 values, name, u32 for each value, and u32 if their count is odd; or
//!              u8 2, u8 filters; each as above, but without a name (and its length) below number
//!              256, and without padding
//! ```

use bigarrays_info::DataType;
use bytes::Bytes;

use super::Found::{self, Known, Unusual};
use super::bytes::{Cursor, Source, UNDEFINED};
use super::datatype::datatype;
use super::header::{Message, messages};
use crate::hdf5::direct::element::swap_bytes;
use crate::hdf5::direct::error::H5Error;
use crate::hdf5::direct::filters::Pipeline;
use crate::hdf5::direct::index::{self, Chunked};
use crate::hdf5::direct::map::{DatasetMap, MOST_AXES, Storage, bytes_of, chunk_bytes_of};

const SHAPE: u64 = 0x0001;
const TYPE: u64 = 0x0003;
const OLD_FILL: u64 = 0x0004;
const FILL: u64 = 0x0005;
const EXTERNAL: u64 = 0x0007;
const LAYOUT: u64 = 0x0008;
const FILTERS: u64 = 0x000b;

/// Reads the dataset whose header is at an address.
pub(super) fn dataset(source: &Source<'_>, header: u64) -> Result<Found<DatasetMap>, H5Error> {
    let all = messages(source, header)?;
    let ours = [SHAPE, TYPE, OLD_FILL, FILL, EXTERNAL, LAYOUT, FILTERS];
    if all.iter().any(|message| message.shared && ours.contains(&message.kind)) {
        return Ok(Unusual);
    }
    let find = |kind| all.iter().find(|message: &&Message| message.kind == kind);
    let content = |kind| find(kind).map(|message| message.content.as_slice());
    let (Some(of_shape), Some(of_type), Some(layout)) =
        (content(SHAPE), content(TYPE), content(LAYOUT))
    else {
        // No dataset: a group, for instance.
        return Ok(Unusual);
    };
    let Known((data_type, big_endian)) = datatype(of_type)? else { return Ok(Unusual) };
    let Some(shape) = shape(of_shape)?.filter(|_| find(EXTERNAL).is_none()) else {
        return Ok(Unusual);
    };
    let mut fill = fill(content(FILL), content(OLD_FILL), data_type.size())?;
    if big_endian {
        swap_bytes(&mut fill, data_type.size());
    }
    let filters = content(FILTERS).map_or(Ok(Vec::new()), filters)?;
    let storage = storage(source, layout, &filters, (&shape, data_type))?;
    let Known(storage) = storage else { return Ok(Unusual) };
    let shape = shape.now;
    Ok(Known(DatasetMap { shape, data_type, big_endian, fill, storage }))
}

/// Values along each axis, and how many there may be at most (`None`: without an end).
#[derive(Debug)]
struct Shape {
    now: Vec<u64>,
    largest: Vec<Option<u64>>,
}

/// `None` for what has no axes.
fn shape(content: &[u8]) -> Result<Option<Shape>, H5Error> {
    let mut content = Cursor(content);
    let (version, axes, flags) = (content.byte()?, content.byte()?, content.byte()?);
    match version {
        1 => content.skip(5)?,
        2 => {
            if content.byte()? != 1 {
                return Ok(None);
            }
        }
        other => return Err(H5Error::corrupt(format!("its shape has the version {other}"))),
    }
    if usize::from(axes) > MOST_AXES {
        return Err(H5Error::corrupt(format!("it has {axes} axes")));
    }
    let mut numbers = || (0..axes).map(|_| content.number(8)).collect::<Result<Vec<_>, _>>();
    let now = numbers()?;
    let largest = if flags & 1 == 0 { now.clone() } else { numbers()? };
    let largest = largest.into_iter().map(|axis| Some(axis).filter(|&axis| axis != u64::MAX));
    Ok(Some(Shape { largest: largest.collect(), now }).filter(|shape| !shape.now.is_empty()))
}

fn fill(new: Option<&[u8]>, old: Option<&[u8]>, size: usize) -> Result<Vec<u8>, H5Error> {
    let zeros = vec![0; size];
    let mut content = match (new, old) {
        (Some(new), _) => {
            let mut content = Cursor(new);
            let version = content.byte()?;
            let defined = match version {
                1 | 2 => {
                    content.skip(2)?;
                    content.byte()? != 0
                }
                3 => content.byte()? & (1 << 5) != 0,
                other => {
                    return Err(H5Error::corrupt(format!(
                        "its fill value has the version {other}"
                    )));
                }
            };
            if !defined {
                return Ok(zeros);
            }
            content
        }
        (None, Some(old)) => Cursor(old),
        (None, None) => return Ok(zeros),
    };
    match usize::try_from(content.word()?) {
        // The default, which is zero.
        Ok(0) => Ok(zeros),
        Ok(len) if len == size => Ok(content.take(size)?.to_vec()),
        _ => Err(H5Error::corrupt("its fill value has another size than a value")),
    }
}

/// The numbers of the filters.
fn filters(content: &[u8]) -> Result<Vec<i32>, H5Error> {
    let mut content = Cursor(content);
    let (version, count) = (content.byte()?, content.byte()?);
    if !(1..=2).contains(&version) || count > 32 {
        return Err(H5Error::corrupt("its filters are described in an unknown way"));
    }
    let old = version == 1;
    content.skip(if old { 6 } else { 0 })?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let number = content.short()?;
        let name = if old || number >= 256 { content.short()? } else { 0 };
        content.skip(2)?;
        let values = content.short()?;
        content.skip(if old { name.next_multiple_of(8) } else { name })?;
        content.skip(values * 4 + if old && values % 2 == 1 { 4 } else { 0 })?;
        filters.push(i32::try_from(number).unwrap_or(i32::MAX));
    }
    Ok(filters)
}

fn storage(
    source: &Source<'_>,
    layout: &[u8],
    filters: &[i32],
    (shape, data_type): (&Shape, DataType),
) -> Result<Found<Storage>, H5Error> {
    let mut content = Cursor(layout);
    if !matches!(content.byte()?, 3 | 4) {
        return Ok(Unusual);
    }
    let len = bytes_of(&shape.now, data_type);
    match content.byte()? {
        0 => {
            let bytes = content.short()?;
            let values = content.take(bytes)?;
            if len != Some(bytes as u64) {
                return Err(H5Error::corrupt("its header has not the bytes of its shape"));
            }
            Ok(Known(Storage::Compact(Bytes::copy_from_slice(values))))
        }
        1 => {
            let address = content.number(8)?;
            if address == UNDEFINED {
                return Ok(Known(Storage::Contiguous { offset: None }));
            }
            let offset = source.offset(address)?;
            let end = len.and_then(|len| len.checked_add(offset));
            if end.is_none_or(|end| end > source.len) {
                return Err(H5Error::corrupt("its bytes are not all in the file"));
            }
            Ok(Known(Storage::Contiguous { offset: Some(offset) }))
        }
        2 => chunks(source, layout, filters, (shape, data_type)),
        3 => Ok(Unusual),
        class => Err(H5Error::corrupt(format!("its layout has the class {class}"))),
    }
}

fn chunks(
    source: &Source<'_>,
    layout: &[u8],
    filters: &[i32],
    (shape, data_type): (&Shape, DataType),
) -> Result<Found<Storage>, H5Error> {
    let (chunk, raw_edges) = index::chunk_shape(layout)?;
    let chunk_bytes = chunk_bytes_of(&chunk, &shape.now, data_type)?;
    let pipeline = Pipeline::numbered(filters, data_type.size())?;
    let table = index::read(&Chunked {
        source,
        layout: Some(layout),
        shape: &shape.now,
        largest: &shape.largest,
        chunk: &chunk,
        chunk_bytes,
        filtered: !pipeline.is_empty(),
        dataset: None,
    })?;
    let Some(table) = table else { return Ok(Unusual) };
    Ok(Known(Storage::Chunked { chunk, chunk_bytes, pipeline, raw_edges, table }))
}
