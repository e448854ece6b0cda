//! What Task Lab promises, tried on real processes; which test covers which promise says tests/PROMISES.md, which `table` makes.
#![allow(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod app_death;
mod arguments;
mod attacks;
mod attacks_events;
mod capture;
mod endings;
mod engine;
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
