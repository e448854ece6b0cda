//! How full the pipe is that a process writes to: a small bar, and words for it. UI thread; reads only.

use egui::{Rect, Ui, pos2};

use crate::model::{ProcessRow, RunView};
use crate::ui::look::foreign;
use crate::ui::look::theme::palette;

/// A pipe, and how much of it waits to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The reader.
    to: String,
    bytes: u64,
    capacity: u64,
}

impl Fill {
    /// Of the pipe from a process to the next one, where Task Lab joined them.
    pub fn of(run: &RunView, process: &ProcessRow) -> Option<Self> {
        let pipe = process.pipe?;
        let to = run.processes.iter().find(|row| row.pid == pipe.to).map_or_else(|| pipe.to.to_string(), |row| row.name.clone());
        Some(Self { to, bytes: pipe.fill.bytes, capacity: pipe.fill.capacity })
    }

    fn share(&self) -> f32 {
        (self.bytes as f32 / self.capacity.max(1) as f32).clamp(0.0, 1.0)
    }

    /// Whether there is no room for another page, so that its writer waits.
    fn is_full(&self) -> bool {
        self.bytes + 4096 > self.capacity
    }

    /// `pipe to sort: 4096 of 65536 bytes`.
    pub fn words(&self) -> String {
        let full = if self.is_full() { "; full, so its writer waits" } else { "" };
        format!("pipe to {}: {} of {} bytes{full}", foreign::line(&self.to), self.bytes, self.capacity)
    }

    /// Fills a bar, from the left or, where it is higher than wide, from below.
    pub fn paint(&self, ui: &Ui, bar: Rect) {
        let colors = palette(ui);
        ui.painter().rect(bar, 1.5, colors.well, (1.0, colors.grey.strong), egui::StrokeKind::Inside);
        let inner = bar.shrink(1.0);
        let filled = if inner.height() > inner.width() {
            inner.with_min_y(inner.bottom() - inner.height() * self.share())
        } else {
            Rect::from_min_max(inner.min, pos2(inner.left() + inner.width() * self.share(), inner.bottom()))
        };
        let tone = if self.is_full() { colors.orange } else { colors.blue };
        ui.painter().rect_filled(filled, 1.0, tone.strong);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Pid, PipeFill, PipeTo};
    use crate::ui::sample;

    #[test]
    fn a_full_pipe_says_that_its_writer_waits() {
        let run = &sample::deadlock().runs[0];
        let mut sort = sample::process(4800, "sort");
        sort.pipe = Some(PipeTo { to: Pid::new(7), fill: PipeFill { bytes: 4096, capacity: 65536 } });
        assert_eq!(Fill::of(run, &sort).expect("seen").words(), "pipe to 7: 4096 of 65536 bytes");
        sort.pipe = Some(PipeTo { to: Pid::new(4711), fill: PipeFill { bytes: 65536, capacity: 65536 } });
        let fill = Fill::of(run, &sort).expect("seen");
        assert!((fill.share() - 1.0).abs() < f32::EPSILON && fill.words().contains("tasklab worker deadlock: 65536 of 65536"));
        assert!(fill.words().ends_with("so its writer waits"));
        assert_eq!(Fill::of(run, &sample::process(4801, "cat")), None);
    }
}
