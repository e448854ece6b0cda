//! The timeline of one run: a lane for each task, and for each process that has none. Pure; lives on the engine's thread,
//! takes every event of a run and must stay cheap: a task's state that says nothing new costs one look-up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::fold::timeline::order::natural_order;
use crate::engine::fold::timeline::shared_texts::SharedTexts;
use crate::engine::fold::timeline::track::{Doing, Track};
use crate::model::{Lane, LaneId, Monotonic, Pid, ProcessState, TaskSort, TaskState, Tid};

/// Lanes beyond which the oldest ended ones go (and, if none has ended, the oldest).
const MAX_LANES: usize = 2_048;
/// Segments of all lanes together, beyond which the longest pasts are made coarser: sixteen lanes have all of theirs.
const MOST_SEGMENTS: usize = 1 << 16;
/// Changes after which the segments are counted again.
const COUNTED_AFTER: usize = 4_096;
/// All lanes of a run.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    tracks: Vec<Track>,
    by_task: HashMap<Box<str>, usize>,
    /// The lanes of each process that has not been replaced by a newer one of the same number.
    by_pid: HashMap<Pid, Vec<usize>>,
    notes: SharedTexts,
    /// Changes since the segments were counted.
    changes: usize,
    /// The tracks as they are shown; made anew when their number has changed.
    order: Vec<usize>,
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
}

/// A change of a task's state, for the sentence about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Its state before; `None` for a new task.
    pub(crate) was: Option<Doing>,
    /// Its state now.
    pub(crate) now: Doing,
}

impl Lanes {
    /// A task exists. With a thread of its own, or as a process, it runs.
    pub(crate) fn task_started(
        &mut self,
        t: Monotonic,
        task: &str,
        sort: TaskSort,
        pid: Pid,
        tid: Option<Tid>,
        line: Option<u32>,
    ) {
        let state = if tid.is_some() || sort == TaskSort::Process { TaskState::Running } else { TaskState::Created };
        let doing = Doing { state, note: self.notes.share(""), held_by: None };
        let Some(&index) = self.by_task.get(task) else {
            let mut track = Track::new(task.to_owned(), sort, pid, tid, false, t, doing);
            track.begins_at(line);
            self.insert(track);
            return;
        };
        self.tracks[index].begins_at(line);
        let before = self.tracks[index].pid;
        if before != pid {
            self.forget_home(before, index);
            self.by_pid.entry(pid).or_default().push(index);
        }
        self.tracks[index].start_again(t, sort, pid, tid, doing);
    }

    /// A task has a new state, or a new note. `None` when only its line of code is new.
    #[expect(clippy::too_many_arguments, reason = "the keys of the event line, and where an unknown task lives")]
    pub(crate) fn task_changed(
        &mut self,
        t: Monotonic,
        task: &str,
        state: TaskState,
        on: Option<&str>,
        held_by: Option<&str>,
        line: Option<u32>,
        home: Pid,
    ) -> Option<Change> {
        let Some(&index) = self.by_task.get(task) else {
            let now = Doing {
                state,
                note: self.notes.share(on.unwrap_or_default()),
                held_by: held_by.map(|name| self.notes.share(name)),
            };
            let mut track = Track::new(task.to_owned(), TaskSort::Thread, home, None, false, t, now.clone());
            track.is_at(line);
            self.insert(track);
            return Some(Change { was: None, now });
        };
        self.tracks[index].is_at(line);
        let was = self.tracks[index].doing();
        if was.state == state && &*was.note == on.unwrap_or_default() && was.held_by.as_deref() == held_by {
            return None;
        }
        self.changes += 1;
        if self.changes >= COUNTED_AFTER {
            self.thin_out();
        }
        let was = Some(self.tracks[index].doing().clone());
        let now =
            Doing { state, note: self.notes.share(on.unwrap_or_default()), held_by: held_by.map(|name| self.notes.share(name)) };
        self.tracks[index].change(t, now.clone());
        Some(Change { was, now })
    }

