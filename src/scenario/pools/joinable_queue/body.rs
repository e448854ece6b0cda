//! Joinable queues: join waits until each item that was put is done, and not only taken (concept 53). A thread of its own
//! joins, so that the first one can hear you meanwhile.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::TaskSort;
use crate::scenario::card::{Facts, Params, Reply, equals, more_than};
use crate::scenario::lesson::{Event, Lesson, LessonAction, LessonError, Queue, Scope, Task, Worker, too_late};

/// Items that a person can add.
const MOST_EXTRA: usize = 20;
const TICK: Duration = Duration::from_millis(20);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let (items, held) = (params.count("items"), params.count("held"));
    let bench = Bench {
        lesson,
        queue: lesson.queue("work", 0),
        items,
        work: params.seconds("work"),
        held: (items + 1 - held..=items).collect(),
        goes: (0..held).map(|number| lesson.event(&format!("go {}", number + 1))).collect(),
        log: Mutex::default(),
    };
    for _ in 0..items {
        bench.put_one();
    }
    let seen = lesson.scope(|scope| {
        let seen = bench.run(scope, &main, params);
        if seen.is_err() {
            bench.goes.iter().for_each(Event::set);
            bench.send_home(params.count("workers"));
        }
        seen
    })?;
    main.finish("ok");
    lesson.say(&format!("{} items put, {} taken, {} done", seen.put, seen.taken.len(), seen.done.len()));
    Ok(facts(held, &seen))
}

/// The queue, and those who work at it.
struct Bench<'s> {
    lesson: &'s Lesson,
    /// `None` sends a worker home.
    queue: Queue<'s, Option<usize>>,
    items: usize,
    work: Duration,
    held: BTreeSet<usize>,
    /// Let a worker report the item that it holds back, in the order in which they began to.
    goes: Vec<Event<'s>>,
    log: Mutex<Log>,
}

/// Numbers of items, from 1, and what was seen.
#[derive(Debug, Clone, Default)]
struct Log {
    put: usize,
    taken: Vec<usize>,
    held: Vec<usize>,
    done: Vec<usize>,
    /// Items that were not done when the queue was empty, at most.
    left_when_empty: usize,
    /// Items that were not done when join returned.
    left_when_joined: Option<usize>,
    /// Items that were let go, and those of them when join had returned before.
    goes: usize,
    too_early: usize,
    /// Whether one `task_done` more was refused.
    refused: Option<bool>,
}

