//! Barriers.

mod body;

pub(crate) use body::BARRIER;
