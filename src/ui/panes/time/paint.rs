//! The bar of a lane: its states as they are, or their shares where a column holds several. UI thread; paints into a given place.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use egui::{Align2, Color32, FontId, Mesh, Painter, Rangef, Rect, Shape, Stroke, pos2, vec2};

use crate::model::{Lane, LaneNow, LaneSource, LaneState, Monotonic, StateSpan, States, Times, Word};
use crate::ui::look::foreign;
use crate::ui::look::hatch::{self, Hatch};
use crate::ui::look::states::Look;
use crate::ui::look::theme::{self, Palette};
use crate::ui::panes::time::marks;
use crate::ui::panes::time::pieces::{COLUMN, Grid, Piece, What, heights};
use crate::ui::panes::time::scale::Scale;

/// A state that is lower has no pattern.
const HATCHED: f32 = 4.0;
/// A state that is narrower has no rounded corners.
const PLAIN: f32 = 8.0;
/// A state that is narrower has no label.
const LABELLED: f32 = 34.0;
/// A shorter wait has no countdown.
const COUNTED: Duration = Duration::from_secs(2);
/// A time on a core that is narrower has no name.
const NAMED: f32 = 24.0;
/// States that a column has shares of, as a rule.
const USUAL: usize = 4;
/// A label that is cut and has less room says nothing.
const READABLE: f32 = 44.0;
/// The height of the strip that shows the core.
const CORE: f32 = 4.0;

/// A place to paint lanes into.
pub(super) struct Brush<'a> {
    pub(super) painter: &'a Painter,
    pub(super) scale: Scale,
    pub(super) grid: Grid,
    pub(super) colors: &'static Palette,
    pub(super) hatch: &'a mut Hatch,
}

/// States of a core that are looked through in a column, for whose it was.
const FEW: usize = 32;
/// The backing of words over small parts.
const BACKING: f32 = 0.88;

/// The lanes that were on a core in a piece of several states, the longest first. Of more than `most` states, that many are looked at,
/// evenly spread.
pub(super) fn lanes_on(states: &States, piece: &Piece, most: usize) -> Vec<(u32, u64)> {
    let What::Shares { first, changes, .. } = piece.what else { return Vec::new() };
    let [from, to] = [piece.from, piece.to].map(Monotonic::from_nanos);
    let step = changes / most.max(1) + 1;
    let mut found: Vec<(u32, u64)> = Vec::new();
    let spans = (first..).step_by(step).map_while(|index| states.get(index)).take_while(|span| span.from < to);
    for span in spans.filter(|span| span.state == LaneState::OnCore) {
        let time = span.until.unwrap_or(to).min(to).since(span.from.max(from)).as_nanos() as u64;
        match found.iter_mut().find(|(lane, _)| *lane == span.detail) {
            Some((_, sum)) => *sum += time,
            None => found.push((span.detail, time)),
        }
    }
    found.sort_by_key(|(lane, time)| (std::cmp::Reverse(*time), *lane));
    found
}

/// Words that stand on a lane already, and from where to where.
struct Said {
    label: Arc<str>,
    x: Rangef,
}

/// The small parts of a picture: without pattern, with that of what is blocked, and those that lie over all others.
pub(super) struct Parts {
    pub(super) plain: Mesh,
    hatched: Option<Mesh>,
    thin: Mesh,
}

/// The colour of a state without its pattern: about as bright as with it.
fn plain(state: LaneState, colors: &Palette) -> Color32 {
    match Look::from(state) {
        look @ Look::Blocked => look.tone(colors).strong.gamma_multiply(0.55),
        look => hatch::fill_of(look, colors).0,
    }
}

