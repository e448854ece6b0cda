//! The global interpreter lock, and what Rust does without it (concepts 6, 14, 41, 42 and 43).

mod body;
mod card;
mod judge;

pub(crate) use card::GIL;
