//! The lesson: a Rust body reports its steps through it, and takes actions from it. Inside the worker process.
//! With none of the environment's variables set, the body runs all the same, unheard.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::model::{Action, By, EventKind, Level, Line, LineIntent, Monotonic, Refusal, TaskSort, TaskState, Tid};
use crate::scenario::card::{ParamError, ParamSpec, Params, Reply, STEP};
use crate::scenario::lesson::body::Body;
use crate::scenario::lesson::control::{Control, LessonAction, Received, TOO_LATE};
use crate::scenario::lesson::reporter::Reporter;
use crate::scenario::lesson::tracking::lane::{Lane, write_stamped};
use crate::scenario::lesson::tracking::tracker::Tracker;
use crate::sys::{adopt_fd, advice_on_clone, monotonic_now, own_pid};

/// Why a body could not go on.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// The kernel refused something.
    #[error("could not {what}: {source}{}", advice_on_clone(source))]
    Kernel {
        /// The attempt, after "could not".
        what: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// `TASKLAB_PARAMS` does not suit the scenario.
    #[error("could not take the parameters of TASKLAB_PARAMS: {0}")]
    Param(#[from] ParamError),
    /// `TASKLAB_PARAMS` is no JSON object.
    #[error("could not read TASKLAB_PARAMS as a JSON object: {0}")]
    Json(#[from] serde_json::Error),
}

impl LessonError {
    /// For `map_err`: what the body tried, after "could not".
    pub(crate) fn kernel<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        |source| Self::Kernel { what, source: source.into() }
    }
}

/// Actions that a body's end answers, at most.
const MOST_LEFT: usize = 1_000;

/// The body's clock, voice and ear.
#[derive(Debug)]
pub struct Lesson {
    reporter: Reporter,
    control: Mutex<Control>,
    tracker: Tracker,
    body: Body,
}

impl Lesson {
    /// The lesson that the environment describes: `TASKLAB_EVENTS`, `TASKLAB_CONTROL` and `TASKLAB_T0`; `TASKLAB_ORDER` may say in
    /// which order its tasks go on. Call it once, as it takes the descriptors over.
    pub fn from_environment() -> Self {
        let began = number("TASKLAB_T0").map_or_else(monotonic_now, Monotonic::from_nanos);
        let adopt = |name| number(name).and_then(|fd| adopt_fd(fd).ok());
        let lesson = Self::new(adopt("TASKLAB_EVENTS"), adopt("TASKLAB_CONTROL"), began);
        lesson.replay(&std::env::var("TASKLAB_ORDER").unwrap_or_default());
        lesson
    }

    /// A lesson over these pipe ends.
    pub(crate) fn new(events: Option<OwnedFd>, actions: Option<OwnedFd>, began: Monotonic) -> Self {
        let tracker = Tracker::new(events.is_some());
        Self {
            reporter: Reporter::new(events, began),
            control: Mutex::new(Control::new(actions)),
            tracker,
            body: Body::default(),
        }
    }

    /// Its threads, sleeps and children.
    pub(crate) const fn body(&self) -> &Body {
        &self.body
    }

    /// The values of `TASKLAB_PARAMS`, checked; the defaults where it says nothing.
    pub(crate) fn params(specs: &[ParamSpec]) -> Result<Params, LessonError> {
        let given: BTreeMap<String, Value> = match std::env::var("TASKLAB_PARAMS") {
            Ok(text) if !text.trim().is_empty() => serde_json::from_str(&text)?,
            _ => BTreeMap::new(),
        };
        Ok(Params::checked(specs, &given)?)
    }

    /// Time since the run began.
    pub fn now(&self) -> Monotonic {
        self.reporter.now()
    }

    /// Whether anybody listens to the events.
    pub(crate) fn has_listener(&self) -> bool {
        self.reporter.is_open()
    }

    /// The lanes, with what they wait for and hold.
    #[inline]
    pub(crate) const fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// The way to tell events.
    pub(crate) const fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// A circle of waits: each lane waits for what the next one holds, and the last for what the first one holds. As
    /// pairs of a lane and what it waits for: `[("left", "lock screen"), ("right", "lock prices")]`. Empty if there is
    /// no deadlock at the moment.
    pub fn deadlock(&self) -> Vec<(String, String)> {
        let circle = self.tracker.circle().unwrap_or_default();
        circle.into_iter().map(|(lane, wait)| (lane.name.clone(), wait.on.to_string())).collect()
    }

    /// Tells that something happened, now.
    pub fn report(&self, kind: EventKind) {
        self.reporter.report(kind);
    }

    /// Shows a number or text under a name.
    pub fn value(&self, name: impl Into<String>, value: impl Into<Value>) {
        self.report(EventKind::Value { name: name.into(), value: value.into() });
    }

    /// Shows a sentence about something that went wrong without ending the run.
    pub fn notice(&self, text: impl Into<String>) {
        self.report(EventKind::Notice { text: text.into() });
    }

    /// Asks for a level on an output line of the board.
    pub fn gpio(&self, line: Line, level: Level) {
        self.reporter.intend(LineIntent::Drive(line, level));
    }

    /// Makes a line of the board a button, which connects it with ground.
    pub(crate) fn watch(&self, line: Line) {
        self.reporter.intend(LineIntent::Watch(line));
    }

    /// Prints a line on standard output. A terminal that has gone is no reason to end.
    pub fn say(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Prints a text at once, without the end of a line.
    pub fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Opens a lane for something of this process that the calling thread runs. If it is a thread or a process, the
    /// primitives know from now on that it is this task which waits and holds.
    #[track_caller]
    pub fn task(&self, name: impl Into<String>, sort: TaskSort) -> Task<'_> {
        self.task_at(name.into(), sort, self.tracker.line(Location::caller()))
    }

    /// Opens a lane, for a task that was started in this line of the body.
    pub(crate) fn task_at(&self, name: String, sort: TaskSort, line: Option<u32>) -> Task<'_> {
        let tid = Some(Tid::new(rustix::thread::gettid().as_raw_nonzero().get()));
        self.report(EventKind::TaskStarted { task: name.clone(), sort, pid: own_pid(), tid, line });
        let lane = matches!(sort, TaskSort::Thread | TaskSort::Process).then(|| self.tracker.open(&name));
        Task { lesson: self, name, lane }
    }

    /// Shows something that does not run yet: a thread before its start, a future.
    pub(crate) fn created(&self, name: &str, sort: TaskSort, line: Option<u32>) {
        self.report(EventKind::TaskStarted { task: name.to_owned(), sort, pid: own_pid(), tid: None, line });
    }

    /// Shows how a task is.
    pub(crate) fn changed(&self, task: &str, state: TaskState, on: Option<&str>) {
        let (task, on) = (task.to_owned(), on.map(str::to_owned));
        self.report(EventKind::TaskChanged { task, state, on, held_by: None, woken_by: None, line: None, at_most: None });
    }

    /// Sleeps until there is an action, at most this long.
    pub fn next_action(&self, timeout: Duration) -> Result<Option<LessonAction>, LessonError> {
        self.listen(&[], timeout)
    }

    /// Sleeps until there is an action, or one of `others` is readable or closed, at most this long.
    pub fn listen(&self, others: &[BorrowedFd<'_>], timeout: Duration) -> Result<Option<LessonAction>, LessonError> {
        write_stamped(&self.reporter);
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let received = control.listen(others, timeout).map_err(LessonError::kernel("wait for an action"))?;
        let is_alone = !control.is_open();
        drop(control);
        if is_alone && matches!(received, Received::Nothing) {
            self.leave_step_mode();
        }
        match received {
            Received::Action(action) if action.name == STEP => {
                self.step(&action);
                Ok(None)
            }
            Received::Action(action) => Ok(Some(action)),
            Received::Nothing => Ok(None),
            Received::Nonsense(line) => {
                self.notice(format!("a line that is no action was skipped: {line}"));
                Ok(None)
            }
        }
    }

    /// Says why an action cannot be done now, and what would be accepted.
    pub fn refuse(&self, action: &LessonAction, why: &str) {
        let action = Action::from_words(&action.name, &action.target);
        // The engine, which passed it on, knows who asked for it.
        self.report(EventKind::ActionRefused { action, by: By::Lesson, why: Box::new(Refusal::Said(why.to_owned())) });
    }

    /// Says so if an action was not done.
    pub fn answer(&self, action: &LessonAction, reply: &Reply) {
        if let Err(why) = reply {
            self.refuse(action, why);
        }
    }

    /// Refuses the actions that nobody has taken when the body has come to its end.
    pub(crate) fn refuse_what_is_left(&self) {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody who never stops talking must not keep the lesson from ending.
        for _ in 0..MOST_LEFT {
            match control.listen(&[], Duration::ZERO) {
                Ok(Received::Action(action)) => self.refuse(&action, TOO_LATE),
                Ok(Received::Nonsense(_)) => {}
                Ok(Received::Nothing) | Err(_) => return,
            }
        }
    }

    /// Leaves all actions to the parent.
    pub(crate) fn stop_listening(&self) {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

fn number<N: std::str::FromStr>(variable: &str) -> Option<N> {
    std::env::var(variable).ok()?.trim().parse().ok()
}

/// A lane of the timeline, and how its task is.
#[derive(Debug)]
pub struct Task<'s> {
    lesson: &'s Lesson,
    name: String,
    lane: Option<Arc<Lane>>,
}

impl Task<'_> {
    /// It runs; `on` says what, and may be empty.
    #[track_caller]
    pub fn running(&self, on: &str) {
        self.changed(TaskState::Running, on, None);
    }

    /// It waits for something that somebody else must do.
    #[track_caller]
    pub fn waiting(&self, on: &str, held_by: Option<&str>) {
        self.changed(TaskState::Waiting, on, held_by);
    }

    /// It is in some other state.
    #[track_caller]
    pub fn is(&self, state: TaskState) {
        self.changed(state, "", None);
    }

    /// It has ended; `result` is `ok`, or says what went wrong.
    pub fn finish(self, result: &str) {
        if let Some(lane) = &self.lane {
            self.lesson.tracker.close(lane, &self.lesson.reporter);
        }
        self.lesson.report(EventKind::TaskFinished { task: self.name.clone(), result: result.to_owned() });
    }

    #[track_caller]
    fn changed(&self, state: TaskState, on: &str, held_by: Option<&str>) {
        if let Some(lane) = &self.lane {
            lane.is_told_to_wait.store(state == TaskState::Waiting, Ordering::Relaxed);
        }
        self.lesson.report(EventKind::TaskChanged {
            task: self.name.clone(),
            state,
            on: (!on.is_empty()).then(|| on.to_owned()),
            held_by: held_by.map(str::to_owned),
            woken_by: None,
            line: self.lesson.tracker.line(Location::caller()),
            at_most: None,
        });
    }
}
