//! The rooms of the screen: what lies where, in the wide window and in the folded one. UI thread.

use egui::{Align, CentralPanel, Frame, Layout, Margin, Panel, Rect, RichText, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::actions::UiAction;
use super::app::App;
use super::card::Card;
use super::commands::UiCommand;
use super::cores::Cores;
use super::layout::{self, Pane, Tab};
use super::library::Subject;
use super::theme::{self, palette};
use super::{facts, log, widgets};
use crate::model::{Finished, Outcome, RunState, RunView, Snapshot};
use crate::scenario::Scenario;

const SIDE: f32 = 232.0;
/// Below this width the side panels are narrower.
const NARROW: f32 = 1180.0;
const GAP: f32 = 8.0;

impl App {
    /// Draws everything but what lies over it.
    pub(super) fn window_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let colors = palette(ui);
        let side = Frame::new().fill(colors.panel).inner_margin(Margin::symmetric(12, 8));
        let bar = Frame::new().fill(colors.panel).inner_margin(Margin::symmetric(14, 0));
        Panel::top("top").exact_size(44.0).frame(bar).show(ui, |ui| self.top_bar_ui(ui, snapshot));
        let centre = Frame::new().fill(colors.background).inner_margin(Margin::same(GAP as i8));
        if Self::is_folded(ui) {
            Panel::top("tabs")
                .frame(side.inner_margin(Margin::symmetric(8, 4)))
                .show(ui, |ui| layout::pane_tabs(ui, &mut self.pane));
            CentralPanel::default().frame(centre).show(ui, |ui| self.folded_ui(ui, snapshot));
            return;
        }
        // The two widths are remembered apart.
        let is_narrow = ui.available_width() < NARROW;
        let width = if is_narrow { 200.0 } else { SIDE };
        let left = Panel::left(("library", is_narrow)).default_size(width).size_range(190.0..=420.0).frame(side);
        left.show(ui, |ui| self.library_ui(ui, snapshot));
        let right = Panel::right(("actions", is_narrow)).default_size(width + 8.0).size_range(200.0..=420.0).frame(side);
        right.show(ui, |ui| self.actions_ui(ui, snapshot));
        CentralPanel::default().frame(centre).show(ui, |ui| self.centre_ui(ui, snapshot));
    }

    fn folded_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        self.banners_ui(ui, snapshot);
        match self.pane {
            Pane::Library => self.library_ui(ui, snapshot),
            Pane::Timeline => {
                self.cores_ui(ui, snapshot);
                ui.add_space(4.0);
                self.timeline_ui(ui, snapshot);
            }
            Pane::Processes => self.processes_ui(ui, snapshot),
            Pane::Details => self.details_ui(ui, snapshot),
            Pane::Header => {
                ui.columns(2, |columns| {
                    ScrollArea::vertical().id_salt("selected").show(&mut columns[0], |ui| self.selected_ui(ui, snapshot));
                    self.board_ui(&mut columns[1], snapshot);
                });
            }
            Pane::Log => self.log_ui(ui, snapshot),
        }
    }

    fn centre_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        self.cores_ui(ui, snapshot);
        ui.add_space(GAP - 2.0);
        self.banners_ui(ui, snapshot);
        let below = Frame::new().inner_margin(Margin { top: GAP as i8, ..Margin::ZERO });
        let height = ui.available_height();
        Panel::bottom("log")
            .frame(below)
            .resizable(true)
            .show_separator_line(false)
            .default_size(118.0)
            .size_range(70.0..=height * 0.4)
            .show(ui, |ui| self.log_ui(ui, snapshot));
        Panel::bottom("work")
            .frame(below)
            .resizable(true)
            .show_separator_line(false)
            .default_size(226.0)
            .size_range(110.0..=height * 0.6)
            .show(ui, |ui| {
                let area = ui.available_rect_before_wrap();
                let middle = area.left() + (area.width() - GAP) * if area.width() > 640.0 { 0.56 } else { 0.6 };
                let left = Rect::from_min_max(area.min, pos2(middle, area.bottom()));
                let right = Rect::from_min_max(pos2(middle + GAP, area.top()), area.max);
                ui.scope_builder(UiBuilder::new().max_rect(left), |ui| self.processes_ui(ui, snapshot));
                ui.scope_builder(UiBuilder::new().max_rect(right), |ui| self.details_ui(ui, snapshot));
                ui.expand_to_include_rect(area);
            });
        self.timeline_ui(ui, snapshot);
    }

    fn library_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        if Self::is_folded(ui) {
            ui.columns(2, |columns| {
                self.list_ui(&mut columns[0], snapshot, 1.0);
                self.card_ui(&mut columns[1], snapshot);
            });
            return;
        }
        self.list_ui(ui, snapshot, 0.46);
        ui.add_space(4.0);
        ui.separator();
        self.card_ui(ui, snapshot);
    }

    fn list_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot, share: f32) {
        self.views.library.ui(ui, self.catalogue, snapshot, self.subject, share, &mut self.actions);
    }

    fn card_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let subject = self.subject;
        let run = subject.run(snapshot);
        ScrollArea::vertical().id_salt("card").auto_shrink(false).show(ui, |ui| {
            if let Some(scenario) = self.scenario() {
                self.views.card.ui(ui, scenario, run);
                return;
            }
            self.views.form.ui(ui, &mut self.actions);
            if let (Subject::Programs(Some(id)), Some(run)) = (subject, run)
                && matches!(run.state, RunState::Finished(_))
                && ui.button("Forget this run").on_hover_text("Takes it out of the list.").clicked()
            {
                self.actions.push(UiAction::Forget(id));
            }
        });
    }

    fn actions_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        self.selected_ui(ui, snapshot);
        ui.add_space(2.0);
        ui.separator();
        self.board_ui(ui, snapshot);
    }

    fn selected_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let (run, scenario) = (self.subject.run(snapshot), self.scenario());
        self.views.selected.ui(ui, run, scenario, self.selection, &mut self.actions);
    }

    fn cores_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let size = vec2(ui.available_width(), Cores::height(snapshot.system.cores.len()));
        let run = self.subject.run(snapshot);
        ui.allocate_ui(size, |ui| {
            ui.set_min_size(size);
            self.views.cores.ui(ui, snapshot.sequence, &snapshot.system, run);
        });
    }

    fn timeline_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Timeline);
        let run = self.subject.run(snapshot);
        let scenario = self.scenario();
        let card = &mut self.views.card;
        let timeline = std::cell::RefCell::new(&mut self.views.timeline);
        let actions = &mut self.actions;
        widgets::pane(
            ui,
            "Timeline",
            is_focused,
            |ui| timeline.borrow_mut().head(ui, run),
            |ui| match run {
                Some(run) => timeline.borrow_mut().ui(ui, run, actions),
                None => invite(ui, scenario, card),
            },
        );
    }

    fn processes_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Processes);
        let (run, selection) = (self.subject.run(snapshot), self.selection);
        let tree = std::cell::RefCell::new(&mut self.views.tree);
        let actions = &mut self.actions;
        widgets::pane(
            ui,
            "Processes",
            is_focused,
            |ui| tree.borrow_mut().head(ui, run),
            |ui| match run {
                Some(run) => tree.borrow_mut().ui(ui, snapshot.sequence, run, selection, actions),
                None => widgets::nothing_yet(ui, "No process has begun yet."),
            },
        );
    }

    fn details_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Details);
        let (run, scenario, language) = (self.subject.run(snapshot), self.scenario(), self.language());
        widgets::pane_frame(ui, is_focused).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            layout::detail_tabs(ui, self.tab());
            ui.add_space(2.0);
            match (*self.tab(), run) {
                (Tab::Code, _) => self.views.code.ui(ui, scenario, language),
                (Tab::Output, Some(run)) => self.views.output.ui(ui, run, self.selection.map(|(pid, _)| pid)),
                (Tab::Output, None) => widgets::nothing_yet(ui, "Nothing was written yet."),
                (Tab::Facts, run) => {
                    let prediction = scenario.and_then(|scenario| self.views.card.prediction(scenario));
                    facts::ui(ui, run, scenario, prediction);
                }
            }
        });
    }

    fn log_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Log);
        let run = self.subject.run(snapshot);
        widgets::pane(ui, "What happened", is_focused, |_| {}, |ui| log::ui(ui, run.map_or(&[], |run| &run.log)));
    }

    /// What must not be overlooked: the display is paused, nothing can be launched, a run ends or has ended.
    fn banners_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
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
        match self.subject.run(snapshot).map(|run| (&run.state, run)) {
            Some((RunState::Stopping { grace_left }, _)) => {
                let text = format!("■ Asked to end. What is left in {grace_left:.1} s gets SIGKILL.");
                widgets::banner(ui, &text, colors.orange, |_| {});
            }
            Some((RunState::Finished(finished), run)) => {
                let tone = if finished.outcome == Outcome::Passed { colors.green } else { colors.vermilion };
                widgets::banner(ui, &outcome(finished, run), tone, |ui| {
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

/// What to do first, where the lanes will be.
fn invite(ui: &mut Ui, scenario: Option<&'static Scenario>, card: &mut Card) {
    let weak = palette(ui).weak;
    let (title, ask, hint) = match scenario {
        Some(scenario) => (
            scenario.title,
            scenario.prediction.ask,
            "Then press Start (Space), and watch its threads and processes here, as they are.",
        ),
        None => (
            "Run a program",
            "Any program of this machine, or several joined by pipes.",
            "Type its command on the left, then press Run it.",
        ),
    };
    ui.vertical_centered(|ui| {
        let lines = scenario.map_or(0, |scenario| scenario.prediction.choices.len()) as f32;
        ui.add_space((ui.available_height() / 2.0 - 46.0 - lines * 12.0).max(4.0));
        ui.label(theme::bold(title).size(18.0));
        ui.label(RichText::new(ask).size(14.0));
        ui.add_space(4.0);
        if let Some(scenario) = scenario {
            // As wide as its longest choice, so that the choices stand under each other in the middle.
            let longest = scenario.prediction.choices.iter().map(|choice| choice.len()).max().unwrap_or_default();
            let width = (longest as f32 * 6.5 + 30.0).min(ui.available_width());
            ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| card.choices_ui(ui, scenario));
        }
        ui.add_space(4.0);
        ui.label(RichText::new(hint).color(weak));
    });
}

/// How a run ended, in a sentence.
fn outcome(finished: &Finished, run: &RunView) -> String {
    let held = run.facts.iter().filter(|fact| fact.holds).count();
    let facts = match run.facts.len() {
        0 => String::new(),
        all => format!(" {held} of {all} facts hold."),
    };
    let word = match finished.outcome {
        Outcome::Passed => "✔ Passed",
        Outcome::Failed => "✖ Failed",
        Outcome::Stopped => "■ Stopped",
        Outcome::TimedOut => "⏳ Timed out",
    };
    let left = match finished.processes_left {
        0 => "No process is left.".to_owned(),
        1 => "1 process is left!".to_owned(),
        many => format!("{many} processes are left!"),
    };
    format!("{word} after {:.2} s.{facts} {left}", finished.elapsed_s)
}
