//! The cost of Task Lab itself: the CPU of its own processes. Runs on the engine's monitor thread; never waits.

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
    readings: VecDeque<(Monotonic, Vec<u64>)>,
    percent: f32,
}

impl OwnCost {
    /// Opens /proc.
    pub fn new() -> Result<Self, MonitorError> {
        Self::over(Path::new("/proc"))
    }

    fn over(proc: &Path) -> Result<Self, MonitorError> {
        Ok(Self { proc: ProcDir::open(proc)?, pids: Vec::new(), readings: VecDeque::new(), percent: 0.0 })
    }

    /// CPU of these processes together over the last five seconds, in percent of one core. It starts anew from 0 when other
    /// processes are named than in the call before. Where one cannot be read, or a counter went back, the last figure stands.
    pub fn sample(&mut self, pids: &[Pid], now: Monotonic) -> f32 {
        if self.pids != pids {
            self.pids = pids.to_vec();
            self.readings.clear();
            self.percent = 0.0;
        }
        let ticks = pids.iter().map(|pid| self.proc.stat(*pid).map(|stat| stat.cpu_ticks));
        let Some(ticks) = ticks.collect::<Option<Vec<u64>>>() else { return self.percent };
        let went_back = |before: &[u64]| ticks.iter().zip(before).any(|(now, before)| now < before);
        if self.readings.back().is_some_and(|(_, before)| went_back(before)) {
            self.readings.clear();
        }
        while self.readings.get(1).is_some_and(|(at, _)| now.since(*at) >= SPAN) {
            self.readings.pop_front();
        }
        let sum = ticks.iter().sum::<u64>();
        self.readings.push_back((now, ticks));
        let (since, before) = &self.readings[0];
        if now > *since {
            self.percent = percent(sum - before.iter().sum::<u64>(), now.since(*since)) as f32;
        }
        self.percent
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::sys::own_pid;

    #[test]
    fn work_of_our_own_is_seen() {
        let begin = Instant::now();
        let now = || Monotonic::from_nanos(begin.elapsed().as_nanos() as u64);
        let mut cost = OwnCost::new().expect("/proc");
        let own = [own_pid()];
        assert!(cost.sample(&own, now()).abs() < f32::EPSILON);
        let mut percent = 0.0;
        while percent < 1.0 && begin.elapsed() < Duration::from_secs(30) {
            std::hint::black_box((0..1_000_000).fold(0_u64, |sum, number| sum ^ number));
            percent = cost.sample(&own, now());
        }
        assert!(percent >= 1.0, "a busy loop costs nothing?");
        assert!(cost.sample(&[Pid::new(1)], now()).abs() < f32::EPSILON, "other processes start anew");
    }

    #[test]
    fn a_counter_that_went_back_and_a_process_that_cannot_be_read_tell_nothing() {
        let proc = tempfile::tempdir().expect("a folder");
        let put = |pid: u32, ticks: u64| {
            let line =
                format!("{pid} (x) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 1 0 5 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0\n");
            std::fs::create_dir_all(proc.path().join(pid.to_string())).expect("a folder");
            std::fs::write(proc.path().join(format!("{pid}/stat")), line).expect("a file");
        };
        let mut cost = OwnCost::over(proc.path()).expect("opens");
        let pids = [Pid::new(7), Pid::new(8)];
        let per_second = rustix::param::clock_ticks_per_second();
        let mut at = |second: u64, first: Option<u64>, other: u64| {
            match first {
                Some(ticks) => put(7, ticks),
                None => std::fs::remove_file(proc.path().join("7/stat")).expect("there"),
            }
            put(8, other);
            cost.sample(&pids, Monotonic::from_secs(second as f64)).round() as u64
        };
        assert_eq!(at(0, Some(10 * per_second), 0), 0);
        assert_eq!(at(1, Some(11 * per_second), 0), 100);
        assert_eq!(at(2, None, 0), 100, "not read");
        assert_eq!(at(4, Some(12 * per_second), 0), 50, "no work was lost or made up");
        assert_eq!(at(5, Some(per_second), 5 * per_second), 50, "one went back");
        assert_eq!(at(6, Some(2 * per_second), 5 * per_second), 100, "measured afresh");
    }
}
