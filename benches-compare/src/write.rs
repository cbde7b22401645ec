//! Writing a whole volume.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use bigarrays::info::{Encoding, Sharding, VolumeType};
use bigarrays::{DataType, Element, OpenOptions, Transport, VolumeInfo, dispatch};
use ndarray::{ArrayView4, ShapeBuilder};
use serde_json::Value;

use crate::Outcome;
use crate::args::Args;
use crate::measure::Report;

pub(crate) fn run(args: &Args) -> Outcome<Option<Report>> {
    if args.format.as_deref().is_some_and(|format| format != "precomputed") {
        return Ok(None);
    }
    let spec = args.spec.as_ref().ok_or("--spec is needed")?;
    let spec: Value = serde_json::from_slice(&fs::read(spec)?)?;
    let Some(info) = describe(&spec)? else { return Ok(None) };
    let mut source = File::open(args.source.as_ref().ok_or("--source is needed")?)?;
    let transport = transport(&spec)?;
    let mut report = Report::default();
    report.bytes = source.metadata()?.len();
    let bytes = usize::try_from(report.bytes)?;
    dispatch!(info.data_type, T => {
        let mut voxels = vec![<T as bytemuck::Zeroable>::zeroed(); bytes / size_of::<T>()];
        source.read_exact(bytemuck::cast_slice_mut(&mut voxels))?;
        report.repeat(args.repeat, args.max_seconds, |_| volume(args, &info, transport, &voxels))?;
    });
    Ok(Some(report))
}

fn volume<T: Element>(
    args: &Args,
    info: &VolumeInfo,
    transport: Transport,
    voxels: &[T],
) -> Outcome<Duration> {
    let url = args.volume()?;
    remove(Path::new(url.strip_prefix("file://").unwrap_or(url)))?;
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = match url.contains("://") && !url.starts_with("file://") {
        true => url.to_owned(),
        false => format!("{url}{joint}durability={}", args.durability),
    };
    let [x, y, z] = info.scales[0].size.map(|axis| usize::try_from(axis).unwrap_or(usize::MAX));
    let view = ArrayView4::from_shape((x, y, z, 1).f(), voxels)?;
    let begun = Instant::now();
    let options = OpenOptions::new().array(move |options| options.transport(transport));
    let array = options.create(&url, info.clone())?;
    array.write([0, 0, 0], view)?;
    drop(array);
    Ok(begun.elapsed())
}

fn remove(path: &Path) -> Outcome<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn describe(spec: &Value) -> Outcome<Option<VolumeInfo>> {
    let text = |name: &str| spec[name].as_str().ok_or_else(|| format!("{name} is no text"));
    if spec["format"].as_str().is_some_and(|format| format != "precomputed") {
        return Ok(None);
    }
    let data_type: DataType = text("data_type")?.parse()?;
    let encoding: Encoding = text("encoding")?.parse()?;
    let size = numbers(&spec["size"])?;
    let mut builder = VolumeInfo::builder(data_type, size)
        .chunk_size(numbers(&spec["chunk_size"])?)
        .encoding(encoding)
        .volume_type(text("type")?.parse::<VolumeType>()?)
        .key(text("key")?);
    if let Some(resolution) = spec["resolution"].as_array() {
        let resolution: Vec<f64> = resolution.iter().filter_map(Value::as_f64).collect();
        builder = builder.resolution(<[f64; 3]>::try_from(resolution).map_err(|_| "resolution")?);
    }
    let mut info = builder.build()?;
    let scale = &mut info.scales[0];
    if !spec["sharding"].is_null() {
        scale.sharding = Some(Sharding::from_value(&spec["sharding"])?);
    }
    if encoding == Encoding::Jpeg {
        scale.jpeg_quality = spec["jpeg_quality"].as_u64().and_then(|q| u8::try_from(q).ok());
    }
    if encoding == Encoding::CompressedSegmentation
        && !spec["compressed_segmentation_block_size"].is_null()
    {
        let block = numbers(&spec["compressed_segmentation_block_size"])?;
        scale.compressed_segmentation_block_size = Some(block);
    }
    Ok(Some(info))
}

fn transport(spec: &Value) -> Outcome<Transport> {
    let level = spec["gzip_level"].as_u64().and_then(|level| u8::try_from(level).ok());
    Ok(match spec["compress"].as_str() {
        Some("gzip") => Transport::Gzip(level.unwrap_or(6)),
        Some(other) => return Err(format!("no such compression: {other}").into()),
        // A sharded volume compresses its chunks with this level.
        None => level.map_or(Transport::None, |level| match spec["sharding"].is_null() {
            true => Transport::None,
            false => Transport::Gzip(level),
        }),
    })
}

fn numbers(value: &Value) -> Outcome<[u64; 3]> {
    let numbers: Vec<u64> =
        value.as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    <[u64; 3]>::try_from(numbers).map_err(|_| "three numbers are needed".into())
}
