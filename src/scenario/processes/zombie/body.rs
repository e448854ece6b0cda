//! Zombies: children that have ended and whose parent has not waited on them (concepts 10 and 46).
//! The body has one thread, or it could not fork. Its patience is limited, so that it always ends.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::model::{ExitStatus, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::proc::stat_of;
use crate::scenario::lesson::words::{counted, unknown};
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::{exit_now, own_pid};

/// How long the children live.
const LIFE: Duration = Duration::from_millis(300);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let began = Instant::now();
    let main = lesson.task("main", TaskSort::Thread);
    let (mut gate, opener) = io::pipe().map_err(LessonError::kernel("make the gate"))?;
    let mut children = Vec::new();
    for number in 1..=params.count("children") as i32 {
        match lesson.fork(&format!("child-{number}"))? {
            Fork::Child => {
                drop(opener);
                let _ = gate.read(&mut [0]);
                exit_now(number);
            }
            Fork::Parent(child) => children.push(child),
        }
    }
    drop(gate);
    if let Some(alive) = children.first().and_then(|child| stat_of(child.pid())) {
        lesson.value("memory of child-1 while it lives (KiB)", alive.rss / 1024);
    }
    let mut parent = Parent { lesson, main, children, wanted: Vec::new(), autopsies: Vec::new() };
    parent.attend(began + LIFE)?;
    drop(opener);
    parent.attend(began + params.seconds("patience"))?;
    parent.lose_patience()?;
    parent.main.finish("ok");
    Ok(facts(params.count("children"), &parent.autopsies))
}

struct Parent<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    children: Vec<Child<'s>>,
    /// Names or PIDs that somebody asked to wait on before they had ended.
    wanted: Vec<String>,
    autopsies: Vec<Autopsy>,
}

/// What was seen of a zombie just before, and just after, its parent waited on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Autopsy {
    /// Its state, and the memory that it still held.
    state: ProcessState,
    memory_kib: u64,
    /// Its status, read without reaping it.
    peeked: ExitStatus,
    /// State and status after SIGKILL was sent to it.
    state_after_kill: ProcessState,
    peeked_after_kill: ExitStatus,
    /// What the wait gave.
    reaped: ExitStatus,
    /// Whether it is still a child of this process afterwards.
    is_left: bool,
}

impl Parent<'_> {
    /// Does what is asked until the deadline, or until no child is left.
    fn attend(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while !self.children.is_empty() {
            self.main.waiting(&format!("you: {} to wait on", counted(self.children.len(), "child", "children")), None);
            let alive: Vec<BorrowedFd<'_>> = self.children.iter().filter(|child| !child.has_ended()).map(AsFd::as_fd).collect();
            let asked = self.lesson.listen(&alive, deadline.saturating_duration_since(Instant::now()))?;
            match asked {
                Some(asked) if asked.target.trim().is_empty() => {
                    self.wanted.extend(self.children.iter().map(|child| child.name().to_owned()));
                }
                Some(asked) if self.children.iter().any(|child| child.is_meant_by(asked.target.trim())) => {
                    self.wanted.push(asked.target.trim().to_owned());
                }
                Some(asked) => {
                    self.lesson.refuse(&asked, &unknown("child", &asked.target, self.children.iter().map(Child::name)));
                }
                None if Instant::now() >= deadline => return Ok(()),
                None => {}
            }
            self.reap_the_wanted()?;
        }
        Ok(())
    }

    fn reap_the_wanted(&mut self) -> Result<(), LessonError> {
        for mut child in std::mem::take(&mut self.children) {
            let ended = child.peek()?;
            match ended {
                Some(status) if self.wanted.iter().any(|target| child.is_meant_by(target)) => {
                    self.autopsies.push(self.examine_and_reap(child, status)?);
                }
                _ => self.children.push(child),
            }
        }
        Ok(())
    }

    /// Waits on all that are left. Who has been stopped, and so cannot end by itself, is killed first.
    fn lose_patience(&mut self) -> Result<(), LessonError> {
        for child in &self.children {
            if !child.has_ended() {
                child.signal(Signal::KILL);
            }
            self.wanted.push(child.name().to_owned());
        }
        while !self.children.is_empty() {
            let alive: Vec<BorrowedFd<'_>> = self.children.iter().filter(|child| !child.has_ended()).map(AsFd::as_fd).collect();
            if !alive.is_empty() {
                self.lesson.listen(&alive, Duration::from_secs(1))?;
            }
            self.reap_the_wanted()?;
        }
        Ok(())
    }

    fn examine_and_reap(&self, child: Child<'_>, peeked: ExitStatus) -> Result<Autopsy, LessonError> {
        let state = |child: &Child<'_>| stat_of(child.pid()).map_or(ProcessState::Dead, |stat| stat.state);
        let before = stat_of(child.pid());
        child.signal(Signal::KILL);
        let (pid, name) = (child.pid(), child.name().to_owned());
        let (state_after_kill, peeked_after_kill) = (state(&child), child.peek_again()?.unwrap_or(ExitStatus::Unknown));
        let reaped = child.reap()?.status;
        self.lesson.say(&format!("{name} ({pid}) was a zombie, {reaped}; the wait has removed it"));
        Ok(Autopsy {
            state: before.as_ref().map_or(ProcessState::Dead, |stat| stat.state),
            memory_kib: before.as_ref().map_or(0, |stat| stat.rss / 1024),
            peeked,
            state_after_kill,
            peeked_after_kill,
            reaped,
            is_left: stat_of(pid).is_some_and(|stat| stat.ppid == own_pid()),
        })
    }
}

