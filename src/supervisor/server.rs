//! The supervisor's own process: one thread, one loop over the socket and SIGCHLD. It never waits for the app, and when
//! the app is gone it ends everything that it has started.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::family::Family;
use super::header::Header;
use super::link::{Link, Received};
use super::prepare::{Neighbours, OurEnds, new_pipe, prepare};
use super::protocol::{LaunchFailure, LaunchProblem, LaunchedChild, Report, Request};
use crate::model::{ChildSpec, Pgid, RunId, Sid, Signal};
use crate::sys::{self, MAX_PACKET_FDS, PacketSocket, SignalFd, Spawned, monotonic_now};

/// How long requests are handled before children are looked after again.
const TURN: Duration = Duration::from_millis(5);

/// Each stage takes at most six descriptors of a report.
const MAX_STAGES: usize = MAX_PACKET_FDS / 6;

/// Serves the app at the other end of `socket` until it closes it or dies; then leaves nothing behind.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    // Ctrl-C, Ctrl-\\, a closed terminal and a polite kill of the whole group are the app's to act on: it asks us.
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        sys::ignore_signal(signal)?;
    }
    let child_signals = SignalFd::new(&[Signal::CHLD])?;
    sys::become_subreaper()?;
    let _ = sys::rename_thread("tasklab-super");
    if !sys::has_one_thread()? {
        return Err(io::Error::other("the supervisor has more than one thread, so it cannot fork safely"));
    }
    let header = Header::open(monotonic_now()).map_err(io::Error::other)?;
    let mut server = Server { link: Link::new(PacketSocket::from(socket))?, family: Family::new(), header };
    // A mistake of ours must not leave anybody's processes behind: what is told of it comes after the burial.
    let result = catch_unwind(AssertUnwindSafe(|| server.run(&child_signals)));
    server.header.make_safe(monotonic_now());
    server.family.end();
    match result {
        Err(panic) => resume_unwind(panic),
        Ok(result) => none_if_gone(result),
    }
}

/// A link that broke because the app went is the usual end.
fn none_if_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        // The app went while something was being told.
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        result => result,
    }
}

struct Server {
    link: Link,
    family: Family,
    header: Header,
}

