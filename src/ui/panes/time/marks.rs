//! Things that happened to a lane at one moment, and how it ended: small signs on its bar. UI thread; paints into a given place.

use egui::{Align2, Painter, Rect, Shape, Stroke, Ui, pos2, vec2};

use crate::engine::grouped;
use crate::model::{ExitStatus, Lane, LaneEnd, LaneState, Mark, MarkKind, Monotonic, Signal};
use crate::ui::look::foreign;
use crate::ui::look::states::status_word;
use crate::ui::look::theme::{self, Palette, palette};
use crate::ui::panes::time::scale::Scale;

/// Room beside the bars, for how lanes ended and for pipes.
pub(super) const BESIDE: f32 = 16.0;
/// The width of a sign.
const SIGN: f32 = 9.0;

/// The letter of a kind of mark, and its word.
const fn sign(kind: MarkKind) -> (&'static str, &'static str) {
    match kind {
        MarkKind::Signal => ("S", "signal"),
        MarkKind::Press => ("P", "button pressed"),
        MarkKind::Typed => ("T", "typed"),
        MarkKind::Fork => ("F", "fork"),
        MarkKind::Exec => ("X", "exec"),
        MarkKind::Reaped => ("R", "waited on"),
    }
}

/// Paints the marks of a lane onto its bar, and how it ended.
pub(super) fn ui(ui: &Ui, painter: &Painter, lane: &Lane, bar: Rect, scale: Scale) {
    let colors = palette(ui);
    if let Some(at) = cap(lane, bar, scale) {
        // It may stand beside the bar.
        paint_cap(ui.painter(), colors, lane, at, bar.right() + BESIDE - at.left());
    }
    groups(&lane.marks, scale).for_each(|group| group.paint(painter, colors, bar));
}

/// What is marked at a place, in words.
pub(super) fn words_at(lane: &Lane, bar: Rect, scale: Scale, x: f32) -> Option<String> {
    let mark = groups(&lane.marks, scale).find(|group| group.is_at(x)).map(|group| group.words());
    mark.or_else(|| cap(lane, bar, scale).filter(|at| at.x_range().contains(x)).and_then(|_| end_words(lane)))
}

/// Marks that lie so near each other that they share a sign.
struct Group<'a> {
    x: f32,
    marks: &'a [Mark],
}

/// The signs on a lane that are in sight.
fn groups(marks: &[Mark], scale: Scale) -> impl Iterator<Item = Group<'_>> {
    let nanos = |t: f64| Monotonic::from_secs(t);
    let mut rest = {
        let first = marks.partition_point(|mark| mark.t < nanos(scale.from));
        let last = marks.partition_point(|mark| mark.t <= nanos(scale.to));
        &marks[first..last.max(first)]
    };
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let x = scale.x(first.t.secs());
        let end = scale.at(x + SIGN);
        let count = rest.partition_point(|mark| mark.t < end).max(1);
        let (group, others) = rest.split_at(count);
        rest = others;
        Some(Group { x, marks: group })
    })
}

impl Group<'_> {
    /// Whether it is at this place.
    fn is_at(&self, x: f32) -> bool {
        (x - self.x).abs() <= SIGN / 2.0 + 1.0
    }

    /// What happened, in words.
    fn words(&self) -> String {
        let line = |mark: &Mark| {
            let text = foreign::line(&mark.text);
            let gap = if text.is_empty() { "" } else { ": " };
            format!("{:.6} s {}{gap}{text}", mark.t.secs(), sign(mark.kind).1)
        };
        let mut text = self.marks.iter().take(6).map(line).collect::<Vec<_>>().join("\n");
        if self.marks.len() > 6 {
            text = format!("{text}\nand {} more", grouped(self.marks.len() as u64 - 6));
        }
        text
    }

    /// Paints it on the upper edge of a bar.
    fn paint(&self, painter: &Painter, colors: &Palette, bar: Rect) {
        let text = match self.marks {
            [mark] => sign(mark.kind).0,
            marks if marks.iter().all(|mark| mark.kind == marks[0].kind) => sign(marks[0].kind).0,
            _ => "+",
        };
        let height = SIGN.min(bar.height());
        let at = Rect::from_min_size(pos2(self.x - SIGN / 2.0, bar.top() - 1.0), vec2(SIGN, height));
        painter.vline(self.x, bar.y_range(), Stroke::new(1.0, colors.text));
        painter.rect(at, 2.0, colors.pane, (1.0, colors.text), egui::StrokeKind::Inside);
        painter.text(at.center(), Align2::CENTER_CENTER, text, theme::bold_font(7.0), colors.text);
    }
}

/// When a lane ended: not when its parent waited on it.
pub(super) fn end_of(lane: &Lane) -> Option<Monotonic> {
    lane.end.as_ref()?;
    let last = lane.states.last()?;
    let before = last.index.checked_sub(1).and_then(|index| lane.states.get(index));
    match (last.state, before) {
        (LaneState::Nothing, Some(before)) if before.state == LaneState::Zombie => Some(before.from),
        (LaneState::Nothing | LaneState::Zombie, _) => Some(last.from),
        _ => None,
    }
}

/// How a lane ended and when, in words; nothing where the whole run has ended.
fn end_words(lane: &Lane) -> Option<String> {
    let told = match lane.end.as_ref()? {
        LaneEnd::Done => "ended".to_owned(),
        LaneEnd::Failed(why) => format!("failed: {}", foreign::line(why)),
        LaneEnd::Exit(status) => status_word(*status),
        LaneEnd::RunOver => return None,
    };
    Some(format!("{} {told} at {:.6} s", foreign::line(&lane.name), end_of(lane)?.secs()))
}

