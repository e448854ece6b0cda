//! Lessons on programs. One folder a lesson: the card, the body in Rust and in Python, the text.

pub(super) mod communicate;
pub(super) mod pipeline;
pub(super) mod popen;
pub(super) mod signals;
pub(super) mod subprocess_run;
