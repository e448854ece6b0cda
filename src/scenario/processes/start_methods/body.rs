//! Fork, spawn, fork server: three ways to start a process that runs a function, what each costs, and what the child
//! has of its parent (concepts 44, 45 and 47). The body has one thread, or it could not fork.

use std::cmp::Ordering;
use std::ffi::CString;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::model::{Fact, Pid, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::forks::{is_given_up, reap_soon};
use crate::scenario::lesson::proc::{memory_of, millis_on_a_core, stat_of};
use crate::scenario::lesson::until::until;
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::sys::{PidFd, Placement, Prepared, SignalScope, dup_at_least, exit_now, is_readable, own_pid, spawn};

const METHODS: [&str; 3] = ["fork", "spawn", "forkserver"];
const MIB: usize = 1024 * 1024;
/// What the spawned process is told to be.
pub(super) const ID: &str = "start-methods";

/// Who has not told of itself by then was stopped, or killed.
const TO_TELL: Duration = Duration::from_secs(30);
/// The same where it is seen to be stopped.
const STOPPED: Duration = Duration::from_secs(2);
/// Processes that one run starts, with those that a person asks for.
const MOST_STARTS: usize = 60;

/// A variable that the parent sets while it runs. Who has it has got it from the parent.
static BALLAST: OnceLock<Vec<u8>> = OnceLock::new();

/// Set in the environment of a spawned child. It begins this program from its start, and by this it knows what it is:
/// the counterpart of Python's `if __name__ == "__main__"`.
const GUARD: &str = "TASKLAB_SPAWNED";

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    match std::env::var(GUARD).as_deref() {
        Ok("guarded") => return be_spawned().map(|()| Facts::new()),
        Ok(_) => return forget_the_guard(lesson).map(|()| Facts::new()),
        Err(_) => {}
    }
    let main = lesson.task("main", TaskSort::Thread);
    // The server is forked while this process is still small.
    let (requests, request) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let mut pipes = [Pipes::new()?, Pipes::new()?, Pipes::new()?];
    let server = match lesson.fork("forkserver")? {
        Fork::Child => {
            close_all(&mut pipes);
            drop(request);
            exit_now(i32::from(serve(lesson, &requests, &pipes[2]).is_err()));
        }
        Fork::Parent(child) => child,
    };
    drop(requests);
    BALLAST.get_or_init(|| vec![1; params.count("ballast") * MIB]);

    let mut starter = Starter { lesson, main, pipes, request, children: vec![server], others: Vec::new(), starts: Vec::new() };
    if let Some(alone) = METHODS.into_iter().position(|method| method == params.text("method")) {
        for _ in 0..10 * params.count("rounds") {
            if !starter.start(alone, false)? {
                break;
            }
        }
        starter.show();
        return Ok(facts(params.count("ballast") as u64, &starter.end()?, None));
    }
    for method in 0..METHODS.len() {
        for round in 1..=params.count("rounds") {
            // One that could not start is no reason to wait for the next.
            if !starter.start(method, round == params.count("rounds"))? {
                break;
            }
        }
    }
    let generations = starter.start_unguarded()?;
    starter.show();
    starter.attend(Instant::now() + params.seconds("patience"))?;
    let starts = starter.end()?;
    Ok(facts(params.count("ballast") as u64, &starts, generations))
}

/// How the children of one method are told to end, and how they tell what they are. The parent's copies of the
/// children's ends stay open, to be handed on.
struct Pipes {
    told: PipeReader,
    tell: PipeWriter,
    wait: PipeReader,
    release: Option<PipeWriter>,
}

impl Pipes {
    fn new() -> Result<Self, LessonError> {
        let (told, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        let (wait, release) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        Ok(Self { told, tell, wait, release: Some(release) })
    }
}

/// Closes our copies of the ends whose closing lets the children end.
fn close_all(pipes: &mut [Pipes]) {
    for pipes in pipes {
        pipes.release = None;
    }
}

/// What a child tells: its PID, its parent's, and how much of the parent's variable it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    pid: i32,
    parent: i32,
    mib: i32,
}

