//! Timers: a thread that sleeps, then calls a function; once, or at an interval; and what cancel does (concept 39).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::model::{TaskSort, TaskState};
use crate::scenario::card::{Facts, Params, Reply, equals, more_than};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Event, Lesson, LessonAction, LessonError, Scope, Timer, Worker};

/// How long each call of a repeated timer works.
const CALL: Duration = Duration::from_millis(20);
const MOST_TIMERS: usize = 20;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let book = Book::default();
    let cancelled = ["every", "drift"].map(|name| lesson.event(&format!("{name}.cancel")));
    let plan = Plan { delay: params.seconds("delay"), interval: params.seconds("interval"), times: params.count("times") };

    let record = lesson.scope(|scope| {
        let mut timers = Timers { lesson, scope, book: &book, plan, once: Vec::new(), is_cancelled: [false; 2] };
        timers.start("hello".to_owned(), plan.delay)?;
        timers.start("doomed".to_owned(), plan.delay * 2)?;
        let start = Instant::now();
        let repeated = ["every", "drift"].into_iter().zip(&cancelled);
        let repeated: Vec<_> = repeated
            .map(|(name, cancelled)| {
                let book = &book;
                scope.thread(name, move |worker| repeat(lesson, worker, start, plan, cancelled, book))
            })
            .collect::<Result<_, _>>()?;
        main.waiting("you, while the timers run", None);
        loop {
            let waits = [repeated[0].is_alive(), repeated[1].is_alive()];
            if !waits.contains(&true) && timers.once.iter().all(|once| once.is_over(&book)) {
                break;
            }
            if let Some(asked) = lesson.next_action(Duration::from_millis(20))? {
                lesson.answer(&asked, &timers.obey(&asked, waits, &cancelled));
            }
        }
        for thread in repeated {
            thread.join();
        }
        Ok::<_, LessonError>(timers.record(start))
    })?;
    for (name, late) in ["every", "drift"].into_iter().zip(record.late) {
        lesson.value(format!("{name}: last call late by (ms)"), (late.as_secs_f64() * 1e4).round() / 10.0);
    }
    main.finish("ok");
    Ok(facts(&record, plan))
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    delay: Duration,
    interval: Duration,
    times: usize,
}

/// A thread that calls again and again. `every` reckons from its start when the next call is due; `drift` waits the
/// interval after each call, and so the time of the calls adds up.
fn repeat(lesson: &Lesson, worker: &Worker<'_>, start: Instant, plan: Plan, cancelled: &Event<'_>, book: &Book) {
    let mut due = start;
    for _ in 0..plan.times {
        due = if worker.name() == "drift" { Instant::now() } else { due } + plan.interval;
        worker.lane().is(TaskState::Sleeping);
        if cancelled.wait(Some(due.saturating_duration_since(Instant::now()))) {
            return;
        }
        worker.lane().running("its call");
        book.call(worker.name(), due);
        lesson.say(&format!("{} calls", worker.name()));
        std::thread::sleep(CALL);
    }
}

/// A call: when it was due, when it came, and in which thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Call {
    due: Instant,
    at: Instant,
    thread: ThreadId,
}

/// All calls, by the name of their timer.
#[derive(Debug, Default)]
struct Book(Mutex<BTreeMap<String, Vec<Call>>>);

impl Book {
    fn calls(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Call>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a timer calls.
    fn call(&self, name: &str, due: Instant) {
        let call = Call { due, at: Instant::now(), thread: std::thread::current().id() };
        self.calls().entry(name.to_owned()).or_default().push(call);
    }

    fn count(&self, name: &str) -> usize {
        self.calls().get(name).map_or(0, Vec::len)
    }
}

/// A timer that calls once.
struct Once<'scope, 'env> {
    name: String,
    due: Instant,
    timer: Timer<'scope, 'env>,
    /// One that is cancelled when it is due may call all the same.
    cancelled_at: Option<Instant>,
}

impl Once<'_, '_> {
    fn is_over(&self, book: &Book) -> bool {
        self.cancelled_at.is_some() || book.count(&self.name) > 0
    }
}

struct Timers<'a, 'scope, 'env> {
    lesson: &'env Lesson,
    scope: &'a Scope<'scope, 'env>,
    book: &'env Book,
    plan: Plan,
    once: Vec<Once<'scope, 'env>>,
    /// Of `every` and `drift`.
    is_cancelled: [bool; 2],
}

