//! A run as its events tell it: processes, lanes, output, facts, log. A pure fold, on the engine's thread (and wherever a
//! recording is read again): the same events give the same state. It never asks the kernel and never panics, whatever a body says.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use crate::engine::fold::findings::Findings;
use crate::engine::fold::lanes::{Change, Lanes};
use crate::engine::fold::log::Log;
use crate::engine::fold::numbers;
use crate::engine::fold::outputs::Outputs;
use crate::engine::fold::sentences::{self, Reached};
use crate::engine::fold::texts::{self, MOST_KEPT};
use crate::engine::fold::traces::Traces;
use crate::engine::fold::tree::{ProcessTable, Told};
use crate::engine::fold::usage::ResourceUsage;
use crate::engine::fold::view::Published;
use crate::engine::fold::waits::Waits;
use crate::model::{
    Action, By, Event, EventKind, ExitStatus, Fact, Finished, Language, Measured, Monotonic, Outcome, Pid, ProcessRef,
    ProcessRow, RunFinding, RunId, Severity, Signal, Stream,
};

/// Bytes of output that are kept of each stream, if nobody says otherwise.
pub const DEFAULT_OUTPUT_BUDGET: usize = 4 * 1024 * 1024;
/// A value's changes within this time are one sentence.
const VALUE_PAUSE: Duration = Duration::from_secs(5);
/// Facts and values by different names that are kept.
const MAX_NAMES: usize = 1_000;

/// In the place of what a value or fact has become where there is no room for it.
const NOT_KEPT: &str = "… (too long to keep)";

/// One run, folded from its events.
#[derive(Debug)]
pub struct RunFold {
    pub(crate) id: RunId,
    pub(crate) scenario: String,
    pub(crate) title: String,
    pub(crate) language: Language,
    pub(crate) params: BTreeMap<String, Value>,
    pub(crate) phase: Phase,
    pub(crate) processes: ProcessTable,
    pub(crate) lanes: Lanes,
    pub(crate) traces: Traces,
    pub(crate) outputs: Outputs,
    pub(crate) facts: Vec<Fact>,
    pub(crate) values: BTreeMap<String, Value>,
    /// What was told of the run as a whole, and holds.
    pub(crate) findings: Vec<RunFinding>,
    pub(crate) usage: ResourceUsage,
    pub(crate) log: Log,
    pub(crate) events: u64,
    pub(crate) published: Published,
    /// When a value was last told.
    told_values: HashMap<String, Monotonic>,
    /// Bytes of the values and of the facts that are kept.
    value_bytes: usize,
    fact_bytes: usize,
    /// Whether it was told that some are not.
    is_full: bool,
    /// Whether a fact that is not kept did not hold.
    has_failed_unkept: bool,
    pub(crate) stages: Vec<(Pid, Option<ExitStatus>)>,
    /// Why it was told to end, and by whom, if it was.
    pub(crate) cut_short: Option<(Outcome, By)>,
    /// Signals that were sent to the process that counts, and by whom; the last of each number.
    pub(crate) sent: Vec<(Signal, By)>,
    /// The first signal to another process of the run, to whom and from whom; and whether others have got one.
    pub(crate) meddled: Option<(Signal, String, By)>,
    pub(crate) has_meddled_more: bool,
    /// Waits that are not told yet: most are over at once.
    waits: Waits,
    /// Processes whose end is not told yet: their parents may be about to wait on them.
    pub(crate) endings: Vec<(Pid, Monotonic)>,
    /// Processes that were called zombies in the log.
    pub(crate) zombies: HashSet<Pid>,
    /// What the last look at the lanes found.
    looked: Findings,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    Starting,
    Running,
    /// SIGKILL follows at that time of the run.
    Stopping(Monotonic),
    Finished(Finished),
}