    /// A task is over. Whether it was known.
    pub(crate) fn task_finished(&mut self, t: Monotonic, task: &str, result: &str) -> bool {
        let Some(&index) = self.by_task.get(task) else { return false };
        let state = if result == "ok" { TaskState::Done } else { TaskState::Failed };
        let note = self.notes.share(if result == "ok" { "" } else { result });
        self.tracks[index].finish(t, Doing { state, note, held_by: None });
        true
    }

    /// The tasks that wait for something that another task holds, by name.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&str, Waiter<'_>)> {
        self.tracks.iter().filter(|track| !track.has_ended()).filter_map(|track| {
            let doing = track.doing();
            let held_by = doing.held_by.as_deref().filter(|_| doing.state == TaskState::Waiting)?;
            Some((track.name.as_str(), Waiter { on: &doing.note, held_by, since: track.since() }))
        })
    }

    /// When a task ended, if it has.
    pub(crate) fn ended_at(&self, task: &str) -> Option<Monotonic> {
        let track = &self.tracks[*self.by_task.get(task)?];
        track.has_ended().then(|| track.since())
    }

    /// The sort of a task that is only a part of a process.
    pub(crate) fn part(&self, task: &str) -> Option<TaskSort> {
        let track = &self.tracks[*self.by_task.get(task)?];
        Some(track.sort).filter(|sort| *sort != TaskSort::Process)
    }

    /// The process in which a task lives.
    pub(crate) fn home(&self, task: &str) -> Option<Pid> {
        self.by_task.get(task).map(|&index| self.tracks[index].pid)
    }

    /// A process is there. It gets a lane, which shows until a task of its own has one.
    pub(crate) fn process_started(&mut self, t: Monotonic, pid: Pid, name: &str, is_reused_number: bool) {
        if is_reused_number {
            for index in self.by_pid.remove(&pid).unwrap_or_default() {
                self.tracks[index].is_replaced = true;
            }
        }
        if let Some(index) = self.process_lane(pid) {
            self.tracks[index].rename(lane_name(pid, name));
        } else {
            // No more is known until the kernel is read.
            let doing = Doing { state: TaskState::Starting, note: self.notes.share(""), held_by: None };
            self.insert(Track::new(lane_name(pid, name), TaskSort::Process, pid, None, true, t, doing));
        }
    }

    /// A process was seen in a state. Stops and continues reach all its tasks; the rest only the lane of its own.
    pub(crate) fn process_changed(&mut self, t: Monotonic, pid: Pid, state: ProcessState, waits_for: &str) {
        let (task_state, note) = match state {
            ProcessState::Stopped | ProcessState::TracingStop => {
                for &index in self.by_pid.get(&pid).into_iter().flatten() {
                    self.tracks[index].stop(t);
                }
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
        for &index in self.by_pid.get(&pid).into_iter().flatten() {
            self.tracks[index].go_on(t);
        }
        if let Some(index) = self.process_lane(pid) {
            let now = Doing { state: task_state, note: self.notes.share(note), held_by: None };
            if !self.tracks[index].has_ended() && self.tracks[index].doing() != &now {
                self.tracks[index].change(t, now);
            }
        }
    }

    /// A process has ended: its threads are over, and it is a zombie until it is reaped.
    pub(crate) fn process_ended(&mut self, t: Monotonic, pid: Pid, note: &str, is_success: bool) {
        let note = self.notes.share(note);
        let state = if is_success { TaskState::Done } else { TaskState::Failed };
        for &index in self.by_pid.get(&pid).into_iter().flatten() {
            let track = &mut self.tracks[index];
            if track.sort == TaskSort::Process {
                track.die(t, Doing { state: TaskState::Zombie, note: Arc::clone(&note), held_by: None });
            } else {
                track.end_with_process(t, Doing { state, note: Arc::clone(&note), held_by: None });
            }
        }
    }

    /// A process has been waited on.
    pub(crate) fn process_reaped(&mut self, t: Monotonic, pid: Pid, note: &str, is_success: bool) {
        let note = self.notes.share(note);
        let state = if is_success { TaskState::Done } else { TaskState::Failed };
        for &index in self.by_pid.get(&pid).into_iter().flatten() {
            self.tracks[index].end_with_process(t, Doing { state, note: Arc::clone(&note), held_by: None });
        }
    }

    /// The run is over: nothing lasts any longer.
    pub(crate) fn close(&mut self, t: Monotonic) {
        for track in &mut self.tracks {
            track.close(t);
        }
    }

    /// The lanes for the view, in their [`natural_order`]. A past that did not change since the last call is shared, not copied.
    pub(crate) fn publish(&mut self) -> Vec<Arc<Lane>> {
        if self.order.len() != self.tracks.len() {
            self.order = natural_order(&self.tracks);
        }
        let by_pid = &self.by_pid;
        let is_hidden = |track: &Track| {
            track.is_of_process && !track.is_replaced && by_pid.get(&track.pid).is_some_and(|tracks| tracks.len() > 1)
        };
        let tracks = &mut self.tracks;
        let shown: Vec<usize> = self.order.iter().copied().filter(|&index| !is_hidden(&tracks[index])).collect();
        shown.into_iter().map(|index| tracks[index].publish(LaneId::new(index as u32))).collect()
    }

    fn process_lane(&self, pid: Pid) -> Option<usize> {
        self.by_pid.get(&pid)?.iter().copied().find(|&index| self.tracks[index].is_of_process)
    }

    fn forget_home(&mut self, pid: Pid, index: usize) {
        if let Some(tracks) = self.by_pid.get_mut(&pid) {
            tracks.retain(|&other| other != index);
            if tracks.is_empty() {
                self.by_pid.remove(&pid);
            }
        }
    }

    fn thin_out(&mut self) {
        self.changes = 0;
        if self.tracks.iter().map(Track::len).sum::<usize>() > MOST_SEGMENTS {
            let fair = MOST_SEGMENTS / 2 / self.tracks.len().max(1);
            self.tracks.iter_mut().for_each(|track| track.thin_out(fair));
        }
    }

    fn insert(&mut self, track: Track) {
        if self.tracks.len() >= MAX_LANES {
            self.make_room();
        }
        let index = self.tracks.len();
        if !track.is_of_process {
            self.by_task.insert(track.name.as_str().into(), index);
        }
        self.by_pid.entry(track.pid).or_default().push(index);
        self.tracks.push(track);
    }

    /// Lets a quarter of the lanes go: the oldest ended ones, then the oldest.
    fn make_room(&mut self) {
        let mut excess = MAX_LANES / 4;
        for only_ended in [true, false] {
            self.tracks.retain(|track| {
                let goes = excess > 0 && (track.has_ended() || !only_ended);
                excess -= usize::from(goes);
                !goes
            });
        }
        self.by_task.clear();
        self.by_pid.clear();
        self.order.clear();
        for (index, track) in self.tracks.iter().enumerate() {
            if !track.is_of_process {
                self.by_task.insert(track.name.as_str().into(), index);
            }
            if !track.is_replaced {
                self.by_pid.entry(track.pid).or_default().push(index);
            }
        }
    }
}

fn lane_name(pid: Pid, name: &str) -> String {
    format!("pid {pid} {name}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: Pid = Pid::new(10);

    fn at(t: u64) -> Monotonic {
        Monotonic::from_nanos(t)
    }

    /// (from, until, state, note) of everything that is said of one lane.
    fn past(lanes: &mut Lanes, name: &str) -> Vec<(u64, Option<u64>, TaskState, String)> {
        let lanes = lanes.publish();
        let lane = lanes.iter().find(|lane| &*lane.name == name).unwrap_or_else(|| panic!("no lane {name} in {lanes:?}"));
        let words = (0..lane.words.len()).filter_map(|index| lane.words.get(index));
        let of = |word: crate::model::Word| {
            let until = word.until.or_else(|| lane.has_ended().then_some(lane.states.last()?.from));
            (word.from.nanos(), until.map(Monotonic::nanos), word.state, word.on.to_string())
        };
        words.map(of).collect()
    }

    fn thread(lanes: &mut Lanes, t: u64, task: &str) {
        lanes.task_started(at(t), task, TaskSort::Thread, PID, Some(Tid::new(11)), None);
    }

    #[test]
    fn a_task_that_waits_and_finishes_leaves_segments_without_gaps() {
        let mut lanes = Lanes::default();
        thread(&mut lanes, 1, "a");
        let change = lanes.task_changed(at(5), "a", TaskState::Waiting, Some("lock A"), Some("b"), None, PID).expect("new");
        assert_eq!((change.was.expect("known").state, change.now.state), (TaskState::Running, TaskState::Waiting));
        assert!(
            lanes.task_changed(at(6), "a", TaskState::Waiting, Some("lock A"), Some("b"), None, PID).is_none(),
            "nothing new"
        );
        lanes.task_changed(at(8), "a", TaskState::Running, None, None, None, PID);
        assert!(lanes.task_finished(at(9), "a", "ok"));
        assert_eq!(
            past(&mut lanes, "a"),
            [
                (1, Some(5), TaskState::Running, String::new()),
                (5, Some(8), TaskState::Waiting, "lock A".to_owned()),
                (8, Some(9), TaskState::Running, String::new()),
                (9, Some(9), TaskState::Done, String::new()),
            ]
        );
    }

    #[test]
    fn a_process_has_a_lane_until_a_task_of_its_own_has_one() {
        let mut lanes = Lanes::default();
        lanes.process_started(at(1), PID, "sort", false);
        assert_eq!(past(&mut lanes, "pid 10 sort"), [(1, None, TaskState::Starting, String::new())]);
        thread(&mut lanes, 2, "worker");
        assert_eq!(lanes.publish().iter().map(|lane| lane.name.to_string()).collect::<Vec<_>>(), ["worker"]);
    }

    #[test]
    fn a_zombie_lasts_until_it_is_reaped() {
        let mut lanes = Lanes::default();
        lanes.process_started(at(1), PID, "sort", false);
        lanes.process_ended(at(5), PID, "zombie", true);
        lanes.process_ended(at(6), PID, "exited 0: zombie", true);
        assert_eq!(past(&mut lanes, "pid 10 sort")[1], (5, None, TaskState::Zombie, "exited 0: zombie".to_owned()));
        lanes.process_reaped(at(9), PID, "exited 0", true);
        assert_eq!(
            past(&mut lanes, "pid 10 sort")[1..],
            [
                (5, Some(9), TaskState::Zombie, "exited 0: zombie".to_owned()),
                (9, Some(9), TaskState::Done, "exited 0".to_owned())
            ]
        );
    }

    #[test]
    fn the_end_of_a_process_ends_its_threads_and_a_late_line_finds_its_place() {
        let mut lanes = Lanes::default();
        thread(&mut lanes, 1, "a");
        thread(&mut lanes, 1, "b");
        lanes.process_ended(at(9), PID, "killed by SIGKILL", false);
        lanes.task_changed(at(5), "a", TaskState::Waiting, Some("lock A"), None, None, PID);
        lanes.task_finished(at(7), "b", "ok");
        assert_eq!(
            past(&mut lanes, "a"),
            [
                (1, Some(5), TaskState::Running, String::new()),
                (5, Some(9), TaskState::Waiting, "lock A".to_owned()),
                (9, Some(9), TaskState::Failed, "killed by SIGKILL".to_owned()),
            ]
        );
        assert_eq!(past(&mut lanes, "b")[1], (7, Some(7), TaskState::Done, String::new()));
    }

    #[test]
    fn a_stop_reaches_every_task_and_a_continue_restores_what_each_did() {
        let mut lanes = Lanes::default();
        thread(&mut lanes, 1, "a");
        lanes.task_changed(at(2), "a", TaskState::Waiting, Some("lock A"), Some("b"), None, PID);
        lanes.process_changed(at(4), PID, ProcessState::Stopped, "");
        lanes.process_changed(at(3), PID, ProcessState::Running, "");
        assert_eq!(past(&mut lanes, "a")[2], (4, None, TaskState::Stopped, String::new()), "a sample from before the stop");
        lanes.task_changed(at(4), "a", TaskState::Running, None, None, None, PID);
        assert_eq!(past(&mut lanes, "a").len(), 3, "a line that was on its way");
        lanes.process_changed(at(6), PID, ProcessState::Sleeping, "");
        assert_eq!(past(&mut lanes, "a")[3], (6, None, TaskState::Running, String::new()));
    }

    #[test]
    fn a_reused_number_gets_a_lane_of_its_own() {
        let mut lanes = Lanes::default();
        lanes.process_started(at(1), PID, "first", false);
        lanes.process_reaped(at(2), PID, "exited 0", true);
        lanes.process_started(at(3), PID, "second", true);
        lanes.process_ended(at(4), PID, "exited 0: zombie", true);
        assert_eq!(past(&mut lanes, "pid 10 first").last().map(|last| last.2), Some(TaskState::Done));
        assert_eq!(past(&mut lanes, "pid 10 second").last().map(|last| last.2), Some(TaskState::Zombie));
    }

    #[test]
    fn main_comes_first_and_numbers_stand_in_their_order_whoever_was_first() {
        let mut lanes = Lanes::default();
        lanes.process_started(at(0), Pid::new(7), "sort", false);
        for task in ["worker-10", "timer", "worker-2", "main", "worker-1"] {
            thread(&mut lanes, 1, task);
        }
        let names = |lanes: &mut Lanes| lanes.publish().iter().map(|lane| lane.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&mut lanes), ["main", "pid 7 sort", "worker-1", "worker-2", "worker-10", "timer"]);
        thread(&mut lanes, 2, "worker-3");
        assert_eq!(names(&mut lanes)[3..6], ["worker-2", "worker-3", "worker-10"]);
    }

    #[test]
    fn the_line_that_runs_is_the_newest_and_the_first_one_stays() {
        let mut lanes = Lanes::default();
        lanes.task_started(at(0), "a", TaskSort::Thread, PID, None, Some(12));
        let place = |lanes: &mut Lanes| lanes.publish().first().map(|lane| (lane.start_line, lane.line));
        assert_eq!(place(&mut lanes), Some((Some(12), Some(12))));
        assert!(lanes.task_changed(at(1), "a", TaskState::Running, None, None, Some(14), PID).is_some());
        assert!(lanes.task_changed(at(2), "a", TaskState::Running, None, None, Some(15), PID).is_none(), "only the line is new");
        lanes.task_changed(at(3), "a", TaskState::Sleeping, None, None, None, PID);
        assert_eq!(place(&mut lanes), Some((Some(12), Some(15))));
    }

    #[test]
    fn the_past_of_all_lanes_together_is_bounded_and_has_no_gap() {
        let mut lanes = Lanes::default();
        for t in 0..400_000_u64 {
            let (task, state) = (t % 1_000, [TaskState::Running, TaskState::Sleeping][(t / 1_000 % 2) as usize]);
            lanes.task_changed(at(t), &format!("task-{task}"), state, None, None, None, PID);
        }
        let lanes = lanes.publish();
        let all: usize = lanes.iter().map(|lane| lane.words.len()).sum();
        assert!((MOST_SEGMENTS / 4..=MOST_SEGMENTS + COUNTED_AFTER).contains(&all), "{all} segments");
        for lane in &lanes {
            assert_eq!(
                lane.words.get(0).expect("words").from.nanos() % 1_000,
                lane.name[5..].parse::<u64>().expect("a number"),
                "from its start"
            );
        }
    }

    #[test]
    fn a_task_that_moves_leaves_nothing_behind() {
        let mut lanes = Lanes::default();
        for pid in 1..1_000 {
            lanes.task_started(at(1), "a", TaskSort::Thread, Pid::new(pid), None, None);
        }
        assert_eq!(lanes.by_pid.len(), 1);
    }

    #[test]
    fn lanes_are_bounded_and_the_living_stay() {
        let mut lanes = Lanes::default();
        thread(&mut lanes, 0, "main");
        for t in 1..10_000 {
            let name = format!("task-{t}");
            thread(&mut lanes, t, &name);
            lanes.task_finished(at(t), &name, "ok");
        }
        let names = lanes.publish();
        assert!(names.len() <= MAX_LANES && &*names[0].name == "main" && names.last().is_some_and(|l| &*l.name == "task-9999"));
        lanes.task_changed(at(10_000), "main", TaskState::Sleeping, None, None, None, PID);
        assert_eq!(past(&mut lanes, "main").len(), 2, "look-ups survive the clearing");
    }
}
