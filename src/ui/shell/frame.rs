//! The rooms of the screen: what lies where, in the wide window and in the folded one. UI thread.

use egui::{Align, CentralPanel, Frame, Layout, Margin, Panel, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2};

use crate::model::{RunState, Snapshot};
use crate::scenario::Scenario;
use crate::ui::ask::actions::UiAction;
use crate::ui::ask::commands::UiCommand;
use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::ask::selection::Subject;
use crate::ui::look::surface;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::card::Card;
use crate::ui::panes::cores::Cores;
use crate::ui::panes::prediction::Predictions;
use crate::ui::panes::{compare, facts, log};
use crate::ui::shell::app::{App, Views};
use crate::ui::shell::layout;
use crate::ui::shell::top_bar;

const SIDE: f32 = 232.0;
/// Below this width the side panels are narrower.
const NARROW: f32 = 1180.0;
const GAP: f32 = 8.0;
/// Height of the header's pins below their heading, in points.
const PINS: f32 = 200.0;
/// Width that the centre keeps, however far the side panels are pulled.
const CENTRE: f32 = 580.0;

/// The least height of the parts of the centre, with their headings: however far a split is pulled, nothing of a heading is covered.
#[derive(Debug, Clone, Copy)]
struct Least {
    lanes: f32,
    work: f32,
    log: f32,
}

