//! What a run of this lesson shows: when threads begin and end, what they were given, and what ends a whole process.

use std::collections::{BTreeSet, HashMap};

use crate::model::{Action, Event, EventKind, ExitStatus, Pid, TaskSort, TaskState};
use crate::scenario::card::seen::{action, after};
use crate::scenario::card::{Facts, Judge, Params, Printed, equals};

const FAIL: &str = "fail-test";
const CRASH: &str = "crash-test";

#[derive(Debug, Default)]
pub(super) struct Lives {
    printed: Printed,
    main: Option<Pid>,
    /// Main's threads that the kernel has had, and those that have ended.
    started: BTreeSet<String>,
    finished: BTreeSet<String>,
    moment: Moment,
    /// Threads that there were before main's first sleep was over, and those that had ended when it waited again.
    before_start: Option<usize>,
    ended_early: Option<usize>,
    /// Whether a person has added a thread or ended its work, and has sent a signal.
    is_touched: bool,
    is_signalled: bool,
    tests: HashMap<Pid, &'static str>,
    exits: HashMap<&'static str, ExitStatus>,
    quiet: Option<String>,
    has_failed: bool,
}

/// How far main has come.
#[derive(Debug, Default, PartialEq, Eq)]
enum Moment {
    #[default]
    Making,
    Pausing,
    Starting,
    Waiting,
}

impl Lives {
    fn main_is(&mut self, state: TaskState) {
        match (&self.moment, state) {
            (Moment::Making, TaskState::Sleeping) => self.moment = Moment::Pausing,
            (Moment::Pausing, TaskState::Running) => {
                self.moment = Moment::Starting;
                self.before_start = Some(self.started.len());
            }
            (Moment::Starting, TaskState::Sleeping | TaskState::Waiting) => {
                self.moment = Moment::Waiting;
                self.ended_early = Some(self.finished.len());
            }
            _ => {}
        }
    }

    fn begins(&mut self, pid: Pid, name: &str) {
        if let Some(test) = [FAIL, CRASH].into_iter().find(|test| *test == name) {
            self.tests.insert(pid, test);
        }
    }
}

/// How many texts there are in the first tuple of the list that main prints: `[('T', '1'), …`.
fn arguments(text: &str) -> Option<usize> {
    let list = after(text, "; shared: [").next()?;
    let first = &list[..list.find([')', ']'])?];
    Some(first.matches(['\'', '"']).count() / 2)
}

