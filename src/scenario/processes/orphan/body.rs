//! Orphans: the parent dies, its children live on and get another parent (concepts 8 and 15).
//! The body is the grandparent. It has one thread, or it could not fork.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, getppid, set_child_subreaper, waitpid};

use crate::model::{EventKind, ExitStatus, Fact, Pid, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::forks::is_given_up;
use crate::scenario::lesson::proc::{stat_of, with_ancestors};
use crate::scenario::lesson::words::yes_or_no;
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::{PidFd, SignalScope, exit_now, is_readable, own_pid};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let (gate, opener) = io::pipe().map_err(LessonError::kernel("make the gate"))?;
    let (told, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let parent = match lesson.fork("parent")? {
        Fork::Child => {
            drop((opener, told));
            let _ = be_parent(lesson, params.count("children"), &gate, &tell);
            exit_now(0);
        }
        Fork::Parent(child) => child,
    };
    drop((gate, tell));
    let mut family = Grandparent { lesson, main, told, children: Vec::new(), adopts: false };
    family.adopt(params.flag("adopt"));
    let mut parent = family.meet(parent, params.count("children"))?;
    // Nobody can press anything in time while the machine is too busy to let the family begin.
    let deadline = Instant::now() + params.seconds("patience");
    let enough = family.attend(&mut parent, deadline)?;
    let seen = family.bereave(parent)?;
    if seen.is_some() && !enough {
        family.attend_the_orphans(deadline)?;
    }
    drop(opener);
    let ends = family.part()?;
    family.main.finish("ok");
    Ok(seen.map(|seen| facts(&seen, &ends)).unwrap_or_default())
}

/// More than anybody's patience: the gate opens, or its holder ends, long before.
const A_LIFE: Duration = Duration::from_hours(1);

/// The parent: forks, tells each child's PID, and waits for its own end.
fn be_parent(lesson: &Lesson, children: usize, gate: &PipeReader, mut tell: &PipeWriter) -> Result<(), LessonError> {
    let own = own_pid();
    for number in 1..=children {
        if let Fork::Parent(child) = lesson.fork(&format!("child-{number}"))? {
            tell.write_all(&line(child.pid().number(), 0)).map_err(LessonError::kernel("tell of a child"))?;
        } else {
            be_child(own, gate, tell);
        }
    }
    is_readable(gate.as_fd(), A_LIFE);
    Ok(())
}

/// A child: when it finds that its parent is another one, it tells which. That may be so before it has begun.
fn be_child(parent: Pid, gate: &PipeReader, mut tell: &PipeWriter) -> ! {
    while !is_readable(gate.as_fd(), Duration::from_millis(20)) {
        let now = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        if now != parent.number() {
            let _ = tell.write_all(&line(own_pid().number(), now));
            is_readable(gate.as_fd(), A_LIFE);
        }
    }
    exit_now(0);
}

/// What goes through the pipe: a PID, and the PID of its new parent, if it has one.
fn line(pid: i32, parent: i32) -> [u8; 8] {
    let mut line = [0; 8];
    line[..4].copy_from_slice(&pid.to_le_bytes());
    line[4..].copy_from_slice(&parent.to_le_bytes());
    line
}

/// A child of the parent, as its grandparent knows it.
struct Grandchild {
    pid: Pid,
    pidfd: PidFd,
    /// Its start, which with the PID is its identity.
    started: u64,
    /// What it said its new parent is.
    told: Option<i32>,
    has_ended: bool,
}

struct Grandparent<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    told: PipeReader,
    children: Vec<Grandchild>,
    adopts: bool,
}

/// What was seen when the parent had died.
#[derive(Debug, Clone)]
struct Seen {
    /// Whether the grandparent had said that it adopts.
    adopts: bool,
    grandparent: i32,
    /// All who could adopt: the grandparent's parent, and so on, and process 1.
    ancestors: Vec<i32>,
    old_parent: i32,
    /// Children that were alive just before.
    bereaved: usize,
    orphans: Vec<Orphan>,
}

/// A child that lives on.
#[derive(Debug, Clone)]
struct Orphan {
    /// PID and name of its parent, as /proc has them.
    parent: (i32, String),
    /// What `getppid()` gives in the orphan itself.
    told: Option<i32>,
}

/// What the grandparent's wait on an orphan gave: its status, or the error's number.
type End = Result<ExitStatus, i32>;