impl Told {
    fn of_this_process() -> [u8; 12] {
        let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        let mib = BALLAST.get().map_or(0, |ballast| ballast.len() / MIB) as i32;
        let mut line = [0; 12];
        line.as_chunks_mut().0.copy_from_slice(&[own_pid().number(), parent, mib].map(i32::to_le_bytes));
        line
    }

    fn read(mut told: &PipeReader) -> Option<Self> {
        let mut line = [0; 12];
        told.read_exact(&mut line).ok()?;
        let (words, _) = line.as_chunks();
        let [pid, parent, mib] = [0, 1, 2].map(|at: usize| i32::from_le_bytes(words[at]));
        Some(Self { pid, parent, mib })
    }
}

/// What runs in each child, however it was started: it tells, and waits for its release, or for the end of its parent.
fn be_child(mut tell: impl Write, mut wait: impl Read) -> io::Result<()> {
    tell.write_all(&Told::of_this_process())?;
    tell.flush()?;
    wait.read(&mut [0]).map(drop)
}

fn be_spawned() -> Result<(), LessonError> {
    be_child(io::stdout(), io::stdin()).map_err(LessonError::kernel("tell what this process is"))
}

/// A spawned child without the guard does what its parent does: it starts a child. That one has the guard, or there
/// would be no end.
fn forget_the_guard(lesson: &Lesson) -> Result<(), LessonError> {
    let child = spawn_this_program(lesson, "guarded", io::stdin().as_fd(), io::stdout().as_fd())?;
    be_spawned()?;
    child.reap().map(drop)
}

/// The fork server: forks a child for each request, and waits on those that have ended.
fn serve(lesson: &Lesson, requests: &PipeReader, pipes: &Pipes) -> Result<(), LessonError> {
    let mut children: Vec<Child<'_>> = Vec::new();
    let mut is_open = true;
    while is_open || !children.is_empty() {
        if is_open && is_readable(requests.as_fd(), Duration::from_millis(20)) {
            is_open = matches!(rustix::io::read(requests, &mut [0_u8; 1]), Ok(1));
            if is_open {
                match lesson.fork("from-server")? {
                    Fork::Child => exit_now(i32::from(be_child(&pipes.tell, &pipes.wait).is_err())),
                    Fork::Parent(child) => children.push(child),
                }
            }
        } else if let Some(first) = children.first() {
            is_readable(first.as_fd(), Duration::from_millis(20));
        }
        for mut child in std::mem::take(&mut children) {
            if child.peek()?.is_some() {
                child.reap()?;
            } else {
                children.push(child);
            }
        }
    }
    Ok(())
}

/// Starts this program once more in a new process, with standard input and output in place of the pipes' ends.
fn spawn_this_program<'s>(
    lesson: &'s Lesson,
    guard: &str,
    wait: BorrowedFd<'_>,
    tell: BorrowedFd<'_>,
) -> Result<Child<'s>, LessonError> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(LessonError::kernel("pass a text with a NUL"));
    let place = |fd: BorrowedFd<'_>, number| {
        let fd = dup_at_least(fd, 3).map_err(LessonError::kernel("duplicate a pipe's end"))?;
        Ok::<_, LessonError>(Placement { fd, number })
    };
    let ours = std::env::vars_os().filter(|(name, _)| !name.as_bytes().starts_with(b"TASKLAB_"));
    let ours = ours.map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat());
    let env = ours.chain([format!("{GUARD}={guard}").into_bytes()]).map(|variable| text(&variable)).collect::<Result<_, _>>()?;
    let argv = ["tasklab", "__worker", ID];
    let prepared = Prepared {
        candidates: vec![text(b"/proc/self/exe")?],
        argv: argv.iter().map(|word| text(word.as_bytes())).collect::<Result<_, _>>()?,
        env,
        placements: vec![place(wait, 0)?, place(tell, 1)?],
        ..Prepared::default()
    };
    let spawned = spawn(&prepared).map_err(|error| LessonError::kernel("spawn this program")(io::Error::other(error)))?;
    let name = if guard == "guarded" { "spawn" } else { "unguarded" };
    Ok(Child::of_program(lesson, name, argv.map(str::to_owned).to_vec(), spawned))
}

