//! The one way to wait that all primitives share: a state under a mutex, and condition variables to sleep on, so that the
//! kernel shows futex waits. It tells who waits for what, who has it, who let a waiter go on, and stands at the gate of step
//! mode. Lines are stamped under the mutex and written without it. Any thread.

use std::panic::Location;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{FREE, Lane, Wait, has_stamped, own_lane, try_write_stamped};

/// The tasks that an operation wakes: those that sleep on one of the monitor's sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    Nobody,
    One(usize),
    All(usize),
}

/// The task that changed something, by its lane; `None` where that is not known, as for a thread without a lane.
pub(super) type By = Option<Arc<Lane>>;

/// An operation that was done.
#[derive(Debug)]
pub(super) struct Done<R> {
    result: R,
    wake: Wake,
    /// The task without which it could not have been done, if it had to wait.
    woken_by: By,
}

impl<R> Done<R> {
    pub(super) const fn new(result: R) -> Self {
        Self { result, wake: Wake::Nobody, woken_by: None }
    }

    pub(super) fn wakes(self, wake: Wake) -> Self {
        Self { wake, ..self }
    }

    pub(super) fn woken_by(self, woken_by: By) -> Self {
        Self { woken_by, ..self }
    }
}

/// Whether an operation had to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    No,
    Yes,
    /// Yes, and a line said so.
    Reported,
}

/// An operation, and how long it may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// `acquire`.
    pub(super) name: &'static str,
    /// The side on which it sleeps while it cannot be done.
    pub(super) side: usize,
    /// When it gives up.
    pub(super) deadline: Option<Instant>,
    /// Whether step mode has a gate before it.
    pub(super) has_gate: bool,
    /// Whether who has done it holds the thing.
    pub(super) holds: bool,
}

impl Operation {
    /// Waits as long as it takes.
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, side: 0, deadline: None, has_gate: true, holds: false }
    }

    pub(super) const fn side(self, side: usize) -> Self {
        Self { side, ..self }
    }

    /// Waits this long at most; a time that no clock reaches is for ever.
    pub(super) fn within(self, timeout: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(timeout), ..self }
    }

    pub(super) const fn until(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    pub(super) const fn holds(self) -> Self {
        Self { holds: true, ..self }
    }

    pub(super) const fn without_gate(self) -> Self {
        Self { has_gate: false, ..self }
    }
}

/// A state that threads wait for.
#[derive(Debug)]
pub(super) struct Monitor<'s, S, const SIDES: usize = 1> {
    lesson: &'s Lesson,
    /// `lock counter`.
    on: Arc<str>,
    /// The number of the lane that has it, where it has an owner.
    owner: Option<Arc<AtomicU32>>,
    inner: Mutex<Inner<S>>,
    changed: [Condvar; SIDES],
    /// Threads that sleep, or are about to.
    sleepers: AtomicUsize,
}

#[derive(Debug)]
struct Inner<S> {
    state: S,
    /// The sleepers of each side.
    waiters: Vec<(usize, Arc<Lane>, Option<u32>)>,
}

