//! Zombies.

mod body;
mod card;

pub(crate) use card::ZOMBIE;
