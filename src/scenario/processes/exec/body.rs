//! Exec: the process stays, the program in it is another one (concept 61).
//! The body has one thread, or it could not fork.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::stdio::dup2_stdin;

use crate::model::{Pid, TaskSort};
use crate::scenario::card::{Facts, Params, Reply, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::forks::{exec, file_of_program};
use crate::scenario::lesson::proc::{count_open, link_of, stat_of};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::{exit_now, is_readable, own_pid};

const MISSING: &str = "no-such-program";

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let deadline = Instant::now() + params.seconds("patience");
    let main = lesson.task("main", TaskSort::Thread);
    let mut forks: Vec<Copy<'_>> = Vec::new();
    for name in ["child-1", "child-2"] {
        let (hear, order) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        let (told, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        match lesson.fork(name)? {
            Fork::Child => {
                drop((forks, order, told));
                exit_now(i32::from(obey(lesson, hear, tell, params.text("program")).is_err()));
            }
            Fork::Parent(child) => {
                lesson.keep_name(&child);
                forks.push(Copy { child, order, told, before: None });
                drop(tell);
                // It tells when it is ready. It may have been killed before, or stopped.
                if let Some(Copy { told, .. }) = forks.last()
                    && is_readable(told.as_fd(), Duration::from_secs(5))
                {
                    let _ = rustix::io::read(told, &mut [0_u8; 4]);
                }
            }
        }
    }
    let mut parent = Parent { lesson, main, forks, seen: Vec::new(), errors: Vec::new() };
    parent.attend(deadline)?;
    // What nobody asked for, the parent orders itself.
    if parent.seen.is_empty() {
        let _ = parent.order("child-1", b'x')?;
    }
    if parent.errors.is_empty() {
        let _ = parent.order("child-2", b'm')?;
    }
    parent.settle()?;
    let Parent { main, forks, seen, errors, .. } = parent;
    main.waiting("its children", None);
    let children = forks.into_iter().map(|fork| fork.child).collect();
    lesson.reap_all(children, Duration::from_secs(2))?;
    main.finish("ok");
    Ok(facts(params.text("program"), &seen, &errors))
}

/// What a child does: a byte of its standard input is an order. After a successful exec this function is gone.
fn obey(lesson: &Lesson, hear: PipeReader, mut tell: PipeWriter, program: &str) -> io::Result<()> {
    dup2_stdin(&hear)?;
    drop(hear);
    tell.write_all(&[0; 4])?;
    let mut order = [0];
    while rustix::io::retry_on_intr(|| rustix::io::read(io::stdin(), &mut order))? == 1 {
        let program = if order == *b"m" { MISSING } else { program };
        let error = exec(&[program], &[]);
        lesson.say(&format!("process {}: exec has returned, so it failed: {error}", own_pid()));
        tell.write_all(&error.raw_os_error().unwrap_or_default().to_le_bytes())?;
    }
    Ok(())
}

/// A forked child, and the parent's ends of its two pipes.
struct Copy<'s> {
    child: Child<'s>,
    order: PipeWriter,
    told: PipeReader,
    /// How it was when it was ordered to execute something, until there is an answer.
    before: Option<Face>,
}

/// What /proc shows of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Face {
    /// Its identity: PID, and the tick since boot at which it started.
    process: (i32, u64),
    name: String,
    program: Option<PathBuf>,
    parent: i32,
    input: Option<PathBuf>,
    /// Descriptors for the pipe that is marked close-on-exec.
    private: usize,
}

impl Face {
    fn of(pid: Pid, told: &PipeReader) -> Option<Self> {
        let stat = stat_of(pid)?;
        let pipe = link_of(own_pid(), &format!("fd/{}", told.as_raw_fd()))?;
        Some(Self {
            process: (stat.id, stat.start_ticks),
            name: stat.name(),
            program: link_of(pid, "exe"),
            parent: stat.ppid.number(),
            input: link_of(pid, "fd/0"),
            private: count_open(pid, &pipe),
        })
    }

    /// How it is after an exec. The kernel closes the pipe a moment before it changes the name.
    fn new(pid: Pid, told: &PipeReader, before: &Self) -> Option<Self> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let face = Self::of(pid, told)?;
            if face.name != before.name || Instant::now() >= deadline {
                return Some(face);
            }
            std::thread::yield_now();
        }
    }
}

/// The same process before and after.
#[derive(Debug, Clone)]
struct Seen {
    before: Face,
    after: Face,
}

struct Parent<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    forks: Vec<Copy<'s>>,
    seen: Vec<Seen>,
    /// What exec gave back where it returned.
    errors: Vec<i32>,
}

