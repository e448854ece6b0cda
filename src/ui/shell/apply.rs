//! Commands, clicks and keys are carried out. UI thread; hands to the engine what is the engine's, and never waits.

use std::sync::Arc;
use std::time::Duration;

use egui::{Context, ViewportCommand};

use crate::engine::{Command, LaunchRequest, LineRequest};
use crate::model::{Action, Lane, ProcessRow, RunId, RunView, Sent, Snapshot, TimedAction};
use crate::scenario::STEP;
use crate::ui::ask::actions::UiAction;
use crate::ui::ask::commands::UiCommand;
use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::ask::selection::Subject;
use crate::ui::panes::code::Code;
use crate::ui::panes::selected::{Selected, act, find};
use crate::ui::panes::step;
use crate::ui::shell::app::App;
use crate::ui::shell::settings_file::ZOOM;
use crate::ui::shell::top_bar;

/// How large everything is for a room.
const PROJECTOR: f32 = 1.75;

impl App {
    pub(crate) fn send(&mut self, command: Command) {
        if let Err(error) = self.engine.send(command) {
            self.toasts.push(format!("Not done: {error}."));
        }
    }

    pub(crate) fn launch(&mut self) {
        self.launch_with(Vec::new());
    }

    /// Starts what is shown, with these actions besides.
    fn launch_with(&mut self, script: Vec<TimedAction>) {
        let mut request = match self.scenario() {
            Some(scenario) => self.views.card.launch(scenario, self.preferences.language),
            None => match self.views.form.request() {
                Ok(request) => {
                    self.await_program(&request);
                    request
                }
                Err(error) => {
                    self.toasts.push(error.to_string());
                    return;
                }
            },
        };
        request.script.extend(script);
        if self.pane == Pane::Library {
            // On a small screen the list would hide what begins now.
            self.pane = Pane::Timeline;
        }
        self.send(Command::Launch(Box::new(request)));
    }

    /// Shows the run of a program as soon as it is there.
    fn await_program(&mut self, request: &LaunchRequest) {
        self.awaits_run_after = Some(newest(&self.live));
        self.views.typing.launched(request);
    }

    /// Turns step mode on or off. Before a run, starts one whose tasks wait at their first gate.
    fn step(&mut self) {
        let active = self.live_run().filter(|run| top_bar::is_active(run)).map(|run| run.id);
        let Some(run) = active else {
            self.stepping = Some(RunId::new(newest(&self.live) + 1));
            return self.launch_with(vec![TimedAction {
                after: Duration::ZERO,
                action: Action::own(STEP, "on"),
                is_demo: false,
            }]);
        };
        let is_on = self.is_stepping();
        self.stepping = (!is_on).then_some(run);
        self.send(Command::Act { run, action: Action::own(STEP, if is_on { "off" } else { "on" }) });
    }

    /// Whether the shown run is in step mode, as its body says; until it has said so, as the window has asked for it.
    pub(crate) fn is_stepping(&self) -> bool {
        let run = self.live_run().filter(|run| top_bar::is_active(run));
        run.is_some_and(|run| step::is_on(run).unwrap_or(self.stepping == Some(run.id)))
    }

    /// Shows the code of a task, where it has told of a line.
    fn look_at(&mut self, is_meant: impl Fn(&Lane) -> bool, show: fn(&mut Code, &Lane) -> bool) {
        let live = Arc::clone(&self.live);
        let Some(run) = self.subject.run(&live) else { return };
        if run.lanes.iter().find(|lane| is_meant(lane)).is_some_and(|lane| show(&mut self.views.code, lane)) {
            self.preferences.tab = Tab::Code;
            self.preferences.language = run.language;
        }
    }

    pub(crate) fn apply(&mut self, ctx: &Context, action: UiAction) {
        match action {
            UiAction::Command(command) => self.command(ctx, command),
            UiAction::Show(subject) => {
                self.subject = subject;
                self.selection = None;
            }
            UiAction::Select(pid, tid) => {
                // The first click shows where it starts, the next one where it is.
                let show = if self.selection == Some((pid, tid)) { Code::follow } else { Code::show_start };
                self.selection = Some((pid, tid));
                self.look_at(|lane| lane.pid == pid && (tid.is_none() || lane.tid == tid), show);
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
                self.await_program(&request);
                // A program has no code here; what it writes is what one wants to see.
                self.preferences.tab = Tab::Output;
                self.pane = if self.pane == Pane::Library { Pane::Details } else { self.pane };
                self.send(Command::Launch(request));
            }
            UiAction::Act(run, action) => {
                if let Action::Own { name, target } = &action
                    && name == STEP
                {
                    // The task that was let go is the one to watch.
                    self.look_at(|lane| *lane.name == **target, Code::follow);
                }
                self.send(Command::Act { run, action });
            }
            UiAction::ToggleLine(line) => self.send(Command::ToggleLine(line)),
            UiAction::FreeLine(line) => self.send(Command::FreeLine(line)),
            UiAction::SaveEdges(run) => self.send(Command::SaveEdges(run)),
            UiAction::PressLine(line, is_pressed) => {
                self.send(Command::Lines { request_number: None, request: LineRequest::Press { line, is_pressed } });
            }
            UiAction::Forget(run) => {
                self.subject = Subject::Programs(None);
                self.send(Command::Forget(run));
            }
        }
    }

    fn command(&mut self, ctx: &Context, command: UiCommand) {
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
            UiCommand::Kill => self.act_on_selected(ctx, |selected, target| selected.send(Sent::Kill, target)),
            UiCommand::Terminate => self.act_on_selected(ctx, |selected, target| selected.send(Sent::Terminate, target)),
            UiCommand::Wait => self.act_on_selected(ctx, |_, target| act(target, Action::Wait)),
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

    pub(crate) fn zoom(&mut self, ctx: &Context, factor: f32) {
        self.preferences.zoom = factor.clamp(*ZOOM.start(), *ZOOM.end());
        ctx.set_zoom_factor(self.preferences.zoom);
    }

    fn end(&mut self, run: RunId) {
        self.send(Command::Act { run, action: Action::End });
    }

    /// As if the button had been clicked that does this to the selected process.
    fn act_on_selected(&mut self, ctx: &Context, click: impl Fn(&Selected, Option<(&RunView, &ProcessRow)>) -> UiAction) {
        let run = self.live_run();
        let action = click(&self.views.selected, run.zip(find(run, self.selection)));
        self.apply(ctx, action);
    }
}

/// The number of the newest run, 0 before the first.
fn newest(snapshot: &Snapshot) -> u32 {
    snapshot.runs.last().map_or(0, |run| run.id.number())
}
