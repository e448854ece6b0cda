//! The machine's last minute as the views get it, and what changed on the header between two reports.

use crate::model::{BoardView, MachineSample, Monotonic, PinFunction, SystemView};
use crate::monitor::History;

/// Points of one plot: more than its pixels would not show.
const MOST_POINTS: usize = 240;

/// The last minute, sampled once a second.
#[derive(Debug, Default)]
pub(super) struct MachineLog {
    cores: Vec<History>,
    memory: History,
    view: SystemView,
}

impl MachineLog {
    pub(super) fn push(&mut self, at: Monotonic, sample: MachineSample, own_cpu: f32) {
        self.cores.resize_with(sample.percent.len(), History::default);
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
        };
    }

    pub(super) fn view(&self) -> SystemView {
        self.view.clone()
    }
}

/// Lines whose level differs: (line, new level, who drives it now or drove it before).
pub(super) fn edges(before: &BoardView, after: &BoardView) -> Vec<(u8, u8, Option<String>)> {
    let changed = before.pins.iter().zip(&after.pins).filter(|(before, after)| before.level != after.level);
    changed
        .filter_map(|(before, after)| match (after.function, after.level) {
            (PinFunction::Input(line) | PinFunction::Output(line), Some(level)) => {
                Some((line, u8::from(level), after.owner.clone().or_else(|| before.owner.clone())))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PinView;

    #[test]
    fn only_lines_that_change_are_edges() {
        let pin = |function, level, owner: Option<&str>| PinView { function, level, owner: owner.map(str::to_owned) };
        let board = |pins| BoardView { pins, ..BoardView::default() };
        let before = board(vec![
            pin(PinFunction::Ground, None, None),
            pin(PinFunction::Input(17), Some(false), None),
            pin(PinFunction::Output(22), Some(true), Some("lock")),
            pin(PinFunction::Output(23), Some(true), Some("lock")),
        ]);
        let after = board(vec![
            pin(PinFunction::Ground, None, None),
            pin(PinFunction::Output(17), Some(true), Some("you")),
            pin(PinFunction::Input(22), Some(false), None),
            pin(PinFunction::Output(23), Some(true), Some("lock")),
        ]);
        assert_eq!(edges(&before, &after), vec![(17, 1, Some("you".to_owned())), (22, 0, Some("lock".to_owned()))]);
        assert!(edges(&BoardView::default(), &after).is_empty(), "the first report is no edge");
    }
}
