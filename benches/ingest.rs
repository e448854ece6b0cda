//! Taking in a lesson's event lines: bytes to lines, lines to events, each folded and recorded.

#![expect(clippy::expect_used, reason = "a benchmark ends where it cannot measure")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tasklab::cli::bench::Ingest;

fn ingest(criterion: &mut Criterion) {
    let ingest = Ingest::new(20_000);
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(ingest.lines()));
    group.bench_function("event lines", |bencher| {
        bencher.iter_custom(|count| (0..count).map(|_| ingest.read_all().expect("all are events")).sum());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5)).sample_size(20);
    targets = ingest
}
criterion_main!(benches);
