//! Programs, processes, families: several copies of one program, what they inherit, and a job in the background
//! (concepts 1, 3, 4 and 7). The body has one thread, or it could not fork.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::stdio::dup2_stdin;

use crate::model::{ExitStatus, Pid, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals, more_than};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::forks::exec;
use crate::scenario::lesson::proc::{link_of, stat_of, with_ancestors};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::{exit_now, is_readable, own_pid};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let deadline = Instant::now() + params.seconds("patience");
    let main = lesson.task("main", TaskSort::Thread);
    let folder = params.text("folder");
    std::env::set_current_dir(folder).map_err(LessonError::kernel(format!("enter {folder}")))?;
    // Rust marks what it opens close-on-exec; this file is to be inherited.
    let program = std::env::current_exe().map_err(LessonError::kernel("find this program"))?;
    let file = File::open(&program).map_err(LessonError::kernel("open this program's file"))?;
    fcntl_setfd(&file, FdFlags::empty()).map_err(LessonError::kernel("keep a file open for children"))?;

    let (input, opener) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let (steps, step) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let mut children = Vec::new();
    for name in (1..=params.count("copies")).map(|number| format!("copy-{number}")).chain(["job".to_owned()]) {
        match lesson.fork(&name)? {
            Fork::Child => {
                drop(opener);
                exit_now(i32::from(be_child(&name, &input, step, params.text("greeting")).is_err()));
            }
            Fork::Parent(child) => {
                lesson.keep_name(&child);
                children.push(child);
            }
        }
    }
    drop((input, step));
    let mut parent = Parent { lesson, main, children, steps, in_foreground: true, counts: Counts::default() };
    let seen = parent.look(params, file.as_fd());
    parent.attend(deadline)?;
    parent.main.waiting("its children", None);
    parent.kill_one(params.count("copies"))?;
    let Parent { main, mut children, counts, .. } = parent;
    let mut lives = Lives { killed: 0, left: 0, copies: params.count("copies") };
    for copy in &mut children[..params.count("copies")] {
        match copy.peek()? {
            Some(ExitStatus::Signaled { .. }) => lives.killed += 1,
            Some(_) => {}
            None => lives.left += 1,
        }
    }
    drop(opener);
    lesson.reap_all(children, Duration::from_secs(2))?;
    main.finish("ok");
    Ok(facts(&seen, &counts, lives))
}

/// A copy becomes the program `cat`, which reads its input to the end. The job counts: one byte for each step.
fn be_child(name: &str, input: &PipeReader, mut step: PipeWriter, greeting: &str) -> io::Result<()> {
    if name == "job" {
        while !is_readable(input.as_fd(), Duration::from_millis(10)) {
            step.write_all(b".")?;
        }
        return Ok(());
    }
    dup2_stdin(input)?;
    Err(exec(&["cat"], &[("GREETING", greeting)]))
}

/// What a copy has inherited, beside what its parent has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    pids: BTreeSet<i32>,
    copies: usize,
    /// The files that the copies run.
    programs: BTreeSet<Option<PathBuf>>,
    /// Copies whose parent is this process.
    ours: usize,
    /// The PID of the parent of the last process in the line of parents.
    above_all: Option<i32>,
    /// Variables of the parent's, and how many of them the copy has with the same value.
    variables: (usize, usize),
    greeting: (String, Option<String>),
    folder: (Option<PathBuf>, Option<PathBuf>),
    file: (Option<PathBuf>, Option<PathBuf>),
}

/// Steps while the job was in the background.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    job: u64,
    main: u64,
}

#[derive(Debug, Clone, Copy)]
struct Lives {
    copies: usize,
    killed: usize,
    left: usize,
}

struct Parent<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    children: Vec<Child<'s>>,
    steps: PipeReader,
    in_foreground: bool,
    counts: Counts,
}

