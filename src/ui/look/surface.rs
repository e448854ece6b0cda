//! Large opaque areas. Where the processor draws the window each filled pixel counts: there they are cleared, not blended. UI thread.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui_glow::CallbackFn;
use eframe::glow;
use egui::epaint::RectShape;
use egui::layers::ShapeIdx;
use egui::{Color32, Context, Id, PaintCallback, Painter, Rect, Response, Shape, Stroke, StrokeKind, Ui};

use crate::sys;

fn place() -> Id {
    Id::unique("the processor draws the window")
}

/// Remembers what draws the window, as the driver says.
pub fn look_at_renderer(ctx: &Context, gl: &glow::Context) {
    let draws = is_software(&sys::renderer_of(gl));
    set_processor_draws(ctx, draws);
    if draws {
        sys::keep_freed_memory();
    }
}

/// Remembers whether the processor draws the window.
pub fn set_processor_draws(ctx: &Context, draws: bool) {
    ctx.data_mut(|data| data.insert_temp(place(), draws));
}

/// Whether the processor draws the window: then a frame is dear.
pub fn processor_draws(ctx: &Context) -> bool {
    ctx.data(|data| data.get_temp(place())).unwrap_or(false)
}

/// The time from one frame to the next while only the time goes on: the live edge moves, and nothing happens.
pub fn clock_interval(ctx: &Context) -> Duration {
    Duration::from_millis(if processor_draws(ctx) { 250 } else { 33 })
}

/// Mesa's names for drawing with the processor, and Google's.
fn is_software(renderer: &str) -> bool {
    let renderer = renderer.to_ascii_lowercase();
    ["llvmpipe", "softpipe", "swrast", "software rasterizer", "swiftshader"].iter().any(|name| renderer.contains(name))
}

/// Fills an area whose corners are round.
pub fn fill(painter: &Painter, rect: Rect, radius: u8, color: Color32) {
    let places = [painter.add(Shape::Noop), painter.add(Shape::Noop)];
    fill_at(painter, places, rect, radius, color);
}

/// Shows something over a surface with round corners, which is as large as that turns out to be.
pub fn under<R>(ui: &mut Ui, radius: u8, color: Color32, show: impl FnOnce(&mut Ui) -> (Response, R)) -> R {
    let painter = ui.painter().clone();
    let places = [painter.add(Shape::Noop), painter.add(Shape::Noop)];
    let (response, inner) = show(ui);
    fill_at(&painter, places, response.rect, radius, color);
    inner
}

fn fill_at(painter: &Painter, [place, rim]: [ShapeIdx; 2], rect: Rect, radius: u8, color: Color32) {
    // What is cleared has whole pixels and no round corners: these are drawn.
    let inside = rect.shrink(f32::from(radius.saturating_sub(1)));
    if !processor_draws(painter.ctx()) || !inside.is_positive() {
        painter.set(place, Shape::rect_filled(rect, radius, color));
        return;
    }
    painter.with_clip_rect(inside.intersect(painter.clip_rect())).set(place, cleared(rect, color));
    if radius > 0 {
        painter.set(rim, RectShape::stroke(rect, radius, Stroke::new(f32::from(radius), color), StrokeKind::Inside));
    }
}

/// A shape that fills its clip rectangle, which the painter has made the scissor's.
fn cleared(rect: Rect, color: Color32) -> Shape {
    let [red, green, blue, _] = color.to_normalized_gamma_f32();
    let callback = CallbackFn::new(move |_, painter| sys::fill_scissor(painter.gl(), [red, green, blue]));
    Shape::Callback(PaintCallback { rect, callback: Arc::new(callback) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_draws_with_the_processor_is_known_by_its_name() {
        for renderer in ["llvmpipe (LLVM 15.0.6, 256 bits)", "softpipe", "Software Rasterizer", "Google SwiftShader"] {
            assert!(is_software(renderer), "{renderer}");
        }
        for renderer in ["V3D 7.1.10.2", "Mesa Intel(R) UHD Graphics 620 (KBL GT2)", "NVIDIA GeForce GTX 1650/PCIe/SSE2", ""] {
            assert!(!is_software(renderer), "{renderer}");
        }
    }

    #[test]
    fn a_surface_is_one_shape_that_lies_under_what_is_shown_over_it() {
        let ctx = Context::default();
        let count = |draws: bool| {
            set_processor_draws(&ctx, draws);
            let mut shapes = Vec::new();
            ctx.run_ui(egui::RawInput::default(), |ui| {
                under(ui, 0, Color32::RED, |ui| (ui.label("over it"), ()));
                fill(ui.painter(), Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(100.0, 50.0)), 5, Color32::RED);
                shapes = ctx
                    .graphics(|graphics| {
                        graphics
                            .get(ui.layer_id())
                            .map(|list| list.all_entries().map(|entry| matches!(entry.shape, Shape::Callback(_))).collect())
                    })
                    .unwrap_or_default();
            })
            .drop_without_applying_deltas();
            shapes
        };
        let is_there = |draws| count(draws).into_iter().filter(|is_cleared| *is_cleared).count();
        assert_eq!((is_there(false), is_there(true)), (0, 2));
        assert_eq!(count(true).first(), Some(&true), "under what is shown over it");
    }
}
