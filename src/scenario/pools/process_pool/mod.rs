//! Process pools.

mod body;
mod card;
mod judge;

pub(crate) use card::PROCESS_POOL;
