//! Process pools.

mod body;
mod card;

pub(crate) use card::PROCESS_POOL;
