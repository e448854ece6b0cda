//! Thread pools.

mod body;

pub(crate) use body::THREAD_POOL;
