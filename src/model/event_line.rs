//! Events as lines of JSON: the contract with bodies, recordings and other people's scripts.

mod fast;
mod read;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Event, Language, Monotonic, Outcome, Pgid, Pid, RunId, Sid, Signal, Stream, TaskSort, ThreadSample, Tid};

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
        r#"{"t":95,"kind":"process.usage","pid":4711,"user_s":0.5,"system_s":0.25,"peak_rss":4096,"waits":3,"preemptions":1}"#,
        r#"{"t":98,"kind":"finding","id":"deadlock","text":"Nobody goes on.","tasks":["a","b"]}"#,
        r#"{"t":99,"kind":"finding","id":"deadlock","text":"It is over.","tasks":["a","b"],"over":true}"#,
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
        r#"{"t":153,"kind":"action.refused","do":"kill","target":"4711","by":"user","text":"it has ended"}"#,
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
