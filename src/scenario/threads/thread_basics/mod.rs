//! Threads.

mod body;
mod card;
mod crash_test;

pub(crate) use card::THREAD_BASICS;
