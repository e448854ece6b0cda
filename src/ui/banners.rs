//! What must not be overlooked, over the lanes: the question, a pause, trouble, findings, whose turn it is, how a run ends. UI thread.

use egui::Ui;

use super::actions::UiAction;
use super::app::App;
use super::commands::UiCommand;
use super::foreign;
use super::layout::{Pane, Tab};
use super::theme::palette;
use super::{step, widgets};
use crate::model::{Action, Finished, Reason, RunFinding, RunState, RunView, Snapshot};

/// Findings that are shown at the same time; the log has them all.
const MOST_FINDINGS: usize = 3;
/// Locks of a finding that get a button.
const MOST_LOCKS: usize = 3;

impl App {
    /// The scenario's question beside its run: before the run it stands where the lanes will be.
    pub(super) fn question_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        if let (Some(scenario), Some(run)) = (self.scenario(), self.subject.run(snapshot)) {
            self.views.predictions.strip_ui(ui, scenario, run);
        }
    }

    /// A deadlock and the like, with what can be done about it.
    fn finding_ui(&mut self, ui: &mut Ui, run: &RunView, finding: &RunFinding) {
        let has_release = self.scenario().is_some_and(|scenario| scenario.actions.iter().any(|action| action.name == "release"));
        let locks = if has_release { locks_of(run, finding) } else { Vec::new() };
        let actions = &mut self.actions;
        widgets::banner(ui, &format!("⟳ {}", finding.text), palette(ui).vermilion, |ui| {
            let why_button = ui.button("Why?");
            egui::Popup::menu(&why_button).width(340.0).show(|ui| ui.label(why(finding)));
            for lock in locks.iter().take(MOST_LOCKS) {
                let button = ui.button(format!("Release {}", foreign::word(lock)));
                if button.on_hover_text("Takes the lock from the one that holds it, so that the other one can go on.").clicked() {
                    actions.push(UiAction::Act(run.id, Action::Scenario("release".to_owned()), (*lock).to_owned()));
                }
            }
        });
    }

    /// What else must not be overlooked: the display is paused, nothing can be launched, a run ends or has ended.
    pub(super) fn banners_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let colors = palette(ui);
        if self.frozen.is_some() {
            widgets::banner(ui, "⏸ The display is paused. The run goes on, and nothing is lost.", colors.orange, |ui| {
                if ui.button("Resume  P").clicked() {
                    self.actions.command(UiCommand::PauseDisplay);
                }
            });
        }
        if let Some(trouble) = &self.live.trouble {
            widgets::banner(ui, &format!("⚠ {trouble}"), colors.vermilion, |_| {});
        }
        if let Some(run) = self.subject.run(snapshot) {
            for finding in run.findings.iter().take(MOST_FINDINGS) {
                self.finding_ui(ui, run, finding);
            }
            if self.is_stepping() {
                step::ui(ui, run, &mut self.actions);
            }
        }
        match self.subject.run(snapshot).map(|run| (&run.state, run)) {
            Some((RunState::Stopping { grace_left }, _)) => {
                let text = format!("■ Asked to end. What is left in {grace_left:.1} s gets SIGKILL.");
                widgets::banner(ui, &text, colors.orange, |_| {});
            }
            Some((RunState::Finished(finished), run)) => {
                widgets::banner(ui, &outcome(finished, run), widgets::tone_of(ui, finished), |ui| {
                    if !run.facts.is_empty() && ui.button("Facts").accessible_name("Show the facts").clicked() {
                        *self.tab() = Tab::Facts;
                        self.pane = Pane::Details;
                    }
                });
            }
            _ => {}
        }
    }
}

/// The locks that the tasks of a finding wait for.
fn locks_of<'a>(run: &'a RunView, finding: &RunFinding) -> Vec<&'a str> {
    let tasks = run.lanes.iter().filter(|lane| finding.tasks.contains(&lane.name));
    tasks.filter_map(|lane| lane.segments.last()?.note.strip_prefix("lock ")).collect()
}

/// What follows from a finding, for the one who asks why.
fn why(finding: &RunFinding) -> &'static str {
    match finding.id.as_str() {
        "deadlock" => {
            "Each of them holds what the next one waits for, and none gives up what it has. Nobody outside the circle can help by \
             waiting. One of them must let go (release, a time limit), or be ended. Always taking locks in the same order rules it out."
        }
        "abandoned" => {
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
