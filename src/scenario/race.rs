//! The race: two threads read the same number, add one, and write it back; one of the two updates is lost (concept 27).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{
    Chapter, Facts, Lock, Params, Prediction, Scenario, Stage, StageError, Worker, action, count, equals, flag, more_than, note,
    text,
};
use crate::model::TaskSort;

pub(super) const RACE: Scenario = Scenario {
    id: "race",
    title: "The race",
    chapter: Chapter::Threads,
    concepts: &[27],
    text: include_str!("../../assets/texts/race.md"),
    prediction: Prediction {
        ask: "Four threads each add 1 to the same counter 2,000 times, without a lock. How many of the 8,000 updates are lost?",
        choices: &["None", "Exactly one", "Many, and each time another number"],
        answer: 2,
        fact: "lost",
    },
    params: &[
        count("workers", 4, 2..=8, "threads", "threads that add to the counter"),
        count("updates", 2000, 100..=4000, "times", "how often each one adds 1; twice where you decide each step"),
        count("gap", 100, 0..=1000, "µs", "time between reading and writing: widened on purpose, so that it happens often"),
        flag("lock", false, "whether a lock is held from reading to writing"),
        flag("step", false, "whether to begin in step mode: each thread waits before each step until you let it go"),
        text("replay", "", 500, "an order of steps to follow: names with blanks between, as the value order showed it"),
    ],
    actions: &[action("step", "Step", "on or off switches step mode; a task's name lets that one take its next step")],
    script: &["4 step off"],
    notes: &[note(
        "counter = counter + 1 in several threads loses updates",
        "without a gap {plain_lost} of {plain_updates} were lost, with the gap {lost}: in Python the switch from one thread \
         to the next hardly ever falls between the read and the write; Rust's threads run at the same time",
    )],
    python: include_str!("../../assets/python/race.py"),
    rust: include_str!("race.rs"),
    run,
};

/// Updates of each worker where nothing widens the gap.
const PLAIN_UPDATES: usize = 50_000;
/// One in so many lost updates is shown at once.
const SHOWN: u64 = 16;
/// Updates of each worker where a person decides each step.
const STEPPED_UPDATES: usize = 2;

fn run(stage: &Stage, params: &Params) -> Result<Facts, StageError> {
    let main = stage.task("main", TaskSort::Thread);
    let workers = params.count("workers");
    let order: Vec<String> = params.text("replay").split_whitespace().map(str::to_owned).collect();
    let is_stepped = params.flag("step") || !order.is_empty();
    let updates = if is_stepped { STEPPED_UPDATES } else { params.count("updates") };
    if !is_stepped {
        main.running("adding without a gap");
        let plain = add_without_gap(workers);
        stage.value("plain_updates", workers * PLAIN_UPDATES);
        stage.value("plain_lost", (workers * PLAIN_UPDATES) as u64 - plain);
    }
    if order.is_empty() {
        stage.step_mode(is_stepped);
    } else {
        stage.replay(params.text("replay"));
    }

    let lock = params.flag("lock").then(|| stage.lock("counter"));
    let gap = Duration::from_micros(params.count("gap") as u64);
    let counter = Counter { stage, value: AtomicU64::new(0), overwritten: AtomicI64::new(0), lock: lock.as_ref(), gap };
    let start = std::sync::Barrier::new(workers);
    stage.scope(|scope| {
        let threads = scope.threads("worker", workers, |worker| {
            start.wait();
            for _ in 0..updates {
                counter.add_one(worker);
            }
        })?;
        main.waiting("the workers", None);
        threads.join(|_| false)
    })?;
    main.finish("ok");

    let outcome = Outcome {
        updates: (workers * updates) as u64,
        counter: counter.value.into_inner(),
        overwritten: counter.overwritten.into_inner(),
        is_locked: lock.is_some(),
        has_gap: !gap.is_zero() && !is_stepped,
        order,
        passed: stage.order(),
    };
    stage.value("counter", outcome.counter);
    stage.value("lost", outcome.overwritten);
    stage.say(&format!("{} updates, and the counter is {}", outcome.updates, outcome.counter));
    Ok(facts(&outcome))
}

