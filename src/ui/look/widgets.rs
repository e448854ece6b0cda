//! Small pieces that several views share: panes, badges, painted text. UI thread; they hold nothing.

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align, Align2, Color32, CornerRadius, FontId, Frame, Layout, Margin, Pos2, Rect, Response, RichText, Role, Sense, Stroke, Ui,
    UiBuilder, WidgetInfo, vec2,
};

use crate::model::{Finished, RunId};
use crate::ui::look::foreign;
use crate::ui::look::surface;
use crate::ui::look::theme::{self, Tone, palette};

/// A pane of the centre: a rounded surface with a heading, and what belongs to its right end.
pub fn pane<R>(ui: &mut Ui, title: &str, is_focused: bool, head: impl FnOnce(&mut Ui), body: impl FnOnce(&mut Ui) -> R) -> R {
    on_pane(ui, is_focused, |ui| {
        ui.set_min_size(ui.available_size());
        ui.horizontal(|ui| {
            ui.label(theme::bold(title).size(11.5).color(palette(ui).weak));
            ui.with_layout(Layout::right_to_left(Align::Center), head);
        });
        body(ui)
    })
}

/// Draws over the surface of a pane.
pub fn on_pane<R>(ui: &mut Ui, is_focused: bool, body: impl FnOnce(&mut Ui) -> R) -> R {
    let frame = pane_frame(ui, is_focused);
    surface::under(ui, CORNER, frame.fill, |ui| {
        let shown = frame.fill(Color32::TRANSPARENT).show(ui, body);
        (shown.response, shown.inner)
    })
}

/// The surface of a pane.
pub fn pane_frame(ui: &Ui, is_focused: bool) -> Frame {
    let colors = palette(ui);
    let border = if is_focused { colors.blue.strong } else { colors.line };
    Frame::new()
        .fill(colors.pane)
        .stroke(Stroke::new(1.0, border))
        .corner_radius(CornerRadius::same(CORNER))
        .inner_margin(Margin::symmetric(10, 6))
}

/// How round the corners of a pane are, in points.
const CORNER: u8 = 5;

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
        .show(ui, |ui| ui.add(egui::Label::new(theme::bold(text).size(11.5).color(tone.ink)).selectable(false).truncate()))
        .inner
}

/// The height of a notice: two lines of text, and a button.
pub fn notice_height(ui: &Ui) -> f32 {
    if theme::is_touch(ui) { 46.0 } else { 36.0 }
}

/// A coloured surface as high as every notice.
pub fn notice_frame<R>(ui: &mut Ui, tone: Tone, layout: Layout, body: impl FnOnce(&mut Ui) -> R) -> R {
    let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), notice_height(ui)), Sense::hover());
    surface::fill(ui.painter(), room, CORNER, tone.surface);
    ui.painter().rect_stroke(room, CORNER, (1.0, tone.strong), egui::StrokeKind::Inside);
    let mut inner = ui.new_child(UiBuilder::new().max_rect(room.shrink2(vec2(10.0, 2.0))).layout(layout));
    inner.spacing_mut().button_padding.y = inner.spacing().button_padding.y.min(4.0);
    body(&mut inner)
}

/// A banner of two lines at the most, with buttons at its right end (right to left). The pointer sees all of it.
pub fn notice(ui: &mut Ui, text: &str, tone: Tone, buttons: impl FnOnce(&mut Ui)) {
    notice_frame(ui, tone, Layout::right_to_left(Align::Center), |ui| {
        buttons(ui);
        let job = LayoutJob::simple(foreign::line(text).into_owned(), theme::bold_font(12.0), palette(ui).text, 0.0);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| notice_text(ui, job));
    });
}

/// The words of a notice, over the rest of its width.
pub fn notice_text(ui: &mut Ui, mut job: LayoutJob) -> Response {
    job.wrap.max_rows = 2;
    ui.add(egui::Label::new(job).wrap())
}

/// A button in a pane's heading: small, but not for a finger.
pub fn head_button(ui: &mut Ui, text: &str) -> Response {
    let button = egui::Button::new(text);
    ui.add(if theme::is_touch(ui) { button.min_size(ui.spacing().interact_size) } else { button.small() })
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

/// How wide a line of text is.
pub fn width_of(ui: &Ui, text: impl Into<String>, font: FontId) -> f32 {
    ui.painter().layout_no_wrap(text.into(), font, Color32::PLACEHOLDER).size().x
}

/// How wide a button or a value with this text is, and the gap beside it.
pub fn button_width(ui: &Ui, text: impl Into<String>) -> f32 {
    let text = width_of(ui, text, egui::TextStyle::Button.resolve(ui.style()));
    text + 2.0 * ui.spacing().button_padding.x + ui.spacing().item_spacing.x
}

/// Gives something that was painted a name that a screen reader says and a test finds.
pub fn describe(ui: &mut Ui, rect: Rect, salt: impl egui::AsIdSalt, role: Role, text: &str) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(egui::IdSalt::new(salt)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(role, true, foreign::paragraph(text)));
    response
}

/// The part of a foreign text that is shown while the pointer rests on it.
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

/// A hint for the first use of a pane, below its contents. Returns whether it was dismissed.
pub fn first_use(ui: &mut Ui, pane: &'static str, text: &str) -> bool {
    let colors = palette(ui);
    if ui.available_height() < notice_height(ui) * 2.0 {
        // Its subject needs the room.
        return false;
    }
    let frame = Frame::new()
        .fill(colors.blue.surface)
        .stroke(Stroke::new(1.0, colors.blue.strong))
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::symmetric(8, 4));
    let shown = egui::Panel::bottom(("first use", pane)).frame(frame).show_separator_line(false).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let button = head_button(ui, "Got it").on_hover_text("Takes this card away for good.");
                let is_dismissed = button.accessible_name(format!("Got it: {pane}")).clicked();
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
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

/// Has a list begin anew, newest in sight, when it is another run's: how far the last one was scrolled says nothing about it.
pub fn begin_list(ui: &Ui, salt: &'static str, run: RunId) {
    // As the scroll area itself makes it.
    let id = ui.make_persistent_id(egui::IdSalt::new(salt));
    let shown = ui.data_mut(|data| std::mem::replace(data.get_temp_mut_or(id, run), run));
    if shown != run {
        egui::scroll_area::State::default().store(ui.ctx(), id);
    }
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
                ui.allocate_ui_with_layout(vec2(ui.available_width(), height), Layout::left_to_right(Align::Center), |ui| {
                    ui.set_min_height(height);
                    row(ui, index);
                });
            }
        });
}
