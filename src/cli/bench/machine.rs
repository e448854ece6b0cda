//! The time of a sample of many processes, and the lateness of scheduled events. Runs on the caller's thread, which sleeps.

use std::time::Duration;

use anyhow::ensure;

use super::measure::median;
use super::processes::Sleepers;
use crate::model::Monotonic;
use crate::monitor::Processes;
use crate::schedule::Schedule;
use crate::sys::{monotonic_now, own_pid};

/// Time between two scheduled events.
const INTERVAL: Duration = Duration::from_millis(2);

/// The median time of `samples` samples, in milliseconds, while so many processes sleep below this one. The first two, which meet the
/// processes for the first time, do not count.
pub(super) fn sample_millis(count: usize, samples: usize) -> anyhow::Result<f64> {
    let _sleepers = Sleepers::start(count)?;
    let mut processes = Processes::new()?;
    let own = own_pid();
    let mut millis = Vec::new();
    for _ in 0..samples + 2 {
        let start = monotonic_now();
        let found = processes.sample(own, start).len();
        millis.push(monotonic_now().since(start).as_secs_f64() * 1e3);
        ensure!(found >= count, "the sample found {found} of {count} processes");
    }
    Ok(median(millis.split_off(2)))
}

/// How late each of so many events runs, in seconds.
pub(super) fn lateness(count: u64) -> Vec<f64> {
    let mut schedule = Schedule::default();
    let mut late = Vec::new();
    let mut due = monotonic_now();
    for _ in 0..count {
        due = due + INTERVAL;
        schedule.enterabs(due, 1, due);
    }
    while let Some(next) = schedule.next_due() {
        std::thread::sleep(next.since(monotonic_now()));
        while let Some((_, due)) = schedule.pop_due(monotonic_now()) {
            late.push(seconds_since(due));
        }
    }
    late
}

fn seconds_since(due: Monotonic) -> f64 {
    monotonic_now().since(due).as_secs_f64()
}
