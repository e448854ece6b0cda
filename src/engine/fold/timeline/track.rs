//! One lane as the engine keeps it: its states, its program's words, and its end. Without gaps or overlap, whatever times the events and
//! records have. Pure; lives on the engine's thread.

use std::sync::Arc;

use crate::engine::fold::timeline::pending::{Held, Seen};
use crate::engine::fold::timeline::sums::{Base, Sums};
use crate::model::{
    ExitStatus, Lane, LaneEnd, LaneId, LaneSource, LaneState, Mark, Monotonic, Pid, States, TaskSort, TaskState, Tid, Word, Words,
};

mod published;

/// Marks on one lane beyond which the older half goes: a shell may start a million processes.
const MOST_MARKS: usize = 8_192;

/// What a program says of a task, without the time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Doing {
    pub(crate) state: TaskState,
    pub(crate) note: Arc<str>,
    pub(crate) held_by: Option<Arc<str>>,
}

/// A lane as the engine keeps it.
#[derive(Debug)]
pub(crate) struct Track {
    pub(super) id: LaneId,
    /// The name that is shown.
    pub(super) name: Arc<str>,
    /// The name of the task that it is, if a task has claimed it.
    pub(super) task: Option<Arc<str>>,
    /// The names that this task had before, the last one last.
    pub(super) former: Vec<Arc<str>>,
    /// Its thread's name in the kernel; empty while that is not known.
    pub(super) comm: Arc<str>,
    pub(super) sort: TaskSort,
    pub(super) pid: Pid,
    pub(super) tid: Option<Tid>,
    /// The number of its process.
    pub(super) home: usize,
    /// Lines of the lesson's source: its start, and the newest that it has told.
    start_line: Option<u32>,
    line: Option<u32>,
    /// When its sleep or wait ends by itself at the latest, as it was told last.
    until: Option<Monotonic>,
    pub(super) source: LaneSource,
    pub(super) states: States,
    pub(super) words: Words,
    pub(super) reasons: Words,
    /// The lane that holds what the last of the reasons is about.
    pub(super) held_by: Option<Held>,
    pub(super) marks: Vec<Mark>,
    shared_marks: Option<Arc<[Mark]>>,
    /// The newest words, so that nothing is copied for a comparison; and since when they hold.
    doing: Doing,
    since: Monotonic,
    /// The words to go on with when its process continues; only while that is stopped, on a lane without switch records.
    pub(super) interrupted: Option<Doing>,
    pub(super) end: End,
    /// The core that it is on, by the switch records.
    pub(super) on: Option<u16>,
    /// When its thread ended, by the switch records. The first thread of a process is a zombie from then on.
    pub(super) exited: Option<Monotonic>,
    /// Whether nothing was mapped since it has executed a program: if its records end there, it lives on as another user.
    pub(super) is_loading: bool,
    /// Samples that have shown it alive although its records say that it has ended.
    pub(super) seen_alive: u8,
    /// The wait that samples show, where there are no switch records.
    pub(super) seen: Option<Seen>,
    /// The start of the last wait that was given out to be explained.
    pub(super) asked: Option<Monotonic>,
    /// Schedstat's times that are none of its states.
    pub(super) counted: Base,
    pub(super) sums: Sums,
    pub(super) last_sum: LastSum,
    /// When a record has named it last.
    pub(super) named: Monotonic,
    published: Option<Arc<Lane>>,
}

/// Whether it has ended, and how it is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// It has not ended.
    Open,
    /// Its process ended then; lines that were written before may still come in. The end is not among the states and words yet.
    WithProcess(Monotonic, Doing, LaneEnd),
    /// It said so itself, the kernel did, or the run is over.
    Closed(Monotonic, LaneEnd),
}

/// Whether the sums of its whole life were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastSum {
    /// It goes on, or has no switch records.
    Open,
    Due,
    Told,
}

/// The birth of a lane.
#[derive(Debug)]
pub(super) struct Birth {
    pub(super) t: Monotonic,
    pub(super) sort: TaskSort,
    pub(super) pid: Pid,
    pub(super) tid: Option<Tid>,
    pub(super) home: usize,
    pub(super) doing: Doing,
}

