//! Fork and join.

mod body;
mod card;

pub(crate) use card::FORK;
