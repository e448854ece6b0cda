//! What events have told of threads, once the switch records up to those times are in. Pure; on the engine's thread.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::fold::sentences;
use crate::engine::fold::timeline::homes::{Exit, Home};
use crate::engine::fold::timeline::lanes::{Lanes, first_thread};
use crate::engine::fold::timeline::pending::SeenThread;
use crate::engine::fold::timeline::reasons::READS_FOR;
use crate::engine::fold::timeline::track::{Doing, End, Track};
use crate::model::{ExitStatus, LaneSource, LaneState, Mark, MarkKind, Monotonic, Pid, ProcessState, TaskState, Tid};

/// Records are at most so late; without them what events tell is taken as it is.
const LATE: Duration = Duration::from_secs(1);
/// Samples that must show a process alive after its records have ended: one may have been taken before.
const ALIVE: u8 = 2;

impl Lanes {
    /// A process was seen in a state. Stops and continues reach all its tasks; the rest only the lane of its own, where no records tell it.
    pub(crate) fn process_changed(&mut self, t: Monotonic, pid: Pid, state: ProcessState, waits_for: &str) {
        let (task_state, note) = match state {
            ProcessState::Stopped | ProcessState::TracingStop => {
                self.stopped(t, pid);
                return;
            }
            ProcessState::Running => (TaskState::Running, ""),
            ProcessState::DiskSleep => (TaskState::Waiting, if waits_for.is_empty() { "a disk" } else { waits_for }),
            ProcessState::Sleeping | ProcessState::Idle | ProcessState::Parked if waits_for.is_empty() => {
                (TaskState::Sleeping, "")
            }
            ProcessState::Sleeping | ProcessState::Idle | ProcessState::Parked => (TaskState::Waiting, waits_for),
            ProcessState::Zombie | ProcessState::Dead | ProcessState::Starting | ProcessState::Unknown(_) => return,
        };
        let now = Doing { state: task_state, note: self.share(note), held_by: None };
        for index in self.homes.lanes(pid).to_vec() {
            let Some(track) = self.track_mut(index) else { continue };
            if !track.is_switched() {
                track.go_on(t);
                let is_told_apart = track.task.is_some() || track.source == LaneSource::Shares;
                if track.is_first() && !is_told_apart && !track.has_ended() && track.doing() != &now {
                    track.change(t, now.clone(), None);
                }
            } else if track.is_first() && track.exited.is_some_and(|exited| t > exited) && !track.has_ended() {
                self.is_alive(index);
            }
        }
    }

    /// The kernel tells no more of a process that lives: it has become another user's, by a set-uid program whose exec was lost.
    fn is_alive(&mut self, index: usize) {
        // Other threads may live on without the first one.
        let lives = |other: &usize| self.track(*other).is_some_and(|other| other.is_switched() && other.exited.is_none());
        let has_exited = |home: &Home| home.exit.is_some() || home.lanes.iter().any(lives);
        if self.track(index).and_then(|track| self.homes.get(track.home)).is_none_or(has_exited) {
            return;
        }
        let Some(track) = self.track_mut(index) else { return };
        track.seen_alive = track.seen_alive.saturating_add(1);
        if track.seen_alive == ALIVE
            && let Some(last) = track.states.last()
            && track.states.correct(last.index, LaneState::Zombie, LaneState::Unknown)
        {
            track.touch();
        }
    }

    fn stopped(&mut self, t: Monotonic, pid: Pid) {
        let mut has_records = false;
        for index in self.homes.lanes(pid).to_vec() {
            if let Some(track) = self.track_mut(index) {
                has_records |= track.is_switched();
                if !track.is_switched() {
                    track.stop(t);
                }
            }
        }
        if has_records {
            self.pending.stops.push((pid, t));
        }
    }

    /// Applies what was told of the time up to `now`, also where the records are missing.
    pub(crate) fn settle_late(&mut self, now: Monotonic) {
        self.settle(self.until.max(Monotonic::ZERO + now.since(Monotonic::ZERO + LATE)));
    }

    /// A sample taken at `t` has shown a thread. That counts where records were lost before: the kernel may have told all of it then.
    pub(crate) fn thread_seen(&mut self, t: Monotonic, pid: Pid, tid: Tid, name: &str, state: ProcessState) {
        if self.lost_at == Monotonic::ZERO {
            return;
        }
        let is_recorded = |track: &Track| track.is_switched() && track.exited.is_none();
        let is_wanted = match self.thread(pid, tid) {
            Some((_, track)) => {
                let is_unknown = track.states.last().is_some_and(|last| last.state == LaneState::Unknown);
                is_recorded(track) && (is_unknown || *track.comm != *name)
            }
            None => self.thread(pid, first_thread(pid)).is_some_and(|(_, first)| is_recorded(first)),
        };
        if is_wanted {
            let name = self.share(name);
            self.pending.seen.push(SeenThread { t, pid, tid, name, state });
        }
    }

