//! The selected process: what it is, how it is, and what can be done to it. UI thread; sends nothing itself.

use egui::text::LayoutJob;
use egui::{Align, FontId, Frame, Key, Layout, Margin, RichText, ScrollArea, Ui, vec2};

use crate::model::{Action, ExitStatus, Lane, LaneEnd, ProcessRef, ProcessRow, RunState, RunView, Scope, Sent, Signal, Tid};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::ask::commands::UiCommand;
use crate::ui::ask::selection::Selection;
use crate::ui::look::foreign;
use crate::ui::look::states::{self, Look, StateView};
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::typing::Typing;

/// The reach of the signals, and whether the signal menu is asked for.
#[derive(Debug, Default)]
pub struct Selected {
    scope: Scope,
    opens_menu: bool,
}

/// Why nothing can be done while nothing is selected.
const NOBODY: &str = "Select a process first: click its row.";
/// Why nothing can be done to one that is gone.
const GONE: &str = "it has ended, and its parent has waited on it. Nobody is there who could hear a signal.";

/// Room for the longest name and sentence: the buttons below must not move while a process changes its state.
const TITLE: f32 = 36.0;
const BADGE: f32 = 22.0;
const SENTENCE: f32 = 78.0;
/// Three lines of its command line; more are scrolled to. The buttons below must not move when it calls another program.
const COMMAND: f32 = 40.0;

impl Selected {
    /// Asks for a signal to a process of a run, in the scope that is chosen.
    pub fn send(&self, sent: Sent, target: Option<(&RunView, &ProcessRow)>) -> UiAction {
        act(target, |process| Action::Send(sent, process, self.scope))
    }

    /// Opens or closes the signal menu.
    pub const fn toggle_menu(&mut self) {
        self.opens_menu = true;
    }

