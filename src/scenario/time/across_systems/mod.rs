//! Processes across systems.

mod body;
mod card;

pub(crate) use card::ACROSS_SYSTEMS;
