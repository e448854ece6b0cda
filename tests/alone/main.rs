//! Tests that would disturb others in the same program, or be disturbed by them: one test at a time.
//!
//! The kernel counts all processes of a user together (`limits`, `exhaustion`, `stubborn`), an engine that has lost its supervisor ends
//! everything below its own process (`supervisor_loss`), a whole program's memory is measured (`flood`), nothing may be left below it
//! (`edges`), what strace slows down keeps time limits (`fault_injection`), and what is measured is measured alone (`switches`, `lanes`,
//! `numbers`, `wakers`).
#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod edges;
mod exhaustion;
mod fault_injection;
mod flood;
mod lanes;
mod limits;
mod numbers;
mod stubborn;
mod supervisor_loss;
mod switches;
mod wakers;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every test here begins with this. One that has failed lets the next one in.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // An engine makes this process a subreaper: the orphans of earlier tests have become its children, and nobody has waited on them.
    while matches!(rustix::process::wait(rustix::process::WaitOptions::NOHANG), Ok(Some(_))) {}
    alone
}
