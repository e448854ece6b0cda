//! When the timeline wants another frame by itself: only while something moves in it. UI thread.

use egui::Ui;

use crate::ui::look::surface;

/// Asks for the next frame, since the live edge has moved on by then.
pub(super) fn edge_moves(ui: &Ui) {
    ui.request_repaint_after(surface::clock_interval(ui.ctx()));
}
