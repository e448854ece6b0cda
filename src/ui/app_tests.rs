//! The whole window, driven by accessible name and by keys: what reaches the engine. Never a display, never a process.

use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;
use egui::{Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable};

use super::app::App;
use super::gallery::Gallery;
use super::settings::Preferences;
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
    window.harness.get_by_label(testing::FORK.prediction.ask);
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
fn pins_toggle_through_the_run_that_owns_them() {
    let mut window = Window::open(running());
    window.click("pin 15, GPIO22, output, high, lock B");
    window.click("pin 7, GPIO4, input, low");
    let commands = window.commands();
    assert!(matches!(&commands[0], Command::Act { action: Action::Toggle, target, .. } if target == "GPIO22"), "{commands:?}");
    let press = |is_pressed| LineRequest::Press { line: 4, is_pressed };
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

/// A run of the pool's, with everything that the deadlock shows.
fn pool_running() -> Snapshot {
    let mut snapshot = sample::deadlock();
    let mut run = (*snapshot.runs[0]).clone();
    run.scenario = testing::POOL.id.to_owned();
    snapshot.runs = vec![Arc::new(run)];
    snapshot
}

#[test]
fn two_ways_are_chosen_on_the_card_and_their_numbers_stand_side_by_side() {
    // Narrow and high: the whole card is in sight.
    let mut window = Window::sized(Snapshot::default(), 900.0, 1500.0, 8);
    window.press(Modifiers::ALT, Key::Num1);
    window.click("Thread pools");
    window.harness.get_by_label_contains("COMPARE TWO WAYS").click();
    window.harness.run_steps(20);
    window.click("Compare");
    let commands = window.commands();
    let [Command::Compare(request)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((request.scenario(), request.labels().count()), ("thread-pool", 2));
    assert!(window.has("Nothing was compared yet"), "the tab is open");
    let mut comparison = sample::comparison();
    comparison.scenario = "thread-pool".to_owned();
    window.show(Snapshot { comparison: Some(Arc::new(comparison)), ..Snapshot::default() });
    assert!(window.has("1.9 × faster") && window.has("cores used: threads 1.02, processes 1.98"));
    window.press(Modifiers::ALT, Key::Num1);
    window.click("Fork and join");
    window.press(Modifiers::ALT, Key::Num4);
    assert!(!window.has("1.9 × faster"), "that was another scenario");
}

#[test]
fn step_mode_starts_with_a_run_lets_one_go_on_and_ends() {
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.click("Step mode");
    let commands = window.commands();
    let [Command::Launch(request)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(request.script.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0 step on"]);
    let mut snapshot = pool_running();
    let mut run = (*snapshot.runs[0]).clone();
    run.lanes[2].segments = vec![sample::segment(0.1, None, crate::model::TaskState::Waiting, "step: acquire lock A")].into();
    snapshot.runs = vec![Arc::new(run)];
    window.show(snapshot);
    assert!(window.has("Who goes next?"));
    window.click("Let worker-2 go on");
    window.click("All go on");
    let words: Vec<String> = window
        .commands()
        .into_iter()
        .map(|command| match command {
            Command::Act { action, target, .. } => format!("{action} {target}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(words, ["step worker-2", "step off"]);
    window.show(pool_running());
    assert!(!window.has("Who goes next?"));
}

#[test]
fn a_deadlock_is_shown_in_words_with_its_reason_and_gone_when_it_is_over() {
    let mut snapshot = pool_running();
    let mut run = (*snapshot.runs[0]).clone();
    run.findings = vec![crate::model::RunFinding {
        id: "deadlock".to_owned(),
        text: "Deadlock: worker-1 waits for lock B, held by worker-2, which waits for lock A, held by worker-1.".to_owned(),
        tasks: vec!["worker-1".to_owned(), "worker-2".to_owned()],
        is_over: false,
    }];
    snapshot.runs = vec![Arc::new(run)];
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.show(snapshot);
    assert!(window.has("Deadlock: worker-1 waits for lock B"));
    window.click("Why?");
    assert!(window.has("none gives up what it has"));
    window.show(pool_running());
    assert!(!window.has("Deadlock: worker-1"));
}

#[test]
fn a_click_on_a_task_that_tells_its_line_opens_the_code_there() {
    let mut snapshot = pool_running();
    let mut run = (*snapshot.runs[0]).clone();
    run.lanes[1].line = Some(2);
    snapshot.runs = vec![Arc::new(run)];
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.show(snapshot);
    window.click("Facts");
    window.click("lane worker-1: waiting lock B");
    assert!(window.has("line 2: worker-1"), "the code is open, and the line is marked");
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
    for pane in super::layout::Pane::ALL {
        assert!(window.has(pane.first_use()), "{pane:?}");
        window.click(&format!("Got it: {}", pane.title()));
        assert!(!window.has(pane.first_use()), "{pane:?}");
    }
    let text = format!("{:?}", window.harness.state().preferences());
    assert!(text.contains("Timeline") && text.contains("Log"), "it is kept: {text}");
}

#[test]
fn the_projector_shows_one_plot_the_lanes_and_the_log() {
    let mut window = Window::open(running());
    window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
    window.harness.run_steps(3);
    assert_eq!(window.harness.query_all_by_label_contains("core 0").count(), 1, "one plot for all");
    assert!(window.has("lane worker-1") && window.has("one cannot kill the dead"));
    window.click("Processes");
    assert!(window.has("process sort 4716"));
}

#[test]
fn for_fingers_everything_is_larger() {
    let mut window = Window::open(running());
    let height = |window: &Window| window.harness.get_by_label("Kill").rect().height();
    let row =
        |window: &Window| window.harness.get_by_role_and_label(egui::accesskit::Role::Button, "Fork and join").rect().height();
    let before = (height(&window), row(&window));
    window.press(Modifiers::CTRL, Key::Comma);
    window.harness.get_by_label_contains("large targets").click();
    window.press(Modifiers::NONE, Key::Escape);
    window.harness.run_steps(4);
    let after = (height(&window), row(&window));
    assert!(before.0 < 32.0 && after.0 >= 36.0 && after.1 >= 34.0, "{before:?} {after:?}");
}

#[test]
fn what_was_chosen_is_kept() {
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.click("as Python");
    let text = format!("{:?}", window.harness.state().preferences());
    assert!(text.contains("thread-pool") && text.contains("Python"), "{text}");
}

#[test]
fn the_question_is_asked_before_the_run_beside_it_and_answered_after_it() {
    let mut window = Window::open(Snapshot::default());
    let ask = testing::FORK.prediction.ask;
    assert!(window.has(ask));
    window.click("Twice");
    window.show(running());
    assert!(window.has("Your guess: Twice"));
    window.click("Guess again");
    window.click("Guess: Once");
    let mut snapshot = finished();
    let mut run = (*snapshot.runs[0]).clone();
    run.facts[0].id = testing::FORK.prediction.fact.to_owned();
    snapshot.runs = vec![Arc::new(run)];
    window.show(snapshot);
    let verdict = window.harness.get_by_label_contains("You predicted: Once").rect();
    assert!(window.has("It is: Twice") && window.harness.ctx.content_rect().contains_rect(verdict));
}

#[test]
fn a_small_screen_is_for_fingers_and_start_is_on_every_tab() {
    let mut window = Window::sized(running(), 800.0, 480.0, 8);
    let inside = |window: &Window, name: &str| {
        let rect = window.harness.get_by_role_and_label(egui::accesskit::Role::Button, name).rect();
        assert!(window.harness.ctx.content_rect().contains_rect(rect), "{name}: {rect:?}");
        rect.height()
    };
    for tab in ["Scenarios", "Timeline", "Processes", "Code and output", "Actions and pins", "What happened"] {
        window.click(tab);
        for name in ["Stop", "Stop everything", tab] {
            assert!(inside(&window, name) >= 36.0, "{name} on {tab}");
        }
    }
    window.click("Actions and pins");
    window.show(finished());
    window.click("Scenarios");
    window.click("Start");
    assert!(window.has("lane worker-1"), "what begins is what one sees");
}

#[test]
fn without_pins_the_header_is_a_line_that_opens() {
    let mut snapshot = running();
    let mut board = sample::board();
    board.pins.iter_mut().for_each(|pin| pin.owner = None);
    snapshot.board = Arc::new(board);
    let mut window = Window::open(snapshot);
    assert!(!window.has("pin 40, ") && window.has("both workers wait for ever"), "its place shows the facts");
    window.click("40-pin header");
    assert!(window.has("pin 40, "));
    window.click("40-pin header");
    assert!(!window.has("pin 40, "));
}

#[test]
fn what_is_asked_of_the_dead_is_answered_with_the_reason() {
    let mut window = Window::open(running());
    window.click("process cat words.txt 4715: exited 0");
    window.press(Modifiers::NONE, Key::K);
    assert!(window.commands().is_empty() && window.has("its parent has waited on it"), "not “select a process”");
}

#[test]
fn panes_keep_their_place_when_the_window_changes() {
    let mut snapshot = sample::snapshot(300);
    let mut run = (*snapshot.runs[0]).clone();
    run.scenario = testing::FORK.id.to_owned();
    snapshot.runs = vec![Arc::new(run)];
    let mut window = Window::open(snapshot);
    let newest = "worker-299 got the lock";
    assert!(window.has(newest));
    for key in [Key::Plus, Key::Plus, Key::Num0] {
        window.press(Modifiers::CTRL, key);
        window.harness.run_steps(3);
        assert!(window.has(newest), "the log shows its end after {key:?}");
    }
}
