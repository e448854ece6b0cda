//! Thread-local data.

mod body;

pub(crate) use body::THREAD_LOCAL;
