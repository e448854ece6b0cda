//! Plain data that all layers speak: ids, signals, exit status, specs, actions, events, snapshot. No I/O.

mod action;
mod board;
mod comparison;
mod event;
mod event_line;
mod finding;
mod harmless;
mod header;
mod ids;
mod lane;
mod limits;
mod output;
mod reason;
mod refusal;
mod scheduler;
mod signal;
mod snapshot;
mod spec;
mod status;
mod time;
mod usage;

pub use action::{Action, ON_TASKS, ParseActionError, ProcessRef, Scope, Sent, TimedAction, actions_on, actions_on_programs};
pub use board::{BoardView, PinView, Pull, PullUnknown};
pub use comparison::{Comparison, Measured, Progress, Variant};
pub use event::{
    Ended, Event, EventKind, Fact, Language, MachineSample, Outcome, PipeFill, ProcessSample, RunFinding, Stream, TaskSort,
    TaskState, ThreadSample, WaitKind,
};
pub use event_line::{BodyLine, EventLineError, LineIntent};
pub use finding::MachineFinding;
pub use harmless::{harmless, visible};
pub use header::{Level, Line, ParseLineError, PinFunction};
pub use ids::{Pgid, Pid, RunId, Sid, Tid};
pub use lane::{
    CoreLane, Lane, LaneEnd, LaneId, LaneNow, LaneSource, LaneState, Mark, MarkKind, StateSpan, States, Times, Word, Words,
};
pub use limits::{GroupLimits, ParseLimitError, Resource, ResourceLimit, WindowSize, parse_bytes, parse_cores};
pub use output::OutputRing;
pub use reason::{By, Reason};
pub use refusal::Refusal;
pub use scheduler::{Scheduled, SchedulerRecord, TaskCpu};
pub use signal::{ParseSignalError, Signal};
pub use snapshot::{
    Finished, LevelSpan, LineTrace, LoadSample, LogEntry, OutputView, PipeTo, ProcessRow, RunState, RunView, Severity, Snapshot,
    SourceView, SystemView,
};
pub use spec::{ChildSpec, Group, Input, InvalidSpec, OutputTo, Reaping, StopPlan};
pub use status::{ExitStatus, ProcessState};
pub use time::{Monotonic, ParseSecondsError, seconds};
pub use usage::{RunCost, Usage};
