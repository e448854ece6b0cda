//! The 40-pin header in its physical order: both numbers, levels, owners; outputs toggle on a click, virtual inputs are pressed, and what
//! can be done with the pin that was clicked stands below as buttons. UI thread.

use egui::{Align2, FontId, Rect, RichText, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::model::{BoardView, Level, PinFunction, PinView, Pull, RunId};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::theme::{self, Palette, palette};
use crate::ui::look::{foreign, widgets};
use crate::ui::panes::header::pin_card;
use crate::ui::panes::header::pins::{describe, press, toggle};

/// Draws the header. `running` is the run that gets the toggle of a line with an owner.
pub fn ui(ui: &mut Ui, board: &BoardView, running: Option<RunId>, actions: &mut Actions) {
    let colors = palette(ui);
    if board.pins.is_empty() {
        widgets::nothing_yet(ui, "The board has not answered yet.");
        return;
    }
    let rows = board.pins.len().div_ceil(2);
    let chosen = ui.scope_id().with("chosen pin");
    let shown = ui.data(|data| data.get_temp::<usize>(chosen)).and_then(|number| Some((number, board.pins.get(number - 1)?)));
    // It has its room always, so that no pin moves when one is chosen.
    let foot = 20.0 + pin_card::height(ui);
    let least = if theme::is_touch(ui) { 22.0 } else { 13.5 };
    let pitch = ((ui.available_height() - foot - 4.0) / rows as f32).clamp(least, 24.0);
    egui::ScrollArea::vertical()
        .scroll_source(widgets::scroll_source(ui))
        .id_salt("header")
        .max_height((ui.available_height() - foot).max(60.0))
        .auto_shrink([false, true])
        .show(ui, |ui| {
            let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), pitch * rows as f32 + 4.0), Sense::hover());
            let strip = Rect::from_center_size(area.center(), vec2(STRIP, area.height()));
            ui.painter().rect_filled(strip, 5.0, colors.board);
            for (index, pin) in board.pins.iter().enumerate() {
                let is_left = index % 2 == 0;
                let y = area.top() + 2.0 + pitch * ((index / 2) as f32 + 0.5);
                let (x, text) = if is_left {
                    (strip.center().x - 11.0, Rect::from_min_max(pos2(area.left(), y - 8.0), pos2(strip.left() - 4.0, y + 8.0)))
                } else {
                    (strip.center().x + 11.0, Rect::from_min_max(pos2(strip.right() + 4.0, y - 8.0), pos2(area.right(), y + 8.0)))
                };
                let side = if is_left { (area.left(), strip.center().x) } else { (strip.center().x, area.right()) };
                let hit = Rect::from_x_y_ranges(side.0..=side.1, y - pitch / 2.0..=y + pitch / 2.0);
                if draw(ui, pin, index + 1, pos2(x, y), text, hit, is_left, board, running, actions) {
                    ui.data_mut(|data| data.insert_temp(chosen, index + 1));
                }
                if shown.is_some_and(|(number, _)| number == index + 1) {
                    ui.painter().rect_stroke(
                        hit.shrink2(vec2(1.0, 0.5)),
                        3.0,
                        Stroke::new(1.0, colors.blue.strong),
                        egui::StrokeKind::Inside,
                    );
                }
            }
        });
    let on = board.pins.iter().filter(|pin| pin.function.is_output() && pin.level == Some(Level::High)).count();
    let plural = if on == 1 { "output" } else { "outputs" };
    ui.label(RichText::new(format!("{on} {plural} on · safe on exit")).size(10.5).color(colors.weak));
    match shown {
        Some((number, pin)) => pin_card::ui(ui, pin, number, board, running, actions),
        None => {
            ui.label(RichText::new("Click a pin for its buttons.").size(10.5).color(colors.weak));
        }
    }
}

/// Width of the circuit board: two numbers and two pins.
const STRIP: f32 = 68.0;

