//! One pin in words, and what is asked of its line. Pure, but for the pointer that holds a virtual button.

use egui::Ui;

use crate::model::{Action, BoardView, PinFunction, PinView, Pull, RunId};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::foreign;

/// A click on an output, on a line of a run that goes on or on one that nobody owns.
pub(crate) fn toggle(pin: &PinView, line: u8, running: Option<RunId>) -> UiAction {
    match running.filter(|_| pin.owner.is_some()) {
        Some(run) => UiAction::Act(run, Action::Toggle, format!("GPIO{line}")),
        None => UiAction::ToggleLine(line),
    }
}

/// A virtual button: down as long as the pointer is, or for a moment where a keyboard clicks.
pub(crate) fn press(ui: &Ui, response: &egui::Response, line: u8, actions: &mut Actions) {
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

pub(crate) fn line_of(function: PinFunction) -> Option<u8> {
    match function {
        PinFunction::Input(line) | PinFunction::Output(line) => Some(line),
        _ => None,
    }
}

pub(crate) fn name_of(function: PinFunction) -> String {
    match function {
        PinFunction::Power3V3 => "3V3".to_owned(),
        PinFunction::Power5V => "5V".to_owned(),
        PinFunction::Ground => "GND".to_owned(),
        PinFunction::HatId => "ID".to_owned(),
        PinFunction::Input(line) | PinFunction::Output(line) => format!("GPIO{line}"),
    }
}

/// `pin 11, GPIO17, output, high, lock A`.
pub(crate) fn describe(pin: &PinView, number: usize, board: &BoardView) -> String {
    let mut text = format!("pin {number}, {}", name_of(pin.function));
    match pin.function {
        PinFunction::Input(_) => text.push_str(", input"),
        PinFunction::Output(_) => text.push_str(", output"),
        PinFunction::HatId => text.push_str(", for the HAT's EEPROM"),
        _ => {}
    }
    if let Some(is_high) = pin.level {
        text.push_str(if is_high { ", high" } else { ", low" });
    }
    match pin.pull {
        Some(Pull::Up) => text.push_str(", pull-up"),
        Some(Pull::Down) => text.push_str(", pull-down"),
        Some(Pull::Off) => text.push_str(", no pull"),
        None => {
            // An output needs none.
            let input = matches!(pin.function, PinFunction::Input(_)).then_some(pin);
            if let Some(unknown) = input.and_then(|pin| board.why_no_pull(pin)) {
                text.push_str(", pull ");
                text.push_str(unknown.short());
            }
        }
    }
    if let Some(owner) = &pin.owner {
        text.push_str(", ");
        text.push_str(&foreign::line(owner));
    }
    text
}
