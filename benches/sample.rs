//! Looking at 300 and at 3,000 processes below this one, as the engine's monitor thread does once a second.

#![expect(clippy::expect_used, reason = "a benchmark ends where it cannot measure")]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tasklab::cli::bench::Sleepers;
use tasklab::model::Pid;
use tasklab::monitor::Processes;
use tasklab::sys::monotonic_now;

fn sample(criterion: &mut Criterion) {
    let own = Pid::new(std::process::id().cast_signed());
    let mut group = criterion.benchmark_group("sample");
    for count in [300, 3000] {
        let sleepers = Sleepers::start(count).expect("so many processes");
        let mut processes = Processes::new().expect("/proc");
        assert!(processes.sample(own, monotonic_now()).len() >= count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| processes.sample(own, monotonic_now()));
        });
        drop(sleepers);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5)).sample_size(20);
    targets = sample
}
criterion_main!(benches);
