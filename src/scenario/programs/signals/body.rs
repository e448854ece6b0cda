//! Terminate and kill: a request that a program may heed, and an end that it cannot see coming (concepts 87 and 88).
//! The body has one thread, or it could not fork.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::model::{ExitStatus, Level, Line, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::programs::{Folder, read_what_is_there};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError};
use crate::sys::{SignalFd, exit_now, is_readable, set_nonblocking};

/// The programs, and the line of the header that has the LED of each.
const PROGRAMS: [(&str, Line); 3] = [("polite", Line::gpio(17)), ("slow", Line::gpio(27)), ("deaf", Line::gpio(22))];
/// How often each of them says that it lives.
const TICK: Duration = Duration::from_millis(50);
/// In how many steps the slow one does what it still has to do.
const STEPS: usize = 10;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let folder = Folder::make("signals")?;
    // Made before the forks, so that no program misses a SIGTERM that comes early: each reads its own signals from it.
    let signals = SignalFd::new(&[Signal::TERM]).map_err(LessonError::kernel("listen to signals"))?;
    let mut programs = Vec::new();
    for (name, led) in PROGRAMS {
        let file = folder.write(name, b"what is only needed while the program runs")?;
        let (hear, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        match lesson.fork(name)? {
            Fork::Child => {
                drop(hear);
                exit_now(live(name, file, &signals, params.seconds("cleanup"), &tell).unwrap_or(1));
            }
            Fork::Parent(child) => {
                set_nonblocking(&hear).map_err(LessonError::kernel("set up a pipe"))?;
                lesson.gpio(led, Level::High);
                programs.push(Program { child: Some(child), hear, led, file, seen: Seen::of(name) });
            }
        }
    }
    main.waiting("the programs to end", None);
    let mut body = Body { lesson, signals, programs, button: lesson.button(params.line("button")) };
    if body.attend(params.seconds("patience"))? {
        body.signal_all(&[Signal::TERM, Signal::CONT]);
        body.attend(params.seconds("grace"))?;
    }
    body.signal_all(&[Signal::KILL]);
    body.attend(Duration::from_mins(1))?;
    main.finish("ok");
    Ok(facts(&body.programs.into_iter().map(|program| program.seen).collect::<Vec<_>>()))
}

/// A program that runs, and what it says.
struct Program<'s> {
    child: Option<Child<'s>>,
    hear: PipeReader,
    led: Line,
    file: PathBuf,
    seen: Seen,
}

/// What was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    name: &'static str,
    /// Whether SIGTERM has reached its code.
    heard: bool,
    /// Steps that it did after that.
    steps: usize,
    finally_ran: bool,
    ended: ExitStatus,
    file_stayed: bool,
}

impl Seen {
    const fn of(name: &'static str) -> Self {
        Self { name, heard: false, steps: 0, finally_ran: false, ended: ExitStatus::Unknown, file_stayed: false }
    }
}

struct Body<'s> {
    lesson: &'s Lesson,
    signals: SignalFd,
    programs: Vec<Program<'s>>,
    button: LessonAction,
}

