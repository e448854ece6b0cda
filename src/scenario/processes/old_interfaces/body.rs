//! The old interfaces, and what they are made of: a fork, perhaps a shell, an exec, perhaps a wait
//! (concepts 65, 66, 67, 68 and 89). The body has one thread, or it could not fork.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use rustix::stdio::{dup2_stdin, dup2_stdout};
use serde_json::{Value, json};

use crate::model::{EventKind, ExitStatus, Pid, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork, Reaped};
use crate::scenario::lesson::forks::exec;
use crate::scenario::lesson::proc::{children_of, link_of, stat_of};
use crate::scenario::lesson::words::{unknown, yes_or_no};
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::{PidFd, SignalScope, exit_now, is_readable, own_pid};

/// Calls that a person can ask for.
const MOST_ASKED: usize = 20;
/// The calls, in the order in which they are made: old beside new.
const CALLS: [&str; 10] = [
    "system",
    "run-shell",
    "run-list",
    "popen",
    "spawn-wait",
    "spawn-nowait",
    "call",
    "check-call",
    "getoutput",
    "getstatusoutput",
];

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let status = params.count("status") as i32;
    let mut shell = Caller { lesson, main, hold: params.seconds("hold"), asked: VecDeque::new(), status };
    let mut outcomes = Vec::new();
    for call in CALLS {
        outcomes.push((call, shell.make(call)?));
    }
    // Not for ever, should somebody never have enough.
    while let Some(call) = shell.asked.pop_front().filter(|_| outcomes.len() < CALLS.len() + MOST_ASKED) {
        outcomes.push((call, shell.make(call)?));
    }
    shell.main.finish("ok");
    Ok(facts(status, &outcomes))
}

/// What a call gave, and the processes that it made: the child, the child's child, and so on.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    tree: Vec<String>,
    gave: Value,
}

/// Makes the calls. Each program reads its standard input, the gate, to the end; that holds it as long as we like.
struct Caller<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    hold: Duration,
    /// Calls that are to be made once more.
    asked: VecDeque<&'static str>,
    status: i32,
}

/// A child that runs, and the gate that holds it.
struct Started<'s> {
    child: Child<'s>,
    opener: PipeWriter,
}

