//! Fork and join.

mod body;
mod card;
mod judge;

pub(crate) use card::FORK;
