//! Process pools.

mod body;

pub(crate) use body::PROCESS_POOL;
