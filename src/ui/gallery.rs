//! Each view alone, under a name, for benchmarks. UI thread; the window itself does not use it.

use egui::{Context, Ui};

use crate::model::{RunView, Snapshot};
use crate::ui::ask::actions::Actions;
use crate::ui::look::theme::{self, DesktopFonts, ThemeChoice};
use crate::ui::panes::cores::Cores;
use crate::ui::panes::header::board;
use crate::ui::panes::output::Output;
use crate::ui::panes::selected::Selected;
use crate::ui::panes::table::tree::Tree;
use crate::ui::panes::time::timeline::Timeline;
use crate::ui::panes::typing::Typing;
use crate::ui::panes::{facts, log};

/// The views with what they hold from frame to frame.
#[derive(Default)]
pub struct Gallery {
    timeline: Timeline,
    tree: Tree,
    output: Output,
    selected: Selected,
    typing: Typing,
    actions: Actions,
}

impl Gallery {
    /// The names of the views.
    pub const VIEWS: [&str; 8] = ["cores", "timeline", "processes", "output", "facts", "log", "selected", "header"];

    /// Gives a context the window's fonts and colours.
    pub fn prepare(ctx: &Context) {
        DesktopFonts::default().install(ctx);
        theme::apply(ctx, ThemeChoice::default(), false);
    }

    /// Has the timeline look at a part of the run, in seconds.
    pub fn look_at(&mut self, from: f64, to: f64) {
        self.timeline.look_at(from, to);
    }

    /// Draws the view of that name; other names draw nothing.
    pub fn draw(&mut self, ui: &mut Ui, view: &str, snapshot: &Snapshot) {
        let empty = super::sample::run(1, "");
        let run: &RunView = snapshot.runs.last().map_or(&empty, |run| run);
        let selection = run.processes.last().map(|process| (process.pid, None));
        match view {
            "cores" => Cores::of(&snapshot.system, None).ui(ui),
            "timeline" => self.timeline.ui(ui, run, selection, false, &mut self.actions),
            "processes" => self.tree.ui(ui, snapshot.sequence, run, selection, &mut self.actions),
            "output" => self.output.ui(ui, run, None),
            "facts" => facts::ui(ui, Some(run), None, None),
            "log" => log::ui(ui, &run.log),
            "selected" => self.selected.ui(ui, Some(run), selection, &mut self.typing, &mut self.actions),
            "header" => board::ui(ui, &snapshot.board, Some(run.id), &mut self.actions),
            _ => {}
        }
        drop(self.actions.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{sample, testing};

    #[test]
    fn every_view_draws_any_number_of_rows() {
        for view in Gallery::VIEWS {
            for rows in [0, 1, 10, 10_000] {
                let snapshot = sample::snapshot(rows);
                let mut harness =
                    testing::view(820.0, 480.0, Gallery::default(), move |ui, gallery| gallery.draw(ui, view, &snapshot));
                harness.run_steps(2);
            }
        }
    }
}
