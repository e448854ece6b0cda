//! The kernel's switch records become the states of lanes. A record of a thread that is known costs a look-up and two additions. Pure; on
//! the engine's thread.

use std::sync::Arc;

use crate::engine::fold::timeline::delays::Delay;
use crate::engine::fold::timeline::lanes::{Lanes, first_thread};
use crate::engine::fold::timeline::sums::Base;
use crate::engine::fold::timeline::track::{Birth, Doing, End, LastSum, end_of, is_final, is_wait};
use crate::model::{LaneEnd, LaneState, Mark, MarkKind, Monotonic, Pid, Scheduled, SchedulerRecord, TaskSort, TaskState, Tid};

impl Lanes {
    /// Takes in records in the order of time; there are no others up to `until`, on any core. Also without records this says that nothing
    /// has happened until then.
    pub(crate) fn scheduled(&mut self, records: &[SchedulerRecord], until: Monotonic) {
        let mut delays = self.delays(records).into_iter().peekable();
        for (place, record) in records.iter().enumerate() {
            let SchedulerRecord { t, core, .. } = *record;
            match &record.what {
                Scheduled::In => {
                    let delay = delays.next_if(|delay| delay.place == place);
                    if let Some(index) = self.switched(record) {
                        if let Some(delay) = delay {
                            self.wake(index, core, t, delay);
                        }
                        self.enter(index, core, t);
                    }
                }
                Scheduled::Preempted => {
                    if let Some(index) = self.switched(record) {
                        self.leave(index, t, LaneState::Ready);
                    }
                }
                Scheduled::Blocked => {
                    if let Some(index) = self.switched(record) {
                        let state = self.track(index).map_or(LaneState::Blocked, |track| track.wait_at(t));
                        self.leave(index, t, state);
                    }
                }
                Scheduled::Began { parent, by } => self.began(record, *parent, *by),
                Scheduled::Ended => self.exited(record),
                Scheduled::Mapped => {
                    let known = self.by_tid.get(&record.tid).copied();
                    if let Some(track) = known.and_then(|index| self.track_mut(index)).filter(|track| track.pid == record.pid) {
                        track.is_loading = false;
                    }
                }
                Scheduled::Named { name, is_exec } => self.named(record, name, *is_exec),
                Scheduled::Lost { since, count } if *since < t || *count == 0 => self.lost(core, *since, t),
                // The one is only the number of those whose gap was told before; the other was taken in with the records before it.
                Scheduled::Lost { .. } | Scheduled::Counted { .. } => {}
            }
        }
        self.until = self.until.max(until);
        self.settle(self.until);
    }

    /// The lane of a record's thread.
    fn switched(&mut self, record: &SchedulerRecord) -> Option<usize> {
        let index = self.by_tid.get(&record.tid).copied();
        match index.and_then(|index| self.track(index)) {
            Some(track) if track.is_switched() && track.pid == record.pid && track.exited.is_none() && !track.has_ended() => {
                index
            }
            _ => self.unknown(record),
        }
    }

    /// The lane of a thread whose birth is not known, or that had only words so far.
    #[cold]
    fn unknown(&mut self, record: &SchedulerRecord) -> Option<usize> {
        let SchedulerRecord { t, pid, tid, .. } = *record;
        let known = self.by_tid.get(&tid).copied().filter(|&index| self.track(index).is_some_and(|track| track.pid == pid));
        if let Some((index, track)) = known.and_then(|index| Some((index, self.track(index)?))) {
            if track.is_switched() {
                // What comes after its end is the rest of it, unless it is switched in.
                let is_newer = track.exited.is_some_and(|exited| t > exited) && record.what == Scheduled::In;
                return is_newer.then(|| self.born(t, pid, tid, false));
            }
            if !self.was_over(track, t) {
                self.switches_from(index, t, false);
                return Some(index);
            }
        }
        Some(self.born(t, pid, tid, false))
    }

    /// A new lane for a thread that nobody has told of.
    pub(super) fn born(&mut self, t: Monotonic, pid: Pid, tid: Tid, is_birth: bool) -> usize {
        if let Some(index) = self.by_tid.get(&tid).copied() {
            // The number is free, so what was told of its end holds; else its end is missing.
            self.settle(t);
            self.end_thread(index, t);
        }
        let is_first = tid == first_thread(pid);
        let home = match self.homes.newest(pid) {
            Some(home) if !is_first || self.homes.get(home).is_some_and(|home| home.first.is_none() && home.reaped.is_none()) => {
                home
            }
            _ => self.homes.add(pid),
        };
        let sort = if is_first { TaskSort::Process } else { TaskSort::Thread };
        let doing = Doing { state: TaskState::Running, note: "".into(), held_by: None };
        let index = self.insert(Birth { t, sort, pid, tid: Some(tid), home, doing }, None);
        self.switches_from(index, t, is_birth);
        index
    }