impl Parent<'_> {
    /// Does what is asked until the deadline, or until somebody says that it is enough, or no child is left alive.
    fn attend(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while Instant::now() < deadline && self.forks.iter().any(|fork| !fork.child.has_ended()) {
            self.main.waiting("you: which child shall execute something?", None);
            let alive = self.forks.iter().filter(|fork| !fork.child.has_ended());
            let awaited = self.forks.iter().filter(|fork| fork.before.is_some()).map(|fork| fork.told.as_fd());
            let others: Vec<_> = alive.map(|fork| fork.child.as_fd()).chain(awaited).collect();
            let asked = self.lesson.listen(&others, deadline.saturating_duration_since(Instant::now()))?;
            match asked {
                Some(asked) if asked.name == "finish" => return Ok(()),
                Some(asked) => {
                    let reply = self.order(&asked.target, if asked.name == "exec" { b'x' } else { b'm' })?;
                    self.lesson.answer(&asked, &reply);
                }
                None => {}
            }
            self.hear()?;
        }
        Ok(())
    }

    /// Tells a child what to execute, or says why it cannot hear that any more.
    fn order(&mut self, target: &str, order: u8) -> Result<Reply, LessonError> {
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.child.is_meant_by(target.trim())) else {
            return Ok(Err(unknown("child", target, self.forks.iter().map(|fork| fork.child.name()))));
        };
        if fork.child.peek()?.is_some() {
            return Ok(Err("that child has ended".to_owned()));
        }
        if fork.before.is_some() {
            return Ok(Err("that child has not done its last order yet".to_owned()));
        }
        if link_of(fork.child.pid(), "exe") != link_of(own_pid(), "exe") {
            return Ok(Err("another program is in that child by now, which knows nothing of orders".to_owned()));
        }
        fork.before = Face::of(fork.child.pid(), &fork.told);
        Ok(fork.order.write_all(&[order]).map_err(|error| format!("that child hears nothing any more: {error}")))
    }

    /// Takes the answers that have come: an error's number, or the end of the pipe, which exec has closed.
    fn hear(&mut self) -> Result<(), LessonError> {
        for fork in &mut self.forks {
            fork.child.peek()?;
            if fork.before.is_none() || !is_readable(fork.told.as_fd(), Duration::ZERO) {
                continue;
            }
            let before = fork.before.take();
            let mut number = [0; 4];
            match fork.told.read(&mut number) {
                Ok(4) => {
                    self.errors.push(i32::from_le_bytes(number));
                    self.lesson
                        .value(format!("exec in {} gave", fork.child.name()), format!("error {}", i32::from_le_bytes(number)));
                }
                _ if fork.child.peek()?.is_none() => {
                    let after = before.as_ref().and_then(|before| Face::new(fork.child.pid(), &fork.told, before));
                    if let (Some(before), Some(after)) = (before, after) {
                        let text = format!("process {}: {} is {} now", before.process.0, before.name, after.name);
                        self.lesson.say(&text);
                        self.lesson.value(format!("program of {}", fork.child.name()), after.name.clone());
                        self.seen.push(Seen { before, after });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits for answers that are due, but not for a child that was stopped.
    fn settle(&mut self) -> Result<(), LessonError> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && self.forks.iter().any(|fork| fork.before.is_some()) {
            let awaited: Vec<_> = self.forks.iter().filter(|fork| fork.before.is_some()).map(|fork| fork.told.as_fd()).collect();
            if let Some(asked) = self.lesson.listen(&awaited, deadline.saturating_duration_since(Instant::now()))? {
                self.lesson.refuse(&asked, TOO_LATE);
            }
            self.hear()?;
        }
        Ok(())
    }
}

fn facts(program: &str, seen: &[Seen], errors: &[i32]) -> Facts {
    let mut facts = Facts::new();
    let shown = |path: Option<PathBuf>| path.map(|path| path.display().to_string());
    let process = |(pid, tick): (i32, u64)| format!("{pid}, started at tick {tick}");
    if let Some(Seen { before, after }) = seen.first() {
        let own = link_of(own_pid(), "exe");
        facts.push(equals("fork-alone", "fork alone runs the parent's program", shown(own), shown(before.program.clone())));
        let claim = "after exec it is the same process: PID and start are what they were";
        facts.push(equals("same-process", claim, process(before.process), process(after.process)));
        let file = shown(file_of_program(program));
        facts.push(equals("new-program", "and another program is in it: its file", file, shown(after.program.clone())));
        facts.push(equals("new-name", "it has the new program's name", program, after.name.clone()));
        facts.push(equals("same-parent", "its parent is still its parent: the PID", before.parent, after.parent));
        let (input, kept) = (shown(before.input.clone()), shown(after.input.clone()));
        facts.push(equals("stays-open", "its standard input is still the same pipe", input, kept));
        facts.push(equals(
            "close-on-exec",
            "a descriptor that is marked close-on-exec is closed: so many of that pipe are left",
            0,
            after.private,
        ));
    }
    if let Some(error) = errors.first() {
        let claim = "exec of a program that is not there returns, with error 2 (ENOENT)";
        facts.push(equals("missing", claim, 2, *error));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Seen {
        let before = Face {
            process: (4711, 99),
            name: "child-1".to_owned(),
            program: link_of(own_pid(), "exe"),
            parent: 4700,
            input: Some("pipe:[1]".into()),
            private: 1,
        };
        let after = Face { name: "cat".to_owned(), program: file_of_program("cat"), private: 0, ..before.clone() };
        Seen { before, after }
    }

    fn failed(seen: &Seen, error: i32) -> Vec<String> {
        facts("cat", std::slice::from_ref(seen), &[error]).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(&good(), 2), [""; 0]);
        assert_eq!(failed(&good(), 13), ["missing"]);
        let Seen { before, after } = good();
        let then = |after: Face| failed(&Seen { before: before.clone(), after }, 2);
        assert_eq!(then(Face { process: (4711, 100), ..after.clone() }), ["same-process"]);
        assert_eq!(then(Face { program: before.program.clone(), ..after.clone() }), ["new-program"]);
        assert_eq!(then(Face { name: "child-1".to_owned(), ..after.clone() }), ["new-name"]);
        assert_eq!(then(Face { parent: 1, ..after.clone() }), ["same-parent"]);
        assert_eq!(then(Face { input: None, ..after.clone() }), ["stays-open"]);
        assert_eq!(then(Face { private: 1, ..after.clone() }), ["close-on-exec"]);
        let changed = Face { program: None, ..before.clone() };
        assert_eq!(failed(&Seen { before: changed, after }, 2), ["fork-alone"]);
        assert!(facts("cat", &[], &[]).is_empty(), "what was not seen is not claimed");
    }
}
