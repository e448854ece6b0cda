//! Orphans.

mod body;
mod card;

pub(crate) use card::ORPHAN;