    /// The lane's states are the kernel's from `t` on.
    fn switches_from(&mut self, index: usize, t: Monotonic, is_birth: bool) {
        let Some(track) = self.track_mut(index) else { return };
        track.switches_from(t, is_birth);
        let number = track.home;
        if self.homes.get(number).is_some_and(|home| home.exit.is_some() || home.reaped.is_some()) {
            self.pending.ended(number);
        }
    }

    /// Its wait, which the record says to end now, ended earlier.
    fn wake(&mut self, index: usize, core: u16, t: Monotonic, delay: Delay) {
        let free = self.cores.free_since(core, t);
        let Some(track) = self.track_mut(index) else { return };
        if track.states.last().is_some_and(|last| is_wait(last.state)) {
            let before = |time: u64| Monotonic::from_nanos(t.nanos().saturating_sub(time));
            if delay.ready > 0 {
                track.push(before(delay.ran + delay.ready), LaneState::Ready, 0);
            }
            track.push(before(delay.ran).max(free), LaneState::OnCore, u32::from(core));
        }
    }

    /// It is on this core. What was there, and has not left, is in a state that is not known.
    fn enter(&mut self, index: usize, core: u16, t: Monotonic) {
        let t = t.max(self.cores.changed(core));
        let Some(track) = self.track_mut(index) else { return };
        let t = track.states.changed().map_or(t, |changed| changed.max(t));
        let before = track.on.replace(core).filter(|before| *before != core);
        track.push(t, LaneState::OnCore, u32::from(core));
        track.sums.switched_in(core);
        if let Some(before) = before {
            self.cores.leave(before, index, t);
        }
        if let Some(other) = self.cores.enter(core, index, t)
            && let Some(other) = self.track_mut(other)
        {
            other.on = None;
            other.push(t, LaneState::Unknown, 0);
        }
    }

    /// It is off its core, in this state.
    fn leave(&mut self, index: usize, t: Monotonic, state: LaneState) {
        let Some(track) = self.track_mut(index) else { return };
        track.push(t, state, 0);
        if let Some(core) = track.on.take() {
            let t = track.states.changed().map_or(t, |changed| changed.max(t));
            self.cores.leave(core, index, t);
        }
    }

    fn began(&mut self, record: &SchedulerRecord, parent: Pid, by: Tid) {
        let SchedulerRecord { t, pid, tid, .. } = *record;
        let known = self.by_tid.get(&tid).copied().filter(|&index| {
            self.track(index).is_some_and(|track| track.pid == pid && !track.is_switched() && !self.was_over(track, t))
        });
        let index = match known {
            Some(index) => {
                self.switches_from(index, t, true);
                index
            }
            None => self.born(t, pid, tid, true),
        };
        let maker = self.by_tid.get(&by).copied().filter(|maker| *maker != index);
        let comm = maker.and_then(|maker| self.track(maker)).map(|maker| Arc::clone(&maker.comm));
        let home = self.track(index).map(|track| track.home);
        let of_parent = self.homes.newest(parent).filter(|parent| Some(*parent) != home);
        if let (Some(of_parent), Some(home)) = (of_parent, home.and_then(|home| self.homes.get_mut(home))) {
            home.parent = Some(of_parent);
        }
        if let (Some(comm), Some(track)) = (comm, self.track_mut(index)) {
            (track.comm, track.named) = (comm, t);
            self.rename(index);
        }
        if tid != first_thread(pid) {
            return;
        }
        let id = |lanes: &Self, index: Option<usize>| lanes.track(index?).map(|track| track.id);
        let from = id(self, maker);
        let text: Arc<str> = maker.and_then(|maker| self.track(maker)).map_or_else(|| "".into(), |maker| Arc::clone(&maker.name));
        if let Some(track) = self.track_mut(index) {
            track.mark(Mark { t, kind: MarkKind::Fork, text, from });
        }
        let from = id(self, Some(index));
        if let Some(maker) = maker.and_then(|maker| self.track_mut(maker)) {
            maker.mark(Mark { t, kind: MarkKind::Fork, text: pid.to_string().into(), from });
        }
    }

