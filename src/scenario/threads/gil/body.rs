//! The global interpreter lock, and what Rust does without it (concepts 6, 14, 41, 42 and 43).

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use sha2::{Digest, Sha256};

use crate::model::TaskSort;
use crate::scenario::card::Params;
use crate::scenario::lesson::children::Fork;
use crate::scenario::lesson::cost::process_cpu;
use crate::scenario::lesson::{Lesson, LessonError, Worker};
use crate::sys::exit_now;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (workers, span) = (params.count("workers"), params.seconds("span"));
    let interval = Duration::from_millis(params.count("interval") as u64);
    choose_cores(params.count("affinity")).map_err(LessonError::kernel("choose the cores"))?;
    lesson.say("Rust has no GIL: the threads that count share one lock of ours instead");

    let interpreter = lesson.lock("interpreter");
    let (latest, turns) = (AtomicUsize::new(0), AtomicU64::new(0));
    run_together(lesson, "count", workers, |worker| {
        let end = Instant::now() + span;
        while Instant::now() < end {
            let turn = interpreter.held();
            if latest.swap(worker.number(), Ordering::SeqCst) != worker.number() {
                turns.fetch_add(1, Ordering::SeqCst);
            }
            count(end.min(Instant::now() + interval));
            drop(turn);
            // Another thread has to be awake before it can take the lock.
            std::thread::sleep(Duration::from_micros(100));
        }
    })?;
    lesson.say(&format!("The threads took {} turns", turns.into_inner()));

    let mut children = Vec::new();
    for number in 1..=workers {
        let name = format!("process-{number}");
        match lesson.fork(&name)? {
            Fork::Child => {
                let lane = lesson.task(name, TaskSort::Process);
                count(Instant::now() + span);
                lane.finish("ok");
                exit_now(0);
            }
            Fork::Parent(child) => children.push(child),
        }
    }
    for child in children {
        child.reap()?;
    }
    lesson.sleep(PAUSE);

    run_together(lesson, "hash", workers, |_| {
        let (data, end) = (vec![0; 100_000], Instant::now() + span);
        while Instant::now() < end {
            black_box(Sha256::digest(&data));
        }
    })?;
    run_together(lesson, "wait", workers, |worker| worker.sleep(span))?;
    let number = AtomicU64::new(0);
    run_together(lesson, "add", workers, |_| {
        for _ in 0..50 {
            let seen = number.load(Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            number.store(seen + 1, Ordering::SeqCst);
        }
    })?;
    lesson.say(&format!("{} of {} additions are in", number.into_inner(), workers * 50));
    Ok(())
}

/// Between two kinds of workers.
const PAUSE: Duration = Duration::from_millis(300);

fn count(end: Instant) {
    let mut steps = 0_u64;
    while Instant::now() < end {
        steps = black_box(steps + 1);
    }
}

fn run_together(lesson: &Lesson, kind: &str, workers: usize, work: impl Fn(&Worker<'_>) + Sync) -> Result<(), LessonError> {
    let (began, cpu) = (Instant::now(), process_cpu());
    lesson.scope(|scope| scope.threads(kind, workers, &work).map(|threads| threads.wait()))?;
    let cores = (process_cpu() - cpu) / began.elapsed().as_secs_f64();
    lesson.say(&format!("{kind}: {cores:.1} cores busy"));
    lesson.sleep(PAUSE);
    Ok(())
}

/// Leaves this process so many of its cores; all for 0.
fn choose_cores(most: usize) -> rustix::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut chosen = CpuSet::new();
    let most = if most == 0 { CpuSet::MAX_CPU } else { most };
    (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).take(most).for_each(|core| chosen.set(core));
    sched_setaffinity(None, &chosen)
}
