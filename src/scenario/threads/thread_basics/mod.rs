//! Threads.

mod body;
mod crash_test;

pub(crate) use body::THREAD_BASICS;