    /// Draws the card of the selected process, and what can be done to it.
    pub fn ui(&mut self, ui: &mut Ui, run: Option<&RunView>, selection: Selection, typing: &mut Typing, actions: &mut Actions) {
        let colors = palette(ui);
        ui.label(theme::caption(ui, "Selected"));
        let process = find(run, selection);
        let fixed = |ui: &mut Ui, height: f32, add: &mut dyn FnMut(&mut Ui)| {
            ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
                ui.set_min_size(vec2(ui.available_width(), height));
                add(ui);
            });
        };
        let tid = selection.and_then(|(_, tid)| tid);
        // The first thread is the process.
        let thread = tid.filter(|tid| process.is_some_and(|process| tid.number() != process.pid.number()));
        fixed(ui, TITLE, &mut |ui| match process {
            Some(process) => title(ui, process, run.zip(thread)),
            None => drop(ui.label(theme::bold("Nothing").size(14.0).color(colors.weak))),
        });
        let view = run.zip(process).map(|(run, process)| view_of(run, process, tid));
        fixed(ui, BADGE, &mut |ui| {
            let Some(view) = &view else { return };
            ui.spacing_mut().interact_size.y = BADGE;
            ui.horizontal(|ui| {
                let badge = widgets::badge(ui, &format!("{} {}", view.look.glyph(), view.word), view.look.tone(colors));
                widgets::hint(badge, &view.words());
                if let Some(since) = view.since {
                    let text = RichText::new(format!("since {:.3} s", since.secs())).size(11.0).color(colors.weak);
                    ui.add(egui::Label::new(text).truncate()).on_hover_text("On the timeline's axis.");
                }
            });
        });
        fixed(ui, SENTENCE, &mut |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let (Some(run), Some(process), Some(view)) = (run, process, &view) else {
                ui.label(RichText::new("Click a row or a lane to act on its process.").color(colors.weak));
                return;
            };
            let said = match thread {
                Some(tid) => thread_sentence(process, run, tid, view.core),
                None => sentence(process, run),
            };
            if !said.is_empty() {
                let said = ui.label(said);
                if thread.is_some() {
                    said.on_hover_text("Signals reach the whole process.");
                }
            }
            // It comes and goes with each wait: nothing stands below it.
            if let Some(reason) = reason(view) {
                let mut job =
                    LayoutJob::simple(foreign::line(&reason).into_owned(), FontId::proportional(12.5), colors.text, 0.0);
                job.wrap.max_rows = if thread.is_some() { 3 } else { 2 };
                widgets::hint(ui.add(egui::Label::new(job).wrap()), &view.words());
            }
        });
        ui.add_space(2.0);
        self.scope_ui(ui);
        let is_zombie = process.is_some_and(|process| process.status.is_some() && !process.is_reaped());
        self.buttons(ui, run.zip(process), is_zombie, actions);
        if let Some(run) = run.filter(|run| run.scenario.is_empty()) {
            waits_ui(ui, run, actions);
        }
        if let (Some(run), Some(process)) = (run, process) {
            command_ui(ui, &process.command);
            typing.ui(ui, run, process, actions);
        }
    }

    fn scope_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.label(RichText::new("to").size(11.0).color(palette(ui).weak));
            for (scope, text, about) in [
                (Scope::Process, "process", "Signals reach this process alone."),
                (Scope::Group, "group", "Signals reach its whole process group."),
                (Scope::Tree, "tree", "Signals reach it and all its descendants."),
            ] {
                if ui.selectable_label(self.scope == scope, RichText::new(text).size(11.0)).on_hover_text(about).clicked() {
                    self.scope = scope;
                }
            }
        });
    }

    fn buttons(&mut self, ui: &mut Ui, target: Option<(&RunView, &ProcessRow)>, is_zombie: bool, actions: &mut Actions) {
        let colors = palette(ui);
        let why_not = if target.is_some() { GONE } else { NOBODY };
        let is_there = target.is_some_and(|(_, process)| !process.is_reaped());
        let gap = ui.spacing().item_spacing.x;
        let half = vec2((ui.available_width() - gap) / 2.0, 27.0);
        let width = ui.available_width();
        let ctx = ui.ctx().clone();
        let with_key = |text: &str, command: UiCommand| format!("{text}  {}", command.first_key(&ctx));
        ui.add_enabled_ui(is_there, |ui| {
            ui.horizontal(|ui| {
                let text = with_key("Terminate", UiCommand::Terminate);
                let terminate = ui.add(egui::Button::new(text).min_size(half)).accessible_name("Terminate");
                if terminate.on_hover_text(UiCommand::Terminate.tooltip()).on_disabled_hover_text(why_not).clicked() {
                    actions.push(self.send(Sent::Terminate, target));
                }
                let text = with_key("Kill", UiCommand::Kill);
                let kill = widgets::tinted_button(ui, &text, colors.red, colors.red.ink, half).accessible_name("Kill");
                if kill.on_hover_text(UiCommand::Kill.tooltip()).on_disabled_hover_text(why_not).clicked() {
                    actions.push(self.send(Sent::Kill, target));
                }
            });
            ui.horizontal(|ui| {
                let stop = ui.add(egui::Button::new("Stop").min_size(half)).accessible_name("Stop process");
                if stop
                    .on_hover_text("Sends SIGSTOP: it pauses until it is continued, and cannot refuse.")
                    .on_disabled_hover_text(why_not)
                    .clicked()
                {
                    actions.push(self.send(Sent::Stop, target));
                }
                let go_on = ui.add(egui::Button::new("Continue").min_size(half));
                if go_on.on_hover_text("Sends SIGCONT: a stopped process goes on.").on_disabled_hover_text(why_not).clicked() {
                    actions.push(self.send(Sent::Continue, target));
                }
            });
            let last = ui.horizontal(|ui| {
                // A narrow panel has no room for the key.
                let text = if width > 204.0 { with_key("Wait on (reap)", UiCommand::Wait) } else { "Wait on (reap)".to_owned() };
                let size = vec2(width * 0.62, 29.0);
                let wait = if is_zombie {
                    widgets::tinted_button(ui, &text, colors.blue, colors.text, size)
                } else {
                    ui.add(egui::Button::new(text).min_size(size))
                };
                (wait, ui.add(egui::Button::new("Signal ▾").min_size(vec2(ui.available_width(), 29.0))))
            });
            let (wait, button) = last.inner;
            let wait = wait.accessible_name("Wait on (reap)").on_hover_text(UiCommand::Wait.tooltip());
            if wait.on_disabled_hover_text(why_not).clicked() {
                actions.push(act(target, Action::Wait));
            }
            let button = button.accessible_name("Signal");
            let button = button.on_disabled_hover_text(why_not);
            let mut popup = egui::Popup::menu(&button);
            if std::mem::take(&mut self.opens_menu) {
                popup = popup.open_memory(egui::SetOpenCommand::Toggle);
            }
            popup.width(356.0).show(|ui| {
                ui.label(RichText::new("Signals and what they mean").color(colors.weak));
                let height = 360.0_f32.min(ui.ctx().content_rect().height() - 80.0);
                egui::ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).max_height(height).show(ui, |ui| {
                    for signal in Signal::standard() {
                        let text = format!("{:>2}  {signal}", signal.number());
                        let item = egui::Button::new(RichText::new(text).monospace().size(11.5))
                            .right_text(RichText::new(signal.meaning()).size(10.5).color(colors.weak))
                            .min_size(vec2(338.0, 20.0))
                            .frame_when_inactive(false);
                        if ui.add(item).accessible_name(signal.to_string()).clicked() {
                            actions.push(self.send(Sent::Signal(signal), target));
                            ui.close();
                        }
                    }
                });
                if ui.input(|input| input.key_pressed(Key::Escape)) {
                    ui.close();
                }
            });
        });
        if !is_there {
            self.opens_menu = false;
        }
    }
}