/// A process that was started: how long it took until it told of itself, and what it is.
#[derive(Debug, Clone)]
struct Start {
    method: usize,
    millis: f64,
    /// How long it had been on a core by then, which does not depend on what else the machine does.
    cpu_millis: Option<f64>,
    told: Told,
    /// The parent of its parent.
    grandparent: Option<i32>,
    /// Resident, and of that its own, in KiB.
    memory: Option<(u64, u64)>,
}

struct Starter<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    pipes: [Pipes; 3],
    request: PipeWriter,
    children: Vec<Child<'s>>,
    /// The server's children, which only the server can wait on.
    others: Vec<PidFd>,
    starts: Vec<Start>,
}

impl<'s> Starter<'s> {
    /// Starts a process, takes the time, looks at it, and lets it end, unless it is to stay. `false` if it has not come to tell of
    /// itself.
    fn start(&mut self, method: usize, stays: bool) -> Result<bool, LessonError> {
        self.main.running(METHODS[method]);
        let began = Instant::now();
        let child = match method {
            0 => match self.lesson.fork("fork")? {
                Fork::Child => {
                    close_all(&mut self.pipes);
                    exit_now(i32::from(be_child(&self.pipes[0].tell, &self.pipes[0].wait).is_err()));
                }
                Fork::Parent(child) => Some(child),
            },
            1 => Some(spawn_this_program(self.lesson, "guarded", self.pipes[1].wait.as_fd(), self.pipes[1].tell.as_fd())?),
            _ => {
                // A server that was killed hears nothing; the wait below ends without an answer.
                let _ = self.request.write_all(b"s");
                None
            }
        };
        let told = self.hear(method, child);
        let Some(told) = told else {
            self.lesson.notice(format!("could not start a process by {}: it did not come to tell of itself", METHODS[method]));
            return Ok(false);
        };
        let millis = began.elapsed().as_secs_f64() * 1_000.0;
        // It waits for its release soon; only when it leaves its core, the kernel adds up how long it was there.
        until(Duration::from_secs(2), || stat_of(Pid::new(told.pid)).is_none_or(|stat| stat.state != ProcessState::Running));
        let cpu_millis = millis_on_a_core(Pid::new(told.pid));
        let grandparent = stat_of(Pid::new(told.parent)).map(|stat| stat.ppid.number());
        if method == 2
            && let Ok(process) = PidFd::open(Pid::new(told.pid))
        {
            self.others.push(process);
        }
        self.starts.push(Start { method, millis, cpu_millis, told, grandparent, memory: memory_of(Pid::new(told.pid)) });
        if !stays {
            self.release(method, 1)?;
        }
        Ok(true)
    }

    /// Takes what the newest child of a method tells; `None` if it ends before, or takes far too long.
    fn hear(&mut self, method: usize, child: Option<Child<'s>>) -> Option<Told> {
        let due = Instant::now() + STOPPED;
        let newest = child.map_or(0, |child| {
            self.children.push(child);
            self.children.len() - 1
        });
        while !is_readable(self.pipes[method].told.as_fd(), Duration::from_millis(20)) {
            let newest = &mut self.children[newest];
            if is_given_up(newest.pid(), due) || !matches!(newest.peek(), Ok(None)) {
                return None;
            }
        }
        Told::read(&self.pipes[method].told)
    }

    /// Lets this many children of a method end, and waits on those of ours that have ended.
    fn release(&mut self, method: usize, count: usize) -> Result<(), LessonError> {
        if let Some(release) = &mut self.pipes[method].release {
            let _ = release.write_all(&vec![b'.'; count]);
        }
        if method < 2
            && let Some(child) = self.children.pop()
        {
            reap_soon(child)?;
        }
        Ok(())
    }

