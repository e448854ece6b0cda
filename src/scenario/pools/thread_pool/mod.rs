//! Thread pools.

mod body;
mod card;
mod judge;

pub(crate) use card::THREAD_POOL;