impl RunFold {
    /// A run that has not begun. `scenario` is the id, or empty for programs of the user's.
    pub fn new(id: RunId, title: &str, scenario: &str, output_budget: usize) -> Self {
        Self {
            id,
            scenario: scenario.to_owned(),
            title: title.to_owned(),
            language: Language::Program,
            params: BTreeMap::new(),
            phase: Phase::Starting,
            processes: ProcessTable::default(),
            lanes: Lanes::default(),
            traces: Traces::default(),
            outputs: Outputs::new(output_budget),
            facts: Vec::new(),
            values: BTreeMap::new(),
            findings: Vec::new(),
            usage: ResourceUsage::default(),
            log: Log::default(),
            events: 0,
            published: Published::default(),
            told_values: HashMap::new(),
            value_bytes: 0,
            fact_bytes: 0,
            is_full: false,
            has_failed_unkept: false,
            stages: Vec::new(),
            cut_short: None,
            sent: Vec::new(),
            meddled: None,
            has_meddled_more: false,
            waits: Waits::default(),
            endings: Vec::new(),
            zombies: HashSet::new(),
            looked: Findings::default(),
        }
    }

    /// One of the processes that the run consists of was launched: the body, or the next stage. Their ends decide the outcome.
    pub fn add_stage(&mut self, pid: Pid) {
        self.stages.push((pid, None));
    }

    /// The run was asked to end; SIGKILL follows at `until`, a time of the run.
    pub fn stopping(&mut self, until: Monotonic) {
        if !self.is_finished() {
            self.phase = Phase::Stopping(until);
            self.published.touch_rest();
        }
    }

