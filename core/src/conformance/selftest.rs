//! Deliberately broken stores.
