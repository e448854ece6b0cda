//! Zombies.

mod body;

pub(crate) use body::ZOMBIE;