impl Bench<'_> {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_one(&self) {
        let item = {
            let mut log = self.log();
            log.put += 1;
            log.put
        };
        self.queue.put(Some(item));
    }

    /// Takes items, and reports each as done; the last ones of the list only when somebody gives a go.
    fn worker(&self, me: &Worker<'_>) {
        while let Some(item) = self.queue.get() {
            {
                let mut log = self.log();
                log.taken.push(item);
                if log.taken.len() == log.put {
                    log.left_when_empty = log.left_when_empty.max(log.put - log.done.len());
                }
            }
            me.lane().running(&format!("item {item}"));
            me.sleep(self.work);
            if self.held.contains(&item) {
                let turn = {
                    let mut log = self.log();
                    log.held.push(item);
                    log.held.len() - 1
                };
                self.goes[turn].wait(None);
            }
            let left = {
                let mut log = self.log();
                log.done.push(item);
                log.put - log.done.len()
            };
            // It was put, so it cannot be one too many.
            let _ = self.queue.task_done();
            self.lesson.value("unfinished items", left);
        }
        let _ = self.queue.task_done();
    }

    fn run<'env>(&'env self, scope: &Scope<'_, 'env>, main: &Task<'_>, params: &Params) -> Result<Log, LessonError> {
        let workers = scope.threads("worker", params.count("workers"), |me| self.worker(me))?;
        let joiner = scope.thread("joiner", |_| {
            self.queue.join();
            let mut log = self.log();
            log.left_when_joined = Some(log.put - log.done.len());
        })?;
        main.waiting("the joiner", None);
        let deadline = Instant::now() + params.seconds("patience");
        let mut orders = 0;
        while joiner.is_alive() {
            if let Some(asked) = self.lesson.next_action(TICK)? {
                self.lesson.answer(&asked, &self.obey(&asked, &mut orders));
            }
            if Instant::now() >= deadline {
                orders = self.goes.len();
            }
            self.give_goes(orders);
        }
        let refused = self.queue.task_done();
        if let Err(error) = &refused {
            self.lesson.say(&format!("one task_done more: {error}"));
        }
        self.log().refused = Some(refused.is_err());
        self.send_home(workers.count());
        workers.join(too_late)?;
        Ok(self.log().clone())
    }

    fn obey(&self, asked: &LessonAction, orders: &mut usize) -> Reply {
        let (put, goes) = {
            let log = self.log();
            (log.put, log.goes)
        };
        match asked.name.as_str() {
            // While an item is held back, join cannot return before this one is counted.
            _ if goes >= self.goes.len() => return Err("no item is held back any more, so that join() may return".to_owned()),
            "put" if put >= self.items + MOST_EXTRA => return Err(format!("{MOST_EXTRA} more items are enough for one run")),
            "put" => self.put_one(),
            _ if *orders >= self.goes.len() => return Err("every item that is held back will be reported already".to_owned()),
            _ => *orders += 1,
        }
        Ok(())
    }

    /// Lets workers report what they hold back, one for each go that was ordered.
    fn give_goes(&self, orders: usize) {
        let mut log = self.log();
        while log.goes < orders.min(log.held.len()) {
            log.too_early += usize::from(log.left_when_joined.is_some());
            log.goes += 1;
            self.goes[log.goes - 1].set();
        }
    }

    fn send_home(&self, workers: usize) {
        (0..workers).for_each(|_| self.queue.put(None));
    }
}

fn facts(held: usize, log: &Log) -> Facts {
    let mut facts = vec![
        equals("join-waits", "when join() returned, all was done: items that were left", 0, log.left_when_joined),
        more_than(
            "empty",
            "an empty queue is no finished one: items that were still at work when it was empty",
            0,
            log.left_when_empty as u64,
        ),
    ];
    if held > 0 {
        let waited = log.goes == held && log.too_early == 0;
        let observed = if waited { "join() waited" } else { "join() did not wait" };
        let claim = "items that were taken, and not reported as done, hold join() up";
        facts.push(equals("held-back", claim, "join() waited", observed));
    }
    let taken: BTreeSet<usize> = log.taken.iter().copied().collect();
    facts.push(equals(
        "too-often",
        "task_done() once too often gives",
        "an error",
        log.refused.map(|refused| if refused { "an error" } else { "no error" }),
    ));
    facts.push(equals("each-once", "each item was taken once: items", log.put, taken.len()));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Log)) -> Vec<String> {
        let mut log = Log {
            put: 3,
            taken: vec![1, 2, 3],
            held: vec![3],
            done: vec![2, 1, 3],
            left_when_empty: 2,
            left_when_joined: Some(0),
            goes: 1,
            too_early: 0,
            refused: Some(true),
        };
        change(&mut log);
        facts(1, &log).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|log| log.left_when_joined = Some(1)), ["join-waits"]);
        assert_eq!(failed(|log| log.left_when_empty = 0), ["empty"]);
        assert_eq!(failed(|log| log.too_early = 1), ["held-back"], "join had returned before the item was reported");
        assert_eq!(failed(|log| log.goes = 0), ["held-back"]);
        assert_eq!(failed(|log| log.refused = Some(false)), ["too-often"]);
        assert_eq!(failed(|log| log.taken[2] = 2), ["each-once"]);
        let nothing = failed(|log| *log = Log { put: 3, ..Log::default() });
        assert_eq!(nothing, ["join-waits", "empty", "held-back", "too-often", "each-once"]);
    }
}
