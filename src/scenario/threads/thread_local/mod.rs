//! Thread-local data.

mod body;
mod card;

pub(crate) use card::THREAD_LOCAL;
