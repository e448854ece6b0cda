//! Exec.

mod body;

pub(crate) use body::EXEC;