/// The place of the sign of its end.
pub(super) fn cap(lane: &Lane, bar: Rect, scale: Scale) -> Option<Rect> {
    let x = scale.x(end_of(lane)?.secs());
    (scale.holds(x) && lane.end != Some(LaneEnd::RunOver)).then(|| {
        let room = bar.right() + BESIDE - x - 1.0;
        let text = lane.end.as_ref().map_or_else(String::new, |end| end_text(end, room));
        let size = vec2(text_width(&text).max(13.0), bar.height().min(14.0));
        // It stays within the pane.
        let left = (x + 1.0).min(bar.right() + BESIDE - size.x);
        Rect::from_min_size(pos2(left, bar.center().y - size.y / 2.0), size)
    })
}

/// The text on the sign of an end, as long as there is room; one without text is drawn.
fn end_text(end: &LaneEnd, room: f32) -> String {
    match end {
        LaneEnd::Exit(ExitStatus::Exited(0)) | LaneEnd::Done | LaneEnd::RunOver => String::new(),
        LaneEnd::Exit(ExitStatus::Exited(status)) => status.to_string(),
        LaneEnd::Exit(ExitStatus::Signaled { signal, .. }) if *signal == Signal::KILL => String::new(),
        LaneEnd::Exit(ExitStatus::Signaled { signal, .. }) => {
            let name = signal.to_string();
            if text_width(&name) <= room { name } else { name.strip_prefix("SIG").unwrap_or(&name).to_owned() }
        }
        LaneEnd::Exit(ExitStatus::Unknown) => "?".to_owned(),
        LaneEnd::Failed(_) => "!".to_owned(),
    }
}

/// The room for such a text.
fn text_width(text: &str) -> f32 {
    if text.is_empty() { 0.0 } else { 6.5 * text.len() as f32 + 5.0 }
}

/// Paints how a lane ended: a tick, the exit status, or a cross for a signal, each with a form of its own.
fn paint_cap(painter: &Painter, colors: &Palette, lane: &Lane, at: Rect, room: f32) {
    let Some(end) = &lane.end else { return };
    let tone = match end {
        LaneEnd::Exit(ExitStatus::Exited(0)) | LaneEnd::Done => colors.green,
        LaneEnd::Exit(ExitStatus::Exited(_)) | LaneEnd::Failed(_) => colors.vermilion,
        LaneEnd::Exit(ExitStatus::Signaled { .. }) => colors.red,
        LaneEnd::Exit(ExitStatus::Unknown) => colors.grey,
        LaneEnd::RunOver => return,
    };
    let text = end_text(end, room);
    painter.rect(at, 3.0, tone.surface, (1.0, tone.strong), egui::StrokeKind::Inside);
    let stroke = Stroke::new(1.5, tone.ink);
    let inner = Rect::from_center_size(at.center(), vec2(6.0, 6.0_f32.min(at.height() - 4.0)));
    if !text.is_empty() {
        painter.text(at.center(), Align2::CENTER_CENTER, text, theme::bold_font(9.0_f32.min(at.height() - 2.0)), tone.ink);
    } else if tone.strong == colors.red.strong {
        painter.line_segment([inner.left_top(), inner.right_bottom()], stroke);
        painter.line_segment([inner.left_bottom(), inner.right_top()], stroke);
    } else {
        let knee = pos2(inner.left() + inner.width() * 0.35, inner.bottom());
        painter.add(Shape::line(vec![pos2(inner.left(), inner.center().y), knee, inner.right_top()], stroke));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    const SCALE: Scale = Scale { from: 0.0, to: 2.0, left: 0.0, right: 200.0 };

    fn mark(secs: f64, kind: MarkKind, text: &str) -> Mark {
        Mark { t: Monotonic::from_secs(secs), kind, text: text.into(), from: None }
    }

    #[test]
    fn marks_that_would_cover_each_other_share_a_sign_and_all_are_told() {
        let marks =
            [mark(0.5, MarkKind::Signal, "SIGSTOP"), mark(0.52, MarkKind::Typed, "yes"), mark(1.5, MarkKind::Exec, "cat")];
        let found: Vec<_> = groups(&marks, SCALE).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].words(), "0.500000 s signal: SIGSTOP\n0.520000 s typed: yes");
        assert!(found[1].is_at(150.0) && !found[1].is_at(160.0));
        let many: Vec<_> = (0..100_000).map(|index| mark(f64::from(index) * 2e-5, MarkKind::Signal, "SIGUSR1")).collect();
        let count = groups(&many, SCALE).count();
        assert!((15..=30).contains(&count), "{count}");
        assert_eq!(groups(&marks, Scale { from: 3.0, to: 4.0, ..SCALE }).count(), 0);
    }

    #[test]
    fn a_lane_ends_when_it_exits_and_not_when_its_parent_waits_on_it() {
        let run = sample::kernel_lanes();
        let lane = |name: &str| run.lanes.iter().find(|lane| *lane.name == *name).expect("a lane");
        assert_eq!(end_of(lane("false")), Some(Monotonic::from_secs(1.0)));
        assert_eq!(end_words(lane("victim")).as_deref(), Some("victim SIGKILL at 1.300000 s"));
        assert_eq!((end_of(lane("main")), end_words(lane("main"))), (None, None));
    }
}