impl Track {
    pub(super) fn new(id: usize, birth: Birth, task: Option<Arc<str>>) -> Self {
        let Birth { t, sort, pid, tid, home, doing } = birth;
        let mut track = Self {
            id: LaneId::new(id as u32),
            name: task.clone().unwrap_or_default(),
            task,
            former: Vec::new(),
            comm: "".into(),
            sort,
            pid,
            tid,
            home,
            start_line: None,
            line: None,
            until: None,
            source: LaneSource::Words,
            states: States::default(),
            words: Words::default(),
            reasons: Words::default(),
            held_by: None,
            marks: Vec::new(),
            shared_marks: None,
            doing: doing.clone(),
            since: t,
            interrupted: None,
            end: End::Open,
            on: None,
            exited: None,
            is_loading: false,
            seen_alive: 0,
            seen: None,
            asked: None,
            counted: Base::default(),
            sums: Sums::default(),
            last_sum: LastSum::Open,
            named: t,
            published: None,
        };
        track.set(t, doing);
        track
    }

    /// The program's newest words; while its process is stopped, those to go on with.
    pub(crate) fn doing(&self) -> &Doing {
        self.interrupted.as_ref().unwrap_or(&self.doing)
    }

    /// Since when it has those words.
    pub(crate) const fn since(&self) -> Monotonic {
        self.since
    }

    pub(super) const fn is_switched(&self) -> bool {
        matches!(self.source, LaneSource::Switches)
    }

    /// Whether it is the first thread of its process.
    pub(super) fn is_first(&self) -> bool {
        self.tid.is_some_and(|tid| tid.number() == self.pid.number())
    }

    /// Whether its process is the task, or no task is known: it is a zombie between its end and the wait on it.
    pub(super) fn is_process(&self) -> bool {
        self.sort == TaskSort::Process || self.is_first() && (self.task.is_none() || self.is_switched())
    }

    pub(crate) const fn has_ended(&self) -> bool {
        !matches!(self.end, End::Open)
    }

    /// Whether it is the task of this name.
    pub(super) fn is_task(&self, name: &str) -> bool {
        self.task.as_deref() == Some(name)
    }

    /// Whether it has ended, or has said so.
    pub(super) fn is_finished(&self) -> bool {
        self.has_ended() || is_final(self.doing().state)
    }

    /// Whether it is a zombie as far as it is known.
    pub(super) fn is_zombie(&self) -> bool {
        self.states.last().is_some_and(|last| last.state == LaneState::Zombie)
    }

    /// Whether its records ended with an exec: it lives on, or has ended since.
    pub(super) const fn is_hidden(&self) -> bool {
        self.is_loading && self.exited.is_some()
    }

    /// When it ended, if it has: by its own word or the kernel's.
    pub(super) fn ended_at(&self) -> Option<Monotonic> {
        match &self.end {
            End::Open if is_final(self.doing.state) => Some(self.since),
            End::Open => self.exited,
            End::WithProcess(t, ..) | End::Closed(t, _) => Some(*t),
        }
    }

    /// Whether nothing can happen to it any more.
    pub(super) const fn may_go(&self) -> bool {
        self.has_ended() && !matches!(self.last_sum, LastSum::Due)
    }

    /// Its words or states have changed.
    pub(super) fn touch(&mut self) {
        if self.published.is_some() {
            self.published = None;
        }
    }

    /// This line of the source started it.
    pub(super) fn begins_at(&mut self, line: Option<u32>) {
        if line.is_some() {
            self.start_line = line;
            self.touch();
        }
        self.is_at(line);
    }

    /// It has come to this line of the source.
    pub(super) fn is_at(&mut self, line: Option<u32>) {
        if line.is_some() && line != self.line {
            self.line = line;
            self.touch();
        }
    }

    /// Its sleep or wait ends by itself then, if it is one.
    pub(super) fn lasts_until(&mut self, until: Option<Monotonic>) {
        if until != self.until {
            self.until = until;
            self.touch();
        }
    }

    /// Adds a mark in its place.
    pub(super) fn mark(&mut self, mark: Mark) {
        if self.marks.len() >= MOST_MARKS {
            self.marks.drain(..MOST_MARKS / 2);
        }
        let place = self.marks.partition_point(|known| known.t <= mark.t);
        self.marks.insert(place, mark);
        self.shared_marks = None;
        self.touch();
    }

