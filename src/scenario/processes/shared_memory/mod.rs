//! Private and shared memory.

mod body;

pub(crate) use body::SHARED_MEMORY;
