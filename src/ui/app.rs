//! The window's program: fetches snapshots, draws the views, then does what they asked for. UI thread; never waits, does no I/O.

use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Context, Ui, ViewportCommand};
use serde::{Deserialize, Serialize};

use super::actions::{Actions, UiAction};
use super::board;
use super::card::Card;
use super::code::Code;
use super::commands::{self, UiCommand};
use super::compare::Compare;
use super::cores::Cores;
use super::layout::{self, Pane, Tab};
use super::library::{Library, Subject};
use super::output::Output;
use super::overlays::Overlays;
use super::own_actions::OwnActions;
use super::program_form::ProgramForm;
use super::screenshot::Screenshot;
use super::selected::Selected;
use super::step::{self, STEP};
use super::theme::{self, ThemeChoice};
use super::timeline::Timeline;
use super::toasts::Toasts;
use super::top_bar::{self, TopBar};
use super::tree::{Selection, Tree};
use super::widgets;
use crate::engine::{Command, EngineHandle, LineRequest};
use crate::model::{Action, Lane, Language, RunId, RunView, Snapshot, TimedAction};
use crate::scenario::Scenario;

/// What is kept from one start to the next.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    theme: ThemeChoice,
    language: Language,
    zoom: f32,
    tab: Tab,
    scenario: String,
    is_touch: bool,
    /// Panes whose first-use card was dismissed.
    known: Vec<Pane>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            language: Language::Rust,
            zoom: 1.0,
            tab: Tab::default(),
            scenario: String::new(),
            is_touch: false,
            known: Vec::new(),
        }
    }
}

#[cfg(test)]
impl Preferences {
    /// Those of somebody who has seen every part of the window.
    pub(super) fn settled() -> Self {
        Self { known: Pane::ALL.to_vec(), ..Self::default() }
    }
}

/// How wide the atlas of letters may be; every GPU from the first Pi on takes it.
const ATLAS_WIDTH: usize = 2048;
/// How large everything is for a room.
const PROJECTOR: f32 = 1.75;

/// The views, each with the state that it alone owns.
#[derive(Default)]
pub(super) struct Views {
    pub(super) library: Library,
    pub(super) card: Card,
    pub(super) form: ProgramForm,
    pub(super) cores: Cores,
    pub(super) timeline: Timeline,
    pub(super) tree: Tree,
    pub(super) code: Code,
    pub(super) output: Output,
    pub(super) selected: Selected,
    pub(super) compare: Compare,
    pub(super) own_actions: OwnActions,
}

/// The program behind the window.
pub struct App {
    pub(super) engine: EngineHandle,
    pub(super) catalogue: &'static [&'static Scenario],
    pub(super) live: Arc<Snapshot>,
    /// The picture that is held still.
    pub(super) frozen: Option<Arc<Snapshot>>,
    pub(super) subject: Subject,
    pub(super) selection: Selection,
    pub(super) pane: Pane,
    /// The pane that a key went to, outlined until the next click.
    pub(super) outlined: Option<Pane>,
    pub(super) preferences: Preferences,
    pub(super) views: Views,
    pub(super) actions: Actions,
    toasts: Toasts,
    overlays: Overlays,
    pub(super) screenshot: Option<Screenshot>,
    /// A program was launched when this was the newest run: show the one that comes.
    awaits_run_after: Option<u32>,
    /// The run that is in step mode.
    stepping: Option<RunId>,
    zoom_before_projector: Option<f32>,
    frames: FrameTimes,
}

