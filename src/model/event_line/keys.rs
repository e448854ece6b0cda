//! The keys of event lines. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{ExitStatus, Language, Outcome, Pgid, Pid, RunId, Sid, Signal, Stream, TaskSort, ThreadSample, Tid};

/// The union of all keys; `line` is a GPIO line or a line of source. One flat struct is read in one pass, where serde's tagged enums would buffer each line.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Keys<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) t: Option<u64>,
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<RunId>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) scenario: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) params: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ppid: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pgid: Option<Pgid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<Sid>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort: Option<TaskSort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tid: Option<Tid>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) argv: Option<Vec<String>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) held_by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<Signal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) core: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) done: Option<Vec<EndedKeys>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Vec<Pid>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) capacity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream: Option<Stream>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acquired: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waited: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) observed: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holds: Option<bool>,
    #[serde(rename = "do", borrow, skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) percent: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) celsius: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mhz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) throttled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rss: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_ticks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<Vec<ThreadSample>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peak_rss: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preemptions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tasks: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) over: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) elapsed_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
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
