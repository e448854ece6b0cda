//! The race: two threads read the same number, add one, and write it back; one of the two updates is lost (concept 27).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::TaskSort;
use crate::scenario::card::{Facts, Params, Reply, equals, more_than};
use crate::scenario::lesson::words::counted;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Lock, Task, Worker};

/// Updates of each worker where nothing widens the gap.
const PLAIN_UPDATES: usize = 50_000;
/// One in so many lost updates is shown at once.
const SHOWN: u64 = 16;
/// Updates of each worker where a person decides each step.
const STEPPED_UPDATES: usize = 2;
/// Rounds that one run may have, with those that a person asks for.
const MOST_ROUNDS: usize = 20;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let workers = params.count("workers");
    let order: Vec<String> = params.text("replay").split_whitespace().map(str::to_owned).collect();
    let is_stepped = params.flag("step") || !order.is_empty();
    if !is_stepped {
        main.running("adding without a gap");
        let plain = add_without_gap(workers);
        lesson.value("updates without a gap", workers * PLAIN_UPDATES);
        lesson.value("updates lost without a gap", (workers * PLAIN_UPDATES) as u64 - plain);
    }
    if order.is_empty() {
        lesson.step_mode(is_stepped);
    } else {
        lesson.replay(params.text("replay"));
    }

    let race = Race {
        lesson,
        main: &main,
        lock: lesson.lock("counter"),
        workers,
        updates: if is_stepped { STEPPED_UPDATES } else { params.count("updates") },
        gap: Duration::from_micros(params.count("gap") as u64),
    };
    let mut plan = Plan { rounds: if is_stepped { 1 } else { params.count("rounds") }, with_lock: params.flag("lock") };
    let mut rounds: Vec<Round> = Vec::new();
    while rounds.len() < plan.rounds {
        if !rounds.is_empty() {
            race.rest(params.seconds("pause"), &mut plan)?;
        }
        let lost_before = rounds.iter().map(|round| round.overwritten).sum();
        let round = race.round(lost_before, &mut plan)?;
        rounds.push(round);
        let how = if round.is_locked { "with the lock" } else { "without a lock" };
        let (number, lost) = (rounds.len(), counted(round.lost() as usize, "update was", "updates were"));
        lesson.say(&format!("round {number}, {how}: {} updates, the counter is {}, {lost} lost", round.updates, round.counter));
    }
    let has_gap = !race.gap.is_zero() && !is_stepped;
    main.finish("ok");
    lesson.value("lost updates", rounds.iter().map(|round| round.overwritten).sum::<i64>());
    Ok(facts(&Outcome { rounds, has_gap, order, passed: lesson.order() }))
}

/// What is still to come.
struct Plan {
    rounds: usize,
    with_lock: bool,
}

impl Plan {
    fn obey(&mut self, asked: &LessonAction) -> Reply {
        match (asked.name.as_str(), asked.target.trim()) {
            ("again", _) if self.rounds >= MOST_ROUNDS => return Err(format!("{MOST_ROUNDS} rounds are enough for one run")),
            ("again", _) => self.rounds += 1,
            (_, "on") => self.with_lock = true,
            (_, "off") => self.with_lock = false,
            (_, "") => self.with_lock = !self.with_lock,
            _ => return Err("it is on or off; without a target the lock is switched over".to_owned()),
        }
        Ok(())
    }
}

struct Race<'s> {
    lesson: &'s Lesson,
    main: &'s Task<'s>,
    lock: Lock<'s>,
    workers: usize,
    updates: usize,
    gap: Duration,
}

impl Race<'_> {
    /// Time between two rounds, to look and to press.
    fn rest(&self, pause: Duration, plan: &mut Plan) -> Result<(), LessonError> {
        self.main.waiting("the next round", None);
        let end = Instant::now() + pause;
        while Instant::now() < end {
            if let Some(asked) = self.lesson.next_action(end.saturating_duration_since(Instant::now()))? {
                self.lesson.answer(&asked, &plan.obey(&asked));
            }
        }
        Ok(())
    }

    /// All workers add to a counter that begins at 0.
    fn round(&self, lost_before: i64, plan: &mut Plan) -> Result<Round, LessonError> {
        let Self { lesson, gap, .. } = *self;
        let lock = plan.with_lock.then_some(&self.lock);
        let counter = Counter { lesson, value: AtomicU64::new(0), overwritten: AtomicI64::new(0), lost_before, lock, gap };
        let start = std::sync::Barrier::new(self.workers);
        lesson.scope(|scope| {
            let threads = scope.threads("worker", self.workers, |worker| {
                start.wait();
                for _ in 0..self.updates {
                    counter.add_one(worker);
                }
            })?;
            self.main.waiting("the workers", None);
            threads.join(|asked| plan.obey(asked))
        })?;
        let (updates, overwritten) = ((self.workers * self.updates) as u64, counter.overwritten.into_inner());
        let round = Round { updates, counter: counter.value.into_inner(), overwritten, is_locked: lock.is_some() };
        lesson.value("counter", round.counter);
        lesson.value("lost updates", lost_before + overwritten);
        Ok(round)
    }
}