impl App {
    /// A window over an engine and a catalogue.
    pub fn new(ctx: &Context, engine: EngineHandle, catalogue: &'static [&'static Scenario], preferences: Preferences) -> Self {
        theme::apply(ctx, preferences.theme, preferences.is_touch);
        ctx.set_zoom_factor(preferences.zoom);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let kept = catalogue.iter().find(|scenario| scenario.id == preferences.scenario);
        let subject = kept.or(catalogue.first()).map_or(Subject::Programs(None), |scenario| Subject::Scenario(scenario.id));
        Self {
            live: engine.snapshot(),
            engine,
            catalogue,
            frozen: None,
            subject,
            selection: None,
            pane: Pane::default(),
            outlined: None,
            preferences,
            views: Views::default(),
            actions: Actions::default(),
            toasts: Toasts::default(),
            overlays: Overlays::default(),
            screenshot: None,
            awaits_run_after: None,
            stepping: None,
            zoom_before_projector: None,
            frames: FrameTimes::default(),
        }
    }

    /// Shows a scenario and starts it at once.
    pub fn start(&mut self, id: &str) {
        match self.catalogue.iter().find(|scenario| scenario.id == id) {
            Some(scenario) => {
                self.subject = Subject::Scenario(scenario.id);
                self.launch();
            }
            None => self.toasts.push(format!("There is no scenario {id:?}.")),
        }
    }

    /// What is to be kept.
    pub fn preferences(&self) -> Preferences {
        let scenario = self.scenario().map_or_else(String::new, |scenario| scenario.id.to_owned());
        Preferences { scenario, zoom: self.zoom_before_projector.unwrap_or(self.preferences.zoom), ..self.preferences.clone() }
    }

    pub(super) fn scenario(&self) -> Option<&'static Scenario> {
        self.subject.scenario(self.catalogue)
    }

    /// The run of the shown subject as it is now, even while the display is paused.
    fn live_run(&self) -> Option<&RunView> {
        self.subject.run(&self.live)
    }

    fn send(&mut self, command: Command) {
        if let Err(error) = self.engine.send(command) {
            self.toasts.push(format!("Not done: {error}."));
        }
    }

    fn launch(&mut self) {
        self.launch_with(Vec::new());
    }

    /// Starts what is shown, with these actions besides.
    fn launch_with(&mut self, script: Vec<TimedAction>) {
        let mut request = match self.scenario() {
            Some(scenario) => self.views.card.launch(scenario, self.preferences.language),
            None => match self.views.form.request() {
                Ok(request) => {
                    self.awaits_run_after = Some(newest(&self.live));
                    request
                }
                Err(error) => {
                    self.toasts.push(error.to_string());
                    return;
                }
            },
        };
        request.script.extend(script);
        self.send(Command::Launch(Box::new(request)));
    }

    /// Turns step mode on or off. Before a run, starts one whose tasks wait at their first gate.
    fn step(&mut self) {
        let step = Action::Scenario(STEP.to_owned());
        let active = self.live_run().filter(|run| top_bar::is_active(run)).map(|run| run.id);
        let Some(run) = active else {
            self.stepping = Some(RunId::new(newest(&self.live) + 1));
            return self.launch_with(vec![TimedAction { after: Duration::ZERO, action: step, target: "on".to_owned() }]);
        };
        let is_on = self.is_stepping();
        self.stepping = (!is_on).then_some(run);
        let target = if is_on { "off" } else { "on" };
        self.send(Command::Act { run, action: step, target: target.to_owned() });
    }

    /// Whether the shown run is in step mode, as its body says; until it has said so, as the window has asked for it.
    pub(super) fn is_stepping(&self) -> bool {
        let run = self.live_run().filter(|run| top_bar::is_active(run));
        run.is_some_and(|run| step::is_on(run).unwrap_or(self.stepping == Some(run.id)))
    }

    /// Shows the code of a task, where it has told of a line.
    fn follow(&mut self, is_meant: impl Fn(&Lane) -> bool) {
        let live = Arc::clone(&self.live);
        let Some(run) = self.subject.run(&live) else { return };
        if run.lanes.iter().find(|lane| is_meant(lane)).is_some_and(|lane| self.views.code.follow(lane)) {
            self.preferences.tab = Tab::Code;
            self.preferences.language = run.language;
        }
    }

    fn apply(&mut self, ctx: &Context, action: UiAction) {
        match action {
            UiAction::Command(command) => self.command(ctx, command),
            UiAction::Show(subject) => {
                self.subject = subject;
                self.selection = None;
            }
            UiAction::Select(pid, tid) => {
                self.selection = Some((pid, tid));
                self.follow(|lane| lane.pid == pid && (tid.is_none() || lane.tid == tid));
            }
            UiAction::Step => self.step(),
            UiAction::Say(text) => self.toasts.push(text),
            UiAction::Compare(request) => {
                self.preferences.tab = Tab::Compare;
                self.pane = if self.pane == Pane::Library { Pane::Details } else { self.pane };
                self.send(Command::Compare(request));
            }
            UiAction::Speak(language) => self.preferences.language = language,
            UiAction::Launch(request) => {
                self.awaits_run_after = Some(newest(&self.live));
                // A program has no code here; what it writes is what one wants to see.
                self.preferences.tab = Tab::Output;
                self.send(Command::Launch(request));
            }
            UiAction::Act(run, action, target) => {
                if action == Action::Scenario(STEP.to_owned()) {
                    // Whoever was let go is who one wants to see go.
                    self.follow(|lane| lane.name == target);
                }
                self.send(Command::Act { run, action, target });
            }
            UiAction::ToggleLine(line) => self.send(Command::ToggleLine(line)),
            UiAction::FreeLine(line) => self.send(Command::FreeLine(line)),
            UiAction::SaveEdges(run) => self.send(Command::SaveEdges(run)),
            UiAction::PressLine(line, is_pressed) => {
                self.send(Command::Lines { ask: 0, request: LineRequest::Press { line, is_pressed } });
            }
            UiAction::Forget(run) => {
                self.subject = Subject::Programs(None);
                self.send(Command::Forget(run));
            }
        }
    }

    fn command(&mut self, ctx: &Context, command: UiCommand) {
        let scope = self.views.selected.scope();
        match command {
            UiCommand::StartStop => match self.live_run().filter(|run| top_bar::is_active(run)).map(|run| run.id) {
                Some(run) => self.end(run),
                None => self.launch(),
            },
            UiCommand::Restart => {
                if let Some(run) = self.live_run().filter(|run| top_bar::is_active(run)).map(|run| run.id) {
                    self.end(run);
                }
                self.launch();
            }
            UiCommand::PauseDisplay => {
                self.frozen = if self.frozen.is_none() { Some(Arc::clone(&self.live)) } else { None };
            }
            UiCommand::StopEverything => self.send(Command::StopEverything),
            UiCommand::Export => match self.live_run().map(|run| run.id) {
                Some(run) => self.send(Command::Save(run)),
                None => self.toasts.push("There is nothing to save: start something first."),
            },
            UiCommand::Find => {
                self.pane = Pane::Library;
                self.views.library.focus_search();
            }
            UiCommand::FocusTree => {
                self.pane = Pane::Processes;
                self.views.tree.focus();
            }
            UiCommand::CycleSort => self.views.tree.cycle_sort(),
            UiCommand::SignalMenu => {
                self.pane = Pane::Header;
                self.views.selected.toggle_menu();
            }
            UiCommand::Kill => self.act(Action::Kill(scope)),
            UiCommand::Terminate => self.act(Action::Terminate(scope)),
            UiCommand::Wait => self.act(Action::Wait),
            UiCommand::Pane(pane) => {
                self.pane = pane;
                self.outlined = Some(pane);
                match pane {
                    Pane::Library => self.views.library.focus_search(),
                    Pane::Processes => self.views.tree.focus(),
                    _ => {}
                }
            }
            UiCommand::Help => self.overlays.help = !self.overlays.help,
            UiCommand::Settings => self.overlays.settings = !self.overlays.settings,
            UiCommand::FullScreen => {
                let is_full = ctx.input(|input| input.viewport().fullscreen.unwrap_or_default());
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!is_full));
            }
            UiCommand::Projector => {
                let before = self.zoom_before_projector.take();
                self.zoom_before_projector = before.is_none().then_some(self.preferences.zoom);
                self.zoom(ctx, before.unwrap_or(PROJECTOR));
            }
            UiCommand::ZoomIn => self.zoom(ctx, self.preferences.zoom * 1.1),
            UiCommand::ZoomOut => self.zoom(ctx, self.preferences.zoom / 1.1),
            UiCommand::ZoomReset => self.zoom(ctx, 1.0),
            UiCommand::Close => self.overlays.close(),
            UiCommand::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
        }
    }

    fn zoom(&mut self, ctx: &Context, factor: f32) {
        self.preferences.zoom = factor.clamp(0.5, 3.0);
        ctx.set_zoom_factor(self.preferences.zoom);
    }

    fn end(&mut self, run: RunId) {
        self.send(Command::Act { run, action: Action::End, target: String::new() });
    }

    /// Does something to the selected process, if there is one that can still hear it.
    fn act(&mut self, action: Action) {
        let process = super::selected::find(self.live_run(), self.selection).filter(|process| !process.is_reaped());
        let Some(target) = process.map(|process| process.pid.to_string()) else {
            self.toasts.push("Select a process first: click its row.");
            return;
        };
        if let Some(run) = self.live_run().map(|run| run.id) {
            self.send(Command::Act { run, action, target });
        }
    }

    fn draw(&mut self, ui: &mut Ui) {
        let snapshot = Arc::clone(self.frozen.as_ref().unwrap_or(&self.live));
        self.window_ui(ui, &snapshot);
        let ctx = ui.ctx().clone();
        let (mut choice, mut zoom) = (self.preferences.theme, self.preferences.zoom);
        let mut is_touch = self.preferences.is_touch;
        self.overlays.ui(&ctx, &mut choice, &mut zoom, &mut is_touch);
        if (choice, is_touch) != (self.preferences.theme, self.preferences.is_touch) {
            (self.preferences.theme, self.preferences.is_touch) = (choice, is_touch);
            theme::apply(&ctx, choice, is_touch);
        }
        if (zoom - self.preferences.zoom).abs() > f32::EPSILON {
            self.zoom(&ctx, zoom);
        }
        self.toasts.ui(&ctx);
    }

    pub(super) fn top_bar_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let bar = TopBar {
            live: &self.live,
            run: self.subject.run(snapshot),
            scenario: self.scenario(),
            language: self.preferences.language,
            is_stepping: self.is_stepping(),
            is_paused: self.frozen.is_some(),
            frame_millis: self.frames.median(),
        };
        bar.ui(ui, &mut self.actions);
    }

    pub(super) fn board_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let running = self.live_run().filter(|run| top_bar::is_active(run)).map(|run| run.id);
        board::ui(ui, &snapshot.board, running, &mut self.actions);
    }

    /// Whether somebody sees this pane for the first time. No picture shows the card that says what it is for.
    pub(super) fn is_new(&self, pane: Pane) -> bool {
        !self.preferences.known.contains(&pane) && self.screenshot.is_none()
    }

    /// Draws the first-use card of a pane, until it is dismissed.
    pub(super) fn first_use_ui(&mut self, ui: &mut Ui, pane: Pane) {
        if self.is_new(pane) && widgets::first_use(ui, pane.title(), pane.first_use()) {
            self.preferences.known.push(pane);
        }
    }

    /// The same for a pane that was just drawn with its card.
    pub(super) fn dismiss(&mut self, pane: Pane, is_dismissed: bool) {
        if is_dismissed {
            self.preferences.known.push(pane);
        }
    }

    /// Whether everything is large, for a room.
    pub(super) const fn is_projector(&self) -> bool {
        self.zoom_before_projector.is_some()
    }

    pub(super) const fn tab(&mut self) -> &mut Tab {
        &mut self.preferences.tab
    }

    pub(super) const fn language(&self) -> Language {
        self.preferences.language
    }

    pub(super) fn is_folded(ui: &Ui) -> bool {
        layout::is_folded(ui.ctx().content_rect().size())
    }
}

