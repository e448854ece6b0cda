//! Lessons on pools, queues and futures. One folder a lesson: the card, the body in Rust and in Python, the text.

pub(super) mod r#async;
pub(super) mod futures;
pub(super) mod joinable_queue;
pub(super) mod overhead;
pub(super) mod pipe;
pub(super) mod process_pool;
pub(super) mod queue;
pub(super) mod thread_pool;
