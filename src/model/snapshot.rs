//! The data that the views draw: plain, made by the engine at most 30 times a second, shared as `Arc`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{
    BoardView, Comparison, CoreLane, ExitStatus, Fact, Lane, Language, Level, Line, MachineSample, Monotonic, Outcome, Pgid, Pid,
    PipeFill, ProcessState, Reason, RunCost, RunFinding, RunId, Sid, Stream, ThreadSample,
};

/// Everything that the window shows at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Counts snapshots; a view may keep what it derived from the same number.
    pub sequence: u64,
    /// The machine.
    pub system: SystemView,
    /// The runs of this session, oldest first; the newest is last.
    pub runs: Vec<Arc<RunView>>,
    /// The GPIO header.
    pub board: Arc<BoardView>,
    /// The newest notices that belong to no run: for a toast. Each has its own number, ever growing.
    pub notices: Vec<(u64, Arc<str>)>,
    /// The newest comparison of a scenario under two or more settings, going on or over.
    pub comparison: Option<Arc<Comparison>>,
    /// Why nothing can be launched now; `None` while the supervisor answers.
    pub trouble: Option<String>,
}

/// The machine, now and before.
#[derive(Debug, Clone, Default)]
pub struct SystemView {
    /// The load of its cores, oldest first: at most 4,096 samples. They come once a second, and four times while a run goes on; the newest
    /// 2,048 are as they were measured, of the older ones two have become one, again and again.
    pub load: Arc<[LoadSample]>,
    /// The newest sample.
    pub latest: MachineSample,
    /// CPU that this program and its supervisor use, in percent of one core.
    pub own_cpu: f32,
    /// Why there are no switch records of the kernel, and what would change it; `None` while there are, and as long as nobody has asked.
    pub scheduler: Option<Arc<str>>,
}

impl SystemView {
    /// How many cores its plots have, as the newest known load says.
    pub fn core_count(&self) -> usize {
        self.load.last().map_or(0, |sample| sample.percent.len())
    }
}

/// How busy the cores were from one reading of /proc/stat to the next. Where no sample is, the load is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadSample {
    /// The first reading, on the kernel's monotonic clock.
    pub from: Monotonic,
    /// The second one.
    pub to: Monotonic,
    /// The load of each core between them, in percent, 0 to 100.
    pub percent: Arc<[f32]>,
}

/// The script of a program, as it was when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceView {
    /// Its path.
    pub file: String,
    /// Its text.
    pub text: Arc<str>,
}

/// One run of a scenario or of the user's programs.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its number.
    pub id: RunId,
    /// Scenario id; empty for programs of the user's.
    pub scenario: String,
    /// The heading.
    pub title: String,
    /// The body that runs.
    pub language: Language,
    /// The parameters that it started with.
    pub params: BTreeMap<String, Value>,
    /// The script of a Python program of the user's.
    pub source: Option<Arc<SourceView>>,
    /// Its state.
    pub state: RunState,
    /// Its start, on the kernel's monotonic clock: zero for all its times.
    pub began: Monotonic,
    /// Time since its start; stands still once it has finished.
    pub elapsed: Monotonic,
    /// Its processes, parents before children (pre-order).
    pub processes: Vec<ProcessRow>,
    /// Its lanes: `main` first, then by families of names.
    pub lanes: Vec<Arc<Lane>>,
    /// The cores that its threads were on, by number; empty where the kernel does not tell.
    pub cores: Vec<CoreLane>,
    /// Its GPIO lines, by number: those that have changed their level.
    pub lines: Vec<LineTrace>,
    /// Its output, one for each stream that exists.
    pub outputs: Vec<OutputView>,
    /// Facts so far.
    pub facts: Vec<Fact>,
    /// What the judge of the lesson would say if the run ended now; empty once it has, as its facts are told then.
    pub so_far: Vec<Fact>,
    /// Values that the lesson shows, by name.
    pub values: BTreeMap<String, Value>,
    /// Things that its program has made and that a person can act on, in that order: `lock counter`.
    pub things: Vec<String>,
    /// Findings about it as a whole that hold now, such as a deadlock.
    pub findings: Vec<RunFinding>,
    /// The resources that it has used.
    pub cost: RunCost,
    /// Its log, in sentences, newest last.
    pub log: Arc<[LogEntry]>,
    /// Events in its recording.
    pub events: u64,
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState {
    /// Asked for, not yet begun.
    Starting,
    /// Runs.
    Running,
    /// Was asked to end; SIGKILL follows in this many seconds.
    Stopping {
        /// Seconds of grace that are left.
        grace_left: f64,
    },
    /// Is over.
    Finished(Finished),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Passed, failed, stopped, timed out.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed_s: f64,
    /// Its processes that were still there, counted from /proc.
    pub processes_left: u32,
    /// Why, unless it passed.
    pub reason: Option<Reason>,
}

