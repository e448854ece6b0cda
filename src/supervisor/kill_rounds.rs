//! Killing processes that fork meanwhile. All are stopped before any is killed, so that none takes the place of one that was killed; and
//! there is no pause as long as new ones appear.

use std::collections::HashSet;
use std::time::Duration;

use super::descendants::{Descendant, own_children};
use crate::model::{Pid, Signal};
use crate::sys::{SignalScope, WaitMode, wait_pid};

/// How often our own children are read again before all of /proc is.
const MOST_CHILD_LOOKS: u32 = 100;
/// The pause before the next round, while those that were killed have not ended yet. It doubles from one round to the next.
const SHORTEST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// A process that survives pauses longer than this is held by the kernel, or belongs to another user.
const STUCK_PAUSE: Duration = Duration::from_millis(8);
/// After this many rounds in a row without a living process, none is left.
const QUIET_ROUNDS: u32 = 15;
/// Every so many rounds all are killed even if new ones have appeared: one of those may have continued the stopped ones.
const KILL_EVERY: u32 = 20;

/// The knowledge that one round of stopping and killing hands on to the next.
#[derive(Debug, Default)]
pub(super) struct KillRounds {
    stopped: HashSet<(Pid, Option<u64>)>,
    pause: Duration,
    rounds: u32,
    /// Rounds in a row without a living process.
    quiet: u32,
}

impl KillRounds {
    pub(super) fn has_stopped(&self, pid: Pid) -> bool {
        self.stopped.iter().any(|(stopped, _)| *stopped == pid)
    }

    /// Whether no living process was found for some hundred milliseconds.
    pub(super) fn has_been_quiet(&self) -> bool {
        self.quiet >= QUIET_ROUNDS
    }

    /// Whether the processes that are left do not die of more signals.
    pub(super) fn is_stuck(&self) -> bool {
        self.pause > STUCK_PAUSE
    }

    /// Stops and reaps our own children, as long as new ones appear. This catches processes that fork and end faster than all of /proc
    /// can be read: each becomes our child the moment its parent ends.
    pub(super) fn stop_own_children(&mut self, spared: Option<Pid>) {
        for _ in 0..MOST_CHILD_LOOKS {
            let mut has_new = false;
            for pid in own_children().unwrap_or_default().into_iter().filter(|pid| Some(*pid) != spared) {
                match Descendant::child(pid) {
                    Some(child) if child.is_zombie => {
                        drop(wait_pid(pid, WaitMode::Reap));
                        self.stopped.remove(&child.identity());
                    }
                    Some(child) if self.stopped.insert(child.identity()) => {
                        has_new = true;
                        let _ = child.signal(&[Signal::STOP], SignalScope::Process);
                    }
                    _ => {}
                }
            }
            if !has_new {
                return;
            }
        }
    }

    /// Stops those that are new. If none is, or there is no time left for that (`is_late`), kills all of them. A process that may not be
    /// signalled (set-uid) is tried again in the next round.
    pub(super) fn stop_or_kill(&mut self, living: &[Descendant], is_late: bool) {
        let new: Vec<Descendant> = living.iter().filter(|found| self.stopped.insert(found.identity())).copied().collect();
        for found in &new {
            let _ = found.signal(&[Signal::STOP], SignalScope::Process);
        }
        self.rounds += 1;
        self.quiet = if living.is_empty() { self.quiet + 1 } else { 0 };
        if new.is_empty() || is_late || self.rounds.is_multiple_of(KILL_EVERY) {
            for found in living {
                let _ = found.signal(&[Signal::KILL], SignalScope::Process);
            }
        }
        if !new.is_empty() {
            self.pause = Duration::ZERO;
        } else if !is_late {
            std::thread::sleep(self.pause);
            self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        }
    }
}
