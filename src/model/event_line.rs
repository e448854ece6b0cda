//! Events as lines of JSON: the contract with bodies, recordings and other people's scripts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Ended, Event, EventKind, ExitStatus, Fact, Language, MachineSample, Monotonic, Outcome, Pgid, Pid, PipeFill, ProcessSample,
    ProcessState, RunFinding, RunId, Sid, Signal, Stream, TaskSort, TaskState, ThreadSample, Tid, Usage,
};

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// JSON of another shape (serde would take an array for the struct's fields in order).
    #[error("not an event line: no JSON object")]
    NotAnObject,
    /// Not a JSON object with fields of the right types.
    #[error("not an event line: {0}")]
    Json(#[from] serde_json::Error),
    /// The kind is known, and a key that it needs is missing or has a wrong value.
    #[error("an event line of kind {kind:?} needs a valid {key:?}")]
    Key {
        /// Its kind.
        kind: String,
        /// The key.
        key: &'static str,
    },
}

/// The union of all keys. One flat struct is read in one pass, where serde's tagged enums would buffer each line.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "`line` is the contract's key for a GPIO line and for a line of source")]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    t: Option<u64>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    scenario: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ppid: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pgid: Option<Pgid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Sid>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    task: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<TaskSort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<Tid>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    argv: Option<Vec<String>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    state: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    on: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    held_by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<Signal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<Vec<EndedLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<Vec<Pid>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Stream>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    base64: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    result: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acquired: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    claim: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<bool>,
    #[serde(rename = "do", borrow, skip_serializing_if = "Option::is_none")]
    action: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    celsius: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mhz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rss: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_ticks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<Vec<ThreadSample>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_rss: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preemptions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes_left: Option<u32>,
}

/// A child and how it ended, by the keys of `process.exited`.
#[derive(Debug, Serialize, Deserialize)]
struct EndedLine {
    pid: Pid,
    #[serde(flatten)]
    status: StatusKeys,
}

impl From<&Ended> for EndedLine {
    fn from(ended: &Ended) -> Self {
        Self { pid: ended.pid, status: ended.status.into() }
    }
}

impl EndedLine {
    fn read(lines: Option<Vec<Self>>) -> Option<Vec<Ended>> {
        let ended = |line: &Self| Some(Ended { pid: line.pid, status: line.status.status()? });
        lines.unwrap_or_default().iter().map(ended).collect()
    }
}

/// The keys that say how a process ended.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct StatusKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<Signal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<bool>,
}

impl From<ExitStatus> for StatusKeys {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Exited(code) => Self { code: Some(code), ..Self::default() },
            ExitStatus::Signaled { signal, core_dumped } => {
                Self { signal: Some(signal), core: Some(core_dumped), ..Self::default() }
            }
            ExitStatus::Unknown => Self { unknown: Some(true), ..Self::default() },
        }
    }
}

impl StatusKeys {
    fn status(self) -> Option<ExitStatus> {
        match (self.code, self.signal) {
            (Some(code), None) => Some(ExitStatus::Exited(code)),
            (None, Some(signal)) => Some(ExitStatus::Signaled { signal, core_dumped: self.core == Some(true) }),
            _ => (self.unknown == Some(true)).then_some(ExitStatus::Unknown),
        }
    }
}

impl Event {
    /// Its line of JSON, without the newline.
    pub fn to_line(&self) -> String {
        // No map key here is anything but a string, and no number is refused, so this cannot fail.
        serde_json::to_string(&Line::from(self)).unwrap_or_default()
    }

    /// Reads a line. `Ok(None)` for a kind that this version does not know: readers skip those.
    /// A line without `t` happened `arrived`.
    pub fn from_line(line: &[u8], arrived: Monotonic) -> Result<Option<Self>, LineError> {
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(LineError::NotAnObject);
        }
        let line: Line<'_> = serde_json::from_slice(line)?;
        if let Some(key) = line.overflow() {
            return Err(LineError::Key { kind: line.kind.into_owned(), key });
        }
        let t = line.t.map_or(arrived, Monotonic::from_nanos);
        Ok(line.into_kind()?.map(|kind| Self { t, kind }))
    }
}