/// The number that everybody adds to.
struct Counter<'s> {
    lesson: &'s Lesson,
    value: AtomicU64,
    /// Updates of others that writes erased, less those that a write brought back.
    overwritten: AtomicI64,
    /// In the rounds before.
    lost_before: i64,
    lock: Option<&'s Lock<'s>>,
    gap: Duration,
}

impl Counter<'_> {
    /// Reads, waits, writes: three steps, and between them the others may do theirs.
    fn add_one(&self, worker: &Worker<'_>) {
        let held = self.lock.map(Lock::held);
        self.lesson.checkpoint("read the counter");
        let read = self.value.load(Ordering::SeqCst);
        if self.lesson.is_stepped() {
            worker.lane().running(&format!("has read {read}"));
        }
        if !self.gap.is_zero() {
            thread::sleep(self.gap);
        }
        self.lesson.checkpoint("write the counter");
        // The write tells what it overwrites: that is how each lost update is seen, at the moment when it is lost.
        let erased = self.value.swap(read + 1, Ordering::SeqCst).cast_signed() - read.cast_signed();
        drop(held);
        if erased != 0 {
            let lost = self.overwritten.fetch_add(erased, Ordering::SeqCst) + erased;
            if self.lesson.is_stepped() || read.is_multiple_of(SHOWN) {
                self.lesson.value("lost updates", self.lost_before + lost);
            }
        }
        if self.lesson.is_stepped() {
            self.lesson.value("counter", read + 1);
        }
    }
}

/// The same without a gap: load, add, store, as fast as it goes.
fn add_without_gap(workers: usize) -> u64 {
    let counter = AtomicU64::new(0);
    let start = std::sync::Barrier::new(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                start.wait();
                for _ in 0..PLAIN_UPDATES {
                    let read = counter.load(Ordering::Relaxed);
                    counter.store(read + 1, Ordering::Relaxed);
                }
            });
        }
    });
    counter.into_inner()
}

/// What came of a round.
#[derive(Debug, Clone, Copy)]
struct Round {
    updates: u64,
    counter: u64,
    overwritten: i64,
    is_locked: bool,
}

impl Round {
    fn lost(&self) -> u64 {
        self.updates - self.counter.min(self.updates)
    }
}

#[derive(Debug, Clone)]
struct Outcome {
    rounds: Vec<Round>,
    has_gap: bool,
    /// The order that was to be replayed.
    order: Vec<String>,
    /// The order in which gates were passed.
    passed: Vec<String>,
}

fn facts(outcome: &Outcome) -> Facts {
    let lost = |rounds: &mut dyn Iterator<Item = &Round>| rounds.map(Round::lost).sum::<u64>();
    let (all, open) = (lost(&mut outcome.rounds.iter()), lost(&mut outcome.rounds.iter().filter(|round| !round.is_locked)));
    let mut facts = vec![equals(
        "overwritten",
        "each lost update was seen at the write that overwrote it: updates",
        all.cast_signed(),
        outcome.rounds.iter().map(|round| round.overwritten).sum::<i64>(),
    )];
    let is_open = outcome.rounds.iter().any(|round| !round.is_locked);
    if is_open && outcome.has_gap {
        facts.push(more_than("lost", "who writes what was read before others wrote overwrites them: lost updates", 0, open));
    }
    if outcome.rounds.iter().any(|round| round.is_locked) {
        let id = if is_open { "lost-with-lock" } else { "lost" };
        facts.push(equals(id, "with the lock no update is lost: lost updates", 0, all - open));
    }
    if !outcome.order.is_empty() {
        facts.push(equals(
            "replayed",
            "the steps were taken in the order that was given",
            outcome.order.join(" "),
            outcome.passed.join(" "),
        ));
    }
    if !outcome.passed.is_empty() && all > 0 {
        facts.push(more_than("bad-order", "you found it: this order of steps loses an update, each time: lost updates", 0, all));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_can_fail() {
        let round = Round { updates: 2_000, counter: 600, overwritten: 1_400, is_locked: false };
        let good = Outcome { rounds: vec![round], has_gap: true, order: Vec::new(), passed: Vec::new() };
        let judged = |outcome: &Outcome| facts(outcome).into_iter().map(|fact| (fact.id, fact.holds)).collect::<Vec<_>>();
        let told = |id: &str, holds| (id.to_owned(), holds);
        assert_eq!(judged(&good), [told("overwritten", true), told("lost", true)]);
        let with = |rounds: Vec<Round>| judged(&Outcome { rounds, ..good.clone() });
        assert_eq!(with(vec![Round { counter: 2_000, ..round }]), [told("overwritten", false), told("lost", false)]);
        let locked = Round { is_locked: true, ..round };
        assert_eq!(with(vec![locked]), [told("overwritten", true), told("lost", false)]);
        let both = [told("overwritten", true), told("lost", true), told("lost-with-lock", false)];
        assert_eq!(with(vec![round, locked]), both, "each kind is judged by itself");
        assert_eq!(judged(&Outcome { has_gap: false, ..good.clone() }), [told("overwritten", true)]);
        let order = vec!["worker-1".to_owned(), "worker-2".to_owned()];
        let replayed = Outcome { order: order.clone(), passed: order.into_iter().rev().collect(), has_gap: false, ..good };
        assert_eq!(judged(&replayed), [told("overwritten", true), told("replayed", false), told("bad-order", true)]);
    }
}
