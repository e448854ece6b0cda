//! The places of the window's parts: beside each other, or one behind the other in tabs on a small screen. UI thread.

use egui::{RichText, Ui, vec2};

use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;

/// Below this the side panels don't fit beside the centre; a finger's buttons need more height.
const UNFOLDED: egui::Vec2 = vec2(1000.0, 620.0);
const UNFOLDED_TOUCH: f32 = 720.0;

/// Whether the panes lie one behind the other.
pub fn is_folded(size: egui::Vec2, is_touch: bool) -> bool {
    size.x < UNFOLDED.x || size.y < if is_touch { UNFOLDED_TOUCH } else { UNFOLDED.y }
}

/// The strip of tabs of a small screen.
pub fn pane_tabs(ui: &mut Ui, shown: &mut Pane) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.spacing_mut().button_padding.x = 4.0;
        let width = (ui.available_width() - 5.0 * ui.spacing().item_spacing.x) / 6.0;
        let has_room =
            Pane::ALL.into_iter().all(|pane| widgets::width_of(ui, pane.title(), theme::bold_font(11.0)) + 8.0 < width);
        for pane in Pane::ALL {
            let is_shown = *shown == pane;
            let text = if has_room { pane.title() } else { pane.short() };
            let text = if is_shown { theme::bold(text).size(11.0) } else { RichText::new(text).size(11.0) };
            let height = ui.spacing().interact_size.y.max(30.0);
            let tab = ui.add(egui::Button::selectable(is_shown, text).min_size(vec2(width, height)).truncate());
            if tab.accessible_name(pane.title()).clicked() {
                *shown = pane;
            }
        }
    });
}

/// The strip of tabs over the details: the shown one is underlined.
pub fn detail_tabs(ui: &mut Ui, shown: &mut Tab) {
    let colors = palette(ui);
    ui.horizontal(|ui| {
        let widths: f32 = Tab::ALL.into_iter().map(|tab| widgets::width_of(ui, tab.title(), theme::bold_font(11.5))).sum();
        ui.spacing_mut().button_padding.x = 0.0;
        ui.spacing_mut().item_spacing.x = ((ui.available_width() - widths) / Tab::ALL.len() as f32).clamp(4.0, 14.0);
        let height = if theme::is_touch(ui) { ui.spacing().interact_size.y } else { 20.0 };
        for tab in Tab::ALL {
            let is_shown = *shown == tab;
            let text = if is_shown {
                theme::bold(tab.title()).size(11.5).color(colors.text)
            } else {
                RichText::new(tab.title()).size(11.5).color(colors.weak)
            };
            let button = egui::Button::new(text).frame(false).min_size(vec2(0.0, height));
            let response = ui.add(button).accessible_name(tab.name());
            if is_shown {
                let bottom = response.rect.bottom();
                ui.painter().hline(response.rect.x_range(), bottom, (2.0, colors.blue.strong));
            }
            if response.clicked() {
                *shown = tab;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::testing;

    #[test]
    fn the_touch_display_folds_and_the_target_size_does_not() {
        assert!(is_folded(vec2(800.0, 480.0), false));
        for is_touch in [false, true] {
            assert!(!is_folded(vec2(1280.0, 800.0), is_touch));
            assert!(!is_folded(vec2(1024.0, 768.0), is_touch));
        }
        assert!(is_folded(vec2(1280.0, 640.0), true), "buttons for fingers need the height");
    }

    #[test]
    fn tabs_choose_what_is_shown() {
        let mut harness = testing::view(800.0, 100.0, (Pane::default(), Tab::default()), |ui, (pane, tab)| {
            pane_tabs(ui, pane);
            detail_tabs(ui, tab);
        });
        harness.get_by_label("Actions and pins").click();
        harness.get_by_label("Facts").click();
        harness.run();
        assert_eq!(*harness.state(), (Pane::Header, Tab::Facts));
    }
}