impl<'s, S, const SIDES: usize> Monitor<'s, S, SIDES> {
    pub(super) fn new(lesson: &'s Lesson, on: String, owner: Option<Arc<AtomicU32>>, state: S) -> Self {
        Self {
            lesson,
            on: on.into(),
            owner,
            inner: Mutex::new(Inner { state, waiters: Vec::new() }),
            changed: std::array::from_fn(|_| Condvar::new()),
            sleepers: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(super) const fn lesson(&self) -> &'s Lesson {
        self.lesson
    }

    /// Whether a thread sleeps here, or is about to.
    #[inline]
    pub(super) fn has_sleepers(&self) -> bool {
        self.sleepers.load(Ordering::SeqCst) > 0
    }

    /// Reads the state, without a gate and without a line.
    pub(super) fn look<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.lock().state)
    }

    /// Changes the state, without a gate and without a line, where that wakes nobody.
    pub(super) fn look_and_change<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        change(&mut self.lock().state)
    }

    /// Does an operation as soon as `attempt` can do it, which gets the state and the calling task. `None` means that time ran out.
    #[track_caller]
    pub(super) fn perform<R>(
        &self,
        operation: Operation,
        mut attempt: impl FnMut(&mut S, Option<&Arc<Lane>>) -> Option<Done<R>>,
    ) -> Option<R> {
        if self.lesson.tracker().is_quiet() {
            let mut inner = self.lock();
            if let Some(done) = attempt(&mut inner.state, None) {
                drop(inner);
                self.wake(done.wake);
                return Some(done.result);
            }
            return self.sleep(inner, operation, None, None, attempt);
        }
        let line = self.lesson.tracker().line(Location::caller());
        let lane = own_lane();
        if operation.has_gate
            && let Some(lane) = &lane
        {
            self.lesson.gate(lane, operation.name, &self.on, line);
        }
        let mut inner = self.lock();
        if let Some(done) = attempt(&mut inner.state, lane.as_ref()) {
            self.done(&inner, lane.as_ref(), operation, Waited::No, None, line);
            self.settle_later(&inner, done.wake);
            drop(inner);
            self.wake(done.wake);
            self.write(lane.as_deref());
            return Some(done.result);
        }
        self.sleep(inner, operation, lane, line, attempt)
    }

    /// The name of the thing: `lock counter`.
    pub(super) fn on(&self) -> &str {
        &self.on
    }

    /// Tells of an operation that the calling task has finished, and what it gave; `Null` for nothing.
    #[track_caller]
    pub(super) fn operated(&self, action: &str, result: impl Into<Value>) {
        if self.lesson.tracker().has_listener()
            && let Some(lane) = own_lane()
        {
            let line = self.lesson.tracker().line(Location::caller());
            lane.stamp_operation(self.lesson.reporter(), action, &self.on, result.into(), line);
            self.write(Some(&lane));
        }
    }

    /// Stamps the line that this lane holds it no more. Called by an attempt of the operation that gives it back.
    pub(super) fn let_go(&self, lane: &Lane, caller: &Location<'_>) {
        let mut had = false;
        lane.holds(|holds| {
            if let Some(at) = holds.iter().rposition(|held| *held == self.on) {
                holds.remove(at);
                had = true;
            }
        });
        let own = own_lane().is_some_and(|own| own.number == lane.number);
        if had && own && self.lesson.tracker().has_listener() && lane.is_reported(self.lesson.now()) {
            lane.stamp_run(self.lesson.reporter(), None, self.lesson.tracker().line(caller));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what the calling thread has stamped, now or after it has released what it holds. Not under the mutex.
    fn write(&self, lane: Option<&Lane>) {
        if let Some(lane) = lane {
            lane.write(self.lesson.reporter());
        }
    }

    fn wake(&self, wake: Wake) {
        if wake == Wake::Nobody || !self.has_sleepers() {
            return;
        }
        match wake {
            Wake::Nobody => {}
            Wake::One(side) if !self.lesson.tracker().is_stepped() => self.changed[side].notify_one(),
            Wake::One(side) | Wake::All(side) => self.changed[side].notify_all(),
        }
    }

    /// In step mode nobody passes a gate before those who were woken have come to their next one.
    fn settle_later(&self, inner: &Inner<S>, wake: Wake) {
        if !self.lesson.tracker().is_stepped() {
            return;
        }
        for (side, lane, _) in &inner.waiters {
            if matches!(wake, Wake::One(woken) | Wake::All(woken) if woken == *side) {
                self.lesson.tracker().steps.moves(lane);
            }
        }
    }

    fn sleep<'m, R>(
        &'m self,
        mut inner: MutexGuard<'m, Inner<S>>,
        operation: Operation,
        lane: Option<Arc<Lane>>,
        line: Option<u32>,
        mut attempt: impl FnMut(&mut S, Option<&Arc<Lane>>) -> Option<Done<R>>,
    ) -> Option<R> {
        let lane = lane.or_else(own_lane);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let mut is_reported = false;
        let mut next_write = Instant::now();
        self.register(&mut inner, lane.as_ref(), operation, line);
        let done = loop {
            // Also before the first sleep: who changed the state without the mutex did not see a sleeper until now.
            if let Some(done) = attempt(&mut inner.state, lane.as_ref()) {
                break Some(done);
            }
            let now = Instant::now();
            if operation.deadline.is_some_and(|deadline| now >= deadline) {
                break None;
            }
            let report_by = now + WORTH_REPORTING;
            if let Some(lane) = &lane
                && !is_reported
                && self.lesson.tracker().has_listener()
                && lane.is_reported(self.lesson.now())
            {
                is_reported = true;
                lane.stamp_wait(self.lesson.reporter(), &self.on, self.holder().as_deref(), line);
            }
            if let Some(lane) = &lane {
                self.lesson.tracker().steps.settled(lane);
            }
            // The thread that lets this one go on needs the mutex, so that lines are written without it. Then the state may be another.
            if has_stamped() && now >= next_write {
                next_write = now + WORTH_REPORTING;
                drop(inner);
                try_write_stamped(self.lesson.reporter());
                inner = self.lock();
                continue;
            }
            // A wait without a line ends only at its own deadline.
            let is_news = has_stamped() || !is_reported && lane.is_some() && self.lesson.tracker().has_listener();
            let until = if is_news {
                operation.deadline.map_or(Some(report_by), |end| Some(end.min(report_by)))
            } else {
                operation.deadline
            };
            inner = match until {
                None => self.changed[operation.side].wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(now);
                    self.changed[operation.side].wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            // A wait that lasts is reported even of a task that is too busy for single lines.
            if let Some(lane) = &lane
                && !is_reported
                && now.elapsed() >= WORTH_REPORTING
                && self.lesson.tracker().has_listener()
            {
                is_reported = true;
                lane.stamp_wait(self.lesson.reporter(), &self.on, self.holder().as_deref(), line);
            }
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        if let Some(lane) = &lane {
            lane.waits(None);
            inner.waiters.retain(|(_, other, _)| other.number != lane.number);
        }
        if self.lesson.tracker().is_stepped()
            && let Some(lane) = &lane
        {
            self.lesson.tracker().steps.moves(lane);
        }
        if let Some(done) = &done {
            let waited = if is_reported { Waited::Reported } else { Waited::Yes };
            self.done(&inner, lane.as_ref(), operation, waited, done.woken_by.as_deref(), line);
            self.settle_later(&inner, done.wake);
        } else if let Some(lane) = &lane
            && is_reported
        {
            lane.stamp_run(self.lesson.reporter(), None, line);
        }
        drop(inner);
        let result = done.map(|done| {
            self.wake(done.wake);
            done.result
        });
        self.write(lane.as_deref());
        result
    }

    fn register(&self, inner: &mut Inner<S>, lane: Option<&Arc<Lane>>, operation: Operation, line: Option<u32>) {
        static SERIALS: AtomicU32 = AtomicU32::new(0);
        if let Some(lane) = lane {
            let serial = SERIALS.fetch_add(1, Ordering::Relaxed);
            let (on, deadline) = (Arc::clone(&self.on), operation.deadline);
            lane.waits(Some(Wait { serial, on, owner: self.owner.clone(), deadline }));
            inner.waiters.push((operation.side, Arc::clone(lane), line));
        }
    }

    /// Stamps the lines of an operation that was done, and of those who go on waiting: who has it now.
    fn done(
        &self,
        inner: &Inner<S>,
        lane: Option<&Arc<Lane>>,
        operation: Operation,
        waited: Waited,
        woken_by: Option<&Lane>,
        line: Option<u32>,
    ) {
        let Some(lane) = lane.filter(|_| self.lesson.tracker().has_listener()) else { return };
        if operation.holds {
            lane.holds(|holds| holds.push(Arc::clone(&self.on)));
        }
        let is_news = operation.holds || waited != Waited::No;
        // A wait that was reported also ends on the screen.
        if is_news && (lane.did(self.lesson.reporter(), waited != Waited::No) || waited == Waited::Reported) {
            lane.stamp_run(self.lesson.reporter(), woken_by.map(|by| by.name.as_str()), line);
        }
        if operation.holds && self.owner.is_some() {
            for (_, other, line) in inner.waiters.iter().filter(|(_, other, _)| other.is_reported(self.lesson.now())) {
                other.stamp_wait(self.lesson.reporter(), &self.on, Some(&lane.name), *line);
            }
        }
    }

    /// The holder, where that can be said.
    pub(super) fn holder(&self) -> Option<String> {
        let number = self.owner.as_ref()?.load(Ordering::SeqCst);
        if number == FREE { None } else { self.lesson.tracker().name(number) }
    }
}

/// A wait that is over sooner is no news of a task that does thousands of operations a second.
const WORTH_REPORTING: Duration = Duration::from_millis(10);
