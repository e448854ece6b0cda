//! The sentences of the log, for each kind of event. Pure functions; nothing here decides whether a sentence is told.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::engine::fold::numbers::{count, plain};
use crate::engine::fold::timeline::lanes::{Change, WITH_PROCESS};
use crate::engine::fold::timeline::track::Doing;
use crate::model::{
    Action, By, ExitStatus, Fact, Finished, Language, Level, Line, Monotonic, Pid, ProcessRow, Reason, Scope, Sent, Severity,
    Stream, TaskSort, TaskState, Tid, WaitKind, Word,
};

/// `sort (4716)`, or `process 4716` where it has no name.
pub(crate) fn process(pid: Pid, row: Option<&ProcessRow>) -> String {
    match row {
        Some(row) if !row.name.is_empty() => format!("{} ({pid})", row.name),
        _ if pid.number() == 1 => "init (1)".to_owned(),
        _ => format!("process {pid}"),
    }
}

/// The kernel's switch records that are missing; 0 where it has not told how many.
pub(crate) fn records_lost(number: u64, is_total: bool) -> String {
    let lost = match number {
        0 => "Switch records were lost".to_owned(),
        1 => "1 switch record was lost".to_owned(),
        _ => count(number, "", "switch records were lost"),
    };
    let in_all = if is_total { " in all" } else { "" };
    format!("{lost}{in_all}: they could not be read in time. The lanes say unknown there.")
}

pub(crate) fn run_started(title: &str, language: Language) -> String {
    match language {
        Language::Rust => format!("{title}: the run starts, as Rust."),
        Language::Python => format!("{title}: the run starts, as Python."),
        Language::Program => format!("{title}: the run starts."),
    }
}

pub(crate) fn run_finished(finished: &Finished) -> (Severity, String) {
    let Finished { elapsed_s, processes_left, reason, .. } = finished;
    let after = format!("after {elapsed_s:.2} s");
    let (severity, how) = match reason {
        None => (Severity::Good, format!("passed {after}")),
        Some(reason) if reason.is_wanted() => (Severity::User, format!("was {reason} {after}")),
        Some(Reason::TimedOut) => (Severity::Bad, format!("was {} {after}", Reason::TimedOut)),
        Some(reason) => (Severity::Bad, format!("failed {after}: {reason}")),
    };
    let left = match processes_left {
        0 => "no process is left".to_owned(),
        1 => "one process is left".to_owned(),
        _ => format!("{} are left", count((*processes_left).into(), "process", "processes")),
    };
    (severity, format!("The run {how}; {left}."))
}

pub(crate) fn started(who: &str, parent: Option<&str>) -> String {
    match parent {
        Some(parent) => format!("{who} started, a child of {parent}."),
        None => format!("{who} started."),
    }
}

pub(crate) fn orphaned(who: &str, adopter: &str) -> String {
    format!("{who} is an orphan: its parent has died, and {adopter} adopted it.")
}

pub(crate) fn renamed(pid: Pid, was: &str, now: &str) -> String {
    format!("Process {pid}, until now {was}, is called {now} now.")
}

/// How a process has ended, as a clause.
fn ending(status: Option<ExitStatus>) -> String {
    match status {
        Some(ExitStatus::Exited(code)) => format!("exited with status {code}"),
        Some(ExitStatus::Signaled { signal, core_dumped: false }) => format!("was killed by {signal}"),
        Some(ExitStatus::Signaled { signal, core_dumped: true }) => format!("was killed by {signal} and left a core dump"),
        Some(ExitStatus::Unknown) => "has ended; its parent waited on it before Task Lab could read how".to_owned(),
        None => "has ended".to_owned(),
    }
}

pub(crate) fn ended(who: &str, status: Option<ExitStatus>) -> String {
    format!("{who} {}.", ending(status))
}

pub(crate) fn zombie(who: &str, status: Option<ExitStatus>) -> String {
    format!("{who} {}; its parent has not waited on it: it is a zombie.", ending(status))
}

pub(crate) fn zombie_reaped(who: &str, status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("The zombie {who} was waited on and is gone; its status was read: {status}."),
        None => format!("The zombie {who} was waited on and is gone."),
    }
}

