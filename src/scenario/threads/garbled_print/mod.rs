//! Two threads, one screen.

mod body;

pub(crate) use body::GARBLED_PRINT;
