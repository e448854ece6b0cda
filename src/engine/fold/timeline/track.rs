//! One lane's past: segments without gaps or overlap, whatever times the events have. Pure; lives on the engine's thread.

use std::sync::Arc;

use crate::model::{Lane, LaneEnd, LaneId, LaneSource, LaneState, Monotonic, Pid, States, TaskSort, TaskState, Tid, Words};

/// A time in which a task's state was one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    pub(crate) from: Monotonic,
    pub(crate) until: Option<Monotonic>,
    pub(crate) state: TaskState,
    pub(crate) note: Arc<str>,
    pub(crate) held_by: Option<Arc<str>>,
}

/// Segments beyond which the older half is merged, two into one.
const MAX_SEGMENTS: usize = 4_000;

/// With fewer segments there are no two to merge.
const FEWEST: usize = 8;

/// The state of a task: the part of a segment that is not time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Doing {
    pub(crate) state: TaskState,
    pub(crate) note: Arc<str>,
    pub(crate) held_by: Option<Arc<str>>,
}

/// A lane as the engine keeps it.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) name: String,
    pub(crate) sort: TaskSort,
    pub(crate) pid: Pid,
    /// Whether it was made for a process, not for a task.
    pub(crate) is_of_process: bool,
    /// Whether a newer process has its PID, so that nothing more can happen to it.
    pub(crate) is_replaced: bool,
    tid: Option<Tid>,
    /// Lines of the lesson's source: its start, and the newest that it has told.
    start_line: Option<u32>,
    line: Option<u32>,
    past: Vec<Segment>,
    /// The state of the last segment, so that nothing is copied for a comparison.
    doing: Doing,
    /// The state to go on with when its process continues; only while that is stopped.
    interrupted: Option<Doing>,
    end: End,
    published: Option<Arc<Lane>>,
}

#[derive(Debug)]
enum End {
    /// It has not ended.
    Open,
    /// Its process ended then; lines that were written before may still come in.
    WithProcess(Monotonic, Doing),
    /// It said so itself, or the run is over.
    Reported,
}

impl Track {
    pub(crate) fn new(
        name: String,
        sort: TaskSort,
        pid: Pid,
        tid: Option<Tid>,
        is_of_process: bool,
        t: Monotonic,
        doing: Doing,
    ) -> Self {
        let mut track = Self {
            name,
            sort,
            pid,
            is_of_process,
            is_replaced: false,
            tid,
            start_line: None,
            line: None,
            past: Vec::new(),
            doing: doing.clone(),
            interrupted: None,
            end: End::Open,
            published: None,
        };
        track.append(t, doing);
        track
    }

    /// Its state now or at its end; while its process is stopped, the state to go on with.
    pub(crate) fn doing(&self) -> &Doing {
        self.interrupted.as_ref().unwrap_or(&self.doing)
    }

    /// Since when it has that state.
    pub(crate) fn since(&self) -> Monotonic {
        self.past.last().map_or(Monotonic::ZERO, |last| last.from)
    }

    /// This line of the source started it.
    pub(crate) fn begins_at(&mut self, line: Option<u32>) {
        if line.is_some() {
            (self.start_line, self.published) = (line, None);
        }
        self.is_at(line);
    }

    /// It has come to this line of the source.
    pub(crate) fn is_at(&mut self, line: Option<u32>) {
        if line.is_some() && line != self.line {
            (self.line, self.published) = (line, None);
        }
    }

    pub(crate) fn rename(&mut self, name: String) {
        (self.name, self.published) = (name, None);
    }

    pub(crate) const fn has_ended(&self) -> bool {
        !matches!(self.end, End::Open)
    }

    /// The same task once more, or more about it (a thread that was created and now has its id).
    pub(crate) fn start_again(&mut self, t: Monotonic, sort: TaskSort, pid: Pid, tid: Option<Tid>, doing: Doing) {
        (self.sort, self.pid, self.tid, self.published) = (sort, pid, tid.or(self.tid), None);
        if self.has_ended() || self.doing.state == TaskState::Created {
            self.end = End::Open;
            self.interrupted = None;
            self.set(t, doing);
        }
    }

    /// It has a new state. An event line that was written before its process ended counts as before that end.
    pub(crate) fn change(&mut self, t: Monotonic, doing: Doing) {
        if is_final(doing.state) {
            return self.finish(t, doing);
        }
        match std::mem::replace(&mut self.end, End::Open) {
            End::Open if self.interrupted.is_some() => self.interrupted = Some(doing),
            // A task can go on after its end, as a future that is run twice: in the same lane.
            End::Open | End::Reported => self.set(t, doing),
            End::WithProcess(ended, last) => {
                self.reopen();
                self.set(t.min(ended), doing);
                self.end_with_process(ended, last);
            }
        }
    }