/// Draws a pin. Whether it is the one that the person looks at from now on.
#[expect(clippy::too_many_arguments, reason = "a pin, where it lies, and whom its click reaches")]
fn draw(
    ui: &mut Ui,
    pin: &PinView,
    number: usize,
    center: egui::Pos2,
    text: Rect,
    hit: Rect,
    is_left: bool,
    board: &BoardView,
    running: Option<RunId>,
    actions: &mut Actions,
) -> bool {
    let colors = palette(ui);
    let line = pin.function.line();
    let is_output = pin.function.is_output();
    let is_input = matches!(pin.function, PinFunction::Input(_));
    // A real input has a real button; one that nobody holds can be made an output on any board.
    let can_press = is_input && board.backend == "simulated";
    let can_act = is_output || can_press;
    let sense = match (can_press, can_act || is_input) {
        // A button that is held must not become a drag of the pane below it.
        (true, _) => Sense::click_and_drag(),
        (_, true) => Sense::click(),
        _ => Sense::hover(),
    };
    let response = ui.interact(hit, ui.scope_id().with(egui::IdSalt::new(("pin", number))), sense);
    let words = describe(pin, number, board);
    let role = if can_act { Role::Button } else { Role::Label };
    response.widget_info(|| WidgetInfo::labeled(role, true, foreign::paragraph(&words)));
    if can_act && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(hit.shrink2(vec2(2.0, 1.0)), 3.0, colors.hovered.gamma_multiply(0.6));
    }
    paint_pin(ui, pin, center, colors);
    let beside = pos2(center.x + if is_left { -16.0 } else { 16.0 }, center.y);
    ui.painter().text(beside, Align2::CENTER_CENTER, number, FontId::proportional(8.5), theme::ink_on(colors.board));
    let is_owned = pin.owner.is_some();
    let arrow = match pin.pull {
        Some(Pull::Up) => " ↑",
        Some(Pull::Down) => " ↓",
        Some(Pull::Off) | None => "",
    };
    // A text that is too long loses its end, and that must not be the number.
    let name = match (&pin.owner, line) {
        (Some(owner), Some(line)) => format!("{}{arrow} · {owner}", line.number()),
        _ => format!("{}{arrow}", pin.function),
    };
    let (font, ink) =
        if is_owned { (theme::bold_font(10.5), colors.pin_owner) } else { (FontId::proportional(10.5), colors.weak) };
    widgets::paint_text(ui, text, if is_left { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER }, name, font, ink);
    let Some(line) = line else {
        response.on_hover_text(words);
        return false;
    };
    if response.clicked() && is_output {
        actions.push(toggle(pin, line, running));
    }
    if can_press {
        press(ui, &response, line, actions);
    }
    if is_input && !is_owned {
        response.context_menu(|ui| {
            if ui.button("Drive it").clicked() {
                actions.push(UiAction::ToggleLine(line));
                ui.close();
            }
        });
    }
    let hint = match (is_output, can_press, is_input && !is_owned) {
        (true, ..) => "Click to toggle.",
        (_, true, true) => "Press and hold: its virtual button. Drive it with the button below, or by a right click.",
        (_, true, false) => "Press and hold: its virtual button.",
        (_, _, true) => "Click, then drive it with the button below; or right click.",
        _ => "",
    };
    let notes = pin.note.as_deref().unwrap_or_default();
    let is_chosen = response.clicked() || response.gained_focus() || response.is_pointer_button_down_on();
    let whole = [words.as_str(), &foreign::line(notes), hint];
    widgets::hint(response, &whole.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"));
    is_chosen
}

