//! Fork and join: one process becomes two, they share the work, and meet again (concepts 11, 60 and 64).
//! The body has one thread, or it could not fork.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::model::{ExitStatus, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork, Reaped};
use crate::scenario::lesson::forks::kill_if_stopped;
use crate::scenario::lesson::load::Load;
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::{exit_now, own_pid};

/// Text to work on.
const TEXT: &str = include_str!("text.md");

/// Diamonds that one run may draw, so that it ends.
const MOST_DIAMONDS: usize = 10;

/// So long after its own share the parent waits for a child that somebody has stopped, and then kills it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    main.running("measuring how large a piece has to be");
    let load = Load::lasting("compress", TEXT, params.seconds("work") / params.count("pieces") as u32);
    let mut splits = vec![params.count("split")];
    let mut diamonds = Vec::new();
    while let Some(&split) = splits.get(diamonds.len()) {
        let total = params.count("pieces");
        let plan = Plan { number: diamonds.len() + 1, total, childs: total * split / 100, status: params.count("status") as i32 };
        diamonds.push(draw(lesson, &main, &load, &plan, &mut splits)?);
    }
    main.finish("ok");
    Ok(facts(&diamonds))
}

/// How a diamond is to be drawn.
#[derive(Debug, Clone, Copy)]
struct Plan {
    number: usize,
    total: usize,
    childs: usize,
    status: i32,
}

/// What came of it.
#[derive(Debug, Clone)]
struct Diamond {
    plan: Plan,
    /// What fork returned in the parent.
    returned: i32,
    /// What the child told: its own PID as soon as fork had returned there, and the pieces it did.
    told: Told,
    /// Pieces that the parent did.
    parents: usize,
    /// What wait gave.
    reaped: Reaped,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    pid: Option<i32>,
    pieces: Option<usize>,
}

