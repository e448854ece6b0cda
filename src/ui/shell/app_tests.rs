//! The whole window, driven by accessible name and by keys: what reaches the engine. Never a display, never a process.

mod calm;
mod cores;
mod foreign;
mod lessons;
mod processes;
mod rooms;
mod sizes;

use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;
use egui::{Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable};

use crate::engine::{Command, EngineHandle, What};
use crate::model::{Action, Finished, Language, Outcome, RunState, RunView, Snapshot};
use crate::ui::gallery::Gallery;
use crate::ui::shell::app::App;
use crate::ui::shell::settings::Preferences;
use crate::ui::{sample, testing};

struct Window {
    harness: Harness<'static, App>,
    sent: Receiver<Command>,
    slot: Arc<Mutex<Arc<Snapshot>>>,
}

impl Window {
    fn open(snapshot: Snapshot) -> Self {
        Self::sized(snapshot, 1280.0, 800.0, 8)
    }

    /// As somebody sees it who has dismissed all first-use cards.
    fn sized(snapshot: Snapshot, width: f32, height: f32, queue: usize) -> Self {
        Self::with(snapshot, (width, height), queue, Preferences::settled())
    }

    fn with(snapshot: Snapshot, (width, height): (f32, f32), queue: usize, preferences: Preferences) -> Self {
        let (sender, sent) = crossbeam_channel::bounded(queue);
        let slot = Arc::new(Mutex::new(Arc::new(snapshot)));
        let engine = EngineHandle::new(sender, Arc::clone(&slot));
        let mut harness = Harness::builder()
            .with_size([width, height])
            .with_context_setup(Gallery::prepare)
            .build_eframe(|context| App::new(&context.egui_ctx, engine, testing::CATALOGUE, preferences));
        harness.run_steps(3);
        Self { harness, sent, slot }
    }

    fn show(&mut self, snapshot: Snapshot) {
        *self.slot.lock().expect("not poisoned") = Arc::new(snapshot);
        self.harness.run_steps(2);
    }

    fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run_steps(4);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(2);
    }

    fn commands(&self) -> Vec<Command> {
        self.sent.try_iter().collect()
    }

    fn has(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }
}

/// The deadlock's processes as a run of a scenario that the tests' catalogue has, and what else is to be so.
fn running_as(id: &str, change: impl FnOnce(&mut RunView)) -> Snapshot {
    let mut snapshot = sample::deadlock();
    let mut run = (*snapshot.runs[0]).clone();
    run.scenario = id.to_owned();
    change(&mut run);
    snapshot.runs = vec![Arc::new(run)];
    snapshot
}

fn running() -> Snapshot {
    running_as(testing::FORK.id, |_| {})
}

fn finished() -> Snapshot {
    finished_as(testing::FORK.id, |_| {})
}

fn finished_as(id: &str, change: impl FnOnce(&mut RunView)) -> Snapshot {
    let finished = Finished { outcome: Outcome::Passed, elapsed_s: 1.5, processes_left: 0, reason: None };
    let snapshot = running_as(id, |run| {
        run.state = RunState::Finished(finished);
        change(run);
    });
    Snapshot { sequence: 2, ..snapshot }
}

#[test]
fn start_launches_the_shown_scenario_in_the_chosen_language() {
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.click("as Python");
    window.click("Start");
    let commands = window.commands();
    let [Command::Launch(request)] = &commands[..] else { panic!("{commands:?}") };
    assert!(
        matches!(&request.what, What::Scenario { id, language: Language::Python, params } if id == "thread-pool" && params.is_empty()),
        "{request:?}"
    );
}

#[test]
fn space_starts_and_ends() {
    let mut window = Window::open(Snapshot::default());
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(window.commands()[..], [Command::Launch(_)]));
    window.show(running());
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(&window.commands()[..], [Command::Act { action: Action::End, .. }]));
    window.show(finished());
    assert!(window.has("Passed after 1.50 s"));
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(window.commands()[..], [Command::Launch(_)]));
}

#[test]
fn letters_typed_into_a_field_do_nothing_else() {
    let mut window = Window::open(running());
    window.click("process sort 4716: zombie");
    window.press(Modifiers::CTRL, Key::F);
    window.harness.get_by_label("Search scenarios").type_text("k t w p");
    for key in [Key::K, Key::T, Key::W, Key::P, Key::Space] {
        window.press(Modifiers::NONE, key);
    }
    assert!(window.commands().is_empty());
    assert!(!window.has("The display is paused"));
}

