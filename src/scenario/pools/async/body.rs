//! Coroutines: many tasks in one thread, paused and resumed at their awaits (concept 95). The event loop is in
//! `executor.rs`; a baton goes round a ring of runners.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::model::{TaskSort, TaskState};
use crate::scenario::card::{Facts, Params, Reply, equals, more_than};
use crate::scenario::lesson::proc::own_threads;
use crate::scenario::lesson::words::{counted, unknown};
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::scenario::pools::r#async::executor::{Executor, Id};

/// Runners that one run takes, with those that a person adds.
const MOST_RUNNERS: usize = 24;
/// Blocking calls that a person can ask for.
const MOST_ORDERS: usize = 4;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    main.running("the event loop");
    let track = Rc::new(Track {
        lesson,
        executor: Executor::default(),
        ring: Ring::default(),
        pause: params.seconds("pause"),
        block: params.seconds("block"),
    });
    let (executor, ring) = (&track.executor, &track.ring);

    for _ in 0..params.count("coroutines") {
        executor.spawn(Rc::clone(&track).nap());
    }
    executor.run();
    for _ in 0..params.count("coroutines") {
        track.add_runner();
    }
    ring.hand_to(Some(1));
    executor.spawn(Rc::clone(&track).blocker());
    executor.spawn(Rc::clone(&track).listen(params.count("coroutines") * params.count("laps")));
    executor.run();
    main.finish("ok");

    if let Some(error) = ring.failed.take() {
        return Err(error);
    }
    let seen = ring.seen.take();
    lesson.say(&format!("the runners made {} steps in {}", ring.steps.get(), counted(seen.tids.len(), "thread", "threads")));
    Ok(facts(params.count("coroutines"), ring.steps.get(), &seen))
}

/// What was seen of the coroutines.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Naps that are going on, and those that went on at the same time, at most.
    napping: usize,
    naps: usize,
    /// Threads of this process, as /proc lists them, at most; and those in which a step was made.
    threads: usize,
    tids: BTreeSet<i32>,
    /// Steps, as each runner tells of its own; and those by somebody who did not have the baton.
    made: usize,
    out_of_turn: usize,
    /// Steps that the others made while somebody slept, awaiting or blocking.
    while_awaiting: Vec<usize>,
    while_blocked: Vec<usize>,
    cancelled: usize,
    ended_by_cancel: usize,
}

/// The runners, and who of them has the baton.
#[derive(Default)]
struct Ring {
    order: RefCell<Vec<usize>>,
    holder: Cell<Option<usize>>,
    wakers: RefCell<BTreeMap<usize, Waker>>,
    ids: RefCell<BTreeMap<usize, Id>>,
    /// Counted by all runners, without a lock.
    steps: Cell<usize>,
    is_over: Cell<bool>,
    seen: RefCell<Seen>,
    /// Why no actions can be heard.
    failed: RefCell<Option<LessonError>>,
}

impl Ring {
    fn hand_to(&self, runner: Option<usize>) {
        self.holder.set(runner);
        if let Some(waker) = runner.and_then(|runner| self.wakers.borrow_mut().remove(&runner)) {
            waker.wake();
        }
    }

    /// Gives the baton to the next one in the ring.
    fn pass_on(&self, runner: usize) {
        let order = self.order.borrow();
        let place = order.iter().position(|other| *other == runner);
        let next = place.and_then(|place| order.get((place + 1) % order.len())).copied();
        drop(order);
        self.hand_to(next);
    }

    /// Waits for the baton; `false` when the race is over.
    async fn turn(&self, runner: usize) -> bool {
        poll_fn(|context| {
            if self.is_over.get() || self.holder.get() == Some(runner) {
                return Poll::Ready(());
            }
            self.wakers.borrow_mut().insert(runner, context.waker().clone());
            Poll::Pending
        })
        .await;
        !self.is_over.get()
    }

    fn finish(&self) {
        self.is_over.set(true);
        self.wakers.take().into_values().for_each(Waker::wake);
    }
}

/// A runner's lane. Dropped with the coroutine, also where that was cancelled.
struct Runner<'s> {
    track: Rc<Track<'s>>,
    lane: Option<Task<'s>>,
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            self.track.ring.seen.borrow_mut().ended_by_cancel += 1;
            lane.finish("cancelled");
        }
    }
}