impl<'s> Caller<'s> {
    fn make(&mut self, call: &'static str) -> Result<Outcome, LessonError> {
        let (silent, loud) = (format!("cat; exit {}", self.status), format!("echo one; cat; echo two; exit {}", self.status));
        let program = ["sh", "-c", &silent];
        let (tree, gave) = match call {
            "system" => {
                let (tree, reaped) = self.run_to_end(call, &["sh", "-c", &silent])?;
                (tree, json!(reaped.raw))
            }
            "run-shell" => {
                let (tree, reaped) = self.run_to_end(call, &["sh", "-c", &silent])?;
                (tree, json!(code(&reaped)))
            }
            "run-list" => {
                let (tree, reaped) = self.run_to_end(call, &["cat"])?;
                (tree, json!(code(&reaped)))
            }
            "popen" => self.popen(call, &loud)?,
            "spawn-wait" => {
                let (pid, started) = self.spawn(call, &program)?;
                let (tree, reaped) = self.finish(started)?;
                (tree, json!(spawned(is_there(pid), code(&reaped))))
            }
            "spawn-nowait" => {
                let (pid, started) = self.spawn(call, &program)?;
                let at_once = is_there(pid);
                let (tree, reaped) = self.finish(started)?;
                (tree, json!(spawned(at_once, code(&reaped))))
            }
            "call" => {
                let (tree, reaped) = self.run_to_end(call, &program)?;
                (tree, json!(code(&reaped)))
            }
            "check-call" => {
                let (tree, reaped) = self.run_to_end(call, &program)?;
                let checked = if code(&reaped) == 0 { Ok(()) } else { Err(code(&reaped)) };
                (tree, json!(checked.map_or_else(|code| format!("error with status {code}"), |()| "no error".to_owned())))
            }
            "getoutput" => {
                let (tree, _, text) = self.output(call, &loud)?;
                (tree, json!(format!("{text:?}")))
            }
            _ => {
                let (tree, reaped, text) = self.output(call, &loud)?;
                (tree, json!(format!("{}, {text:?}", code(&reaped))))
            }
        };
        let shown = match &gave {
            Value::Array(parts) => parts[0].to_string(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.lesson.say(&format!("{call}: {} gave {shown}", tree.join(" > ")));
        self.lesson.value(format!("{call} gave"), shown);
        Ok(Outcome { tree, gave })
    }

    /// Forks, and executes a program in the child.
    fn start(&self, call: &str, argv: &[&str], output: Option<PipeWriter>) -> Result<Started<'s>, LessonError> {
        let (gate, opener) = io::pipe().map_err(LessonError::kernel("make the gate"))?;
        match self.lesson.fork(call)? {
            Fork::Child => {
                drop(opener);
                let placed = dup2_stdin(&gate).and_then(|()| output.map_or(Ok(()), dup2_stdout));
                if placed.is_ok() {
                    exec(argv, &[]);
                }
                exit_now(127);
            }
            Fork::Parent(child) => Ok(Started { child, opener }),
        }
    }

    /// Looks what processes there are, holds them for a time, and waits for the end.
    fn finish(&mut self, started: Started<'s>) -> Result<(Vec<String>, Reaped), LessonError> {
        // Whoever was stopped is killed in the end, the shell or what it runs.
        let Started { mut child, opener } = started;
        self.main.waiting("wait()", Some(child.name()));
        let line = self.watch(&mut child)?;
        drop(opener);
        let end = Instant::now() + Duration::from_secs(10);
        while child.peek()?.is_none() {
            self.listen(&child, end)?;
            if Instant::now() >= end {
                // It was stopped, and does not find the end of its input.
                child.signal(Signal::KILL);
            }
        }
        for (_, process) in &line {
            if !is_readable(process.as_fd(), end.saturating_duration_since(Instant::now())) {
                let _ = process.signal(Signal::KILL, SignalScope::Process);
            }
        }
        Ok((line.into_iter().map(|(name, _)| name).collect(), child.reap()?))
    }

    fn run_to_end(&mut self, call: &str, argv: &[&str]) -> Result<(Vec<String>, Reaped), LessonError> {
        let started = self.start(call, argv, None)?;
        self.finish(started)
    }

    /// As `popen(3)`: a shell whose output is a file for us. Its first line can be read while the program runs.
    fn popen(&mut self, call: &str, command: &str) -> Result<(Vec<String>, Value), LessonError> {
        let (output, started) = self.start_with_pipe(call, command)?;
        let pid = started.child.pid();
        let ours = link_of(own_pid(), &format!("fd/{}", output.as_raw_fd()));
        let is_readable = is_readable(output.as_fd(), Duration::from_secs(10));
        let mut lines = BufReader::new(output).lines();
        let first = if is_readable { lines.next() } else { None };
        let (is_live, is_a_pipe) = (is_there(pid), link_of(pid, "fd/1") == ours);
        let (tree, _) = self.finish(started)?;
        let lines: Vec<String> = first.into_iter().chain(lines).map_while(Result::ok).collect();
        Ok((tree, json!([lines, yes_or_no(is_live), yes_or_no(is_a_pipe)])))
    }

    /// As `spawn`: it comes back at once; the caller waits, or does not.
    fn spawn(&self, call: &str, argv: &[&str]) -> Result<(Pid, Started<'s>), LessonError> {
        let started = self.start(call, argv, None)?;
        Ok((started.child.pid(), started))
    }

    fn output(&mut self, call: &str, command: &str) -> Result<(Vec<String>, Reaped, String), LessonError> {
        let (output, started) = self.start_with_pipe(call, command)?;
        let (tree, reaped) = self.finish(started)?;
        let text = io::read_to_string(output).map_err(LessonError::kernel("read the output"))?;
        Ok((tree, reaped, text.trim_end_matches('\n').to_owned()))
    }

    fn start_with_pipe(&self, call: &str, command: &str) -> Result<(PipeReader, Started<'s>), LessonError> {
        let (output, writer) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        Ok((output, self.start(call, &["sh", "-c", command], Some(writer))?))
    }

    /// The line of processes from the child down, once there is a `cat` in it, and after the time to look at it.
    fn watch(&mut self, child: &mut Child<'_>) -> Result<Vec<(String, PidFd)>, LessonError> {
        let end = Instant::now() + Duration::from_secs(10);
        let mut pids = loop {
            let pids = line_below(child.pid());
            let has_cat = pids.last().is_some_and(|pid| stat_of(*pid).is_some_and(|stat| stat.comm == b"cat"));
            if has_cat || child.peek()?.is_some() || Instant::now() >= end {
                break pids;
            }
            std::thread::yield_now();
        };
        pids.dedup();
        let mut line = Vec::new();
        for (parent, pid) in std::iter::once(&own_pid()).chain(&pids).zip(&pids) {
            if let (Some(stat), Ok(process)) = (stat_of(*pid), PidFd::open(*pid)) {
                if *parent != own_pid() {
                    self.lesson.report(EventKind::ProcessStarted {
                        pid: *pid,
                        ppid: *parent,
                        pgid: stat.pgid,
                        sid: stat.sid,
                        name: stat.name(),
                        argv: vec![stat.name()],
                    });
                }
                line.push((stat.name(), process));
            }
        }
        self.listen(child, Instant::now() + self.hold)?;
        Ok(line)
    }

    /// Hears what is asked until then, until the child ends, or until somebody says to go on.
    fn listen(&mut self, child: &Child<'_>, until: Instant) -> Result<(), LessonError> {
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            let Some(asked) = self.lesson.listen(&[child.as_fd()], left)? else { return Ok(()) };
            match CALLS.into_iter().find(|call| *call == asked.target.trim()) {
                _ if asked.name == "next" => return Ok(()),
                Some(_) if self.asked.len() >= MOST_ASKED => self.lesson.refuse(&asked, "20 more calls are enough for one run"),
                Some(call) => self.asked.push_back(call),
                None => self.lesson.refuse(&asked, &unknown("call", &asked.target, CALLS)),
            }
        }
        Ok(())
    }
}

