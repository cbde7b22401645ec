//! The server as its clients see it, over sockets on loopback.

#![expect(clippy::expect_used, reason = "test helpers may fail a test")]

mod abuse;
mod client;
mod cutouts;
mod faults;
mod harness;
mod pages;
mod values;
mod views;