/// Waits that are not for a certain process: for any of the run's programs, or for all of them.
fn waits_ui(ui: &mut Ui, run: &RunView, actions: &mut Actions) {
    let half = vec2((ui.available_width() - ui.spacing().item_spacing.x) / 2.0, 27.0);
    ui.add_enabled_ui(!matches!(run.state, RunState::Finished(_)), |ui| {
        ui.horizontal(|ui| {
            for (text, action, about) in [
                (
                    "Wait on any",
                    Action::WaitAny(None),
                    "Answers with the program of this run that ends first: see what happened.",
                ),
                ("Wait on all", Action::WaitAll(None), "Answers as soon as all programs of this run have ended, and reaps them."),
            ] {
                let button = ui.add(egui::Button::new(text).min_size(half)).on_hover_text(about);
                if button.on_disabled_hover_text("The run is over: all its programs have been waited on.").clicked() {
                    actions.push(UiAction::Act(run.id, action));
                }
            }
        });
    });
}

/// How it was called, as one would type it into a shell: to read, and to copy.
fn command_ui(ui: &mut Ui, command: &str) {
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, "Command line"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let copy = ui.add_enabled(!command.is_empty(), egui::Button::new("Copy").small());
            let copy = copy.accessible_name("Copy the command line");
            if copy.on_hover_text("Copies all of it, quoted for a shell.").clicked() {
                ui.copy_text(command.to_owned());
            }
        });
    });
    let colors = palette(ui);
    let well = Frame::new().fill(colors.well).stroke((1.0, colors.line)).corner_radius(4).inner_margin(Margin::symmetric(6, 3));
    well.show(ui, |ui| {
        let area = ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).id_salt("command").auto_shrink(false);
        area.min_scrolled_height(0.0).max_height(COMMAND).show(ui, |ui| {
            let known = if command.is_empty() { "It is not known." } else { command };
            ui.add(egui::Label::new(RichText::new(foreign::page(known)).monospace().size(10.5)).wrap());
        });
    });
}

