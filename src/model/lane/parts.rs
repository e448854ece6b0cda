//! One line of the timeline, and what is marked on it.

use std::sync::Arc;

use super::super::{ExitStatus, Monotonic, Pid, TaskSort, TaskState, Tid};
use super::{LaneState, StateSpan, States, Times, Word, Words};

/// The number of a lane in its run; no other lane of that run gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LaneId(u32);

impl LaneId {
    /// The lane with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Where the states of a lane come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LaneSource {
    /// From its program's words: it is no thread, or nothing else is known of it.
    #[default]
    Words,
    /// From the kernel's switch records: each change is there.
    Switches,
    /// From the kernel's sums: only the shares of each interval are known.
    Shares,
}

/// One line of the timeline: a thread, a process by its first thread, or a task that is no thread.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Its number.
    pub id: LaneId,
    /// Its name: the task's, else the kernel's.
    pub name: Arc<str>,
    /// Its kind.
    pub sort: TaskSort,
    /// The process that it is in.
    pub pid: Pid,
    /// Its thread, when it has one.
    pub tid: Option<Tid>,
    /// The line of the lesson's source that started it, from 1.
    pub start_line: Option<u32>,
    /// The line of the lesson's source that it runs or waits in, from 1; of one that has ended, the last.
    pub line: Option<u32>,
    /// When its sleep or wait ends by itself at the latest, in the run's time.
    pub until: Option<Monotonic>,
    /// Where `states` come from.
    pub source: LaneSource,
    /// Its states.
    pub states: States,
    /// What its program says of it: the labels.
    pub words: Words,
    /// What the kernel says of waits that no words explain: `from` is the start of the wait that it is about, and holds for that one alone.
    pub reasons: Words,
    /// Things that happened to it at one moment, oldest first.
    pub marks: Arc<[Mark]>,
    /// How it ended, once it has.
    pub end: Option<LaneEnd>,
}

/// A thing that happened to a lane at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub t: Monotonic,
    /// Its kind.
    pub kind: MarkKind,
    /// A few words: the signal, the program, the line of text.
    pub text: Arc<str>,
    /// The lane from which it came.
    pub from: Option<LaneId>,
}

/// The kinds of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// A signal was sent to it.
    Signal,
    /// A button was pressed, in the window or on the header.
    Press,
    /// Text was typed to it.
    Typed,
    /// It made a process; or it was made.
    Fork,
    /// It executed another program.
    Exec,
    /// Its parent waited on it.
    Reaped,
}

/// The end of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneEnd {
    /// It ended well, or only its end is known.
    Done,
    /// It ended with an error, in words.
    Failed(Arc<str>),
    /// Its process ended, and a thread with it.
    Exit(ExitStatus),
    /// The run is over.
    RunOver,
}

/// What a lane is now, or was at its end: the same for the lane, its row in the tree, and the selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneNow {
    /// The kernel's state.
    pub state: LaneState,
    /// Since when.
    pub since: Monotonic,
    /// The core that it is on.
    pub core: Option<u16>,
    /// The label: what the program or the kernel says about this; may be empty.
    pub label: Arc<str>,
    /// The state that the program claims where that differs from the kernel's: it says "running", and the kernel "ready".
    pub claims: Option<TaskState>,
    /// The task that holds what it waits on.
    pub held_by: Option<Arc<str>>,
    /// The time in each state, where only that is known.
    pub shares: Option<Times>,
}

