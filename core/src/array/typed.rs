//! An array whose element type is fixed once.

use std::marker::PhantomData;

use ndarray::{Array2, Array4, ArrayView, ArrayViewMut4, Dimension};

use super::big_array::BigArray;
use crate::backend::{DynBackend, KeyValueBackend};
use crate::element::Element;
use crate::error::Result;
use crate::geometry::BoundingBox;

/// A [`BigArray`] that is known to have elements `T`: its verbs need no type at the call.
#[derive(Debug)]
pub struct TypedArray<T, B = DynBackend> {
    array: BigArray<B>,
    element: PhantomData<fn() -> T>,
}

impl<T, B> Clone for TypedArray<T, B> {
    fn clone(&self) -> Self {
        Self { array: self.array.clone(), element: PhantomData }
    }
}

impl<B: KeyValueBackend> BigArray<B> {
    /// This array with its element type fixed.
    ///
    /// # Errors
    /// [`Error::WrongDataType`](crate::Error::WrongDataType) if the volume has another one.
    pub fn typed<T: Element>(&self) -> Result<TypedArray<T, B>> {
        self.require_type::<T>()?;
        Ok(TypedArray { array: self.clone(), element: PhantomData })
    }
}

impl<T: Element, B: KeyValueBackend> TypedArray<T, B> {
    /// The array itself.
    #[must_use]
    pub const fn untyped(&self) -> &BigArray<B> {
        &self.array
    }

    /// [`BigArray::read`].
    ///
    /// # Errors
    /// As there.
    pub fn read(&self, bbox: impl Into<BoundingBox>) -> Result<Array4<T>> {
        self.array.read(bbox)
    }

    /// [`BigArray::read_into`].
    ///
    /// # Errors
    /// As there.
    pub fn read_into(
        &self,
        bbox: impl Into<BoundingBox>,
        view: ArrayViewMut4<'_, T>,
    ) -> Result<()> {
        self.array.read_into(bbox, view)
    }

    /// [`BigArray::read_points`].
    ///
    /// # Errors
    /// As there.
    pub fn read_points(&self, points: &[[i64; 3]]) -> Result<Array2<T>> {
        self.array.read_points(points)
    }

    /// [`BigArray::write`].
    ///
    /// # Errors
    /// As there.
    pub fn write<D: Dimension>(&self, at: [i64; 3], array: ArrayView<'_, T, D>) -> Result<()> {
        self.array.write(at, array)
    }
}
