//! The whole window, driven by accessible name and by keys: what reaches the engine. Never a display, never a process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;
use egui::{Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable};

use super::app::{App, Preferences};
use super::gallery::Gallery;
use super::{sample, testing};
use crate::engine::{Command, EngineHandle, LineRequest, What};
use crate::model::{Action, Finished, Language, Outcome, RunState, Scope, Snapshot};

struct Window {
    harness: Harness<'static, App>,
    sent: Receiver<Command>,
    slot: Arc<Mutex<Arc<Snapshot>>>,
}

impl Window {
    fn open(snapshot: Snapshot) -> Self {
        Self::sized(snapshot, 1280.0, 800.0, 8)
    }

    fn sized(snapshot: Snapshot, width: f32, height: f32, queue: usize) -> Self {
        let (sender, sent) = crossbeam_channel::bounded(queue);
        let slot = Arc::new(Mutex::new(Arc::new(snapshot)));
        let engine = EngineHandle::new(sender, Arc::clone(&slot));
        let mut harness = Harness::builder()
            .with_size([width, height])
            .with_context_setup(Gallery::prepare)
            .build_eframe(|context| App::new(&context.egui_ctx, engine, testing::CATALOGUE, Preferences::default()));
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

/// The deadlock's processes as a run of a scenario that the tests' catalogue has.
fn running() -> Snapshot {
    let mut snapshot = sample::deadlock();
    let mut run = (*snapshot.runs[0]).clone();
    run.scenario = testing::FORK.id.to_owned();
    snapshot.runs = vec![Arc::new(run)];
    snapshot
}

fn finished() -> Snapshot {
    let mut snapshot = running();
    let mut run = (*snapshot.runs[0]).clone();
    run.state = RunState::Finished(Finished { outcome: Outcome::Passed, elapsed_s: 1.5, processes_left: 0 });
    snapshot.runs = vec![Arc::new(run)];
    snapshot.sequence = 2;
    snapshot
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
fn before_the_first_start_the_question_stands_where_the_lanes_will_be() {
    let mut window = Window::open(Snapshot::default());
    assert!(window.harness.query_all_by_label(testing::FORK.prediction.ask).count() == 2, "on the card and in the centre");
    window.click("Run a program");
    assert!(window.has("Any program of this machine"));
}

#[test]
fn space_starts_and_ends() {
    let mut window = Window::open(Snapshot::default());
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(window.commands()[..], [Command::Launch(_)]));
    window.show(running());
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(&window.commands()[..], [Command::Act { action: Action::End, target, .. }] if target.is_empty()));
    window.show(finished());
    assert!(window.has("Passed after 1.50 s"));
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(window.commands()[..], [Command::Launch(_)]));
}

#[test]
fn space_starts_after_a_click_and_from_within_the_table() {
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(window.commands()[..], [Command::Launch(_)]));
    window.show(finished());
    window.click("Fork and join");
    window.press(Modifiers::NONE, Key::F5);
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::Space);
    assert!(matches!(window.commands()[..], [Command::Launch(_)]));
}

#[test]
fn kill_reaches_the_selected_row_by_button_and_by_key() {
    let mut window = Window::open(running());
    window.press(Modifiers::NONE, Key::K);
    assert!(window.commands().is_empty() && window.has("Select a process first"), "nothing is selected yet");
    window.click("process sort 4716: zombie");
    window.click("Kill");
    window.press(Modifiers::NONE, Key::K);
    window.press(Modifiers::SHIFT, Key::Delete);
    let commands = window.commands();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        assert!(
            matches!(&command, Command::Act { run, action: Action::Kill(Scope::Process), target } if run.number() == 1 && target == "4716"),
            "{command:?}"
        );
    }
    window.press(Modifiers::NONE, Key::W);
    window.press(Modifiers::NONE, Key::Delete);
    assert!(matches!(
        window.commands()[..],
        [Command::Act { action: Action::Wait, .. }, Command::Act { action: Action::Terminate(Scope::Process), .. }]
    ));
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
fn pins_toggle_through_the_run_that_owns_them() {
    let mut window = Window::open(running());
    window.click("pin 15, GPIO22, output, high, lock B");
    window.click("pin 40, GPIO21, input, low");
    let commands = window.commands();
    assert!(matches!(&commands[0], Command::Act { action: Action::Toggle, target, .. } if target == "GPIO22"), "{commands:?}");
    let press = |is_pressed| LineRequest::Press { line: 21, is_pressed };
    let pressed = [&commands[1], &commands[2]].map(|command| match command {
        Command::Lines { request, .. } => Some(request.clone()),
        _ => None,
    });
    assert_eq!(pressed, [Some(press(true)), Some(press(false))]);
}

#[test]
fn on_the_touch_display_every_part_is_a_tab() {
    let mut window = Window::sized(running(), 800.0, 480.0, 8);
    assert!(window.has("lane worker-1") && !window.has("process sort"));
    window.click("Processes");
    assert!(window.has("process sort 4716"));
    window.click("Actions and pins");
    assert!(window.has("pin 40") && window.has("Click a row"));
    window.press(Modifiers::ALT, Key::Num6);
    assert!(window.has("one cannot kill the dead"));
    window.press(Modifiers::ALT, Key::Num1);
    assert!(window.has("Fork and join"));
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
fn zoom_keys_change_the_size_and_the_projector_goes_back() {
    let mut window = Window::open(Snapshot::default());
    let zoom = |window: &Window| window.harness.ctx.zoom_factor();
    window.press(Modifiers::CTRL, Key::Plus);
    assert!(zoom(&window) > 1.05);
    window.press(Modifiers::CTRL, Key::Num0);
    window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
    assert!((zoom(&window) - 1.75).abs() < 0.01);
    window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
    assert!((zoom(&window) - 1.0).abs() < 0.01);
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
fn the_signal_menu_opens_by_key_covers_the_letters_and_closes_on_escape() {
    let mut window = Window::open(running());
    window.click("process sort 4716: zombie");
    window.press(Modifiers::NONE, Key::F9);
    assert!(window.has("SIGUSR1"));
    window.press(Modifiers::NONE, Key::K);
    assert!(window.commands().is_empty(), "the letter was not for the window below");
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.has("SIGUSR1"));
    window.press(Modifiers::NONE, Key::F9);
    window.click("SIGHUP");
    assert!(matches!(&window.commands()[..], [Command::Act { action: Action::Signal(signal, _), .. }] if signal.number() == 1));
}

#[derive(Default)]
struct Kept(HashMap<String, String>);

impl eframe::Storage for Kept {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

#[test]
fn what_was_chosen_is_kept_and_nonsense_is_not_read() {
    use eframe::App as _;
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.click("as Python");
    let mut kept = Kept::default();
    window.harness.state_mut().save(&mut kept);
    let preferences: Preferences = eframe::get_value(&kept, eframe::APP_KEY).expect("kept");
    let text = format!("{preferences:?}");
    assert!(text.contains("thread-pool") && text.contains("Python"), "{text}");
    kept.0.insert(eframe::APP_KEY.to_owned(), "(((".to_owned());
    assert!(eframe::get_value::<Preferences>(&kept, eframe::APP_KEY).is_none());
}
