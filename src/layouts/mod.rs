//! Layouts of old: how BigArrays.jl kept volumes before they had the layout of today.
//!
//! Both are tried only where a store has no `info`:
//!
//! - until v0.7 a store was rooted at the directory of a *scale*; its `info` lies one level
//!   further up ([`scale_above`]);
//! - in v0.5 there was no `info` but a `config.json`, and chunks were named by one-based
//!   inclusive ranges ([`OneBased`]).
//!
//! Source: the history of BigArrays.jl (Apache-2.0), January to December 2017.

mod above;
mod config;
mod extent;
mod one_based;
mod ranges;
#[cfg(test)]
mod tests;

pub(crate) use above::{Above, scale_above};
pub(crate) use one_based::{Found, OneBased};