    /// The same task once more, or more about it (a thread that was created and now has its id).
    pub(super) fn start_again(&mut self, t: Monotonic, sort: TaskSort, doing: Doing) {
        self.sort = sort;
        self.touch();
        let has_finished = is_final(self.doing.state);
        if self.is_switched() {
            if has_finished || self.words.is_empty() || self.doing.state == TaskState::Created {
                self.say(t, doing, None);
            }
        } else if self.has_ended() || self.doing.state == TaskState::Created {
            self.end = End::Open;
            self.interrupted = None;
            self.set(t, doing);
        }
    }

    /// It belongs to this task from now on.
    pub(super) fn claim(&mut self, t: Monotonic, task: Arc<str>, sort: TaskSort, doing: Doing) {
        self.was_there(t);
        (self.task, self.sort) = (Some(task), sort);
        self.touch();
        match &self.end {
            _ if self.is_switched() => self.say(t, doing, None),
            End::WithProcess(ended, ..) => self.set(t.min(*ended), doing),
            _ if self.interrupted.is_some() => self.interrupted = Some(doing),
            _ => {
                self.end = End::Open;
                self.set(t, doing);
            }
        }
    }

    /// Takes over what a task's lane without a thread has, as that task has this thread.
    pub(super) fn take_over(&mut self, other: Self) {
        let began = other.words.get(0).map(|word| word.from);
        if self.source == LaneSource::Words {
            (self.states, self.end, self.interrupted) = (other.states, other.end, other.interrupted);
        } else if let (Some(began), Some(first)) = (began, self.states.get(0))
            && began < first.from
            && self.states.is_whole()
        {
            let mut states = States::default();
            states.push(began, LaneState::Created, 0);
            for span in (0..self.states.len()).filter_map(|index| self.states.get(index)) {
                states.push(span.from, span.state, span.detail);
            }
            // Shares cannot be moved, and a thread that was created before them is rare.
            if self.is_switched() {
                self.states = states;
            }
        }
        (self.task, self.words, self.doing, self.since) = (other.task, other.words, other.doing, other.since);
        (self.start_line, self.line) = (other.start_line.or(self.start_line), other.line.or(self.line));
        self.until = other.until;
        other.marks.into_iter().for_each(|mark| self.mark(mark));
        if self.is_switched() && self.words.last().is_some() {
            self.explain_since(Monotonic::ZERO);
        }
        self.touch();
    }

    /// Its program says something new of it. A line that was written before its process ended counts as before that end.
    pub(super) fn change(&mut self, t: Monotonic, doing: Doing, woken_by: Option<&Arc<str>>) {
        if is_final(doing.state) {
            return self.finish(t, doing);
        }
        if self.is_switched() {
            return self.say(t, doing, woken_by);
        }
        match &self.end {
            End::Open if self.interrupted.is_some() => self.interrupted = Some(doing),
            End::Open => self.set_woken(t, doing, woken_by),
            // A task can go on after its end, as a future that is run twice: in the same lane.
            End::Closed(..) => {
                self.end = End::Open;
                self.set_woken(t, doing, woken_by);
            }
            End::WithProcess(ended, ..) => self.set_woken(t.min(*ended), doing, woken_by),
        }
    }

    /// It says that it is over. A thread lives on for a moment, as the kernel tells.
    pub(super) fn finish(&mut self, t: Monotonic, last: Doing) {
        if self.is_switched() {
            return self.say(t, last, None);
        }
        let t = match &self.end {
            End::Open => t,
            End::WithProcess(ended, ..) => t.min(*ended),
            End::Closed(..) => return,
        };
        self.close_as(t, last);
    }

    /// The last of all: the words, and nothing from then on.
    fn close_as(&mut self, t: Monotonic, last: Doing) {
        self.interrupted = None;
        let end = end_of(&last);
        self.set(t, last);
        self.end = End::Closed(self.since, end);
    }

    /// It is over because its process is.
    pub(super) fn end_with_process(&mut self, t: Monotonic, last: Doing, end: LaneEnd) {
        let t = match &self.end {
            End::Open => t.max(self.since),
            // The status has come; an exec, which ends the other threads, says nothing.
            End::WithProcess(t, said, LaneEnd::Done | LaneEnd::Exit(ExitStatus::Unknown))
                if matches!(end, LaneEnd::Exit(_)) && !said.note.is_empty() =>
            {
                *t
            }
            _ => return,
        };
        self.interrupted = None;
        self.end = End::WithProcess(t, last, end);
        self.touch();
    }

