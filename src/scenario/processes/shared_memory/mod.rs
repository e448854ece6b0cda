//! Private and shared memory.

mod body;
mod card;
mod judge;

pub(crate) use card::SHARED_MEMORY;
