//! Waiting for a child: what `wait` gives, bit by bit, and how `waitpid` chooses (concepts 62 and 63).
//! The body has one thread, or it could not fork. Its patience is limited, so that it always ends.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, getpid, kill_process, wait, waitpid};

use crate::model::{EventKind, ExitStatus, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::proc::stat_of;
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::sys::{exit_now, is_readable};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let deadline = Instant::now() + params.seconds("patience");
    let main = lesson.task("main", TaskSort::Thread);
    let (gate, opener) = io::pipe().map_err(LessonError::kernel("make the gate"))?;
    let mut children = Vec::new();
    let last = params.count("children") as i32;
    for number in 1..=last {
        match lesson.fork(&format!("child-{number}"))? {
            Fork::Child => {
                drop(opener);
                // It ends earlier if its parent has gone.
                is_readable(gate.as_fd(), params.seconds("life") * number as u32);
                let signal = params.text("signal").parse().ok().filter(|_| number == last && last > 1);
                signal.map_or_else(|| exit_now(10 * number), end_by);
            }
            Fork::Parent(child) => children.push(child),
        }
    }
    let mut parent = Parent { lesson, main, children, asked: VecDeque::new(), seen: Seen::default() };
    parent.attend(deadline)?;
    parent.take_the_rest()?;
    drop(opener);
    parent.main.finish("ok");
    Ok(parent.seen.facts())
}

fn end_by(signal: Signal) -> ! {
    if let Some(signal) = rustix::process::Signal::from_named_raw(signal.number()) {
        let _ = kill_process(getpid(), signal);
    }
    exit_now(1)
}

struct Parent<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    children: Vec<Child<'s>>,
    /// What it was asked to do, and has not done: who waits does nothing else.
    asked: VecDeque<LessonAction>,
    seen: Seen,
}

impl Parent<'_> {
    /// Does what is asked, one thing after the other, until the deadline or until no child is left.
    fn attend(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while !self.children.is_empty() && Instant::now() < deadline {
            while !self.children.is_empty()
                && let Some(asked) = self.asked.pop_front()
            {
                if !self.obey(&asked)? {
                    self.asked.push_front(asked);
                    break;
                }
            }
            if self.children.is_empty() {
                break;
            }
            match self.asked.front() {
                Some(asked) if asked.target.is_empty() => self.main.waiting("wait(): any child", None),
                Some(asked) => self.main.waiting("waitpid()", Some(&asked.target)),
                None => self.main.waiting("you: on which child shall it wait?", None),
            }
            let alive: Vec<BorrowedFd<'_>> = self.children.iter().filter(|child| !child.has_ended()).map(AsFd::as_fd).collect();
            let heard = self.lesson.listen(&alive, deadline.saturating_duration_since(Instant::now()))?;
            match heard {
                Some(all) if all.name == "wait-all" => {
                    let any = LessonAction { name: "wait-any".to_owned(), target: String::new() };
                    self.asked.extend(vec![any; self.children.len().saturating_sub(self.asked.len())]);
                }
                heard => self.asked.extend(heard),
            }
            for child in &mut self.children {
                child.peek()?;
            }
        }
        self.asked.iter().for_each(|asked| self.lesson.refuse(asked, TOO_LATE));
        Ok(())
    }

    /// `false` if it has to go on waiting.
    fn obey(&mut self, asked: &LessonAction) -> Result<bool, LessonError> {
        let chosen = self.children.iter().position(|child| child.is_meant_by(asked.target.trim()));
        if chosen.is_none() && !asked.target.trim().is_empty() {
            self.lesson.refuse(asked, &unknown("child", &asked.target, self.children.iter().map(Child::name)));
            return Ok(true);
        }
        let is_due = |child: &mut Child<'_>| child.peek().map(|ended| ended.is_some());
        let mut due = false;
        for (number, child) in self.children.iter_mut().enumerate() {
            due |= is_due(child)? && chosen.is_none_or(|chosen| chosen == number);
        }
        if asked.name != "poll" && !due {
            return Ok(false);
        }
        self.wait(chosen)?;
        Ok(true)
    }

    /// The call itself. It does not have to wait: either somebody has ended, or it was asked not to.
    fn wait(&mut self, chosen: Option<usize>) -> Result<(), LessonError> {
        let pid = chosen.and_then(|chosen| rustix::process::Pid::from_raw(self.children[chosen].pid().number()));
        let found = waitpid(pid, WaitOptions::NOHANG).map_err(LessonError::kernel("wait on a child"))?;
        let Some((pid, status)) = found else {
            self.lesson.say("(0, 0): nobody has ended");
            self.lesson.value("WNOHANG gave", vec![0, 0]);
            self.seen.polls.push((0, 0));
            return Ok(());
        };
        let (pid, raw) = (pid.as_raw_nonzero().get(), status.as_raw());
        let Some(at) = self.children.iter().position(|child| child.pid().number() == pid) else { return Ok(()) };
        let mut ended = self.children.remove(at);
        // Who ended only just now was not looked at before the wait.
        let told = if ended.has_ended() { ended.peek()? } else { None };
        self.lesson.report(EventKind::ProcessReaped { pid: ended.pid() });
        let others = self.children.iter().filter(|child| child.has_ended());
        if chosen.is_some() && others.clone().count() > 0 {
            let zombies =
                others.clone().filter(|child| stat_of(child.pid()).is_some_and(|stat| stat.state == ProcessState::Zombie));
            self.seen.chosen.push((others.clone().count(), zombies.count()));
        }
        self.lesson.value(format!("{}: raw status", ended.name()), raw);
        self.lesson.say(&format!("({pid}, {raw}): {}", in_bits(raw)));
        self.seen.waits.extend(told.map(|told| Wait { raw, told }));
        Ok(())
    }

    /// Waits on all that are left; who has not ended, stopped perhaps, is killed. Then nobody is left to wait on.
    fn take_the_rest(&mut self) -> Result<(), LessonError> {
        while !self.children.is_empty() {
            let child = &mut self.children[0];
            if child.peek()?.is_none() {
                child.signal(Signal::KILL);
                while child.peek()?.is_none() {
                    self.lesson.listen(&[child.as_fd()], Duration::from_secs(1))?;
                }
            }
            self.wait(Some(0))?;
        }
        self.seen.alone = wait(WaitOptions::NOHANG).err().map(rustix::io::Errno::raw_os_error);
        Ok(())
    }
}

