//! Private and shared memory.

mod body;
mod card;

pub(crate) use card::SHARED_MEMORY;
