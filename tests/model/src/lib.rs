//! The concurrent rooms of the core under a scheduler that chooses who goes next.
//!
//! `core::kept`, `core::wrap::cache` and `core::array::drive` take locks, counters, channels and
//! threads from `core::sync` only. Here the same files are compiled (`build.rs` copies them) with
//! those of [`shuttle`], which runs one thread at a time and chooses at each of these operations,
//! from a seed, which goes on. A deadlock, and so a lost wake-up, is a failure.
//!
//! A check that never fails proves little. So the rooms are compiled several times more, each
//! time with one line broken (`BROKEN` in `build.rs`), and the checks must notice.
//!
//! What lies outside these rooms is taken as it is: the channels of `futures` and the map of
//! `quick_cache` do each operation at once here. All orders are of a machine whose memory is
//! sequentially consistent: shuttle knows no weaker one.

#![expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "checks may fail, and do not use all of a room"
)]

mod base;

include!(concat!(env!("OUT_DIR"), "/rooms.rs"));