    /// It says that it is over.
    pub(crate) fn finish(&mut self, t: Monotonic, last: Doing) {
        if let End::WithProcess(ended, _) = &self.end {
            let ended = *ended;
            self.reopen();
            self.terminate(t.min(ended), last);
        } else if matches!(self.end, End::Open) {
            self.terminate(t, last);
        }
        self.end = End::Reported;
    }

    /// It is over because its process is.
    pub(crate) fn end_with_process(&mut self, t: Monotonic, last: Doing) {
        if matches!(self.end, End::Open) {
            self.terminate(t, last.clone());
            self.end = End::WithProcess(t, last);
        }
    }

    /// It is a process that has ended; it stays, as a zombie. The note may come to know more.
    pub(crate) fn die(&mut self, t: Monotonic, zombie: Doing) {
        if self.has_ended() || self.doing == zombie {
            return;
        }
        self.interrupted = None;
        if self.doing.state == TaskState::Zombie
            && let Some(last) = self.past.last_mut()
        {
            last.note = Arc::clone(&zombie.note);
            self.doing = zombie;
            self.published = None;
        } else {
            self.set(t, zombie);
        }
    }

    /// Its process was stopped.
    pub(crate) fn stop(&mut self, t: Monotonic) {
        let is_stoppable = !self.has_ended() && self.interrupted.is_none() && self.doing.state != TaskState::Zombie;
        if is_stoppable && self.doing.state != TaskState::Stopped {
            let stopped = Doing { state: TaskState::Stopped, note: "".into(), held_by: None };
            self.interrupted = Some(self.doing.clone());
            self.set(t, stopped);
        }
    }

    /// Its process was seen not stopped: it goes on, unless that was before the stop.
    pub(crate) fn go_on(&mut self, t: Monotonic) {
        if self.past.last().is_some_and(|last| t >= last.from)
            && let Some(doing) = self.interrupted.take()
        {
            self.set(t, doing);
        }
    }

    /// The run is over.
    pub(crate) fn close(&mut self, t: Monotonic) {
        if matches!(self.end, End::Open) {
            self.close_last(t);
            self.end = End::Reported;
        }
    }

    /// The lane for the view.
    pub(crate) fn publish(&mut self, id: LaneId) -> Arc<Lane> {
        if let Some(lane) = &self.published {
            return Arc::clone(lane);
        }
        let (mut states, mut words) = (States::default(), Words::default());
        for segment in &self.past {
            words.push(segment.from, segment.state, &segment.note, segment.held_by.as_ref(), None);
            states.push(segment.from, by_word(segment.state), 0);
        }
        let last = self.past.last();
        let end = last.filter(|last| self.has_ended() && last.until.is_some()).map(|last| match last.state {
            TaskState::Failed => LaneEnd::Failed(Arc::clone(&last.note)),
            TaskState::Done => LaneEnd::Done,
            _ => LaneEnd::RunOver,
        });
        if let Some(until) = last.and_then(|last| last.until).filter(|_| end.is_some()) {
            states.push(until, LaneState::Nothing, 0);
        }
        let lane = Arc::new(Lane {
            id,
            name: self.name.as_str().into(),
            sort: self.sort,
            pid: self.pid,
            tid: self.tid,
            start_line: self.start_line,
            line: self.line,
            source: LaneSource::Words,
            states,
            words,
            reasons: Words::default(),
            marks: Arc::new([]),
            end,
        });
        self.published = Some(Arc::clone(&lane));
        lane
    }

    /// How many segments its past has.
    pub(crate) fn len(&self) -> usize {
        self.past.len()
    }

    /// Makes its older past coarser until at most so many segments are left.
    pub(crate) fn thin_out(&mut self, most: usize) {
        while self.past.len() > most.max(FEWEST) {
            self.merge_oldest();
        }
    }

    /// The last segment ends at `t`, and a new one begins. Times never run backwards within a lane.
    fn set(&mut self, t: Monotonic, doing: Doing) {
        if self.past.len() >= MAX_SEGMENTS {
            self.merge_oldest();
        }
        let t = self.close_last(t);
        // A state that lasted no time is not drawn.
        if self.past.len() > 1 && self.past.last().is_some_and(|last| last.from == t && !is_final(last.state)) {
            self.past.pop();
        }
        self.append(t, doing);
    }

    /// Ends the last segment at `t`, or at its own start if that is later. Returns the time.
    fn close_last(&mut self, t: Monotonic) -> Monotonic {
        self.published = None;
        let Some(last) = self.past.last_mut() else { return t };
        let t = t.max(last.from);
        last.until = Some(t);
        t
    }