/// Splits, works, meets.
fn draw(lesson: &Lesson, main: &Task<'_>, load: &Load, plan: &Plan, splits: &mut Vec<usize>) -> Result<Diamond, LessonError> {
    let (hear, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let child = match lesson.fork(&format!("child-{}", plan.number))? {
        Fork::Child => {
            drop(hear);
            exit_now(if work_as_child(lesson, load, plan, tell).is_ok() { plan.status } else { 1 });
        }
        Fork::Parent(child) => child,
    };
    drop(tell);
    lesson.say(&format!("fork returned {} in process {}: I am the parent", child.pid(), own_pid()));
    lesson.value(format!("pieces of {}", child.name()), plan.childs);

    main.running("the parent's share");
    for piece in plan.childs..plan.total {
        load.piece(piece as u64);
        hear_actions(lesson, None, splits)?;
    }
    main.waiting("wait()", Some(child.name()));
    let mut child = child;
    let due = Instant::now() + PATIENCE;
    while child.peek()?.is_none() {
        hear_actions(lesson, Some(&child), splits)?;
        kill_if_stopped(&mut child, due)?;
    }
    let returned = child.pid().number();
    let reaped = child.reap()?;
    lesson.value("status that wait gave", reaped.raw);
    lesson.say(&format!("wait returned {}: {}; only the parent is here", reaped.raw, reaped.status));
    Ok(Diamond { plan: *plan, returned, told: Told::read(hear)?, parents: plan.total - plan.childs, reaped })
}

fn work_as_child(lesson: &Lesson, load: &Load, plan: &Plan, mut tell: PipeWriter) -> io::Result<()> {
    tell.write_all(&own_pid().number().to_le_bytes())?;
    lesson.say(&format!("fork returned 0 in process {}: I am the child", own_pid()));
    let mut done = 0_u32;
    for piece in 0..plan.childs {
        load.piece(piece as u64);
        done += 1;
    }
    tell.write_all(&done.to_le_bytes())
}

impl Told {
    /// Reads what the child wrote; the pipe ends where the child ended.
    fn read(mut hear: PipeReader) -> Result<Self, LessonError> {
        let mut bytes = Vec::new();
        hear.read_to_end(&mut bytes).map_err(LessonError::kernel("read what the child told"))?;
        let (words, _) = bytes.as_chunks();
        let word = |at: usize| words.get(at).map(|word| i32::from_le_bytes(*word));
        Ok(Self { pid: word(0), pieces: word(1).map(|pieces| pieces as usize) })
    }
}

/// Takes one action, if there is one; with a child, waits for it or for the child's end.
fn hear_actions(lesson: &Lesson, child: Option<&Child<'_>>, splits: &mut Vec<usize>) -> Result<(), LessonError> {
    let asked = match child {
        Some(child) => lesson.listen(&[child.as_fd()], Duration::from_secs(1))?,
        None => lesson.next_action(Duration::ZERO)?,
    };
    if let Some(asked) = asked {
        let target = asked.target.trim().trim_end_matches('%').trim();
        let split = if target.is_empty() { splits.last().copied() } else { target.parse().ok() };
        match split.filter(|split| *split <= 100) {
            None => lesson.refuse(&asked, "the child's share is a whole number from 0 to 100, in percent"),
            Some(_) if splits.len() >= MOST_DIAMONDS => lesson.refuse(&asked, "ten diamonds are enough for one run"),
            Some(split) => splits.push(split),
        }
    }
    Ok(())
}

/// Of several diamonds, each fact shows the one where it failed, or else the last one.
fn facts(diamonds: &[Diamond]) -> Facts {
    let show = |fact: &dyn Fn(&Diamond) -> crate::model::Fact| {
        let all: Vec<_> = diamonds.iter().map(fact).collect();
        all.iter().find(|fact| !fact.holds).or(all.last()).cloned()
    };
    let returns = |diamond: &Diamond| {
        equals(
            "returns",
            "one call of fork returns in two processes: times that it has returned",
            2,
            1 + usize::from(diamond.told.pid.is_some()),
        )
    };
    let child_pid = |diamond: &Diamond| {
        equals("child-pid", "in the parent, fork returns the child's PID", diamond.told.pid, diamond.returned)
    };
    let joined = |diamond: &Diamond| {
        let done = diamond.parents + diamond.told.pieces.unwrap_or_default();
        equals("joined", "when they have met, the two shares make the whole: pieces that are done", diamond.plan.total, done)
    };
    let raw = |diamond: &Diamond| {
        equals("raw-status", "wait gives the exit status times 256", diamond.plan.status * 256, diamond.reaped.raw)
    };
    let decoded = |diamond: &Diamond| match diamond.reaped.status {
        ExitStatus::Exited(code) => equals("decoded", "decoded, it is what the child gave to _exit", diamond.plan.status, code),
        other => equals("decoded", "decoded, it is what the child gave to _exit", diamond.plan.status, other.to_string()),
    };
    [show(&returns), show(&child_pid), show(&joined), show(&raw), show(&decoded)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;

    fn good() -> Diamond {
        Diamond {
            plan: Plan { number: 1, total: 8, childs: 6, status: 10 },
            returned: 4711,
            told: Told { pid: Some(4711), pieces: Some(6) },
            parents: 2,
            reaped: Reaped { raw: 2560, status: ExitStatus::Exited(10) },
        }
    }

    fn failed(diamonds: &[Diamond]) -> Vec<String> {
        facts(diamonds).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(facts(&[good(), good()]).len(), 5);
        assert_eq!(failed(&[good()]), [""; 0]);
        let silent = Diamond { told: Told::default(), ..good() };
        assert_eq!(failed(&[silent]), ["returns", "child-pid", "joined"]);
        let other = Diamond { told: Told { pid: Some(4712), ..good().told }, ..good() };
        assert_eq!(failed(&[good(), other, good()]), ["child-pid"], "one bad diamond among good ones is enough");
        let lazy = Diamond { parents: 1, ..good() };
        assert_eq!(failed(&[lazy]), ["joined"]);
        let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
        assert_eq!(failed(&[Diamond { reaped: Reaped { raw: 9, status: killed }, ..good() }]), ["raw-status", "decoded"]);
    }
}
