//! What Task Lab itself costs: the CPU of its own processes. Runs on the engine's monitor thread; never waits.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::proc::{MonitorError, ProcDir};
use super::processes::percent;
use crate::model::{Monotonic, Pid};

/// CPU time comes in ticks of 10 ms; over five seconds the figure is exact to 0.2 %.
const SPAN: Duration = Duration::from_secs(5);

/// Adds up the CPU time of a few processes.
#[derive(Debug)]
pub struct OwnCost {
    proc: ProcDir,
    pids: Vec<Pid>,
    readings: VecDeque<(Monotonic, u64)>,
}

impl OwnCost {
    /// Opens /proc.
    pub fn new() -> Result<Self, MonitorError> {
        Ok(Self { proc: ProcDir::open(Path::new("/proc"))?, pids: Vec::new(), readings: VecDeque::new() })
    }

    /// CPU of these processes together over the last five seconds, in percent of one core. It starts anew from 0 when other
    /// processes are named than in the call before.
    pub fn sample(&mut self, pids: &[Pid], now: Monotonic) -> f32 {
        if self.pids != pids {
            self.pids = pids.to_vec();
            self.readings.clear();
        }
        let ticks = pids.iter().filter_map(|pid| self.proc.stat(pid.number()).map(|stat| stat.cpu_ticks)).sum();
        while self.readings.get(1).is_some_and(|(at, _)| now.since(*at) >= SPAN) {
            self.readings.pop_front();
        }
        self.readings.push_back((now, ticks));
        let (since, before) = self.readings[0];
        percent(ticks.saturating_sub(before), now.since(since)) as f32
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_of_our_own_is_seen() {
        let begin = Instant::now();
        let now = || Monotonic::from_nanos(begin.elapsed().as_nanos() as u64);
        let mut cost = OwnCost::new().expect("/proc");
        let own = [Pid::new(std::process::id() as i32)];
        assert!(cost.sample(&own, now()).abs() < f32::EPSILON);
        let mut percent = 0.0;
        while percent < 1.0 && begin.elapsed() < Duration::from_secs(30) {
            std::hint::black_box((0..1_000_000).fold(0_u64, |sum, number| sum ^ number));
            percent = cost.sample(&own, now());
        }
        assert!(percent >= 1.0, "a busy loop costs nothing?");
        assert!(cost.sample(&[Pid::new(1)], now()).abs() < f32::EPSILON, "other processes start anew");
    }
}
