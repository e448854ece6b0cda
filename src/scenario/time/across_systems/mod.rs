//! Processes across systems.

mod body;

pub(crate) use body::ACROSS_SYSTEMS;
