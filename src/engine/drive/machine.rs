//! The load of the machine in the last minute, for the views.

use crate::model::{MachineSample, Monotonic, SystemView};
use crate::monitor::History;

/// Points of one plot; it has no more pixels.
const MOST_POINTS: usize = 240;

/// The last minute, sampled once a second.
#[derive(Debug, Default)]
pub(crate) struct MachineLog {
    cores: Vec<History>,
    memory: History,
    view: SystemView,
}

impl MachineLog {
    pub(crate) fn push(&mut self, at: Monotonic, sample: MachineSample, own_cpu: f32) {
        // A sample without a known load leaves the last minute as it was.
        if !sample.percent.is_empty() {
            self.cores.resize_with(sample.percent.len(), History::default);
        }
        for (history, percent) in self.cores.iter_mut().zip(&sample.percent) {
            history.push(at, *percent);
        }
        if sample.memory_total > 0 {
            self.memory.push(at, (sample.memory_used as f64 * 100.0 / sample.memory_total as f64) as f32);
        }
        self.view = SystemView {
            cores: self.cores.iter().map(|history| history.points(MOST_POINTS)).collect(),
            latest: sample,
            memory: self.memory.points(MOST_POINTS),
            own_cpu,
            scheduler: None,
        };
    }

    pub(crate) fn view(&self) -> SystemView {
        self.view.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_without_a_known_load_is_a_gap_and_no_zero() {
        let mut log = MachineLog::default();
        let sample = |percent: &[f32]| MachineSample { percent: percent.to_vec(), ..MachineSample::default() };
        log.push(Monotonic::from_secs(1.0), sample(&[10.0, 20.0]), 0.0);
        log.push(Monotonic::from_secs(2.0), sample(&[]), 0.0);
        log.push(Monotonic::from_secs(3.0), sample(&[30.0, 40.0]), 0.0);
        let points: Vec<_> = log.view().cores.iter().map(|core| core.points.to_vec()).collect();
        assert_eq!(points, [[[-2.0, 10.0], [0.0, 30.0]], [[-2.0, 20.0], [0.0, 40.0]]]);
    }
}