impl App {
    /// Draws everything but what lies over it.
    pub(crate) fn window_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let panel = palette(ui).panel;
        let side = Frame::new().inner_margin(Margin::symmetric(12, 8));
        let bar = Frame::new().inner_margin(Margin::symmetric(14, 0));
        // In the lowest windows every point is a row's.
        let is_low = ui.available_height() < 340.0;
        let height = if is_low { 40.0 } else { 44.0 };
        let show = |ui: &mut Ui, shown: Panel, body: &mut dyn FnMut(&mut Ui)| {
            surface::under(ui, 0, panel, |ui| (shown.show(ui, |ui| body(ui)).response, ()));
        };
        show(ui, Panel::top("top").exact_size(height).frame(bar), &mut |ui| self.top_bar_ui(ui, snapshot));
        // Its surface is there before anything is drawn.
        let centre = Frame::new().inner_margin(Margin::same(if is_low { 4 } else { GAP as i8 }));
        if self.is_folded(ui) || self.is_projector() {
            let tabs = Panel::top("tabs").frame(side.inner_margin(Margin::symmetric(8, if is_low { 2 } else { 4 })));
            show(ui, tabs, &mut |ui| layout::pane_tabs(ui, &mut self.pane));
            CentralPanel::default().frame(centre).show(ui, |ui| self.folded_ui(ui, snapshot));
            return;
        }
        // The two widths are remembered apart.
        let is_narrow = ui.available_width() < NARROW;
        let width = if is_narrow { 200.0 } else { SIDE };
        let most = ((ui.available_width() - CENTRE) / 2.0).clamp(200.0, 420.0);
        let left = Panel::left(("library", is_narrow)).default_size(width).size_range(190.0..=most).frame(side);
        show(ui, left, &mut |ui| self.library_ui(ui, snapshot));
        let right = Panel::right(("actions", is_narrow)).default_size(width + 8.0).size_range(200.0..=most).frame(side);
        show(ui, right, &mut |ui| self.actions_ui(ui, snapshot));
        CentralPanel::default().frame(centre).show(ui, |ui| self.centre_ui(ui, snapshot));
    }

    fn folded_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_timeline = self.pane == Pane::Timeline;
        self.notices_ui(ui, snapshot, if is_timeline && ui.available_height() > 300.0 { 2 } else { 1 });
        match self.pane {
            Pane::Library => self.library_ui(ui, snapshot),
            Pane::Timeline if self.is_projector() => self.projector_ui(ui, snapshot),
            Pane::Timeline => {
                // On a display as low as 480 points the cores make way for what a run has to say.
                let room = (ui.available_height() > 360.0).then(|| {
                    let room = cores_room(ui, snapshot, Cores::LOW);
                    ui.add_space(2.0);
                    room
                });
                self.pane_ui(ui, snapshot, Pane::Timeline);
                if let Some(room) = room {
                    self.cores_ui(ui, snapshot, room);
                }
            }
            Pane::Header => {
                ui.columns(2, |columns| {
                    let scrolled =
                        |ui: &Ui, id: &str| ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt(id);
                    scrolled(&columns[0], "selected").auto_shrink(false).show(&mut columns[0], |ui| {
                        self.own_actions_ui(ui, snapshot);
                        self.selected_ui(ui, snapshot);
                    });
                    if columns[1].available_height() > PINS {
                        self.pane_ui(&mut columns[1], snapshot, Pane::Header);
                        return;
                    }
                    scrolled(&columns[1], "pins").auto_shrink(false).show(&mut columns[1], |ui| self.header_ui(ui, snapshot));
                });
            }
            pane => self.pane_ui(ui, snapshot, pane),
        }
    }

    /// The view for a whole room: one plot with all cores, the lanes, and the log in words. Where the height is not enough for
    /// all of them, the plot goes first, then the words: both have their own tabs.
    fn projector_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let height = ui.available_height();
        let least = self.least(ui);
        let mut rest = height - least.lanes - GAP;
        let plot = (height * 0.2).max(60.0);
        let room = (rest >= plot + least.log).then(|| {
            rest -= plot;
            let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), plot), Sense::hover());
            ui.add_space(4.0);
            room
        });
        if rest >= least.log {
            let below = Frame::new().inner_margin(Margin { top: 4, ..Margin::ZERO });
            Panel::bottom("projected log")
                .frame(below)
                .show_separator_line(false)
                .exact_size((height * 0.3).clamp(least.log, rest))
                .show(ui, |ui| self.pane_ui(ui, snapshot, Pane::Log));
        }
        self.pane_ui(ui, snapshot, Pane::Timeline);
        if let Some(room) = room {
            self.cores_ui(ui, snapshot, room);
        }
    }

    fn least(&self, ui: &Ui) -> Least {
        let (lanes, work, log) = if theme::is_touch(ui) { (124.0, 156.0, 92.0) } else { (112.0, 130.0, 70.0) };
        Least {
            lanes: lanes + self.card_height(ui, &[Pane::Timeline]),
            work: work + self.card_height(ui, &[Pane::Processes, Pane::Details]),
            log: log + self.card_height(ui, &[Pane::Log]),
        }
    }

    /// The area that a card of the first use takes of panes beside each other: it must not cover its subject.
    fn card_height(&self, ui: &Ui, panes: &[Pane]) -> f32 {
        match (panes.iter().any(|pane| self.is_new(*pane)), theme::is_touch(ui)) {
            (false, _) => 0.0,
            (true, false) => 42.0,
            (true, true) => 54.0,
        }
    }

    fn centre_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_high = ui.available_height() > 850.0;
        let one_row = match ui.available_height() {
            height if height > 850.0 => Cores::HIGH,
            height if height > 680.0 => Cores::MIDDLE,
            _ => Cores::LOW,
        };
        let room = cores_room(ui, snapshot, one_row);
        ui.add_space(GAP - 2.0);
        self.notices_ui(ui, snapshot, 2);
        let below = Frame::new().inner_margin(Margin { top: GAP as i8, ..Margin::ZERO });
        let height = ui.available_height();
        let class = size_class(ui);
        let Least { lanes, work, log } = self.least(ui);
        let (log_card, work_card) = (self.card_height(ui, &[Pane::Log]), self.card_height(ui, &[Pane::Processes, Pane::Details]));
        Panel::bottom(("log", class, log_card > 0.0))
            .frame(below)
            .resizable(true)
            .show_separator_line(false)
            .default_size((height * if is_high { 0.2 } else { 0.15 }).max(88.0) + log_card)
            .size_range(log..=(height - lanes - work).min(height * 0.5).max(log))
            .show(ui, |ui| self.pane_ui(ui, snapshot, Pane::Log));
        let rest = ui.available_height();
        Panel::bottom(("work", class, work_card > 0.0))
            .frame(below)
            .resizable(true)
            .show_separator_line(false)
            .default_size((height * if is_high { 0.36 } else { 0.31 }).max(180.0) + work_card)
            .size_range(work..=(rest - lanes).max(work))
            .show(ui, |ui| {
                let area = ui.available_rect_before_wrap();
                let middle = area.left() + (area.width() - GAP) * if area.width() > 640.0 { 0.56 } else { 0.6 };
                let left = Rect::from_min_max(area.min, pos2(middle, area.bottom()));
                let right = Rect::from_min_max(pos2(middle + GAP, area.top()), area.max);
                ui.scope_builder(UiBuilder::new().max_rect(left), |ui| self.pane_ui(ui, snapshot, Pane::Processes));
                ui.scope_builder(UiBuilder::new().max_rect(right), |ui| self.pane_ui(ui, snapshot, Pane::Details));
                ui.expand_to_include_rect(area);
            });
        self.pane_ui(ui, snapshot, Pane::Timeline);
        self.cores_ui(ui, snapshot, room);
    }

    fn library_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        if self.is_folded(ui) || self.is_projector() {
            ui.columns(2, |columns| {
                self.list_ui(&mut columns[0], snapshot);
                self.pane_ui(&mut columns[1], snapshot, Pane::Library);
            });
            return;
        }
        // The card has its place, however long the list is. The line between them can be dragged.
        let height = ui.available_height();
        let above = Frame::new().inner_margin(Margin { top: 4, ..Margin::ZERO });
        Panel::bottom(("card", size_class(ui)))
            .frame(above)
            .resizable(true)
            .default_size((height * 0.52).min(430.0))
            .size_range(140.0..=(height - 150.0).max(140.0))
            .show(ui, |ui| self.pane_ui(ui, snapshot, Pane::Library));
        self.list_ui(ui, snapshot);
    }

    fn list_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        self.views.library.ui(ui, self.catalogue, snapshot, self.subject, &mut self.actions);
    }

    fn card_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        self.first_use_ui(ui, Pane::Library);
        let subject = self.subject;
        ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("card").auto_shrink(false).show(ui, |ui| {
            if let Some(scenario) = self.scenario() {
                self.views.card.ui(ui, scenario);
                let chosen = (&self.views.card.params(scenario), self.language());
                let comparison = snapshot.comparison.as_deref();
                self.views.compare.chooser(ui, scenario, chosen, comparison, &mut self.actions);
                Card::foot_ui(ui, scenario);
                return;
            }
            self.views.form.ui(ui, &mut self.actions);
            if let (Subject::Programs(Some(id)), Some(run)) = (subject, subject.run(snapshot))
                && matches!(run.state, RunState::Finished(_))
                && ui.button("Forget this run").on_hover_text("Takes it out of the list.").clicked()
            {
                self.actions.push(UiAction::Forget(id));
            }
        });
    }

    fn actions_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        self.first_use_ui(ui, Pane::Header);
        // The pins keep their room: what can be done is scrolled where the window is low.
        let most = (ui.available_height() - PINS).max(ui.available_height() / 2.0);
        ScrollArea::vertical()
            .scroll_source(widgets::scroll_source(ui))
            .id_salt("selected")
            .max_height(most)
            .min_scrolled_height(0.0)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                self.own_actions_ui(ui, snapshot);
                self.selected_ui(ui, snapshot);
            });
        ui.add_space(2.0);
        ui.separator();
        self.pane_ui(ui, snapshot, Pane::Header);
    }

    /// The header, open while the run holds a pin of it or somebody wants to see it. Else its place shows what was measured.
    fn header_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let run = self.subject.run(snapshot);
        let holds = snapshot.board.pins.iter().any(|pin| pin.owner.is_some());
        let is_used = run.is_some_and(|run| !run.lines.is_empty() || (holds && top_bar::is_active(run)));
        let is_open = self.views.header_is_open.unwrap_or(is_used);
        let board = &snapshot.board;
        let (text, backend) = match (is_open, is_used) {
            (true, _) if board.name.is_empty() => ("▾ 40-pin header".to_owned(), ""),
            (true, _) => (format!("▾ GPIO · {}", board.name), board.backend.as_str()),
            (false, true) => ("▸ 40-pin header".to_owned(), ""),
            (false, false) => ("▸ 40-pin header: no pin in use".to_owned(), ""),
        };
        let weak = palette(ui).weak;
        let size = vec2(ui.available_width(), 18.0_f32.max(if theme::is_touch(ui) { ui.spacing().interact_size.y } else { 0.0 }));
        let button = egui::Button::new(theme::bold(text).size(10.5).color(weak)).frame(false).truncate().min_size(size);
        let button = ui
            .add(button.right_text(RichText::new(backend).size(10.5).color(weak)))
            .accessible_name("40-pin header")
            .on_hover_text("Opens or closes the board's pins.");
        if button.clicked() {
            self.views.header_is_open = Some(!is_open);
        }
        if is_open {
            self.board_ui(ui, snapshot);
        } else if let Some(run) = run {
            ui.separator();
            ui.label(theme::caption(ui, "Facts of this run"));
            facts::brief_ui(ui, run);
        }
    }

    fn own_actions_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let (run, scenario) = (self.subject.run(snapshot), self.scenario());
        self.views.own_actions.ui(ui, run, scenario, &mut self.actions);
        if let Some(run) = run.filter(|run| run.scenario.is_empty()) {
            self.views.things.ui(ui, run, &mut self.actions);
        }
    }

    fn selected_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let Views { selected, typing, .. } = &mut self.views;
        selected.ui(ui, self.subject.run(snapshot), self.selection, typing, &mut self.actions);
    }

    /// Draws the cores' load in the room that was left for it, once the lanes are drawn: it shows their time.
    fn cores_ui(&self, ui: &mut Ui, snapshot: &Snapshot, room: Rect) {
        let lanes = self.subject.run(snapshot).and_then(|run| Some((self.views.timeline.axis()?, run.began)));
        let scope = UiBuilder::new().scope_id(egui::Id::unique("cores"));
        let (cores, mut inner) = (Cores::of(&snapshot.system, lanes), ui.new_child(scope.max_rect(room)));
        if self.is_projector() {
            cores.together(&mut inner);
        } else {
            cores.ui(&mut inner);
        }
    }

    /// Draws a pane of the centre. It keeps its own state, such as its scroll position, in every layout.
    fn pane_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot, pane: Pane) {
        let draw = match pane {
            Pane::Timeline => Self::timeline_ui,
            Pane::Processes => Self::processes_ui,
            Pane::Details => Self::details_ui,
            Pane::Log => Self::log_ui,
            Pane::Library => Self::card_ui,
            Pane::Header => Self::header_ui,
        };
        // It has this room and no more: what does not fit must not lie over its neighbours.
        let room = ui.available_rect_before_wrap();
        let scope = UiBuilder::new().scope_id(egui::Id::unique(("pane", pane.title())));
        let mut inner = ui.new_child(scope.max_rect(room));
        inner.shrink_clip_rect(room);
        draw(self, &mut inner, snapshot);
        ui.allocate_rect(room, Sense::hover());
    }

    fn timeline_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Timeline);
        let run = self.subject.run(snapshot);
        let (scenario, selection, is_new) = (self.scenario(), self.selection, self.is_new(Pane::Timeline));
        let predictions = &mut self.views.predictions;
        let note = &mut self.views.scheduler;
        let why_not = snapshot.system.scheduler.as_deref();
        let timeline = std::cell::RefCell::new(&mut self.views.timeline);
        let actions = &mut self.actions;
        let is_dismissed = widgets::pane(
            ui,
            "Timeline",
            is_focused,
            |ui| timeline.borrow_mut().head(ui, run),
            |ui| {
                let is_dismissed = is_new && widgets::first_use(ui, Pane::Timeline.title(), Pane::Timeline.first_use());
                match run {
                    Some(run) => {
                        note.ui(ui, why_not);
                        timeline.borrow_mut().know_cores(snapshot.system.core_count());
                        timeline.borrow_mut().ui(ui, run, selection, is_focused, actions);
                    }
                    None => invite(ui, scenario, predictions),
                }
                is_dismissed
            },
        );
        self.dismiss(Pane::Timeline, is_dismissed);
    }

    fn processes_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Processes);
        let (run, selection, is_new) = (self.subject.run(snapshot), self.selection, self.is_new(Pane::Processes));
        let tree = std::cell::RefCell::new(&mut self.views.tree);
        let actions = &mut self.actions;
        let is_dismissed = widgets::pane(
            ui,
            "Processes",
            is_focused,
            |ui| tree.borrow_mut().head(ui, run),
            |ui| {
                let is_dismissed = is_new && widgets::first_use(ui, Pane::Processes.title(), Pane::Processes.first_use());
                match run {
                    Some(run) => tree.borrow_mut().ui(ui, snapshot.sequence, run, selection, actions),
                    None => widgets::nothing_yet(ui, "No process has begun yet."),
                }
                is_dismissed
            },
        );
        self.dismiss(Pane::Processes, is_dismissed);
    }

    fn details_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Details);
        let (run, scenario, language) = (self.subject.run(snapshot), self.scenario(), self.language());
        widgets::on_pane(ui, is_focused, |ui| {
            ui.set_min_size(ui.available_size());
            layout::detail_tabs(ui, self.tab());
            ui.add_space(2.0);
            self.first_use_ui(ui, Pane::Details);
            match (*self.tab(), run) {
                (Tab::Code, run) => {
                    let params = scenario.map(|scenario| self.views.card.params(scenario)).unwrap_or_default();
                    self.views.code.ui(ui, scenario, language, &params, run);
                }
                (Tab::Compare, _) => {
                    let is_shown = |id: &str| scenario.is_some_and(|scenario| scenario.id == id);
                    compare::ui(ui, snapshot.comparison.as_deref().filter(|comparison| is_shown(&comparison.scenario)));
                }
                (Tab::Output, Some(run)) => self.views.output.ui(ui, run, self.selection.map(|(pid, _)| pid)),
                (Tab::Output, None) => widgets::nothing_yet(ui, "Nothing was written yet."),
                (Tab::Facts, run) => {
                    let prediction = scenario.and_then(|scenario| self.views.predictions.of(scenario));
                    facts::ui(ui, run, scenario, prediction);
                }
            }
        });
    }

    fn log_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let is_focused = self.outlined == Some(Pane::Log);
        let run = self.subject.run(snapshot);
        let is_new = self.is_new(Pane::Log);
        let actions = &mut self.actions;
        let save = |ui: &mut Ui| {
            let button = ui.add_enabled_ui(run.is_some(), |ui| widgets::head_button(ui, "Save")).inner;
            let button = button.accessible_name(UiCommand::Export.text());
            if button.on_hover_text(UiCommand::Export.hint(ui.ctx())).clicked() {
                actions.command(UiCommand::Export);
            }
        };
        let is_dismissed = widgets::pane(ui, "What happened", is_focused, save, |ui| {
            let is_dismissed = is_new && widgets::first_use(ui, Pane::Log.title(), Pane::Log.first_use());
            if let Some(run) = run {
                log::begin(ui, run.id);
            }
            log::ui(ui, run.map_or(&[], |run| &run.log));
            is_dismissed
        });
        self.dismiss(Pane::Log, is_dismissed);
    }
}