fn paint_pin(ui: &Ui, pin: &PinView, center: egui::Pos2, colors: &Palette) {
    let is_output = pin.function.is_output();
    let fill = match pin.function {
        PinFunction::Power3V3 | PinFunction::Power5V => colors.pin_power,
        PinFunction::Ground | PinFunction::HatId => colors.pin_ground,
        PinFunction::Input(_) | PinFunction::Output(_) if pin.level == Some(Level::High) => colors.pin_high,
        PinFunction::Input(_) | PinFunction::Output(_) => colors.pin,
    };
    if is_output && pin.level == Some(Level::High) {
        ui.painter().circle_filled(center, 9.0, colors.pin_high.gamma_multiply(0.35));
    }
    ui.painter().circle(center, 5.5, fill, Stroke::new(1.0, colors.background));
    if let (Some(_), Some(level)) = (pin.function.line(), pin.level) {
        ui.painter().text(center, Align2::CENTER_CENTER, level.value(), FontId::proportional(8.0), theme::ink_on(fill));
    }
    if is_output {
        ui.painter().circle_stroke(center, 7.5, Stroke::new(1.0, colors.pin_high));
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::model::{Action, Line, PullUnknown};
    use crate::ui::{sample, testing};

    const LINE_17: Line = Line::gpio(17);
    const LINE_21: Line = Line::gpio(21);

    fn show(board: BoardView, running: Option<RunId>) -> Harness<'static, Actions> {
        testing::view(220.0, 480.0, Actions::default(), move |ui, actions| super::ui(ui, &board, running, actions))
    }

    #[test]
    fn all_forty_pins_are_named() {
        let harness = show(sample::board(), None);
        for number in 1..=40 {
            harness.get_by_label_contains(&format!("pin {number}, "));
        }
        harness.get_by_label("3 outputs on · safe on exit");
    }

    #[test]
    fn a_click_toggles_a_line_and_tells_the_run_that_owns_it() {
        let mut harness = show(sample::board(), Some(RunId::new(7)));
        harness.get_by_label("pin 11, GPIO17, output, high, lock A").click();
        harness.run();
        let actions = harness.state_mut().take();
        assert!(matches!(&actions[..], [UiAction::Act(run, Action::Toggle(line))] if run.number() == 7 && line.number() == 17));
    }

    #[test]
    fn a_virtual_input_is_down_as_long_as_the_pointer_is() {
        let mut harness = show(sample::board(), None);
        let center = harness.get_by_label("pin 40, GPIO21, input, low").rect().center();
        let button = |pressed| egui::Event::PointerButton {
            pos: center,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        };
        harness.event(egui::Event::PointerMoved(center));
        harness.event(button(true));
        harness.run();
        assert!(matches!(harness.state_mut().take()[..], [UiAction::PressLine(LINE_21, true)]));
        harness.run();
        assert!(harness.state_mut().take().is_empty(), "it is held");
        harness.event(button(false));
        harness.run();
        assert!(matches!(harness.state_mut().take()[..], [UiAction::PressLine(LINE_21, false)]));
    }

    fn real() -> BoardView {
        let pull_unknown = PullUnknown::WriteOnly { model: "Raspberry Pi 3 B".to_owned(), chip: "BCM2837A1".to_owned() };
        BoardView { backend: "chardev".to_owned(), pull_unknown: Some(pull_unknown), ..sample::board() }
    }

    #[test]
    fn a_free_line_is_driven_from_its_menu() {
        let mut harness = show(real(), None);
        harness.get_by_label("pin 40, GPIO21, input, low, pull cannot be read on this model").click_secondary();
        harness.run();
        harness.get_by_label("Drive it").click();
        harness.run();
        assert!(matches!(harness.state_mut().take()[..], [UiAction::ToggleLine(LINE_21)]));
    }

    #[test]
    fn a_resistor_is_told_where_it_is_known_and_its_card_says_why_where_it_is_not() {
        let mut board = real();
        board.pins[2].pull = Some(Pull::Up);
        let mut harness = show(board, None);
        harness.get_by_label("pin 3, GPIO2, input, low, pull-up");
        harness.get_by_label("pin 40, GPIO21, input, low, pull cannot be read on this model").click();
        harness.run();
        let card = harness.get_all_by_label_contains("pin 40, GPIO21").last().expect("the card").rect().center();
        harness.hover_at(card);
        harness.run_steps(40);
        harness.get_by_label_contains("BCM2837A1");
    }

    #[test]
    fn a_click_on_an_input_of_a_real_board_drives_nothing_and_shows_the_button_that_does() {
        let mut harness = show(real(), None);
        harness.get_by_label("pin 40, GPIO21, input, low, pull cannot be read on this model").click();
        harness.run();
        assert!(harness.state_mut().take().is_empty());
        harness.get_by_label("Drive GPIO21").click();
        harness.run();
        assert!(matches!(harness.state_mut().take()[..], [UiAction::ToggleLine(LINE_21)]));
    }

    #[test]
    fn a_free_line_is_driven_by_keys_alone() {
        let mut harness = show(sample::board(), None);
        harness.get_by_label("pin 40, GPIO21, input, low").focus();
        harness.run();
        harness.get_by_label("Drive GPIO21").focus();
        harness.run();
        harness.key_press(egui::Key::Enter);
        harness.run();
        assert!(matches!(harness.state_mut().take()[..], [UiAction::ToggleLine(LINE_21)]));
    }

    #[test]
    fn what_we_drive_is_given_back_and_what_a_run_drives_is_not() {
        let mut board = sample::board();
        board.pins[10].owner = Some("you".to_owned());
        let mut harness = show(board, None);
        harness.get_by_label("pin 11, GPIO17, output, high, you").click();
        harness.run();
        harness.get_by_label("Give GPIO17 back").click();
        harness.run();
        let actions = harness.state_mut().take();
        assert!(matches!(actions[..], [UiAction::ToggleLine(LINE_17), UiAction::FreeLine(LINE_17)]), "{actions:?}");
        harness.get_by_label_contains("pin 15, GPIO22").click();
        harness.run();
        assert!(harness.query_by_label("Give GPIO22 back").is_none());
    }

    #[test]
    fn before_the_board_answers_it_says_so() {
        show(BoardView::default(), None).get_by_label_contains("not answered yet");
    }
}
