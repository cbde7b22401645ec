//! Volumes over HTTP, from any store.
//!
//! A [`Server`] shows stores under names. Each is the root of a neuroglancer *precomputed* volume,
//! or of many; its values are served as they are stored, so that neuroglancer, CloudVolume and
//! TensorStore read a database as they read a web server with files. Beside them there are
//! cutouts, what a program wants to know of the server, and, on a port of its own, an S3 gateway.
//!
//! | room | what it does |
//! |---|---|
//! | `options` | what can be chosen, and the defaults |
//! | `served` | stores and their names; opened volumes |
//! | `app` | which path is answered by whom, and what every request passes through |
//! | `value` | one stored value: ranges, states, compression |
//! | `range`, `encodings`, `mime`, `path`, `tag` | pure: what headers and paths mean |
//! | `budget`, `body` | memory that requests share, and bodies that hold theirs until they are sent |
//! | `store` | calls of stores: of those that do not block, of quick ones, and of others |
//! | `cutout`, `volumes`, `openapi`, `metrics` | one answer each |
//! | `viewer` | pages that are a part of the program: the viewer, neuroglancer |
//! | `view` | stores around stores: a sharded volume as chunks, scales made on request |
//! | `s3` | the gateway |
//! | `token` | who may ask |
//! | `listen`, `impatient`, `tls` | connections: how many, how slow, encrypted or not |
//! | `fault` | what went wrong, as a status and a sentence |
//!
//! **Missing is not failed**: a value that is not stored is a 404; a store that cannot be asked is
//! a 502 or 503, never a 404.

mod app;
mod body;
mod budget;
mod cutout;
mod encodings;
mod error;
mod fault;
mod impatient;
mod listen;
mod metrics;
mod mime;
mod openapi;
mod options;
mod path;
mod range;
mod s3;
mod served;
mod store;
mod tag;
mod tls;
mod token;
mod value;
mod view;
mod viewer;
mod volumes;

pub use error::ServeError;
pub use listen::{Addresses, Server};
pub use options::{Cors, Limits, Log, Options, S3Options, TlsFiles};
pub use s3::Credentials;
pub use served::{InvalidName, Served, default_name};
pub use token::Tokens;
pub use viewer::{has_neuroglancer, neuroglancer};
