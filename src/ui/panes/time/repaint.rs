//! When the timeline wants another frame by itself: only while something moves in it. UI thread.

use std::time::Duration;

use egui::{Id, Ui};

/// The place among the context's data of a `bool`: whether the processor draws the window. Then frames are dear, and come less often.
pub(crate) fn processor_draws() -> Id {
    Id::unique("the processor draws the window")
}

/// Asks for the next frame, since the live edge has moved on by then.
pub(super) fn edge_moves(ui: &Ui) {
    let is_slow = ui.data(|data| data.get_temp(processor_draws())).unwrap_or(false);
    ui.request_repaint_after(Duration::from_millis(if is_slow { 66 } else { 33 }));
}
