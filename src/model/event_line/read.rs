//! Reading an event line: which keys each kind needs, and what stands for those that are missing. Pure.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::error::EventLineError;
use super::keys::{EndedKeys, Keys, StatusKeys, WATCH};
use crate::model::{
    Action, By, Ended, EventKind, Fact, Language, Level, Line, MachineSample, Pgid, Pid, PipeFill, ProcessSample, ProcessState,
    Refusal, RunFinding, Sid, TaskCpu, TaskSort, TaskState, Usage, WaitKind,
};

impl Keys<'_> {
    /// The key whose number is beyond what `f32` holds: it would become infinite, which JSON cannot say.
    pub(super) fn overflow(&self) -> Option<&'static str> {
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

    #[expect(clippy::too_many_lines, reason = "one arm a kind, and no arm does more than name its keys")]
    pub(super) fn into_kind(self) -> Result<Option<EventKind>, EventLineError> {
        let core = self.core.as_ref().and_then(Value::as_bool);
        let status = StatusKeys { code: self.code, signal: self.signal, core, unknown: self.unknown }.status();
        let kind = self.kind;
        // Names the key that is missing; a wrong word for a state counts as missing too.
        macro_rules! need {
            ($key:ident) => {
                need!(self.$key, stringify!($key))
            };
            ($value:expr, $key:expr) => {
                match $value {
                    Some(value) => value,
                    None => return Err(EventLineError::Key { kind: kind.into_owned(), key: $key }),
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
                action: need!(self.action.as_deref().and_then(WaitKind::from_word), "do"),
                done: {
                    let ended = |one: EndedKeys| Some(Ended { pid: one.pid, status: one.status.status()? });
                    need!(self.done.unwrap_or_default().into_iter().map(ended).collect::<Option<_>>(), "done")
                },
                pending: self.pending.unwrap_or_default(),
            },
            "pipe" => EventKind::PipeFilled {
                pid: need!(pid),
                to: need!(to),
                fill: PipeFill { bytes: need!(bytes), capacity: need!(capacity) },
            },
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
                woken_by: self.woken_by.map(Cow::into_owned),
                line: self.line,
                at_most: self.at_most,
            },
            "task.finished" => EventKind::TaskFinished {
                task: need!(task).into_owned(),
                result: match self.result {
                    Some(Value::String(result)) => result,
                    Some(_) => need!(None, "result"),
                    None => "ok".to_owned(),
                },
            },
            "thing" => EventKind::Thing { on: need!(on).into_owned(), line: self.line },
            "op" => EventKind::Operation {
                task: need!(task).into_owned(),
                action: need!(self.action, "do").into_owned(),
                on: self.on.map(Cow::into_owned),
                result: match self.result {
                    Some(Value::Array(_) | Value::Object(_)) => need!(None, "result"),
                    result => result,
                },
                line: self.line,
            },
            "task.cpu" => EventKind::TaskCpu(Box::new(TaskCpu {
                pid: need!(pid),
                tid: need!(tid),
                name: self.name.unwrap_or_default().into_owned(),
                ran_ns: need!(ran_ns),
                ready_ns: need!(ready_ns),
                blocked_ns: need!(blocked_ns),
                switches: self.switches.unwrap_or_default(),
                cores: self.cores.unwrap_or_default(),
                is_exact: need!(exact),
                is_final: self.is_final.unwrap_or_default(),
            })),
            "task.counts" => EventKind::TaskCounts {
                task: need!(task).into_owned(),
                acquired: self.acquired.unwrap_or_default(),
                waited: self.waited,
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
            "action" => {
                let (word, target) = (need!(self.action, "do"), self.target.unwrap_or_default());
                match target.parse() {
                    Ok(line) if word == WATCH => EventKind::Watched { line },
                    _ => EventKind::Action {
                        action: Action::from_words(&word, &target),
                        by: By::from_word(&self.by.unwrap_or_default()),
                    },
                }
            }
            "action.refused" => EventKind::ActionRefused {
                action: Action::from_words(&need!(self.action, "do"), &self.target.unwrap_or_default()),
                by: By::from_word(&self.by.unwrap_or_default()),
                why: Box::new(Refusal::Said(need!(self.text, "text").into_owned())),
            },
            "gpio" => EventKind::Gpio {
                line: Line::new(need!(line))?,
                level: Level::high_if(need!(self.value.and_then(|value| value.as_u64()), "value") != 0),
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
