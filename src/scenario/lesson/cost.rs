//! The CPU time that work takes, as the kernel counts it. Any thread; never waits.

use rustix::time::{ClockId, clock_gettime};

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
    use super::*;

    #[test]
    fn work_costs_cpu_time() {
        let before = process_cpu();
        let spin = || {
            let end = clock(ClockId::ThreadCPUTime) + 0.1;
            while clock(ClockId::ThreadCPUTime) < end {}
        };
        spin();
        assert!(process_cpu() - before >= 0.1);
    }
}