impl Brush<'_> {
    /// The place of a piece within a bar.
    fn place(&self, bar: Rect, piece: &Piece) -> Rect {
        let left = self.scale.x_at(piece.from).clamp(bar.left(), bar.right());
        let right = self.scale.x_at(piece.to).clamp(left, bar.right());
        Rect::from_x_y_ranges(left..=right, bar.y_range())
    }

    fn pieces<'s>(&self, states: &'s States) -> impl Iterator<Item = Piece> + 's {
        let nanos = |t: f64| (t.max(0.0) * 1e9) as u64;
        self.grid.pieces(states, nanos(self.scale.from), nanos(self.scale.to) + 1)
    }

    /// What the small parts of a picture are gathered in, for so many columns.
    pub(super) fn gather(&mut self, columns: usize) -> Parts {
        let mut plain = Mesh::default();
        plain.reserve_vertices(columns * 4 * USUAL);
        plain.reserve_triangles(columns * 2 * USUAL);
        Parts { plain, hatched: self.hatch.mesh(self.painter, Look::Blocked), thin: Mesh::default() }
    }

    /// Paints what was gathered.
    pub(super) fn finish(&self, parts: Parts) {
        let all = [Some(parts.plain), parts.hatched, Some(parts.thin)];
        self.painter.extend(all.into_iter().flatten().filter(|mesh| !mesh.is_empty()).map(Shape::mesh));
    }

    /// A state without rounded corners. One that lasted less than a pixel is seen, too, whatever lies beside it.
    fn part(&self, parts: &mut Parts, at: Rect, state: LaneState) {
        let pixel = 1.0 / self.painter.pixels_per_point();
        match &mut parts.hatched {
            Some(hatched) if state == LaneState::Blocked && at.height() >= HATCHED && at.width() >= pixel => {
                let (surface, ink) = hatch::fill_of(Look::Blocked, self.colors);
                parts.plain.add_colored_rect(at, surface);
                hatch::add(hatched, at, ink);
            }
            _ => self.seen(parts, at, plain(state, self.colors)),
        }
    }

    /// Paints the states of a lane.
    pub(super) fn lane(&mut self, bar: Rect, lane: &Lane, strip: bool) {
        let mut parts = self.gather((bar.width() / COLUMN) as usize);
        let mut said = Vec::new();
        for piece in self.pieces(&lane.states) {
            let at = self.place(bar, &piece);
            match piece.what {
                What::State(span) => {
                    self.state(&mut parts, at, lane, &span, strip);
                    if at.width() > LABELLED && span.state != LaneState::Nothing {
                        said.extend(self.label(at, bar, lane, &span));
                    }
                }
                What::Shares { times, .. } => self.stack(&mut parts, at, &times, piece.to - piece.from),
            }
        }
        self.finish(parts);
        self.words(bar, lane, said);
    }

    /// The words that no single state has room for, once over the time in which they hold.
    fn words(&self, bar: Rect, lane: &Lane, mut said: Vec<Said>) {
        let first = lane.states.get(0).map_or(self.grid.now, |first| first.from.nanos());
        let last = marks::end_of(lane).map_or(self.grid.now, Monotonic::nanos);
        let end = self.scale.x_at(last).min(bar.right());
        let mut x = self.scale.x_at(first).max(bar.left());
        while x < end {
            let t = self.scale.at(x);
            x += READABLE / 2.0;
            let Some(word) = lane.words.at(t) else { continue };
            let right = word.until.map_or(end, |until| self.scale.x_at(until.nanos())).min(end);
            let left = self.scale.x_at(word.from.nanos().max(first)).max(bar.left());
            x = x.max(right);
            let is_said = |said: &Said| said.label == word.on && said.x.min >= left - 1.0 && said.x.min < right;
            if word.on.is_empty() || right - left < READABLE || said.iter().any(is_said) {
                continue;
            }
            let mut at = left + 6.0;
            for other in &said {
                if other.x.min < at + READABLE && other.x.max > at {
                    at = other.x.max + 10.0;
                }
            }
            let next = said.iter().map(|other| other.x.min).filter(|min| *min > at).fold(right, f32::min);
            let text = with_holder(foreign::line(&word.on).into_owned(), word.held_by.as_deref());
            let room = next - at - 8.0;
            let mut job = egui::text::LayoutJob::simple_singleline(
                text,
                theme::bold_font((bar.height() - 2.0).min(11.0)),
                self.colors.text,
            );
            job.wrap = egui::text::TextWrapping::truncate_at_width(room.max(1.0));
            let galley = self.painter.layout_job(job);
            if galley.elided && room < READABLE {
                continue;
            }
            let position = pos2(at, bar.center().y - galley.size().y / 2.0);
            let behind = Rect::from_min_size(position, galley.size()).expand2(vec2(4.0, 0.0)).intersect(bar);
            self.painter.rect_filled(behind, 2.0, self.colors.pane.gamma_multiply(BACKING));
            self.painter.galley(position, galley, self.colors.text);
            let place = said.partition_point(|other| other.x.min < behind.left());
            said.insert(place, Said { label: word.on, x: behind.x_range() });
        }
    }

    /// Paints the shares of some time, from the bottom up.
    pub(super) fn stack(&self, parts: &mut Parts, at: Rect, times: &Times, whole: u64) {
        let pixel = 1.0 / self.painter.pixels_per_point();
        let mut bottom = at.bottom();
        for (state, height) in heights(times, whole, at.height(), pixel) {
            let top = (bottom - height).max(at.top());
            self.part(parts, Rect::from_x_y_ranges(at.x_range(), top..=bottom), state);
            bottom = top;
        }
    }

    fn state(&mut self, parts: &mut Parts, at: Rect, lane: &Lane, span: &StateSpan, strip: bool) {
        let look = Look::from(span.state);
        if look == Look::Done {
            return;
        }
        // What is not known must not look like nothing.
        let narrow = if look == Look::Unknown { COLUMN } else { PLAIN };
        if at.width() < narrow {
            self.part(parts, at, span.state);
        } else {
            self.hatch.paint(self.painter, at, look, self.colors);
            if look == Look::Unknown && at.width() >= PLAIN {
                self.unknown(at);
            }
        }
        if strip && span.state == LaneState::OnCore && lane.source == LaneSource::Switches {
            let below = Rect::from_x_y_ranges(at.x_range(), at.bottom() + 2.0..=at.bottom() + 2.0 + CORE);
            self.seen(parts, below, self.colors.series(span.detail as usize).strong);
        }
    }

    /// A plain part that is a pixel wide at the least.
    fn seen(&self, parts: &mut Parts, at: Rect, color: Color32) {
        let pixel = 1.0 / self.painter.pixels_per_point();
        if at.width() < pixel {
            parts.thin.add_colored_rect(at.with_max_x(at.left() + pixel), color);
        } else {
            parts.plain.add_colored_rect(at, color);
        }
    }

    /// Question marks in a dashed frame.
    fn unknown(&self, at: Rect) {
        let ink = self.colors.weak;
        let corners = [at.left_top(), at.right_top(), at.right_bottom(), at.left_bottom(), at.left_top()];
        self.painter.extend(Shape::dashed_line(&corners, Stroke::new(1.0, ink), 3.0, 3.0));
        let step = (at.width() / 12.0).max(40.0);
        let mut x = at.left() + 7.0;
        while x < at.right() - 3.0 {
            let font = FontId::proportional((at.height() - 2.0).min(10.0));
            self.painter.text(pos2(x, at.center().y), Align2::CENTER_CENTER, "?", font, ink);
            x += step;
        }
    }

    /// The words on a state: dark on light ones, light on dark ones, boxed where the pattern would cross the letters. What was said.
    fn label(&self, at: Rect, bar: Rect, lane: &Lane, span: &StateSpan) -> Option<Said> {
        let look = Look::from(span.state);
        let now = lane.explain(span);
        let mut text = words_of(&now);
        let is_counted = span.until.is_none() && lane.until.is_some_and(|until| until.since(span.from) >= COUNTED);
        let left = lane.seconds_left(Monotonic::from_nanos(self.grid.now)).filter(|_| is_counted && !text.is_empty());
        if let Some(left) = left {
            let _ = write!(text, " · {left} s left");
        }
        // The sign of its end stands first.
        let cap = marks::cap(lane, bar, self.scale).filter(|cap| cap.right() > at.left() && cap.left() < at.right());
        let at = match cap {
            Some(cap) if cap.left() <= at.left() + 2.0 => at.with_min_x((cap.right() - 4.0).min(at.right())),
            Some(cap) => at.with_max_x(cap.left()),
            None => at,
        };
        let core = now.core.map(|core| format!("core {core}")).filter(|_| at.width() > 3.0 * LABELLED);
        if text.is_empty() && core.is_none() {
            return None;
        }
        let is_boxed = matches!(look, Look::Blocked | Look::Unknown);
        let is_light = is_boxed || look == Look::Running;
        let ink = if is_light { self.colors.text } else { theme::ink_on(hatch::fill_of(look, self.colors).0) };
        let painter = self.painter.with_clip_rect(at.intersect(self.painter.clip_rect()));
        let size = (at.height() - 1.0).min(11.0);
        let mut room = at.width() - 12.0;
        if let Some(core) = core {
            let place = pos2(at.right() - 6.0, at.center().y);
            let drawn =
                painter.text(place, Align2::RIGHT_CENTER, core, FontId::proportional(size - 1.0), ink.gamma_multiply(0.8));
            room -= drawn.width() + 8.0;
        }
        if text.is_empty() {
            return None;
        }
        let mut job = egui::text::LayoutJob::simple_singleline(text, theme::bold_font(size), ink);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room.max(10.0));
        let galley = painter.layout_job(job);
        if galley.elided && room < READABLE {
            return None;
        }
        let x = Rangef::new(at.left() + 4.0, at.left() + galley.size().x + 12.0);
        let position = pos2(at.left() + 8.0, at.center().y - galley.size().y / 2.0);
        if is_boxed {
            let behind = Rect::from_min_size(position, galley.size()).expand2(vec2(4.0, 1.0)).intersect(at);
            painter.rect_filled(behind, 2.0, look.tone(self.colors).surface);
        }
        painter.galley(position, galley, ink);
        Some(Said { label: now.label, x })
    }

    /// Paints who was on a core: `of` gives colour, ink and name of a lane by its number. Of several in turn, the one with the largest share
    /// gives the colour.
    pub(super) fn core<'n>(&mut self, bar: Rect, states: &States, of: impl Fn(u32) -> (Color32, Color32, &'n str)) {
        let mut parts = self.gather(0);
        let mut names = Vec::new();
        for piece in self.pieces(states) {
            let at = self.place(bar, &piece);
            match piece.what {
                What::State(span) if span.state == LaneState::OnCore => {
                    let (color, ink, name) = of(span.detail);
                    self.seen(&mut parts, at, color);
                    if at.width() > NAMED {
                        names.push((at, ink, name));
                    }
                }
                What::State(span) if span.state == LaneState::Unknown => {
                    self.hatch.paint(self.painter, at, Look::Unknown, self.colors);
                    if at.width() > PLAIN {
                        self.unknown(at);
                    }
                }
                What::State(_) => {}
                What::Shares { times, .. } if times.of(LaneState::Unknown) > 0 => {
                    self.stack(&mut parts, at, &times, piece.to - piece.from);
                }
                What::Shares { times, .. } => {
                    let part = times.of(LaneState::OnCore) as f64 / (piece.to - piece.from).max(1) as f64;
                    let pixel = 1.0 / self.painter.pixels_per_point();
                    let top = at.bottom() - (at.height() * part as f32).max(if part > 0.0 { pixel } else { 0.0 });
                    if let Some((lane, _)) = lanes_on(states, &piece, FEW).first() {
                        self.seen(&mut parts, at.with_min_y(top), of(*lane).0);
                    }
                }
            }
        }
        self.finish(parts);
        for (at, ink, name) in names {
            let painter = self.painter.with_clip_rect(at.intersect(self.painter.clip_rect()));
            let font = theme::bold_font((at.height() - 2.0).min(10.0));
            painter.text(pos2(at.left() + 5.0, at.center().y), Align2::LEFT_CENTER, foreign::word(name), font, ink);
        }
    }
}

/// What is said about a state: the label, the claim of the program where that differs, and the holder.
fn words_of(now: &LaneNow) -> String {
    let mut text = foreign::line(&now.label).into_owned();
    if let Some(claims) = now.claims {
        text = if text.is_empty() { format!("“{}”", claims.word()) } else { format!("{text} “{}”", claims.word()) };
    }
    with_holder(text, now.held_by.as_deref())
}

fn with_holder(text: String, held_by: Option<&str>) -> String {
    match held_by.filter(|holder| !text.is_empty() && !Word::names(&text, holder)) {
        // A call that waits for the end of a process.
        Some(holder) if text.ends_with(')') => format!("{text} for {}", foreign::word(holder)),
        Some("you") => format!("{text} · you have it"),
        Some(holder) => format!("{text} · {} has it", foreign::word(holder)),
        None => text,
    }
}
