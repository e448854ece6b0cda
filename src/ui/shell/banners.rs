//! Banners over the lanes, which must not be overlooked: the question, a pause, trouble, findings, the next turn, a run's end. UI thread;
//! moves nothing that lies below.

use std::collections::VecDeque;

use egui::{ScrollArea, Sense, Ui, UiBuilder, vec2};

use crate::model::{Action, Finished, Reason, RunFinding, RunState, RunView, Snapshot, Word};
use crate::scenario::RELEASE;
use crate::ui::ask::actions::UiAction;
use crate::ui::ask::commands::UiCommand;
use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::step;
use crate::ui::shell::app::App;

/// Findings that are shown at the same time; the log has them all.
const MOST_FINDINGS: usize = 3;
/// Locks of a finding that get a button.
const MOST_LOCKS: usize = 3;

/// A notice that is narrower has the buttons of a finding in its menu alone.
const NARROW: f32 = 620.0;

/// One thing that must not be overlooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    /// Nothing can be launched.
    Trouble,
    /// The display is held still.
    Paused,
    /// The task that has the next turn.
    Step,
    /// The scenario's question, or what came of it: before the run it stands where the lanes will be.
    Question,
    /// The run ends, or has ended.
    End,
    /// A deadlock and the like, by its place among the findings.
    Finding(usize),
}

impl App {
    /// The notices, the most urgent first. A question stays where it is while the run goes on: what comes later stands below it.
    fn notices(&self, run: Option<&RunView>, has_one_row: bool) -> Vec<Notice> {
        let has_question = self.scenario().is_some() && run.is_some();
        let first = [
            (Notice::Trouble, self.live.trouble.is_some()),
            (Notice::Paused, self.frozen.is_some()),
            (Notice::Step, self.is_stepping()),
            (Notice::Question, has_question),
        ];
        let mut first: VecDeque<_> = first.into_iter().filter_map(|(notice, is_there)| is_there.then_some(notice)).collect();
        let is_ending = run.is_some_and(|run| matches!(run.state, RunState::Stopping { .. } | RunState::Finished(_)));
        let count = run.map_or(0, |run| run.findings.len().min(MOST_FINDINGS));
        let later: Vec<_> = is_ending.then_some(Notice::End).into_iter().chain((0..count).map(Notice::Finding)).collect();
        let top =
            if has_one_row && first.front().is_none_or(|notice| *notice == Notice::Question) { None } else { first.pop_front() };
        top.into_iter().chain(later).chain(first).collect()
    }

    /// Draws the notices. A run has its room for them from beginning to end: no row below moves when one comes, goes or changes. Those that
    /// do not fit are scrolled to.
    pub(crate) fn notices_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot, most: usize) {
        let run = self.subject.run(snapshot);
        let most = if self.scenario().is_some() { most } else { 1 };
        let notices = self.notices(run, most == 1);
        let rows = if run.is_some() { most } else { notices.len().min(1) };
        if rows == 0 {
            return;
        }
        let (row, gap) = (widgets::notice_height(ui), 4.0);
        let size = vec2(ui.available_width(), rows as f32 * (row + gap) - gap);
        let (room, _) = ui.allocate_exact_size(size, Sense::hover());
        let mut ui = ui.new_child(UiBuilder::new().id_salt("notices").max_rect(room));
        ui.spacing_mut().item_spacing.y = gap;
        // The bar says that there is more; each notice is seen as a whole.
        ui.spacing_mut().scroll.fade.strength = 0.0;
        if let Some(run) = run {
            widgets::begin_list(&ui, "notices", run.id);
        }
        ScrollArea::vertical()
            .scroll_source(widgets::scroll_source(&ui))
            .id_salt("notices")
            .min_scrolled_height(0.0)
            .auto_shrink(false)
            .show(&mut ui, |ui| {
                for notice in notices {
                    self.notice_ui(ui, run, notice);
                }
            });
    }

    fn notice_ui(&mut self, ui: &mut Ui, run: Option<&RunView>, notice: Notice) {
        let colors = palette(ui);
        match (notice, run.map(|run| (run, &run.state))) {
            (Notice::Trouble, _) => {
                let text = self.live.trouble.as_deref().unwrap_or_default();
                widgets::notice(ui, &format!("⚠ {text}"), colors.vermilion, |_| {});
            }
            (Notice::Paused, _) => {
                widgets::notice(ui, "⏸ The display is paused. The run goes on, and nothing is lost.", colors.orange, |ui| {
                    if ui.button("Resume  P").clicked() {
                        self.actions.command(UiCommand::PauseDisplay);
                    }
                });
            }
            (Notice::Step, Some((run, _))) => step::ui(ui, run, &mut self.actions),
            (Notice::Question, Some((run, _))) => {
                if let Some(scenario) = self.scenario() {
                    self.views.predictions.strip_ui(ui, scenario, run);
                }
            }
            (Notice::Finding(index), Some((run, _))) => self.finding_ui(ui, run, &run.findings[index]),
            (Notice::End, Some((_, RunState::Stopping { grace_left }))) => {
                let text = format!("■ Asked to end. What is left in {grace_left:.1} s gets SIGKILL.");
                widgets::notice(ui, &text, colors.orange, |_| {});
            }
            (Notice::End, Some((run, RunState::Finished(finished)))) => {
                widgets::notice(ui, &outcome(finished, run), widgets::tone_of(ui, finished), |ui| {
                    if !run.facts.is_empty() && ui.button("Facts").accessible_name("Show the facts").clicked() {
                        *self.tab() = Tab::Facts;
                        self.pane = Pane::Details;
                    }
                });
            }
            _ => {}
        }
    }

    /// A deadlock and the like, with what can be done about it.
    fn finding_ui(&mut self, ui: &mut Ui, run: &RunView, finding: &RunFinding) {
        let has_release = self.scenario().is_some_and(|scenario| scenario.actions.iter().any(|action| action.name == RELEASE));
        let locks = if has_release { locks_of(run, finding) } else { Vec::new() };
        let actions = &mut self.actions;
        let mut release_ui = |ui: &mut Ui| {
            for lock in locks.iter().take(MOST_LOCKS) {
                let button = ui.button(format!("Release {}", foreign::word(lock)));
                if button.on_hover_text("Takes the lock from the one that holds it, so that the other one can go on.").clicked() {
                    actions.push(UiAction::Act(run.id, Action::own(RELEASE, format!("{} {lock}", Word::LOCK))));
                }
            }
        };
        let is_narrow = ui.available_width() < NARROW;
        widgets::notice(ui, &format!("⟳ {}", finding.text), palette(ui).vermilion, |ui| {
            let why_button = ui.button(if is_narrow { "Why? ▾" } else { "Why?" }).accessible_name("Why?");
            egui::Popup::menu(&why_button).width(340.0_f32.min(ui.ctx().content_rect().width() - 24.0)).show(|ui| {
                ui.vertical(|ui| {
                    ui.label(theme::bold(foreign::line(&finding.text)));
                    ui.label(why(finding));
                });
                if is_narrow {
                    release_ui(ui);
                }
            });
            if !is_narrow {
                release_ui(ui);
            }
        });
    }
}

