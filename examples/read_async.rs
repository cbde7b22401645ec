//! Reading from inside a tokio runtime: one hop to a blocking thread per cutout, none per chunk.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use bigarrays::ndarray::Array4;
use bigarrays::{BigArray, DataType, VolumeInfo, memory::MemoryBackend};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let info = VolumeInfo::builder(DataType::Float32, [256, 256, 256]).build()?;
    let volume = BigArray::create(MemoryBackend::new(), info)?;
    volume.write_async([0, 0, 0], Array4::<f32>::from_elem((256, 256, 256, 1), 0.5)).await?;

    let reads = (0..4).map(|n| {
        let volume = volume.clone();
        async move { volume.read_async::<f32>([n * 60..n * 60 + 50, 0..50, 0..50]).await }
    });
    for cutout in futures::future::try_join_all(reads).await? {
        println!("{:?}: sum {}", cutout.dim(), cutout.sum());
    }
    Ok(())
}
