//! The step of the fold: one event changes a run's state, and may add a sentence to its log. Pure; on the engine's thread.

use std::time::Duration;

use crate::engine::fold::numbers;
use crate::engine::fold::results::{self, ValueChange};
use crate::engine::fold::sentences::{self, Reached};
use crate::engine::fold::state::{Phase, RunFold};
use crate::engine::fold::timeline::lanes::{Change, Told};
use crate::engine::fold::tree::StartedProcess;
use crate::model::{
    Action, By, Event, EventKind, Fact, Finished, Mark, MarkKind, Monotonic, Outcome, Pid, ProcessRef, RunFinding, Scope,
    Severity, Stream, TaskSort,
};

/// Things of one run that can be acted on from the window.
const MOST_THINGS: usize = 100;
/// Findings that hold at the same time and are kept.
const MOST_FINDINGS: usize = 1_000;

impl RunFold {
    /// Takes in one event. Events that come after `run.finished` are counted and change nothing.
    pub fn apply(&mut self, event: &Event) {
        self.events += 1;
        if self.is_finished() {
            return;
        }
        let t = event.t;
        self.judge_sees(event);
        self.log_due(t);
        match &event.kind {
            EventKind::TaskChanged { task, state, on, held_by, woken_by, line, at_most } => {
                let home = self.stages.first().map_or(Pid::new(0), |stage| stage.0);
                let (on, held_by, woken_by) = (on.as_deref(), held_by.as_deref(), woken_by.as_deref());
                let until = at_most.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).map(|left| t + left);
                let told = Told { state: *state, on, held_by, woken_by, line: *line, until };
                let change = self.lanes.task_changed(t, task, told, home);
                if let Some(change) = change.and_then(|change| self.waits.changed(t, task, change)) {
                    self.task_changed(t, task, &change);
                }
            }
            EventKind::TaskStarted { task, sort, pid, tid, line } => {
                let was = self.lanes.task_started(t, task, *sort, *pid, *tid, *line);
                if *sort == TaskSort::Process || was.is_some() {
                    self.take_name(*pid);
                }
                if let Some(tid) = tid {
                    self.usage.thread(*pid, *tid);
                }
                if let Some(was) = &was {
                    self.waits.renamed(was, task);
                }
                self.chatter(t, || {
                    let started = || sentences::task_started(task, *sort, *pid, *tid);
                    (Severity::Info, was.as_ref().map_or_else(started, |was| sentences::task_renamed(was, task)))
                });
            }
            EventKind::TaskFinished { task, result } => {
                self.waits.over(task);
                if self.lanes.task_finished(t, task, result) {
                    let (severity, text) = sentences::task_finished(task, result);
                    self.log.push(t, severity, &text);
                }
            }
            EventKind::TaskCounts { task, acquired, waited } => {
                self.chatter(t, || (Severity::Info, sentences::task_counts(task, *acquired, *waited)));
            }
            EventKind::Thing { on, .. } => self.thing(on),
            EventKind::Operation { task, action, on, result, .. } => {
                self.chatter(t, || (Severity::Info, sentences::operation(task, action, on.as_deref(), result.as_ref())));
            }
            EventKind::TaskCpu(cpu) => self.lanes.cpu_told(t, cpu),
            EventKind::Value { name, value } => {
                let change = self.results.value(t, name, value);
                self.log_full(t);
                if change == ValueChange::Reported {
                    self.chatter(t, || (Severity::Info, numbers::line(name, value)));
                }
            }
            EventKind::Gpio { line, level } => {
                self.traces.edge(t, *line, *level);
                self.chatter(t, || (Severity::Info, sentences::gpio(*line, *level)));
            }
            EventKind::Notice { text } => {
                if self.log.has_time_for_notice(t) {
                    self.log.push(t, Severity::Bad, text);
                }
            }
            EventKind::Output { pid, stream, bytes } => {
                let name = self.processes.row(*pid).map_or("", |row| row.name.as_str());
                self.outputs.push(*pid, *stream, bytes, name);
            }
            EventKind::OutputClosed { pid, stream } => {
                let name = self.processes.row(*pid).map_or("", |row| row.name.as_str());
                let omitted = self.outputs.closed(*pid, *stream, name);
                self.output_dropped(t, *pid, *stream, omitted);
            }
            EventKind::OutputDropped { pid, stream, bytes } => {
                let name = self.processes.row(*pid).map_or("", |row| row.name.as_str());
                let to_report = self.outputs.dropped(t, *pid, *stream, *bytes, name);
                self.output_dropped(t, *pid, *stream, to_report);
            }
            EventKind::Fact(fact) => self.fact(t, fact),
            EventKind::Finding(finding) => self.found(t, finding),
            EventKind::Action { action, by } => self.action(t, action, *by),
            EventKind::Watched { line } => self.log.push(t, Severity::Info, &sentences::watched(*line)),
            EventKind::ActionRefused { action, why, .. } => self.log.push(t, Severity::Bad, &action.could_not(why)),
            // The engine shows the machine apart. A run keeps only how busy it was: that says how far the run's times can be trusted.
            EventKind::Machine(sample) => self.usage.machine(sample),
            EventKind::RunStarted { run, scenario, language, params } => {
                self.id = *run;
                self.scenario.clone_from(scenario);
                self.language = *language;
                self.params.clone_from(params);
                if self.phase == Phase::Starting {
                    self.phase = Phase::Running;
                }
                self.log.push(t, Severity::Info, &sentences::run_started(&self.title, *language));
            }
            EventKind::RunFinished { outcome, elapsed_s, processes_left, .. } => {
                let (elapsed_s, processes_left, reason) = (*elapsed_s, *processes_left, self.reason(*outcome));
                self.finish(t, Finished { outcome: *outcome, elapsed_s, processes_left, reason });
            }
            EventKind::ProcessStarted { pid, ppid, pgid, sid, name, argv } => {
                self.started(t, StartedProcess { pid: *pid, ppid: *ppid, pgid: *pgid, sid: *sid, name, argv });
            }
            EventKind::ProcessState { pid, state } => self.process_state(t, *pid, *state),
            EventKind::ProcessOrphaned { pid, ppid } => self.orphaned(t, *pid, *ppid),
            EventKind::ProcessExited { pid, status } => self.ended(t, *pid, Some(*status)),
            EventKind::ProcessReaped { pid } => self.reaped(t, *pid),
            EventKind::ProcessUsed { usage, .. } => self.usage.used(usage),
            EventKind::Waited { action, done, pending } => {
                let done: Vec<_> = done.iter().map(|one| (self.who(one.pid), one.status)).collect();
                let pending: Vec<_> = pending.iter().map(|pid| self.who(*pid)).collect();
                self.log.push(t, Severity::Info, &sentences::waited(*action, &done, &pending));
            }
            EventKind::PipeFilled { pid, to, fill } => {
                self.published.touch_processes();
                self.processes.piped(*pid, *to, *fill);
            }
            EventKind::ProcessSampled(sample) => self.sampled(t, sample),
        }
    }

    fn thing(&mut self, on: &str) {
        if self.things.len() < MOST_THINGS && !self.things.iter().any(|known| known == on) {
            self.published.touch_rest();
            self.things.push(on.to_owned());
        }
    }

    fn chatter(&mut self, t: Monotonic, sentence: impl FnOnce() -> (Severity, String)) {
        if self.log.has_time_for_chatter(t) {
            let (severity, text) = sentence();
            self.log.push(t, severity, &text);
        }
    }

    fn output_dropped(&mut self, t: Monotonic, pid: Pid, stream: Stream, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            let who = self.who(pid);
            self.chatter(t, || (Severity::Bad, sentences::output_dropped(&who, stream, bytes)));
        }
    }

    fn task_changed(&mut self, t: Monotonic, task: &str, change: &Change) {
        if sentences::is_logged(change)
            && self.log.has_time_for_chatter(t)
            && let Some(text) = sentences::task_changed(task, change)
        {
            self.log.push(t, Severity::Info, &text);
        }
    }

    fn fact(&mut self, t: Monotonic, fact: &Fact) {
        self.published.touch_rest();
        let is_new = self.results.fact(fact);
        self.log_full(t);
        // A fact that is checked again and again is told no more often than other changes.
        if is_new || self.log.has_time_for_chatter(t) {
            let (severity, text) = sentences::fact(fact);
            self.log.push(t, severity, &text);
        }
    }

    /// Says once that not all values and facts are kept.
    fn log_full(&mut self, t: Monotonic) {
        if self.results.has_become_full() {
            self.log.push(t, Severity::Bad, &results::full());
        }
    }

    fn found(&mut self, t: Monotonic, finding: &RunFinding) {
        self.published.touch_rest();
        self.findings.retain(|known| known.id != finding.id || known.tasks != finding.tasks);
        let severity = if finding.is_over { Severity::Info } else { Severity::Bad };
        self.log.push(t, severity, &finding.text);
        if !finding.is_over && self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding.clone());
        }
    }

    fn action(&mut self, t: Monotonic, action: &Action, by: By) {
        self.is_acted_on |= matches!(by, By::You | By::Script);
        if *action == Action::End {
            let outcome = if by == By::Timeout { Outcome::TimedOut } else { Outcome::Stopped };
            self.ended_by.get_or_insert((outcome, by));
        }
        let pid = action.process().and_then(|process| self.find(process));
        self.remember_signal(t, action, pid, by);
        let row = pid.and_then(|pid| self.processes.row(pid));
        let part = if let Some(ProcessRef::Name(name)) = action.process() { self.lanes.part(name) } else { None };
        let (severity, text) = sentences::action(t, action, Reached { row, part }, by);
        self.log.push(t, severity, &text);
        self.mark_action(t, action, pid);
    }

    /// Marks the lanes that an action reaches: a signal its processes, text and buttons the process that gets them.
    fn mark_action(&mut self, t: Monotonic, action: &Action, target: Option<Pid>) {
        let body = self.stages.first().map(|stage| stage.0);
        let (kind, text, reached) = match action {
            Action::Send(sent, _, scope) => {
                let reached = target.map(|target| self.reached(target, *scope)).unwrap_or_default();
                (MarkKind::Signal, sent.signal().to_string(), reached)
            }
            Action::Type(_, text) => (MarkKind::Typed, text.clone(), target.into_iter().collect()),
            Action::Press(line) => (MarkKind::Press, line.to_string(), body.into_iter().collect()),
            Action::Own { name, target } => {
                let text = format!("{name} {target}");
                let reached = self.lanes.home(target).or(body);
                (MarkKind::Press, text.trim_end().to_owned(), reached.into_iter().collect())
            }
            _ => return,
        };
        let task = if let Action::Own { target, .. } = action { target } else { "" };
        for pid in reached {
            self.lanes.mark(pid, task, Mark { t, kind, text: text.as_str().into(), from: None });
        }
    }

    /// The living processes that a signal reaches.
    fn reached(&self, target: Pid, scope: Scope) -> Vec<Pid> {
        let living = || self.processes.preorder().into_iter().filter(|row| row.ended.is_none());
        match scope {
            Scope::Process => vec![target],
            Scope::Group => {
                let group = self.processes.row(target).map(|row| row.pgid);
                living().filter(|row| Some(row.pgid) == group).map(|row| row.pid).collect()
            }
            Scope::Tree => {
                let mut reached = vec![target];
                for row in living() {
                    // Parents stand before their children.
                    if reached.contains(&row.ppid) {
                        reached.push(row.pid);
                    }
                }
                reached
            }
        }
    }

    fn finish(&mut self, t: Monotonic, finished: Finished) {
        self.log_due(t);
        self.log_endings(Monotonic::from_nanos(u64::MAX));
        self.log_lost(t, true);
        self.log.tell_omitted(t);
        self.lanes.close(t);
        self.findings.clear();
        let (severity, text) = sentences::run_finished(&finished);
        self.log.push(t, severity, &text);
        self.phase = Phase::Finished(finished);
        self.published.touch_rest();
    }

    /// Adds the sentences that have waited and are due by `now`.
    pub(crate) fn log_due(&mut self, now: Monotonic) {
        if self.lanes.take_dropped() {
            self.log.push(now, Severity::Bad, "There are too many lanes: the oldest ones that have ended are no longer shown.");
        }
        for (t, task, change) in self.waits.grown(now) {
            self.task_changed(t, &task, &change);
        }
        if !self.endings.is_empty() {
            self.log_endings(now);
        }
    }
}