    /// Spawns a child that lacks the guard, and counts who tells that it is a child of that one.
    fn start_unguarded(&mut self) -> Result<Option<usize>, LessonError> {
        let (wait, release) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        let (told, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        let mut child = spawn_this_program(self.lesson, "forgotten", wait.as_fd(), tell.as_fd())?;
        drop((wait, tell));
        let end = Instant::now() + TO_TELL;
        let mut family: Vec<Told> = Vec::new();
        while family.len() < 2 && Instant::now() < end && child.peek()?.is_none() {
            if is_readable(told.as_fd(), Duration::from_millis(20)) {
                family.extend(Told::read(&told));
            }
        }
        let pid = child.pid().number();
        drop(release);
        reap_soon(child)?;
        let started = family.iter().filter(|told| told.parent == pid).count();
        self.lesson.say(&format!("without the guard, the spawned child started {started} of its own"));
        // Somebody has killed it before it could say anything.
        Ok((family.len() == 2).then_some(started))
    }

    /// The figures of each method; of one alone under the same names, to compare.
    fn show(&self) {
        let is_alone = self.starts.iter().all(|start| self.starts.first().is_some_and(|first| first.method == start.method));
        for (number, method) in METHODS.into_iter().enumerate() {
            let told = |what: &str| if is_alone { what.to_owned() } else { format!("{method}: {what}") };
            let mut starts = self.starts.iter().filter(|start| start.method == number);
            if let Some(millis) = fastest(starts.clone()) {
                self.lesson.value(told("ms until it began"), (millis * 100.0).round() / 100.0);
                self.lesson.say(&format!("{method}: {millis:.2} ms until it began"));
            }
            if let Some(millis) = least_cpu(starts.clone()) {
                self.lesson.value(told("ms of that on a core"), (millis * 100.0).round() / 100.0);
            }
            if let Some((resident, own)) = starts.next_back().and_then(|start| start.memory) {
                self.lesson.value(told("memory (KiB)"), resident);
                self.lesson.value(told("memory that is its own (KiB)"), own);
            }
        }
    }

    /// Starts what is asked for, until the deadline, or until somebody says that it is enough.
    fn attend(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while Instant::now() < deadline {
            self.main.waiting("you: start one more?", None);
            let alive: Vec<BorrowedFd<'_>> = self.children.iter().filter(|child| !child.has_ended()).map(AsFd::as_fd).collect();
            let asked = self.lesson.listen(&alive, deadline.saturating_duration_since(Instant::now()))?;
            for child in &mut self.children {
                child.peek()?;
            }
            match asked {
                Some(asked) if asked.name == "finish" => break,
                Some(asked) => self.obey(&asked)?,
                None => {}
            }
        }
        Ok(())
    }

    fn obey(&mut self, asked: &LessonAction) -> Result<(), LessonError> {
        match METHODS.into_iter().position(|method| method == asked.target.trim()) {
            None => self.lesson.refuse(asked, &unknown("method", &asked.target, METHODS)),
            Some(_) if self.starts.len() >= MOST_STARTS => self.lesson.refuse(asked, "60 processes are enough for one run"),
            Some(method) => {
                self.start(method, true)?;
                self.show();
            }
        }
        Ok(())
    }

    /// Lets all end, and waits on them. Who has not ended in time was stopped, and is killed.
    fn end(mut self) -> Result<Vec<Start>, LessonError> {
        self.main.waiting("its children", None);
        close_all(&mut self.pipes);
        drop(self.request);
        let end = Instant::now() + Duration::from_secs(2);
        for process in &self.others {
            if !is_readable(process.as_fd(), end.saturating_duration_since(Instant::now())) {
                let _ = process.signal(Signal::KILL, SignalScope::Process);
            }
        }
        self.lesson.reap_all(self.children, end.saturating_duration_since(Instant::now()) + Duration::from_secs(1))?;
        self.main.finish("ok");
        Ok(self.starts)
    }
}

fn fastest<'a>(starts: impl Iterator<Item = &'a Start>) -> Option<f64> {
    starts.map(|start| start.millis).min_by(f64::total_cmp)
}

/// The least time that a child was on a core until it began; `None` where the kernel does not count it.
fn least_cpu<'a>(starts: impl Iterator<Item = &'a Start>) -> Option<f64> {
    starts.map(|start| start.cpu_millis).min_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal)).flatten()
}

