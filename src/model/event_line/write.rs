//! Writing an event line: which keys each kind has. Pure.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::keys::{EndedKeys, Keys, StatusKeys};
use crate::model::{Event, EventKind};

impl<'a> From<&'a Event> for Keys<'a> {
    #[expect(clippy::too_many_lines, reason = "one arm a kind, and no arm does more than name its keys")]
    fn from(event: &'a Event) -> Self {
        let text = |text: &'a str| Some(Cow::Borrowed(text));
        let mut keys = Keys { t: Some(event.t.nanos()), ..Keys::default() };
        keys.kind = Cow::Borrowed(match &event.kind {
            EventKind::RunStarted { run, scenario, language, params } => {
                keys.run = Some(*run);
                keys.scenario = Some(Cow::Borrowed(scenario));
                keys.language = Some(*language);
                keys.params = Some(params.clone());
                "run.started"
            }
            EventKind::ProcessStarted { pid, ppid, pgid, sid, name, argv } => {
                (keys.pid, keys.ppid, keys.pgid, keys.sid) = (Some(*pid), Some(*ppid), Some(*pgid), Some(*sid));
                keys.name = Some(Cow::Borrowed(name));
                keys.argv = Some(argv.clone());
                "process.started"
            }
            EventKind::ProcessState { pid, state } => {
                keys.pid = Some(*pid);
                keys.state = Some(Cow::Borrowed(state.word()));
                "process.state"
            }
            EventKind::ProcessOrphaned { pid, ppid } => {
                (keys.pid, keys.ppid) = (Some(*pid), Some(*ppid));
                keys.state = Some(Cow::Borrowed("orphan"));
                "process.state"
            }
            EventKind::ProcessExited { pid, status } => {
                keys.pid = Some(*pid);
                let status = StatusKeys::from(*status);
                (keys.code, keys.signal, keys.unknown) = (status.code, status.signal, status.unknown);
                keys.core = status.core.map(Value::Bool);
                "process.exited"
            }
            EventKind::ProcessReaped { pid } => {
                keys.pid = Some(*pid);
                "process.reaped"
            }
            EventKind::Waited { action, done, pending } => {
                keys.action = text(action.word());
                keys.done = Some(done.iter().map(|one| EndedKeys { pid: one.pid, status: one.status.into() }).collect());
                keys.pending = Some(pending.clone());
                "waited"
            }
            EventKind::PipeFilled { pid, to, fill } => {
                (keys.pid, keys.to) = (Some(*pid), Some(*to));
                (keys.bytes, keys.capacity) = (Some(fill.bytes), Some(fill.capacity));
                "pipe"
            }
            EventKind::ProcessUsed { pid, usage } => {
                keys.pid = Some(*pid);
                (keys.user_s, keys.system_s) = (Some(usage.user_s), Some(usage.system_s));
                keys.peak_rss = Some(usage.peak_rss);
                (keys.waits, keys.preemptions) = (Some(usage.waits), Some(usage.preemptions));
                "process.usage"
            }
            EventKind::ProcessSampled(sample) => {
                (keys.pid, keys.ppid, keys.pgid, keys.sid) =
                    (Some(sample.pid), Some(sample.ppid), Some(sample.pgid), Some(sample.sid));
                keys.name = Some(Cow::Borrowed(&sample.name));
                keys.state = Some(Cow::Borrowed(sample.state.word()));
                (keys.cpu, keys.rss) = (Some(sample.cpu), Some(sample.rss));
                keys.core = Some(Value::from(sample.core));
                keys.start_ticks = Some(sample.start_ticks);
                keys.threads = Some(sample.threads.clone());
                "process.sample"
            }
            EventKind::Output { pid, stream, bytes } => {
                (keys.pid, keys.stream) = (Some(*pid), Some(*stream));
                match std::str::from_utf8(bytes) {
                    Ok(text) => keys.text = Some(Cow::Borrowed(text)),
                    Err(_) => keys.base64 = Some(Cow::Owned(BASE64.encode(bytes))),
                }
                "output"
            }
            EventKind::OutputDropped { pid, stream, bytes } => {
                (keys.pid, keys.stream, keys.bytes) = (Some(*pid), Some(*stream), Some(*bytes));
                "output.dropped"
            }
            EventKind::OutputClosed { pid, stream } => {
                (keys.pid, keys.stream) = (Some(*pid), Some(*stream));
                "output.closed"
            }
            EventKind::TaskStarted { task, sort, pid, tid, line } => {
                keys.task = Some(Cow::Borrowed(task));
                keys.line = *line;
                (keys.sort, keys.pid, keys.tid) = (Some(*sort), Some(*pid), *tid);
                "task.started"
            }
            EventKind::TaskChanged { task, state, on, held_by, line } => {
                keys.task = Some(Cow::Borrowed(task));
                keys.line = *line;
                keys.state = Some(Cow::Borrowed(state.word()));
                keys.on = on.as_deref().map(Cow::Borrowed);
                keys.held_by = held_by.as_deref().map(Cow::Borrowed);
                "task.state"
            }
            EventKind::TaskFinished { task, result } => {
                (keys.task, keys.result) = (text(task), text(result));
                "task.finished"
            }
            EventKind::TaskCounts { task, acquired, waited } => {
                keys.task = Some(Cow::Borrowed(task));
                (keys.acquired, keys.waited) = (Some(*acquired), Some(*waited));
                "task.counts"
            }
            EventKind::Value { name, value } => {
                (keys.name, keys.value) = (text(name), Some(value.clone()));
                "value"
            }
            EventKind::Fact(fact) => {
                (keys.id, keys.claim) = (text(&fact.id), text(&fact.claim));
                (keys.expected, keys.observed) = (Some(fact.expected.clone()), Some(fact.observed.clone()));
                keys.holds = Some(fact.holds);
                "fact"
            }
            EventKind::Finding(finding) => {
                (keys.id, keys.text) = (text(&finding.id), text(&finding.text));
                keys.tasks = Some(finding.tasks.clone());
                keys.over = finding.is_over.then_some(true);
                "finding"
            }
            EventKind::Action { action, by } => {
                (keys.action, keys.target, keys.by) = (Some(action.word()), Some(action.target()), text(by.word()));
                "action"
            }
            EventKind::ActionRefused { action, by, why } => {
                (keys.action, keys.target, keys.by) = (Some(action.word()), Some(action.target()), text(by.word()));
                keys.text = Some(Cow::Owned(why.to_string()));
                "action.refused"
            }
            EventKind::Gpio { line, level } => {
                keys.line = Some((*line).into());
                keys.value = Some(Value::from(level.value()));
                "gpio"
            }
            EventKind::Machine(sample) => {
                keys.percent = Some(sample.percent.clone());
                keys.memory_used = Some(sample.memory_used);
                keys.memory_total = Some(sample.memory_total);
                (keys.celsius, keys.mhz, keys.load) = (sample.celsius, sample.mhz, Some(sample.load));
                keys.throttled = sample.throttled;
                "cores"
            }
            EventKind::Notice { text } => {
                keys.text = Some(Cow::Borrowed(text));
                "notice"
            }
            EventKind::RunFinished { run, outcome, elapsed_s, processes_left } => {
                (keys.run, keys.outcome) = (Some(*run), Some(*outcome));
                (keys.elapsed_s, keys.processes_left) = (Some(*elapsed_s), Some(*processes_left));
                "run.finished"
            }
        });
        keys
    }
}