/// A status bit by bit: 8 for the exit status, one for a core dump, 7 for a signal.
fn in_bits(raw: i32) -> String {
    let (status, core, signal) = (raw >> 8 & 0xff, raw >> 7 & 1, raw & 0x7f);
    format!("{status:08b} {core:b} {signal:07b}, that is exit status {status}, core dumped {core}, signal {signal}")
}

/// A status twice: as the wait gave it, and as `waitid` had told it while the child was a zombie.
#[derive(Debug, Clone, Copy)]
struct Wait {
    raw: i32,
    told: ExitStatus,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    /// In the order of the waits.
    waits: Vec<Wait>,
    /// What WNOHANG gave while nobody had ended.
    polls: Vec<(i32, i32)>,
    /// For each wait on a chosen child: others that had ended, and those that were still zombies afterwards.
    chosen: Vec<(usize, usize)>,
    /// The error of a wait when nobody was left.
    alone: Option<i32>,
}

impl Seen {
    fn facts(&self) -> Facts {
        let mut facts = Facts::new();
        let exits = self.waits.iter().filter_map(|wait| match wait.told {
            ExitStatus::Exited(code) => Some((code, wait.raw)),
            _ => None,
        });
        let signals = self.waits.iter().filter_map(|wait| match wait.told {
            ExitStatus::Signaled { signal, .. } => Some((signal.number(), wait.raw)),
            _ => None,
        });
        if let Some((code, raw)) = exits.clone().min() {
            facts.push(equals("raw-status", "the status that wait gives is the exit status times 256", code * 256, raw));
            let (codes, bits): (Vec<_>, Vec<_>) = exits.map(|(code, raw)| (code, raw >> 8 & 0xff)).unzip();
            facts.push(equals("status-bits", "bits 8 to 15 are the exit status", codes, bits));
        }
        let (numbers, bits): (Vec<_>, Vec<_>) = signals.map(|(number, raw)| (number, raw & 0x7f)).unzip();
        if !numbers.is_empty() {
            facts.push(equals("signal-bits", "the low 7 bits are the number of the signal that ended it", numbers, bits));
        }
        if let Some((pid, status)) = self.polls.iter().find(|poll| **poll != (0, 0)).or(self.polls.first()) {
            facts.push(equals(
                "nobody-yet",
                "with WNOHANG, (0, 0) says that nobody has ended yet",
                vec![0, 0],
                vec![*pid, *status],
            ));
        }
        if !self.chosen.is_empty() {
            let (others, left) = self.chosen.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            facts.push(equals("chosen", "waitpid(PID) leaves others that have ended as they are: so many zombies", others, left));
        }
        facts.push(equals("nobody-left", "when no child is left, wait fails with error 10 (ECHILD)", 10, self.alone));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Seen {
        let killed = ExitStatus::Signaled { signal: Signal::TERM, core_dumped: false };
        Seen {
            waits: vec![Wait { raw: 2560, told: ExitStatus::Exited(10) }, Wait { raw: 15, told: killed }],
            polls: vec![(0, 0)],
            chosen: vec![(1, 1)],
            alone: Some(10),
        }
    }

    fn failed(seen: &Seen) -> Vec<String> {
        seen.facts().into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!((good().facts().len(), failed(&good())), (6, vec![]));
        let with = |number: usize, raw: i32| {
            let mut seen = good();
            seen.waits[number].raw = raw;
            failed(&seen)
        };
        assert_eq!(with(0, 10), ["raw-status", "status-bits"]);
        assert_eq!(with(0, 2561), ["raw-status"]);
        assert_eq!(with(1, 9), ["signal-bits"]);
        assert_eq!(failed(&Seen { polls: vec![(0, 0), (4711, 0)], ..good() }), ["nobody-yet"]);
        assert_eq!(failed(&Seen { chosen: vec![(1, 1), (2, 1)], ..good() }), ["chosen"]);
        assert_eq!(failed(&Seen { alone: None, ..good() }), ["nobody-left"]);
    }

    #[test]
    fn a_status_is_shown_bit_by_bit() {
        assert_eq!(in_bits(2560), "00001010 0 0000000, that is exit status 10, core dumped 0, signal 0");
        assert_eq!(in_bits(0x8b), "00000000 1 0001011, that is exit status 0, core dumped 1, signal 11");
    }
}
