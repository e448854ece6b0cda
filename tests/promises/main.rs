//! The promises of Task Lab, tried on real processes. tests/PROMISES.md, which `table` makes, lists the tests of each promise.
#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod app_death;
mod arguments;
mod attacks;
mod attacks_events;
mod capture;
mod endings;
mod engine;
mod events_pipe;
mod fuzz_smoke;
mod gpio_answers;
mod pid_reuse;
mod popen;
mod proc_reader;
mod pty;
mod storm;
mod supervisor;
mod table;
mod ways_out;

#[path = "../fuzz/mod.rs"]
mod fuzz;
