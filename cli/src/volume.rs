//! Opening volumes the way every command does.

use std::sync::Arc;

use bigarrays::backend::ErrorKind;
use bigarrays::codec::{ChunkSpec, codec_for};
use bigarrays::info::Scale;
use bigarrays::memory::MemoryBackend;
use bigarrays::{
    BigArray, BigArrayBuilder, DynBackend, OpenError, OpenOptions, StoreUrl, VolumeInfo,
};

use crate::error::CliError;
use crate::values;

/// Options for reading a volume.
pub(crate) fn reader() -> OpenOptions {
    OpenOptions::new().read_only()
}

/// Opens a scale of a volume for reading.
pub(crate) fn open_to_read(url: &str, scale: Option<&str>) -> Result<BigArray, CliError> {
    let scale = values::scale(scale);
    Ok(reader().array(move |options| options.scale(scale.clone())).open(url)?)
}

/// Creates a volume in memory, to know whether it can be made before anything is.
pub(crate) fn rehearse(
    info: &VolumeInfo,
    configure: impl Fn(BigArrayBuilder<DynBackend>) -> BigArrayBuilder<DynBackend>,
) -> Result<BigArray, CliError> {
    info.to_json()?;
    info.scales.iter().try_for_each(|scale| encode_one(info, scale))?;
    let nowhere: DynBackend = Arc::new(MemoryBackend::new());
    Ok(configure(BigArray::builder(nowhere)).create(info.clone())?)
}

/// Encodes a chunk of one voxel: some parameters of an encoding are found wrong only then.
fn encode_one(info: &VolumeInfo, scale: &Scale) -> Result<(), CliError> {
    // What has no codec, or too many channels, is refused with more words when it is created.
    let (Ok(codec), Ok(channels)) = (codec_for(scale), usize::try_from(info.num_channels)) else {
        return Ok(());
    };
    let spec = ChunkSpec { data_type: info.data_type, shape: [1, 1, 1, channels] };
    match codec.encode(vec![0; spec.voxel_bytes()], &spec) {
        Ok(_) => Ok(()),
        Err(error) => {
            let encoding = scale.encoding;
            Err(CliError::refused(format!("such {encoding} chunks cannot be written: {error}")))
        }
    }
}

/// Whether an error says that there is no volume (and not that it could not be reached).
pub(crate) fn is_absent(error: &OpenError) -> bool {
    match error {
        OpenError::NoVolume(_) | OpenError::Array(bigarrays::Error::NoInfo { .. }) => true,
        OpenError::Array(bigarrays::Error::Backend(error)) => error.kind() == ErrorKind::NotFound,
        _ => false,
    }
}

/// A store that keeps nothing after the process is of no use to a command of its own.
pub(crate) fn is_volatile(url: &str) -> bool {
    StoreUrl::parse(url).is_ok_and(|url| url.scheme() == "mem")
}

/// Whether a URL names a directory tree.
pub(crate) fn is_tree(url: &str) -> bool {
    StoreUrl::parse(url).is_ok_and(|url| url.scheme() == "file")
}

/// Where the borders of units that begin at the volume's first voxel lie, as a distance from the
/// voxel `at`.
pub(crate) fn phase(array: &BigArray, at: [i64; 3], unit: [u64; 3]) -> [u64; 3] {
    std::array::from_fn(|axis| {
        let distance = i128::from(array.bounds().min[axis]) - i128::from(at[axis]);
        u64::try_from(distance.rem_euclid(i128::from(unit[axis].max(1)))).unwrap_or(0)
    })
}

/// `1 chunk`, `2 chunks`.
pub(crate) fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `1.5 GiB`.
pub(crate) fn bytes(count: u128) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut unit_bytes = 1024;
    let mut unit = 0;
    while unit + 1 < UNITS.len() && count / unit_bytes >= 1024 {
        unit_bytes *= 1024;
        unit += 1;
    }
    format!("{}.{} {}", count / unit_bytes, count % unit_bytes * 10 / unit_bytes, UNITS[unit])
}
