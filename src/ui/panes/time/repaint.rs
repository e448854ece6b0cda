//! When the timeline wants another frame by itself: only while something moves in it. UI thread.

use std::time::Duration;

use egui::Ui;

use crate::ui::look::surface;

/// Asks for the next frame, since the live edge has moved on by then. Where the processor draws, frames are dear, and come less often.
pub(super) fn edge_moves(ui: &Ui) {
    let millis = if surface::processor_draws(ui.ctx()) { 66 } else { 33 };
    ui.request_repaint_after(Duration::from_millis(millis));
}
