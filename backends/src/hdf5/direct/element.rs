//! What the values of a dataset are.

use bigarrays_info::DataType;
use hdf5::types::TypeDescriptor;
use hdf5::{Dataset, Datatype};

use super::error::H5Error;
use crate::hdf5::ffi;
use bigarrays_core::backend::ErrorKind;

/// The type of a dataset's values, and whether they are stored in big-endian order.
pub(super) fn element_of(dataset: &Dataset) -> Result<(DataType, bool), H5Error> {
    let datatype = dataset.dtype().map_err(|error| {
        H5Error::library(ErrorKind::Corrupt, "the type of its values cannot be read", &error)
    })?;
    if let Some(known) = ffi::data_type(&datatype) {
        return Ok(known);
    }
    match datatype.to_descriptor() {
        // An enumeration of FALSE and TRUE, as h5py writes it.
        Ok(TypeDescriptor::Boolean) => Ok((DataType::Bool, false)),
        Ok(TypeDescriptor::Enum(members)) if datatype.size() == 1 => {
            Ok((if members.signed { DataType::Int8 } else { DataType::Uint8 }, false))
        }
        _ => Err(refusal(&datatype)),
    }
}

fn refusal(datatype: &Datatype) -> H5Error {
    let name = match datatype.to_descriptor() {
        Ok(descriptor) => descriptor.to_string(),
        Err(_) => format!("{datatype:?}"),
    };
    H5Error::unsupported(format!(
        "its values are of the type {name}; integers of 8 to 64 bits, floats of 32 and 64 bits and \
         booleans can be read"
    ))
}

/// Turns the bytes of each value around.
pub(in crate::hdf5) fn swap_bytes(bytes: &mut [u8], size: usize) {
    if size > 1 {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
}
