//! Orphans.

mod body;

pub(crate) use body::ORPHAN;
