//! Lanes: who waits and who holds, without being told. Each thread that opens a lane is known by it to every primitive.
//! Any thread; the look-up costs a read of a thread-local number while nobody records.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::pace::{Pace, Pacing};
use crate::model::{EventKind, Monotonic, TaskState};
use crate::scenario::lesson::reporter::Reporter;

/// The holder of a lock that is free.
pub(crate) const FREE: u32 = 0;
/// The lane of the person who acts: the waker or the holder of something. It tells nothing of itself, since the actions are told.
pub(crate) const YOU: &str = "you";
/// A thread without a lane.
const SOMEBODY: u32 = u32::MAX;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Lane>>> = const { RefCell::new(None) };
    static NUMBER: Cell<u32> = const { Cell::new(SOMEBODY) };
    /// Whether the calling thread has stamped lines, and has not written since.
    static HAS_STAMPED: Cell<bool> = const { Cell::new(false) };
}

/// A task that runs on a thread of its own.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Unique in this process.
    pub(crate) number: u32,
    pub(crate) name: String,
    /// Whether step mode may stop it. It never stops the process's first thread, which takes the user's actions.
    pub(crate) is_stepped: bool,
    /// Whether it tells nothing.
    is_silent: bool,
    /// Whether its task is over.
    pub(crate) has_ended: AtomicBool,
    /// Its wait at the moment.
    pub(crate) wait: Mutex<Option<Wait>>,
    /// Whether the last line about it says that it waits.
    pub(crate) is_told_to_wait: AtomicBool,
    /// The things that it holds, the latest last.
    holds: Mutex<Vec<Arc<str>>>,
    pace: Mutex<Pace>,
}

/// A wait that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    /// Tells this wait from the lane's other ones.
    pub(crate) serial: u32,
    /// `lock counter`.
    pub(crate) on: Arc<str>,
    /// The number of the lane that has it, where it has an owner.
    pub(crate) owner: Option<Arc<AtomicU32>>,
    /// When it ends by itself.
    pub(crate) deadline: Option<Instant>,
}