/// Leaves room for the cores' load.
fn cores_room(ui: &mut Ui, snapshot: &Snapshot, one_row: f32) -> Rect {
    let size = vec2(ui.available_width(), Cores::height(snapshot.system.core_count(), one_row));
    ui.allocate_exact_size(size, Sense::hover()).0
}

/// Windows of about the same height share the heights of their parts, as they were dragged; a higher one has its own.
fn size_class(ui: &Ui) -> u32 {
    (ui.ctx().content_rect().height() / 220.0) as u32
}

/// The first steps, in the place of the lanes.
fn invite(ui: &mut Ui, scenario: Option<&'static Scenario>, predictions: &mut Predictions) {
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
            "Type its command on the left, then press Enter or Start.",
        ),
    };
    let room = ui.available_height();
    let invitation = ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("invitation");
    invitation.min_scrolled_height(0.0).auto_shrink(false).show(ui, |ui| {
        ui.vertical_centered(|ui| {
            let lines = scenario.map_or(0, |scenario| scenario.prediction.choices.len()) as f32;
            ui.add_space((room / 2.0 - 46.0 - lines * 12.0).max(4.0));
            ui.label(theme::bold(title).size(18.0));
            ui.label(RichText::new(ask).size(14.0));
            ui.add_space(4.0);
            if let Some(scenario) = scenario {
                // As wide as its longest choice, so that the choices stand under each other in the middle.
                let longest = scenario.prediction.choices.iter().map(|choice| choice.len()).max().unwrap_or_default();
                let size = vec2((longest as f32 * 6.5 + 30.0).min(ui.available_width()), 0.0);
                ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| predictions.choices_ui(ui, scenario));
            }
            ui.add_space(4.0);
            ui.label(RichText::new(hint).color(weak));
        });
    });
}
