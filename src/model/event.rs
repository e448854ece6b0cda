//! Events: timestamped facts. The live view, `--json`, recordings and every export read the same list of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, By, ExitStatus, Level, Line, Monotonic, Pgid, Pid, ProcessState, Refusal, RunId, Sid, TaskCpu, Tid, Usage};

/// One fact and when it happened. Its form on a line is in [`event_line`](super::Event::to_line).
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Nanoseconds since the run began.
    pub t: Monotonic,
    /// The fact.
    pub kind: EventKind,
}

/// The kinds of facts. The field names are those of the event lines, which are a contract.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are the event line's own keys, described once in README.md")]
pub enum EventKind {
    /// `run.started`: always the first event of a recording.
    RunStarted { run: RunId, scenario: String, language: Language, params: BTreeMap<String, Value> },
    /// `process.started`: from the supervisor for its own children, from a body for its forks, else from /proc.
    ProcessStarted { pid: Pid, ppid: Pid, pgid: Pgid, sid: Sid, name: String, argv: Vec<String> },
    /// `process.state`.
    ProcessState { pid: Pid, state: ProcessState },
    /// `process.state` with the word `orphan`: its parent died, and `ppid` adopted it.
    ProcessOrphaned { pid: Pid, ppid: Pid },
    /// `process.exited`: it has ended; it may still be a zombie.
    ProcessExited { pid: Pid, status: ExitStatus },
    /// `process.reaped`: its parent has waited on it; the PID is free.
    ProcessReaped { pid: Pid },
    /// `process.usage`: the resources that it used until it ended, as the wait on it gave them.
    ProcessUsed { pid: Pid, usage: Usage },
    /// `waited`: the result of a wait on children of the run; `action` is `wait`, `wait-any` or `wait-all`. Children that are still
    /// `pending` when a `wait-all` answers, or when a `wait-any` gives none, have outlived its time limit.
    Waited { action: WaitKind, done: Vec<Ended>, pending: Vec<Pid> },
    /// `pipe`: how full the pipe is that `pid` writes to and `to` reads; told when it changes.
    PipeFilled { pid: Pid, to: Pid, fill: PipeFill },
    /// `process.sample`: the state of a live process by /proc.
    ProcessSampled(Box<ProcessSample>),
    /// `output`: bytes as they were read, in order for each stream.
    Output { pid: Pid, stream: Stream, bytes: Vec<u8> },
    /// `output.dropped`: this many bytes were read and not kept.
    OutputDropped { pid: Pid, stream: Stream, bytes: u64 },
    /// `output.closed`: all its writers have closed the stream.
    OutputClosed { pid: Pid, stream: Stream },
    /// `task.started`; `line` is the line of the lesson's source that started it.
    TaskStarted { task: String, sort: TaskSort, pid: Pid, tid: Option<Tid>, line: Option<u32> },
    /// `task.state`; `line` is the line of the lesson's source that it runs or waits in, `woken_by` the task that let it go on: absent
    /// after a time limit, and where it is not known. `at_most`: the seconds after which a sleep or a wait ends by itself.
    TaskChanged {
        task: String,
        state: TaskState,
        on: Option<String>,
        held_by: Option<String>,
        woken_by: Option<String>,
        line: Option<u32>,
        at_most: Option<f64>,
    },
    /// `task.finished`: `result` is `ok`, or says what went wrong.
    TaskFinished { task: String, result: String },
    /// `op`: a finished operation on a thing. `result` is a number, a text or a truth value: what it gave, `ok`, or the name of an exception.
    Operation { task: String, action: String, on: Option<String>, result: Option<Value>, line: Option<u32> },
    /// `thing`: the program has made something that tasks wait for and that a person can act on, such as `lock counter`.
    Thing { on: String, line: Option<u32> },
    /// `task.counts`: instead of single lines where there would be too many.
    TaskCounts { task: String, acquired: u64, waited: Option<u64> },
    /// `task.cpu`: what the kernel's scheduler did with a thread.
    TaskCpu(Box<TaskCpu>),
    /// `value`: a number or text that the lesson shows.
    Value { name: String, value: Value },
    /// `fact`: a claim of the lesson, checked on this run.
    Fact(Fact),
    /// `finding`: a discovery about the run as a whole, such as a deadlock, or that it is over.
    Finding(RunFinding),
    /// `action`: the user, the script or the engine did something.
    Action { action: Action, by: By },
    /// `action` with the word `watch`: the body of the lesson gets the presses of a line's button.
    Watched { line: Line },
    /// `action.refused`: an action was asked for and not done; `why` completes "could not kill worker-1: …".
    ActionRefused { action: Action, by: By, why: Box<Refusal> },
    /// `gpio`: a line changed its level, which the key `value` has as 0 or 1.
    Gpio { line: Line, level: Level },
    /// `cores`: the whole machine, sampled.
    Machine(Box<MachineSample>),
    /// `notice`: a sentence for the user, about something that went wrong without ending the run.
    Notice { text: String },
    /// `run.finished`: always the last event of a recording.
    RunFinished { run: RunId, outcome: Outcome, elapsed_s: f64, processes_left: u32 },
}

/// A child that has ended, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub pid: Pid,
    /// How.
    pub status: ExitStatus,
}

