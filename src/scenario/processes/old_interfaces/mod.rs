//! The old interfaces, and what they are made of.

mod body;
mod card;
mod judge;

pub(crate) use card::OLD_INTERFACES;
