//! Thread pools.

mod body;
mod card;

pub(crate) use card::THREAD_POOL;
