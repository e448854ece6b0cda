//! Fork and join.

mod body;

pub(crate) use body::FORK;
