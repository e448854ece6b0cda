//! Short notices in the corner that leave by themselves. UI thread.

use std::time::{Duration, Instant};

use egui::{Align2, Area, Context, Id, RichText};

use crate::ui::look::foreign;
use crate::ui::look::theme::palette;
use crate::ui::look::widgets;

/// Notices that are on the screen, and how far those of the engine have been shown.
#[derive(Debug, Default)]
pub struct Toasts {
    /// Since when it is seen: a window takes its time until its first frame.
    shown: Vec<(Option<Instant>, String)>,
    last_number: u64,
}

const STAY: Duration = Duration::from_secs(7);
const MOST: usize = 4;
/// Bytes of all that are shown: more would cover a small window.
const MOST_BYTES: usize = 1_200;
/// The beginnings of good news; everything else is a warning.
const GOOD: char = '✔';

impl Toasts {
    /// Shows a sentence.
    pub fn push(&mut self, text: impl Into<String>) {
        self.shown.push((None, foreign::paragraph(&text.into()).into_owned()));
        let bytes = |shown: &[(Option<Instant>, String)]| shown.iter().map(|(_, text)| text.len()).sum::<usize>();
        while self.shown.len() > MOST || (self.shown.len() > 1 && bytes(&self.shown) > MOST_BYTES) {
            self.shown.remove(0);
        }
    }

    /// Shows those of the engine's notices that are new.
    pub fn take_notices(&mut self, notices: &[(u64, std::sync::Arc<str>)]) {
        for (number, text) in notices {
            if *number > self.last_number {
                self.last_number = *number;
                self.push(&**text);
            }
        }
    }

    /// Draws them over everything else.
    pub fn ui(&mut self, ctx: &Context) {
        self.shown.retain_mut(|(since, _)| since.get_or_insert_with(Instant::now).elapsed() < STAY);
        let Some((Some(oldest), _)) = self.shown.first() else { return };
        ctx.request_repaint_after(STAY.saturating_sub(oldest.elapsed()) + Duration::from_millis(20));
        let mut dismissed = None;
        Area::new(Id::unique("toasts")).anchor(Align2::RIGHT_BOTTOM, [-16.0, -16.0]).show(ctx, |ui| {
            ui.set_max_width(420.0);
            for (index, (_, text)) in self.shown.iter().enumerate() {
                let colors = palette(ui);
                widgets::pane_frame(ui, false).fill(colors.orange.surface).stroke((1.0, colors.orange.strong)).show(ui, |ui| {
                    ui.horizontal(|ui| {
                        ui.add(
                            egui::Label::new(
                                RichText::new(if text.starts_with(GOOD) { text.clone() } else { format!("⚠ {text}") })
                                    .color(colors.text),
                            )
                            .wrap(),
                        );
                        if ui.small_button("✖").accessible_name("Dismiss the notice").clicked() {
                            dismissed = Some(index);
                        }
                    });
                });
            }
        });
        if let Some(index) = dismissed {
            self.shown.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::testing;

    #[test]
    fn a_notice_is_shown_once_and_can_be_dismissed() {
        let mut harness = testing::view(600.0, 300.0, Toasts::default(), |ui, toasts| {
            toasts.take_notices(&[(1, "the board is gone".into())]);
            toasts.ui(ui.ctx());
        });
        harness.run_steps(2);
        harness.get_by_label_contains("the board is gone");
        harness.get_by_label("Dismiss the notice").click();
        harness.run_steps(3);
        assert!(harness.query_by_label_contains("the board is gone").is_none());
    }

    #[test]
    fn a_flood_keeps_the_newest() {
        let mut toasts = Toasts::default();
        for number in 0..2000 {
            toasts.push(number.to_string());
        }
        assert_eq!(toasts.shown.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["1996", "1997", "1998", "1999"]);
    }
}