/// The result of a wait: the processes that have ended, and those that have not within its time limit.
pub(crate) fn waited(action: WaitKind, done: &[(String, ExitStatus)], pending: &[String]) -> String {
    let done: Vec<String> = done.iter().map(|(who, status)| format!("{who} {}", ending(Some(*status)))).collect();
    let pending = pending.join(", ");
    match (done.is_empty(), pending.is_empty()) {
        (true, true) => "The wait has found no child.".to_owned(),
        // A wait on any has given one child; the others were not waited for.
        (false, false) if action == WaitKind::Any => format!("The wait is over: {}.", done.join("; ")),
        (false, true) => format!("The wait is over: {}.", done.join("; ")),
        (true, false) => format!("The wait has come to its time limit: nobody of {pending} has ended."),
        (false, false) => format!("The wait has come to its time limit: {}; not ended: {pending}.", done.join("; ")),
    }
}

/// The note of a lane's segment about an ended process.
pub(crate) fn zombie_note(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "zombie".to_owned(), |status| format!("{status}: zombie"))
}

pub(crate) fn end_note(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "ended".to_owned(), |status| status.to_string())
}

pub(crate) fn output_dropped(who: &str, stream: Stream, bytes: u64) -> String {
    let were = if bytes == 1 { "was" } else { "were" };
    format!("{} of the {stream} of {who} {were} not kept.", count(bytes, "byte", "bytes"))
}

pub(crate) fn task_started(task: &str, sort: TaskSort, pid: Pid, tid: Option<Tid>) -> String {
    match (sort, tid) {
        (TaskSort::Process, _) => format!("{task} started, as process {pid}."),
        (TaskSort::Thread, Some(tid)) => format!("{task} started, as thread {tid}."),
        (TaskSort::Thread, None) => format!("{task} was created; it has not started."),
        (TaskSort::Coroutine, _) => format!("{task} was created, a coroutine."),
        (TaskSort::Event, _) => format!("{task} was scheduled."),
        (TaskSort::Future, _) => format!("{task} was submitted; its result will come."),
    }
}

pub(crate) fn task_renamed(was: &str, now: &str) -> String {
    format!("{was} is called {now} now.")
}

/// The status of a Python process that ends by an exception.
const UNCAUGHT: &str = "1";
/// The name of the person who acts, as a holder.
const YOU: &str = "you";
/// The beginning of a wait's name where step mode has stopped the task.
const GATE: &str = "step: ";

