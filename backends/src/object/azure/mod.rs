//! Azure Blob Storage: [`AzureOptions`] makes an [`ObjectBackend`](super::ObjectBackend) of a
//! container.
//!
//! ```no_run
//! use bigarrays_backends::object::azure::AzureOptions;
//!
//! let store = AzureOptions::new("volumes").account("laboratory").open()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Credentials
//! Those given in code come first. Without them the environment is looked at:
//!
//! | variable | what |
//! |---|---|
//! | `AZURE_STORAGE_ACCOUNT_NAME` (`AZURE_STORAGE_ACCOUNT`) | the account |
//! | `AZURE_STORAGE_ACCOUNT_KEY` (`AZURE_STORAGE_KEY`, `AZURE_STORAGE_ACCESS_KEY`) | its key |
//! | `AZURE_STORAGE_SAS_TOKEN` (`AZURE_STORAGE_SAS_KEY`) | a shared access signature |
//! | `AZURE_STORAGE_CONNECTION_STRING` | account, key or signature, and endpoint in one |
//! | `AZURE_STORAGE_ENDPOINT` | where the account is, if not at `https://ACCOUNT.blob.core.windows.net` |
//! | `AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_CLIENT_SECRET` or `AZURE_FEDERATED_TOKEN_FILE` | a service principal |
//!
//! A container that everybody may read needs [`AzureOptions::anonymous`]; a machine in Azure
//! knows who it is with [`AzureOptions::managed_identity`]. Azurite's account `devstoreaccount1`
//! on loopback needs nothing: its key is published.
//!
//! # Guarantees
//! Those of [the module above](super), and:
//! - **Compare-and-swap** holds between all clients of the account: puts on condition
//!   (`If-None-Match`, `If-Match`) and deletes on condition are single requests. Lost answers are
//!   settled by a mark in the value's metadata, `bigarrayswrite`.
//! - **Read your writes.** Azure answers every read with the latest write.
//! - **Ends of values** are read by their length: Azure has no suffix ranges.
//! - **Values** are at most 5000 MiB long.
//! - **A container that is not there** is `NotFound` at the first key that is missing.

mod account;
mod options;
mod requests;

pub use options::AzureOptions;
