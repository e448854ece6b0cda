//! Lanes: who waits and who holds, without being told. Each thread that opens a lane is known by it to every primitive.
//! Any thread; the look-up costs a read of a thread-local number while nobody records.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::pace::{Pace, Pacing};
use crate::model::{EventKind, Monotonic, TaskState};
use crate::scenario::lesson::reporter::Reporter;

/// The holder of a lock that is free.
pub(crate) const FREE: u32 = 0;
/// A thread without a lane.
const SOMEBODY: u32 = u32::MAX;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Lane>>> = const { RefCell::new(None) };
    static NUMBER: std::cell::Cell<u32> = const { std::cell::Cell::new(SOMEBODY) };
}

/// A task that runs on a thread of its own.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Unique in this process.
    pub(crate) number: u32,
    pub(crate) name: String,
    /// Whether step mode may stop it. It never stops the process's first thread, which takes the user's actions.
    pub(crate) is_stepped: bool,
    /// Whether its task is over.
    pub(crate) has_ended: AtomicBool,
    /// Its wait at the moment.
    pub(crate) wait: Mutex<Option<Wait>>,
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
}

impl Lane {
    /// A lane of this name for the calling thread, which is known by it from now on.
    pub(crate) fn enter(name: &str) -> Arc<Self> {
        static NUMBERS: AtomicU32 = AtomicU32::new(FREE + 1);
        let lane = Arc::new(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            name: name.to_owned(),
            is_stepped: rustix::thread::gettid() != rustix::process::getpid(),
            has_ended: AtomicBool::new(false),
            wait: Mutex::default(),
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
            reporter.report(EventKind::TaskCounts { task: self.name.clone(), acquired, waited });
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
        match self.pace().did(reporter.now(), has_waited) {
            Pacing::Tell => true,
            Pacing::Hush => false,
            Pacing::Counts { acquired, waited } => {
                reporter.report(EventKind::TaskCounts { task: self.name.clone(), acquired, waited });
                true
            }
        }
    }

    /// Whether an operation now would get lines of its own.
    pub(crate) fn is_reported(&self, now: Monotonic) -> bool {
        self.pace().is_reported(now)
    }

    pub(crate) fn report(
        &self,
        reporter: &Reporter,
        state: TaskState,
        on: Option<&str>,
        held_by: Option<&str>,
        line: Option<u32>,
    ) {
        reporter.report(EventKind::TaskChanged {
            task: self.name.clone(),
            state,
            on: on.map(str::to_owned),
            held_by: held_by.map(str::to_owned),
            woken_by: None,
            line,
        });
    }
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