fn facts(children: usize, autopsies: &[Autopsy]) -> Facts {
    let count = |what: &dyn Fn(&Autopsy) -> bool| autopsies.iter().filter(|autopsy| what(autopsy)).count();
    let memory = autopsies.iter().map(|autopsy| autopsy.memory_kib).max();
    vec![
        equals(
            "zombies",
            "a child that has ended is a zombie until its parent waits on it: zombies",
            children,
            count(&|autopsy| autopsy.state == ProcessState::Zombie),
        ),
        equals("no-memory", "a zombie holds no memory (KiB)", 0, memory),
        equals(
            "kill-changes-nothing",
            "SIGKILL leaves a zombie a zombie, and its status as it was: still zombies",
            children,
            count(&|autopsy| autopsy.state_after_kill == ProcessState::Zombie && autopsy.peeked_after_kill == autopsy.peeked),
        ),
        equals(
            "status-kept",
            "the status that can be read from a zombie is the one that the wait gives: of so many children",
            children,
            count(&|autopsy| autopsy.peeked == autopsy.reaped),
        ),
        equals("gone", "after the wait nothing is left of it: rows that are left", 0, count(&|autopsy| autopsy.is_left)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Autopsy {
        Autopsy {
            state: ProcessState::Zombie,
            memory_kib: 0,
            peeked: ExitStatus::Exited(1),
            state_after_kill: ProcessState::Zombie,
            peeked_after_kill: ExitStatus::Exited(1),
            reaped: ExitStatus::Exited(1),
            is_left: false,
        }
    }

    fn failed(autopsy: Autopsy) -> Vec<String> {
        facts(2, &[good(), autopsy]).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
        assert_eq!(failed(good()), [""; 0]);
        assert_eq!(failed(Autopsy { state: ProcessState::Sleeping, ..good() }), ["zombies"]);
        assert_eq!(failed(Autopsy { memory_kib: 4, ..good() }), ["no-memory"]);
        assert_eq!(failed(Autopsy { state_after_kill: ProcessState::Dead, ..good() }), ["kill-changes-nothing"]);
        assert_eq!(failed(Autopsy { peeked_after_kill: killed, ..good() }), ["kill-changes-nothing"]);
        assert_eq!(failed(Autopsy { reaped: killed, ..good() }), ["status-kept"]);
        assert_eq!(failed(Autopsy { is_left: true, ..good() }), ["gone"]);
        assert_eq!(facts(1, &[]).into_iter().filter(|fact| fact.holds).count(), 1, "without a child hardly anything holds");
    }
}