impl Parent<'_> {
    /// Waits until the copies run their program, and compares the first one with ourselves.
    fn look(&mut self, params: &Params, file: BorrowedFd<'_>) -> Seen {
        let own = link_of(own_pid(), "exe");
        let number = file.as_raw_fd();
        let copies: Vec<Pid> = self.children[..params.count("copies")].iter().map(Child::pid).collect();
        let end = Instant::now() + Duration::from_secs(10);
        let environ = |pid: &str| fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        // A moment after exec the program is there, and its environment not yet.
        let is_there = |pid: &Pid| {
            stat_of(*pid).is_none_or(|stat| stat.state == ProcessState::Zombie)
                || (link_of(*pid, "exe") != own && !environ(&pid.to_string()).is_empty())
        };
        while !copies.iter().all(is_there) && Instant::now() < end {
            std::thread::yield_now();
        }
        let copy = copies[0];
        let rows = |bytes: &[u8]| {
            bytes.split(|byte| *byte == 0).filter(|row| !row.is_empty()).map(<[u8]>::to_vec).collect::<BTreeSet<_>>()
        };
        let (mut ours, theirs) = (rows(&environ("self")), rows(&environ(&copy.to_string())));
        ours.retain(|row| !row.starts_with(b"GREETING="));
        let equal = ours.intersection(&theirs).count();
        let greeting = theirs.iter().find_map(|row| row.strip_prefix(b"GREETING="));
        for (name, value) in
            [("equal", equal), ("only the parent's", ours.len() - equal), ("only the copy's", theirs.len() - equal)]
        {
            self.lesson.value(format!("variables: {name}"), value);
        }
        let line = self.show_parents(copy);
        // Somebody may have killed one already.
        let living = copies.iter().filter(|pid| stat_of(**pid).is_some_and(|stat| stat.state != ProcessState::Zombie));
        Seen {
            pids: copies.iter().map(|pid| pid.number()).collect(),
            copies: copies.len(),
            programs: living.map(|pid| link_of(*pid, "exe")).collect(),
            ours: copies.iter().filter(|pid| stat_of(**pid).is_some_and(|stat| stat.ppid == own_pid())).count(),
            above_all: line,
            variables: (ours.len(), equal),
            greeting: (params.text("greeting").to_owned(), greeting.map(|text| String::from_utf8_lossy(text).into_owned())),
            folder: (link_of(own_pid(), "cwd"), link_of(copy, "cwd")),
            file: (link_of(own_pid(), &format!("fd/{number}")), link_of(copy, &format!("fd/{number}"))),
        }
    }

    /// Shows a process's parent, its parent's parent and so on; gives the number above the last one.
    fn show_parents(&self, pid: Pid) -> Option<i32> {
        let line = with_ancestors(pid);
        let names: Vec<String> = line.iter().map(|stat| format!("{} ({})", stat.name(), stat.id)).collect();
        self.lesson.value("line of parents", names.join(" < "));
        self.lesson.say(&names.join(", child of "));
        line.last().map(|last| last.ppid.number())
    }

    /// In the foreground, the parent only waits for the job; in the background both go on. Ends when somebody says so,
    /// at the deadline, or when no child is left alive.
    fn attend(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while Instant::now() < deadline && self.children.iter().any(|child| !child.has_ended()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let pause = if self.in_foreground {
                self.main.waiting("the job, in the foreground", Some("job"));
                left.min(Duration::from_millis(500))
            } else {
                self.counts.main += 1;
                self.counts.job += self.count_the_jobs_steps();
                if self.counts.main.is_multiple_of(10) {
                    self.show_steps();
                }
                left.min(Duration::from_millis(20))
            };
            let alive: Vec<BorrowedFd<'_>> = self.children.iter().filter(|child| !child.has_ended()).map(AsFd::as_fd).collect();
            let asked = self.lesson.listen(&alive, pause)?;
            for child in &mut self.children {
                child.peek()?;
            }
            let Some(asked) = asked else { continue };
            let job_is_alive = self.children.last().is_some_and(|job| !job.has_ended());
            match asked.name.as_str() {
                "finish" => break,
                "parents" => match self.children.iter().find(|child| child.is_meant_by(asked.target.trim())) {
                    Some(child) => drop(self.show_parents(child.pid())),
                    None => self.lesson.refuse(&asked, &unknown("copy", &asked.target, self.children.iter().map(Child::name))),
                },
                _ if !job_is_alive => self.lesson.refuse(&asked, "the job has ended"),
                "background" if self.in_foreground => {
                    self.count_the_jobs_steps();
                    self.in_foreground = false;
                    // As a shell's `bg` does, also for a job that was stopped.
                    self.children.last().map(|job| job.signal(Signal::CONT));
                    self.main.running("work of its own, with the job in the background");
                }
                "foreground" if !self.in_foreground => self.in_foreground = true,
                word => self.lesson.refuse(&asked, &format!("the job is in the {word} already")),
            }
        }
        self.show_steps();
        Ok(())
    }

    fn show_steps(&self) {
        self.lesson.value("steps of the job in the background", self.counts.job);
        self.lesson.value("steps of the parent meanwhile", self.counts.main);
    }

    /// If nobody has killed a copy, the parent does.
    fn kill_one(&mut self, copies: usize) -> Result<(), LessonError> {
        for copy in &mut self.children[..copies] {
            if copy.peek()?.is_some() {
                return Ok(());
            }
        }
        let second = &mut self.children[1];
        self.lesson.say(&format!("nobody has killed a copy, so its parent kills {}", second.name()));
        second.signal(Signal::KILL);
        is_readable(second.as_fd(), Duration::from_secs(2));
        second.peek().map(drop)
    }

    /// Steps that the job has told since this was asked last.
    fn count_the_jobs_steps(&self) -> u64 {
        let (mut steps, mut bytes) = (0, [0_u8; 4096]);
        while is_readable(self.steps.as_fd(), Duration::ZERO)
            && let Ok(count @ 1..) = rustix::io::read(&self.steps, &mut bytes)
        {
            steps += count as u64;
        }
        steps
    }
}

