//! Data types: the only place that lists them.
//!
//! A volume's type is known at run time ([`DataType`]); a caller names a Rust type
//! ([`Element`]). [`dispatch!`](crate::dispatch) goes from the first to the second,
//! [`DynArray`] is the result of a read whose type only the volume knows.

use std::borrow::Cow;
use std::fmt;

use bigarrays_info::DataType;
use ndarray::{Array4, ArrayView4, ShapeBuilder};

use crate::huge_pages;

#[cfg(target_endian = "big")]
compile_error!("voxels are read and written in the host's memory, which must be little-endian");

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that voxels can have: `u8`…`u64`, `i8`…`i64`, `f32`, `f64`.
///
/// A `bool` volume is read and written as `u8`, 0 or 1.
pub trait Element:
    bytemuck::Pod + PartialEq + PartialOrd + fmt::Debug + fmt::Display + Send + Sync + sealed::Sealed
{
    /// The data type of this Rust type.
    const DATA_TYPE: DataType;

    /// Whether a volume of `data_type` has elements of this Rust type.
    #[must_use]
    fn is_type_of(data_type: DataType) -> bool {
        Self::DATA_TYPE == data_type
            || (data_type == DataType::Bool && Self::DATA_TYPE == DataType::Uint8)
    }

    /// The nearest thing to a number of this type, or `None` if it is out of range or not whole.
    #[must_use]
    fn from_number(number: Number) -> Option<Self>;

    /// Wraps an array of this type.
    #[must_use]
    fn into_dyn(array: Array4<Self>) -> DynArray;
}

/// A number of any voxel type, such as a fill value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number; wide enough for `u64` and `i64`.
    Int(i128),
    /// A floating-point number.
    Float(f64),
}

impl Default for Number {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

impl std::str::FromStr for Number {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Int).or_else(|_| text.parse().map(Self::Float))
    }
}

impl Number {
    /// The number as the bytes of one voxel of `data_type`, in the first
    /// [`size`](DataType::size) places, or `None` if that type cannot hold it.
    #[must_use]
    pub fn to_voxel(self, data_type: DataType) -> Option<[u8; 8]> {
        let mut voxel = [0; 8];
        if data_type == DataType::Bool && !matches!(self, Self::Int(0 | 1)) {
            return None;
        }
        crate::dispatch!(data_type, T => {
            let element = <T as Element>::from_number(self)?;
            voxel[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&element));
        });
        Some(voxel)
    }
}

/// Runs `$body` with `$T` bound to the Rust type of a [`DataType`].
///
/// ```
/// use bigarrays_core::{DataType, dispatch};
/// assert_eq!(dispatch!(DataType::Uint32, T => size_of::<T>()), 4);
/// ```
#[macro_export]
macro_rules! dispatch {
    ($data_type:expr, $T:ident => $body:expr) => {
        match $data_type {
            $crate::DataType::Uint8 | $crate::DataType::Bool => {
                type $T = u8;
                $body
            }
            $crate::DataType::Int8 => {
                type $T = i8;
                $body
            }
            $crate::DataType::Uint16 => {
                type $T = u16;
                $body
            }
            $crate::DataType::Int16 => {
                type $T = i16;
                $body
            }
            $crate::DataType::Uint32 => {
                type $T = u32;
                $body
            }
            $crate::DataType::Int32 => {
                type $T = i32;
                $body
            }
            $crate::DataType::Uint64 => {
                type $T = u64;
                $body
            }
            $crate::DataType::Int64 => {
                type $T = i64;
                $body
            }
            $crate::DataType::Float32 => {
                type $T = f32;
                $body
            }
            $crate::DataType::Float64 => {
                type $T = f64;
                $body
            }
        }
    };
}

macro_rules! number {
    (int $T:ident) => {
        fn from_number(number: Number) -> Option<Self> {
            match number {
                Number::Int(number) => Self::try_from(number).ok(),
                Number::Float(_) => None,
            }
        }
    };
    (single $T:ident) => {
        #[expect(clippy::cast_possible_truncation, reason = "a float holds the nearest it has")]
        fn from_number(number: Number) -> Option<Self> {
            Some(match number {
                Number::Int(number) => number as Self,
                Number::Float(number) => number as Self,
            })
        }
    };
    (double $T:ident) => {
        fn from_number(number: Number) -> Option<Self> {
            Some(match number {
                Number::Int(number) => number as Self,
                Number::Float(number) => number,
            })
        }
    };
}