/// Asks for an action on a process of a run. Where there is no such process, asks for a sentence that says so.
pub fn act(target: Option<(&RunView, &ProcessRow)>, action: impl FnOnce(ProcessRef) -> Action) -> UiAction {
    match target {
        None => UiAction::Say(NOBODY.to_owned()),
        // It may have been there when the menu opened.
        Some((_, gone)) if gone.is_reaped() => UiAction::Say(format!("{} ({}): {GONE}", gone.name, gone.pid)),
        Some((run, process)) => UiAction::Act(run.id, action(process.pid.into())),
    }
}

/// Its name, and under it its family; of a thread its own name, and its process.
fn title(ui: &mut Ui, process: &ProcessRow, thread: Option<(&RunView, Tid)>) {
    ui.spacing_mut().item_spacing.y = 1.0;
    let (name, family) = match thread {
        Some((run, tid)) => {
            let living = process.threads.iter().find(|thread| thread.tid == tid).map(|thread| thread.name.as_str());
            let lane =
                || run.lanes.iter().rev().find(|lane| lane.pid == process.pid && lane.tid == Some(tid)).map(|lane| &*lane.name);
            let name = living.or_else(lane).unwrap_or_default();
            (name, format!("thread {tid} in process {} ({})", foreign::word(&process.name), process.pid))
        }
        None => (process.name.as_str(), format!("pid {} · child of {}", process.pid, process.ppid)),
    };
    ui.add(egui::Label::new(theme::bold(foreign::line(name)).size(14.0)).truncate());
    ui.add(egui::Label::new(RichText::new(family).size(11.0).color(palette(ui).weak)).truncate());
}

/// The selected process of a run.
pub fn find(run: Option<&RunView>, selection: Selection) -> Option<&ProcessRow> {
    let (pid, _) = selection?;
    run?.processes.iter().rev().find(|process| process.pid == pid)
}

/// How the selected thread or process is: what its lane and its row say.
fn view_of(run: &RunView, process: &ProcessRow, tid: Option<Tid>) -> StateView {
    let main = Tid::new(process.pid.number());
    let lane = states::kernel_lane(run, process.pid, tid.unwrap_or(main));
    let Some(tid) = tid.filter(|tid| *tid != main) else { return states::of_process(process, lane) };
    // A thread lives no longer than its process.
    let is_over = process.status.is_some();
    let sample = process.threads.iter().find(|thread| thread.tid == tid && !is_over);
    match (sample, lane.or_else(|| lane_of(run, process, tid).filter(|_| sample.is_none()))) {
        (_, Some(lane)) if lane.has_ended() || !is_over => states::of_lane(lane),
        (Some(sample), None) => states::of_thread(sample, None),
        _ => states::of_ended(),
    }
}

/// The lane of a thread, whoever tells of it.
fn lane_of<'a>(run: &'a RunView, process: &ProcessRow, tid: Tid) -> Option<&'a Lane> {
    run.lanes.iter().rev().map(|lane| &**lane).find(|lane| lane.pid == process.pid && lane.tid == Some(tid))
}

/// Why it is in its state, and what its program says where that differs.
fn reason(view: &StateView) -> Option<String> {
    let about = view.about.as_str();
    let said = match (view.claims, view.look) {
        (Some(claims), _) if about.is_empty() => format!("The code says {}", claims.word()),
        (None, _) if about.is_empty() => return None,
        (Some(claims), _) => format!("The code says {}: {about}", claims.word()),
        (None, Look::Blocked) => format!("Waits for {about}"),
        (None, Look::Sleeping) => format!("Sleeps: {about}"),
        (None, Look::OnCore | Look::Running | Look::Ready | Look::Created) => format!("It does: {about}"),
        _ => about.chars().take(1).flat_map(char::to_uppercase).chain(about.chars().skip(1)).collect(),
    };
    Some(if said.ends_with(['.', '?', '!']) { said } else { format!("{said}.") })
}