/// A process, its child, that one's child, and so on.
fn line_below(pid: Pid) -> Vec<Pid> {
    let mut line = vec![pid];
    while let Some(child) = line.last().and_then(|last| children_of(*last).into_iter().next()) {
        line.push(Pid::new(child.id));
    }
    line
}

fn is_there(pid: Pid) -> bool {
    stat_of(pid).is_some_and(|stat| stat.ppid == own_pid() && stat.state != ProcessState::Zombie)
}

/// What a spawn has given: whether its child was there when it came back, and the status.
fn spawned(is_there: bool, status: i32) -> String {
    format!("{}, status {status}", if is_there { "the child runs" } else { "the child is gone" })
}

/// The exit status; minus the signal's number if one ended it.
const fn code(reaped: &Reaped) -> i32 {
    match reaped.status {
        ExitStatus::Exited(code) => code,
        ExitStatus::Signaled { signal, .. } => -signal.number(),
        ExitStatus::Unknown => -1,
    }
}

/// Of which call, id, claim, what is expected, and where in the outcome it shows.
type Claim<'a> = (&'a str, &'a str, &'a str, Value, &'a dyn Fn(&Outcome) -> Value);

fn facts(status: i32, outcomes: &[(&str, Outcome)]) -> Facts {
    let tree = |outcome: &Outcome| json!(outcome.tree);
    let gave = |outcome: &Outcome| outcome.gave.clone();
    let shell = json!(["sh", "cat"]);
    let claims: [Claim<'_>; 14] = [
        ("system", "shell-row", "system() puts a shell between us and the program: the processes", shell.clone(), &tree),
        ("system", "system-status", "system() gives the raw status: the exit status times 256", json!(status * 256), &gave),
        ("run-shell", "same-tree", "run() with shell=True makes the same processes as system()", shell, &tree),
        ("run-shell", "run-status", "and run() gives the exit status itself", json!(status), &gave),
        ("run-list", "no-shell", "run() with a list needs no shell: the processes", json!(["cat"]), &tree),
        ("popen", "popen-lines", "popen() gives the output as a file: its lines", json!(["one", "two"]), &|seen| {
            seen.gave[0].clone()
        }),
        ("popen", "popen-live", "its first line can be read while the program still runs", json!("yes"), &|seen| {
            seen.gave[1].clone()
        }),
        ("popen", "popen-pipe", "the program's standard output is the pipe that we read", json!("yes"), &|seen| {
            seen.gave[2].clone()
        }),
        (
            "spawn-wait",
            "spawn-wait",
            "spawn with P_WAIT comes back after the end, and gives the exit status",
            json!(spawned(false, status)),
            &gave,
        ),
        (
            "spawn-nowait",
            "spawn-nowait",
            "with P_NOWAIT it comes back at once; we wait later",
            json!(spawned(true, status)),
            &gave,
        ),
        ("call", "call", "call() gives the exit status", json!(status), &gave),
        (
            "check-call",
            "check-call",
            "check_call() gives an error that carries it",
            json!(format!("error with status {status}")),
            &gave,
        ),
        ("getoutput", "getoutput", "getoutput() gives the text, and the status is lost", json!("\"one\\ntwo\""), &gave),
        ("getstatusoutput", "getstatusoutput", "getstatusoutput() gives both", json!(format!("{status}, \"one\\ntwo\"")), &gave),
    ];
    let mut facts = Facts::new();
    for (call, id, claim, expected, observed) in claims {
        let found = outcomes.iter().filter(|(made, _)| *made == call);
        let all: Vec<_> = found.map(|(_, outcome)| equals(id, claim, expected.clone(), observed(outcome))).collect();
        facts.extend(all.iter().find(|fact| !fact.holds).or(all.first()).cloned());
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Vec<(&'static str, Outcome)> {
        let gave = |call: &str| match call {
            "system" => json!(2560),
            "popen" => json!([["one", "two"], "yes", "yes"]),
            "spawn-wait" => json!(spawned(false, 10)),
            "spawn-nowait" => json!(spawned(true, 10)),
            "check-call" => json!("error with status 10"),
            "getoutput" => json!("\"one\\ntwo\""),
            "getstatusoutput" => json!("10, \"one\\ntwo\""),
            _ => json!(10),
        };
        let tree = |call: &str| if call == "run-list" { vec!["cat".to_owned()] } else { vec!["sh".to_owned(), "cat".to_owned()] };
        CALLS.map(|call| (call, Outcome { tree: tree(call), gave: gave(call) })).into()
    }

    fn failed(outcomes: &[(&str, Outcome)]) -> Vec<String> {
        facts(10, outcomes).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!((facts(10, &outcomes()).len(), failed(&outcomes())), (14, vec![]));
        for (number, call) in CALLS.into_iter().enumerate() {
            let mut changed = outcomes();
            changed[number].1 = Outcome { tree: vec!["perl".to_owned()], gave: json!([[], "no", "no"]) };
            let expected: &[&str] = match call {
                "system" => &["shell-row", "system-status"],
                "run-shell" => &["same-tree", "run-status"],
                "run-list" => &["no-shell"],
                "popen" => &["popen-lines", "popen-live", "popen-pipe"],
                other => &[other],
            };
            assert_eq!(failed(&changed), expected, "{call}");
            let both = [outcomes(), changed].concat();
            assert_eq!(failed(&both), expected, "one bad call among good ones is enough");
        }
    }
}
