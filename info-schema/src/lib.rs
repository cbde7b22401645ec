//! The volume description.
