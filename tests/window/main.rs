//! The real window, on X servers of its own: what a person does with it, what it waits for, and every way out of it.
#![cfg(feature = "gui")]
#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod clicks;
mod freeze;
mod ways_out;
