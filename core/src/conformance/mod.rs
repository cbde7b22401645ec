//! The suite that proves a store right: the promises of
//! [`KeyValueBackend`](crate::backend::KeyValueBackend), each as a case with a name.
//!
//! One line is enough for a store in this process; every call of the closure opens another
//! handle on the same content:
//!
//! ```
//! use bigarrays_core::{conformance, memory::MemoryBackend};
//!
//! let store = MemoryBackend::new();
//! conformance::run(|| Ok(store.clone())).assert_ok();
//! ```
//!
//! [`Suite`] says more about a store: that it persists, how to start a process on it, or how to
//! fill a store that only reads.
//!
//! Cases are chosen by the store's [`Capabilities`](crate::backend::Capabilities). What is not
//! declared is not just left out: it must answer `Unsupported`, and a case asserts that. Every
//! case that does not run is in the [`Report`] with its reason.
//!
//! Each case works below a prefix of its own with a random name and removes what it wrote, so the
//! suite can run on a store with other content.
//!
//! | case | what is proved |
//! |---|---|
//! | C1 – C3 | values of 0 bytes to 16 MiB come back; missing is `None`; empty is not missing |
//! | C4 – C6 | ranges and their clipping; several ranges; batches of gets |
//! | C7, C8 | names of chunks, long, foreign and hostile names; a key that is also a prefix |
//! | C9, C10 | listings are complete, without duplicates or temporary names; bounds of prefixes |
//! | C11, C12 | other handles see a write at once; it survives closing and opening |
//! | C13, C14 | readers never see a torn value; threads do not disturb each other |
//! | C15 – C18 | compare-and-swap with threads and processes; creation; conditional deletes |
//! | C19 | versions change with every overwrite |
//! | C20, C21 | a killed writer leaves whole values; a refused write leaves the old one |
//! | C22, C24 – C26 | a server out of reach; replies that are cut, lost or do not come |
//! | C23 | power cuts, which only a store itself can model (`fs` does): always skipped here |
//! | C27 | wrong credentials are told at once, as such |
//! | X1, X2 | content encodings come back, and together with their bytes |
//! | X3, X4 | batches of writes; each condition of a put |
//! | X5, X6 | what is not declared is refused; blocking stores do not answer `Pending` |
//! | X7, X8 | versions agree everywhere; the limit of a value's length |
//! | X9 – X11 | many requests at once under a foreign executor; abandoned puts; the store's name |
//! | X12 | nothing of the suite is left behind |

mod bench;
mod cases;
mod payload;
mod proxy;
mod report;
mod suite;

#[cfg(test)]
mod selftest;

pub use cases::Job;
pub use payload::{sealed, unseal};
pub use proxy::{Proxy, Weather};
pub use report::{CaseResult, Outcome, Report};
pub use suite::{Suite, run};
