//! Every lesson, in both languages: what it shows, what a person can do in it, and what it leaves behind.
#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod across_systems;
mod buttons;
mod catalogue;
mod demos;
mod gpiozero;
mod locks;
mod plain_threads;
mod pools;
mod processes;
mod programs;
mod threads;
