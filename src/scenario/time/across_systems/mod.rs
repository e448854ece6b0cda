//! Processes across systems.

mod body;
mod card;
mod judge;

pub(crate) use card::ACROSS_SYSTEMS;