/// How long the last frames took to draw, in milliseconds. The median, since the first frame reads every letter's shape.
#[derive(Default)]
struct FrameTimes {
    ring: [f32; 15],
    count: usize,
}

impl FrameTimes {
    const fn push(&mut self, millis: f32) {
        self.ring[self.count % self.ring.len()] = millis;
        self.count += 1;
    }

    fn median(&self) -> f32 {
        let mut sorted = self.ring;
        let known = &mut sorted[..self.count.min(self.ring.len())];
        known.sort_by(f32::total_cmp);
        known.get(known.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }
}

/// The number of the newest run, 0 before the first.
fn newest(snapshot: &Snapshot) -> u32 {
    snapshot.runs.last().map_or(0, |run| run.id.number())
}

/// The process that is worth a look: the first zombie, else the first of all.
fn notable(run: &RunView) -> Selection {
    let zombie = run.processes.iter().find(|process| process.status.is_some() && !process.is_reaped());
    zombie.or(run.processes.first()).map(|process| (process.pid, None))
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _: &mut eframe::Frame) {
        self.live = self.engine.snapshot();
        self.toasts.take_notices(&self.live.notices);
        if let Some(before) = self.awaits_run_after
            && let Some(run) = self.live.runs.last().filter(|run| run.id.number() > before && run.scenario.is_empty())
        {
            self.subject = Subject::Programs(Some(run.id));
            self.awaits_run_after = None;
            self.selection = None;
        }
        if self.screenshot.is_some() && self.selection.is_none() {
            // Nobody clicks while the picture is made, and it is to show the card of a process.
            self.selection = self.live_run().and_then(notable);
        }
        if let Some(screenshot) = &mut self.screenshot {
            screenshot.take_when_due(ctx);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let began = Instant::now();
        if ui.input(|input| input.pointer.any_pressed()) {
            self.outlined = None;
        }
        for command in commands::typed(ui.ctx(), self.overlays.is_open() || egui::Popup::is_any_open(ui.ctx())) {
            self.actions.command(command);
        }
        self.draw(ui);
        for action in self.actions.take() {
            self.apply(ui.ctx(), action);
        }
        self.frames.push(began.elapsed().as_secs_f32() * 1000.0);
    }

    fn raw_input_hook(&mut self, _: &Context, input: &mut egui::RawInput) {
        // The atlas of letters is as wide as a texture may be; 16,384 points cost megabytes for a line of text.
        input.max_texture_side = Some(input.max_texture_side.map_or(ATLAS_WIDTH, |side| side.min(ATLAS_WIDTH)));
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        if self.screenshot.is_none() {
            eframe::set_value(storage, eframe::APP_KEY, &self.preferences());
        }
    }

    fn persist_egui_memory(&self) -> bool {
        self.screenshot.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_frame_is_not_what_a_frame_costs() {
        let mut frames = FrameTimes::default();
        assert!(frames.median().abs() < f32::EPSILON);
        for millis in [900.0, 1.0, 1.5, 2.0, 1.2] {
            frames.push(millis);
        }
        assert!((frames.median() - 1.5).abs() < 0.01, "{}", frames.median());
        (0..100).for_each(|_| frames.push(3.0));
        assert!((frames.median() - 3.0).abs() < 0.01);
    }
}
