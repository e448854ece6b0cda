//! Futures: tickets for results that are not there yet (concepts 91, 92, 93 and 94). So that the order is no matter of luck,
//! each task waits for its gate, and a conductor opens one at a time, that of the task which began last.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::TaskSort;
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Event, Future, FutureState, Lesson, LessonError, Scope, Task, Until, too_late};

/// After this a wait is given up; only a mistake of ours meets that.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let tasks = params.count("tasks");
    let (batch, mapped) = (Batch::new(lesson, "task", tasks), Batch::new(lesson, "map", tasks));
    let calls = AtomicUsize::new(0);
    let seen = lesson.scope(|scope| {
        let seen = perform(scope, params, &main, [&batch, &mapped], &calls);
        if seen.is_err() {
            // The workers must not wait for ever.
            batch.gates.iter().chain(&mapped.gates).for_each(Event::set);
        }
        seen
    })?;
    main.finish("ok");
    Ok(facts(&seen))
}

fn perform<'env>(
    scope: &Scope<'_, 'env>,
    params: &Params,
    main: &Task<'_>,
    [batch, mapped]: [&'env Batch<'env>; 2],
    calls: &'env AtomicUsize,
) -> Result<Seen, LessonError> {
    let (lesson, pace) = (scope.lesson(), params.seconds("pace"));
    let (workers, tasks) = (params.count("workers"), params.count("tasks"));
    let mut seen = Seen { workers, tasks, ..Seen::default() };
    let pool = scope.pool("worker", workers)?;
    // One submit is one call, also where it is given a list.
    let list: Vec<u64> = (1..=tasks as u64).collect();
    let whole = pool.submit("whole-list", move || {
        calls.fetch_add(1, Ordering::SeqCst);
        list.iter().sum()
    });
    let _ = whole.result();
    seen.calls = calls.load(Ordering::SeqCst);

    let submit = |batch, number| pool.submit(&Batch::name(batch, number), move || Batch::task(batch, number));
    let futures: Vec<_> = (1..=tasks).map(|number| submit(batch, number)).collect();
    batch.settle(workers);
    let count = |state| futures.iter().filter(|future| future.state() == state).count();
    seen.states = format!("{} running, {} pending", count(FutureState::Running), count(FutureState::Pending));
    lesson.value("futures", seen.states.clone());
    lesson.say(&seen.states);
    seen.could_cancel = futures[0].cancel();

    main.waiting("wait(FirstCompleted)", None);
    batch.open_last();
    let (done, not_done) = pool.wait(&futures, Until::FirstCompleted, None);
    seen.two_sets = format!("{} done, {} not done", done.len(), not_done.len());
    lesson.say(&format!("wait gave two sets: {}", seen.two_sets));

    let tickets = futures.clone();
    let conductor = scope.thread("conductor", move |_| batch.conduct(workers, pace, &tickets))?;
    main.waiting("as_completed()", None);
    for future in pool.as_completed(&futures) {
        let name = future.name().to_owned();
        if let Ok(square) = future.result() {
            lesson.say(&format!("as_completed gave {name}: {square}"));
            seen.completed.push(name);
            lesson.value("as_completed gave so far", seen.completed.clone());
        } else {
            seen.cancelled_that_ran += usize::from(batch.has_begun(&name));
            lesson.say(&format!("as_completed gave {name}: cancelled"));
        }
    }
    conductor.join().transpose()?;
    seen.ended = batch.ended();

    let futures: Vec<_> = (1..=tasks).map(|number| submit(mapped, number)).collect();
    let tickets = futures.clone();
    let conductor = scope.thread("conductor", move |_| mapped.conduct(workers, pace, &tickets))?;
    // A map is this: hand all in, and take the results in the order of the list.
    main.waiting("map()", None);
    seen.results = futures.iter().filter_map(|future| future.result().ok()).collect();
    conductor.join().transpose()?;
    lesson.value("done in this order", mapped.ended());
    lesson.say(&format!("done in the order {}; map gave {:?}", mapped.ended().join(", "), seen.results));
    pool.join(too_late)?;
    Ok(seen)
}