/// How a thread is, or how it ended: not how its process did. Empty where nothing is known of it.
fn thread_sentence(process: &ProcessRow, run: &RunView, tid: Tid, core: Option<u16>) -> String {
    let lane = lane_of(run, process, tid);
    let end = lane.and_then(|lane| lane.end.as_ref());
    let sample = process.threads.iter().find(|thread| thread.tid == tid);
    match (end, process.status) {
        (Some(LaneEnd::Exit(status)), _) => format!("The thread has ended with its process, which {}.", ended(*status)),
        (Some(LaneEnd::RunOver), _) => "The thread has ended with the run.".to_owned(),
        (Some(_), None) => "The thread has ended; its process goes on.".to_owned(),
        (_, Some(status)) => format!("The thread has ended. Its process {}.", ended(status)),
        (None, None) => sample
            .map_or_else(String::new, |thread| format!("{:.0} % CPU, last on core {}.", thread.cpu, core.unwrap_or(thread.core))),
    }
}

/// How it is, in words that say what follows from it.
fn sentence(process: &ProcessRow, run: &RunView) -> String {
    let time = process.started.secs();
    match (process.status, process.is_reaped()) {
        (Some(status), false) => format!("It {}.\nIts parent has not waited on it.", ended(status)),
        (Some(status), true) => format!("It {}, and its parent has waited on it. The row is history.", ended(status)),
        (None, _) if process.is_orphan => format!("Its parent died; {} has adopted it.", process.ppid),
        (None, _) => {
            let cpu = process.cpu;
            let memory = states::short_bytes(process.rss);
            let threads = process.threads.len().max(1);
            let plural = if threads == 1 { "thread" } else { "threads" };
            let age = (run.elapsed.secs() - time).max(0.0);
            format!("{threads} {plural}, {cpu:.0} % CPU, {memory}B memory, last on core {}. Began {age:.1} s ago.", process.core)
        }
    }
}