/// What the coroutines share.
struct Track<'s> {
    lesson: &'s Lesson,
    executor: Executor<'s>,
    ring: Ring,
    pause: Duration,
    block: Duration,
}

impl Track<'_> {
    /// Waits for the baton, makes a step, and passes the baton on.
    async fn runner(self: Rc<Self>, number: usize) {
        let ring = &self.ring;
        let lane = self.lesson.task(format!("runner-{number}"), TaskSort::Coroutine);
        let mut runner = Runner { track: Rc::clone(&self), lane: Some(lane) };
        while let Some(lane) = &runner.lane {
            let holder = ring.holder.get().map(|holder| format!("runner-{holder}"));
            lane.waiting("the baton", holder.as_deref());
            if !ring.turn(number).await {
                break;
            }
            let before = ring.steps.get();
            lane.running("");
            ring.look_at(number);
            // Nobody else ran since it was read: there was no await.
            ring.steps.set(before + 1);
            lane.is(TaskState::Sleeping);
            self.executor.sleep(self.pause).await;
            ring.pass_on(number);
        }
        if let Some(lane) = runner.lane.take() {
            lane.finish("ok");
        }
    }

    fn add_runner(self: &Rc<Self>) {
        let number = self.ring.ids.borrow().len() + 1;
        let id = self.executor.spawn(Rc::clone(self).runner(number));
        self.ring.ids.borrow_mut().insert(number, id);
        self.ring.order.borrow_mut().push(number);
    }

    fn cancel(&self, number: usize) {
        self.ring.seen.borrow_mut().cancelled += 1;
        if self.ring.holder.get() == Some(number) {
            self.ring.pass_on(number);
        }
        self.ring.order.borrow_mut().retain(|other| *other != number);
        if let Some(id) = self.ring.ids.borrow().get(&number) {
            self.executor.cancel(*id);
        }
    }

    async fn nap(self: Rc<Self>) {
        let nap = |change: isize| {
            let mut seen = self.ring.seen.borrow_mut();
            seen.napping = seen.napping.saturating_add_signed(change);
            seen.naps = seen.naps.max(seen.napping);
        };
        nap(1);
        self.executor.sleep(self.pause).await;
        nap(-1);
    }

    /// Sleeps for the same time twice: once so that the others can run, and once so that they can't.
    async fn blocker(self: Rc<Self>) {
        let lane = self.lesson.task("blocker", TaskSort::Coroutine);
        lane.is(TaskState::Sleeping);
        let (ring, block) = (&self.ring, self.block.as_secs_f64());
        let mut made = 0;
        // Where others keep this machine busy, all the time may be over before anybody else could begin: then once more.
        for _ in 0..MOST_ORDERS {
            let before = ring.steps.get();
            self.executor.sleep(self.block).await;
            made = ring.steps.get() - before;
            if made > 0 {
                break;
            }
        }
        self.lesson.say(&format!("in an awaited sleep of {block} s the others made {made} steps"));
        ring.seen.borrow_mut().while_awaiting.push(made);
        self.sleep_without_await(&lane);
        lane.finish("ok");
    }

    fn sleep_without_await(&self, lane: &Task<'_>) {
        let before = self.ring.steps.get();
        lane.running("a blocking call");
        std::thread::sleep(self.block);
        let made = self.ring.steps.get() - before;
        self.lesson.say(&format!("in a blocking call of {} s the others made {made} steps", self.block.as_secs_f64()));
        self.ring.seen.borrow_mut().while_blocked.push(made);
    }

    /// Hears actions, now and then, without waiting for any, until enough steps are made.
    async fn listen(self: Rc<Self>, enough: usize) {
        let lane = self.lesson.task("listener", TaskSort::Coroutine);
        let ring = &self.ring;
        let mut orders = 0;
        let blocked = || ring.seen.borrow().while_blocked.len();
        while ring.steps.get() < enough || blocked() < 1 + orders {
            match self.lesson.next_action(Duration::ZERO) {
                Ok(Some(asked)) => self.lesson.answer(&asked, &self.obey(&asked, &mut orders)),
                Ok(None) => {}
                Err(error) => {
                    ring.failed.replace(Some(error));
                    break;
                }
            }
            if (1..=orders).contains(&blocked()) {
                self.sleep_without_await(&lane);
            }
            lane.is(TaskState::Sleeping);
            self.executor.sleep(Duration::from_millis(10)).await;
        }
        ring.finish();
        lane.finish("ok");
    }

    fn obey(self: &Rc<Self>, asked: &LessonAction, orders: &mut usize) -> Reply {
        let runners = self.ring.order.borrow().clone();
        let named = runners.iter().copied().find(|number| format!("runner-{number}") == asked.target.trim());
        match (asked.name.as_str(), named) {
            ("add", _) if self.ring.ids.borrow().len() >= MOST_RUNNERS => {
                return Err(format!("{MOST_RUNNERS} runners are enough for one run"));
            }
            ("add", _) => self.add_runner(),
            ("block", _) if *orders >= MOST_ORDERS => return Err("four more blocking calls are enough for one run".to_owned()),
            ("block", _) => *orders += 1,
            (_, None) => {
                return Err(unknown("runner", &asked.target, runners.iter().map(|number| format!("runner-{number}"))));
            }
            (_, Some(_)) if runners.len() == 1 => return Err("the last runner has to carry the baton".to_owned()),
            (_, Some(number)) => self.cancel(number),
        }
        Ok(())
    }
}

