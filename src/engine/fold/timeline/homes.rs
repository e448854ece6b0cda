//! The processes of the lanes. A PID that is used again is another process. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::fold::timeline::track::Doing;
use crate::model::{ExitStatus, LaneEnd, Monotonic, Pid, TaskState};

/// A process, with the lanes of its threads and tasks.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) pid: Pid,
    /// The number of the process that has made it.
    pub(super) parent: Option<usize>,
    /// Its name that its program told last, and when; it stays through an exec.
    pub(super) told: Option<(Arc<str>, Monotonic)>,
    /// Its name in the kernel, by samples or by its last exec; empty while it has only the one of its parent.
    pub(super) comm: Arc<str>,
    /// Since when.
    pub(super) named: Monotonic,
    /// Whether it is the body of a lesson.
    pub(super) is_body: bool,
    /// Its lanes, in the order in which they came.
    pub(super) lanes: Vec<usize>,
    /// The lane of its first thread.
    pub(super) first: Option<usize>,
    /// Whether an event has told of it.
    pub(super) is_told: bool,
    /// Its end, and the wait on it, by the events.
    pub(super) exit: Option<Exit>,
    pub(super) reaped: Option<Exit>,
    /// The last sample that has shown it as a zombie, and the first that has missed it since.
    pub(super) seen: Option<Monotonic>,
    pub(super) missed: Option<Monotonic>,
    /// The parent that waited on it.
    pub(super) reaper: Option<Pid>,
}

/// The end of a process, as events tell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit {
    pub(crate) t: Monotonic,
    pub(crate) status: Option<ExitStatus>,
}

impl Exit {
    /// The last words and the end of a thread or task in this process.
    pub(super) fn of_part(&self, note: &Arc<str>) -> (Doing, LaneEnd) {
        let is_success = self.status.is_none_or(ExitStatus::is_success);
        let state = if is_success { TaskState::Done } else { TaskState::Failed };
        let last = Doing { state, note: Arc::clone(note), held_by: None };
        let end = if is_success { LaneEnd::Done } else { self.of_process() };
        (last, end)
    }

    /// The end of the process.
    pub(super) fn of_process(&self) -> LaneEnd {
        self.status.map_or(LaneEnd::Done, LaneEnd::Exit)
    }
}

/// All processes, by number.
#[derive(Debug, Default)]
pub(super) struct Homes {
    all: HashMap<usize, Home>,
    next: usize,
    /// The newest process of each PID.
    newest: HashMap<Pid, usize>,
    /// The bodies of a lesson.
    bodies: Vec<Pid>,
}

impl Home {
    /// Its name, if it has one of its own.
    pub(super) fn name(&self) -> Option<&Arc<str>> {
        self.told.as_ref().map(|(told, _)| told).or_else(|| Some(&self.comm).filter(|comm| !comm.is_empty()))
    }
}

impl Homes {
    /// The next process of this PID is the body of a lesson.
    pub(super) fn expect_body(&mut self, pid: Pid) {
        self.bodies.push(pid);
    }

    pub(super) fn get(&self, number: usize) -> Option<&Home> {
        self.all.get(&number)
    }

    /// All processes, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Home)> {
        self.all.iter().map(|(number, home)| (*number, home))
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Home> {
        self.all.get_mut(&number)
    }

    /// The newest process of that PID.
    pub(super) fn newest(&self, pid: Pid) -> Option<usize> {
        self.newest.get(&pid).copied()
    }

    /// The process of that PID that an event is about: records may have told of a newer one already.
    pub(super) fn of_event(&self, pid: Pid) -> Option<usize> {
        let newest = self.newest(pid)?;
        if self.get(newest).is_some_and(|home| home.is_told) {
            return Some(newest);
        }
        let older = self.all.iter().filter(|(_, home)| home.pid == pid && home.is_told && home.reaped.is_none());
        Some(older.map(|(number, _)| *number).max().unwrap_or(newest))
    }

    /// The lanes of the newest process of that PID.
    pub(super) fn lanes(&self, pid: Pid) -> &[usize] {
        self.newest(pid).and_then(|number| self.get(number)).map_or(&[], |home| &home.lanes)
    }

    /// The newest process of that PID, made if there is none.
    pub(super) fn of(&mut self, pid: Pid) -> usize {
        self.newest(pid).unwrap_or_else(|| self.add(pid))
    }

    /// A new process of that PID.
    pub(super) fn add(&mut self, pid: Pid) -> usize {
        let number = self.next;
        self.next += 1;
        self.newest.insert(pid, number);
        let body = self.bodies.iter().position(|body| *body == pid);
        if let Some(place) = body {
            self.bodies.swap_remove(place);
        }
        let home = Home {
            pid,
            parent: None,
            told: None,
            comm: "".into(),
            named: Monotonic::ZERO,
            is_body: body.is_some(),
            lanes: Vec::new(),
            first: None,
            is_told: false,
            exit: None,
            reaped: None,
            seen: None,
            missed: None,
            reaper: None,
        };
        self.all.insert(number, home);
        number
    }

    /// A lane lives here now.
    pub(super) fn move_in(&mut self, number: usize, lane: usize, is_first: bool) {
        if let Some(home) = self.all.get_mut(&number) {
            home.lanes.push(lane);
            if is_first {
                home.first = Some(lane);
            }
        }
    }

    /// Only these lanes are left.
    pub(super) fn keep_lanes(&mut self, is_left: impl Fn(usize) -> bool) {
        let Self { all, newest, .. } = self;
        all.retain(|number, home| {
            home.lanes.retain(|&lane| is_left(lane));
            home.first = home.first.filter(|&first| is_left(first));
            let is_empty = home.lanes.is_empty();
            if is_empty && newest.get(&home.pid) == Some(number) {
                newest.remove(&home.pid);
            }
            !is_empty
        });
    }

    /// A lane is gone or lives elsewhere; a process without any is forgotten.
    pub(super) fn move_out(&mut self, number: usize, lane: usize) {
        let Some(home) = self.all.get_mut(&number) else { return };
        if let Some(place) = home.lanes.iter().position(|other| *other == lane) {
            home.lanes.remove(place);
        }
        if home.first == Some(lane) {
            home.first = None;
        }
        if home.lanes.is_empty() {
            let pid = home.pid;
            self.all.remove(&number);
            if self.newest.get(&pid) == Some(&number) {
                self.newest.remove(&pid);
            }
        }
    }
}
