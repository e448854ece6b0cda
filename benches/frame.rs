//! One frame of each view's own code, without painting: 10, 1,000 and 10,000 rows, a new snapshot every frame.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use egui::{CentralPanel, Context, RawInput, Rect, pos2, vec2};
use tasklab::model::Snapshot;
use tasklab::ui::gallery::Gallery;
use tasklab::ui::sample;

/// The view's share of a full-size window.
const SIZE: [f32; 2] = [1280.0, 720.0];

fn frame(criterion: &mut Criterion) {
    for view in Gallery::VIEWS {
        let mut group = criterion.benchmark_group(format!("frame of {view}"));
        for rows in [10, 1_000, 10_000] {
            let snapshots: Vec<Snapshot> = (1..=2).map(|sequence| Snapshot { sequence, ..sample::snapshot(rows) }).collect();
            let ctx = Context::default();
            Gallery::prepare(&ctx);
            let mut gallery = Gallery::default();
            let mut number = 0;
            let mut draw = || {
                let input = RawInput {
                    screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(SIZE[0], SIZE[1]))),
                    time: Some(number as f64 / 30.0),
                    ..RawInput::default()
                };
                number += 1;
                let output = ctx.run_ui(input, |ui| {
                    CentralPanel::default().show(ui, |ui| gallery.draw(ui, view, &snapshots[number % 2]));
                });
                assert!(!output.shapes.is_empty());
                output
            };
            // The first frames lay out and make the glyphs.
            for _ in 0..3 {
                draw();
            }
            group.bench_function(BenchmarkId::from_parameter(rows), |bencher| bencher.iter(&mut draw));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = frame
}
criterion_main!(benches);
