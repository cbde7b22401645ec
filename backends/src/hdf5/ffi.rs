//! The calls of the HDF5 library that its Rust crate has no words for.
//!
//! Each takes handles that the crate keeps open, under the lock that it takes for its own calls.

use std::ffi::{CString, c_void};

use bigarrays_info::DataType;
use hdf5::globals as known;
use hdf5::plist::DatasetCreate;
use hdf5::sync::sync;
use hdf5::{Dataset, Dataspace, Datatype, File};
use hdf5_sys::h5::{haddr_t, hsize_t};
use hdf5_sys::h5d::{H5Dclose, H5Dcreate2, H5Dread, H5Dwrite_chunk};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pget_fill_value};
use hdf5_sys::h5r::{H5R_type_t, H5Rcreate};
use hdf5_sys::h5s::H5S_ALL;
use hdf5_sys::h5t::H5Tequal;

/// Where the header of an object lies, in bytes behind the file's user block.
pub(super) fn object_address(file: &File, name: &str) -> Option<u64> {
    let name = CString::new(name).ok()?;
    let mut address: haddr_t = haddr_t::MAX;
    #[expect(unsafe_code, reason = "the HDF5 library is a C library")]
    // SAFETY: an object reference is one address, for which `address` has room; the file's handle
    // is open for the length of the call and the name ends in a zero byte.
    let status = sync(|| unsafe {
        let place = (&raw mut address).cast::<c_void>();
        H5Rcreate(place, file.id(), name.as_ptr(), H5R_type_t::H5R_OBJECT, -1)
    });
    (status >= 0 && address != haddr_t::MAX).then_some(address)
}

/// What one value of a dataset is, and whether its bytes are stored in big-endian order. `None` for
/// everything that is not exactly one of our types.
pub(super) fn data_type(datatype: &Datatype) -> Option<(DataType, bool)> {
    let is = |id: hid_t| {
        #[expect(unsafe_code, reason = "the HDF5 library is a C library")]
        // SAFETY: both are handles of data types: one is open, one belongs to the library.
        let equal = sync(|| unsafe { H5Tequal(datatype.id(), id) });
        equal > 0
    };
    let little = [
        (DataType::Uint8, *known::H5T_STD_U8LE),
        (DataType::Int8, *known::H5T_STD_I8LE),
        (DataType::Uint16, *known::H5T_STD_U16LE),
        (DataType::Int16, *known::H5T_STD_I16LE),
        (DataType::Uint32, *known::H5T_STD_U32LE),
        (DataType::Int32, *known::H5T_STD_I32LE),
        (DataType::Uint64, *known::H5T_STD_U64LE),
        (DataType::Int64, *known::H5T_STD_I64LE),
        (DataType::Float32, *known::H5T_IEEE_F32LE),
        (DataType::Float64, *known::H5T_IEEE_F64LE),
    ];
    let big = [
        (DataType::Uint8, *known::H5T_STD_U8BE),
        (DataType::Int8, *known::H5T_STD_I8BE),
        (DataType::Uint16, *known::H5T_STD_U16BE),
        (DataType::Int16, *known::H5T_STD_I16BE),
        (DataType::Uint32, *known::H5T_STD_U32BE),
        (DataType::Int32, *known::H5T_STD_I32BE),
        (DataType::Uint64, *known::H5T_STD_U64BE),
        (DataType::Int64, *known::H5T_STD_I64BE),
        (DataType::Float32, *known::H5T_IEEE_F32BE),
        (DataType::Float64, *known::H5T_IEEE_F64BE),
    ];
    // Julia's Bool.
    if is(*known::H5T_STD_B8LE) {
        return Some((DataType::Bool, false));
    }
    let find = |types: [(DataType, hid_t); 10], swapped: bool| {
        let found = types.into_iter().find(|(_, id)| is(*id));
        found.map(|(data_type, _)| (data_type, swapped && data_type.size() > 1))
    };
    find(little, false).or_else(|| find(big, true))
}

