//! Looking for damage in all that is stored of a scale.
//!
//! | room | what it does |
//! |---|---|
//! | `report` | what is asked, what is told, where a check can go on |
//! | `names` | one listing: which chunk or shard each key is |
//! | `engine` | the verb: group after group, with a checkpoint after each |
//! | `chunks` | a group of chunks: their lengths, or all their bytes |
//! | `shards` | a group of shards: their indices, or all their bytes |

mod chunks;
mod engine;
mod names;
mod report;
mod shards;

pub use report::{Checkpoint, Finding, VerifyOptions, VerifyReport, VerifyWatch};