/// Bytes that wait in a pipe, and how many it can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipeFill {
    /// Written and not yet read.
    pub bytes: u64,
    /// Its capacity; 0 once its last reader has gone.
    pub capacity: u64,
}

/// A claim of the lesson, with the value that it expects and the value of this run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Stable name, in kebab case.
    pub id: String,
    /// The claim, as a sentence without a full stop.
    pub claim: String,
    /// The value that the claim expects, or a text such as `> 0`.
    pub expected: Value,
    /// The value that was measured in this run.
    pub observed: Value,
    /// Whether the claim held.
    pub holds: bool,
}

/// Something about the run as a whole that no single task can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFinding {
    /// Its kind: [`RunFinding::DEADLOCK`] or [`RunFinding::ABANDONED`].
    pub id: String,
    /// A whole sentence.
    pub text: String,
    /// The tasks that it is about; in a deadlock each one waits for the next.
    pub tasks: Vec<String>,
    /// Whether it is over.
    pub is_over: bool,
}

impl RunFinding {
    /// Tasks wait for each other in a circle.
    pub const DEADLOCK: &str = "deadlock";
    /// Tasks wait for something whose holder has ended.
    pub const ABANDONED: &str = "abandoned";
}

/// The state of one process at one moment, by /proc. Times are deltas against the sample before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// The process.
    pub pid: Pid,
    /// Its parent now.
    pub ppid: Pid,
    /// Its process group now.
    pub pgid: Pgid,
    /// Its session now.
    pub sid: Sid,
    /// The name that the kernel shows (`comm`, at most 15 bytes).
    pub name: String,
    /// Its state.
    pub state: ProcessState,
    /// CPU use since the last sample, in percent of one core; 0 in the first sample.
    pub cpu: f32,
    /// Resident memory in bytes.
    pub rss: u64,
    /// The core that it last ran on.
    pub core: u16,
    /// Clock ticks since boot when it started: with the PID, its identity.
    pub start_ticks: u64,
    /// Its threads, the first one included.
    pub threads: Vec<ThreadSample>,
}

/// The state of one thread at one moment, by /proc.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadSample {
    /// Its id.
    pub tid: Tid,
    /// The name that the kernel shows.
    pub name: String,
    /// Its state.
    pub state: ProcessState,
    /// CPU use since the last sample, in percent of one core.
    pub cpu: f32,
    /// The core that it last ran on.
    pub core: u16,
    /// The thing that it waits for, in words ("a lock", "a pipe to read"); empty while it runs, and where the kernel does not say.
    pub waits_for: String,
}

/// The whole machine at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MachineSample {
    /// Load of each core in percent, 0 to 100, by its number; 0 for one that is switched off. Empty where it is not known, as after a suspend.
    pub percent: Vec<f32>,
    /// Memory in use, in bytes (total less available).
    pub memory_used: u64,
    /// Memory of the machine, in bytes.
    pub memory_total: u64,
    /// Temperature of the processor in °C, where there is a sensor.
    pub celsius: Option<f32>,
    /// Clock of the fastest core in MHz, where the kernel says it.
    pub mhz: Option<u32>,
    /// Load average over one minute.
    pub load: f32,
    /// Whether the firmware holds the clock back now; `None` where no firmware tells (not a Pi).
    pub throttled: Option<bool>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its word on an event line.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// The body of a scenario that runs.
    Language {
        /// Built in.
        Rust = "rust",
        /// The twin, run by python3.
        Python = "python",
        /// A program of the user's.
        Program = "program",
    }
}
words! {
    /// One of a child's two output streams.
    Stream {
        /// Descriptor 1.
        Stdout = "stdout",
        /// Descriptor 2.
        Stderr = "stderr",
    }
}
words! {
    /// The kind of a task; each task gets a lane.
    TaskSort {
        /// A thread.
        Thread = "thread",
        /// A process.
        Process = "process",
        /// A coroutine.
        Coroutine = "coroutine",
        /// A scheduled event.
        Event = "event",
        /// A future.
        Future = "future",
    }
}
words! {
    /// The state of a task.
    TaskState {
        /// Made, not started.
        Created = "created",
        /// A process that was started, and whose state was not read from the kernel yet.
        Starting = "starting",
        /// Could run, has not yet.
        Ready = "ready",
        /// Runs.
        Running = "running",
        /// Waits for something that another task must do.
        Waiting = "waiting",
        /// Sleeps for a time.
        Sleeping = "sleeping",
        /// Stopped by a signal.
        Stopped = "stopped",
        /// A process that has ended and is not reaped.
        Zombie = "zombie",
        /// Ended well.
        Done = "done",
        /// Ended with an error.
        Failed = "failed",
    }
}
words! {
    /// The target of a wait.
    WaitKind {
        /// One child.
        One = "wait",
        /// The child that ends first.
        Any = "wait-any",
        /// All children.
        All = "wait-all",
    }
}
words! {
    /// The result of a run.
    Outcome {
        /// Every fact held; for a program: all ended with status 0.
        Passed = "passed",
        /// A fact did not hold, or a body or program failed.
        Failed = "failed",
        /// The user ended it.
        Stopped = "stopped",
        /// Its time limit passed.
        TimedOut = "timed-out",
    }
}