    /// It is a process that has ended; it stays, as a zombie. The note may come to know more.
    pub(super) fn die(&mut self, t: Monotonic, zombie: Doing) {
        if self.has_ended() || self.doing == zombie {
            return;
        }
        self.interrupted = None;
        let since = if self.doing.state == TaskState::Zombie { self.since } else { t };
        self.set(since, zombie);
    }

    /// Its process was stopped.
    pub(super) fn stop(&mut self, t: Monotonic) {
        let is_stoppable = !self.has_ended() && self.interrupted.is_none() && self.doing.state != TaskState::Zombie;
        if is_stoppable && self.doing.state != TaskState::Stopped {
            let stopped = Doing { state: TaskState::Stopped, note: "".into(), held_by: None };
            self.interrupted = Some(self.doing.clone());
            self.set(t, stopped);
        }
    }

    /// Its process was seen not stopped: it goes on, unless that was before the stop.
    pub(super) fn go_on(&mut self, t: Monotonic) {
        if t >= self.since
            && let Some(doing) = self.interrupted.take()
        {
            self.set(t, doing);
            if self.source == LaneSource::Shares {
                // The next sums are about the stop as well: of that time nothing more is to be learned.
                self.push(t, LaneState::Unknown, 0);
                self.sums.begin(t.max(self.sums.told_at()));
            }
        }
    }

    /// The run is over.
    pub(super) fn close(&mut self, t: Monotonic) {
        match &self.end {
            End::Open => {}
            End::WithProcess(..) | End::Closed(..) => return,
        }
        let end = if is_final(self.doing.state) { end_of(&self.doing) } else { LaneEnd::RunOver };
        self.push(t, LaneState::Nothing, 0);
        self.end = End::Closed(self.states.changed().unwrap_or(t), end);
    }

    /// The state is this one from `t` on.
    pub(super) fn push(&mut self, t: Monotonic, state: LaneState, detail: u32) {
        self.states.push(t, state, detail);
        self.touch();
    }

    /// On a lane without switch records: words, and the state that follows from them.
    fn set(&mut self, t: Monotonic, doing: Doing) {
        self.set_woken(t, doing, None);
    }

    fn set_woken(&mut self, t: Monotonic, doing: Doing, woken_by: Option<&Arc<str>>) {
        if self.source == LaneSource::Words
            || matches!(doing.state, TaskState::Stopped | TaskState::Zombie)
            || is_final(doing.state)
        {
            self.states.push(t, LaneState::by_word(doing.state), 0);
        }
        self.keep_words(t, doing, woken_by);
    }

    /// On a lane with switch records: words, which explain the waits since then.
    pub(super) fn say(&mut self, t: Monotonic, doing: Doing, woken_by: Option<&Arc<str>>) {
        let is_about_waits = says_why(doing.state) || says_why(self.doing.state);
        let is_process = self.is_first();
        let t = self.ended_at().filter(|_| self.has_ended()).map_or(t, |ended| t.min(ended));
        if is_final(doing.state)
            && let End::Closed(_, end @ (LaneEnd::Done | LaneEnd::Exit(ExitStatus::Signaled { .. }))) = &mut self.end
            && !is_process
        {
            *end = end_of(&doing);
        }
        self.keep_words(t, doing, woken_by);
        if is_about_waits {
            self.explain_since(self.since);
        }
    }

    fn keep_words(&mut self, t: Monotonic, doing: Doing, woken_by: Option<&Arc<str>>) {
        self.words.push(t, doing.state, &doing.note, doing.held_by.as_ref(), woken_by);
        // Words never run backwards within a lane.
        self.since = self.words.last().map_or(t, |last| last.from);
        self.doing = doing;
        self.touch();
    }

    /// Waits that began since then are sleeps where the program's words say so, or, where they say nothing of it, the kernel.
    pub(super) fn explain_since(&mut self, t: Monotonic) {
        let Self { states, words, reasons, .. } = self;
        states.correct_since(t, |from, state| if is_wait(state) { wait_of(words, reasons, from) } else { state });
    }

    /// The state of a wait that began then.
    pub(super) fn wait_state(&self, from: Monotonic) -> LaneState {
        wait_of(&self.words, &self.reasons, from)
    }