    /// A thread has ended. The first one of a process is a zombie until the process is reaped; what it is in a program of which the kernel
    /// tells us nothing, nobody knows.
    fn exited(&mut self, record: &SchedulerRecord) {
        let SchedulerRecord { t, pid, tid, .. } = *record;
        let known = self.by_tid.get(&tid).copied().filter(|&index| self.track(index).is_some_and(|track| track.pid == pid));
        let Some(index) = known else { return };
        if self.track(index).is_some_and(|track| !track.is_switched()) {
            if self.track(index).is_some_and(|track| self.was_over(track, t)) {
                return;
            }
            self.switches_from(index, t, false);
        }
        let Some(track) = self.track(index).filter(|track| track.exited.is_none() && !track.has_ended()) else { return };
        if tid != first_thread(pid) {
            self.end_thread(index, t);
        } else if track.is_loading {
            self.end_records(index, t, LaneState::Unknown);
        } else {
            self.become_zombie(index, t);
        }
    }

    pub(super) fn become_zombie(&mut self, index: usize, t: Monotonic) {
        self.end_records(index, t, LaneState::Zombie);
    }

    /// No more records come of the first thread of a process; it is in this state.
    fn end_records(&mut self, index: usize, t: Monotonic, state: LaneState) {
        self.leave(index, t, state);
        if let Some(track) = self.track_mut(index) {
            track.exited = Some(t);
            self.pending.zombies.push(index);
        }
    }

    /// A thread is over.
    pub(super) fn end_thread(&mut self, index: usize, t: Monotonic) {
        if self.track(index).is_none_or(|track| !track.is_switched() || track.has_ended()) {
            return;
        }
        self.leave(index, t, LaneState::Nothing);
        let Some(track) = self.track_mut(index) else { return };
        let end = if is_final(track.doing().state) { end_of(track.doing()) } else { LaneEnd::Done };
        track.end = End::Closed(t, end);
        track.exited.get_or_insert(t);
        self.is_over(index);
    }

    /// Its last sums are to be told. That its records have ended is not enough: the process may live on.
    pub(super) fn is_over(&mut self, index: usize) {
        if let Some(track) = self.track_mut(index).filter(|track| track.last_sum == LastSum::Open) {
            track.last_sum = LastSum::Due;
            self.pending.sums.push(index);
        }
    }

    fn named(&mut self, record: &SchedulerRecord, name: &str, is_exec: bool) {
        let SchedulerRecord { t, pid, tid, core, .. } = *record;
        let known = self.by_tid.get(&tid).copied().filter(|&index| self.track(index).is_some_and(|track| track.pid == pid));
        let index = known.unwrap_or_else(|| self.born(t, pid, tid, false));
        let Some(track) = self.track_mut(index) else { return };
        (track.comm, track.named) = (name.into(), t);
        let number = track.home;
        if is_exec {
            track.is_loading = true;
            track.mark(Mark { t, kind: MarkKind::Exec, text: name.into(), from: None });
            self.executed(index, number, core, t);
            self.name_home(t, number, name);
            self.pending.executed.push((t, pid));
        }
        self.rename(index);
    }

    /// One thread of a process has executed another program. The others are over, and it is the first one now, whatever it was before.
    fn executed(&mut self, index: usize, number: usize, core: u16, t: Monotonic) {
        let others = self.homes.get(number).map(|home| home.lanes.clone()).unwrap_or_default();
        let (mut was_on_core, mut had_others) = (false, false);
        for other in others.into_iter().filter(|other| *other != index) {
            let Some(track) = self.track_mut(other) else { continue };
            if track.is_switched() {
                was_on_core |= track.on == Some(core);
                had_others = true;
                self.end_thread(other, t);
            } else if track.since() <= t {
                // What is told of a later time comes from the new program: its words may be here before this record.
                let last = Doing { state: TaskState::Done, note: "".into(), held_by: None };
                track.end_with_process(t, last, LaneEnd::Done);
            }
        }
        let Some(track) = self.track_mut(index).filter(|track| track.is_switched() && !track.has_ended()) else { return };
        // The counter of the thread that has the number now goes on, not this one's.
        if had_others {
            track.counted = Base::default();
        }
        if track.exited.take().is_some() || was_on_core {
            track.seen_alive = 0;
            self.enter(index, core, t);
        }
    }

    /// Records of this core are missing from `since` on: only a thread that is on another core is known to be there.
    fn lost(&mut self, core: u16, since: Monotonic, t: Monotonic) {
        self.lost_at = self.lost_at.max(t);
        let mut lanes: Vec<usize> = self.by_tid.values().copied().collect();
        lanes.sort_unstable();
        for index in lanes {
            let Some(track) = self.track_mut(index) else { continue };
            track.counted = Base::default();
            let is_elsewhere = track.on.is_some_and(|on| on != core);
            if track.is_switched() && track.exited.is_none() && !track.has_ended() && !is_elsewhere {
                self.leave(index, since, LaneState::Unknown);
            }
        }
    }
}
