//! The old interfaces, and what they are made of.

mod body;
mod card;

pub(crate) use card::OLD_INTERFACES;
