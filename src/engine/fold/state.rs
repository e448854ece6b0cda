//! The state of a run as its events tell it: processes, lanes, output, facts, log. A pure fold, on the engine's thread (and wherever a
//! recording is read again): the same stages, events and switch records give the same state. No event names the stages; they are given by
//! `add_stage`. It never asks the kernel and never panics, whatever a body says.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::engine::fold::findings::Findings;
use crate::engine::fold::log::{Log, LostRecords};
use crate::engine::fold::outputs::Outputs;
use crate::engine::fold::published::Published;
use crate::engine::fold::results::Results;
use crate::engine::fold::results::judging::Judging;
use crate::engine::fold::sentences;
use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::traces::Traces;
use crate::engine::fold::tree::ProcessTable;
use crate::engine::fold::usage::ResourceUsage;
use crate::engine::fold::waits::Waits;
use crate::model::{
    Action, By, Event, ExitStatus, Fact, Finished, Language, Measured, Monotonic, Outcome, Pid, ProcessRef, ProcessRow,
    RunFinding, RunId, Signal, SourceView,
};

/// Bytes of output that are kept of each stream, if nobody says otherwise.
pub const DEFAULT_OUTPUT_BUDGET: usize = 4 * 1024 * 1024;
/// One run, folded from its events.
#[derive(Debug)]
pub struct RunFold {
    pub(crate) id: RunId,
    pub(crate) scenario: String,
    pub(crate) title: String,
    pub(crate) language: Language,
    pub(crate) params: BTreeMap<String, Value>,
    /// The script of a Python program of the user's.
    pub(crate) source: Option<Arc<SourceView>>,
    pub(crate) phase: Phase,
    /// Zero of its times, on the kernel's monotonic clock.
    pub(crate) began: Monotonic,
    pub(crate) processes: ProcessTable,
    pub(crate) lanes: Lanes,
    pub(crate) traces: Traces,
    pub(crate) outputs: Outputs,
    pub(crate) results: Results,
    /// Its judge, where the lesson has one.
    judging: Option<Judging>,
    /// Things that the program has made, in that order: `lock counter`.
    pub(crate) things: Vec<String>,
    /// Findings about the run as a whole that hold.
    pub(crate) findings: Vec<RunFinding>,
    pub(crate) usage: ResourceUsage,
    pub(crate) log: Log,
    pub(crate) events: u64,
    pub(crate) published: Published,
    pub(crate) stages: Vec<(Pid, Option<ExitStatus>)>,
    /// The outcome that ends it early, and who asked for that.
    pub(crate) ended_by: Option<(Outcome, By)>,
    /// Signals to the last stage, whose status counts, each with its sender; the last of each number.
    pub(crate) sent: Vec<(Signal, By)>,
    /// The first signal to another process of the run, the process and the sender; and whether other processes have got one.
    pub(crate) meddled: Option<(Signal, String, By)>,
    pub(crate) has_meddled_more: bool,
    /// Whether a person or a script has done anything to it.
    pub(crate) is_acted_on: bool,
    /// Waits without a sentence yet: most are over at once.
    pub(super) waits: Waits,
    /// Ends without a sentence yet: the parents may be about to wait on these processes.
    pub(crate) endings: Vec<(Pid, Monotonic)>,
    /// Processes that were called zombies in the log.
    pub(crate) zombies: HashSet<Pid>,
    /// Findings of the last look at the lanes.
    looked: Findings,
    pub(super) lost: LostRecords,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    Starting,
    Running,
    Finished(Finished),
}

impl RunFold {
    /// A run that has not begun. `scenario` is the id, or empty for the user's programs.
    pub fn new(id: RunId, title: &str, scenario: &str, output_budget: usize) -> Self {
        Self {
            id,
            scenario: scenario.to_owned(),
            title: title.to_owned(),
            language: Language::Program,
            params: BTreeMap::new(),
            source: None,
            phase: Phase::Starting,
            began: Monotonic::ZERO,
            processes: ProcessTable::default(),
            lanes: Lanes::default(),
            traces: Traces::default(),
            outputs: Outputs::new(output_budget),
            results: Results::default(),
            judging: None,
            things: Vec::new(),
            findings: Vec::new(),
            usage: ResourceUsage::default(),
            log: Log::default(),
            events: 0,
            published: Published::default(),
            stages: Vec::new(),
            ended_by: None,
            sent: Vec::new(),
            meddled: None,
            has_meddled_more: false,
            is_acted_on: false,
            waits: Waits::default(),
            endings: Vec::new(),
            zombies: HashSet::new(),
            looked: Findings::default(),
            lost: LostRecords::default(),
        }
    }

