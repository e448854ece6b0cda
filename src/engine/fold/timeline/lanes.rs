//! The timeline of one run: a lane for each thread, for each process by its first thread, and for each task that is no thread. Here the
//! events of programs and the supervisor come in; `switches` has the kernel's records. Pure; lives on the engine's thread, takes every
//! event of a run and must stay cheap: a task's state that says nothing new costs one look-up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::fold::timeline::cores::Cores;
use crate::engine::fold::timeline::homes::{Exit, Home, Homes};
use crate::engine::fold::timeline::names::{Claim, Names};
use crate::engine::fold::timeline::order::{Place, natural_order};
use crate::engine::fold::timeline::pending::Pending;
use crate::engine::fold::timeline::shared_texts::SharedTexts;
use crate::engine::fold::timeline::track::{Birth, Doing, Track};
use crate::model::{CoreLane, ExitStatus, Lane, LaneSource, Mark, MarkKind, Monotonic, Pid, TaskSort, TaskState, Tid};

mod renaming;

/// Ended lanes beyond which the oldest of them go. A lane whose thread lives never goes.
pub(super) const MOST_ENDED: usize = 10_000;
/// Lanes beyond which those go that only a program's word makes: it may invent any number.
const MOST_LANES: usize = 2 * MOST_ENDED;
/// With more lanes than this the order is made anew only at each [`SELDOM`]th view; new lanes stand at the end so long.
const MANY: usize = 4_096;
const SELDOM: u32 = 8;

/// The result of a thread that went on until the end of its process, as a daemon does.
pub(crate) const WITH_PROCESS: &str = "ended with the process";

/// All lanes of a run.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// By their numbers, which no other lane gets.
    pub(super) tracks: Vec<Option<Box<Track>>>,
    /// By the name of the task, and by its former ones until another task has them.
    by_task: HashMap<Box<str>, usize>,
    /// The newest lane that is shown under each name.
    by_name: HashMap<Arc<str>, usize>,
    /// The newest lane of each thread.
    pub(super) by_tid: HashMap<Tid, usize>,
    pub(super) homes: Homes,
    names: Names,
    notes: SharedTexts,
    pub(super) cores: Cores,
    pub(super) pending: Pending,
    /// The time up to which the switch records are complete.
    pub(super) until: Monotonic,
    /// Until when records were lost last.
    pub(super) lost_at: Monotonic,
    /// How many there are, and the number at which ended ones are looked for.
    kept: usize,
    room_at: usize,
    /// Whether lanes have gone, and nobody was told.
    has_dropped: bool,
    /// The lanes as they are shown.
    order: Vec<usize>,
    is_order_old: bool,
    views_since: u32,
}

/// A task that waits for something that another task holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter<'a> {
    /// The thing that it waits for.
    pub(crate) on: &'a str,
    /// The holder.
    pub(crate) held_by: &'a str,
    /// Since when.
    pub(crate) since: Monotonic,
    /// When the kernel was last asked for the holder; `None` where the program says it.
    pub(crate) read: Option<Monotonic>,
    /// The time up to which the wait is known to last; `None` where the program says it.
    pub(crate) until: Option<Monotonic>,
}

/// A change of a task's state, for the sentence about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Its state before; `None` for a new task.
    pub(crate) was: Option<Doing>,
    /// Its state now.
    pub(crate) now: Doing,
    /// The task that let it go on, where that is known.
    pub(crate) woken_by: Option<Arc<str>>,
}

/// What a task says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) state: TaskState,
    pub(crate) on: Option<&'a str>,
    pub(crate) held_by: Option<&'a str>,
    pub(crate) woken_by: Option<&'a str>,
    pub(crate) line: Option<u32>,
    /// When its sleep or wait ends by itself at the latest.
    pub(crate) until: Option<Monotonic>,
}