impl Judge for Lives {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, pid, .. } if task == "main" => self.main = self.main.or(Some(*pid)),
            EventKind::TaskStarted { task, sort: TaskSort::Thread, pid, tid: Some(_), .. } if Some(*pid) == self.main => {
                self.started.insert(task.clone());
            }
            EventKind::TaskStarted { task, sort: TaskSort::Process, pid, .. } => self.begins(*pid, task),
            EventKind::ProcessStarted { pid, name, .. } => self.begins(*pid, name),
            EventKind::TaskChanged { task, state, .. } if task == "main" => self.main_is(*state),
            EventKind::TaskFinished { task, result } => match task.as_str() {
                "fail-test/quiet" => self.quiet = Some(result.clone()),
                "fail-test/faulty" => self.has_failed = result != "ok",
                name if self.started.contains(name) => {
                    self.finished.insert(name.to_owned());
                }
                _ => {}
            },
            EventKind::ProcessExited { pid, status } => {
                if let Some(test) = self.tests.get(pid) {
                    // What the parent's wait gives comes last, and is known best.
                    if *status != ExitStatus::Unknown || !self.exits.contains_key(test) {
                        self.exits.insert(test, *status);
                    }
                }
            }
            _ => {}
        }
        let Some(action) = action(event) else { return };
        match action {
            Action::Own { .. } => self.is_touched |= action.target() != "main",
            _ => self.is_signalled = true,
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let made = params.count("threads") + 1;
        if let Some(started) = self.before_start {
            let claim = format!("{made} thread objects were made and none was started: threads that the program had then");
            facts.push(equals("not-before-start", &claim, 1, 1 + started));
        }
        if let Some(ended) = self.ended_early.filter(|_| !self.is_touched) {
            let claim = "start() does not wait for the function: threads that ran on after start() had returned";
            facts.push(equals("start-returns", claim, made, self.started.len() - ended));
        }
        let text = self.printed.text();
        if let Some(arguments) = arguments(text).filter(|_| !self.is_touched) {
            let (claim, expected) = if params.flag("comma") {
                ("args=(\"T1\",) is a tuple with one text: so many arguments", 1)
            } else {
                ("args=(\"T1\") is the text itself, and hands over its letters: so many arguments", 2)
            };
            facts.push(equals("args", claim, expected, arguments));
        }
        if self.is_signalled {
            return facts;
        }
        if self.exits.contains_key(FAIL) && self.has_failed {
            let claim = "an exception ended faulty alone: quiet, in the same process, ended";
            facts.push(equals("fail", claim, "ok", self.quiet.as_deref().unwrap_or("with its process")));
        }
        if let Some(status) = self.exits.get(CRASH).filter(|status| **status != ExitStatus::Unknown) {
            let ended = match status {
                ExitStatus::Signaled { signal, .. } => signal.to_string(),
                other => other.to_string(),
            };
            facts.push(equals("crash", "abort() in one thread ended its whole process: crash-test", "SIGABRT", ended));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::threads::thread_basics::THREAD_BASICS;

    const RUN: &str = r#"
        {"t":1,"kind":"task.started","pid":7,"task":"main","sort":"thread","tid":7}
        {"t":1,"kind":"task.started","pid":7,"task":"th1","sort":"thread"}
        {"t":2,"kind":"task.state","task":"main","state":"sleeping"}
        {"t":3,"kind":"task.state","task":"main","state":"running"}
        {"t":4,"kind":"task.started","pid":7,"task":"th1","sort":"thread","tid":8}
        {"t":4,"kind":"task.started","pid":7,"task":"clock","sort":"thread","tid":9}
        {"t":5,"kind":"task.state","task":"main","state":"waiting","on":"join()"}
        {"t":6,"kind":"task.finished","task":"th1","result":"ok"}
        {"t":6,"kind":"task.finished","task":"clock","result":"ok"}
        {"t":7,"kind":"output","pid":7,"stream":"stdout","text":"th1 is alive: False; shared: [('T1',)]\n"}
        {"t":8,"kind":"task.started","pid":20,"task":"fail-test","sort":"process","tid":20}
        {"t":8,"kind":"process.started","pid":21,"ppid":7,"pgid":7,"sid":1,"name":"crash-test","argv":[]}
        {"t":9,"kind":"task.finished","task":"fail-test/faulty","result":"ZeroDivisionError: division by zero"}
        {"t":9,"kind":"task.finished","task":"fail-test/quiet","result":"ok"}
        {"t":9,"kind":"process.exited","pid":20,"code":0}
        {"t":9,"kind":"process.exited","pid":21,"signal":"SIGABRT","core":false}"#;

    fn with(name: &str, value: &str) -> Params {
        let mut params = Params::defaults(THREAD_BASICS.params);
        params.set(THREAD_BASICS.params, "threads", "1").expect("in range");
        params.set(THREAD_BASICS.params, name, value).expect("in range");
        params
    }

    #[test]
    fn each_claim_can_fail() {
        let failed = |lines: &str| failed(Lives::default(), &with("comma", "true"), lines);
        assert_eq!(failed(RUN), [""; 0]);
        assert_eq!(failed(&RUN.replacen(r#""sort":"thread"}"#, r#""sort":"thread","tid":8}"#, 1)), ["not-before-start"]);
        let waits = r#"{"t":5,"kind":"task.state","task":"main","state":"waiting","on":"join()"}"#;
        assert_eq!(failed(&(RUN.replace(waits, "") + "\n" + waits)), ["start-returns"]);
        assert_eq!(failed(&RUN.replace("('T1',)", "('T', '1')")), ["args"]);
        assert_eq!(failed(&RUN.replace(r#""fail-test/quiet""#, r#""fail-test/other""#)), ["fail"]);
        assert_eq!(failed(&RUN.replace("SIGABRT", "SIGSEGV")), ["crash"]);
    }

    #[test]
    fn both_languages_lists_are_read_and_a_killed_test_is_not_judged() {
        assert_eq!(["x; shared: [('T', '1'), ('T', '1')]", r#"x; shared: [["T1"], ["T1"]]"#].map(arguments), [Some(2), Some(1)]);
        let kill = r#"{"t":1,"kind":"action","do":"kill","target":"crash-test","by":"you"}"#;
        let lines = format!("{kill}\n{}", RUN.replace("SIGABRT", "SIGKILL"));
        assert_eq!(failed(Lives::default(), &with("comma", "true"), &lines), [""; 0]);
    }
}
