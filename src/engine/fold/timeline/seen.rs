//! Waits of threads without switch records, as samples show them: a thread that waits for the same thing in two samples, and has not run
//! between them, has waited all the time. Pure; on the engine's thread.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::pending::{Held, Seen};
use crate::engine::fold::timeline::reasons::TIMER;
use crate::engine::fold::timeline::track::{Track, is_wait, says_why};
use crate::model::{LaneSource, Monotonic, Pid, ProcessState, TaskState, Tid};

/// The name of the thread that is our own plumbing inside a Python program: the observer's listener.
pub(crate) const LISTENER: &str = "tasklab-listen";

impl Lanes {
    /// A process of which only words are known shows until a task of its own has a lane. Our own thread in a program
    /// that tells its tasks shows nothing that a learner has asked for; threads of other programs are never hidden.
    pub(super) fn is_hidden(&self, index: usize) -> bool {
        let Some(track) = self.track(index).filter(|track| track.task.is_none()) else { return false };
        let Some(home) = self.homes.get(track.home) else { return false };
        track.source == LaneSource::Words && home.lanes.len() > 1
            || !track.is_first() && &*track.comm == LISTENER && (home.is_body || self.has_tasks(home.pid))
    }

    /// Whether its program has told of a task of its own.
    pub(crate) fn has_tasks(&self, pid: Pid) -> bool {
        self.homes.lanes(pid).iter().any(|lane| self.track(*lane).is_some_and(|track| track.task.is_some()))
    }

    /// A sample taken at `t` has shown that a thread waits for something, or (no words) that it runs.
    pub(super) fn seen_waiting(&mut self, lane: usize, t: Monotonic, words: &str) {
        let words = self.share(words);
        let Some(track) = self.track_mut(lane).filter(|track| !track.has_ended()) else { return };
        match &mut track.seen {
            Some(seen) if seen.words == words => seen.until = seen.until.max(t),
            seen => {
                let new = Seen { since: t, until: t, words: Arc::clone(&words), is_explained: false };
                *seen = Some(new).filter(|new| !new.words.is_empty());
            }
        }
    }

    /// A sample taken at `t` has shown a thread in a state. Its sums up to then may follow.
    pub(crate) fn thread_rests(&mut self, t: Monotonic, pid: Pid, tid: Tid, state: ProcessState) {
        if self.pending.rests_at < t {
            self.pending.rests.clear();
            self.pending.rests_at = t;
        }
        let is_off =
            matches!(state, ProcessState::Sleeping | ProcessState::DiskSleep | ProcessState::Idle | ProcessState::Parked);
        if let Some((lane, _)) = self.thread(pid, tid).filter(|(_, track)| is_off && track.source == LaneSource::Shares) {
            self.pending.rests.push(lane);
        }
    }

    /// All sums up to `t` were told. Threads that were off their cores then, and of which nothing was told, have not run since their last sums.
    pub(crate) fn sums_told(&mut self, t: Monotonic) {
        let is_newest = self.pending.rests_at == t;
        for lane in std::mem::take(&mut self.pending.rests) {
            if let Some(track) = self.track_mut(lane).filter(|_| is_newest) {
                track.has_rested(t);
            }
        }
    }
}

impl Track {
    /// The start of a wait that has lasted so long at `now`, and that its program's words do not explain. Where not even the shares are known,
    /// it may have run meanwhile.
    pub(super) fn seen_for(&self, least: Duration, now: Monotonic) -> Option<Monotonic> {
        let is_told = self.task.is_some() && says_why(self.doing().state);
        let is_wanted = !is_told && self.source == LaneSource::Shares;
        let seen = self.seen.as_ref().filter(|seen| is_wanted && now.since(seen.since) >= least)?;
        Some(seen.since)
    }

    /// A sample taken at `t` has shown that it has not run since its last sums, and does not.
    fn has_rested(&mut self, t: Monotonic) {
        let is_known = self.has_ended() || self.interrupted.is_some() || self.doing().state == TaskState::Zombie;
        if self.source != LaneSource::Shares || is_known || self.sums.told_at() >= t {
            return;
        }
        self.rest(t);
        let words = self.seen.as_ref().filter(|seen| !seen.is_explained).map(|seen| Arc::clone(&seen.words));
        if let Some(words) = words {
            self.explain_rest(&words, words.as_ref() == TIMER, None);
        }
    }

    /// It has waited from its last sums until `t`.
    pub(super) fn rest(&mut self, t: Monotonic) {
        let from = self.sums.told_at();
        if self.states.last().is_none_or(|last| !is_wait(last.state)) {
            self.push(from, self.wait_at(from), 0);
        }
        self.sums.begin(t);
    }

    fn explain_rest(&mut self, words: &Arc<str>, is_timer: bool, held_by: Option<&Arc<str>>) {
        if let Some(wait) = self.states.last().filter(|last| is_wait(last.state) && !self.is_told(last.from)) {
            self.explain(&wait, words, is_timer, held_by);
        }
    }

    /// A reader of /proc has found out why it waits, by a look from one time to another; a lane may have what it waits for.
    pub(super) fn explain_seen(
        &mut self,
        (from, t): (Monotonic, Monotonic),
        on: &Arc<str>,
        is_timer: bool,
        holder: Option<(usize, Arc<str>)>,
    ) {
        let has_ended = self.has_ended();
        let Some(seen) = self.seen.as_mut().filter(|seen| seen.since <= from && !has_ended) else { return };
        let since = seen.since;
        seen.is_explained = true;
        if self.source == LaneSource::Shares {
            self.explain_rest(on, is_timer, holder.as_ref().map(|(_, name)| name));
        }
        self.held_by = holder.map(|(lane, _)| Held { lane, on: Arc::clone(on), since, read: t });
    }
}