/// The locks that the tasks of a finding wait for.
fn locks_of(run: &RunView, finding: &RunFinding) -> Vec<String> {
    let tasks = run.lanes.iter().filter(|lane| finding.tasks.iter().any(|task| **task == *lane.name));
    tasks.filter_map(|lane| Some(lane.words.last()?.lock()?.to_owned())).collect()
}

/// The consequence of a finding, for a person who asks why.
fn why(finding: &RunFinding) -> &'static str {
    match finding.id.as_str() {
        RunFinding::DEADLOCK => {
            "Each of them holds what the next one waits for, and none gives up what it has. Nobody outside the circle can help by \
             waiting. One of them must let go (release, a time limit), or be ended. Always taking locks in the same order rules it out."
        }
        RunFinding::ABANDONED => {
            "A lock does not open by itself when its holder ends. Whoever takes one must release it on every way out: in Python \
             with “with lock:”, in Rust by dropping the guard."
        }
        _ => "What happened says more about it.",
    }
}

/// How a run ended, in a sentence.
fn outcome(finished: &Finished, run: &RunView) -> String {
    let held = run.facts.iter().filter(|fact| fact.holds).count();
    let facts = match run.facts.len() {
        0 => String::new(),
        all => format!(" {held} of {all} facts hold."),
    };
    let after = format!("after {:.2} s", finished.elapsed_s);
    let how = match &finished.reason {
        None => format!("✔ Passed {after}"),
        Some(Reason::Ended(by)) => format!("■ Ended by {by} {after}"),
        Some(Reason::Killed { signal, by: Some(by) }) => format!("■ Killed by {signal} from {by} {after}"),
        Some(Reason::TimedOut) => format!("⏳ Ended at its time limit {after}"),
        Some(reason) => format!("✖ Failed {after}: {reason}"),
    };
    let left = match finished.processes_left {
        0 => "No process is left.".to_owned(),
        1 => "1 process is left!".to_owned(),
        many => format!("{many} processes are left!"),
    };
    format!("{how}.{facts} {left}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{By, Outcome, Signal};
    use crate::ui::sample;

    #[test]
    fn how_a_run_ended_names_the_reason() {
        let said = |outcome: Outcome, reason: Option<Reason>| {
            let run = RunView { facts: Vec::new(), ..sample::run(1, "") };
            super::outcome(&Finished { outcome, elapsed_s: 2.0, processes_left: 0, reason }, &run)
        };
        let killed = |by| Some(Reason::Killed { signal: Signal::KILL, by });
        for (text, outcome, reason) in [
            ("✔ Passed after 2.00 s", Outcome::Passed, None),
            ("■ Ended by you after 2.00 s", Outcome::Stopped, Some(Reason::Ended(By::You))),
            ("⏳ Ended at its time limit after 2.00 s", Outcome::TimedOut, Some(Reason::TimedOut)),
            ("■ Killed by SIGKILL from you after 2.00 s", Outcome::Failed, killed(Some(By::You))),
            ("✖ Failed after 2.00 s: killed by SIGKILL", Outcome::Failed, killed(None)),
            ("✖ Failed after 2.00 s: exit status 3", Outcome::Failed, Some(Reason::Exited(3))),
            (
                "✖ Failed after 2.00 s: fact lost did not hold",
                Outcome::Failed,
                Some(Reason::Facts { ids: vec!["lost".to_owned()], after: String::new() }),
            ),
        ] {
            assert_eq!(said(outcome, reason), format!("{text}. No process is left."));
        }
    }
}
