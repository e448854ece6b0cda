//! The lines of the contract are read and written as other people's scripts do.

use serde_json::Value;

use super::error::EventLineError;
use crate::model::{Event, Monotonic};

fn read(line: &str) -> Result<Option<Event>, EventLineError> {
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
    r#"{"t":97,"kind":"waited","do":"wait-any","done":[{"pid":4711,"signal":"SIGTERM","core":false}],"pending":[4712,4713]}"#,
    r#"{"t":97,"kind":"waited","do":"wait-all","done":[{"pid":1,"code":3},{"pid":2,"unknown":true}],"pending":[]}"#,
    r#"{"t":98,"kind":"pipe","pid":4711,"to":4712,"bytes":65536,"capacity":65536}"#,
    r#"{"t":95,"kind":"process.usage","pid":4711,"user_s":0.5,"system_s":0.25,"peak_rss":4096,"waits":3,"preemptions":1}"#,
    r#"{"t":98,"kind":"finding","id":"deadlock","text":"Nobody goes on.","tasks":["a","b"]}"#,
    r#"{"t":99,"kind":"finding","id":"deadlock","text":"It is over.","tasks":["a","b"],"over":true}"#,
    r#"{"t":99,"kind":"output","pid":4711,"stream":"stdout","text":"hi\n"}"#,
    r#"{"t":99,"kind":"output","pid":4711,"stream":"stderr","base64":"/w=="}"#,
    r#"{"t":99,"kind":"output.dropped","pid":4711,"stream":"stdout","bytes":1048576}"#,
    r#"{"t":101,"kind":"task.started","pid":4711,"task":"worker-1","sort":"thread","tid":4712}"#,
    r#"{"t":120,"kind":"task.state","task":"worker-1","state":"waiting","on":"lock counter","held_by":"worker-2"}"#,
    r#"{"t":121,"kind":"task.state","task":"worker-1","state":"running","line":42}"#,
    r#"{"t":122,"kind":"task.state","task":"worker-1","state":"sleeping","on":"sleep()","at_most":2.5}"#,
    r#"{"t":150,"kind":"task.finished","task":"worker-1","result":"ok"}"#,
    r#"{"t":150,"kind":"op","task":"worker-1","do":"wait","on":"barrier gate","result":2,"line":12}"#,
    r#"{"t":150,"kind":"op","task":"worker-1","do":"wait","on":"barrier gate","result":"BrokenBarrierError"}"#,
    r#"{"t":150,"kind":"op","task":"worker-1","do":"acquire","on":"lock counter","result":true}"#,
    r#"{"t":150,"kind":"op","task":"worker-1","do":"sleep"}"#,
    r#"{"t":150,"kind":"task.counts","task":"worker-1","acquired":81234,"waited":77}"#,
    r#"{"t":150,"kind":"task.counts","task":"worker-1","acquired":81234}"#,
    r#"{"t":151,"kind":"value","name":"counter","value":800000}"#,
    r#"{"t":152,"kind":"fact","id":"lost","claim":"some are lost","expected":"> 0","observed":1498,"holds":true}"#,
    r#"{"t":153,"kind":"action","do":"kill","target":"4711","by":"user"}"#,
    r#"{"t":153,"kind":"action","do":"watch","target":"GPIO26","by":"lesson"}"#,
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
        (r#"{"kind":"waited","do":"wait-all","done":[{"pid":1}]}"#, "done"),
        (r#"{"kind":"pipe","pid":1,"to":2,"bytes":1}"#, "capacity"),
        (r#"{"kind":"task.state","task":"a"}"#, "state"),
        (r#"{"kind":"task.finished","task":"a","result":1}"#, "result"),
        (r#"{"kind":"op","task":"a","on":"lock"}"#, "do"),
        (r#"{"kind":"op","task":"a","do":"get","on":"queue belt","result":[1]}"#, "result"),
        (r#"{"kind":"output","pid":1,"stream":"stdout","base64":"*"}"#, "base64"),
        (r#"{"kind":"gpio","value":1}"#, "line"),
        (r#"{"kind":"gpio","line":300,"value":1}"#, "GPIO300 is not on the 40-pin header"),
        (r#"{"kind":"gpio","line":1,"value":1}"#, "EEPROM"),
        (r#"{"kind":"cores","percent":[1.0,1e39]}"#, "percent"),
    ] {
        let error = read(line).expect_err(line).to_string();
        assert!(error.contains(names), "{line}: {error}");
    }
}
