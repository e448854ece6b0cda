//! The window's program: fetches snapshots, draws the views, then does what they asked for. UI thread; never waits, does no I/O.

use std::sync::Arc;
use std::time::Instant;

use egui::{Context, Ui};

use crate::engine::EngineHandle;
use crate::model::{Language, RunId, RunView, Snapshot};
use crate::scenario::Scenario;
use crate::ui::ask::actions::Actions;
use crate::ui::ask::commands;
use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::ask::selection::Selection;
use crate::ui::ask::selection::Subject;
use crate::ui::look::theme::{self, ThemeChoice};
use crate::ui::look::widgets;
use crate::ui::panes::card::Card;
use crate::ui::panes::code::Code;
use crate::ui::panes::compare::Compare;
use crate::ui::panes::header::board;
use crate::ui::panes::library::Library;
use crate::ui::panes::output::Output;
use crate::ui::panes::own_actions::OwnActions;
use crate::ui::panes::prediction::Predictions;
use crate::ui::panes::program_form::ProgramForm;
use crate::ui::panes::scheduler::SchedulerNote;
use crate::ui::panes::selected::Selected;
use crate::ui::panes::table::tree::Tree;
use crate::ui::panes::things::Things;
use crate::ui::panes::time::timeline::Timeline;
use crate::ui::panes::typing::Typing;
use crate::ui::shell::layout;
use crate::ui::shell::overlays::Overlays;
use crate::ui::shell::pace::LastFrame;
use crate::ui::shell::screenshot::Screenshot;
use crate::ui::shell::settings::{Keeper, Kept, Preferences, WindowPlace};
use crate::ui::shell::toasts::Toasts;
use crate::ui::shell::top_bar::{self, TopBar};

/// How wide the atlas of letters may be; every GPU from the first Pi on takes it.
const ATLAS_WIDTH: usize = 2048;

/// The views, each with the state that it alone owns.
#[derive(Default)]
pub(crate) struct Views {
    pub(crate) library: Library,
    pub(crate) card: Card,
    pub(crate) predictions: Predictions,
    pub(crate) form: ProgramForm,
    pub(crate) scheduler: SchedulerNote,
    pub(crate) timeline: Timeline,
    pub(crate) tree: Tree,
    pub(crate) code: Code,
    pub(crate) output: Output,
    pub(crate) selected: Selected,
    pub(crate) compare: Compare,
    pub(crate) own_actions: OwnActions,
    pub(crate) things: Things,
    pub(crate) typing: Typing,
    /// Whether the header is open, where somebody has said; else it is while the run that is looked at has pins.
    pub(crate) header_is_open: Option<bool>,
}

/// The program behind the window.
pub struct App {
    pub(crate) engine: EngineHandle,
    pub(crate) catalogue: &'static [&'static Scenario],
    pub(crate) live: Arc<Snapshot>,
    /// The picture that is held still.
    pub(crate) frozen: Option<Arc<Snapshot>>,
    pub(crate) subject: Subject,
    pub(crate) selection: Selection,
    pub(crate) pane: Pane,
    /// The pane that a key went to, outlined until the next click.
    pub(crate) outlined: Option<Pane>,
    pub(crate) preferences: Preferences,
    pub(crate) views: Views,
    pub(crate) actions: Actions,
    pub(crate) toasts: Toasts,
    pub(crate) overlays: Overlays,
    pub(crate) screenshot: Option<Screenshot>,
    /// A program was launched when this was the newest run: show the one that comes.
    pub(crate) awaits_run_after: Option<u32>,
    /// The run that is in step mode.
    pub(crate) stepping: Option<RunId>,
    pub(crate) zoom_before_projector: Option<f32>,
    /// How the window is drawn now: a small one always for fingers.
    drawn: (ThemeChoice, bool),
    frames: FrameTimes,
    pub(crate) last_frame: LastFrame,
    /// The keeper of the settings, and the window's size that is kept with them.
    keeper: Option<Keeper>,
    place: WindowPlace,
    /// Whether the size was asked for on the command line: then it is not the one to keep.
    has_own_size: bool,
    ctx: Context,
}

