//! The part of a lesson that only a plain body has: sleeps that a person can end, and how many of its threads go on. Any thread.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::Pid;
use crate::scenario::card::Reply;
use crate::scenario::lesson::control::LessonAction;
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{own_lane, write_stamped};

/// The state of a plain body.
#[derive(Debug, Default)]
pub(crate) struct PlainBody {
    /// Threads that have not ended.
    threads: Mutex<usize>,
    threads_changed: Condvar,
    /// The tasks that sleep.
    sleepers: Mutex<BTreeSet<String>>,
    sleepers_changed: Condvar,
    /// Whether a thread takes the actions of a person.
    has_listener: AtomicBool,
    /// The names of the children that were not waited on.
    children: Mutex<BTreeMap<Pid, String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PlainBody {
    /// A thread is about to start.
    pub(crate) fn thread_begins(&self) {
        *lock(&self.threads) += 1;
    }

    /// It has ended.
    pub(crate) fn thread_ends(&self) {
        *lock(&self.threads) -= 1;
        self.threads_changed.notify_all();
    }

    /// Waits until all threads have ended.
    pub(crate) fn threads_end(&self) {
        let none = self.threads_changed.wait_while(lock(&self.threads), |count| *count > 0);
        drop(none.unwrap_or_else(PoisonError::into_inner));
    }

    /// A thread takes actions from now on, or does so no more.
    pub(crate) fn listens(&self, on: bool) {
        self.has_listener.store(on, Ordering::SeqCst);
    }

    /// Knows a child by this name from now on.
    pub(crate) fn child_begins(&self, pid: Pid, name: &str) {
        lock(&self.children).insert(pid, name.to_owned());
    }

    /// Knows it no more, and gives its name.
    pub(crate) fn child_ends(&self, pid: Pid) -> Option<String> {
        lock(&self.children).remove(&pid)
    }

    /// In a fork: the children are its parent's.
    pub(crate) fn forget_children(&self) {
        lock(&self.children).clear();
    }

    /// Whether a thread takes actions.
    pub(crate) fn has_listener(&self) -> bool {
        self.has_listener.load(Ordering::SeqCst)
    }

    /// Sleeps until the time is over, or the sleep is ended.
    fn sleep(&self, name: &str, deadline: Instant) {
        let mut sleepers = lock(&self.sleepers);
        sleepers.insert(name.to_owned());
        while sleepers.contains(name) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            sleepers = self.sleepers_changed.wait_timeout(sleepers, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        sleepers.remove(name);
    }

    fn end_sleep(&self, name: &str) -> Reply {
        if !lock(&self.sleepers).remove(name) {
            return Err(format!("{name} does not sleep"));
        }
        self.sleepers_changed.notify_all();
        Ok(())
    }
}

impl Lesson {
    /// Sleeps this long, and shows it. A person can end it: `go-on main`.
    #[track_caller]
    pub fn sleep(&self, time: Duration) {
        let (Some(body), Some(lane)) = (self.plain_body(), own_lane()) else { return thread::sleep(time) };
        let line = self.tracker().line(Location::caller());
        let deadline = Instant::now() + time;
        if self.tracker().has_listener() {
            lane.stamp_sleep(self.reporter(), line);
            write_stamped(self.reporter());
        }
        self.tracker().steps.settled(&lane);
        if body.has_listener() {
            body.sleep(&lane.name, deadline);
        } else {
            self.listen_until(&lane.name, deadline);
        }
        if self.tracker().is_stepped() {
            self.tracker().steps.moves(&lane);
        }
        if self.tracker().has_listener() {
            lane.stamp_run(self.reporter(), None, line);
            lane.write(self.reporter());
        }
    }

    /// Ends the sleep of a task.
    pub(crate) fn end_sleep(&self, name: &str) -> Reply {
        self.plain_body().map_or_else(|| Err(format!("{name} does not sleep")), |body| body.end_sleep(name))
    }

    /// Refuses what was asked for while the only thread waited for a child: a sleep that comes later is not meant.
    pub(crate) fn refuse_what_came_meanwhile(&self) {
        if self.plain_body().is_some_and(|body| !body.has_listener.load(Ordering::SeqCst)) {
            while let Ok(Some(asked)) = self.next_action(Duration::ZERO) {
                self.refuse_to_go_on(&asked);
            }
        }
    }

    fn refuse_to_go_on(&self, asked: &LessonAction) {
        if asked.name == "go-on" {
            self.refuse(asked, &format!("{} does not sleep", asked.target.trim()));
        } else {
            self.refuse(asked, &format!("there is no {:?} now; `go-on main` ends a sleep", asked.target.trim()));
        }
    }

    /// Sleeps without a listener, and takes the actions itself.
    fn listen_until(&self, name: &str, deadline: Instant) {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            match self.next_action(left) {
                Ok(Some(asked)) if asked.name == "go-on" && asked.target.trim() == name => return,
                Ok(Some(asked)) => self.refuse_to_go_on(&asked),
                Ok(None) => {}
                Err(_) => return thread::sleep(left),
            }
        }
    }
}