fn ended(status: ExitStatus) -> String {
    match status {
        ExitStatus::Exited(code) => format!("has ended with status {code}"),
        ExitStatus::Signaled { signal, core_dumped } => {
            format!("was ended by {signal}{}", if core_dumped { ", with a core dump" } else { "" })
        }
        ExitStatus::Unknown => "has ended; nobody can say how".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{
        Harness,
        kittest::{NodeT, Queryable},
    };

    use super::*;
    use crate::model::Pid;
    use crate::ui::{sample, testing};

    type State = (Selected, Actions, Typing);

    fn show(pid: i32) -> Harness<'static, State> {
        show_selected(Some((Pid::new(pid), None)))
    }

    fn show_thread(pid: i32, tid: i32) -> Harness<'static, State> {
        show_selected(Some((Pid::new(pid), Some(crate::model::Tid::new(tid)))))
    }

    fn show_selected(selection: Selection) -> Harness<'static, State> {
        let snapshot = sample::deadlock();
        testing::view(230.0, 420.0, State::default(), move |ui, (selected, actions, typing)| {
            selected.ui(ui, Some(&snapshot.runs[0]), selection, typing, actions);
        })
    }

    fn acted(harness: &mut Harness<'_, State>) -> Vec<String> {
        let actions = harness.state_mut().1.take();
        actions
            .into_iter()
            .map(|action| match action {
                UiAction::Act(run, action) => format!("{run} {action}"),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_zombie_is_explained_and_each_button_acts_on_it() {
        let mut harness = show(4716);
        harness.get_by_label_contains("It has ended with status 0");
        for (button, expected) in [
            ("Terminate", "1 terminate 4716"),
            ("Kill", "1 kill 4716"),
            ("Stop process", "1 stop 4716"),
            ("Continue", "1 continue 4716"),
            ("Wait on (reap)", "1 wait 4716"),
        ] {
            harness.get_by_label(button).click();
            harness.run();
            assert_eq!(acted(&mut harness), [expected]);
        }
    }

    #[test]
    fn the_selection_says_what_its_lane_says_since_when_and_why() {
        use crate::model::{LaneState, Monotonic, TaskState};
        let mut run = (*sample::deadlock().runs[0]).clone();
        let mut lane = sample::kernel_lane(4712, "worker-1", 4712, &[(0.0, LaneState::OnCore, 1), (0.68, LaneState::Blocked, 0)]);
        lane.words.push(Monotonic::from_secs(0.68), TaskState::Waiting, &"lock B".into(), Some(&"worker-2".into()), None);
        run.lanes = vec![sample::kernel_lane(4711, "main", 4711, &[(0.5, LaneState::Ready, 0)]).into(), lane.into()];
        let draw = |run: RunView, tid: Option<i32>| {
            let selection = Some((Pid::new(4711), tid.map(crate::model::Tid::new)));
            testing::view(230.0, 460.0, State::default(), move |ui, (selected, actions, typing)| {
                selected.ui(ui, Some(&run), selection, typing, actions);
            })
        };
        let thread = draw(run.clone(), Some(4712));
        for text in [
            "⏳ blocked",
            "since 0.680 s",
            "worker-1",
            "thread 4712 in process tasklab worker deadlock (4711)",
            "Waits for lock B, held by worker-2.",
        ] {
            thread.get_by_label(text);
        }
        let process = draw(run, None);
        process.get_by_label("◇ ready");
        process.get_by_label("since 0.500 s");
        assert!(process.query_by_label_contains("Waits for").is_none());
        show_thread(4711, 4712).get_by_label("Waits for a lock.");
    }

    #[test]
    fn the_end_of_a_thread_is_told_as_its_own() {
        let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
        let draw = |end: LaneEnd, status: Option<ExitStatus>| {
            let mut run = (*sample::deadlock().runs[0]).clone();
            let mut lane = sample::kernel_lane(1, "spin-1", 4799, &[(0.0, crate::model::LaneState::OnCore, 1)]);
            (lane.pid, lane.end) = (Pid::new(4711), Some(end));
            run.lanes = vec![lane.into()];
            let row = run.processes.iter_mut().find(|row| row.pid == Pid::new(4711)).expect("a row");
            (row.status, row.reaped) = (status, status.map(|_| crate::model::Monotonic::from_secs(2.0)));
            testing::view(230.0, 460.0, State::default(), move |ui, (selected, actions, typing)| {
                selected.ui(ui, Some(&run), Some((Pid::new(4711), Some(Tid::new(4799)))), typing, actions);
            })
        };
        for (end, status, badge, sentence) in [
            (LaneEnd::Done, None, "ended", "The thread has ended; its process goes on."),
            (LaneEnd::Done, Some(ExitStatus::Exited(0)), "ended", "The thread has ended. Its process has ended with status 0."),
            (
                LaneEnd::Exit(killed),
                Some(killed),
                "SIGKILL",
                "The thread has ended with its process, which was ended by SIGKILL.",
            ),
        ] {
            let window = draw(end, status);
            window.get_by_label(sentence);
            assert!(window.query_all_by_label_contains(badge).count() > 0);
            assert!(window.query_by_label_contains("waited on it").is_none());
        }
    }

    #[test]
    fn why_it_is_so_is_a_sentence_of_one_ending() {
        use crate::model::TaskState;
        let view = |look, about: &str, claims| StateView {
            look,
            word: String::new(),
            about: about.into(),
            claims,
            since: None,
            core: None,
        };
        for (view, sentence) in [
            (view(Look::Blocked, "you: which child?", None), "Waits for you: which child?"),
            (view(Look::Ready, "the parent's share", Some(TaskState::Running)), "The code says running: the parent's share."),
            (view(Look::OnCore, "the parent's share", None), "It does: the parent's share."),
            (view(Look::Sleeping, "a timer", None), "Sleeps: a timer."),
            (view(Look::Ready, "", Some(TaskState::Running)), "The code says running."),
        ] {
            assert_eq!(reason(&view).as_deref(), Some(sentence));
        }
    }

    #[test]
    fn a_run_of_programs_can_be_waited_on_as_a_whole() {
        let mut run = (*sample::deadlock().runs[0]).clone();
        run.scenario.clear();
        let mut harness = testing::view(230.0, 420.0, State::default(), move |ui, (selected, actions, typing)| {
            selected.ui(ui, Some(&run), None, typing, actions);
        });
        for (button, expected) in [("Wait on any", "1 wait-any"), ("Wait on all", "1 wait-all")] {
            harness.get_by_label(button).click();
            harness.run();
            assert_eq!(acted(&mut harness), [expected]);
        }
        assert!(show(4711).query_by_label("Wait on any").is_none(), "a lesson waits on its own");
    }

    fn show_command(command: &str) -> Harness<'static, State> {
        let mut run = (*sample::deadlock().runs[0]).clone();
        run.processes[0].command = command.into();
        let selection = Some((run.processes[0].pid, None));
        testing::view(230.0, 420.0, State::default(), move |ui, (selected, actions, typing)| {
            selected.ui(ui, Some(&run), selection, typing, actions);
        })
    }

    #[test]
    fn the_whole_command_line_is_shown_wrapped_and_copied() {
        let command = "sort -k 2 'two words' /usr/share/dict/words --parallel=4 --buffer-size=50%";
        let mut harness = show_command(command);
        harness.run();
        let label = harness.get_by_label(command).rect();
        assert!(label.right() <= 230.0 && label.height() > 20.0, "wrapped: {label:?}");
        harness.get_by_label("Copy the command line").click();
        assert_eq!(testing::copied(&mut harness).as_deref(), Some(command));
        show_command("").get_by_label("It is not known.");
    }

    #[test]
    fn a_megabyte_of_arguments_is_cut_where_it_is_shown_counted_and_copied_whole() {
        let command = format!("cat {}", "argument ".repeat(110_000));
        let mut harness = show_command(&command);
        harness.run();
        let label = harness.get_by_label_contains("cat argument");
        let text = label.accesskit_node().label().or(label.value()).unwrap_or_default();
        let left = command.len() - text.find("\n… and ").expect("it says what was left out");
        assert!(text.len() < 5_000 && text.ends_with(&format!("… and {left} more bytes.")), "{}", text.len());
        harness.get_by_label("Copy the command line").click();
        assert!(testing::copied(&mut harness) == Some(command), "all of it");
        let kill = |command: &str| show_command(command).get_by_label("Kill").rect();
        assert_eq!(kill("cat"), kill(&"x".repeat(1_000_000)), "no button moves");
    }

    #[test]
    fn no_button_moves_whatever_is_selected() {
        let place = |pid: i32, button: &str| show(pid).get_by_label(button).rect();
        assert_eq!(place(4711, "Kill"), show_thread(4711, 4712).get_by_label("Kill").rect(), "with a thread selected");
        for button in ["Terminate", "Kill", "Signal"] {
            let places = [4711, 4716, 4702, 1].map(|pid| place(pid, button));
            assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "{button}: {places:?}");
        }
    }

    #[test]
    fn the_scope_reaches_the_group_and_the_menu_has_every_signal() {
        let mut harness = show(4711);
        harness.get_by_label("group").click();
        harness.run();
        harness.get_by_label("Kill").click();
        harness.run();
        assert_eq!(acted(&mut harness), ["1 kill-group 4711"]);
        harness.get_by_label("Signal").click();
        harness.run();
        harness.get_by_label("SIGUSR1").click();
        harness.run();
        assert_eq!(acted(&mut harness), ["1 SIGUSR1-group 4711"]);
    }

    #[test]
    fn what_is_gone_takes_no_signal_and_nothing_selected_says_so() {
        let mut harness = show(4715);
        harness.get_by_label("Kill").click();
        harness.run();
        assert!(acted(&mut harness).is_empty());
        show(1).get_by_label_contains("Click a row");
    }
}