impl<'a> From<&'a Event> for Line<'a> {
    fn from(event: &'a Event) -> Self {
        let mut line = Line { t: Some(event.t.nanos()), ..Line::default() };
        line.kind = Cow::Borrowed(match &event.kind {
            EventKind::RunStarted { run, scenario, language, params } => {
                line.run = Some(*run);
                line.scenario = Some(Cow::Borrowed(scenario));
                line.language = Some(*language);
                line.params = Some(params.clone());
                "run.started"
            }
            EventKind::ProcessStarted { pid, ppid, pgid, sid, name, argv } => {
                (line.pid, line.ppid, line.pgid, line.sid) = (Some(*pid), Some(*ppid), Some(*pgid), Some(*sid));
                line.name = Some(Cow::Borrowed(name));
                line.argv = Some(argv.clone());
                "process.started"
            }
            EventKind::ProcessState { pid, state } => {
                line.pid = Some(*pid);
                line.state = Some(Cow::Borrowed(state.word()));
                "process.state"
            }
            EventKind::ProcessOrphaned { pid, ppid } => {
                (line.pid, line.ppid) = (Some(*pid), Some(*ppid));
                line.state = Some(Cow::Borrowed("orphan"));
                "process.state"
            }
            EventKind::ProcessExited { pid, status } => {
                line.pid = Some(*pid);
                line.set_status(StatusKeys::from(*status));
                "process.exited"
            }
            EventKind::ProcessReaped { pid } => {
                line.pid = Some(*pid);
                "process.reaped"
            }
            EventKind::Waited { action, done, pending } => {
                line.action = Some(Cow::Borrowed(action));
                line.done = Some(done.iter().map(EndedLine::from).collect());
                line.pending = Some(pending.clone());
                "waited"
            }
            EventKind::PipeFilled { pid, to, fill } => {
                (line.pid, line.to, line.bytes, line.capacity) = (Some(*pid), Some(*to), Some(fill.bytes), Some(fill.capacity));
                "pipe"
            }
            EventKind::ProcessUsed { pid, usage } => {
                (line.user_s, line.system_s, line.peak_rss) = (Some(usage.user_s), Some(usage.system_s), Some(usage.peak_rss));
                (line.pid, line.waits, line.preemptions) = (Some(*pid), Some(usage.waits), Some(usage.preemptions));
                "process.usage"
            }
            EventKind::ProcessSampled(sample) => {
                (line.pid, line.ppid, line.pgid, line.sid) =
                    (Some(sample.pid), Some(sample.ppid), Some(sample.pgid), Some(sample.sid));
                line.name = Some(Cow::Borrowed(&sample.name));
                line.state = Some(Cow::Borrowed(sample.state.word()));
                (line.cpu, line.rss) = (Some(sample.cpu), Some(sample.rss));
                line.core = Some(Value::from(sample.core));
                line.start_ticks = Some(sample.start_ticks);
                line.threads = Some(sample.threads.clone());
                "process.sample"
            }
            EventKind::Output { pid, stream, bytes } => {
                (line.pid, line.stream) = (Some(*pid), Some(*stream));
                match std::str::from_utf8(bytes) {
                    Ok(text) => line.text = Some(Cow::Borrowed(text)),
                    Err(_) => line.base64 = Some(Cow::Owned(BASE64.encode(bytes))),
                }
                "output"
            }
            EventKind::OutputDropped { pid, stream, bytes } => {
                (line.pid, line.stream, line.bytes) = (Some(*pid), Some(*stream), Some(*bytes));
                "output.dropped"
            }
            EventKind::OutputClosed { pid, stream } => {
                (line.pid, line.stream) = (Some(*pid), Some(*stream));
                "output.closed"
            }
            EventKind::TaskStarted { task, sort, pid, tid, line: source_line } => {
                line.task = Some(Cow::Borrowed(task));
                line.line = *source_line;
                (line.sort, line.pid, line.tid) = (Some(*sort), Some(*pid), *tid);
                "task.started"
            }
            EventKind::TaskChanged { task, state, on, held_by, line: source_line } => {
                line.task = Some(Cow::Borrowed(task));
                line.line = *source_line;
                line.state = Some(Cow::Borrowed(state.word()));
                line.on = on.as_deref().map(Cow::Borrowed);
                line.held_by = held_by.as_deref().map(Cow::Borrowed);
                "task.state"
            }
            EventKind::TaskFinished { task, result } => {
                line.task = Some(Cow::Borrowed(task));
                line.result = Some(Cow::Borrowed(result));
                "task.finished"
            }
            EventKind::TaskCounts { task, acquired, waited } => {
                line.task = Some(Cow::Borrowed(task));
                (line.acquired, line.waited) = (Some(*acquired), Some(*waited));
                "task.counts"
            }
            EventKind::Value { name, value } => {
                line.name = Some(Cow::Borrowed(name));
                line.value = Some(value.clone());
                "value"
            }
            EventKind::Fact(fact) => {
                line.id = Some(Cow::Borrowed(&fact.id));
                line.claim = Some(Cow::Borrowed(&fact.claim));
                line.expected = Some(fact.expected.clone());
                line.observed = Some(fact.observed.clone());
                line.holds = Some(fact.holds);
                "fact"
            }
            EventKind::Finding(finding) => {
                line.id = Some(Cow::Borrowed(&finding.id));
                line.text = Some(Cow::Borrowed(&finding.text));
                line.tasks = Some(finding.tasks.clone());
                line.over = finding.is_over.then_some(true);
                "finding"
            }
            EventKind::Action { action, target, by } => {
                line.action = Some(Cow::Borrowed(action));
                line.target = Some(Cow::Borrowed(target));
                line.by = Some(Cow::Borrowed(by));
                "action"
            }
            EventKind::Gpio { line: offset, value } => {
                line.line = Some(u32::from(*offset));
                line.value = Some(Value::from(*value));
                "gpio"
            }
            EventKind::Machine(sample) => {
                line.percent = Some(sample.percent.clone());
                line.memory_used = Some(sample.memory_used);
                line.memory_total = Some(sample.memory_total);
                (line.celsius, line.mhz, line.load) = (sample.celsius, sample.mhz, Some(sample.load));
                line.throttled = sample.throttled;
                "cores"
            }
            EventKind::Notice { text } => {
                line.text = Some(Cow::Borrowed(text));
                "notice"
            }
            EventKind::RunFinished { run, outcome, elapsed_s, processes_left } => {
                (line.run, line.outcome) = (Some(*run), Some(*outcome));
                (line.elapsed_s, line.processes_left) = (Some(*elapsed_s), Some(*processes_left));
                "run.finished"
            }
        });
        line
    }
}