fn facts(ballast: u64, starts: &[Start], generations: Option<usize>) -> Facts {
    let mut facts = Facts::new();
    let of = |method: usize| starts.iter().filter(move |start| start.method == method);
    // Of several starts, show one where the claim failed, or else the first one.
    let mut show = |all: Vec<Fact>| facts.extend(all.iter().find(|fact| !fact.holds).or(all.first()).cloned());
    let claims = [
        ("fork-inherits", "a forked child has what its parent's variable holds (MiB)", ballast),
        ("spawn-fresh", "a spawned one has nothing of it: the program begins anew (MiB)", 0),
        ("server-fresh", "nor has one from the fork server, which was small when it began (MiB)", 0),
    ];
    for (method, (id, claim, expected)) in claims.into_iter().enumerate() {
        show(of(method).map(|start| equals(id, claim, expected, start.told.mib)).collect());
    }
    let shares = |start: &Start| {
        let own = start.memory?.1;
        let claim = "a fork copies no memory before somebody writes to it (KiB of its own)";
        Some(crate::scenario::card::at_most("copy-on-write", claim, ballast * 512, own))
    };
    show(of(0).filter_map(shares).collect());
    let own = own_pid().number();
    show(
        of(0)
            .chain(of(1))
            .map(|start| equals("child", "who is forked or spawned is our child: its parent's PID", own, start.told.parent))
            .collect(),
    );
    let above = |start: &Start| {
        equals(
            "grandchild",
            "who comes from the server is our grandchild: the PID of its parent's parent",
            own,
            start.grandparent,
        )
    };
    show(of(2).map(above).collect());
    if let (Some(spawn), Some(server)) = (least_cpu(of(1)), least_cpu(of(2))) {
        let ratio = (spawn / server * 10.0).round() / 10.0;
        facts.push(Fact {
            id: "spawn-costs".to_owned(),
            claim: "until it begins, a spawned child is longer on a core than one from the server: so many times as long"
                .to_owned(),
            expected: "> 1".into(),
            observed: ratio.into(),
            holds: ratio > 1.0,
        });
    }
    if let Some(started) = generations {
        let claim = "without the guard, a spawned child comes to the line that started it: what becomes of that";
        facts.push(equals(
            "guard",
            claim,
            "starts a child itself",
            if started == 1 { "starts a child itself" } else { "nothing" },
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(method: usize) -> Start {
        let (mib, parent) = if method == 0 { (32, own_pid().number()) } else { (0, own_pid().number()) };
        let told = Told { pid: 50, parent: if method == 2 { 40 } else { parent }, mib };
        let millis = if method == 1 { 90.0 } else { 9.0 };
        Start {
            method,
            millis,
            cpu_millis: Some(millis),
            told,
            grandparent: (method == 2).then_some(parent),
            memory: Some((40_000, 2_000)),
        }
    }

    fn failed(method: usize, change: impl Fn(&mut Start), generations: usize) -> Vec<String> {
        let mut starts = vec![start(0), start(1), start(2)];
        change(&mut starts[method]);
        facts(32, &starts, Some(generations)).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(facts(32, &[start(0), start(1), start(2)], Some(1)).len(), 8);
        assert_eq!(failed(0, |_| (), 1), [""; 0]);
        assert_eq!(failed(0, |_| (), 0), ["guard"]);
        assert_eq!(failed(0, |start| start.told.mib = 0, 1), ["fork-inherits"]);
        assert_eq!(failed(1, |start| start.told.mib = 32, 1), ["spawn-fresh"]);
        assert_eq!(failed(2, |start| start.told.mib = 32, 1), ["server-fresh"]);
        assert_eq!(failed(0, |start| start.memory = Some((40_000, 33_000)), 1), ["copy-on-write"]);
        assert_eq!(failed(1, |start| start.told.parent = 0, 1), ["child"]);
        assert_eq!(failed(2, |start| start.grandparent = None, 1), ["grandchild"]);
        assert_eq!(failed(1, |start| start.cpu_millis = Some(8.0), 1), ["spawn-costs"]);
        assert_eq!(facts(32, &[], None), Facts::new());
    }
}