/// Tasks with gates, and a log of which began and which ended.
struct Batch<'s> {
    lesson: &'s Lesson,
    prefix: &'static str,
    gates: Vec<Event<'s>>,
    log: Mutex<Log>,
    changed: Condvar,
}

/// Numbers of tasks, from 1.
#[derive(Default)]
struct Log {
    began: Vec<usize>,
    ended: Vec<usize>,
    cancelled: Vec<usize>,
}

impl Log {
    fn running(&self) -> Vec<usize> {
        self.began.iter().copied().filter(|number| !self.ended.contains(number)).collect()
    }
}

impl<'s> Batch<'s> {
    fn new(lesson: &'s Lesson, prefix: &'static str, tasks: usize) -> Self {
        let gates = (1..=tasks).map(|number| lesson.event(&format!("gate of {prefix}-{number}"))).collect();
        Self { lesson, prefix, gates, log: Mutex::default(), changed: Condvar::new() }
    }

    fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is handed in: gives the square of its number, as soon as its gate is open.
    fn task(&self, number: usize) -> u64 {
        self.log().began.push(number);
        self.changed.notify_all();
        self.gates[number - 1].wait(None);
        self.log().ended.push(number);
        self.changed.notify_all();
        (number * number) as u64
    }

    /// Waits until the log is so.
    fn wait_until(&self, is_so: impl Fn(&Log) -> bool) {
        let _ = self.changed.wait_timeout_while(self.log(), PATIENCE, |log| !is_so(log));
    }

    fn left(&self, log: &Log) -> usize {
        self.gates.len() - log.ended.len() - log.cancelled.len()
    }

    /// Waits until as many tasks run as there are workers, or tasks that are left.
    fn settle(&self, workers: usize) {
        self.wait_until(|log| log.running().len() == workers.min(self.left(log)));
    }

    /// Opens the gate of the task that began last.
    fn open_last(&self) {
        if let Some(last) = self.log().running().last() {
            self.gates[last - 1].set();
        }
    }