    /// The state of a wait that begins now, by the words that are known now.
    pub(super) fn wait_at(&self, t: Monotonic) -> LaneState {
        let said = if self.since <= t { Some(self.doing.state) } else { self.words.at(t).map(|word| word.state) };
        if said == Some(TaskState::Sleeping) { LaneState::Sleeping } else { LaneState::Blocked }
    }

    /// From now on its states are the kernel's, and the words are labels. At its birth it is ready; else what was before is not known.
    pub(super) fn switches_from(&mut self, t: Monotonic, is_birth: bool) {
        if self.task.is_none() {
            // They came from samples.
            self.words = Words::default();
            self.doing = Doing { state: TaskState::Running, note: "".into(), held_by: None };
        } else if let Some(doing) = self.interrupted.take() {
            self.doing = doing;
        }
        let first = self.words.get(0).filter(|first| !is_birth || first.state == TaskState::Created);
        self.states = States::default();
        if let Some(Word { from, state, .. }) = first {
            let before = if state == TaskState::Created { LaneState::Created } else { LaneState::Unknown };
            self.states.push(from, before, 0);
        }
        self.states.push(t, if is_birth { LaneState::Ready } else { LaneState::Unknown }, 0);
        (self.source, self.end) = (LaneSource::Switches, End::Open);
        self.counted = if is_birth { Base::NEW } else { Base::default() };
        self.sums.begin(t);
        self.touch();
    }

    /// In the time up to `t` it was on a core and ready for so long; `whole` is the length of that time.
    pub(super) fn share(&mut self, t: Monotonic, ran_ns: u64, ready_ns: u64, whole: u64) {
        let from = match self.source {
            LaneSource::Switches => return,
            LaneSource::Shares => self.sums.told_at(),
            LaneSource::Words => {
                let began = self.states.get(0).map_or(t, |first| first.from);
                let from = Monotonic::from_nanos(t.nanos().saturating_sub(whole)).max(began);
                self.states = States::default();
                if began < from {
                    self.states.push(began, LaneState::Unknown, 0);
                }
                self.source = LaneSource::Shares;
                if self.task.is_none() && !matches!(self.doing.state, TaskState::Stopped | TaskState::Zombie) && !self.has_ended()
                {
                    // They came from samples.
                    self.words = Words::default();
                    self.doing = Doing { state: TaskState::Running, note: "".into(), held_by: None };
                }
                from
            }
        };
        if from < t && !self.has_ended() && self.interrupted.is_none() && self.doing.state != TaskState::Zombie {
            if ran_ns == 0 && ready_ns == 0 {
                self.rest(t);
            } else {
                self.states.push_mixed(from, ran_ns, ready_ns, t.since(from).as_nanos() as u64);
            }
        } else if self.states.is_empty() {
            self.states.push(from, LaneState::by_word(self.doing.state), 0);
        }
        // It has run since the wait that was seen began.
        (self.seen, self.held_by) = (None, None);
        self.sums.begin(t);
        self.touch();
    }

    /// Whether a wait that began then lasts, as far as it is known.
    pub(super) fn lasts(&self, since: Monotonic) -> bool {
        if self.is_switched() {
            return self.states.changed() == Some(since);
        }
        self.seen.as_ref().is_some_and(|seen| seen.since == since)
    }
}

/// The state of a wait that began then.
fn wait_of(words: &Words, reasons: &Words, from: Monotonic) -> LaneState {
    let word = words.at(from).filter(|word| word.state == TaskState::Sleeping || word.explains_a_wait());
    let word = word.or_else(|| reasons.at(from).filter(|reason| reason.from == from));
    if word.is_some_and(|word| word.state == TaskState::Sleeping) { LaneState::Sleeping } else { LaneState::Blocked }
}

pub(super) const fn is_wait(state: LaneState) -> bool {
    matches!(state, LaneState::Blocked | LaneState::Sleeping)
}

/// Whether a program's word explains a wait.
pub(super) const fn says_why(state: TaskState) -> bool {
    matches!(state, TaskState::Waiting | TaskState::Sleeping)
}

/// The end that a task's last words tell.
pub(super) fn end_of(last: &Doing) -> LaneEnd {
    if last.state == TaskState::Failed { LaneEnd::Failed(Arc::clone(&last.note)) } else { LaneEnd::Done }
}

pub(super) const fn is_final(state: TaskState) -> bool {
    matches!(state, TaskState::Done | TaskState::Failed)
}
