//! The files in `tests/golden/hdf5`, and what their script says that they hold.

use std::path::PathBuf;

/// The path of a golden file.
pub(crate) fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hdf5").join(name)
}

/// The values of every dataset: value number n is (n * 7 + 3) % 251.
pub(crate) fn value(n: u64) -> u8 {
    u8::try_from((n * 7 + 3) % 251).unwrap()
}

/// The little-endian bytes of such a value.
pub(crate) fn bytes_of(value: u8, data_type: bigarrays_core::DataType) -> Vec<u8> {
    use bigarrays_core::DataType;
    match data_type {
        DataType::Float32 => f32::from(value).to_le_bytes().to_vec(),
        DataType::Float64 => f64::from(value).to_le_bytes().to_vec(),
        DataType::Bool => vec![u8::from(value != 0)],
        integer => {
            let mut bytes = vec![0; integer.size()];
            bytes[0] = value;
            if integer == DataType::Int16 || integer == DataType::Int64 {
                assert!(bytes.len() > 1);
            }
            bytes
        }
    }
}
