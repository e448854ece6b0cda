//! Tests of the lanes, with hand-made events and records.

mod delays;
mod nonsense;
mod past;
mod reasons;
mod renaming;
mod seen;
mod set_uid;
mod switches;
mod wakes;
mod words;

use std::sync::Arc;

use super::lanes::{Lanes, Told};
use crate::model::{Lane, LaneState, Monotonic, Pid, Scheduled, SchedulerRecord, States, TaskSort, TaskState, Tid, Words};

const PID: Pid = Pid::new(10);

fn at(t: u64) -> Monotonic {
    Monotonic::from_nanos(t)
}

fn told<'a>(state: TaskState, on: Option<&'a str>, held_by: Option<&'a str>) -> Told<'a> {
    Told { state, on, held_by, woken_by: None, line: None, until: None }
}

/// The lane of this name, as it is shown.
fn lane(lanes: &mut Lanes, name: &str) -> Arc<Lane> {
    let lanes = lanes.publish();
    let lane = lanes.iter().find(|lane| &*lane.name == name);
    lane.map_or_else(|| panic!("no lane {name} in {:?}", names_of(&lanes)), Arc::clone)
}

fn names_of(lanes: &[Arc<Lane>]) -> Vec<String> {
    lanes.iter().map(|lane| lane.name.to_string()).collect()
}

fn names(lanes: &mut Lanes) -> Vec<String> {
    names_of(&lanes.publish())
}

/// (from, state, detail) of all states of a lane.
fn states(lane: &Lane) -> Vec<(u64, LaneState, u32)> {
    let spans = (0..lane.states.len()).filter_map(|index| lane.states.get(index));
    spans.map(|span| (span.from.nanos(), span.state, span.detail)).collect()
}

/// A record of a thread on core 0.
fn record(t: u64, pid: i32, tid: i32, what: Scheduled) -> SchedulerRecord {
    on_core(0, t, pid, tid, what)
}

fn on_core(core: u16, t: u64, pid: i32, tid: i32, what: Scheduled) -> SchedulerRecord {
    SchedulerRecord { t: at(t), pid: Pid::new(pid), tid: Tid::new(tid), core, what }
}

fn began(t: u64, pid: i32, tid: i32, parent: i32, by: i32) -> SchedulerRecord {
    record(t, pid, tid, Scheduled::Began { parent: Pid::new(parent), by: Tid::new(by) })
}

fn named(t: u64, pid: i32, tid: i32, name: &str, is_exec: bool) -> SchedulerRecord {
    record(t, pid, tid, Scheduled::Named { name: name.into(), is_exec })
}

fn thread(lanes: &mut Lanes, t: u64, task: &str, tid: i32) {
    lanes.task_started(at(t), task, TaskSort::Thread, PID, Some(Tid::new(tid)), None);
}