impl Lanes {
    /// A task exists. With a thread of its own, or as a process, it runs: its lane is that of the thread. If that is the lane of another
    /// task, which goes on, it is that task's new name; returns the one before.
    pub(crate) fn task_started(
        &mut self,
        t: Monotonic,
        task: &str,
        sort: TaskSort,
        pid: Pid,
        tid: Option<Tid>,
        line: Option<u32>,
    ) -> Option<Arc<str>> {
        if let Some(was) = tid.and_then(|tid| self.rename_task(t, task, sort, (pid, tid), line)) {
            return Some(was);
        }
        let state = if tid.is_some() || sort == TaskSort::Process { TaskState::Running } else { TaskState::Created };
        let doing = Doing { state, note: self.notes.share(""), held_by: None };
        let tid = match sort {
            TaskSort::Thread => tid,
            TaskSort::Process => Some(tid.unwrap_or(first_thread(pid))),
            // It runs on whatever thread its loop or pool has.
            TaskSort::Coroutine | TaskSort::Event | TaskSort::Future => None,
        };
        let of_thread = tid.and_then(|tid| self.thread_of(t, task, pid, tid));
        // Another thread under the name of one that is known gets a lane of its own.
        let known = self.by_task.get(task).copied().filter(|&known| {
            let is_same = |track: &Track| of_thread.is_none() && track.tid == tid && !self.was_over(track, t);
            let has_thread = matches!(sort, TaskSort::Thread | TaskSort::Process);
            let is_it = |track: &Track| track.tid.is_none() || has_thread && tid.is_none() || is_same(track);
            Some(known) == of_thread || self.track(known).is_none_or(|track| track.is_task(task) && is_it(track))
        });
        let index = match (known, of_thread) {
            (Some(known), Some(of_thread)) if known != of_thread => {
                let other = self.remove(known);
                if let (Some(track), Some(other)) = (self.track_mut(of_thread), other) {
                    track.take_over(*other);
                    track.start_again(t, sort, doing);
                }
                of_thread
            }
            (Some(known), _) => {
                self.is_at_home(known, pid, tid);
                if let Some(track) = self.track_mut(known) {
                    track.start_again(t, sort, doing);
                }
                known
            }
            (None, Some(of_thread)) => {
                if let Some(track) = self.track_mut(of_thread) {
                    track.claim(t, task.into(), sort, doing);
                }
                of_thread
            }
            (None, None) => {
                let tid = tid.filter(|tid| !self.has_other_task(t, task, pid, *tid));
                let home = self.homes.of(pid);
                self.insert(Birth { t, sort, pid, tid, home, doing }, Some(task.into()))
            }
        };
        if let Some(track) = self.track_mut(index) {
            track.begins_at(line);
        }
        self.know_task(task, index);
        None
    }

    /// A task has a new state, or a new note. `None` when only its line of code is new. `home` is where an unknown task lives.
    pub(crate) fn task_changed(&mut self, t: Monotonic, task: &str, told: Told<'_>, home: Pid) -> Option<Change> {
        let Told { state, on, held_by, woken_by, line, until } = told;
        let on = on.unwrap_or_default();
        let known = self.by_task.get(task).copied();
        if let Some(track) = known.and_then(|index| self.track_mut(index)) {
            track.is_at(line);
            track.lasts_until(until);
            let was = track.doing();
            if was.state == state && &*was.note == on && was.held_by.as_deref() == held_by {
                return None;
            }
        }
        let share = |notes: &mut SharedTexts, text: Option<&str>| text.map(|text| notes.share(text));
        let now = Doing { state, note: self.notes.share(on), held_by: share(&mut self.notes, held_by) };
        let woken_by = share(&mut self.notes, woken_by);
        let Some(index) = known else {
            let (sort, number, doing) = (TaskSort::Thread, self.homes.of(home), now.clone());
            let index = self.insert(Birth { t, sort, pid: home, tid: None, home: number, doing }, Some(task.into()));
            self.know_task(task, index);
            if let Some(track) = self.track_mut(index) {
                track.is_at(line);
                track.lasts_until(until);
            }
            return Some(Change { was: None, now, woken_by });
        };
        let track = self.track_mut(index)?;
        let was = Some(track.doing().clone());
        track.change(t, now.clone(), woken_by.as_ref());
        Some(Change { was, now, woken_by })
    }

    /// A task is over. Whether it was known.
    pub(crate) fn task_finished(&mut self, t: Monotonic, task: &str, result: &str) -> bool {
        let Some(&index) = self.by_task.get(task) else { return false };
        let is_good = ["ok", WITH_PROCESS].contains(&result);
        let state = if is_good { TaskState::Done } else { TaskState::Failed };
        let note = self.notes.share(if is_good { "" } else { result });
        if let Some(track) = self.track_mut(index) {
            track.finish(t, Doing { state, note, held_by: None });
        }
        true
    }