    /// Has a judge say what the run shows.
    #[must_use]
    pub(crate) fn judged(self, judging: Option<Judging>) -> Self {
        Self { judging, ..self }
    }

    /// What its judge has to say so far; nothing if it has none.
    pub(crate) fn claims(&self) -> Vec<Fact> {
        self.judging.as_ref().map_or_else(Vec::new, Judging::claims)
    }

    /// Whether its judge has missed events, so that it claims nothing.
    pub(crate) fn has_gaps(&self) -> bool {
        self.judging.as_ref().is_some_and(Judging::has_gaps)
    }

    pub(super) fn judge_sees(&mut self, event: &Event) {
        if let Some(judging) = &mut self.judging {
            judging.see(event);
        }
    }

    /// One of the processes that the run consists of was launched: the body, or the next stage. Their ends decide the outcome.
    pub fn add_stage(&mut self, pid: Pid) {
        self.stages.push((pid, None));
        if !self.scenario.is_empty() {
            self.lanes.expect_body(pid);
        }
    }

    /// The outcome that the run would have if it ended now.
    pub fn outcome(&self) -> Outcome {
        if let Phase::Finished(finished) = &self.phase {
            return finished.outcome;
        }
        if let Some((outcome, _)) = self.ended_by {
            return outcome;
        }
        // In a pipeline the last stage counts, as in a shell: those before it may end by SIGPIPE, and have done their work.
        let has_ended_well =
            self.stages.last().is_some_and(|(_, status)| status.is_some_and(ExitStatus::is_success)) && self.results.all_hold();
        // A lesson without a fact has shown nothing; unless somebody has taken away what it would have shown.
        let has_claimed = self.scenario.is_empty() || !self.facts().is_empty() || self.is_acted_on;
        if has_ended_well && has_claimed { Outcome::Passed } else { Outcome::Failed }
    }

    /// Its end, once `run.finished` has come.
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

    /// The process that is meant; a name is that of a task, else of a process, else of a lane.
    pub fn find(&self, target: &ProcessRef) -> Option<Pid> {
        match target {
            ProcessRef::Pid(pid) => self.processes.row(*pid).map(|row| row.pid),
            ProcessRef::Name(name) => {
                let process = || self.processes.find_name(name).map(|row| row.pid);
                self.lanes.home(name).or_else(process).or_else(|| self.lanes.home_of_thread(name))
            }
        }
    }

    /// Whether the thing or task that an action is for is there; true for other actions.
    pub(crate) fn has_target(&self, action: &Action) -> bool {
        let has_thing = |target: &str| {
            self.things
                .iter()
                .any(|thing| target.strip_prefix(thing.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
        };
        action.thing().is_none_or(has_thing)
            && action.task().is_none_or(|task| self.lanes.home_of_thread(task).is_some() || self.lanes.home(task).is_some())
    }

    /// The facts so far.
    pub fn facts(&self) -> &[Fact] {
        self.results.facts()
    }

    /// The log: sentences about its events.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished(_))
    }

    pub(crate) fn who(&self, pid: Pid) -> String {
        sentences::process(pid, self.processes.row(pid))
    }

    /// Findings about the run as a whole that are new or over at `now`, to be told as events.
    pub(crate) fn look(&mut self, now: Monotonic) -> Vec<RunFinding> {
        if self.is_finished() { Vec::new() } else { self.looked.look(&self.lanes, now) }
    }

    /// Its outcome, time and cost, once it is over.
    pub(crate) fn measured(&self) -> Option<Measured> {
        let Finished { outcome, elapsed_s, .. } = self.finished()?;
        Some(Measured {
            outcome: *outcome,
            elapsed_s: *elapsed_s,
            cost: self.usage.cost(),
            facts_held: self.facts().iter().filter(|fact| fact.holds).count(),
            facts: self.facts().len(),
            values: self.results.values().clone(),
        })
    }
}