impl Line<'_> {
    fn set_status(&mut self, keys: StatusKeys) {
        (self.code, self.signal, self.unknown) = (keys.code, keys.signal, keys.unknown);
        self.core = keys.core.map(Value::Bool);
    }

    fn status(&self) -> Option<ExitStatus> {
        let core = self.core.as_ref().and_then(Value::as_bool);
        StatusKeys { code: self.code, signal: self.signal, core, unknown: self.unknown }.status()
    }

    /// The key whose number is beyond what `f32` holds: it would become infinite, which JSON cannot say.
    fn overflow(&self) -> Option<&'static str> {
        let is_beyond = |number: f32| !number.is_finite();
        if self.percent.iter().flatten().copied().any(is_beyond) {
            Some("percent")
        } else if self.celsius.is_some_and(is_beyond) {
            Some("celsius")
        } else if self.load.is_some_and(is_beyond) {
            Some("load")
        } else if self.cpu.is_some_and(is_beyond) {
            Some("cpu")
        } else if self.threads.iter().flatten().any(|thread| is_beyond(thread.cpu)) {
            Some("threads")
        } else {
            None
        }
    }

    fn into_kind(self) -> Result<Option<EventKind>, LineError> {
        let status = self.status();
        let kind = self.kind;
        // Names the key that is missing; a wrong word for a state counts as missing too.
        macro_rules! need {
            ($key:ident) => {
                need!(self.$key, stringify!($key))
            };
            ($value:expr, $key:expr) => {
                match $value {
                    Some(value) => value,
                    None => return Err(LineError::Key { kind: kind.into_owned(), key: $key }),
                }
            };
        }
        Ok(Some(match kind.as_ref() {
            "run.started" => EventKind::RunStarted {
                run: need!(run),
                scenario: need!(scenario).into_owned(),
                language: self.language.unwrap_or(Language::Program),
                params: self.params.unwrap_or_default(),
            },
            "process.started" => {
                let pid = need!(pid);
                EventKind::ProcessStarted {
                    pid,
                    ppid: need!(ppid),
                    pgid: self.pgid.unwrap_or(Pgid::new(pid.number())),
                    sid: self.sid.unwrap_or(Sid::new(pid.number())),
                    name: self.name.unwrap_or_default().into_owned(),
                    argv: self.argv.unwrap_or_default(),
                }
            }
            "process.state" if self.state.as_deref() == Some("orphan") => {
                EventKind::ProcessOrphaned { pid: need!(pid), ppid: self.ppid.unwrap_or(Pid::new(1)) }
            }
            "process.state" => EventKind::ProcessState {
                pid: need!(pid),
                state: need!(self.state.as_deref().and_then(ProcessState::from_word), "state"),
            },
            "process.exited" => EventKind::ProcessExited { pid: need!(pid), status: need!(status, "code") },
            "waited" => EventKind::Waited {
                action: need!(self.action, "do").into_owned(),
                done: need!(EndedLine::read(self.done), "done"),
                pending: self.pending.unwrap_or_default(),
            },
            "pipe" => {
                let fill = PipeFill { bytes: need!(bytes), capacity: need!(capacity) };
                EventKind::PipeFilled { pid: need!(pid), to: need!(to), fill }
            }
            "process.reaped" => EventKind::ProcessReaped { pid: need!(pid) },
            "process.usage" => EventKind::ProcessUsed {
                pid: need!(pid),
                usage: Usage {
                    user_s: need!(user_s),
                    system_s: need!(system_s),
                    peak_rss: self.peak_rss.unwrap_or_default(),
                    waits: self.waits.unwrap_or_default(),
                    preemptions: self.preemptions.unwrap_or_default(),
                },
            },
            "process.sample" => {
                let pid = need!(pid);
                EventKind::ProcessSampled(Box::new(ProcessSample {
                    pid,
                    ppid: need!(ppid),
                    pgid: self.pgid.unwrap_or(Pgid::new(pid.number())),
                    sid: self.sid.unwrap_or(Sid::new(pid.number())),
                    name: self.name.unwrap_or_default().into_owned(),
                    state: need!(self.state.as_deref().and_then(ProcessState::from_word), "state"),
                    cpu: self.cpu.unwrap_or_default(),
                    rss: self.rss.unwrap_or_default(),
                    core: self.core.and_then(|core| core.as_u64()).unwrap_or_default() as u16,
                    start_ticks: self.start_ticks.unwrap_or_default(),
                    threads: self.threads.unwrap_or_default(),
                }))
            }
            "output" => EventKind::Output {
                pid: need!(pid),
                stream: need!(stream),
                bytes: match (self.text, self.base64) {
                    (Some(text), None) => text.into_owned().into_bytes(),
                    (None, Some(base64)) => need!(BASE64.decode(base64.as_bytes()).ok(), "base64"),
                    _ => need!(None, "text"),
                },
            },
            "output.dropped" => EventKind::OutputDropped { pid: need!(pid), stream: need!(stream), bytes: need!(bytes) },
            "output.closed" => EventKind::OutputClosed { pid: need!(pid), stream: need!(stream) },
            "task.started" => EventKind::TaskStarted {
                task: need!(task).into_owned(),
                sort: self.sort.unwrap_or(TaskSort::Thread),
                pid: need!(pid),
                tid: self.tid,
                line: self.line,
            },
            "task.state" => EventKind::TaskChanged {
                task: need!(task).into_owned(),
                state: need!(self.state.as_deref().and_then(TaskState::from_word), "state"),
                on: self.on.map(Cow::into_owned),
                held_by: self.held_by.map(Cow::into_owned),
                line: self.line,
            },
            "task.finished" => EventKind::TaskFinished {
                task: need!(task).into_owned(),
                result: self.result.unwrap_or(Cow::Borrowed("ok")).into_owned(),
            },
            "task.counts" => EventKind::TaskCounts {
                task: need!(task).into_owned(),
                acquired: self.acquired.unwrap_or_default(),
                waited: self.waited.unwrap_or_default(),
            },
            "value" => EventKind::Value { name: need!(name).into_owned(), value: need!(value) },
            "fact" => EventKind::Fact(Fact {
                id: need!(id).into_owned(),
                claim: self.claim.unwrap_or_default().into_owned(),
                expected: self.expected.unwrap_or_default(),
                observed: self.observed.unwrap_or_default(),
                holds: need!(holds),
            }),
            "finding" => EventKind::Finding(RunFinding {
                id: need!(id).into_owned(),
                text: need!(text).into_owned(),
                tasks: self.tasks.unwrap_or_default(),
                is_over: self.over.unwrap_or_default(),
            }),
            "action" => EventKind::Action {
                action: need!(self.action, "do").into_owned(),
                target: self.target.unwrap_or_default().into_owned(),
                by: self.by.unwrap_or_default().into_owned(),
            },
            "gpio" => EventKind::Gpio {
                line: need!(self.line.and_then(|line| u8::try_from(line).ok()), "line"),
                value: u8::from(need!(self.value.and_then(|value| value.as_u64()), "value") != 0),
            },
            "cores" => EventKind::Machine(Box::new(MachineSample {
                percent: need!(percent),
                memory_used: self.memory_used.unwrap_or_default(),
                memory_total: self.memory_total.unwrap_or_default(),
                celsius: self.celsius,
                mhz: self.mhz,
                load: self.load.unwrap_or_default(),
                throttled: self.throttled,
            })),
            "notice" => EventKind::Notice { text: need!(text).into_owned() },
            "run.finished" => EventKind::RunFinished {
                run: need!(run),
                outcome: need!(outcome),
                elapsed_s: self.elapsed_s.unwrap_or_default(),
                processes_left: self.processes_left.unwrap_or_default(),
            },
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests;