    fn append(&mut self, from: Monotonic, doing: Doing) {
        self.published = None;
        if let Some(last) = self
            .past
            .last_mut()
            .filter(|last| last.state == doing.state && last.note == doing.note && last.held_by == doing.held_by)
        {
            last.until = None;
        } else {
            let Doing { state, note, held_by } = doing.clone();
            self.past.push(Segment { from, until: None, state, note, held_by });
        }
        self.doing = doing;
    }

    /// The last segment of all: a mark without length for its end.
    fn terminate(&mut self, t: Monotonic, last: Doing) {
        self.interrupted = None;
        self.set(t, last);
        if let Some(mark) = self.past.last_mut() {
            mark.until = Some(mark.from);
        }
    }

    /// Takes the final mark back.
    fn reopen(&mut self) {
        self.end = End::Open;
        if self.past.len() > 1 && self.past.last().is_some_and(|mark| is_final(mark.state)) {
            self.past.pop();
        }
        if let Some(last) = self.past.last_mut() {
            last.until = None;
            self.doing = Doing { state: last.state, note: Arc::clone(&last.note), held_by: last.held_by.clone() };
        }
        self.published = None;
    }

    /// Of each two neighbours in the older half the longer one stays, over the time of both.
    fn merge_oldest(&mut self) {
        let half = self.past.len() / 4 * 2;
        let mut merged: Vec<Segment> = Vec::with_capacity(self.past.len());
        let mut older = self.past.drain(..half);
        while let (Some(first), Some(second)) = (older.next(), older.next()) {
            let (from, until) = (first.from, second.until);
            let length = |segment: &Segment| segment.until.unwrap_or(segment.from).since(segment.from);
            let longer = if length(&first) >= length(&second) { first } else { second };
            match merged.last_mut() {
                Some(last) if last.state == longer.state && last.note == longer.note && last.held_by == longer.held_by => {
                    last.until = until;
                }
                _ => merged.push(Segment { from, until, ..longer }),
            }
        }
        drop(older);
        merged.append(&mut self.past);
        self.past = merged;
        self.published = None;
    }
}

/// The state of a lane whose program's word is all that is known.
const fn by_word(state: TaskState) -> LaneState {
    match state {
        TaskState::Created | TaskState::Starting => LaneState::Created,
        TaskState::Ready => LaneState::Ready,
        TaskState::Running => LaneState::Running,
        TaskState::Waiting => LaneState::Blocked,
        TaskState::Sleeping => LaneState::Sleeping,
        TaskState::Stopped => LaneState::Stopped,
        TaskState::Zombie => LaneState::Zombie,
        TaskState::Done | TaskState::Failed => LaneState::Nothing,
    }
}

const fn is_final(state: TaskState) -> bool {
    matches!(state, TaskState::Done | TaskState::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doing(state: TaskState) -> Doing {
        Doing { state, note: "".into(), held_by: None }
    }

    fn track() -> Track {
        let pid = Pid::new(1);
        Track::new("a".to_owned(), TaskSort::Thread, pid, None, false, Monotonic::ZERO, doing(TaskState::Running))
    }

    #[test]
    fn the_past_is_bounded_and_keeps_its_whole_length() {
        let mut track = track();
        for t in 1..100_000_u64 {
            let state = if t % 2 == 0 { TaskState::Running } else { TaskState::Sleeping };
            track.change(Monotonic::from_nanos(t * 10), doing(state));
        }
        let past = &track.past;
        assert!(past.len() <= MAX_SEGMENTS);
        assert_eq!(
            (past[0].from, past.last().map(|last| (last.from.nanos(), last.until))),
            (Monotonic::ZERO, Some((999_990, None)))
        );
        assert!(past.windows(2).all(|pair| pair[0].until == Some(pair[1].from)), "no gap, no overlap");
    }

    #[test]
    fn a_time_that_runs_backwards_is_moved_to_the_last_change() {
        let mut track = track();
        track.change(Monotonic::from_nanos(10), doing(TaskState::Waiting));
        track.change(Monotonic::from_nanos(5), doing(TaskState::Running));
        let past = &track.past;
        assert_eq!(past.len(), 1, "the wait lasted no time: {past:?}");
        assert_eq!((past[0].from.nanos(), past[0].until, past[0].state), (0, None, TaskState::Running));
    }

    #[test]
    fn what_did_not_change_is_shared() {
        let mut track = track();
        let before = track.publish(LaneId::new(1));
        assert!(Arc::ptr_eq(&before, &track.publish(LaneId::new(1))));
        track.change(Monotonic::from_nanos(5), doing(TaskState::Waiting));
        assert!(!Arc::ptr_eq(&before, &track.publish(LaneId::new(1))));
    }
}
