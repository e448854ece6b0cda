//! The CPU time that work takes, as the kernel counts it. Any thread; never waits.

use rustix::time::{ClockId, clock_gettime};

/// The cost of a piece of work for the thread that did it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// CPU time, in seconds.
    pub(crate) cpu: f64,
}

/// Does some work, and says what it cost.
pub(crate) fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let before = clock(ClockId::ThreadCPUTime);
    let made = work();
    (made, Cost { cpu: clock(ClockId::ThreadCPUTime) - before })
}

/// CPU time of all threads of this process so far, in seconds.
pub(crate) fn process_cpu() -> f64 {
    clock(ClockId::ProcessCPUTime)
}

fn clock(id: ClockId) -> f64 {
    let time = clock_gettime(id);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn work_costs_cpu_time_and_waiting_does_not() {
        let before = process_cpu();
        let spin = || {
            let end = clock(ClockId::ThreadCPUTime) + 0.1;
            while clock(ClockId::ThreadCPUTime) < end {}
        };
        let ((), spun) = cost_of(spin);
        assert!(spun.cpu >= 0.1 && process_cpu() - before >= 0.1, "{spun:?}");
        let ((), slept) = cost_of(|| std::thread::sleep(Duration::from_millis(50)));
        assert!(slept.cpu < 0.05, "{slept:?}");
    }
}