#[test]
fn what_is_typed_right_after_the_slash_is_searched_and_not_obeyed() {
    let mut window = Window::open(running());
    window.click("process sort 4716: zombie");
    window.harness.key_press(Key::Slash);
    for (key, text) in [(Key::Slash, "/"), (Key::K, "k"), (Key::T, "t")] {
        if key != Key::Slash {
            window.harness.key_press(key);
        }
        window.harness.event(egui::Event::Text(text.to_owned()));
    }
    window.harness.run_steps(3);
    assert!(window.commands().is_empty());
    assert!(window.has("No scenario has that"), "nothing is called “kt”");
}

#[test]
fn a_program_is_run_from_the_form_and_its_run_is_shown() {
    let mut window = Window::open(Snapshot::default());
    window.click("Run a program");
    window.harness.get_by_label("Command").focus();
    window.harness.run_steps(1);
    window.harness.get_by_label("Command").type_text("sort 'a b' | uniq");
    window.harness.run_steps(2);
    window.click("Run it");
    let commands = window.commands();
    let [Command::Launch(request)] = &commands[..] else { panic!("{commands:?}") };
    let What::Programs { stages, .. } = &request.what else { panic!("{request:?}") };
    assert_eq!(stages.iter().map(|stage| stage.argv.len()).collect::<Vec<_>>(), [2, 1]);
    let mut snapshot = running();
    let mut run = (*snapshot.runs[0]).clone();
    (run.scenario, run.title) = (String::new(), "sort | uniq".to_owned());
    snapshot.runs = vec![Arc::new(run)];
    window.show(snapshot);
    assert!(window.has("Mine  ›  sort | uniq"));
    assert!(window.has("process sort 4716"));
}

#[test]
fn pausing_holds_the_picture_and_loses_nothing() {
    let mut window = Window::open(running());
    window.press(Modifiers::NONE, Key::P);
    assert!(window.has("The display is paused"));
    window.show(finished());
    assert!(!window.has("Passed after"), "the picture stands still");
    window.press(Modifiers::NONE, Key::P);
    assert!(window.has("Passed after") && !window.has("The display is paused"));
}

#[test]
fn a_refused_command_is_a_notice() {
    let mut window = Window::sized(running(), 1280.0, 800.0, 1);
    window.click("Stop everything");
    window.click("Stop everything");
    assert_eq!(window.commands().len(), 1);
    assert!(window.has("the engine is busy"));
}

#[test]
fn help_opens_and_escape_closes_it() {
    let mut window = Window::open(Snapshot::default());
    window.press(Modifiers::NONE, Key::F1);
    assert!(window.has("Help: commands and keys"));
    window.press(Modifiers::NONE, Key::Escape);
    window.harness.run_steps(4);
    assert!(!window.has("Help: commands and keys"));
}

#[test]
fn trouble_is_told_and_an_unknown_scenario_is_a_notice() {
    let mut window = Window::open(Snapshot { trouble: Some("the supervisor has gone".to_owned()), ..Snapshot::default() });
    assert!(window.has("the supervisor has gone"));
    window.harness.state_mut().start("no-such");
    window.harness.run_steps(2);
    assert!(window.has("no-such") && window.commands().is_empty());
    window.harness.state_mut().start("thread-pool");
    assert!(matches!(window.commands()[..], [Command::Launch(_)]));
}

#[test]
fn a_run_is_saved_by_key_and_by_button_and_nothing_is_a_notice() {
    let mut window = Window::open(Snapshot::default());
    window.press(Modifiers::CTRL, Key::E);
    assert!(window.commands().is_empty() && window.has("nothing to save"));
    window.show(finished());
    window.press(Modifiers::CTRL, Key::E);
    window.click("Save the run");
    assert!(matches!(window.commands()[..], [Command::Save(_), Command::Save(_)]));
}

#[test]
fn each_pane_says_once_what_it_is_for() {
    let mut window = Window::with(running(), (1280.0, 800.0), 8, Preferences::default());
    for pane in crate::ui::ask::parts::Pane::ALL {
        assert!(window.has(pane.first_use()), "{pane:?}");
        window.click(&format!("Got it: {}", pane.title()));
        assert!(!window.has(pane.first_use()), "{pane:?}");
    }
    let text = format!("{:?}", window.harness.state().preferences());
    assert!(text.contains("Timeline") && text.contains("Log"), "it is kept: {text}");
}

#[test]
fn what_was_chosen_is_kept() {
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.click("as Python");
    let text = format!("{:?}", window.harness.state().preferences());
    assert!(text.contains("thread-pool") && text.contains("Python"), "{text}");
}