    /// Takes in one event. Events that come after `run.finished` are counted and change nothing.
    pub fn apply(&mut self, event: &Event) {
        self.events += 1;
        if self.is_finished() {
            return;
        }
        let t = event.t;
        self.tell_due(t);
        match &event.kind {
            EventKind::TaskChanged { task, state, on, held_by, line } => {
                let home = self.stages.first().map_or(Pid::new(0), |stage| stage.0);
                let change = self.lanes.task_changed(t, task, *state, on.as_deref(), held_by.as_deref(), *line, home);
                if let Some(change) = change.and_then(|change| self.waits.changed(t, task, change)) {
                    self.task_changed(t, task, &change);
                }
            }
            EventKind::TaskStarted { task, sort, pid, tid, line } => {
                self.lanes.task_started(t, task, *sort, *pid, *tid, *line);
                if let Some(tid) = tid {
                    self.usage.thread(*pid, *tid);
                }
                self.chatter(t, || (Severity::Info, sentences::task_started(task, *sort, *pid, *tid)));
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
            EventKind::Value { name, value } => {
                if self.value(t, name, value) && self.is_time_to_tell(t, name) {
                    self.chatter(t, || (Severity::Info, numbers::sentence(name, value)));
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
                let untold = self.outputs.closed(*pid, *stream, name);
                self.output_dropped(t, *pid, *stream, untold);
            }
            EventKind::OutputDropped { pid, stream, bytes } => {
                let name = self.processes.row(*pid).map_or("", |row| row.name.as_str());
                let to_tell = self.outputs.dropped(t, *pid, *stream, *bytes, name);
                self.output_dropped(t, *pid, *stream, to_tell);
            }
            EventKind::Fact(fact) => self.fact(t, fact),
            EventKind::Finding(finding) => self.found(t, finding),
            EventKind::Action { action, by } => self.action(t, action, *by),
            EventKind::Watched { line } => self.log.push(t, Severity::Info, &sentences::watched(*line)),
            EventKind::ActionRefused { action, why, .. } => self.log.push(t, Severity::Bad, &action.could_not(why)),
            // The machine is no part of a run; the engine shows it apart. How busy it was says how far the run's times can be trusted.
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
                self.started(t, Told { pid: *pid, ppid: *ppid, pgid: *pgid, sid: *sid, name, argv });
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

    /// How the run has gone so far: what `run.finished` should say if it ended now.
    pub fn outcome(&self) -> Outcome {
        if let Phase::Finished(finished) = &self.phase {
            return finished.outcome;
        }
        if let Some((outcome, _)) = self.cut_short {
            return outcome;
        }
        // Of a pipeline the last stage counts, as in a shell: those before it may end by SIGPIPE, and have done what was wanted.
        let has_ended_well = self.stages.last().is_some_and(|(_, status)| status.is_some_and(ExitStatus::is_success))
            && self.facts.iter().all(|fact| fact.holds)
            && !self.has_failed_unkept;
        // A lesson that claimed nothing has shown nothing.
        let has_claimed = self.scenario.is_empty() || !self.facts.is_empty();
        if has_ended_well && has_claimed { Outcome::Passed } else { Outcome::Failed }
    }

    /// How it ended, once `run.finished` has come.
    pub const fn finished(&self) -> Option<&Finished> {
        match &self.phase {
            Phase::Finished(finished) => Some(finished),
            _ => None,
        }
    }

    /// The processes that the run consists of, in order, with their statuses as far as they have ended.
    pub fn stages(&self) -> &[(Pid, Option<ExitStatus>)] {
        &self.stages
    }

    /// The newest process of that number.
    pub fn process(&self, pid: Pid) -> Option<&ProcessRow> {
        self.processes.row(pid)
    }

    /// The process that is meant.
    pub fn find(&self, target: &ProcessRef) -> Option<Pid> {
        match target {
            ProcessRef::Pid(pid) => self.processes.row(*pid).map(|row| row.pid),
            ProcessRef::Name(name) => self.lanes.home(name).or_else(|| self.processes.find_name(name).map(|row| row.pid)),
        }
    }

    /// The facts so far.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// What happened, in sentences.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished(_))
    }

    pub(crate) fn who(&self, pid: Pid) -> String {
        sentences::process(pid, self.processes.row(pid))
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
        if sentences::is_told(change)
            && self.log.has_time_for_chatter(t)
            && let Some(text) = sentences::task_changed(task, change)
        {
            self.log.push(t, Severity::Info, &text);
        }
    }

    /// Whether it is another value than before.
    fn value(&mut self, t: Monotonic, name: &str, value: &Value) -> bool {
        let (count, length) = (self.values.len(), texts::length(value));
        if let Some(known) = self.values.get_mut(name) {
            if known == value {
                return false;
            }
            self.value_bytes = self.value_bytes.saturating_sub(texts::length(known));
            if self.value_bytes + length <= MOST_KEPT {
                known.clone_from(value);
            } else {
                // What it was is no longer so.
                *known = NOT_KEPT.into();
                self.tell_full(t);
            }
            self.value_bytes += self.values.get(name).map_or(0, texts::length);
        } else if count < MAX_NAMES && self.value_bytes + name.len() + length <= MOST_KEPT {
            self.value_bytes += name.len() + length;
            self.values.insert(name.to_owned(), value.clone());
        } else {
            self.tell_full(t);
        }
        true
    }

    /// Says once that not all is kept.
    fn tell_full(&mut self, t: Monotonic) {
        if !std::mem::replace(&mut self.is_full, true) {
            let kib = MOST_KEPT / 1024;
            let text = format!("Not all values and facts are shown: of each, a run keeps {MAX_NAMES} and {kib} KiB of text.");
            self.log.push(t, Severity::Bad, &text);
        }
    }

    /// A value that changes all the time is told now and then; where it stands now is shown beside the facts.
    fn is_time_to_tell(&mut self, t: Monotonic, name: &str) -> bool {
        if self.told_values.get(name).is_some_and(|told| t.since(*told) < VALUE_PAUSE) {
            return false;
        }
        if self.values.contains_key(name) {
            self.told_values.insert(name.to_owned(), t);
        }
        true
    }

    fn fact(&mut self, t: Monotonic, fact: &Fact) {
        self.published.touch_rest();
        let size = |fact: &Fact| fact.id.len() + fact.claim.len() + texts::length(&fact.expected) + texts::length(&fact.observed);
        let known = self.facts.iter().position(|known| known.id == fact.id);
        self.fact_bytes -= known.map_or(0, |index| size(&self.facts[index]));
        let fits = self.fact_bytes + size(fact) <= MOST_KEPT;
        match known {
            Some(index) if fits => self.facts[index].clone_from(fact),
            Some(index) => {
                let known = &mut self.facts[index];
                known.holds = fact.holds;
                (known.expected, known.observed) = (NOT_KEPT.into(), NOT_KEPT.into());
                self.tell_full(t);
            }
            None if fits && self.facts.len() < MAX_NAMES => self.facts.push(fact.clone()),
            None => {
                self.has_failed_unkept |= !fact.holds;
                self.tell_full(t);
            }
        }
        let kept = self.facts.iter().find(|kept| kept.id == fact.id);
        self.fact_bytes += kept.map_or(0, size);
        // One that is checked again and again is told as often as other changes.
        if known.is_none() || self.log.has_time_for_chatter(t) {
            let (severity, text) = sentences::fact(fact);
            self.log.push(t, severity, &text);
        }
    }

    fn found(&mut self, t: Monotonic, finding: &RunFinding) {
        self.published.touch_rest();
        self.findings.retain(|known| known.id != finding.id || known.tasks != finding.tasks);
        let severity = if finding.is_over { Severity::Info } else { Severity::Bad };
        self.log.push(t, severity, &finding.text);
        if !finding.is_over && self.findings.len() < MAX_NAMES {
            self.findings.push(finding.clone());
        }
    }

    /// What is new about the run as a whole at `now`: to be told as events.
    pub(crate) fn look(&mut self, now: Monotonic) -> Vec<RunFinding> {
        if self.is_finished() { Vec::new() } else { self.looked.look(&self.lanes, now) }
    }

    /// What it took, once it is over.
    pub(crate) fn measured(&self) -> Option<Measured> {
        let Finished { outcome, elapsed_s, .. } = self.finished()?;
        Some(Measured {
            outcome: *outcome,
            elapsed_s: *elapsed_s,
            cost: self.usage.cost(),
            facts_held: self.facts.iter().filter(|fact| fact.holds).count(),
            facts: self.facts.len(),
            values: self.values.clone(),
        })
    }

    fn action(&mut self, t: Monotonic, action: &Action, by: By) {
        if *action == Action::End {
            let outcome = if by == By::Timeout { Outcome::TimedOut } else { Outcome::Stopped };
            self.cut_short.get_or_insert((outcome, by));
        }
        let pid = action.process().and_then(|process| self.find(process));
        self.remember_signal(t, action, pid, by);
        let row = pid.and_then(|pid| self.processes.row(pid));
        let part = if let Some(ProcessRef::Name(name)) = action.process() { self.lanes.part(name) } else { None };
        let (severity, text) = sentences::action(t, action, Reached { row, part }, by);
        self.log.push(t, severity, &text);
    }

    fn finish(&mut self, t: Monotonic, finished: Finished) {
        self.tell_due(t);
        self.tell_endings(Monotonic::from_nanos(u64::MAX));
        self.lanes.close(t);
        self.findings.clear();
        let (severity, text) = sentences::run_finished(&finished);
        self.log.push(t, severity, &text);
        self.phase = Phase::Finished(finished);
        self.published.touch_rest();
    }

    /// Tells what has waited for its sentence and has become news by `now`.
    pub(crate) fn tell_due(&mut self, now: Monotonic) {
        self.log.tell_untold_by(now);
        for (t, task, change) in self.waits.grown(now) {
            self.task_changed(t, &task, &change);
        }
        if !self.endings.is_empty() {
            self.tell_endings(now);
        }
    }
}
