//! Lessons on threads. One folder a lesson: the card, the body in Rust and in Python, the text.

pub(super) mod barrier;
pub(super) mod blink;
pub(super) mod chaos;
pub(super) mod condition;
pub(super) mod deadlock;
pub(super) mod event;
pub(super) mod garbled_print;
pub(super) mod gil;
pub(super) mod lock;
pub(super) mod race;
pub(super) mod semaphore;
pub(super) mod thread_basics;
pub(super) mod thread_local;
pub(super) mod timer;