impl Lane {
    /// A lane of this name for the calling thread, which is known by it from now on.
    pub(crate) fn enter(name: &str) -> Arc<Self> {
        static NUMBERS: AtomicU32 = AtomicU32::new(FREE + 1);
        let lane = Arc::new(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            name: name.to_owned(),
            is_stepped: name != YOU && rustix::thread::gettid() != rustix::process::getpid(),
            is_silent: name == YOU,
            has_ended: AtomicBool::new(false),
            wait: Mutex::default(),
            is_told_to_wait: AtomicBool::new(false),
            holds: Mutex::default(),
            pace: Mutex::default(),
        });
        NUMBER.set(lane.number);
        CURRENT.set(Some(Arc::clone(&lane)));
        lane
    }

    /// The task is over. It still holds its locks.
    pub(crate) fn leave(&self, reporter: &Reporter) {
        self.has_ended.store(true, Ordering::SeqCst);
        if let Pacing::Counts { acquired, waited } = self.pace().end() {
            stamp(reporter, EventKind::TaskCounts { task: self.name.clone(), acquired, waited: Some(waited) });
        }
        if NUMBER.get() == self.number {
            NUMBER.set(SOMEBODY);
            CURRENT.set(None);
        }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what it holds; gives the latest that is left.
    pub(crate) fn holds(&self, change: impl FnOnce(&mut Vec<Arc<str>>)) -> Option<Arc<str>> {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut holds);
        holds.last().cloned()
    }

    pub(crate) fn waits(&self, wait: Option<Wait>) {
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner) = wait;
    }

    pub(crate) fn waits_for(&self) -> Option<Wait> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts an operation; whether there is time to tell of it in lines of its own.
    pub(crate) fn did(&self, reporter: &Reporter, has_waited: bool) -> bool {
        if self.is_silent {
            return false;
        }
        match self.pace().did(reporter.now(), has_waited) {
            Pacing::Tell => true,
            Pacing::Hush => false,
            Pacing::Counts { acquired, waited } => {
                stamp(reporter, EventKind::TaskCounts { task: self.name.clone(), acquired, waited: Some(waited) });
                true
            }
        }
    }

    /// Whether an operation now would get lines of its own.
    pub(crate) fn is_reported(&self, now: Monotonic) -> bool {
        !self.is_silent && self.pace().is_reported(now)
    }

    /// Stamps the line that it waits.
    pub(crate) fn stamp_wait(&self, reporter: &Reporter, on: &str, held_by: Option<&str>, line: Option<u32>) {
        if self.is_silent {
            return;
        }
        let (on, held_by) = (Some(on.to_owned()), held_by.map(str::to_owned));
        let (task, state) = (self.name.clone(), TaskState::Waiting);
        let at_most = self.waits_for().and_then(|wait| wait.deadline).map(seconds_until);
        stamp(reporter, EventKind::TaskChanged { task, state, on, held_by, woken_by: None, line, at_most });
        self.is_told_to_wait.store(true, Ordering::Relaxed);
    }

    /// Stamps the line that it sleeps.
    pub(crate) fn stamp_sleep(&self, reporter: &Reporter, deadline: Instant, line: Option<u32>) {
        let (task, state, on) = (self.name.clone(), TaskState::Sleeping, Some("sleep()".to_owned()));
        let at_most = Some(seconds_until(deadline));
        stamp(reporter, EventKind::TaskChanged { task, state, on, held_by: None, woken_by: None, line, at_most });
    }

    /// Stamps the line that it runs, with the latest thing that it holds, and after a wait the task that let it go on, if that is
    /// known.
    pub(crate) fn stamp_run(&self, reporter: &Reporter, woken_by: Option<&str>, line: Option<u32>) {
        if self.is_silent {
            return;
        }
        let (on, woken_by) = (self.holds(|_| ()).map(|on| on.to_string()), woken_by.map(str::to_owned));
        let (task, state) = (self.name.clone(), TaskState::Running);
        stamp(reporter, EventKind::TaskChanged { task, state, on, held_by: None, woken_by, line, at_most: None });
        self.is_told_to_wait.store(false, Ordering::Relaxed);
    }

    /// Stamps the line of an operation that is finished, if there is time for it.
    pub(crate) fn stamp_operation(&self, reporter: &Reporter, action: &str, on: &str, result: Value, line: Option<u32>) {
        if self.did(reporter, false) {
            let (task, action, on) = (self.name.clone(), action.to_owned(), Some(on.to_owned()));
            let result = Some(result).filter(|result| !result.is_null());
            stamp(reporter, EventKind::Operation { task, action, on, result, line });
        }
    }

    /// Writes the lines that the calling thread, whose lane this is, has stamped. While it holds something, it writes only if it
    /// does little, which makes a long hold visible at once, and if nobody has to wait for that; else it writes after the release.
    pub(crate) fn write(&self, reporter: &Reporter) {
        if !has_stamped() {
            return;
        }
        if self.holds(|_| ()).is_none() {
            write_stamped(reporter);
        } else if self.pace().is_calm(reporter.now()) {
            try_write_stamped(reporter);
        }
    }
}

fn stamp(reporter: &Reporter, kind: EventKind) {
    reporter.stamp(kind);
    HAS_STAMPED.set(true);
}

/// Writes the lines that the calling thread has stamped; it is about to sleep, or holds nothing.
pub(crate) fn write_stamped(reporter: &Reporter) {
    if HAS_STAMPED.replace(false) {
        reporter.write();
    }
}

/// The same, as long as nobody has to wait for that.
pub(crate) fn try_write_stamped(reporter: &Reporter) {
    if has_stamped() && reporter.try_write() {
        HAS_STAMPED.set(false);
    }
}

/// In a fork: its thread is not its parent's. It has no lane until it opens one, and what its parent has stamped is its parent's.
pub(crate) fn forget_parent(reporter: &Reporter) {
    reporter.forget();
    HAS_STAMPED.set(false);
    NUMBER.set(SOMEBODY);
    CURRENT.set(None);
}

/// Whether the calling thread has stamped lines that it has not written.
pub(crate) fn has_stamped() -> bool {
    HAS_STAMPED.get()
}

/// The seconds until then, to a millisecond.
fn seconds_until(deadline: Instant) -> f64 {
    (deadline.saturating_duration_since(Instant::now()).as_secs_f64() * 1e3).round() / 1e3
}

/// The number of the calling thread's lane.
#[inline]
pub(crate) fn own_number() -> u32 {
    NUMBER.get()
}

/// The calling thread's lane.
pub(crate) fn own_lane() -> Option<Arc<Lane>> {
    CURRENT.with_borrow(Clone::clone)
}
