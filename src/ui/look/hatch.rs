//! Patterns on the timeline's segments, so that no state is told by its colour alone. UI thread; four textures of 8 × 8.

use egui::{Color32, ColorImage, Mesh, Painter, Rect, Shape, TextureHandle, TextureOptions, pos2, vec2};

use crate::ui::look::states::Look;
use crate::ui::look::theme::Palette;

const SIZE: usize = 8;

/// The patterns as repeating textures: white where the line is, to be tinted.
#[derive(Default)]
pub struct Hatch {
    textures: Option<[TextureHandle; 4]>,
}

/// The pattern over a segment's surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Diagonal,
    Cross,
    Bars,
    Dots,
}

const fn pattern_of(look: Look) -> Option<Pattern> {
    match look {
        Look::Blocked => Some(Pattern::Diagonal),
        Look::Failed | Look::Zombie => Some(Pattern::Cross),
        Look::Stopped => Some(Pattern::Bars),
        Look::Unknown => Some(Pattern::Dots),
        _ => None,
    }
}

/// The surface of a segment and the colour of its pattern.
pub fn fill_of(look: Look, colors: &Palette) -> (Color32, Color32) {
    let tone = look.tone(colors);
    match look {
        Look::Blocked => (tone.strong.gamma_multiply(0.28), tone.strong),
        Look::Created => (tone.surface, Color32::TRANSPARENT),
        Look::Unknown => (tone.ink.gamma_multiply(0.35), tone.ink.gamma_multiply(0.8)),
        Look::Running => (tone.strong.gamma_multiply(0.4), Color32::TRANSPARENT),
        Look::Zombie | Look::Failed => (tone.strong, colors.on_strong.gamma_multiply(0.14)),
        _ => (tone.strong, colors.on_strong.gamma_multiply(0.3)),
    }
}

impl Hatch {
    /// Fills a rectangle as its state looks.
    pub fn paint(&mut self, painter: &Painter, rect: Rect, look: Look, colors: &Palette) {
        let (surface, ink) = fill_of(look, colors);
        painter.rect_filled(rect, 2.0, surface);
        if matches!(look, Look::Created | Look::Running) && rect.width() >= 3.0 {
            painter.rect_stroke(rect, 2.0, (1.0, look.tone(colors).strong), egui::StrokeKind::Inside);
        }
        let Some(mut mesh) = self.mesh(painter, look).filter(|_| rect.width() >= 3.0) else { return };
        add(&mut mesh, rect, ink);
        painter.add(Shape::mesh(mesh));
    }

    /// A mesh with the pattern of a look, if it has one, for any number of rectangles.
    pub fn mesh(&mut self, painter: &Painter, look: Look) -> Option<Mesh> {
        let pattern = pattern_of(look)?;
        let textures = self.textures.get_or_insert_with(|| {
            [Pattern::Diagonal, Pattern::Cross, Pattern::Bars, Pattern::Dots]
                .map(|pattern| painter.ctx().load_texture(format!("{pattern:?}"), image(pattern), TextureOptions::LINEAR_REPEAT))
        });
        Some(Mesh::with_texture(textures[pattern as usize].id()))
    }
}

/// Adds a rectangle to a mesh with a pattern, which goes on from one rectangle to the next.
pub fn add(mesh: &mut Mesh, rect: Rect, ink: Color32) {
    let scale = 1.0 / SIZE as f32;
    let uv = Rect::from_min_size(pos2(rect.left() * scale, rect.top() * scale), vec2(rect.width(), rect.height()) * scale);
    mesh.add_rect_with_uv(rect, uv, ink);
}

fn image(pattern: Pattern) -> ColorImage {
    let lit = |x: usize, y: usize| match pattern {
        Pattern::Diagonal => (x + y) % SIZE < 2,
        Pattern::Cross => (x + y) % SIZE < 1 || (x + SIZE - y).is_multiple_of(SIZE),
        Pattern::Bars => x < 2,
        Pattern::Dots => x % 4 == 1 && y % 4 == 1,
    };
    let pixels = (0..SIZE * SIZE)
        .map(|index| if lit(index % SIZE, index / SIZE) { Color32::WHITE } else { Color32::TRANSPARENT })
        .collect();
    ColorImage::new([SIZE, SIZE], pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_that_share_a_brightness_differ_in_pattern() {
        assert_eq!(pattern_of(Look::Blocked), Some(Pattern::Diagonal));
        assert_ne!(pattern_of(Look::Stopped), pattern_of(Look::Zombie));
        assert_eq!(pattern_of(Look::OnCore), None);
        let colors = crate::ui::look::theme::palette_of(&egui::Visuals::dark());
        assert_ne!(fill_of(Look::Running, colors), fill_of(Look::OnCore, colors), "its program's word is no core");
        let images = [Pattern::Diagonal, Pattern::Cross, Pattern::Bars].map(|pattern| image(pattern).pixels);
        assert!(images[0] != images[1] && images[1] != images[2]);
    }
}