/// The value of what was never written, as the file stores it.
pub(super) fn fill_value(dataset: &Dataset, size: usize) -> hdf5::Result<Vec<u8>> {
    let (properties, datatype) = (dataset.create_plist()?, dataset.dtype()?);
    if datatype.size() != size {
        return Err("the fill value has another size than a value".into());
    }
    let mut value = vec![0_u8; size];
    #[expect(unsafe_code, reason = "the HDF5 library is a C library")]
    // SAFETY: the library writes one value of the type, and `value` was just made as long.
    let status = sync(|| unsafe {
        H5Pget_fill_value(properties.id(), datatype.id(), value.as_mut_ptr().cast::<c_void>())
    });
    checked(status, "the fill value cannot be read").map(|()| value)
}

/// All values of a dataset of `len` bytes, as the file stores them.
pub(super) fn read_all(dataset: &Dataset, len: usize) -> hdf5::Result<Vec<u8>> {
    let datatype = dataset.dtype()?;
    if dataset.size().checked_mul(datatype.size()) != Some(len) {
        return Err("the dataset has another size than its shape tells".into());
    }
    let mut values = vec![0_u8; len];
    #[expect(unsafe_code, reason = "the HDF5 library is a C library")]
    // SAFETY: the library writes all values in the type in which they are stored, so nothing is
    // converted, and that is `len` bytes by the check above.
    let status = sync(|| unsafe {
        let values = values.as_mut_ptr().cast::<c_void>();
        H5Dread(dataset.id(), datatype.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values)
    });
    checked(status, "the dataset cannot be read").map(|()| values)
}

/// Stores a chunk whose bytes went through the filters already. `start` is its first value.
pub(super) fn write_chunk(
    dataset: &Dataset,
    start: &[u64],
    filter_mask: u32,
    bytes: &[u8],
) -> hdf5::Result<()> {
    let start: Vec<hsize_t> = start.to_vec();
    if start.len() != dataset.ndim() {
        return Err("the chunk has another number of axes than the dataset".into());
    }
    #[expect(unsafe_code, reason = "the HDF5 library is a C library")]
    // SAFETY: `start` has a number for each axis of the dataset, and the length goes with the
    // pointer of the bytes, which the library only reads.
    let status = sync(|| unsafe {
        let data = bytes.as_ptr().cast::<c_void>();
        let (id, mask) = (dataset.id(), filter_mask);
        H5Dwrite_chunk(id, H5P_DEFAULT, mask, start.as_ptr(), bytes.len(), data)
    });
    checked(status, "the chunk cannot be written")
}

/// Makes an empty dataset. Unlike the crate's own way, this does not mind filters that the library
/// has not: what is stored went through them before.
pub(super) fn create_dataset(
    file: &File,
    name: &str,
    datatype: &Datatype,
    space: &Dataspace,
    properties: &DatasetCreate,
) -> hdf5::Result<()> {
    let name = CString::new(name).map_err(|error| error.to_string())?;
    #[expect(unsafe_code, reason = "the HDF5 library is a C library")]
    // SAFETY: all handles are open for the length of the call and the name ends in a zero byte; the
    // handle that the library gives is closed again.
    let status = sync(|| unsafe {
        let (default, types, place) = (H5P_DEFAULT, datatype.id(), space.id());
        let all = properties.id();
        let made = H5Dcreate2(file.id(), name.as_ptr(), types, place, default, all, default);
        if made < 0 { -1 } else { H5Dclose(made) }
    });
    checked(status, "the dataset cannot be made")
}

/// The error of the library after a call that gave `status`.
fn checked(status: i32, what: &'static str) -> hdf5::Result<()> {
    if status >= 0 {
        Ok(())
    } else {
        hdf5::h5check(status).map(drop).map_err(|error| format!("{what}: {error}").into())
    }
}
