//! Help and settings: small windows over the rest. UI thread.

use egui::{Align2, Context, Grid, RichText, ScrollArea, Window};

use crate::ui::ask::commands::UiCommand;
use crate::ui::ask::lane_keys::LaneKey;
use crate::ui::look::theme::{self, ThemeChoice, palette};
use crate::ui::look::widgets;

/// Which of them are open.
#[derive(Debug, Default)]
pub struct Overlays {
    /// The list of commands and keys.
    pub help: bool,
    /// Theme and size.
    pub settings: bool,
}

impl Overlays {
    /// Whether one of them is.
    pub const fn is_open(&self) -> bool {
        self.help || self.settings
    }

    /// Closes all of them.
    pub const fn close(&mut self) {
        (self.help, self.settings) = (false, false);
    }

    /// Draws those that are open.
    pub fn ui(&mut self, ctx: &Context, choice: &mut ThemeChoice, zoom: &mut f32, is_touch: &mut bool) {
        let window = |title: &'static str| {
            Window::new(title).collapsible(false).resizable(false).anchor(Align2::CENTER_CENTER, [0.0, 0.0])
        };
        // Its title and its edges need some of it.
        let height = (ctx.content_rect().height() - 90.0).max(40.0);
        let width = (ctx.content_rect().width() - 60.0).max(40.0);
        window("Help: commands and keys").open(&mut self.help).show(ctx, |ui| {
            let area = ScrollArea::both().scroll_source(widgets::scroll_source(ui)).max_height(height);
            // As wide as its sentences, where there is room for them: a window would leave its usual width to them.
            area.max_width(width).min_scrolled_width(width).show(ui, |ui| {
                Grid::new("commands").num_columns(3).spacing([18.0, 5.0]).striped(true).show(ui, |ui| {
                    for command in UiCommand::ALL {
                        ui.label(theme::bold(command.text()).size(12.0));
                        ui.label(RichText::new(command.keys(ctx)).monospace().color(palette(ui).blue.ink));
                        ui.label(RichText::new(command.tooltip()).color(palette(ui).weak));
                        ui.end_row();
                    }
                    for key in LaneKey::ALL {
                        ui.label(theme::bold(key.text()).size(12.0));
                        ui.label(RichText::new(key.name()).monospace().color(palette(ui).blue.ink));
                        ui.label(RichText::new(key.tooltip()).color(palette(ui).weak));
                        ui.end_row();
                    }
                });
            });
        });
        window("Settings").open(&mut self.settings).show(ctx, |ui| {
            ScrollArea::vertical().scroll_source(widgets::scroll_source(ui)).max_height(height).show(ui, |ui| {
                ui.label(theme::caption(ui, "Theme"));
                for theme in ThemeChoice::ALL {
                    ui.radio_value(choice, theme, theme.name());
                }
                ui.add_space(6.0);
                ui.label(theme::caption(ui, "Size"));
                ui.horizontal_wrapped(|ui| {
                    for factor in [0.8, 1.0, 1.25, 1.5, 1.75, 2.0] {
                        let text = format!("{:.0} %", factor * 100.0);
                        if ui.selectable_label((*zoom - factor).abs() < 0.01, text).clicked() {
                            *zoom = factor;
                        }
                    }
                });
                ui.add_space(6.0);
                ui.label(theme::caption(ui, "Fingers"));
                ui.checkbox(is_touch, "large targets, lists scroll when dragged")
                    .on_hover_text("For a touch display, such as the Raspberry Pi's own.");
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::testing;

    #[test]
    fn help_names_every_command_and_settings_change_the_theme() {
        let state = (Overlays { help: true, settings: false }, ThemeChoice::Dark, 1.0, false);
        let mut harness = testing::view(1200.0, 900.0, state, |ui, (overlays, choice, zoom, is_touch)| {
            overlays.ui(ui.ctx(), choice, zoom, is_touch);
        });
        harness.run();
        for command in UiCommand::ALL {
            assert!(harness.query_all_by_label(command.text()).next().is_some(), "{command:?}");
        }
        for key in LaneKey::ALL {
            assert!(harness.query_all_by_label(key.text()).next().is_some(), "{key:?}");
        }
        for command in UiCommand::ALL {
            let sentence = harness.query_all_by_label(command.tooltip()).next().map(|label| label.rect());
            assert!(sentence.is_some_and(|rect| rect.left() > 0.0 && rect.right() < 1200.0), "{command:?}: {sentence:?}");
        }
        harness.state_mut().0 = Overlays { help: false, settings: true };
        harness.run();
        harness.get_by_label("Light").click();
        harness.run();
        assert_eq!(harness.state().1, ThemeChoice::Light);
        harness.get_by_label_contains("large targets").click();
        harness.run();
        assert!(harness.state().3);
    }
}