impl Grandparent<'_> {
    fn adopt(&mut self, adopts: bool) {
        match set_child_subreaper(adopts.then(rustix::process::getpid)) {
            Ok(()) => self.adopts = adopts,
            Err(error) => self.lesson.notice(format!("could not change who adopts: {error}")),
        }
        self.lesson.value("the grandparent adopts", yes_or_no(self.adopts));
    }

    /// Waits until the parent has told of all its children. It may have been killed before, or stopped.
    fn meet<'c>(&mut self, mut parent: Child<'c>, children: usize) -> Result<Child<'c>, LessonError> {
        let due = Instant::now() + Duration::from_secs(2);
        while self.children.len() < children && parent.peek()?.is_none() && !is_given_up(parent.pid(), due) {
            is_readable(self.told.as_fd(), Duration::from_millis(20));
            self.hear()?;
        }
        Ok(parent)
    }

    /// Hears what is told and asked until the parent has died, or until somebody says that all shall end: `true`.
    fn attend(&mut self, parent: &mut Child<'_>, deadline: Instant) -> Result<bool, LessonError> {
        while parent.peek()?.is_none() && Instant::now() < deadline {
            self.main.waiting("you: kill the parent", None);
            let mut others: Vec<BorrowedFd<'_>> = self.alive().collect();
            others.extend([parent.as_fd(), self.told.as_fd()]);
            match self.lesson.listen(&others, deadline.saturating_duration_since(Instant::now()))? {
                Some(asked) if asked.name == "finish" => return Ok(true),
                Some(asked) => match asked.target.trim() {
                    word @ ("yes" | "no") => self.adopt(word == "yes"),
                    _ => self.lesson.refuse(&asked, "it is yes or no"),
                },
                None => self.hear()?,
            }
        }
        Ok(false)
    }

    fn alive(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.children.iter().filter(|child| !child.has_ended).map(|child| child.pidfd.as_fd())
    }

    /// Reads what has been told; `false` at the end of the pipe. Looks also who has ended.
    fn hear(&mut self) -> Result<(), LessonError> {
        let mut line = [0; 8];
        while is_readable(self.told.as_fd(), Duration::ZERO) && matches!(rustix::io::read(&self.told, &mut line), Ok(8)) {
            let [pid, parent] = [&line[..4], &line[4..]].map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap_or_default()));
            if let Some(child) = self.children.iter_mut().find(|child| child.pid.number() == pid) {
                child.told = Some(parent);
            } else if let Some(stat) = stat_of(Pid::new(pid)) {
                let pidfd = PidFd::open(Pid::new(pid)).map_err(LessonError::kernel("open a grandchild"))?;
                let child = Grandchild { pid: Pid::new(pid), pidfd, started: stat.start_ticks, told: None, has_ended: false };
                self.children.push(child);
            }
        }
        self.children.iter_mut().for_each(|child| child.has_ended |= is_readable(child.pidfd.as_fd(), Duration::ZERO));
        Ok(())
    }

    /// Sees to it that the parent is dead, and looks where its children are.
    fn bereave(&mut self, mut parent: Child<'_>) -> Result<Option<Seen>, LessonError> {
        self.hear()?;
        let bereaved = self.children.iter().filter(|child| !child.has_ended).count();
        if parent.peek()?.is_none() {
            parent.signal(Signal::KILL);
        }
        let old_parent = parent.pid();
        parent.reap()?;
        // Each orphan finds out by itself; one that was stopped does not.
        let due = Instant::now() + Duration::from_secs(1);
        let is_awaited = |child: &Grandchild| child.told.is_none() && !child.has_ended && !is_given_up(child.pid, due);
        while self.children.iter().any(is_awaited) {
            self.main.waiting("the orphans", None);
            // What somebody asks for meanwhile can wait for so long.
            is_readable(self.told.as_fd(), Duration::from_millis(50));
            self.hear()?;
        }
        let mut orphans = Vec::new();
        for child in &self.children {
            let stat = stat_of(child.pid).filter(|stat| stat.start_ticks == child.started && stat.state != ProcessState::Zombie);
            let Some(stat) = stat else { continue };
            let name = stat_of(stat.ppid).map_or_else(|| "?".to_owned(), |stat| stat.name());
            self.lesson.report(EventKind::ProcessOrphaned { pid: child.pid, ppid: stat.ppid });
            self.lesson.say(&format!("{} ({}) is an orphan; its parent is {name} ({}) now", stat.name(), child.pid, stat.ppid));
            orphans.push(Orphan { parent: (stat.ppid.number(), name), told: child.told });
        }
        let ancestors = with_ancestors(own_pid()).iter().skip(1).map(|stat| stat.id).chain([1]).collect();
        let seen = Seen {
            adopts: self.adopts,
            grandparent: own_pid().number(),
            ancestors,
            old_parent: old_parent.number(),
            bereaved,
            orphans,
        };
        if bereaved == 0 {
            self.lesson.notice("could not make an orphan: no child was alive when the parent died");
        }
        Ok((bereaved > 0).then_some(seen))
    }

    /// The orphans live until somebody says that it is enough.
    fn attend_the_orphans(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while self.alive().next().is_some() && Instant::now() < deadline {
            self.main.waiting("you: let the orphans end", None);
            let others: Vec<BorrowedFd<'_>> = self.alive().collect();
            match self.lesson.listen(&others, deadline.saturating_duration_since(Instant::now()))? {
                Some(asked) if asked.name == "finish" => break,
                Some(asked) => self.lesson.refuse(&asked, "the parent is dead, and the orphans have their new parent already"),
                None => self.hear()?,
            }
        }
        Ok(())
    }

    /// Waits for the orphans' ends; who was stopped is killed. Then tries what only a parent can: to wait on them.
    fn part(&mut self) -> Result<Vec<End>, LessonError> {
        let due = Instant::now() + Duration::from_secs(2);
        while self.alive().next().is_some() {
            let left = due.saturating_duration_since(Instant::now());
            let others: Vec<BorrowedFd<'_>> = self.alive().collect();
            if let Some(asked) = self.lesson.listen(&others, left.max(Duration::from_millis(50)))? {
                self.lesson.refuse(&asked, TOO_LATE);
            }
            for child in self.children.iter().filter(|child| is_given_up(child.pid, due)) {
                let _ = child.pidfd.signal(Signal::KILL, SignalScope::Process);
            }
            self.hear()?;
        }
        let wait = |child: &Grandchild| {
            let waited = waitpid(rustix::process::Pid::from_raw(child.pid.number()), WaitOptions::NOHANG);
            let status = match waited {
                Ok(Some((_, status))) => match status.terminating_signal().and_then(Signal::from_number) {
                    Some(signal) => ExitStatus::Signaled { signal, core_dumped: false },
                    None => status.exit_status().map_or(ExitStatus::Unknown, ExitStatus::Exited),
                },
                Ok(None) => return Err(0),
                Err(error) => return Err(error.raw_os_error()),
            };
            self.lesson.report(EventKind::ProcessExited { pid: child.pid, status });
            self.lesson.report(EventKind::ProcessReaped { pid: child.pid });
            Ok(status)
        };
        Ok(self.children.iter().map(wait).collect())
    }
}

