//! One pin of the header: its state in words, and buttons for what can be done with it. UI thread.

use egui::{Button, Ui, vec2};

use crate::model::{BoardView, PinFunction, PinView, RunId};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::theme::{self, palette};
use crate::ui::look::{foreign, widgets};
use crate::ui::panes::header::pins::{describe, press, toggle};

/// The owner of what a person drives.
const YOU: &str = "you";

/// How high it is.
pub fn height(ui: &Ui) -> f32 {
    let button = if theme::is_touch(ui) { 40.0 } else { 24.0 };
    button + 24.0
}

/// Draws it: the pin in words, what to know before using it, and the buttons.
pub fn ui(ui: &mut Ui, pin: &PinView, number: usize, board: &BoardView, running: Option<RunId>, actions: &mut Actions) {
    let colors = palette(ui);
    let words = describe(pin, number, board);
    let note = pin.note.as_deref().map(|note| format!(" ⚠ {}", foreign::line(note))).unwrap_or_default();
    let text = theme::bold(format!("{words}{note}")).size(11.0).color(colors.text);
    let why = board.why_no_pull(pin).map(|unknown| format!("Its pull {unknown}.")).unwrap_or_default();
    let whole = [&words, note.trim_start(), &why].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    widgets::hint(ui.add(egui::Label::new(text).truncate()), &whole);
    let Some(line) = pin.function.line() else { return };
    let is_free = pin.owner.is_none();
    ui.horizontal(|ui| {
        let size = vec2(0.0, 22.0);
        match pin.function {
            PinFunction::Output(_) => {
                let help = "Drives the line to the other level.";
                if ui.add(Button::new(format!("Toggle {line}")).min_size(size)).on_hover_text(help).clicked() {
                    actions.push(toggle(pin, line, running));
                }
                let help = "Drives the line low, and makes it an input again.";
                if pin.owner.as_deref() == Some(YOU)
                    && ui.add(Button::new(format!("Give {line} back")).min_size(size)).on_hover_text(help).clicked()
                {
                    actions.push(UiAction::FreeLine(line));
                }
            }
            PinFunction::Input(_) => {
                let help = "Makes the line an output of yours, and drives it to the other level than it has.";
                if is_free && ui.add(Button::new(format!("Drive {line}")).min_size(size)).on_hover_text(help).clicked() {
                    actions.push(UiAction::ToggleLine(line));
                }
                if board.backend == "simulated" {
                    let button = Button::new(format!("Press {line}")).min_size(size).sense(egui::Sense::click_and_drag());
                    let response = ui.add(button).on_hover_text("Its virtual button: down as long as you hold it.");
                    press(ui, &response, line, actions);
                }
            }
            _ => {}
        }
    });
}
