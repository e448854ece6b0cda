//! The timeline of one run: a lane for each task, and for each process that has none. Pure; lives on the engine's thread,
//! takes every event of a run and must stay cheap: a task's state that says nothing new costs one look-up.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::track::{Doing, Track};
use crate::model::{Lane, Monotonic, Pid, ProcessState, TaskSort, TaskState, Tid};

/// Lanes beyond which the oldest ended ones go (and, if none has ended, the oldest).
const MAX_LANES: usize = 2_048;
/// Different notes that are kept as one text each; what comes after that many gets its own copy.
const MAX_NOTES: usize = 4_096;

/// All lanes of a run, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    tracks: Vec<Track>,
    by_task: HashMap<Box<str>, usize>,
    /// The lanes of each process that has not been replaced by a newer one of the same number.
    by_pid: HashMap<Pid, Vec<usize>>,
    notes: HashSet<Arc<str>>,
}

/// What a task's new state replaced, for the sentence about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// What it did before; absent for a task that nobody had heard of.
    pub(super) was: Option<Doing>,
    /// What it does now.
    pub(super) now: Doing,
}

impl Lanes {
    /// A task exists. With a thread of its own, or as a process, it runs.
    pub(super) fn task_started(&mut self, t: Monotonic, task: &str, sort: TaskSort, pid: Pid, tid: Option<Tid>) {
        let state = if tid.is_some() || sort == TaskSort::Process { TaskState::Running } else { TaskState::Created };
        let doing = Doing { state, note: self.note(""), held_by: None };
        let Some(&index) = self.by_task.get(task) else {
            self.insert(Track::new(task.to_owned(), sort, pid, tid, false, t, doing));
            return;
        };
        let before = self.tracks[index].pid;
        if before != pid {
            self.forget_home(before, index);
            self.by_pid.entry(pid).or_default().push(index);
        }
        self.tracks[index].start_again(t, sort, pid, tid, doing);
    }

    /// A task does something else now, or the same with another note. `None` when nothing is new.
    pub(super) fn task_changed(
        &mut self,
        t: Monotonic,
        task: &str,
        state: TaskState,
        on: Option<&str>,
        held_by: Option<&str>,
        home: Pid,
    ) -> Option<Change> {
        let Some(&index) = self.by_task.get(task) else {
            let now = Doing { state, note: self.note(on.unwrap_or_default()), held_by: held_by.map(|name| self.note(name)) };
            self.insert(Track::new(task.to_owned(), TaskSort::Thread, home, None, false, t, now.clone()));
            return Some(Change { was: None, now });
        };
        let was = self.tracks[index].doing();
        if was.state == state && &*was.note == on.unwrap_or_default() && was.held_by.as_deref() == held_by {
            return None;
        }
        let was = Some(was.clone());
        let now = Doing { state, note: self.note(on.unwrap_or_default()), held_by: held_by.map(|name| self.note(name)) };
        self.tracks[index].change(t, now.clone());
        Some(Change { was, now })
    }

    /// A task is over. Whether anybody had heard of it.
    pub(super) fn task_finished(&mut self, t: Monotonic, task: &str, result: &str) -> bool {
        let Some(&index) = self.by_task.get(task) else { return false };
        let state = if result == "ok" { TaskState::Done } else { TaskState::Failed };
        let note = self.note(if result == "ok" { "" } else { result });
        self.tracks[index].finish(t, Doing { state, note, held_by: None });
        true
    }

    /// The process in which a task lives.
    pub(super) fn home(&self, task: &str) -> Option<Pid> {
        self.by_task.get(task).map(|&index| self.tracks[index].pid)
    }

    /// A process is there. It gets a lane, which shows until a task of its own has one.
    pub(super) fn process_started(&mut self, t: Monotonic, pid: Pid, name: &str, is_reused_number: bool) {
        if is_reused_number {
            for index in self.by_pid.remove(&pid).unwrap_or_default() {
                self.tracks[index].is_replaced = true;
            }
        }
        if let Some(index) = self.process_lane(pid) {
            self.tracks[index].name = lane_name(pid, name);
        } else {
            // Nobody has looked yet: it can run, and more is not known.
            let doing = Doing { state: TaskState::Ready, note: self.note(""), held_by: None };
            self.insert(Track::new(lane_name(pid, name), TaskSort::Process, pid, None, true, t, doing));
        }
    }

