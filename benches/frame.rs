//! One frame of each view's own code, without painting: 10, 1,000 and 10,000 rows, a new snapshot every frame; and the lanes of a million
//! changes at three zooms.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use egui::{CentralPanel, Context, FullOutput, RawInput, Rect, pos2, vec2};
use tasklab::model::Snapshot;
use tasklab::ui::gallery::Gallery;
use tasklab::ui::sample;

/// The view's share of a full-size window.
const SIZE: [f32; 2] = [1280.0, 720.0];

/// A view alone in a window, and the snapshots that it draws in turn.
struct Window {
    ctx: Context,
    gallery: Gallery,
    snapshots: Vec<Snapshot>,
    number: usize,
}

impl Window {
    fn new(snapshots: Vec<Snapshot>) -> Self {
        let ctx = Context::default();
        Gallery::prepare(&ctx);
        Self { ctx, gallery: Gallery::default(), snapshots, number: 0 }
    }

    fn draw(&mut self, view: &str) -> FullOutput {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(SIZE[0], SIZE[1]))),
            time: Some(self.number as f64 / 30.0),
            ..RawInput::default()
        };
        self.number += 1;
        let snapshot = &self.snapshots[self.number % self.snapshots.len()];
        let output = self.ctx.run_ui(input, |ui| {
            CentralPanel::default().show(ui, |ui| self.gallery.draw(ui, view, snapshot));
        });
        assert!(!output.shapes.is_empty());
        output
    }

    /// The first frames lay out, make the glyphs, and add up the whole run.
    fn warm_up(&mut self, view: &str, frames: usize) {
        (0..frames).for_each(|_| drop(self.draw(view)));
    }
}

fn frame(criterion: &mut Criterion) {
    for view in Gallery::VIEWS {
        let mut group = criterion.benchmark_group(format!("frame of {view}"));
        for rows in [10, 1_000, 10_000] {
            let snapshots: Vec<Snapshot> = (1..=2).map(|sequence| Snapshot { sequence, ..sample::snapshot(rows) }).collect();
            let mut window = Window::new(snapshots);
            window.warm_up(view, 3);
            group.bench_function(BenchmarkId::from_parameter(rows), |bencher| bencher.iter(|| window.draw(view)));
        }
        group.finish();
    }
}

fn million(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame of a million changes");
    let snapshot = sample::million();
    for (zoom, from, to) in [("all", 0.0, 10.0), ("2 s", 4.0, 6.0), ("20 ms", 5.0, 5.02)] {
        let mut window = Window::new(vec![snapshot.clone()]);
        window.gallery.look_at(from, to);
        window.warm_up("timeline", 100);
        group.bench_function(BenchmarkId::from_parameter(zoom), |bencher| bencher.iter(|| window.draw("timeline")));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = frame, million
}
criterion_main!(benches);
