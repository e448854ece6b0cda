//! The events `task.cpu`, from the switch records; and what they tell where there are none. Pure; on the engine's thread.

use std::time::Duration;

use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::sums::Whose;
use crate::engine::fold::timeline::track::{Birth, Doing, LastSum, Track, is_wait};
use crate::model::{Monotonic, TaskCpu, TaskSort, TaskState};

/// The shortest time between two sums of a thread, and its part for each thread: they are at most 500 a second in all.
const SHORTEST: Duration = Duration::from_millis(250);
const EACH_THREAD: Duration = Duration::from_millis(2);

impl Lanes {
    /// The sums that are to be told at `now`: of threads that have ended, and, from time to time, of those that have done something.
    /// Of a thread without a lane, nothing.
    pub(crate) fn cpu_due(&mut self, now: Monotonic) -> Vec<TaskCpu> {
        let mut due = self.last_sums();
        if now < self.pending.sums_at {
            return due;
        }
        let mut lanes: Vec<usize> = self.by_tid.values().copied().filter(|lane| !self.is_hidden(*lane)).collect();
        lanes.sort_unstable();
        let until = self.until;
        let before = due.len();
        for index in lanes {
            let Some(track) = self.track_mut(index).filter(|track| track.is_counted()) else { continue };
            // A wait is told once it is over: its end may have been a time in which the thread was ready.
            let last = track.states.last();
            let until = last.map_or(until, |last| if is_wait(last.state) { last.from } else { last.from.max(until) });
            let Track { sums, states, .. } = track;
            let Some(tid) = track.tid else { continue };
            let whose = || Whose { pid: track.pid, tid, name: track.name.to_string() };
            due.extend(sums.since_last(states, until, whose));
        }
        let told = u32::try_from(due.len() - before).unwrap_or(u32::MAX);
        self.pending.sums_at = now + SHORTEST.max(EACH_THREAD.saturating_mul(told));
        due
    }

    /// The sums of all threads that live, at the end of the run; and of those that have ended since the last sums.
    pub(crate) fn cpu_in_all(&mut self, now: Monotonic) -> Vec<TaskCpu> {
        self.settle(now);
        let mut due = self.last_sums();
        let is_left = |(index, track): &(usize, &Track)| track.is_left() && !self.is_hidden(*index);
        let left: Vec<usize> = self.tracks().filter(is_left).map(|(index, _)| index).collect();
        due.extend(left.into_iter().filter_map(|index| Some(self.track_mut(index)?.in_all(now))).flatten());
        due
    }

    fn last_sums(&mut self) -> Vec<TaskCpu> {
        let mut over = std::mem::take(&mut self.pending.sums);
        over.retain(|lane| !self.is_hidden(*lane));
        let in_all = |index: usize| {
            let track = self.track_mut(index)?;
            Some(track.in_all(track.exited?))
        };
        over.into_iter().filter_map(in_all).flatten().collect()
    }

    /// Takes in sums that others have made. Where there are switch records, these say it better.
    pub(crate) fn cpu_told(&mut self, t: Monotonic, cpu: &TaskCpu) {
        let &TaskCpu { pid, tid, ran_ns, ready_ns, blocked_ns, is_final, .. } = cpu;
        let whole = ran_ns.saturating_add(ready_ns).saturating_add(blocked_ns);
        let index = match self.thread(pid, tid) {
            Some((_, track)) if track.is_switched() => return,
            Some((index, _)) => index,
            None if is_final => return,
            None => {
                let home = self.homes.of(pid);
                let sort = if tid.number() == pid.number() { TaskSort::Process } else { TaskSort::Thread };
                let doing = Doing { state: TaskState::Running, note: self.share(""), held_by: None };
                let from = Monotonic::from_nanos(t.nanos().saturating_sub(whole));
                let index = self.insert(Birth { t: from, sort, pid, tid: Some(tid), home, doing }, None);
                if let Some(track) = self.track_mut(index) {
                    track.comm = cpu.name.as_str().into();
                }
                self.rename(index);
                index
            }
        };
        let Some(track) = self.track_mut(index) else { return };
        if !is_final {
            track.share(t, ran_ns, ready_ns, whole);
        } else if !track.is_process() && track.doing().state == TaskState::Running {
            track.finish(t, Doing { state: TaskState::Done, note: "".into(), held_by: None });
        }
    }
}

impl Track {
    /// Whether its thread lives, and has switch records.
    fn is_counted(&self) -> bool {
        self.is_switched() && self.exited.is_none() && !self.has_ended()
    }

    /// Whether its last sums are to be told at the end of the run.
    fn is_left(&self) -> bool {
        self.is_switched() && self.last_sum == LastSum::Open && !self.has_ended()
    }

    /// The last sums: what is new since those before, and all of it.
    fn in_all(&mut self, until: Monotonic) -> Vec<TaskCpu> {
        self.last_sum = LastSum::Told;
        let Some(tid) = self.tid else { return Vec::new() };
        let whose = || Whose { pid: self.pid, tid, name: self.name.to_string() };
        let until = self.states.changed().map_or(until, |changed| changed.max(until));
        let all = self.sums.in_all(&self.states, until, whose());
        self.sums.rest(&self.states, until, whose).into_iter().chain([all]).collect()
    }
}