    /// The sort of a task or thread that is only a part of a process.
    pub(crate) fn part(&self, name: &str) -> Option<TaskSort> {
        let track = self.track(self.by_task.get(name).copied().or_else(|| self.find(name))?)?;
        (!track.is_process()).then_some(track.sort)
    }

    /// The process in which a task lives.
    pub(crate) fn home(&self, task: &str) -> Option<Pid> {
        self.by_task.get(task).and_then(|&index| self.track(index)).map(|track| track.pid)
    }

    /// The process in which a thread lives that is no task, by the name of its lane, with or without the number behind it.
    pub(crate) fn home_of_thread(&self, name: &str) -> Option<Pid> {
        self.find(name).and_then(|index| self.track(index)).map(|track| track.pid)
    }

    /// The lane that is shown under a name, else the newest one that has this name without a number.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let with_number =
            || self.names.named(name).max_by_key(|&index| (self.track(index).is_some_and(|t| !t.has_ended()), index));
        self.by_task.get(name).or_else(|| self.by_name.get(name)).copied().or_else(with_number)
    }

    /// The process that will have this PID is the body of a lesson.
    pub(crate) fn expect_body(&mut self, pid: Pid) {
        self.homes.expect_body(pid);
    }

    /// A process is there, or its program has another name for it (empty: none). Its lane is that of its first thread.
    pub(crate) fn process_started(&mut self, t: Monotonic, pid: Pid, ppid: Pid, name: &str, is_reused_number: bool) {
        let is_told = |lanes: &Self, number: usize| lanes.homes.get(number).is_some_and(|home| home.is_told);
        let number = match self.homes.newest(pid) {
            Some(known) if !is_reused_number || !is_told(self, known) => known,
            _ => self.homes.add(pid),
        };
        let parent = self.homes.newest(ppid).filter(|parent| *parent != number);
        let Some(home) = self.homes.get_mut(number) else { return };
        home.is_told = true;
        if home.parent.is_none() && parent.is_some() {
            home.parent = parent;
            self.is_order_old = true;
        }
        let Some(home) = self.homes.get(number) else { return };
        if home.first.is_none() {
            // No more is known until the kernel is read.
            let doing = Doing { state: TaskState::Starting, note: self.notes.share(""), held_by: None };
            let tid = Some(first_thread(pid));
            self.insert(Birth { t, sort: TaskSort::Process, pid, tid, home: number, doing }, None);
        }
        if !name.is_empty()
            && let Some(home) = self.homes.get_mut(number)
        {
            home.told = Some((name.into(), t));
            self.rename_home(number);
        }
    }

    /// A process has ended: its threads are over, and it is a zombie until it is reaped. `note` is for the lane of the process.
    pub(crate) fn process_ended(&mut self, t: Monotonic, pid: Pid, note: &str, exit: Exit) {
        let Some(number) = self.homes.of_event(pid) else { return };
        if let Some(home) = self.homes.get_mut(number) {
            home.exit = Some(exit);
            if exit.status != Some(ExitStatus::Unknown) {
                home.seen = home.seen.max(Some(exit.t));
            }
        }
        self.pending.ended(number);
        let note = self.notes.share(note);
        let lanes = self.homes.get(number).map(|home| home.lanes.clone()).unwrap_or_default();
        for index in lanes {
            let Some(track) = self.track_mut(index).filter(|track| !track.is_switched()) else { continue };
            if track.is_process() {
                track.die(t, Doing { state: TaskState::Zombie, note: Arc::clone(&note), held_by: None });
            } else {
                let (last, end) = exit.of_part(&note);
                track.end_with_process(t, last, end);
            }
        }
    }

    /// A process has been waited on, by this parent as far as it is known.
    pub(crate) fn process_reaped(&mut self, t: Monotonic, pid: Pid, note: &str, exit: Exit, reaper: Option<Pid>) {
        let Some(number) = self.homes.of_event(pid) else { return };
        if let Some(home) = self.homes.get_mut(number) {
            home.reaped = Some(exit);
            home.reaper = reaper;
        }
        self.pending.ended(number);
        let note = self.notes.share(note);
        let lanes = self.homes.get(number).map(|home| home.lanes.clone()).unwrap_or_default();
        for index in lanes {
            let Some(track) = self.track_mut(index).filter(|track| !track.is_switched()) else { continue };
            let (last, end) = exit.of_part(&note);
            let end = if track.is_process() { exit.of_process() } else { end };
            track.end_with_process(t, last, end);
        }
    }

    /// The run is over: nothing lasts any longer.
    pub(crate) fn close(&mut self, t: Monotonic) {
        self.settle(Monotonic::from_nanos(u64::MAX));
        self.sampled_all(t, |_| false);
        self.settle(Monotonic::from_nanos(u64::MAX));
        let Self { tracks, cores, .. } = self;
        for track in tracks.iter_mut().flatten() {
            if let Some(core) = track.on.take() {
                cores.leave(core, track.id.number() as usize, t);
            }
            track.close(t);
        }
        (self.is_order_old, self.views_since) = (true, SELDOM);
    }

    /// The lanes for the view, in their [`natural_order`]. A past that did not change since the last call is shared, not copied.
    pub(crate) fn publish(&mut self) -> Vec<Arc<Lane>> {
        self.views_since += 1;
        if self.is_order_old && (self.kept <= MANY || self.views_since >= SELDOM) {
            let homes = &self.homes;
            let of = |(index, track): (usize, &Track)| (index, Arc::clone(&track.name), track.home, track.is_first());
            let names: Vec<_> = self.tracks().map(of).collect();
            let places =
                names.iter().map(|(index, name, home, is_first)| Place { index: *index, name, home: *home, is_first: *is_first });
            self.order = natural_order(&places.collect::<Vec<_>>(), |home| homes.get(home)?.parent);
            (self.is_order_old, self.views_since) = (false, 0);
        }
        let order = std::mem::take(&mut self.order);
        let shown: Vec<usize> = order.iter().copied().filter(|&index| !self.is_hidden(index)).collect();
        self.order = order;
        shown.into_iter().filter_map(|index| Some(self.track_mut(index)?.publish())).collect()
    }

    /// The cores for the view.
    pub(crate) fn publish_cores(&self) -> Vec<CoreLane> {
        self.cores.publish()
    }

    /// Something happened to a process, or to this task in it.
    pub(crate) fn mark(&mut self, pid: Pid, task: &str, mark: Mark) {
        let home = self.homes.newest(pid).and_then(|number| self.homes.get(number));
        let of_process = || home.and_then(|home| home.first.or(home.lanes.first().copied()));
        if let Some(track) = self.by_task.get(task).copied().or_else(of_process).and_then(|index| self.track_mut(index)) {
            track.mark(mark);
        }
    }

    /// Whether ended lanes have gone since the last call.
    pub(crate) fn take_dropped(&mut self) -> bool {
        std::mem::take(&mut self.has_dropped)
    }

    /// A text that may come often.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        self.notes.share(text)
    }

    pub(super) fn track(&self, index: usize) -> Option<&Track> {
        self.tracks.get(index)?.as_deref()
    }

    pub(super) fn track_mut(&mut self, index: usize) -> Option<&mut Track> {
        self.tracks.get_mut(index)?.as_deref_mut()
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = (usize, &Track)> {
        self.tracks.iter().enumerate().filter_map(|(index, track)| Some((index, track.as_deref()?)))
    }

    /// The lane of a thread that this task can have: no other task has it, and it was not over before.
    fn thread_of(&self, t: Monotonic, task: &str, pid: Pid, tid: Tid) -> Option<usize> {
        let index = *self.by_tid.get(&tid)?;
        let track = self.track(index).filter(|track| track.pid == pid)?;
        let is_free = track.task.is_none() || track.is_task(task);
        (is_free && (track.is_first() || !self.was_over(track, t))).then_some(index)
    }

    /// Whether a thread is the lane of another task, which has not ended.
    fn has_other_task(&self, t: Monotonic, task: &str, pid: Pid, tid: Tid) -> bool {
        let track = self.by_tid.get(&tid).and_then(|&index| self.track(index)).filter(|track| track.pid == pid);
        let track = track.filter(|track| track.task.is_some() && !track.is_task(task));
        track.is_some_and(|track| !track.has_ended() && !self.was_over(track, t))
    }

    /// Whether the thread had ended before that time.
    pub(super) fn was_over(&self, track: &Track, t: Monotonic) -> bool {
        let by_process = self.homes.get(track.home).and_then(|home| home.reaped).is_some_and(|reaped| reaped.t < t);
        by_process || track.exited.is_some_and(|exited| exited < t)
    }

    /// A task lives in this process, with this thread.
    fn is_at_home(&mut self, index: usize, pid: Pid, tid: Option<Tid>) {
        let Some(track) = self.track(index) else { return };
        let (before, had) = (track.home, track.tid);
        if track.pid != pid {
            self.homes.move_out(before, index);
            let number = self.homes.of(pid);
            self.homes.move_in(number, index, tid == Some(first_thread(pid)));
            if let Some(track) = self.track_mut(index) {
                (track.home, track.pid) = (number, pid);
            }
            self.is_order_old = true;
        }
        if let (None, Some(tid)) = (had, tid.filter(|tid| !self.by_tid.contains_key(tid))) {
            self.by_tid.insert(tid, index);
            if let Some(track) = self.track_mut(index) {
                track.tid = Some(tid);
            }
        }
    }

    /// The task's name is that of its lane.
    fn know_task(&mut self, task: &str, index: usize) {
        let before = self.by_task.insert(task.into(), index).filter(|before| *before != index);
        for index in before.into_iter().chain([index]) {
            self.rename(index);
        }
    }

    /// The kernel shows this name of a process: so a sample taken at `t` says, or the start of a program, whose execs may be known already
    /// (`t` is 0). An event of the same time with the same name was made from that sample, and not told by a program.
    pub(crate) fn comm_seen(&mut self, t: Monotonic, pid: Pid, name: &str) {
        let Some(number) = self.homes.of_event(pid) else { return };
        let is_from_sample = |(told, at): &(Arc<str>, Monotonic)| *at == t && **told == *name;
        if let Some(home) = self.homes.get_mut(number)
            && home.told.as_ref().is_some_and(is_from_sample)
        {
            home.told = None;
            self.rename_home(number);
        }
        self.name_home(t, number, name);
    }

    /// The kernel's name of a process is this one from `t` on.
    pub(super) fn name_home(&mut self, t: Monotonic, number: usize, name: &str) {
        let Some(home) = self.homes.get_mut(number) else { return };
        let is_same = is_cut(&home.comm, name) || *home.comm == *name;
        if is_cut(name, &home.comm) || !name.is_empty() && t >= home.named && !is_same {
            (home.comm, home.named) = (name.into(), home.named.max(t));
            self.rename_home(number);
        }
    }

    /// The name of a process, for its row: that of the task that it is (but for the body, which has the lesson's), else the one that its
    /// program told, else the kernel's.
    pub(crate) fn name_of_process(&self, pid: Pid) -> Option<&Arc<str>> {
        let home = self.homes.get(self.homes.of_event(pid)?)?;
        let is_task = |first: &&Track| first.sort == TaskSort::Process && !home.is_body;
        let first = home.first.and_then(|first| self.track(first)).filter(is_task);
        first.and_then(|first| first.task.as_ref()).or_else(|| home.name())
    }

    /// The processes that have executed another program, as records have told since the last call.
    pub(crate) fn take_executed(&mut self) -> Vec<(Monotonic, Pid)> {
        std::mem::take(&mut self.pending.executed)
    }

    fn rename_home(&mut self, number: usize) {
        for index in self.homes.get(number).map(|home| home.lanes.clone()).unwrap_or_default() {
            self.rename(index);
        }
    }

    /// Finds the name of a lane anew.
    pub(super) fn rename(&mut self, index: usize) {
        let Some(track) = self.track(index) else { return };
        let home = self.homes.get(track.home);
        let of_process = home.and_then(Home::name);
        let first = home.and_then(|home| self.track(home.first?)).map(|first| &first.comm);
        let comm = Some(&track.comm).filter(|comm| !comm.is_empty());
        let (name, claim) = if let Some(task) = &track.task {
            let is_its = self.by_task.get(&**task) == Some(&index);
            (Arc::clone(task), if is_its { Claim::Task } else { Claim::Other })
        } else if track.is_first() {
            // A sample may show a fork under the name of its parent.
            let of_parent = home.and_then(|home| self.homes.get(home.parent?)).and_then(Home::name);
            let has_executed = track.marks.iter().any(|mark| mark.kind == MarkKind::Exec);
            let is_own = has_executed || home.is_some_and(|home| home.told.is_some()) || of_parent != of_process;
            let claim = if of_process.is_some() && is_own { Claim::Process } else { Claim::Other };
            (of_process.or(comm).map_or_else(|| format!("process {}", track.pid).into(), Arc::clone), claim)
        } else {
            let own = comm.filter(|comm| first.is_none_or(|first| first != *comm));
            let number = track.tid.map_or(track.pid.number(), Tid::number);
            let name = own.or(of_process).or(comm);
            (name.map_or_else(|| format!("thread {number}").into(), Arc::clone), Claim::Other)
        };
        let touched = self.names.set(index, &name, claim);
        self.show_names(touched);
    }

    fn show_names(&mut self, lanes: Vec<usize>) {
        for index in lanes {
            let Some((name, has_number)) = self.names.shown(index) else { continue };
            let Some(track) = self.tracks.get_mut(index).and_then(Option::as_mut) else { continue };
            let number = track.tid.map_or(track.pid.number(), Tid::number);
            let shown = if has_number { format!("{name} {number}").into() } else { Arc::clone(name) };
            if track.name != shown {
                if self.by_name.get(&track.name) == Some(&index) {
                    self.by_name.remove(&track.name);
                }
                self.by_name.insert(Arc::clone(&shown), index);
                track.name = shown;
                track.touch();
                self.is_order_old = true;
            }
        }
    }

    /// A new lane. Returns its number.
    pub(super) fn insert(&mut self, birth: Birth, task: Option<Arc<str>>) -> usize {
        let index = self.tracks.len();
        let track = Track::new(index, birth, task);
        self.homes.move_in(track.home, index, track.is_first());
        if let Some(tid) = track.tid {
            self.by_tid.insert(tid, index);
        }
        self.tracks.push(Some(Box::new(track)));
        self.order.push(index);
        self.is_order_old = true;
        self.rename(index);
        self.kept += 1;
        if self.kept > self.room_at.max(MOST_ENDED) {
            self.make_room();
        }
        index
    }

    fn remove(&mut self, index: usize) -> Option<Box<Track>> {
        let track = self.take(index)?;
        self.homes.move_out(track.home, index);
        Some(track)
    }

    /// Removes a lane everywhere but from its process.
    fn take(&mut self, index: usize) -> Option<Box<Track>> {
        let track = self.tracks.get_mut(index)?.take()?;
        self.kept -= 1;
        if let Some(tid) = track.tid.filter(|tid| self.by_tid.get(tid) == Some(&index)) {
            self.by_tid.remove(&tid);
        }
        for name in track.task.iter().chain(&track.former) {
            if self.by_task.get(&**name) == Some(&index) {
                self.by_task.remove(&**name);
            }
        }
        if self.by_name.get(&track.name) == Some(&index) {
            self.by_name.remove(&track.name);
        }
        let touched = self.names.remove(index);
        self.show_names(touched);
        self.is_order_old = true;
        Some(track)
    }

    /// Lets the oldest ended lanes go where there are too many, and, if a program has invented too many tasks, the oldest of those.
    fn make_room(&mut self) {
        let ended: Vec<usize> = self.tracks().filter(|(_, track)| track.may_go()).map(|(index, _)| index).collect();
        let mut going = ended.len().saturating_sub(MOST_ENDED * 3 / 4);
        if ended.len() < MOST_ENDED {
            going = 0;
        }
        let mut gone: Vec<usize> = ended.into_iter().take(going).collect();
        if self.kept > MOST_LANES + gone.len() {
            let is_only_told = |track: &Track| track.source == LaneSource::Words && !track.may_go();
            let told = self.tracks().filter(|(_, track)| is_only_told(track)).map(|(index, _)| index);
            gone.extend(told.take(MOST_ENDED / 4).collect::<Vec<_>>());
        }
        self.has_dropped |= !gone.is_empty();
        for index in gone {
            self.take(index);
        }
        let Self { order, tracks, homes, .. } = self;
        order.retain(|&index| tracks[index].is_some());
        homes.keep_lanes(|index| tracks[index].is_some());
        self.room_at = self.kept + MOST_ENDED / 64;
    }
}

/// Whether a name is the beginning of another one: the kernel keeps 15 bytes.
fn is_cut(whole: &str, name: &str) -> bool {
    name.len() >= 15 && whole.len() > name.len() && whole.starts_with(name)
}

/// The first thread of a process has its number.
pub(super) fn first_thread(pid: Pid) -> Tid {
    Tid::new(pid.number())
}
