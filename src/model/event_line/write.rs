//! Writing an event line: which keys each kind has, in their order. serde derives it from these descriptions of the events' types, and the
//! compiler checks that both have the same fields. Pure.

#![expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Not;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::keys::{EndedKeys, StatusKeys, WATCH};
use crate::model::{
    Action, By, Ended, Event, EventKind, ExitStatus, Fact, Language, Level, Line, MachineSample, Monotonic, Outcome, Pgid, Pid,
    PipeFill, ProcessSample, ProcessState, Refusal, RunFinding, RunId, Sid, Stream, TaskCpu, TaskSort, TaskState, ThreadSample,
    Tid, Usage, WaitKind,
};

/// An event's keys.
#[derive(Serialize)]
#[serde(remote = "Event")]
pub(super) struct EventKeys {
    t: Monotonic,
    #[serde(flatten, with = "KindKeys")]
    kind: EventKind,
}

#[derive(Serialize)]
#[serde(remote = "EventKind", tag = "kind")]
enum KindKeys {
    #[serde(rename = "run.started")]
    RunStarted { run: RunId, scenario: String, language: Language, params: BTreeMap<String, Value> },
    #[serde(rename = "process.started")]
    ProcessStarted { pid: Pid, ppid: Pid, pgid: Pgid, sid: Sid, name: String, argv: Vec<String> },
    #[serde(rename = "process.state")]
    ProcessState { pid: Pid, state: ProcessState },
    #[serde(rename = "process.state", serialize_with = "orphaned")]
    ProcessOrphaned { pid: Pid, ppid: Pid },
    #[serde(rename = "process.exited")]
    ProcessExited {
        pid: Pid,
        #[serde(flatten, serialize_with = "ended")]
        status: ExitStatus,
    },
    #[serde(rename = "process.reaped")]
    ProcessReaped { pid: Pid },
    #[serde(rename = "process.usage")]
    ProcessUsed {
        pid: Pid,
        #[serde(flatten)]
        usage: Usage,
    },
    #[serde(rename = "waited")]
    Waited {
        #[serde(serialize_with = "all_ended")]
        done: Vec<Ended>,
        pending: Vec<Pid>,
        #[serde(rename = "do")]
        action: WaitKind,
    },
    #[serde(rename = "pipe")]
    PipeFilled {
        pid: Pid,
        to: Pid,
        #[serde(flatten, with = "FillKeys")]
        fill: PipeFill,
    },
    #[serde(rename = "process.sample")]
    ProcessSampled(#[serde(with = "ProcessKeys")] Box<ProcessSample>),
    #[serde(rename = "output", serialize_with = "output")]
    Output { pid: Pid, stream: Stream, bytes: Vec<u8> },
    #[serde(rename = "output.dropped")]
    OutputDropped { pid: Pid, stream: Stream, bytes: u64 },
    #[serde(rename = "output.closed")]
    OutputClosed { pid: Pid, stream: Stream },
    #[serde(rename = "task.started")]
    TaskStarted {
        pid: Pid,
        task: String,
        sort: TaskSort,
        #[serde(skip_serializing_if = "Option::is_none")]
        tid: Option<Tid>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
    #[serde(rename = "task.state")]
    TaskChanged {
        task: String,
        state: TaskState,
        #[serde(skip_serializing_if = "Option::is_none")]
        on: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        held_by: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        woken_by: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        at_most: Option<f64>,
    },
    #[serde(rename = "task.finished")]
    TaskFinished { task: String, result: String },
    #[serde(rename = "thing")]
    Thing {
        on: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
    #[serde(rename = "op")]
    Operation {
        task: String,
        #[serde(rename = "do")]
        action: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        on: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
    #[serde(rename = "task.counts")]
    TaskCounts {
        task: String,
        acquired: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        waited: Option<u64>,
    },
    #[serde(rename = "task.cpu")]
    TaskCpu(#[serde(with = "TaskCpuKeys")] Box<TaskCpu>),
    #[serde(rename = "value")]
    Value { name: String, value: Value },
    #[serde(rename = "fact")]
    Fact(Fact),
    #[serde(rename = "finding")]
    Finding(#[serde(with = "FindingKeys")] RunFinding),
    #[serde(rename = "action", serialize_with = "asked")]
    Action { action: Action, by: By },
    #[serde(rename = "action", serialize_with = "watched")]
    Watched { line: Line },
    #[serde(rename = "action.refused", serialize_with = "refused")]
    ActionRefused { action: Action, by: By, why: Box<Refusal> },
    #[serde(rename = "gpio")]
    Gpio {
        #[serde(rename = "value", serialize_with = "as_number")]
        level: Level,
        line: Line,
    },
    #[serde(rename = "cores")]
    Machine(#[serde(with = "MachineKeys")] Box<MachineSample>),
    #[serde(rename = "notice")]
    Notice { text: String },
    #[serde(rename = "run.finished")]
    RunFinished { run: RunId, outcome: Outcome, elapsed_s: f64, processes_left: u32 },
}

#[derive(Serialize)]
#[serde(remote = "PipeFill")]
struct FillKeys {
    capacity: u64,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(remote = "ProcessSample")]
struct ProcessKeys {
    pid: Pid,
    ppid: Pid,
    pgid: Pgid,
    sid: Sid,
    name: String,
    state: ProcessState,
    core: u16,
    cpu: f32,
    rss: u64,
    start_ticks: u64,
    threads: Vec<ThreadSample>,
}

#[derive(Serialize)]
#[serde(remote = "TaskCpu")]
struct TaskCpuKeys {
    pid: Pid,
    tid: Tid,
    name: String,
    ran_ns: u64,
    ready_ns: u64,
    blocked_ns: u64,
    switches: u64,
    cores: Vec<u16>,
    #[serde(rename = "exact")]
    is_exact: bool,
    #[serde(rename = "final", skip_serializing_if = "Not::not")]
    is_final: bool,
}

#[derive(Serialize)]
#[serde(remote = "RunFinding")]
struct FindingKeys {
    text: String,
    id: String,
    tasks: Vec<String>,
    #[serde(rename = "over", skip_serializing_if = "Not::not")]
    is_over: bool,
}

#[derive(Serialize)]
#[serde(remote = "MachineSample")]
struct MachineKeys {
    percent: Vec<f32>,
    memory_used: u64,
    memory_total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    celsius: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mhz: Option<u32>,
    load: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled: Option<bool>,
}

/// The keys of an action, and of the text that refuses it.
#[derive(Serialize)]
struct ActionKeys<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    r#do: Cow<'a, str>,
    target: Cow<'a, str>,
    by: &'a str,
}

fn asked<S: Serializer>(action: &Action, by: &By, serializer: S) -> Result<S::Ok, S::Error> {
    ActionKeys { text: None, r#do: action.word(), target: action.target(), by: by.word() }.serialize(serializer)
}

fn watched<S: Serializer>(line: &Line, serializer: S) -> Result<S::Ok, S::Error> {
    ActionKeys { text: None, r#do: WATCH.into(), target: line.to_string().into(), by: By::Lesson.word() }.serialize(serializer)
}

fn refused<S: Serializer>(action: &Action, by: &By, why: &Refusal, serializer: S) -> Result<S::Ok, S::Error> {
    ActionKeys { text: Some(why.to_string()), r#do: action.word(), target: action.target(), by: by.word() }.serialize(serializer)
}

fn orphaned<S: Serializer>(pid: &Pid, ppid: &Pid, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct OrphanKeys {
        pid: Pid,
        ppid: Pid,
        state: &'static str,
    }
    OrphanKeys { pid: *pid, ppid: *ppid, state: "orphan" }.serialize(serializer)
}

fn ended<S: Serializer>(status: &ExitStatus, serializer: S) -> Result<S::Ok, S::Error> {
    StatusKeys::from(*status).serialize(serializer)
}

fn all_ended<S: Serializer>(done: &[Ended], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(done.iter().map(|one| EndedKeys { pid: one.pid, status: one.status.into() }))
}

/// As text where it is UTF-8.
fn output<S: Serializer>(pid: &Pid, stream: &Stream, bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct OutputKeys<'a> {
        pid: Pid,
        stream: Stream,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
    }
    let text = std::str::from_utf8(bytes).ok();
    let base64 = text.is_none().then(|| BASE64.encode(bytes));
    OutputKeys { pid: *pid, stream: *stream, text, base64 }.serialize(serializer)
}

fn as_number<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    level.value().serialize(serializer)
}