/// The sentence about a change of a task's state, if it is worth one.
pub(crate) fn task_changed(task: &str, change: &Change) -> Option<String> {
    let Change { was, now, woken_by } = change;
    let was_waiting_on = |on: &str| was.as_ref().is_some_and(|was| was.state == TaskState::Waiting && &*was.note == on);
    Some(match (now.state, &*now.note, now.held_by.as_deref()) {
        (TaskState::Waiting, on, _) if on.starts_with(GATE) => {
            format!("{task} stops before its next step: {}.", &on[GATE.len()..])
        }
        (TaskState::Waiting, on, Some(who)) if on.ends_with(')') => format!("{task} waits in {on} for {who}."),
        (TaskState::Waiting, on, Some(holder)) if was_waiting_on(on) => {
            format!("{task} still waits for {on}, which {holder} {} now.", if holder == YOU { "have" } else { "has" })
        }
        (TaskState::Waiting, on, Some(holder))
            if ["lock ", "semaphore ", "condition "].iter().any(|sort| on.starts_with(sort)) =>
        {
            format!("{task} asks for {on}, which {holder} {}.", if holder == YOU { "hold" } else { "holds" })
        }
        (TaskState::Waiting, on, Some(holder)) if !on.is_empty() && !Word::names(on, holder) => {
            format!("{task} waits for {on} from {holder}.")
        }
        (TaskState::Waiting, "", _) => format!("{task} waits."),
        (TaskState::Waiting, on, _) if on.ends_with('?') => format!("{task} waits for {on}"),
        (TaskState::Waiting, on, _) if on.ends_with("()") => format!("{task} waits in {on}."),
        (TaskState::Waiting, on, _) => format!("{task} waits for {on}."),
        (TaskState::Stopped, ..) => format!("{task} is stopped."),
        (TaskState::Running, on, _) => match was {
            Some(Doing { state: TaskState::Waiting, note, held_by }) if &**note == on && !on.is_empty() => {
                match (woken_by, held_by) {
                    (Some(releaser), _) => format!("{task} got {on}, which {releaser} released."),
                    (None, Some(holder)) => format!("{task} got {on}, which {holder} had."),
                    (None, None) => format!("{task} got {on}."),
                }
            }
            Some(Doing { state: TaskState::Waiting, note, .. }) if note.starts_with(GATE) => {
                format!("{task} takes its step: {}.", &note[GATE.len()..])
            }
            Some(Doing { state: TaskState::Waiting, note, .. }) if !note.is_empty() => match woken_by {
                Some(waker) => format!("{task} waits no longer for {note}: {waker} let it go on."),
                None => format!("{task} waits no longer for {note}."),
            },
            Some(Doing { state: TaskState::Stopped, .. }) => format!("{task} goes on."),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whether [`task_changed`] has a sentence for it; cheaper than making one.
pub(crate) fn is_logged(change: &Change) -> bool {
    let was = change.was.as_ref().map(|was| was.state);
    match change.now.state {
        TaskState::Waiting | TaskState::Stopped => true,
        TaskState::Running => matches!(was, Some(TaskState::Waiting | TaskState::Stopped)),
        _ => false,
    }
}

pub(crate) fn task_finished(task: &str, result: &str) -> (Severity, String) {
    if result == "ok" {
        (Severity::Info, format!("{task} finished."))
    } else if result == "cancelled" {
        (Severity::Info, format!("{task} was cancelled."))
    } else if result == WITH_PROCESS {
        (Severity::Info, format!("{task} {result}."))
    } else if let Some(status) = result.strip_prefix("exit ").filter(|status| *status != UNCAUGHT) {
        (Severity::Info, format!("{task} left with status {status}."))
    } else {
        (Severity::Bad, format!("{task} failed: {result}"))
    }
}

/// A finished operation on a thing, and what it gave.
pub(crate) fn operation(task: &str, action: &str, on: Option<&str>, result: Option<&Value>) -> String {
    let on = on.map(|on| format!(" on {on}")).unwrap_or_default();
    match result {
        // What is put was given to it.
        Some(item) if action == "put" && item.as_str().is_none_or(|word| word != "ok") => {
            format!("{task}: {action} {}{on}.", plain(item))
        }
        None | Some(Value::Null) => format!("{task}: {action}{on} is done."),
        Some(Value::String(word)) if word == "ok" => format!("{task}: {action}{on} is done."),
        Some(result) => format!("{task}: {action}{on} gave {}.", plain(result)),
    }
}

pub(crate) fn task_counts(task: &str, acquired: u64, waited: Option<u64>) -> String {
    let times = |number| count(number, "time", "times");
    match waited {
        None => format!("{task} got what it asked for {}.", times(acquired)),
        Some(0) => format!("{task} got what it asked for {}, and never had to wait for it.", times(acquired)),
        Some(waited) => format!("{task} got what it asked for {}, and had to wait for it {}.", times(acquired), times(waited)),
    }
}

pub(crate) fn fact(fact: &Fact) -> (Severity, String) {
    let Fact { claim, expected, observed, holds, .. } = fact;
    let (severity, mark) = if *holds { (Severity::Good, "It holds") } else { (Severity::Bad, "It does not hold") };
    (severity, format!("{mark}: {claim} (expected {}, observed {}).", plain(expected), plain(observed)))
}

pub(crate) fn gpio(line: Line, level: Level) -> String {
    format!("{line} is {level} now.")
}

pub(crate) fn watched(line: Line) -> String {
    format!("{line} is a button of this lesson.")
}

/// The process that an action is done to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'a> {
    /// The process that is meant, or in which the task lives that is meant.
    pub(crate) row: Option<&'a ProcessRow>,
    /// The sort of the task, if it is only a part of that process.
    pub(crate) part: Option<TaskSort>,
}

/// An action at `t`. It also says if the signal reaches more than its target, or changes nothing because the target is dead.
pub(crate) fn action(t: Monotonic, action: &Action, reached: Reached<'_>, by: By) -> (Severity, String) {
    let Reached { row, part } = reached;
    let (severity, who) = match by {
        By::You => (Severity::User, "You"),
        By::Script => (Severity::User, "The script"),
        By::Lesson => (Severity::Info, "The lesson"),
        By::Timeout | By::TaskLab => (Severity::Info, "Task Lab"),
    };
    let target = action.target();
    let waited = |on: &str, limit: &Option<Duration>| {
        let limit = limit.map(|limit| format!(", for at most {} s", limit.as_secs_f64())).unwrap_or_default();
        format!("{who} waited on {on}{limit}.")
    };
    let mut text = match action {
        Action::Send(sent, _, Scope::Process) => format!("{who} sent {} to {target}.", sent.signal()),
        Action::Send(sent, _, Scope::Group) => format!("{who} sent {} to the group of {target}.", sent.signal()),
        Action::Send(sent, _, Scope::Tree) => format!("{who} sent {} to {target} and all its descendants.", sent.signal()),
        Action::Wait(_) => format!("{who} asked for {target} to be waited on."),
        Action::WaitAny(limit) => waited("whichever child ends first", limit),
        Action::WaitAll(limit) => waited("all children", limit),
        Action::Toggle(_) => format!("{who} asked for {target} to be toggled."),
        Action::Press(_) => format!("{who} pressed the button of {target}."),
        Action::End if by == By::Timeout => "The time limit has passed: Task Lab ends the run.".to_owned(),
        Action::End => format!("{who} ended the run."),
        Action::StopEverything => format!("{who} stopped everything."),
        Action::Type(process, text) if text.is_empty() => format!("{who} typed an empty line to {process}."),
        Action::Type(process, text) => format!("{who} typed “{text}” to {process}."),
        Action::CloseInput(_) => format!("{who} closed the standard input of {target}."),
        Action::Own { name, target } if target.is_empty() => format!("{who} pressed “{name}”."),
        Action::Own { name, .. } => format!("{who} pressed “{name}” for {target}."),
    };
    let Action::Send(sent, _, scope) = action else { return (severity, text) };
    if *scope == Scope::Process
        && let Some(row) = row.filter(|row| row.ended.is_some_and(|ended| ended <= t))
    {
        text.push_str(match sent {
            _ if row.is_reaped() => " Nothing changed: it has ended, and its number is free.",
            Sent::Kill | Sent::Terminate => " Nothing changed: one cannot kill the dead. Wait on it instead.",
            _ => " Nothing changed: it is dead already. Wait on it instead.",
        });
    } else if let (Some(part), Some(row)) = (part, row) {
        let _ = write!(
            text,
            " A signal goes to the whole process: {}, in which {target} is only a {part}.",
            process(row.pid, Some(row))
        );
    }
    (severity, text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::fold::tree::StartedProcess;
    use crate::model::{Pgid, Sid, Signal};

    fn doing(state: TaskState, note: &str, held_by: Option<&str>) -> Doing {
        Doing { state, note: note.into(), held_by: held_by.map(Into::into) }
    }

    fn change(was: Doing, now: Doing) -> Option<String> {
        let change = Change { was: Some(was), now, woken_by: None };
        let text = task_changed("worker-2", &change);
        assert!(text.is_none() || is_logged(&change), "{text:?}");
        text
    }

    #[test]
    fn waiting_names_the_thing_and_who_has_it() {
        use TaskState::{Running, Sleeping, Waiting};
        let runs = || doing(Running, "", None);
        let waits = || doing(Waiting, "lock A", Some("worker-1"));
        for (was, now, text) in [
            (runs(), waits(), Some("worker-2 asks for lock A, which worker-1 holds.")),
            (
                waits(),
                doing(Waiting, "lock A", Some("worker-3")),
                Some("worker-2 still waits for lock A, which worker-3 has now."),
            ),
            (waits(), doing(Running, "lock A", None), Some("worker-2 got lock A, which worker-1 had.")),
            (waits(), runs(), Some("worker-2 waits no longer for lock A.")),
            (runs(), doing(Waiting, "wait()", Some("child-1")), Some("worker-2 waits in wait() for child-1.")),
            (
                runs(),
                doing(Waiting, "the job, in the foreground", Some("job")),
                Some("worker-2 waits for the job, in the foreground."),
            ),
            (runs(), doing(Waiting, "barrier gate", None), Some("worker-2 waits for barrier gate.")),
            (runs(), doing(Waiting, "join()", None), Some("worker-2 waits in join().")),
            (runs(), doing(Waiting, "", None), Some("worker-2 waits.")),
            (runs(), doing(Waiting, "step: acquire lock A", None), Some("worker-2 stops before its next step: acquire lock A.")),
            (doing(Waiting, "step: acquire lock A", None), runs(), Some("worker-2 takes its step: acquire lock A.")),
            (runs(), doing(Sleeping, "", None), None),
        ] {
            assert_eq!(change(was, now).as_deref(), text);
        }
    }

    fn row() -> ProcessRow {
        let mut table = crate::engine::fold::tree::ProcessTable::default();
        let pid = Pid::new(4711);
        let (pgid, sid) = (Pgid::new(4711), Sid::new(4711));
        table.started(Monotonic::ZERO, StartedProcess { pid, ppid: Pid::new(1), pgid, sid, name: "race", argv: &[] });
        table.row(pid).expect("it started").clone()
    }

    #[test]
    fn the_end_of_a_wait_names_the_task_that_let_it_go_on_where_that_is_known() {
        use TaskState::{Running, Waiting};
        for (was, now, text) in [
            (
                doing(Waiting, "lock A", Some("worker-1")),
                doing(Running, "lock A", None),
                "worker-2 got lock A, which worker-3 released.",
            ),
            (
                doing(Waiting, "event go", None),
                doing(Running, "", None),
                "worker-2 waits no longer for event go: worker-3 let it go on.",
            ),
        ] {
            let change = Change { was: Some(was), now, woken_by: Some("worker-3".into()) };
            assert_eq!(task_changed("worker-2", &change).as_deref(), Some(text));
        }
    }

    #[test]
    fn an_operation_says_what_it_gave() {
        let said = |on: Option<&str>, result: Option<Value>| operation("worker-1", "wait", on, result.as_ref());
        assert_eq!(said(Some("barrier gate"), Some(json!(2))), "worker-1: wait on barrier gate gave 2.");
        assert_eq!(
            said(Some("barrier gate"), Some(json!("BrokenBarrierError"))),
            "worker-1: wait on barrier gate gave BrokenBarrierError."
        );
        assert_eq!(said(Some("event go"), Some(json!(false))), "worker-1: wait on event go gave false.");
        assert_eq!(said(Some("event go"), Some(json!("ok"))), "worker-1: wait on event go is done.");
        assert_eq!(said(None, None), "worker-1: wait is done.");
        assert_eq!(operation("cook", "put", Some("queue belt"), Some(&json!(8))), "cook: put 8 on queue belt.");
    }

    #[test]
    fn a_signal_to_a_thread_says_that_it_reaches_the_whole_process() {
        let row = row();
        let said = |what: &str, part| {
            let what = Action::from_words(what, "worker-1");
            action(Monotonic::ZERO, &what, Reached { row: Some(&row), part }, By::You).1
        };
        assert_eq!(
            said("kill", Some(TaskSort::Thread)),
            "You sent SIGKILL to worker-1. A signal goes to the whole process: race (4711), in which worker-1 is only a thread."
        );
        assert_eq!(said("kill", None), "You sent SIGKILL to worker-1.");
        assert_eq!(said("release", Some(TaskSort::Thread)), "You pressed “release” for worker-1.");
    }

    #[test]
    fn a_time_limit_has_its_unit_once() {
        for (target, text) in [
            ("", "You waited on all children."),
            ("2", "You waited on all children, for at most 2 s."),
            ("2s", "You waited on all children, for at most 2 s."),
        ] {
            let all = Action::from_words("wait-all", target);
            assert_eq!(action(Monotonic::ZERO, &all, Reached { row: None, part: None }, By::You).1, text);
        }
    }

    #[test]
    fn a_signal_to_the_dead_changed_nothing_and_one_that_killed_did() {
        let mut row = row();
        row.ended = Some(Monotonic::from_nanos(10));
        let said = |t| {
            let (kill, reached) = (Sent::Kill.to("race"), Reached { row: Some(&row), part: None });
            action(Monotonic::from_nanos(t), &kill, reached, By::You).1
        };
        assert_eq!(said(5), "You sent SIGKILL to race.", "it was sent before it ended");
        assert_eq!(said(10), "You sent SIGKILL to race. Nothing changed: one cannot kill the dead. Wait on it instead.");
    }

    #[test]
    fn ends_say_what_is_known_and_no_more() {
        let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
        assert_eq!(ended("sort (4716)", Some(killed)), "sort (4716) was killed by SIGKILL.");
        assert_eq!(ended("sort (4716)", None), "sort (4716) has ended.");
        assert_eq!(
            zombie("sort (4716)", Some(ExitStatus::Exited(0))),
            "sort (4716) exited with status 0; its parent has not waited on it: it is a zombie."
        );
    }
}
