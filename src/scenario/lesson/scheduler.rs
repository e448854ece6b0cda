//! Schedulers with the semantics of Python's `sched.scheduler`: a queue of events, which `run` waits for and does one after the other,
//! in the calling thread. Each event has a lane.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::model::{EventKind, Monotonic, TaskSort, TaskState};
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::own_lane;
use crate::schedule::{EventId, Schedule};

/// A tracked scheduler. See [`Lesson::scheduler`].
pub(crate) struct Scheduler<'s> {
    lesson: &'s Lesson,
    /// `scheduler agenda`.
    on: String,
    schedule: Schedule<Entry<'s>>,
    /// How many events of each name were entered.
    names: HashMap<String, usize>,
}

struct Entry<'s> {
    lane: String,
    action: Box<dyn FnOnce() + 's>,
}

/// An event that was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entered(EventId);

impl fmt::Display for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event(time={:.3} s, priority={})", self.0.time().secs(), self.0.priority())
    }
}

impl Lesson {
    /// A scheduler with an empty queue.
    ///
    /// ```ignore
    /// let mut agenda = lesson.scheduler("agenda");
    /// agenda.enter(Duration::from_secs(2), 1, "tea", || lesson.say("tea"));
    /// let lunch = agenda.enterabs(start + hour, 1, "lunch", || lesson.say("lunch"));
    /// agenda.cancel(lunch);
    /// agenda.run();    // waits, and returns when the queue is empty
    /// ```
    pub(crate) fn scheduler(&self, name: &str) -> Scheduler<'_> {
        Scheduler { lesson: self, on: format!("scheduler {name}"), schedule: Schedule::default(), names: HashMap::new() }
    }
}

impl<'s> Scheduler<'s> {
    /// Enters an event that is due after this delay.
    #[track_caller]
    pub(crate) fn enter(&mut self, delay: Duration, priority: i32, name: &str, action: impl FnOnce() + 's) -> Entered {
        self.add("enter", self.lesson.now() + delay, priority, name, Box::new(action))
    }

    /// Enters an event that is due at this time.
    #[track_caller]
    pub(crate) fn enterabs(&mut self, time: Monotonic, priority: i32, name: &str, action: impl FnOnce() + 's) -> Entered {
        self.add("enterabs", time, priority, name, Box::new(action))
    }

    #[track_caller]
    fn add(&mut self, call: &str, time: Monotonic, priority: i32, name: &str, action: Box<dyn FnOnce() + 's>) -> Entered {
        let count = self.names.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let lane = if *count == 1 { name.to_owned() } else { format!("{name}-{count}") };
        self.lesson.created(&lane, TaskSort::Event, self.lesson.tracker().line(Location::caller()));
        self.operated(call, &lane);
        Entered(self.schedule.enterabs(time, priority, Entry { lane, action }))
    }

    /// Takes an event out of the queue. One that has run, or was cancelled before, changes nothing.
    #[track_caller]
    pub(crate) fn cancel(&mut self, event: Entered) {
        if let Some(Entry { lane, .. }) = self.schedule.cancel(event.0) {
            self.lesson.report(EventKind::TaskFinished { task: lane.clone(), result: "cancelled".to_owned() });
            self.operated("cancel", &lane);
        }
    }

    /// The events that wait, in the order in which they will run: name, time and priority.
    pub(crate) fn queue(&self) -> impl ExactSizeIterator<Item = (&str, Monotonic, i32)> {
        self.schedule.queue().map(|(id, entry)| (entry.lane.as_str(), id.time(), id.priority()))
    }

    /// Whether no event waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.schedule.is_empty()
    }

    /// Sleeps until the next event is due, and does it, until the queue is empty. A person can end a sleep; no event comes early by that.
    #[track_caller]
    pub(crate) fn run(&mut self) {
        while let Some(due) = self.schedule.next_due() {
            while self.lesson.now() < due {
                self.lesson.sleep(due.since(self.lesson.now()));
            }
            while let Some((_, Entry { lane, action })) = self.schedule.pop_due(self.lesson.now()) {
                let by = own_lane();
                self.lesson.changed(&lane, TaskState::Running, by.as_ref().map(|own| own.name.as_str()));
                action();
                self.lesson.report(EventKind::TaskFinished { task: lane, result: "ok".to_owned() });
            }
        }
    }

    #[track_caller]
    fn operated(&self, action: &str, event: &str) {
        if self.lesson.tracker().has_listener()
            && let Some(lane) = own_lane()
        {
            let line = self.lesson.tracker().line(Location::caller());
            lane.stamp_operation(self.lesson.reporter(), action, &self.on, event.into(), line);
            lane.write(self.lesson.reporter());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn events_run_by_time_and_priority_and_none_that_was_cancelled() {
        let lesson = Lesson::new(None, None, Monotonic::ZERO);
        let ran = RefCell::new(Vec::new());
        let mut agenda = lesson.scheduler("agenda");
        let at = lesson.now() + Duration::from_millis(20);
        agenda.enterabs(at, 2, "late", || ran.borrow_mut().push("late"));
        agenda.enterabs(at, 1, "early", || ran.borrow_mut().push("early"));
        let never = agenda.enter(Duration::ZERO, 1, "early", || ran.borrow_mut().push("never"));
        assert_eq!(agenda.queue().map(|(name, ..)| name).collect::<Vec<_>>(), ["early-2", "early", "late"]);
        agenda.cancel(never);
        agenda.cancel(never);
        agenda.run();
        assert!(agenda.is_empty() && lesson.now() >= at, "it has waited");
        drop(agenda);
        assert_eq!(ran.into_inner(), ["early", "late"]);
    }
}