/// One process of a run.
#[derive(Debug, Clone)]
pub struct ProcessRow {
    /// Its PID.
    pub pid: Pid,
    /// Its parent now.
    pub ppid: Pid,
    /// Its group.
    pub pgid: Pgid,
    /// Its session.
    pub sid: Sid,
    /// Levels below the run's first processes.
    pub depth: u16,
    /// Its name.
    pub name: String,
    /// Its whole command line, quoted for a shell; shared, since it can be a megabyte.
    pub command: Arc<str>,
    /// Its state, last seen.
    pub state: ProcessState,
    /// How it ended, once it has.
    pub status: Option<ExitStatus>,
    /// When its parent waited on it: from then on the row is history.
    pub reaped: Option<Monotonic>,
    /// Whether its parent died before it.
    pub is_orphan: bool,
    /// CPU in percent of one core.
    pub cpu: f32,
    /// Resident memory in bytes.
    pub rss: u64,
    /// The core that it last ran on.
    pub core: u16,
    /// Its threads, the first one included; empty when only one is there and nothing more is known.
    pub threads: Vec<ThreadSample>,
    /// The pipe from its standard output to another process's standard input, while both are there.
    pub pipe: Option<PipeTo>,
    /// When it started.
    pub started: Monotonic,
    /// When it ended.
    pub ended: Option<Monotonic>,
}

/// The pipe that a process's standard output goes to, and how full it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipeTo {
    /// Its reader.
    pub to: Pid,
    /// How full it is, when it was last seen: full means that the writer blocks.
    pub fill: PipeFill,
}

impl ProcessRow {
    /// Whether its parent has waited on it.
    pub const fn is_reaped(&self) -> bool {
        self.reaped.is_some()
    }
}

/// A GPIO line's past in a run.
#[derive(Debug, Clone)]
pub struct LineTrace {
    /// Which.
    pub line: Line,
    /// How often it has changed its level.
    pub edges: u64,
    /// Its levels, oldest first: each lasts until the next one begins, the last one still.
    pub past: Arc<[LevelSpan]>,
}

/// A time in which a line's level stayed the same; or, long ago, one in which it changed often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelSpan {
    /// From.
    pub from: Monotonic,
    /// The level; `None` where it changed too often to keep each change.
    pub level: Option<Level>,
}

/// One stream of one process.
#[derive(Debug, Clone)]
pub struct OutputView {
    /// The process.
    pub pid: Pid,
    /// Its name.
    pub name: String,
    /// The stream.
    pub stream: Stream,
    /// The newest text, at most 64 KiB, decoded lossily and with control characters made visible.
    pub tail: Arc<str>,
    /// Bytes kept.
    pub kept: u64,
    /// Bytes dropped.
    pub dropped: u64,
    /// Whether all writers have closed it.
    pub is_closed: bool,
}

/// A sentence of the event log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// When.
    pub t: Monotonic,
    /// A sentence.
    pub text: Arc<str>,
    /// Its severity.
    pub severity: Severity,
}

/// The severity of a log entry, by which it is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something happened.
    Info,
    /// The user did something.
    User,
    /// A fact held.
    Good,
    /// Something is wrong.
    Bad,
}
