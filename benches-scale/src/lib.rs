//! How the cost of reading grows: with the volume, with the number of cutouts, with the requests in
//! flight.
//!
//! The library reads volumes of up to 2^30 chunks from a store that is a model: its answers are made
//! when they are asked for, take the time that a bucket takes, and that time is simulated. So all
//! figures but the measured ones of the processor are the same on every machine and in every run.
//!
//! | room | what lives there |
//! |---|---|
//! | [`clock`] | simulated time |
//! | [`model`] | how long a request takes |
//! | [`volume`] | a volume whose bytes follow from their place, shards and their indices as well |
//! | [`store`] | the model as a store |
//! | [`series`] | what is measured |
//! | [`table`], [`plot`] | how it is told |

pub mod clock;
pub mod model;
pub mod plot;
pub mod series;
pub mod store;
pub mod table;
pub mod volume;
