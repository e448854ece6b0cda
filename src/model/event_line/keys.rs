//! The keys of event lines. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{ExitStatus, Language, Outcome, Pgid, Pid, RunId, Sid, Signal, Stream, TaskSort, ThreadSample, Tid};

/// The word of the action that says that a body watches a button.
pub(super) const WATCH: &str = "watch";

/// The union of all keys; `line` is a GPIO line or a line of source. One flat struct is read in one pass, where serde's tagged enums would buffer each line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Keys<'a> {
    pub(super) t: Option<u64>,
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    pub(super) run: Option<RunId>,
    #[serde(borrow)]
    pub(super) scenario: Option<Cow<'a, str>>,
    pub(super) language: Option<Language>,
    pub(super) params: Option<BTreeMap<String, Value>>,
    pub(super) pid: Option<Pid>,
    pub(super) ppid: Option<Pid>,
    pub(super) pgid: Option<Pgid>,
    pub(super) sid: Option<Sid>,
    #[serde(borrow)]
    pub(super) task: Option<Cow<'a, str>>,
    pub(super) sort: Option<TaskSort>,
    pub(super) tid: Option<Tid>,
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) argv: Option<Vec<String>>,
    #[serde(borrow)]
    pub(super) state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) on: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) held_by: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) woken_by: Option<Cow<'a, str>>,
    pub(super) at_most: Option<f64>,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<Signal>,
    pub(super) core: Option<Value>,
    pub(super) unknown: Option<bool>,
    pub(super) done: Option<Vec<EndedKeys>>,
    pub(super) pending: Option<Vec<Pid>>,
    pub(super) to: Option<Pid>,
    pub(super) capacity: Option<u64>,
    pub(super) stream: Option<Stream>,
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) base64: Option<Cow<'a, str>>,
    pub(super) bytes: Option<u64>,
    pub(super) result: Option<Value>,
    pub(super) acquired: Option<u64>,
    pub(super) waited: Option<u64>,
    pub(super) ran_ns: Option<u64>,
    pub(super) ready_ns: Option<u64>,
    pub(super) blocked_ns: Option<u64>,
    pub(super) switches: Option<u64>,
    pub(super) cores: Option<Vec<u16>>,
    pub(super) exact: Option<bool>,
    #[serde(rename = "final")]
    pub(super) is_final: Option<bool>,
    pub(super) value: Option<Value>,
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) claim: Option<Cow<'a, str>>,
    pub(super) expected: Option<Value>,
    pub(super) observed: Option<Value>,
    pub(super) holds: Option<bool>,
    #[serde(rename = "do", borrow)]
    pub(super) action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) target: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) by: Option<Cow<'a, str>>,
    pub(super) line: Option<u32>,
    pub(super) percent: Option<Vec<f32>>,
    pub(super) memory_used: Option<u64>,
    pub(super) memory_total: Option<u64>,
    pub(super) celsius: Option<f32>,
    pub(super) mhz: Option<u32>,
    pub(super) load: Option<f32>,
    pub(super) throttled: Option<bool>,
    pub(super) cpu: Option<f32>,
    pub(super) rss: Option<u64>,
    pub(super) start_ticks: Option<u64>,
    pub(super) threads: Option<Vec<ThreadSample>>,
    pub(super) user_s: Option<f64>,
    pub(super) system_s: Option<f64>,
    pub(super) peak_rss: Option<u64>,
    pub(super) waits: Option<u64>,
    pub(super) preemptions: Option<u64>,
    pub(super) tasks: Option<Vec<String>>,
    pub(super) over: Option<bool>,
    pub(super) outcome: Option<Outcome>,
    pub(super) elapsed_s: Option<f64>,
    pub(super) processes_left: Option<u32>,
}

/// A child and how it ended, by the keys of `process.exited`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EndedKeys {
    pub(super) pid: Pid,
    #[serde(flatten)]
    pub(super) status: StatusKeys,
}

/// The keys that say how a process ended.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StatusKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<Signal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) core: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown: Option<bool>,
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
    pub(super) fn status(&self) -> Option<ExitStatus> {
        match (self.code, self.signal) {
            (Some(code), None) => Some(ExitStatus::Exited(code)),
            (None, Some(signal)) => Some(ExitStatus::Signaled { signal, core_dumped: self.core == Some(true) }),
            _ => (self.unknown == Some(true)).then_some(ExitStatus::Unknown),
        }
    }
}