    /// Samples tell the states and names of threads whose records were lost before and of which none has come since.
    fn see_threads(&mut self, until: Monotonic) {
        if self.pending.seen.is_empty() {
            return;
        }
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending.seen).into_iter().partition(|seen| seen.t + READS_FOR <= until);
        self.pending.seen = later;
        let lost_at = self.lost_at;
        for SeenThread { t, pid, tid, name, state } in due.into_iter().filter(|seen| seen.t >= lost_at) {
            let known = self.thread(pid, tid).map(|(index, _)| index);
            // It may have ended since a first sample.
            let is_new = known.is_none() && !self.pending.strangers.insert((pid, tid));
            if is_new {
                self.pending.strangers.remove(&(pid, tid));
            }
            let Some(index) = known.or_else(|| is_new.then(|| self.born(t, pid, tid, false))) else { continue };
            self.know_again(index, t, name, state);
        }
    }

    fn know_again(&mut self, index: usize, t: Monotonic, name: Arc<str>, state: ProcessState) {
        let lost_at = self.lost_at;
        let Some(track) = self.track_mut(index).filter(|track| track.is_switched() && track.exited.is_none()) else { return };
        let is_name_old = track.comm.is_empty() || track.named < lost_at;
        let is_renamed = is_name_old && track.comm != name && !name.is_empty();
        if is_renamed {
            (track.comm, track.named) = (name, t);
        }
        let is_unknown = track.states.last().is_some_and(|last| last.state == LaneState::Unknown && last.from <= t);
        let now = match state {
            ProcessState::Sleeping | ProcessState::DiskSleep | ProcessState::Idle | ProcessState::Parked => {
                Some(track.wait_at(t))
            }
            ProcessState::Stopped | ProcessState::TracingStop => Some(LaneState::Stopped),
            ProcessState::Zombie | ProcessState::Dead if track.is_first() => Some(LaneState::Zombie),
            _ => None,
        };
        match now.filter(|_| is_unknown && !track.has_ended()) {
            Some(LaneState::Zombie) => self.become_zombie(index, t),
            Some(now) => track.push(t, now, 0),
            None => {}
        }
        if is_renamed {
            self.rename(index);
        }
    }

    /// Applies what was told of the time up to `until`.
    pub(super) fn settle(&mut self, until: Monotonic) {
        self.see_threads(until);
        if !self.pending.stops.is_empty() {
            let (due, later) = std::mem::take(&mut self.pending.stops).into_iter().partition(|(_, t)| *t <= until);
            self.pending.stops = later;
            for (pid, t) in Vec::from_iter::<Vec<_>>(due) {
                self.stop_waits(pid, t);
            }
        }
        if !self.pending.ends.is_empty() {
            let mut ends = std::mem::take(&mut self.pending.ends);
            ends.retain(|&number| !self.end_home(number, until));
            self.pending.ends = ends;
        }
        self.see_waits(until);
        self.see_wakes(until);
    }

    /// The waits of a process that last at `t` are its stop.
    fn stop_waits(&mut self, pid: Pid, t: Monotonic) {
        for index in self.homes.lanes(pid).to_vec() {
            let Some(track) = self.track_mut(index).filter(|track| track.is_switched()) else { continue };
            if let Some(span) = track.states.at(t) {
                track.was_stop(&span);
            }
        }
    }

    /// Ends the lanes of a process that have switch records. Whether nothing is left to do.
    fn end_home(&mut self, number: usize, until: Monotonic) -> bool {
        let Some(home) = self.homes.get(number) else { return true };
        let (exit, reaped, first, lanes, reaper) = (home.exit, home.reaped, home.first, home.lanes.clone(), home.reaper);
        let is_due = |exit: &Exit| exit.t <= until;
        let known = [exit, reaped].into_iter().flatten().find(is_due);
        if let Some(exit) = known {
            let others = lanes.iter().copied().filter(|index| Some(*index) != first);
            others.for_each(|index| self.end_thread(index, exit.t));
            let told = [exit.status, reaped.filter(is_due).and_then(|reaped| reaped.status)].into_iter().flatten();
            let killed = told.into_iter().find(|status| matches!(status, ExitStatus::Signaled { .. }));
            if killed.is_some() {
                for &index in &lanes {
                    self.was_killed(index);
                }
            }
            if let Some(first) = first {
                self.end_first(first, exit);
            }
            if let Some(status) = killed {
                self.end_killed(&lanes, status);
            }
        }
        if let (Some(reaped), Some(first)) = (reaped.filter(is_due), first) {
            self.reap(first, reaped, reaper);
        }
        [exit, reaped].iter().flatten().all(is_due)
    }

    /// The process is a zombie, if its records have not told it; they cannot tell how it ended. One that lived on after its records, and was
    /// waited on before anybody saw a zombie, was none as far as it is known.
    fn end_first(&mut self, index: usize, exit: Exit) {
        let Some(track) = self.track(index).filter(|track| track.is_switched() && !track.has_ended()) else { return };
        if track.exited.is_none() {
            self.become_zombie(index, exit.t);
        } else if !track.is_zombie() {
            let reaped = self.homes.get(track.home).and_then(|home| home.reaped);
            if reaped.is_some_and(|reaped| reaped.t <= exit.t) {
                return;
            }
            if let Some(track) = self.track_mut(index) {
                track.push(exit.t, LaneState::Zombie, 0);
            }
        }
        let note = self.share(&sentences::zombie_note(exit.status));
        if let Some(track) = self.track_mut(index)
            && let Some(since) = track.states.changed()
        {
            track.say(since, Doing { state: TaskState::Zombie, note, held_by: None }, None);
        }
        self.is_over(index);
    }

    /// The process was waited on. Where only its absence from a sample has told that, it was when its parent went on between the last sample
    /// that has shown the zombie and the first that has missed it; else the zombie lasts as long as it was seen. One that was no zombie may
    /// have lived until then.
    fn reap(&mut self, index: usize, reaped: Exit, reaper: Option<Pid>) {
        let Some(track) = self.track(index).filter(|track| track.is_switched() && !track.has_ended()) else { return };
        let Some(home) = self.homes.get(track.home) else { return };
        let gone = home.missed.map_or(reaped.t, |missed| missed.min(reaped.t));
        let ended = track.states.changed().filter(|_| track.is_zombie()).unwrap_or(gone);
        let seen = home.seen.map_or(ended, |seen| seen.min(gone).max(ended));
        let has_status = reaped.status.map_or(home.missed.is_none(), |status| status != ExitStatus::Unknown);
        // A sample of the zombie can have told the status, too.
        let is_told = has_status && home.missed.is_none_or(|missed| missed >= reaped.t) || !track.is_zombie();
        let turn = if is_told { (gone, gone) } else { (seen, gone + READS_FOR) };
        let child = Arc::clone(&track.name);
        let waiter = reaper.and_then(|reaper| self.waiter(reaper, ended, turn, &child));
        let t = if is_told { gone } else { waiter.and_then(|(_, t)| t).unwrap_or(if has_status { gone } else { seen }) };
        let from = waiter.and_then(|(from, _)| self.track(from)).map(|from| from.id);
        if let Some(track) = self.track_mut(index) {
            track.mark(Mark { t, kind: MarkKind::Reaped, text: "".into(), from });
            track.push(t, LaneState::Nothing, 0);
            let t = track.states.changed().unwrap_or(t);
            track.end = End::Closed(t, reaped.of_process());
        }
        self.is_over(index);
    }

    /// A sample of all processes was taken at `t`. A zombie that it misses, and of which no event tells, was waited on.
    pub(crate) fn sampled_all(&mut self, t: Monotonic, is_there: impl Fn(Pid) -> bool) {
        let mut zombies = std::mem::take(&mut self.pending.zombies);
        zombies.retain(|&index| {
            let Some(track) = self.track(index).filter(|track| !track.has_ended()) else { return false };
            let Some(exited) = track.exited else { return false };
            let (number, is_there) = (track.home, is_there(track.pid));
            let parent = self.homes.get(number).and_then(|home| self.homes.get(home.parent?)).map(|parent| parent.pid);
            let Some(home) = self.homes.get_mut(number).filter(|_| exited < t) else { return true };
            if is_there {
                (home.seen, home.missed) = (Some(t), None);
                return true;
            }
            home.missed.get_or_insert(t);
            let is_told = home.is_told;
            if !is_told {
                (home.reaped, home.reaper) = (Some(Exit { t, status: None }), parent);
                self.pending.ended(number);
            }
            is_told
        });
        self.pending.zombies = zombies;
    }
}
