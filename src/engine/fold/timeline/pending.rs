//! What events tell of threads whose switch records up to that time are still to come. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::{Monotonic, Pid, ProcessState, Tid};

/// Things that wait for the records up to their times.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Processes that have ended or were reaped, by number.
    pub(super) ends: Vec<usize>,
    /// Processes that were stopped.
    pub(super) stops: Vec<(Pid, Monotonic)>,
    /// Waits whose reasons a sample has shown.
    pub(super) waits: Vec<SeenWait>,
    /// The lanes without switch records whose threads are off their cores in the newest sample; and its time.
    pub(super) rests: Vec<usize>,
    pub(super) rests_at: Monotonic,
    /// The last look at a wait of each lane that has told who can end it.
    pub(super) looks: HashMap<usize, Look>,
    /// Threads whose states or names a sample has shown after records were lost; and those of them that no record has told of.
    pub(super) seen: Vec<SeenThread>,
    pub(super) strangers: HashSet<(Pid, Tid)>,
    /// Zombies that samples may miss.
    pub(super) zombies: Vec<usize>,
    /// Processes that have executed another program, for the names of their rows.
    pub(super) executed: Vec<(Monotonic, Pid)>,
    /// Lanes whose last sums are to be told; and when those of the others are due.
    pub(super) sums: Vec<usize>,
    pub(super) sums_at: Monotonic,
}

/// A lane was seen waiting for something.
#[derive(Debug)]
pub(super) struct SeenWait {
    pub(super) lane: usize,
    pub(super) t: Monotonic,
    pub(super) words: Arc<str>,
}

/// A look at a wait, which has told who can end it.
#[derive(Debug)]
pub(super) struct Look {
    /// The start of the wait.
    pub(super) since: Monotonic,
    /// When the look began.
    pub(super) from: Monotonic,
    /// They.
    pub(super) by: Ender,
    /// Whether the end of a child can end it, too.
    pub(super) or_child: bool,
    /// Several processes can have ended the wait, which is over: the next look may tell which.
    pub(super) is_undecided: bool,
}

/// Those who can end a wait.
#[derive(Debug)]
pub(super) enum Ender {
    /// The lane of the lock's owner, and after it any thread of the process.
    Owner(usize),
    /// The lane whose end it waits for.
    End(usize),
    /// The processes at the other end of its pipe, by number; and the number of the look.
    OtherEnd(Vec<usize>, u64),
    /// The child with this number; any child.
    Child(Option<usize>),
}

/// A thread, as a sample has shown it.
#[derive(Debug)]
pub(super) struct SeenThread {
    pub(super) t: Monotonic,
    pub(super) pid: Pid,
    pub(super) tid: Tid,
    pub(super) name: Arc<str>,
    pub(super) state: ProcessState,
}

/// A lane has what another one waits for.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) lane: usize,
    /// The thing.
    pub(super) on: Arc<str>,
    /// The start of the wait.
    pub(super) since: Monotonic,
    /// When it was last read.
    pub(super) read: Monotonic,
}

/// A wait, as samples show it where there are no switch records.
#[derive(Debug)]
pub(super) struct Seen {
    /// The first sample that has shown it.
    pub(super) since: Monotonic,
    /// The last one so far.
    pub(super) until: Monotonic,
    /// The thing that it waits for; empty where the kernel does not tell.
    pub(super) words: Arc<str>,
    /// Whether a reader of /proc has told more of it.
    pub(super) is_explained: bool,
}

impl Pending {
    /// A process has ended or was reaped.
    pub(super) fn ended(&mut self, number: usize) {
        if !self.ends.contains(&number) {
            self.ends.push(number);
        }
    }
}