    /// Opens one gate after the other, until all tasks have ended. Meanwhile hears actions.
    fn conduct(&self, workers: usize, pace: Duration, futures: &[Future<'_, u64>]) -> Result<(), LessonError> {
        while self.left(&self.log()) > 0 {
            self.settle(workers);
            let chosen = self.hear(pace, futures).inspect_err(|_| self.gates.iter().for_each(Event::set))?;
            let last = self.log().running().last().copied();
            if let Some(next) = chosen.or(last) {
                self.gates[next - 1].set();
                // Before the next one its future has to be done, too.
                let _ = futures[next - 1].result();
            }
        }
        Ok(())
    }

    /// Hears actions for so long; gives the task whose gate somebody wants open.
    fn hear(&self, pace: Duration, futures: &[Future<'_, u64>]) -> Result<Option<usize>, LessonError> {
        let deadline = Instant::now() + pace;
        while Instant::now() < deadline && !self.log().running().is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(asked) = self.lesson.listen(&[], left)? else { continue };
            let named = (1..=self.gates.len()).find(|number| self.name(*number) == asked.target.trim());
            let Some(number) = named else {
                let names = (1..=self.gates.len()).map(|number| self.name(number));
                self.lesson.refuse(&asked, &unknown("task", &asked.target, names));
                continue;
            };
            let has_begun = self.log().began.contains(&number);
            if asked.name == "finish" && self.log().running().contains(&number) {
                return Ok(Some(number));
            } else if asked.name == "finish" && has_begun {
                self.lesson.refuse(&asked, "it is done already");
            } else if asked.name == "finish" {
                self.lesson.refuse(&asked, "no worker has it: only a task that runs can be finished");
            } else if self.prefix == "map" {
                self.lesson.refuse(&asked, "a map has all or nothing: its futures are not given to anybody");
            } else if futures[number - 1].cancel() {
                let mut log = self.log();
                if !log.cancelled.contains(&number) {
                    log.cancelled.push(number);
                }
            } else {
                self.lesson.refuse(&asked, "a worker has it, or had it: only a future that is pending can be cancelled");
            }
        }
        Ok(None)
    }

    fn has_begun(&self, name: &str) -> bool {
        self.log().began.iter().any(|number| self.name(*number) == name)
    }

    /// Names of the tasks that ended, in this order.
    fn ended(&self) -> Vec<String> {
        self.log().ended.iter().map(|number| self.name(*number)).collect()
    }
}

/// What was seen of the futures.
#[derive(Debug, Clone, Default)]
struct Seen {
    workers: usize,
    tasks: usize,
    /// Calls that one submit made.
    calls: usize,
    /// How the futures were, when the workers had taken what they could.
    states: String,
    two_sets: String,
    /// Names, in the order in which the tasks ended, and in that of `as_completed`.
    ended: Vec<String>,
    completed: Vec<String>,
    results: Vec<u64>,
    could_cancel: bool,
    cancelled_that_ran: usize,
}

fn facts(seen: &Seen) -> Facts {
    let running = seen.workers.min(seen.tasks);
    vec![
        equals("one-call", "one submit is one call, also where it is given a list: calls", 1, seen.calls),
        equals(
            "states",
            "a future is pending until a worker takes its task: then it is running",
            format!("{running} running, {} pending", seen.tasks - running),
            seen.states.clone(),
        ),
        equals(
            "wait-first",
            "wait() gives two sets of futures, and here it waited for the first one only",
            format!("1 done, {} not done", seen.tasks - 1),
            seen.two_sets.clone(),
        ),
        equals(
            "as-completed",
            "as_completed gives the futures in the order in which they are done",
            seen.ended.clone(),
            seen.completed.clone(),
        ),
        equals(
            "map-order",
            "map gives the results in the order of the list, whichever is done first",
            (1..=seen.tasks as u64).map(|number| number * number).collect::<Vec<_>>(),
            seen.results.clone(),
        ),
        equals(
            "no-cancel",
            "a future that is running cannot be cancelled: cancel() gives",
            "False",
            if seen.could_cancel { "True" } else { "False" },
        ),
        equals("cancelled", "a future that was cancelled in time never ran: cancelled ones that did", 0, seen.cancelled_that_ran),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Seen)) -> Vec<String> {
        let names = || ["task-2", "task-3", "task-1"].map(str::to_owned).to_vec();
        let mut seen = Seen {
            workers: 2,
            tasks: 3,
            calls: 1,
            states: "2 running, 1 pending".to_owned(),
            two_sets: "1 done, 2 not done".to_owned(),
            ended: names(),
            completed: names(),
            results: vec![1, 4, 9],
            could_cancel: false,
            cancelled_that_ran: 0,
        };
        change(&mut seen);
        facts(&seen).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|seen| seen.calls = 3), ["one-call"]);
        assert_eq!(failed(|seen| seen.workers = 3), ["states"]);
        assert_eq!(failed(|seen| seen.two_sets = "3 done, 0 not done".to_owned()), ["wait-first"]);
        assert_eq!(failed(|seen| seen.completed.sort()), ["as-completed"], "the order of the list instead");
        assert_eq!(failed(|seen| _ = seen.completed.pop()), ["as-completed"]);
        assert_eq!(failed(|seen| seen.results = vec![4, 9, 1]), ["map-order"], "the order of the ends instead");
        assert_eq!(failed(|seen| seen.could_cancel = true), ["no-cancel"]);
        assert_eq!(failed(|seen| seen.cancelled_that_ran = 1), ["cancelled"]);
        let nothing = failed(|seen| *seen = Seen { workers: 2, tasks: 3, ..Seen::default() });
        assert_eq!(nothing, ["one-call", "states", "wait-first", "map-order"]);
    }
}
