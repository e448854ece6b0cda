//! Writing an event line: which keys each kind has. Pure.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::{EndedLine, Line, StatusKeys};
use crate::model::{Event, EventKind};

impl<'a> From<&'a Event> for Line<'a> {
    #[expect(clippy::too_many_lines, reason = "one arm a kind, and no arm does more than name its keys")]
    fn from(event: &'a Event) -> Self {
        let text = |text: &'a str| Some(Cow::Borrowed(text));
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
                let keys = StatusKeys::from(*status);
                (line.code, line.signal, line.unknown) = (keys.code, keys.signal, keys.unknown);
                line.core = keys.core.map(Value::Bool);
                "process.exited"
            }
            EventKind::ProcessReaped { pid } => {
                line.pid = Some(*pid);
                "process.reaped"
            }
            EventKind::Waited { action, done, pending } => {
                line.action = Some(Cow::Borrowed(action));
                line.done = Some(done.iter().map(|one| EndedLine { pid: one.pid, status: one.status.into() }).collect());
                line.pending = Some(pending.clone());
                "waited"
            }
            EventKind::PipeFilled { pid, to, fill } => {
                (line.pid, line.to) = (Some(*pid), Some(*to));
                (line.bytes, line.capacity) = (Some(fill.bytes), Some(fill.capacity));
                "pipe"
            }
            EventKind::ProcessUsed { pid, usage } => {
                line.pid = Some(*pid);
                (line.user_s, line.system_s) = (Some(usage.user_s), Some(usage.system_s));
                line.peak_rss = Some(usage.peak_rss);
                (line.waits, line.preemptions) = (Some(usage.waits), Some(usage.preemptions));
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
                (line.task, line.result) = (text(task), text(result));
                "task.finished"
            }
            EventKind::TaskCounts { task, acquired, waited } => {
                line.task = Some(Cow::Borrowed(task));
                (line.acquired, line.waited) = (Some(*acquired), Some(*waited));
                "task.counts"
            }
            EventKind::Value { name, value } => {
                (line.name, line.value) = (text(name), Some(value.clone()));
                "value"
            }
            EventKind::Fact(fact) => {
                (line.id, line.claim) = (text(&fact.id), text(&fact.claim));
                (line.expected, line.observed) = (Some(fact.expected.clone()), Some(fact.observed.clone()));
                line.holds = Some(fact.holds);
                "fact"
            }
            EventKind::Finding(finding) => {
                (line.id, line.text) = (text(&finding.id), text(&finding.text));
                line.tasks = Some(finding.tasks.clone());
                line.over = finding.is_over.then_some(true);
                "finding"
            }
            EventKind::Action { action, target, by } => {
                (line.action, line.target, line.by) = (text(action), text(target), text(by));
                "action"
            }
            EventKind::ActionRefused { action, target, by, why } => {
                (line.action, line.target, line.by, line.text) = (text(action), text(target), text(by), text(why));
                "action.refused"
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
