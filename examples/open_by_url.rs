//! Opening volumes by URL, with options, and with a scheme of your own.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use bigarrays::memory::MemoryBackend;
use bigarrays::ndarray::Array3;
use bigarrays::{DataType, DynBackend, OnMissing, OpenOptions, OutOfBounds, Registry, VolumeInfo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("labels");
    let mut info = VolumeInfo::builder(DataType::Uint64, [100, 100, 100]).build()?;
    info.add_scale([2, 2, 2])?;
    bigarrays::create(&path.display().to_string(), info)?;

    // CloudVolume's and neuroglancer's spellings mean the same volume.
    for url in [
        format!("{}", path.display()),
        format!("precomputed://file://{}", path.display()),
        format!("file://{}|neuroglancer-precomputed:", path.display()),
    ] {
        let coarse = OpenOptions::new()
            .read_only()
            .array(|options| {
                options.scale("2_2_2").on_missing(OnMissing::Fill).bounds(OutOfBounds::Crop)
            })
            .open(&url)?;
        println!("{url}: scale {} has {}", coarse.scale().key, coarse.bounds());
    }

    // A scheme of your own: anything that makes a store out of a URL.
    let mine: DynBackend = Arc::new(MemoryBackend::new());
    let registry = Registry::default().with("mine", move |_url, _access| Ok(Arc::clone(&mine)));
    let options = OpenOptions::new().registry(registry);
    let info = VolumeInfo::builder(DataType::Uint8, [64, 64, 64]).build()?;
    let volume = options.create("mine://anything", info)?;
    volume.write([0, 0, 0], Array3::<u8>::ones((64, 64, 64)).view())?;
    println!("mine: {}", options.open("mine://anything")?.read::<u8>([0..1, 0..1, 0..1])?);

    // A slip is answered with what is known.
    if let Err(error) = bigarrays::open("rockdb:///data/brain") {
        println!("error: {error}");
    }
    Ok(())
}