impl Server {
    fn run(&mut self, child_signals: &SignalFd) -> io::Result<()> {
        let board = self.header.report(0, None);
        self.tell(vec![board])?;
        loop {
            let wanted = if self.link.has_waiting() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            let lines = self.header.fds();
            let mut fds = vec![PollFd::new(&self.link, wanted), PollFd::new(child_signals, PollFlags::IN)];
            fds.extend(lines.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
            let timeout = self.header.deadline().map(|at| {
                let left = at.since(monotonic_now());
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) }
            });
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let (socket, children) = (fds[0].revents(), fds[1].revents());
            let lines_changed = fds[2..].iter().any(|fd| !fd.revents().is_empty());
            let mut reports = Vec::new();
            if lines_changed {
                reports.extend(self.header.collect());
            }
            if children.intersects(PollFlags::IN) {
                while child_signals.read()?.is_some() {}
                self.family.collect(&mut reports)?;
            }
            self.tell(reports)?;
            if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) && !self.take_requests()? {
                return Ok(());
            }
            // What the app has said by now counts, also if both of us slept.
            let expired = self.header.check(monotonic_now());
            self.tell(expired.into_iter().collect())?;
            self.link.flush()?;
        }
    }

    /// Handles what has come in, for a moment at most, so that children are reaped in between; `false` once the app has closed its
    /// end.
    fn take_requests(&mut self) -> io::Result<bool> {
        let until = monotonic_now() + TURN;
        loop {
            match self.link.receive::<Request>()? {
                Received::Message(request, _) => self.handle(request)?,
                Received::Nothing => return Ok(true),
                Received::End => return Ok(false),
            }
            if monotonic_now() >= until {
                return Ok(true);
            }
        }
    }

    fn handle(&mut self, request: Request) -> io::Result<()> {
        self.header.hear(monotonic_now());
        let mut reports = Vec::new();
        match request {
            Request::Launch { run, stages } => match self.launch(run, &stages) {
                Ok((children, fds)) => return self.link.queue(&Report::Launched { run, children }, fds),
                Err(failure) => reports.push(Report::NotLaunched { run, failure }),
            },
            Request::Signal { ask, pid, signals, scope } => {
                reports.push(Report::Signaled { ask, result: self.family.signal(pid, &signals, scope) });
            }
            Request::AreYouThere => reports.push(Report::Here),
            Request::Reap { pid } => self.family.reap(pid, &mut reports)?,
            Request::SignalRun { run, signals, is_only_run } => {
                let members = self.family.members(run, is_only_run);
                for found in &members {
                    // One that may not be signalled shows in the count that follows.
                    let _ = found.signal(&signals, sys::SignalScope::Process);
                }
                reports.push(Report::Members { run, pids: members.iter().map(|found| found.pid).collect() });
            }
            Request::Lines { ask, request } => reports.extend(self.header.handle(ask, request, monotonic_now())),
        }
        self.tell(reports)
    }

    fn tell(&mut self, reports: Vec<Report>) -> io::Result<()> {
        reports.into_iter().try_for_each(|report| self.link.queue(&report, Vec::new()))
    }

    /// Starts all stages or none.
    fn launch(&mut self, run: RunId, stages: &[ChildSpec]) -> Result<(Vec<LaunchedChild>, Vec<OwnedFd>), LaunchFailure> {
        let failed = |stage: usize, problem| LaunchFailure {
            stage,
            stages: stages.len(),
            program: stages.get(stage).map(ChildSpec::display_name).unwrap_or_default(),
            problem,
        };
        if stages.is_empty() || stages.len() > MAX_STAGES {
            let problem = format!("a pipeline has 1 to {MAX_STAGES} stages, and this one has {}", stages.len());
            return Err(failed(0, LaunchProblem::Spec(problem)));
        }
        let mut started: Vec<(Spawned, OurEnds)> = Vec::new();
        let mut input = None;
        for (index, spec) in stages.iter().enumerate() {
            let group = started.first().map(|(first, _)| first.pid.number());
            match start_stage(spec, run, input.take(), index + 1 == stages.len(), group) {
                Ok((spawned, ours, next)) => {
                    started.push((spawned, ours));
                    input = next;
                }
                Err(problem) => {
                    self.discard(started, run);
                    return Err(failed(index, problem));
                }
            }
        }
        let mut fds = Vec::new();
        let children = started.into_iter().zip(stages).map(|((spawned, ours), spec)| {
            let child = describe(&spawned, &ours, spec);
            if let Ok(copy) = rustix::io::fcntl_dupfd_cloexec(&spawned.pidfd, 0) {
                fds.push(copy);
            }
            fds.extend([ours.stdin, ours.stdout, ours.stderr, ours.events, ours.control].into_iter().flatten());
            self.family.add(spawned.pid, spawned.pidfd, run, spec.reaping);
            child
        });
        Ok((children.collect(), fds))
    }

    /// Kills the stages of a pipeline that could not be completed, and waits for them: they die at once, since nobody
    /// else has seen them yet. One that the kernel holds on to is reaped later like any other child.
    fn discard(&mut self, started: Vec<(Spawned, OurEnds)>, run: RunId) {
        for (spawned, _) in started {
            let _ = spawned.pidfd.signal(Signal::KILL, sys::SignalScope::Process);
            let second = rustix::time::Timespec { tv_sec: 1, tv_nsec: 0 };
            let _ = poll(&mut [PollFd::new(&spawned.pidfd, PollFlags::IN)], Some(&second));
            if !matches!(sys::wait_pidfd(&spawned.pidfd, sys::WhatEnded::Reap), Ok(Some(_))) {
                self.family.add(spawned.pid, spawned.pidfd, run, crate::model::Reaping::AtOnce);
            }
        }
    }
}

/// Starts one stage; returns it, our ends of its pipes and what the next stage reads.
fn start_stage(
    spec: &ChildSpec,
    run: RunId,
    input: Option<OwnedFd>,
    is_last: bool,
    group: Option<i32>,
) -> Result<(Spawned, OurEnds, Option<OwnedFd>), LaunchProblem> {
    let (next, output) = if is_last {
        (None, None)
    } else {
        let (reader, writer) = new_pipe(spec.pipe_size)?;
        (Some(reader), Some(writer))
    };
    let (prepared, ours) = prepare(spec, Neighbours { input, output, group }, Some(run))?;
    let spawned = sys::spawn(&prepared).map_err(|error| LaunchProblem::Spawn { error, path: culprit(error, spec) })?;
    Ok((spawned, ours, next))
}

/// What the failed step was about: the folder or the program.
fn culprit(error: sys::SpawnError, spec: &ChildSpec) -> String {
    match (error.stage, &spec.cwd, &spec.executable) {
        (sys::SpawnStage::Cwd, Some(cwd), _) => cwd.display().to_string(),
        (sys::SpawnStage::Exec, _, Some(executable)) => executable.display().to_string(),
        (sys::SpawnStage::Exec, _, None) => spec.argv[0].display().to_string(),
        _ => String::new(),
    }
}

fn describe(spawned: &Spawned, ours: &OurEnds, spec: &ChildSpec) -> LaunchedChild {
    LaunchedChild {
        pid: spawned.pid,
        pgid: Pgid::new(sys::process_group(Some(spawned.pid)).unwrap_or(0)),
        sid: Sid::new(sys::session(Some(spawned.pid)).unwrap_or(0)),
        name: spec.display_name(),
        argv: spec.argv.iter().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        may_grow: spec.pipe_size.is_none(),
        has_stdin: ours.stdin.is_some(),
        has_stdout: ours.stdout.is_some(),
        has_stderr: ours.stderr.is_some(),
        has_lesson_pipes: ours.events.is_some(),
    }
}