impl Lane {
    /// The seconds, rounded up, after which its sleep or wait ends by itself at the latest. `None` where that is not known, or is over.
    pub fn seconds_left(&self, now: Monotonic) -> Option<u64> {
        let left = self.until.filter(|_| !self.has_ended())?.since(now);
        (!left.is_zero()).then(|| left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// Whether it has ended.
    pub const fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether it is a thread beside the first one of its process, or another part of it.
    pub fn is_part(&self) -> bool {
        self.sort != TaskSort::Process && self.tid.is_none_or(|tid| tid.number() != self.pid.number())
    }

    /// What it is now, or was when it ended; `None` before anything is known.
    pub fn now(&self) -> Option<LaneNow> {
        let mut span = self.states.last()?;
        if span.state == LaneState::Nothing {
            span = self.states.get(span.index.checked_sub(1)?)?;
        }
        Some(self.explain(&span))
    }

    /// An entry of its states, with the label that belongs to it.
    pub fn explain(&self, span: &StateSpan) -> LaneNow {
        let word = self.word_for(span);
        let core = (span.state == LaneState::OnCore && self.source == LaneSource::Switches).then_some(span.detail as u16);
        let shares = self.states.shares(span);
        let main = shares.and_then(|times| times.largest()).unwrap_or(span.state);
        let is_wait = |claimed: TaskState| matches!(claimed, TaskState::Waiting | TaskState::Sleeping);
        let is_other = |claimed: &TaskState| differs(*claimed, if is_wait(*claimed) { main } else { span.state });
        let claims = word.as_ref().map(|word| word.state).filter(is_other);
        let (label, held_by) = word.map_or_else(|| ("".into(), None), |word| (word.on, word.held_by));
        LaneNow { state: span.state, since: span.from, core, label, claims, held_by, shares }
    }

    /// The one that ended a wait, an entry of its states, where that is known: by the kernel's reason, else by the program's words.
    pub fn ended_by(&self, wait: &StateSpan) -> Option<Arc<str>> {
        wait.until?;
        let reason = self.reasons.at(wait.from).filter(|reason| reason.from == wait.from);
        reason.and_then(|reason| reason.woken_by).or_else(|| {
            // It says so once it is on a core again.
            let is_run = |span: &StateSpan| matches!(span.state, LaneState::OnCore | LaneState::Running | LaneState::Ready);
            let later = (wait.index + 1..self.states.len()).map_while(|index| self.states.get(index));
            let turn = later.take_while(is_run).take(TURN).last()?;
            let until = turn.until.unwrap_or(Monotonic::from_nanos(u64::MAX));
            let words = self.words.between(wait.from, until).filter(|word| word.from > wait.from);
            words.take(TURN).find_map(|word| word.woken_by)
        })
    }

    /// What is said about an entry of its states: about a wait what its program says of it, else the kernel's reason, if it was asked; else
    /// the program's newest word at the time at which the state began (a thread that is off its core says no more), or, while it is on a
    /// core, since then: but not what it says there about the wait that comes next.
    pub fn word_for(&self, span: &StateSpan) -> Option<Word> {
        if let Some(reason) = self.reasons.at(span.from).filter(|reason| reason.from == span.from) {
            return Some(match self.words.at(span.from).filter(Word::explains_a_wait) {
                Some(word) => Word { woken_by: reason.woken_by.or(word.woken_by), ..word },
                None => reason,
            });
        }
        match self.source {
            LaneSource::Switches if !matches!(span.state, LaneState::OnCore) => self.words.at(span.from),
            _ => {
                let before = |t: Monotonic| Monotonic::from_nanos(t.nanos().saturating_sub(1));
                let mut word = self.words.at(span.until.map_or(Monotonic::from_nanos(u64::MAX), before))?;
                let announces =
                    |word: &Word| matches!(word.state, TaskState::Waiting | TaskState::Sleeping) && word.from > span.from;
                for _ in 0..ANNOUNCED {
                    if span.state != LaneState::OnCore || !announces(&word) {
                        break;
                    }
                    word = self.words.at(before(word.from))?;
                }
                Some(word)
            }
        }
    }
}

/// States and words after a wait that are looked through for who ended it.
const TURN: usize = 8;
/// Waits that a thread can say it is about to begin, one after the other, before it leaves its core.
const ANNOUNCED: usize = 8;

/// Whether a claim and the kernel say different things.
const fn differs(claimed: TaskState, state: LaneState) -> bool {
    match claimed {
        TaskState::Running => !matches!(state, LaneState::OnCore | LaneState::Running | LaneState::Mixed),
        TaskState::Waiting | TaskState::Sleeping => matches!(state, LaneState::OnCore | LaneState::Ready),
        TaskState::Ready => !matches!(state, LaneState::Ready),
        _ => false,
    }
}
