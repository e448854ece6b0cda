//! Lessons on time and distance. One folder a lesson: the card, the body in Rust and in Python, the text.

pub(super) mod across_systems;
pub(super) mod schedule;
