//! Events as lines of JSON: the contract with bodies, recordings and other people's scripts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Event, EventKind, ExitStatus, Fact, Language, MachineSample, Monotonic, Outcome, Pgid, Pid, ProcessSample, ProcessState,
    RunId, Sid, Signal, Stream, TaskSort, TaskState, ThreadSample, Tid,
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
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes_left: Option<u32>,
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
                match *status {
                    ExitStatus::Exited(code) => line.code = Some(code),
                    ExitStatus::Signaled { signal, core_dumped } => {
                        line.signal = Some(signal);
                        line.core = Some(Value::Bool(core_dumped));
                    }
                    ExitStatus::Unknown => line.unknown = Some(true),
                }
                "process.exited"
            }
            EventKind::ProcessReaped { pid } => {
                line.pid = Some(*pid);
                "process.reaped"
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
            "process.exited" => EventKind::ProcessExited {
                pid: need!(pid),
                status: match (self.code, self.signal) {
                    (Some(code), None) => ExitStatus::Exited(code),
                    (None, Some(signal)) => ExitStatus::Signaled { signal, core_dumped: self.core == Some(Value::Bool(true)) },
                    _ if self.unknown == Some(true) => ExitStatus::Unknown,
                    _ => need!(None, "code"),
                },
            },
            "process.reaped" => EventKind::ProcessReaped { pid: need!(pid) },
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
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Event>, LineError> {
        Event::from_line(line.as_bytes(), Monotonic::from_nanos(7))
    }

    /// The lines of the contract, as other people's scripts write and read them.
    const CONTRACT: &[&str] = &[
        r#"{"t":0,"kind":"run.started","run":1,"scenario":"thread-pool","language":"rust","params":{"workers":4}}"#,
        r#"{"t":81,"kind":"process.started","pid":4711,"ppid":4700,"pgid":4711,"sid":4711,"name":"worker","argv":["x"]}"#,
        r#"{"t":90,"kind":"process.state","pid":4711,"state":"zombie"}"#,
        r#"{"t":90,"kind":"process.state","pid":4711,"ppid":1,"state":"orphan"}"#,
        r#"{"t":95,"kind":"process.exited","pid":4711,"code":3}"#,
        r#"{"t":95,"kind":"process.exited","pid":4711,"signal":"SIGTERM","core":false}"#,
        r#"{"t":95,"kind":"process.exited","pid":4711,"unknown":true}"#,
        r#"{"t":97,"kind":"process.reaped","pid":4711}"#,
        r#"{"t":99,"kind":"output","pid":4711,"stream":"stdout","text":"hi\n"}"#,
        r#"{"t":99,"kind":"output","pid":4711,"stream":"stderr","base64":"/w=="}"#,
        r#"{"t":99,"kind":"output.dropped","pid":4711,"stream":"stdout","bytes":1048576}"#,
        r#"{"t":101,"kind":"task.started","pid":4711,"task":"worker-1","sort":"thread","tid":4712}"#,
        r#"{"t":120,"kind":"task.state","task":"worker-1","state":"waiting","on":"lock counter","held_by":"worker-2"}"#,
        r#"{"t":121,"kind":"task.state","task":"worker-1","state":"running","line":42}"#,
        r#"{"t":150,"kind":"task.finished","task":"worker-1","result":"ok"}"#,
        r#"{"t":150,"kind":"task.counts","task":"worker-1","acquired":81234,"waited":77}"#,
        r#"{"t":151,"kind":"value","name":"counter","value":800000}"#,
        r#"{"t":152,"kind":"fact","id":"lost","claim":"some are lost","expected":"> 0","observed":1498,"holds":true}"#,
        r#"{"t":153,"kind":"action","do":"kill","target":"4711","by":"user"}"#,
        r#"{"t":154,"kind":"gpio","value":1,"line":17}"#,
        r#"{"t":200,"kind":"run.finished","run":1,"outcome":"timed-out","elapsed_s":1.52,"processes_left":0}"#,
    ];

    #[test]
    fn every_line_of_the_contract_survives_reading_and_writing() {
        for line in CONTRACT {
            let event = read(line).expect(line).expect(line);
            let written: Value = serde_json::from_str(&event.to_line()).expect("our own line");
            assert_eq!(written, serde_json::from_str::<Value>(line).expect("JSON"), "{line}");
        }
        assert!(read(r#"{"t":160,"kind":"cores","percent":[12.0,99.0]}"#).expect("reads").is_some());
    }

    #[test]
    fn unknown_kinds_and_keys_are_skipped() {
        assert!(read(r#"{"t":1,"kind":"from.the.future","pid":"not a number here"}"#).is_err(), "a known key keeps its type");
        assert!(read(r#"{"t":1,"kind":"from.the.future","new":[1,2]}"#).expect("reads").is_none());
        assert!(read(r#"{"t":1,"kind":"process.reaped","pid":1,"new":{"a":1}}"#).expect("reads").is_some());
    }

    #[test]
    fn a_line_without_a_time_happened_when_it_arrived() {
        assert_eq!(read(r#"{"kind":"notice","text":"x"}"#).expect("reads").expect("known").t.nanos(), 7);
    }

    #[test]
    fn malformed_lines_say_what_is_wrong() {
        for (line, names) in [
            ("nonsense", "not an event line"),
            ("[]", "not an event line"),
            (r#"{"kind":"process.exited","pid":1}"#, "code"),
            (r#"{"kind":"process.state","pid":1,"state":"dancing"}"#, "state"),
            (r#"{"kind":"task.state","task":"a"}"#, "state"),
            (r#"{"kind":"output","pid":1,"stream":"stdout","base64":"*"}"#, "base64"),
            (r#"{"kind":"gpio","line":300,"value":1}"#, "line"),
            (r#"{"kind":"cores","percent":[1.0,1e39]}"#, "percent"),
        ] {
            let error = read(line).expect_err(line).to_string();
            assert!(error.contains(names), "{line}: {error}");
        }
    }
}
