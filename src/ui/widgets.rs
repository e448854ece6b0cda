//! Small pieces that several views share: panes, badges, painted text. UI thread; they hold nothing.

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align2, Color32, CornerRadius, FontId, Frame, Margin, Pos2, Rect, Response, RichText, Role, Sense, Stroke, Ui, WidgetInfo,
    vec2,
};

use super::foreign;
use super::theme::{self, Tone, palette};
use crate::model::Finished;

/// A pane of the centre: a rounded surface with a heading, and what belongs to its right end.
pub fn pane<R>(ui: &mut Ui, title: &str, is_focused: bool, head: impl FnOnce(&mut Ui), body: impl FnOnce(&mut Ui) -> R) -> R {
    pane_frame(ui, is_focused)
        .show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            ui.horizontal(|ui| {
                ui.label(theme::bold(title).size(11.5).color(palette(ui).weak));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), head);
            });
            body(ui)
        })
        .inner
}

/// The surface of a pane.
pub fn pane_frame(ui: &Ui, is_focused: bool) -> Frame {
    let colors = palette(ui);
    let border = if is_focused { colors.blue.strong } else { colors.line };
    Frame::new()
        .fill(colors.pane)
        .stroke(Stroke::new(1.0, border))
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::symmetric(10, 6))
}

/// A button's size, and where the window is used with fingers at least a finger's.
pub fn hit_size(ui: &Ui, width: f32, height: f32) -> egui::Vec2 {
    vec2(width, if theme::is_touch(ui) { height.max(ui.spacing().interact_size.y) } else { height })
}

/// A button in a colour of its own.
pub fn tinted_button(ui: &mut Ui, text: &str, tone: Tone, ink: Color32, size: egui::Vec2) -> Response {
    ui.add(
        egui::Button::new(RichText::new(text).color(ink)).fill(tone.surface).stroke(Stroke::new(1.0, tone.strong)).min_size(size),
    )
}

/// A word in a rounded outline, such as a state.
pub fn badge(ui: &mut Ui, text: &str, tone: Tone) -> Response {
    Frame::new()
        .fill(tone.surface)
        .stroke(Stroke::new(1.0, tone.strong))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::symmetric(8, 2))
        .show(ui, |ui| ui.add(egui::Label::new(theme::bold(text).size(11.5).color(tone.ink)).selectable(false)))
        .inner
}

/// A line of text over a coloured surface, with buttons at its right end.
pub fn banner(ui: &mut Ui, text: &str, tone: Tone, buttons: impl FnOnce(&mut Ui)) {
    Frame::new()
        .fill(tone.surface)
        .stroke(Stroke::new(1.0, tone.strong))
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::symmetric(12, 4))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.set_min_height(24.0);
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    buttons(ui);
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                        ui.add(egui::Label::new(theme::bold(foreign::line(text)).color(palette(ui).text)).wrap());
                    });
                });
            });
        });
}

/// The colour of how a run ended: well, as somebody wanted it, or otherwise.
pub fn tone_of(ui: &Ui, finished: &Finished) -> Tone {
    let colors = palette(ui);
    match &finished.reason {
        None => colors.green,
        Some(reason) if reason.is_wanted() => colors.orange,
        Some(_) => colors.vermilion,
    }
}

/// A sentence where a view has nothing to show yet.
pub fn nothing_yet(ui: &mut Ui, text: &str) {
    ui.add_space((ui.available_height() / 4.0).min(10.0));
    ui.vertical_centered(|ui| ui.label(RichText::new(text).color(palette(ui).weak)));
}

/// Paints one line of text; what does not fit into `rect` becomes "…". True when it did not fit: its view shows the whole elsewhere.
pub fn paint_text(ui: &Ui, rect: Rect, align: Align2, text: impl AsRef<str>, font: FontId, color: Color32) -> bool {
    let painter = ui.painter_at(rect.intersect(ui.clip_rect()));
    let mut job = LayoutJob::simple_singleline(foreign::line(text.as_ref()).into_owned(), font, color);
    job.wrap = TextWrapping::truncate_at_width(rect.width());
    let galley = painter.layout_job(job);
    let is_cut = galley.elided;
    let at = align.anchor_size(anchor_of(rect, align), galley.size());
    painter.galley(at.min, galley, color);
    is_cut
}

fn anchor_of(rect: Rect, align: Align2) -> Pos2 {
    let point = align.pos_in_rect(&rect);
    egui::pos2(point.x, rect.center().y)
}

/// Gives something that was painted a name that a screen reader says and a test finds.
pub fn describe(ui: &mut Ui, rect: Rect, salt: impl egui::AsIdSalt, role: Role, text: &str) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(egui::IdSalt::new(salt)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(role, true, foreign::paragraph(text)));
    response
}

/// What is shown of a text of somebody else's while the pointer rests on it.
pub fn hint(response: Response, text: &str) -> Response {
    response.on_hover_text(foreign::paragraph(text))
}

/// The same beside the pointer, where what was drawn is large.
pub fn hint_at_pointer(response: Response, text: &str) -> Response {
    response.on_hover_text_at_pointer(foreign::paragraph(text))
}

/// A round sign beside a name, and whether it is filled.
pub fn dot(ui: &Ui, center: Pos2, color: Color32, is_filled: bool) {
    if is_filled {
        ui.painter().circle_filled(center, 3.5, color);
    } else {
        ui.painter().circle_stroke(center, 3.5, Stroke::new(1.0, color));
    }
}

/// How lists are scrolled: by dragging what is in them as well, where the window is used with fingers.
pub fn scroll_source(ui: &Ui) -> egui::scroll_area::ScrollSource {
    if theme::is_touch(ui) { egui::scroll_area::ScrollSource::ALL } else { egui::scroll_area::ScrollSource::default() }
}

/// A word to whoever sees a pane for the first time, below what is in it. Whether it was dismissed.
pub fn first_use(ui: &mut Ui, pane: &'static str, text: &str) -> bool {
    let colors = palette(ui);
    let frame = Frame::new()
        .fill(colors.blue.surface)
        .stroke(Stroke::new(1.0, colors.blue.strong))
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::symmetric(8, 4));
    let shown = egui::Panel::bottom(("first use", pane)).frame(frame).show_separator_line(false).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let button = ui.small_button("Got it").on_hover_text("Takes this card away for good.");
                let is_dismissed = button.accessible_name(format!("Got it: {pane}")).clicked();
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Label::new(RichText::new(text).size(11.5).color(colors.text)).wrap());
                });
                is_dismissed
            })
            .inner
        })
        .inner
    });
    shown.inner
}

/// Rows of one height of which only the visible ones are drawn; the newest stay in sight when the end is in sight.
pub fn visible_rows(ui: &mut Ui, salt: &str, height: f32, count: usize, follows: bool, mut row: impl FnMut(&mut Ui, usize)) {
    ui.spacing_mut().item_spacing.y = 0.0;
    egui::ScrollArea::vertical()
        .scroll_source(scroll_source(ui))
        .id_salt(salt)
        .min_scrolled_height(0.0)
        .auto_shrink(false)
        .stick_to_bottom(follows)
        .show_rows(ui, height, count, |ui, range| {
            for index in range {
                ui.allocate_ui_with_layout(
                    vec2(ui.available_width(), height),
                    egui::Layout::left_to_right(egui::Align::Center),
                    |ui| {
                        ui.set_min_height(height);
                        row(ui, index);
                    },
                );
            }
        });
}