/// The number that everybody adds to.
struct Counter<'s> {
    stage: &'s Stage,
    value: AtomicU64,
    /// Updates of others that writes erased, less those that a write brought back.
    overwritten: AtomicI64,
    lock: Option<&'s Lock<'s>>,
    gap: Duration,
}

impl Counter<'_> {
    /// Reads, waits, writes: three steps, and between them the others may do theirs.
    fn add_one(&self, worker: &Worker<'_>) {
        let held = self.lock.map(Lock::held);
        self.stage.checkpoint("read the counter");
        let read = self.value.load(Ordering::SeqCst);
        if self.stage.is_stepped() {
            worker.lane().running(&format!("has read {read}"));
        }
        if !self.gap.is_zero() {
            thread::sleep(self.gap);
        }
        self.stage.checkpoint("write the counter");
        // The write tells what it overwrites: that is how each lost update is seen, at the moment when it is lost.
        let erased = self.value.swap(read + 1, Ordering::SeqCst).cast_signed() - read.cast_signed();
        drop(held);
        if erased != 0 {
            let lost = self.overwritten.fetch_add(erased, Ordering::SeqCst) + erased;
            if self.stage.is_stepped() || read.is_multiple_of(SHOWN) {
                self.stage.value("lost", lost);
            }
        }
        if self.stage.is_stepped() {
            self.stage.value("counter", read + 1);
        }
    }
}

/// The same without a gap: load, add, store, as fast as it goes.
fn add_without_gap(workers: usize) -> u64 {
    let counter = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                for _ in 0..PLAIN_UPDATES {
                    let read = counter.load(Ordering::Relaxed);
                    counter.store(read + 1, Ordering::Relaxed);
                }
            });
        }
    });
    counter.into_inner()
}

#[derive(Debug, Clone)]
struct Outcome {
    updates: u64,
    counter: u64,
    overwritten: i64,
    is_locked: bool,
    has_gap: bool,
    /// The order that was to be replayed.
    order: Vec<String>,
    /// The order in which gates were passed.
    passed: Vec<String>,
}

fn facts(outcome: &Outcome) -> Facts {
    let lost = outcome.updates - outcome.counter.min(outcome.updates);
    let mut facts = vec![equals(
        "overwritten",
        "each lost update was seen at the write that overwrote it",
        lost.cast_signed(),
        outcome.overwritten,
    )];
    if outcome.is_locked {
        facts.push(equals("lost", "with the lock no update is lost", 0, lost));
    } else if outcome.has_gap {
        facts.push(more_than("lost", "who writes what was read before others wrote loses their updates", 0, lost));
    }
    if !outcome.order.is_empty() {
        facts.push(equals(
            "replayed",
            "the steps were taken in the order that was given",
            outcome.order.join(" "),
            outcome.passed.join(" "),
        ));
    }
    if !outcome.passed.is_empty() && lost > 0 {
        facts.push(more_than("bad-order", "you found it: this order of steps loses an update, each time", 0, lost));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_can_fail() {
        let good = Outcome {
            updates: 2_000,
            counter: 600,
            overwritten: 1_400,
            is_locked: false,
            has_gap: true,
            order: Vec::new(),
            passed: Vec::new(),
        };
        let judged = |outcome: &Outcome| facts(outcome).into_iter().map(|fact| (fact.id, fact.holds)).collect::<Vec<_>>();
        let told = |id: &str, holds| (id.to_owned(), holds);
        assert_eq!(judged(&good), [told("overwritten", true), told("lost", true)]);
        assert_eq!(judged(&Outcome { counter: 2_000, ..good.clone() }), [told("overwritten", false), told("lost", false)]);
        let locked = Outcome { is_locked: true, ..good.clone() };
        assert_eq!(judged(&locked), [told("overwritten", true), told("lost", false)]);
        assert_eq!(judged(&Outcome { has_gap: false, ..good.clone() }), [told("overwritten", true)]);
        let order = vec!["worker-1".to_owned(), "worker-2".to_owned()];
        let replayed = Outcome { order: order.clone(), passed: order.into_iter().rev().collect(), has_gap: false, ..good };
        assert_eq!(judged(&replayed), [told("overwritten", true), told("replayed", false), told("bad-order", true)]);
    }
}
