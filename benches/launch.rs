//! Launching and reaping `/bin/true`: through the supervisor, in a plain C loop, and by Python's `subprocess`.

#![expect(clippy::expect_used, reason = "a benchmark ends where it cannot measure")]

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use tasklab::cli::bench::{Launcher, Python};
use tasklab::sys::{plain_launches, plain_launches_at_once};

const TRUE: &std::ffi::CStr = c"/bin/true";
/// Programs that are launched at once.
const AT_ONCE: u64 = 100;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tasklab"))
}

/// A contender, timed by itself: so many rounds, how long they took.
fn contender(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, run: impl Fn(u64) -> Duration) {
    group.bench_function(name, |bencher| bencher.iter_custom(&run));
}

fn launch(criterion: &mut Criterion) {
    let launcher = RefCell::new(Launcher::start(program()).expect("a supervisor"));
    let python = Python::start(program()).map(RefCell::new);

    let mut group = criterion.benchmark_group("launch_wait");
    contender(&mut group, "task-lab", |count| launcher.borrow_mut().one_after_the_other(count).expect("launched"));
    contender(&mut group, "c", |count| plain_launches(TRUE, count).expect("launched"));
    if let Ok(python) = &python {
        contender(&mut group, "python", |count| python.borrow_mut().measure("launch_wait", count).expect("launched"));
    }
    group.finish();

    let rounds = |count: u64, run: &dyn Fn() -> Duration| (0..count).map(|_| run()).sum();
    let mut group = criterion.benchmark_group("launch_many");
    group.sample_size(10);
    contender(&mut group, "task-lab", |count| rounds(count, &|| launcher.borrow_mut().at_once(AT_ONCE).expect("launched")));
    contender(&mut group, "c", |count| rounds(count, &|| plain_launches_at_once(TRUE, AT_ONCE).expect("launched")));
    if let Ok(python) = &python {
        let measure = || python.borrow_mut().measure("launch_many", AT_ONCE).expect("launched");
        contender(&mut group, "python", |count| rounds(count, &measure));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5)).sample_size(20);
    targets = launch
}
criterion_main!(benches);