impl Body<'_> {
    /// Looks on, and does what is asked, until all have ended or nothing has happened for so long. `false` if this process
    /// itself got SIGTERM.
    fn attend(&mut self, patience: Duration) -> Result<bool, LessonError> {
        let mut deadline = Instant::now() + patience;
        while self.programs.iter().any(|program| program.child.is_some()) && Instant::now() < deadline {
            let alive = || self.programs.iter().filter_map(|program| Some((program, program.child.as_ref()?)));
            let ends = alive().flat_map(|(program, child)| [program.hear.as_fd(), child.as_fd()]);
            let others: Vec<_> = ends.chain([self.signals.as_fd()]).collect();
            if let Some(asked) = self.lesson.listen(&others, deadline.saturating_duration_since(Instant::now()))? {
                self.act(&if asked == self.button { self.pressed() } else { asked });
                deadline = Instant::now() + patience;
            }
            for program in &mut self.programs {
                if program.look(self.lesson)? {
                    deadline = Instant::now() + patience;
                }
            }
            if self.signals.read().map_err(LessonError::kernel("read a signal"))?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn act(&self, asked: &LessonAction) {
        let signal = match asked.name.as_str() {
            "terminate" => Signal::TERM,
            "kill" => Signal::KILL,
            _ => return self.lesson.refuse(asked, "this lesson has no such action; it has: terminate PROGRAM, kill PROGRAM"),
        };
        let alive = || self.programs.iter().filter_map(|program| program.child.as_ref());
        match alive().find(|child| child.is_meant_by(asked.target.trim())) {
            Some(child) if child.signal(signal) => {}
            Some(_) => self.lesson.refuse(asked, "it has just ended"),
            None => self.lesson.refuse(asked, &unknown("program that runs", &asked.target, alive().map(Child::name))),
        }
    }

    /// What the button stands for: SIGTERM to the next that has not heard one; when all who are left have, SIGKILL.
    fn pressed(&self) -> LessonAction {
        let alive = self.programs.iter().filter(|program| program.child.is_some()).map(|program| &program.seen);
        let next = alive.min_by_key(|seen| seen.heard);
        let name = if next.is_some_and(|seen| seen.heard) { "kill" } else { "terminate" };
        LessonAction { name: name.to_owned(), target: next.map_or("", |seen| seen.name).to_owned() }
    }

    fn signal_all(&self, signals: &[Signal]) {
        for child in self.programs.iter().filter_map(|program| program.child.as_ref()) {
            for signal in signals {
                child.signal(*signal);
            }
        }
    }
}

impl Program<'_> {
    /// Takes in what it has said, and whether it has ended. `true` if something has happened.
    fn look(&mut self, lesson: &Lesson) -> Result<bool, LessonError> {
        let Some(mut child) = self.child.take() else { return Ok(false) };
        let had_heard = self.seen.heard;
        // First whether it has ended: what it said before is in the pipe by then.
        let has_ended = child.peek()?.is_some();
        let mut said = Vec::new();
        let is_open = read_what_is_there(&mut self.hear, &mut said);
        for byte in said {
            match byte {
                HEARD => {
                    self.seen.heard = true;
                    lesson.say(&format!("{} has heard SIGTERM", self.seen.name));
                }
                ALIVE => self.seen.steps += usize::from(self.seen.heard),
                _ => self.seen.finally_ran = true,
            }
        }
        if !has_ended && is_open {
            self.child = Some(child);
            return Ok(self.seen.heard != had_heard);
        }
        self.seen.ended = child.reap()?.status;
        self.seen.file_stayed = self.file.exists();
        lesson.gpio(self.led, Level::Low);
        let file = if self.seen.file_stayed { "its temporary file is still there" } else { "it has removed its temporary file" };
        lesson.say(&format!("{} {} after {} more steps; {file}", self.seen.name, self.seen.ended, self.seen.steps));
        Ok(true)
    }
}

/// What the programs say.
const ALIVE: u8 = b'.';
const HEARD: u8 = b'!';
const FINALLY: u8 = b'f';

/// A file that is removed when its owner is dropped: what `finally` is for.
struct Temporary<'t>(PathBuf, &'t PipeWriter);

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        let _ = self.1.write(&[FINALLY]);
    }
}

/// The life of one of the programs, up to the status that it exits with. It ends, too, when nobody listens any more.
fn live(name: &str, file: PathBuf, signals: &SignalFd, cleanup: Duration, mut tell: &PipeWriter) -> io::Result<i32> {
    let temporary = Temporary(file, tell);
    loop {
        if is_readable(signals, TICK) && signals.read()?.is_some() {
            tell.write_all(&[HEARD])?;
            match name {
                "polite" => {
                    drop(temporary);
                    return Ok(0);
                }
                "slow" => {
                    for _ in 0..STEPS {
                        std::thread::sleep(cleanup / STEPS as u32);
                        tell.write_all(&[ALIVE])?;
                    }
                    exit_now(3);
                }
                _ => {}
            }
        }
        tell.write_all(&[ALIVE])?;
    }
}