impl Ring {
    /// Notes how it is when a runner makes a step.
    fn look_at(&self, runner: usize) {
        let mut seen = self.seen.borrow_mut();
        seen.made += 1;
        seen.out_of_turn += usize::from(self.holder.get() != Some(runner));
        seen.tids.insert(rustix::thread::gettid().as_raw_nonzero().get());
        seen.threads = seen.threads.max(own_threads());
    }
}

fn facts(coroutines: usize, steps: usize, seen: &Seen) -> Facts {
    let some = |steps: &[usize]| steps.iter().min().copied().unwrap_or_default() as u64;
    vec![
        equals(
            "one-thread",
            "the kernel sees one thread, however many coroutines run in it: threads",
            1,
            seen.threads.max(seen.tids.len()),
        ),
        equals("waits-overlap", "coroutines wait at the same time: so many", coroutines, seen.naps),
        equals("in-turn", "nobody makes a step who does not have the baton: steps out of turn", 0, seen.out_of_turn),
        equals(
            "no-lock",
            "between two awaits nobody else runs, so that a counter needs no lock: steps that it counted",
            seen.made,
            steps,
        ),
        more_than(
            "await-lets-run",
            "in a sleep that is awaited the others go on: steps that they made",
            0,
            some(&seen.while_awaiting),
        ),
        equals(
            "block-freezes",
            "in a sleep that is not awaited nobody goes on: steps that the others made",
            0,
            seen.while_blocked.iter().max().copied(),
        ),
        equals("cancelled", "whoever is cancelled ends at its await: coroutines that did", seen.cancelled, seen.ended_by_cancel),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Seen)) -> Vec<String> {
        let mut seen = Seen {
            napping: 0,
            naps: 4,
            threads: 1,
            tids: BTreeSet::from([7]),
            made: 20,
            out_of_turn: 0,
            while_awaiting: vec![9],
            while_blocked: vec![0, 0],
            cancelled: 1,
            ended_by_cancel: 1,
        };
        change(&mut seen);
        facts(4, 20, &seen).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|seen| seen.threads = 2), ["one-thread"]);
        assert_eq!(failed(|seen| _ = seen.tids.insert(8)), ["one-thread"]);
        assert_eq!(failed(|seen| seen.naps = 1), ["waits-overlap"]);
        assert_eq!(failed(|seen| seen.out_of_turn = 1), ["in-turn"]);
        assert_eq!(failed(|seen| seen.made = 21), ["no-lock"], "an update was lost");
        assert_eq!(failed(|seen| seen.while_awaiting.push(0)), ["await-lets-run"]);
        assert_eq!(failed(|seen| seen.while_blocked.push(1)), ["block-freezes"]);
        assert_eq!(failed(|seen| seen.ended_by_cancel = 0), ["cancelled"]);
        let nothing = failed(|seen| *seen = Seen::default());
        assert_eq!(nothing, ["one-thread", "waits-overlap", "no-lock", "await-lets-run", "block-freezes"]);
    }
}
