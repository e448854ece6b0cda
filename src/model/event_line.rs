//! Events as lines of JSON: the contract with bodies, recordings and other people's scripts.

mod fast;
mod read;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Event, ExitStatus, Language, Monotonic, Outcome, Pgid, Pid, RunId, Sid, Signal, Stream, TaskSort, ThreadSample, Tid,
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

/// The keys that say how a process ended.
#[derive(Debug, Default, Serialize, Deserialize)]
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
    fn status(&self) -> Option<ExitStatus> {
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
        if let Some(event) = fast::read(line, arrived) {
            return Ok(Some(event));
        }
        Self::from_any_line(line, arrived)
    }

    fn from_any_line(line: &[u8], arrived: Monotonic) -> Result<Option<Self>, LineError> {
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

#[cfg(test)]
mod tests;
