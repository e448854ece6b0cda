//! Lessons on processes. One folder a lesson: the card, the body in Rust and in Python, the text.

pub(super) mod exec;
pub(super) mod fork;
pub(super) mod old_interfaces;
pub(super) mod orphan;
pub(super) mod process_basics;
pub(super) mod process_group;
pub(super) mod shared_memory;
pub(super) mod start_methods;
pub(super) mod wait;
pub(super) mod zombie;