impl Timers<'_, '_, '_> {
    fn start(&mut self, name: String, delay: Duration) -> Result<(), LessonError> {
        let due = Instant::now() + delay;
        let timer = {
            let (lesson, book, name) = (self.lesson, self.book, name.clone());
            self.scope.timer(&name.clone(), delay, move || {
                book.call(&name, due);
                lesson.say(&format!("{name} calls"));
            })
        };
        timer.start()?;
        self.once.push(Once { name, due, timer, cancelled_at: None });
        Ok(())
    }

    fn obey(&mut self, asked: &LessonAction, waits: [bool; 2], cancelled: &[Event<'_>; 2]) -> Reply {
        match asked.name.as_str() {
            "cancel" => self.cancel(asked.target.trim(), waits, cancelled),
            _ if self.once.len() >= MOST_TIMERS => Err(format!("{MOST_TIMERS} timers are enough for one run")),
            _ => self.start(format!("hello-{}", self.once.len()), self.plan.delay).map_err(|error| error.to_string()),
        }
    }

    /// Cancels the timer that is named; without a name, the one that was started last, of those that wait.
    fn cancel(&mut self, name: &str, waits: [bool; 2], cancelled: &[Event<'_>; 2]) -> Reply {
        let is_meant = |once: &Once<'_, '_>| once.name == name || name.is_empty() && !once.is_over(self.book);
        let once = self.once.iter().rposition(is_meant);
        let repeated = ["every", "drift"].iter().rposition(|other| *other == name);
        match (once, repeated) {
            (Some(at), _) if !self.once[at].is_over(self.book) => {
                let once = &mut self.once[at];
                once.timer.cancel();
                once.cancelled_at = Some(Instant::now());
                self.lesson.say(&format!("{} was cancelled", once.name));
            }
            (_, Some(at)) if waits[at] => {
                cancelled[at].set();
                self.is_cancelled[at] = true;
                self.lesson.say(&format!("{name} was cancelled"));
            }
            (None, None) if name.is_empty() => return Err("no timer waits any more that calls once".to_owned()),
            (None, None) => {
                return Err(unknown("timer", name, self.once.iter().map(|once| once.name.as_str()).chain(["every", "drift"])));
            }
            _ => return Err(format!("{name} is over: it has called, or was cancelled")),
        }
        Ok(())
    }

    /// Waits for the last timers, and counts.
    fn record(self, start: Instant) -> Record {
        for once in &self.once {
            once.timer.join();
        }
        let count = |is_meant: &dyn Fn(&Once<'_, '_>) -> bool| {
            self.once.iter().filter(|once| is_meant(once)).map(|once| self.book.count(&once.name)).collect()
        };
        let cancelled = count(&|once| once.cancelled_at.is_some_and(|at| at < once.due));
        let kept = count(&|once| once.cancelled_at.is_none());
        let calls = self.book.calls();
        let late = |name: &str| {
            let calls = calls.get(name)?;
            Some(calls.last()?.at.saturating_duration_since(start + self.plan.interval * calls.len() as u32))
        };
        let late = ["every", "drift"].map(|name| late(name).unwrap_or_default());
        let all = || calls.values().flatten();
        let (early, in_main) = (
            all().filter(|call| call.at < call.due).count(),
            all().filter(|call| call.thread == std::thread::current().id()).count(),
        );
        let times = ["every", "drift"].map(|name| calls.get(name).map_or(0, Vec::len));
        drop(calls);
        Record { cancelled, kept, early, in_main, times, late, is_cancelled: self.is_cancelled }
    }
}

/// How often, and when.
#[derive(Debug, Clone)]
struct Record {
    /// Calls of each timer that was cancelled in time, and of each other one.
    cancelled: Vec<usize>,
    kept: Vec<usize>,
    early: usize,
    in_main: usize,
    /// Of `every` and `drift`.
    times: [usize; 2],
    late: [Duration; 2],
    is_cancelled: [bool; 2],
}

fn facts(record: &Record, plan: Plan) -> Facts {
    let mut facts = vec![
        equals(
            "cancelled",
            "a timer that is cancelled in time never calls: calls of such timers",
            0,
            record.cancelled.iter().sum::<usize>(),
        ),
        equals(
            "once",
            "a timer calls its function once: calls of each timer that was not cancelled",
            vec![1; record.kept.len()],
            record.kept.clone(),
        ),
        equals("not-early", "no timer calls too early: calls before their time", 0, record.early),
        equals("own-thread", "each timer calls in a thread of its own: calls in main's thread", 0, record.in_main),
    ];
    let repeated = [
        ("every-times", "a timer with an interval calls again and again: calls"),
        ("drift-times", "so does one that waits after each call: calls"),
    ];
    for (at, (id, claim)) in repeated.into_iter().enumerate() {
        if !record.is_cancelled[at] {
            facts.push(equals(id, claim, plan.times, record.times[at]));
        }
    }
    if plan.times > 1 && !record.is_cancelled[1] {
        let lost = (plan.times as u64 - 1) * CALL.as_millis() as u64 - 1;
        facts.push(more_than(
            "drifts",
            "an interval that begins after each call loses the time of the calls: the last one is late by (ms)",
            lost,
            record.late[1].as_millis() as u64,
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { delay: Duration::from_millis(900), interval: Duration::from_millis(200), times: 5 };

    fn failed(change: impl FnOnce(&mut Record)) -> Vec<String> {
        let mut record = Record {
            cancelled: vec![0],
            kept: vec![1, 1],
            early: 0,
            in_main: 0,
            times: [5, 5],
            late: [Duration::ZERO, Duration::from_millis(81)],
            is_cancelled: [false; 2],
        };
        change(&mut record);
        facts(&record, PLAN).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|record| record.cancelled[0] = 1), ["cancelled"]);
        assert_eq!(failed(|record| record.kept[1] = 0), ["once"]);
        assert_eq!(failed(|record| record.kept[0] = 2), ["once"]);
        assert_eq!(failed(|record| record.early = 1), ["not-early"]);
        assert_eq!(failed(|record| record.in_main = 1), ["own-thread"]);
        assert_eq!(failed(|record| record.times = [4, 5]), ["every-times"]);
        assert_eq!(failed(|record| record.times = [5, 4]), ["drift-times"]);
        assert_eq!(failed(|record| record.late[1] = Duration::from_millis(60)), ["drifts"]);
        assert_eq!(failed(|record| (record.is_cancelled, record.times) = ([true; 2], [1, 2])), [""; 0]);
    }
}
