//! The bar of a lane: its states as they are, or their shares where a column holds several. UI thread; paints into a given place.

use egui::{Align2, Color32, FontId, Mesh, Painter, Rect, Shape, Stroke, pos2, vec2};

use crate::model::{Lane, LaneSource, LaneState, Monotonic, StateSpan, States, Times};
use crate::ui::look::foreign;
use crate::ui::look::hatch::{self, Hatch};
use crate::ui::look::states::Look;
use crate::ui::look::theme::{self, Palette};
use crate::ui::panes::time::pieces::{COLUMN, Grid, Piece, What, heights};
use crate::ui::panes::time::scale::Scale;

/// A state that is lower has no pattern.
const HATCHED: f32 = 4.0;
/// A state that is narrower has no rounded corners.
const PLAIN: f32 = 8.0;
/// A state that is narrower has no label.
const LABELLED: f32 = 34.0;
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

/// States of a core that are looked through in a column, to find out whether they are all the same lane's.
const FEW: usize = 16;

/// The number of the one lane that was on a core in all of a piece, if there were few changes.
fn only_lane(states: &States, piece: &Piece) -> Option<u32> {
    let What::Shares(_, changes @ ..FEW) = piece.what else { return None };
    let first = states.at(Monotonic::from_nanos(piece.from))?.index;
    let mut lanes =
        (first..=first + changes).filter_map(|index| states.get(index)).filter(|span| span.state == LaneState::OnCore);
    let lane = lanes.next()?.detail;
    lanes.all(|span| span.detail == lane).then_some(lane)
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
        let pixel = 1.0 / self.painter.ctx().pixels_per_point();
        if at.width() < pixel {
            parts.thin.add_colored_rect(at.with_max_x(at.left() + pixel), plain(state, self.colors));
            return;
        }
        match &mut parts.hatched {
            Some(hatched) if state == LaneState::Blocked && at.height() >= HATCHED => {
                let (surface, ink) = hatch::fill_of(Look::Blocked, self.colors);
                parts.plain.add_colored_rect(at, surface);
                hatch::add(hatched, at, ink);
            }
            _ => parts.plain.add_colored_rect(at, plain(state, self.colors)),
        }
    }

    /// Paints the states of a lane.
    pub(super) fn lane(&mut self, bar: Rect, lane: &Lane, strip: bool) {
        let mut parts = self.gather((bar.width() / COLUMN) as usize);
        for piece in self.pieces(&lane.states) {
            let at = self.place(bar, &piece);
            match piece.what {
                What::State(span) => self.state(&mut parts, at, lane, &span, strip),
                What::Shares(times, _) => self.stack(&mut parts, at, &times, piece.to - piece.from),
            }
        }
        self.finish(parts);
    }

    /// Paints the shares of some time, from the bottom up.
    pub(super) fn stack(&self, parts: &mut Parts, at: Rect, times: &Times, whole: u64) {
        let pixel = 1.0 / self.painter.ctx().pixels_per_point();
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
        if at.width() < PLAIN {
            self.part(parts, at, span.state);
        } else {
            self.hatch.paint(self.painter, at, look, self.colors);
            if look == Look::Unknown {
                self.unknown(at);
            }
        }
        if strip && span.state == LaneState::OnCore && lane.source == LaneSource::Switches {
            let below = Rect::from_x_y_ranges(at.x_range(), at.bottom() + 2.0..=at.bottom() + 2.0 + CORE);
            parts.plain.add_colored_rect(below, self.colors.series(span.detail as usize).strong);
        }
        if at.width() > LABELLED {
            self.label(at, lane, span, look);
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

    /// The words on a state: dark on light ones, light on dark ones, boxed where the pattern would cross the letters.
    fn label(&self, at: Rect, lane: &Lane, span: &StateSpan, look: Look) {
        let now = lane.explain(span);
        let mut text = foreign::line(&now.label).into_owned();
        if let Some(claims) = now.claims {
            text = if text.is_empty() { format!("“{}”", claims.word()) } else { format!("{text} “{}”", claims.word()) };
        }
        if let Some(holder) = now.held_by.as_ref().filter(|_| !text.is_empty()) {
            text = format!("{text} · {} has it", foreign::word(holder));
        }
        let core = now.core.map(|core| format!("core {core}")).filter(|_| at.width() > 3.0 * LABELLED);
        if text.is_empty() && core.is_none() {
            return;
        }
        let is_boxed = matches!(look, Look::Blocked | Look::Unknown);
        let ink = if is_boxed { self.colors.text } else { theme::ink_on(hatch::fill_of(look, self.colors).0) };
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
            return;
        }
        let mut job = egui::text::LayoutJob::simple_singleline(text, theme::bold_font(size), ink);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room.max(10.0));
        let galley = painter.layout_job(job);
        if galley.elided && room < READABLE {
            return;
        }
        let position = pos2(at.left() + 8.0, at.center().y - galley.size().y / 2.0);
        if is_boxed {
            let behind = Rect::from_min_size(position, galley.size()).expand2(vec2(4.0, 1.0)).intersect(at);
            painter.rect_filled(behind, 2.0, look.tone(self.colors).surface);
        }
        painter.galley(position, galley, ink);
    }

    /// Paints who was on a core: `of` gives colour, ink and name of a lane by its number. Several lanes in turn have the colour `mixed`.
    pub(super) fn core<'n>(
        &mut self,
        bar: Rect,
        states: &States,
        mixed: Color32,
        of: impl Fn(u32) -> (Color32, Color32, &'n str),
    ) {
        let mut parts = self.gather(0);
        let mut names = Vec::new();
        for piece in self.pieces(states) {
            let at = self.place(bar, &piece);
            match piece.what {
                What::State(span) if span.state == LaneState::OnCore => {
                    let (color, ink, name) = of(span.detail);
                    parts.plain.add_colored_rect(at, color);
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
                What::Shares(times, _) if times.of(LaneState::Unknown) > 0 => {
                    self.stack(&mut parts, at, &times, piece.to - piece.from);
                }
                What::Shares(times, _) => {
                    let part = times.of(LaneState::OnCore) as f64 / (piece.to - piece.from).max(1) as f64;
                    let pixel = 1.0 / self.painter.ctx().pixels_per_point();
                    let top = at.bottom() - (at.height() * part as f32).max(if part > 0.0 { pixel } else { 0.0 });
                    parts.plain.add_colored_rect(at.with_min_y(top), only_lane(states, &piece).map_or(mixed, |lane| of(lane).0));
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