fn facts(seen: &Seen, ends: &[End]) -> Facts {
    let mut facts =
        vec![equals("outlive", "the children outlive their parent: children that live", seen.bereaved, seen.orphans.len())];
    let new_parents = seen.orphans.iter().map(|orphan| {
        let (pid, name) = &orphan.parent;
        let (expected, holds) = if seen.adopts {
            (format!("{}, the grandparent", seen.grandparent), *pid == seen.grandparent)
        } else {
            let is_above = seen.ancestors.contains(pid) && *pid != seen.old_parent;
            ("an ancestor of the grandparent".to_owned(), is_above)
        };
        let claim = "an orphan goes to the nearest ancestor that adopts";
        Fact {
            id: "new-parent".to_owned(),
            claim: claim.to_owned(),
            expected: expected.into(),
            observed: format!("{pid}, {name}").into(),
            holds,
        }
    });
    facts.extend(new_parents.clone().find(|fact| !fact.holds).or_else(|| new_parents.clone().next()));
    let told: Vec<_> = seen.orphans.iter().filter_map(|orphan| Some((orphan.parent.0, orphan.told?))).collect();
    if !told.is_empty() {
        let (parents, told): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        facts.push(equals("getppid", "getppid() in each orphan gives the PID that /proc shows as its parent", parents, told));
    }
    if seen.adopts && !ends.is_empty() {
        let waited = ends.iter().filter(|end| end.is_ok()).count();
        facts.push(equals("adopter-waits", "who adopts a child can wait on it: waits that gave a status", ends.len(), waited));
    } else if !ends.is_empty() {
        let refused = ends.iter().filter(|end| **end == Err(10)).count();
        facts.push(equals(
            "others-cannot",
            "only its parent can wait on it: our waits that failed with ECHILD",
            ends.len(),
            refused,
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(adopts: bool, parent: i32) -> Seen {
        let orphan = Orphan { parent: (parent, "someone".to_owned()), told: Some(parent) };
        Seen { adopts, grandparent: 50, ancestors: vec![40, 1], old_parent: 60, bereaved: 2, orphans: vec![orphan; 2] }
    }

    fn failed(seen: &Seen, ends: &[End]) -> Vec<String> {
        facts(seen, ends).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        let (waited, refused) = ([Ok(ExitStatus::Exited(0)); 2], [Err(10); 2]);
        assert_eq!(failed(&good(true, 50), &waited), [""; 0]);
        assert_eq!(failed(&good(false, 40), &refused), [""; 0]);
        assert_eq!(failed(&good(false, 1), &refused), [""; 0]);
        assert_eq!(failed(&good(true, 40), &waited), ["new-parent"]);
        assert_eq!(failed(&good(false, 50), &refused), ["new-parent"], "it did not want to adopt");
        assert_eq!(failed(&good(false, 60), &refused), ["new-parent"], "the dead one");
        assert_eq!(failed(&good(true, 50), &refused), ["adopter-waits"]);
        assert_eq!(failed(&good(false, 40), &[Err(10), Ok(ExitStatus::Exited(0))]), ["others-cannot"]);
        let mut dead = good(true, 50);
        dead.orphans.pop();
        assert_eq!(failed(&dead, &waited), ["outlive"]);
        let mut liar = good(true, 50);
        liar.orphans[1].told = Some(1);
        assert_eq!(failed(&liar, &waited), ["getppid"]);
    }
}
