//! What a task costs.

mod body;

pub(crate) use body::OVERHEAD;