impl App {
    /// A window over an engine and a catalogue.
    pub fn new(ctx: &Context, engine: EngineHandle, catalogue: &'static [&'static Scenario], preferences: Preferences) -> Self {
        theme::apply(ctx, preferences.theme, preferences.is_touch);
        ctx.set_zoom_factor(preferences.zoom);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let drawn = (preferences.theme, preferences.is_touch);
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
            drawn,
            frames: FrameTimes::default(),
            last_frame: LastFrame::default(),
            keeper: None,
            place: WindowPlace::default(),
            has_own_size: false,
            ctx: ctx.clone(),
        }
    }

    /// Keeps what is chosen from now on, and the window's size, unless that was asked for on the command line.
    pub(crate) fn keep(&mut self, keeper: Keeper, place: WindowPlace, has_own_size: bool) {
        (self.keeper, self.place, self.has_own_size) = (Some(keeper), place, has_own_size);
    }

    fn kept(&mut self) -> Kept {
        if !self.has_own_size {
            self.place.follow(&self.ctx);
        }
        Kept::of(&self.ctx, self.preferences(), self.place)
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

    /// The settings to keep.
    pub fn preferences(&self) -> Preferences {
        let scenario = self.scenario().map_or_else(String::new, |scenario| scenario.id.to_owned());
        Preferences { scenario, zoom: self.zoom_before_projector.unwrap_or(self.preferences.zoom), ..self.preferences.clone() }
    }

    pub(crate) fn scenario(&self) -> Option<&'static Scenario> {
        self.subject.scenario(self.catalogue)
    }

    /// The run of the shown subject as it is now, even while the display is paused.
    pub(crate) fn live_run(&self) -> Option<&RunView> {
        self.subject.run(&self.live)
    }

    fn draw(&mut self, ui: &mut Ui) {
        let snapshot = Arc::clone(self.frozen.as_ref().unwrap_or(&self.live));
        self.window_ui(ui, &snapshot);
        let ctx = ui.ctx().clone();
        let (mut choice, mut zoom) = (self.preferences.theme, self.preferences.zoom);
        let mut is_touch = self.preferences.is_touch;
        self.overlays.ui(&ctx, &mut choice, &mut zoom, &mut is_touch);
        (self.preferences.theme, self.preferences.is_touch) = (choice, is_touch);
        // A small screen is one that is touched, such as the Raspberry Pi's own display.
        let drawn = (choice, is_touch || (self.is_folded(ui) && !self.is_projector()));
        if self.drawn != drawn {
            self.drawn = drawn;
            theme::apply(&ctx, drawn.0, drawn.1);
        }
        if (zoom - self.preferences.zoom).abs() > f32::EPSILON {
            self.zoom(&ctx, zoom);
        }
        self.toasts.ui(&ctx);
    }

    pub(crate) fn top_bar_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
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

    pub(crate) fn board_ui(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let running = self.live_run().filter(|run| top_bar::is_active(run)).map(|run| run.id);
        board::ui(ui, &snapshot.board, running, &mut self.actions);
    }

    /// Whether this pane says what it is for: the one that somebody has gone to, and of the others one after the other, since all
    /// cards at once leave a small window no room for what they are about. No picture shows any.
    pub(crate) fn is_new(&self, pane: Pane) -> bool {
        let is_unknown = |pane: &Pane| !self.preferences.known.contains(pane);
        let is_next = || Pane::ALL.into_iter().find(is_unknown) == Some(pane);
        self.screenshot.is_none() && is_unknown(&pane) && (pane == self.pane || is_next())
    }

    /// Draws the first-use card of a pane, until it is dismissed.
    pub(crate) fn first_use_ui(&mut self, ui: &mut Ui, pane: Pane) {
        if self.is_new(pane) && widgets::first_use(ui, pane.title(), pane.first_use()) {
            self.preferences.known.push(pane);
        }
    }

    /// The same for a pane that was just drawn with its card.
    pub(crate) fn dismiss(&mut self, pane: Pane, is_dismissed: bool) {
        if is_dismissed {
            self.preferences.known.push(pane);
        }
    }

    /// Whether everything is large, for a room.
    pub(crate) const fn is_projector(&self) -> bool {
        self.zoom_before_projector.is_some()
    }

    pub(crate) const fn tab(&mut self) -> &mut Tab {
        &mut self.preferences.tab
    }

    pub(crate) const fn language(&self) -> Language {
        self.preferences.language
    }

    pub(crate) fn is_folded(&self, ui: &Ui) -> bool {
        layout::is_folded(ui.ctx().content_rect().size(), self.preferences.is_touch)
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
            self.views.typing.arrived(run.id);
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
        if self.keeper.as_ref().is_some_and(Keeper::is_due) {
            let kept = self.kept();
            let failure = self.keeper.as_mut().and_then(|keeper| {
                keeper.keep(&kept);
                keeper.failure()
            });
            if let Some(text) = failure {
                self.toasts.push(text);
            }
        }
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let began = Instant::now();
        self.last_frame.begins();
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

    /// What lies behind all panes is there before anything is drawn.
    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::palette_of(visuals).background.to_normalized_gamma_f32()
    }

    fn raw_input_hook(&mut self, _: &Context, input: &mut egui::RawInput) {
        // The atlas of letters is as wide as a texture may be; 16,384 points cost megabytes for a line of text.
        input.max_texture_side = Some(input.max_texture_side.map_or(ATLAS_WIDTH, |side| side.min(ATLAS_WIDTH)));
    }

    fn on_exit(&mut self, _: Option<&eframe::glow::Context>) {
        if let Some(keeper) = self.keeper.take() {
            keeper.finish(&self.kept());
        }
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
