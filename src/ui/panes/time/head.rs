//! The heading of the timeline: legend, zoom, filter, and the menu of a lane. UI thread.

use egui::{FontId, Response, RichText, Sense, TextEdit, Ui, vec2};

use crate::model::{Lane, LaneState, RunView, Times};
use crate::ui::look::foreign;
use crate::ui::look::hatch::Hatch;
use crate::ui::look::states::Look;
use crate::ui::look::theme::palette;
use crate::ui::look::widgets;
use crate::ui::panes::time::arrangement::{Arrangements, Move};
use crate::ui::panes::time::interleavings;
use crate::ui::panes::time::sight::Sight;

/// Room for a state in the legend.
const LEGEND: f32 = 84.0;
/// The field of the filter.
const FILTER: f32 = 84.0;
/// The button of the menu.
const MENU: f32 = 30.0;
/// Hidden lanes that the menu names.
const NAMED: usize = 10;

/// The heading's own state.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Whether the lanes are looked at although the run tells of orders to compare.
    prefers_lanes: bool,
    wants_filter: bool,
}

impl Head {
    /// Whether the orders of steps are drawn in place of the lanes.
    pub(super) fn shows_interleavings(&self, run: &RunView) -> bool {
        !self.prefers_lanes && interleavings::has_some(run)
    }

    /// Puts the cursor into the filter.
    pub(super) const fn focus_filter(&mut self) {
        self.wants_filter = true;
    }

    /// Draws it, right to left.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        run: &RunView,
        selected: Option<&Lane>,
        now: f64,
        sight: &mut Sight,
        arrangements: &mut Arrangements,
    ) {
        if interleavings::has_some(run) {
            let (text, about) = if self.prefers_lanes {
                ("Orders", "Lays the orders of all runs over each other.")
            } else {
                ("Lanes", "Shows the threads as lanes in time.")
            };
            if widgets::head_button(ui, text).on_hover_text(about).clicked() {
                self.prefers_lanes = !self.prefers_lanes;
            }
        }
        if self.shows_interleavings(run) {
            return;
        }
        let all = widgets::head_button(ui, "All").accessible_name("Show all of the run");
        if all.on_hover_text("The whole run, however long it becomes").clicked() {
            *sight = Sight::All;
        }
        if widgets::head_button(ui, "+").accessible_name("Zoom in").on_hover_text("W").clicked() {
            *sight = sight.zoom(2.0, None, now);
        }
        if widgets::head_button(ui, "−").accessible_name("Zoom out").on_hover_text("S").clicked() {
            *sight = sight.zoom(0.5, None, now);
        }
        let has_room = ui.available_width() > FILTER + LEGEND + MENU;
        if has_room {
            self.filter(ui, run, arrangements);
        }
        // What comes and goes, and what grows, moves nothing to the right of it.
        self.lanes_menu(ui, run, selected, has_room, arrangements);
        if !sight.follows() && widgets::head_button(ui, "▶ now").on_hover_text("Follow the live edge").clicked() {
            *sight = sight.follow();
        }
        ui.add_space(8.0);
    }

    /// What is hidden, and how to see it again; and what the selected lane's own menu has.
    fn lanes_menu(
        &mut self,
        ui: &mut Ui,
        run: &RunView,
        selected: Option<&Lane>,
        has_filter: bool,
        arrangements: &mut Arrangements,
    ) {
        let hidden = arrangements.hidden(run.id);
        let text = if hidden > 0 { format!("⋯ {hidden} hidden") } else { "⋯".to_owned() };
        let button = widgets::head_button(ui, &text).accessible_name("Lanes to show");
        egui::Popup::menu(&button).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).width(230.0).show(|ui| {
            if !has_filter || self.wants_filter {
                self.filter(ui, run, arrangements);
            }
            let is_hidden = |lane: &&std::sync::Arc<Lane>| arrangements.is_hidden(run.id, lane.id);
            let named: Vec<_> = run.lanes.iter().filter(is_hidden).take(NAMED).collect();
            for lane in named {
                if ui.button(format!("Show {}", foreign::word(&lane.name))).clicked() {
                    arrangements.change(run, lane.id, Move::Show);
                }
            }
            if ui.button("Show all lanes").clicked() {
                arrangements.show_all(run.id);
                ui.close();
            }
            ui.separator();
            if let Some(lane) = selected {
                moves(ui, run, lane, arrangements);
            } else {
                let text = "Click a lane first: then it can be pinned, hidden or moved from here; or with a right click on it.";
                ui.label(RichText::new(text).size(11.0).color(palette(ui).weak));
            }
        });
        button.on_hover_text("Which lanes are shown");
    }

    fn filter(&mut self, ui: &mut Ui, run: &RunView, arrangements: &mut Arrangements) {
        let mut text = arrangements.filter(run.id).to_owned();
        let id = egui::Id::unique("filter of the lanes");
        let field = TextEdit::singleline(&mut text)
            .id(id)
            .hint_text("Filter  /")
            .desired_width(FILTER - 16.0)
            .align(egui::Align2::LEFT_CENTER)
            .char_limit(100);
        let response = ui.add(field).accessible_name("Filter the lanes");
        if std::mem::take(&mut self.wants_filter) {
            response.request_focus();
        }
        if (response.has_focus() || response.lost_focus()) && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
            text.clear();
        }
        if text != arrangements.filter(run.id) {
            arrangements.of(run.id).filter = text;
        }
        response.on_hover_text("Only lanes with this in their name. Escape takes it away.");
    }
}

/// Draws as many states as there is room for: first those that occur in the run, then what one sees most.
pub(super) fn legend(ui: &mut Ui, hatch: &mut Hatch, times: &Times) {
    let colors = palette(ui);
    let occurs = |look: &Look| LaneState::TIMED.into_iter().any(|state| times.of(state) > 0 && Look::from(state) == *look);
    let (mut looks, others): (Vec<Look>, Vec<Look>) = Look::LEGEND.into_iter().partition(occurs);
    looks.extend(Look::RARE.into_iter().filter(occurs));
    looks.extend(others);
    let mut room = ui.available_width();
    let gap = 2.0 * ui.spacing().item_spacing.x;
    looks.retain(|look| {
        room -= widgets::width_of(ui, look.word(), FontId::proportional(11.0)) + 11.0 + gap;
        room >= 0.0
    });
    for look in looks.into_iter().rev() {
        ui.label(RichText::new(look.word()).size(11.0).color(colors.weak));
        let (rect, _) = ui.allocate_exact_size(vec2(11.0, 11.0), Sense::hover());
        hatch.paint(ui.painter(), rect, look, colors);
    }
}

/// The menu of a lane, at a right click.
pub(super) fn menu(response: &Response, run: &RunView, lane: &Lane, arrangements: &mut Arrangements) {
    response.context_menu(|ui| moves(ui, run, lane, arrangements));
}

/// What can be done to the place of a lane.
fn moves(ui: &mut Ui, run: &RunView, lane: &Lane, arrangements: &mut Arrangements) {
    ui.label(RichText::new(foreign::word(&lane.name)).strong());
    let pin = if arrangements.is_pinned(run.id, lane.id) { Move::Unpin } else { Move::Pin };
    let hide = if arrangements.is_hidden(run.id, lane.id) { Move::Show } else { Move::Hide };
    for item in [pin, Move::Up, Move::Down, hide] {
        if ui.button(item.text()).clicked() {
            arrangements.change(run, lane.id, item);
            ui.close();
        }
    }
}