macro_rules! elements {
    ($($kind:ident $T:ident $Variant:ident $Data:ident;)*) => {
        $(
            impl sealed::Sealed for $T {}
            impl Element for $T {
                const DATA_TYPE: DataType = DataType::$Data;
                number!($kind $T);
                fn into_dyn(array: Array4<Self>) -> DynArray {
                    DynArray::$Variant(array)
                }
            }
        )*

        /// An array `[x, y, z, c]` of the type that the volume has.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum DynArray {
            $(
                #[doc = concat!("An array of `", stringify!($T), "`.")]
                $Variant(Array4<$T>),
            )*
        }

        impl DynArray {
            /// The type of the elements (`Uint8` for a `bool` volume).
            #[must_use]
            pub const fn data_type(&self) -> DataType {
                match self { $(Self::$Variant(_) => DataType::$Data,)* }
            }

            /// Voxels and channels per axis, `[x, y, z, c]`.
            #[must_use]
            pub fn shape(&self) -> [usize; 4] {
                match self { $(Self::$Variant(array) => array.dim().into(),)* }
            }

            /// All elements as little-endian bytes in Fortran order (x fastest).
            #[must_use]
            pub fn fortran_bytes(&self) -> Cow<'_, [u8]> {
                match self { $(Self::$Variant(array) => fortran_bytes(array.view()),)* }
            }
        }

        $(
            impl TryFrom<DynArray> for Array4<$T> {
                type Error = DynArray;
                fn try_from(array: DynArray) -> Result<Self, DynArray> {
                    match array {
                        DynArray::$Variant(array) => Ok(array),
                        other => Err(other),
                    }
                }
            }
        )*
    };
}

elements! {
    int u8 U8 Uint8;
    int i8 I8 Int8;
    int u16 U16 Uint16;
    int i16 I16 Int16;
    int u32 U32 Uint32;
    int i32 I32 Int32;
    int u64 U64 Uint64;
    int i64 I64 Int64;
    single f32 F32 Float32;
    double f64 F64 Float64;
}

fn fortran_bytes<'a, T: Element>(array: ArrayView4<'a, T>) -> Cow<'a, [u8]> {
    match array.reversed_axes().to_slice() {
        Some(slice) => Cow::Borrowed(bytemuck::cast_slice(slice)),
        None => {
            let copied: Vec<T> = array.t().iter().copied().collect();
            Cow::Owned(bytemuck::cast_slice(&copied).to_vec())
        }
    }
}

/// An all-zero array in Fortran order (x fastest) or C order, or `None` if there is no memory for
/// it. The pages come zeroed from the system and are first touched by whoever fills them.
pub(crate) fn zeros<T: Element>(shape: [usize; 4], c_order: bool) -> Option<Array4<T>> {
    let len = shape.iter().try_fold(1_usize, |len, &axis| len.checked_mul(axis))?;
    let mut data = bytemuck::allocation::try_zeroed_slice_box::<T>(len).ok()?.into_vec();
    huge_pages::prefer(&mut data);
    Array4::from_shape_vec(shape.set_f(!c_order), data).ok()
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_exactly_or_not_at_all() {
        assert_eq!(Number::Int(255).to_voxel(DataType::Uint8).unwrap()[0], 255);
        assert_eq!(Number::Int(256).to_voxel(DataType::Uint8), None);
        assert_eq!(Number::Int(-1).to_voxel(DataType::Uint64), None);
        assert_eq!(Number::Float(0.5).to_voxel(DataType::Int32), None);
        assert_eq!(Number::Int(2).to_voxel(DataType::Bool), None);
        let max = i128::from(u64::MAX);
        assert_eq!(Number::Int(max).to_voxel(DataType::Uint64), Some([255; 8]));
        assert_eq!("18446744073709551615".parse(), Ok(Number::Int(max)));
        assert_eq!("-1.5".parse(), Ok(Number::Float(-1.5)));
        let half = Number::Float(0.5).to_voxel(DataType::Float32).unwrap();
        assert_eq!(half[..4], 0.5_f32.to_le_bytes());
    }

    #[test]
    fn fortran_bytes_do_not_depend_on_the_memory_order() {
        let c_order = Array4::from_shape_fn((2, 3, 1, 1), |(x, y, _, _)| (x + 2 * y) as u16);
        let mut f_order = zeros::<u16>([2, 3, 1, 1], false).unwrap();
        f_order.assign(&c_order);
        let bytes = u16::into_dyn(c_order).fortran_bytes().into_owned();
        assert_eq!(u16::into_dyn(f_order).fortran_bytes(), bytes);
        assert_eq!(bytes[..6], [0, 0, 1, 0, 2, 0]);
    }

    #[test]
    fn an_array_larger_than_memory_is_refused_and_not_tried() {
        assert!(zeros::<u64>([usize::MAX, 2, 1, 1], false).is_none());
        assert!(zeros::<u64>([1 << 30, 1 << 30, 1, 1], true).is_none());
    }
}
