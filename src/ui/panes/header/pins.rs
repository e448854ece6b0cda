//! One pin in words, and what is asked of its line. Pure, but for the pointer that holds a virtual button.

use std::fmt::Write as _;

use egui::Ui;

use crate::model::{Action, BoardView, Line, PinFunction, PinView, RunId};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::foreign;

/// A click on an output, on a line of a run that goes on or on one that nobody owns.
pub(crate) fn toggle(pin: &PinView, line: Line, running: Option<RunId>) -> UiAction {
    match running.filter(|_| pin.owner.is_some()) {
        Some(run) => UiAction::Act(run, Action::Toggle(line)),
        None => UiAction::ToggleLine(line),
    }
}

/// A virtual button: down as long as the pointer is, or for a moment where a keyboard clicks.
pub(crate) fn press(ui: &Ui, response: &egui::Response, line: Line, actions: &mut Actions) {
    let was_down = ui.data(|data| data.get_temp(response.id)).unwrap_or(false);
    let is_down =
        response.is_pointer_button_down_on() && !response.secondary_clicked() && ui.input(|input| input.pointer.primary_down());
    if is_down != was_down {
        ui.data_mut(|data| data.insert_temp(response.id, is_down));
        actions.push(UiAction::PressLine(line, is_down));
    } else if response.clicked() && !was_down {
        actions.push(UiAction::PressLine(line, true));
        actions.push(UiAction::PressLine(line, false));
    }
}

/// `pin 11, GPIO17, output, high, lock A`.
pub(crate) fn describe(pin: &PinView, number: usize, board: &BoardView) -> String {
    let mut text = format!("pin {number}, {}", pin.function);
    match pin.function {
        PinFunction::Input(_) => text.push_str(", input"),
        PinFunction::Output(_) => text.push_str(", output"),
        PinFunction::HatId => text.push_str(", for the HAT's EEPROM"),
        _ => {}
    }
    if let Some(level) = pin.level {
        let _ = write!(text, ", {level}");
    }
    if let Some(pull) = pin.pull {
        let _ = write!(text, ", {pull}");
    } else if let Some(unknown) = board.why_no_pull(pin).filter(|_| !pin.function.is_output()) {
        // An output needs none.
        text.push_str(", pull ");
        text.push_str(unknown.short());
    }
    if let Some(owner) = &pin.owner {
        text.push_str(", ");
        text.push_str(&foreign::line(owner));
    }
    text
}