    /// A process was seen in a state. Stops and continues reach all its tasks; the rest only the lane of its own.
    pub(super) fn process_changed(&mut self, t: Monotonic, pid: Pid, state: ProcessState, waits_for: &str) {
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
            ProcessState::Zombie | ProcessState::Dead | ProcessState::Unknown(_) => return,
        };
        for &index in self.by_pid.get(&pid).into_iter().flatten() {
            self.tracks[index].go_on(t);
        }
        if let Some(index) = self.process_lane(pid) {
            let now = Doing { state: task_state, note: self.note(note), held_by: None };
            if !self.tracks[index].has_ended() && self.tracks[index].doing() != &now {
                self.tracks[index].change(t, now);
            }
        }
    }

    /// A process has ended: what lived in it is over, and what it was itself is a zombie until it is reaped.
    pub(super) fn process_ended(&mut self, t: Monotonic, pid: Pid, note: &str, is_success: bool) {
        let note = self.note(note);
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
    pub(super) fn process_reaped(&mut self, t: Monotonic, pid: Pid, note: &str, is_success: bool) {
        let note = self.note(note);
        let state = if is_success { TaskState::Done } else { TaskState::Failed };
        for &index in self.by_pid.get(&pid).into_iter().flatten() {
            self.tracks[index].end_with_process(t, Doing { state, note: Arc::clone(&note), held_by: None });
        }
    }

    /// The run is over: nothing lasts any longer.
    pub(super) fn close(&mut self, t: Monotonic) {
        for track in &mut self.tracks {
            track.close(t);
        }
    }

    /// The lanes for the view. Past that did not change since the last call is shared, not copied.
    pub(super) fn publish(&mut self) -> Vec<Lane> {
        let by_pid = &self.by_pid;
        let is_hidden = |track: &Track| {
            track.is_of_process && !track.is_replaced && by_pid.get(&track.pid).is_some_and(|tracks| tracks.len() > 1)
        };
        self.tracks.iter_mut().filter(|track| !is_hidden(track)).map(Track::publish).collect()
    }

    fn process_lane(&self, pid: Pid) -> Option<usize> {
        self.by_pid.get(&pid)?.iter().copied().find(|&index| self.tracks[index].is_of_process)
    }

    fn forget_home(&mut self, pid: Pid, index: usize) {
        if let Some(tracks) = self.by_pid.get_mut(&pid) {
            tracks.retain(|&other| other != index);
        }
    }

    /// One shared text for equal notes: a lock's name comes with every wait for it.
    fn note(&mut self, text: &str) -> Arc<str> {
        if let Some(note) = self.notes.get(text) {
            return Arc::clone(note);
        }
        let note: Arc<str> = text.into();
        if self.notes.len() < MAX_NOTES {
            self.notes.insert(Arc::clone(&note));
        }
        note
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
    use crate::model::Segment;

    const PID: Pid = Pid::new(10);

    fn at(t: u64) -> Monotonic {
        Monotonic::from_nanos(t)
    }

    /// (from, until, state, note) of every segment of one lane.
    fn past(lanes: &mut Lanes, name: &str) -> Vec<(u64, Option<u64>, TaskState, String)> {
        let lanes = lanes.publish();
        let lane = lanes.iter().find(|lane| lane.name == name).unwrap_or_else(|| panic!("no lane {name} in {lanes:?}"));
        let segment = |s: &Segment| (s.from.nanos(), s.until.map(Monotonic::nanos), s.state, s.note.to_string());
        lane.segments.iter().map(segment).collect()
    }

    fn thread(lanes: &mut Lanes, t: u64, task: &str) {
        lanes.task_started(at(t), task, TaskSort::Thread, PID, Some(Tid::new(11)));
    }

    #[test]
    fn a_task_that_waits_and_finishes_leaves_segments_without_gaps() {
        let mut lanes = Lanes::default();
        thread(&mut lanes, 1, "a");
        let change = lanes.task_changed(at(5), "a", TaskState::Waiting, Some("lock A"), Some("b"), PID).expect("new");
        assert_eq!((change.was.expect("known").state, change.now.state), (TaskState::Running, TaskState::Waiting));
        assert!(lanes.task_changed(at(6), "a", TaskState::Waiting, Some("lock A"), Some("b"), PID).is_none(), "nothing new");
        lanes.task_changed(at(8), "a", TaskState::Running, None, None, PID);
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
        assert_eq!(past(&mut lanes, "pid 10 sort"), [(1, None, TaskState::Ready, String::new())]);
        thread(&mut lanes, 2, "worker");
        assert_eq!(lanes.publish().iter().map(|lane| lane.name.as_str()).collect::<Vec<_>>(), ["worker"]);
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
        lanes.task_changed(at(5), "a", TaskState::Waiting, Some("lock A"), None, PID);
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
        lanes.task_changed(at(2), "a", TaskState::Waiting, Some("lock A"), Some("b"), PID);
        lanes.process_changed(at(4), PID, ProcessState::Stopped, "");
        lanes.process_changed(at(3), PID, ProcessState::Running, "");
        assert_eq!(past(&mut lanes, "a")[2], (4, None, TaskState::Stopped, String::new()), "a sample from before the stop");
        lanes.task_changed(at(4), "a", TaskState::Running, None, None, PID);
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
    fn lanes_are_bounded_and_the_living_stay() {
        let mut lanes = Lanes::default();
        thread(&mut lanes, 0, "main");
        for t in 1..10_000 {
            let name = format!("task-{t}");
            thread(&mut lanes, t, &name);
            lanes.task_finished(at(t), &name, "ok");
        }
        let names = lanes.publish();
        assert!(names.len() <= MAX_LANES && names[0].name == "main" && names.last().is_some_and(|l| l.name == "task-9999"));
        lanes.task_changed(at(10_000), "main", TaskState::Sleeping, None, None, PID);
        assert_eq!(past(&mut lanes, "main").len(), 2, "look-ups survive the clearing");
    }
}