/// What each has made of SIGTERM is claimed of those that have heard it, and were not killed before they could act.
fn facts(programs: &[Seen]) -> Facts {
    let killed = |seen: &Seen| matches!(seen.ended, ExitStatus::Signaled { signal: Signal::KILL, .. });
    let named = |is_meant: &dyn Fn(&&Seen) -> bool| -> Vec<&str> {
        // Who was killed while it tidied up shows neither.
        let shows = |seen: &&Seen| !(seen.name == "polite" && seen.heard && killed(seen));
        programs.iter().filter(shows).filter(|seen| is_meant(seen)).map(|seen| seen.name).collect()
    };
    let mut facts = Facts::new();
    for seen in programs.iter().filter(|seen| seen.heard) {
        match seen.name {
            "polite" if !killed(seen) => facts.push(equals(
                "polite",
                "the polite one hears SIGTERM, tidies up, and exits",
                "exited 0",
                seen.ended.to_string(),
            )),
            "slow" if !killed(seen) => facts.push(equals(
                "slow",
                "the slow one exits late, after all that it had to do",
                format!("{STEPS} steps, exited 3"),
                format!("{} steps, {}", seen.steps, seen.ended),
            )),
            "deaf" => facts.push(equals(
                "deaf",
                "the deaf one hears SIGTERM and goes on: only SIGKILL ends it",
                "killed by SIGKILL",
                seen.ended.to_string(),
            )),
            _ => {}
        }
    }
    facts.extend([
        equals(
            "finally",
            "finally runs in who leaves by itself, and in nobody who is killed or calls _exit",
            named(&|seen| seen.ended == ExitStatus::Exited(0)),
            named(&|seen| seen.finally_ran),
        ),
        equals(
            "files",
            "the temporary files of the others stay",
            named(&|seen| seen.ended != ExitStatus::Exited(0)),
            named(&|seen| seen.file_stayed),
        ),
    ]);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: ExitStatus = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    const TERMINATED: ExitStatus = ExitStatus::Signaled { signal: Signal::TERM, core_dumped: false };

    fn good() -> [Seen; 3] {
        let heard = |name, ended| Seen { heard: true, steps: STEPS, ended, file_stayed: true, ..Seen::of(name) };
        let polite = Seen { finally_ran: true, file_stayed: false, ..heard("polite", ExitStatus::Exited(0)) };
        [polite, heard("slow", ExitStatus::Exited(3)), heard("deaf", KILLED)]
    }

    /// What fails when one of the good ones is as given.
    fn failed(number: usize, change: impl Fn(&mut Seen)) -> Vec<String> {
        let mut programs = good();
        change(&mut programs[number]);
        facts(&programs).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!((facts(&good()).len(), failed(0, |_| ())), (5, Vec::new()));
        assert_eq!(failed(0, |polite| polite.finally_ran = false), ["finally"]);
        assert_eq!(failed(0, |polite| polite.file_stayed = true), ["files"]);
        assert_eq!(failed(0, |polite| polite.ended = TERMINATED), ["polite", "finally", "files"]);
        assert_eq!(failed(1, |slow| slow.steps = 9), ["slow"]);
        assert_eq!(failed(1, |slow| slow.finally_ran = true), ["finally"]);
        assert_eq!(failed(2, |deaf| deaf.ended = TERMINATED), ["deaf"]);
        assert_eq!(failed(2, |deaf| deaf.file_stayed = false), ["files"]);
    }

    #[test]
    fn who_is_killed_first_has_shown_nothing() {
        let killed = PROGRAMS.map(|(name, _)| Seen { ended: KILLED, file_stayed: true, ..Seen::of(name) });
        let facts = facts(&killed);
        assert_eq!(
            facts.iter().map(|fact| (fact.id.as_str(), fact.holds)).collect::<Vec<_>>(),
            [("finally", true), ("files", true)]
        );
    }
}