/// Steps of the parent after which a job that has not made a single one stands still.
const LONG: u64 = 50;

fn facts(seen: &Seen, counts: &Counts, lives: Lives) -> Facts {
    let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let mut facts = vec![
        equals("pids", "each copy of a program is a process with a PID of its own: different PIDs", seen.copies, seen.pids.len()),
        equals("one-file", "all copies run the same file: different files", 1, seen.programs.len()),
        equals("parent", "their parent is the process that started them: copies of which that is so", seen.copies, seen.ours),
        equals("above-all", "parent by parent, one comes to a process that has no parent: /proc shows 0", 0, seen.above_all),
        equals(
            "environment",
            "a child has its parent's variables: so many of them, with the same values",
            seen.variables.0,
            seen.variables.1,
        ),
        equals(
            "greeting",
            "what was set before it started is among them: GREETING",
            seen.greeting.0.clone(),
            seen.greeting.1.clone(),
        ),
        equals("folder", "a child begins in its parent's working directory", shown(&seen.folder.0), shown(&seen.folder.1)),
        equals("open-file", "a file that its parent had open is open in it, too", shown(&seen.file.0), shown(&seen.file.1)),
    ];
    if lives.killed > 0 {
        facts.push(equals(
            "others-live",
            "when one copy is killed, the others go on: copies that are left",
            lives.copies - lives.killed,
            lives.left,
        ));
    }
    // A moment in the background shows that the job goes on, if it does; that it does not shows only after a while.
    if counts.job > 0 || counts.main >= LONG {
        facts.push(more_than(
            "background",
            "in the background the job goes on while its parent works: steps that it made meanwhile",
            0,
            counts.job,
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Seen {
        let path = |path: &str| Some(PathBuf::from(path));
        Seen {
            pids: [11, 12].into(),
            copies: 2,
            programs: [path("/usr/bin/cat")].into(),
            ours: 2,
            above_all: Some(0),
            variables: (7, 7),
            greeting: ("hello".to_owned(), Some("hello".to_owned())),
            folder: (path("/tmp"), path("/tmp")),
            file: (path("/a"), path("/a")),
        }
    }

    fn failed(seen: &Seen, job: u64, left: usize) -> Vec<String> {
        let lives = Lives { copies: 2, killed: 1, left };
        facts(seen, &Counts { job, main: LONG }, lives).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(&good(), 9, 1), [""; 0]);
        assert_eq!(failed(&good(), 0, 1), ["background"]);
        let moment = facts(&good(), &Counts { job: 0, main: LONG - 1 }, Lives { copies: 2, killed: 0, left: 2 });
        assert_eq!(moment.len(), 8, "a moment says nothing");
        assert_eq!(failed(&good(), 9, 0), ["others-live"]);
        let with = |change: &dyn Fn(&mut Seen)| {
            let mut seen = good();
            change(&mut seen);
            failed(&seen, 9, 1)
        };
        assert_eq!(with(&|seen| seen.pids = [11].into()), ["pids"]);
        assert_eq!(with(&|seen| seen.programs = [None, Some(PathBuf::new())].into()), ["one-file"]);
        assert_eq!(with(&|seen| seen.ours = 1), ["parent"]);
        assert_eq!(with(&|seen| seen.above_all = None), ["above-all"]);
        assert_eq!(with(&|seen| seen.variables.1 = 6), ["environment"]);
        assert_eq!(with(&|seen| seen.greeting.1 = None), ["greeting"]);
        assert_eq!(with(&|seen| seen.folder.1 = None), ["folder"]);
        assert_eq!(with(&|seen| seen.file.1 = None), ["open-file"]);
    }
}
