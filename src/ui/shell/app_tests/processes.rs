//! The processes, what is done to them, and the header, in the whole window.

use std::sync::Arc;

use egui::{Key, Modifiers};

use super::{Window, finished, running};
use crate::engine::{Command, LineRequest};
use crate::model::{Action, Line, Scope, Sent, Snapshot};
use crate::ui::sample;

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
            matches!(&command, Command::Act { run, action } if run.number() == 1 && action.to_string() == "kill 4716"),
            "{command:?}"
        );
    }
    window.press(Modifiers::NONE, Key::W);
    window.press(Modifiers::NONE, Key::Delete);
    assert!(matches!(
        window.commands()[..],
        [
            Command::Act { action: Action::Wait(_), .. },
            Command::Act { action: Action::Send(Sent::Terminate, _, Scope::Process), .. }
        ]
    ));
}

#[test]
fn pins_toggle_through_the_run_that_owns_them() {
    let mut window = Window::open(running());
    window.click("pin 15, GPIO22, output, high, lock B");
    window.click("pin 7, GPIO4, input, low");
    let commands = window.commands();
    assert!(matches!(&commands[0], Command::Act { action: Action::Toggle(line), .. } if line.number() == 22), "{commands:?}");
    let press = |is_pressed| LineRequest::Press { line: Line::gpio(4), is_pressed };
    let pressed = [&commands[1], &commands[2]].map(|command| match command {
        Command::Lines { request, .. } => Some(request.clone()),
        _ => None,
    });
    assert_eq!(pressed, [Some(press(true)), Some(press(false))]);
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
    assert!(
        matches!(&window.commands()[..], [Command::Act { action: Action::Send(Sent::Signal(signal), ..), .. }] if signal.number() == 1)
    );
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
