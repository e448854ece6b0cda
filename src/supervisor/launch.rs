//! Starting the stages of a run: all or none.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::capacity::Dispensability;
use super::child_table::Orphans;
use super::prepare::{new_pipe, prepare};
use super::protocol::{LaunchFailure, LaunchProblem, LaunchedChild, Report};
use super::server::Server;
use super::systemd_scope::AskedScope;
use crate::model::{ChildSpec, GroupLimits, Monotonic, Pgid, Reaping, RunId, Sid, Signal};
use crate::sys::{self, MAX_PACKET_FDS, Neighbours, OurEnds, Prepared, SpawnError, SpawnStage, Spawned, monotonic_now};

/// Each stage takes at most six descriptors of a report.
const MAX_STAGES: usize = MAX_PACKET_FDS / 6;
/// How often a program that somebody writes to at this moment is tried, and the pause between. A compiler that has just closed it may
/// have left a copy of the descriptor in a child that has not executed its own program yet.
const BUSY_TRIES: u32 = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(2);

impl Server {
    /// Starts all stages or none, and tells of it; later, if that needs a control group that systemd is asked for.
    pub(super) fn launch_in_time(&mut self, run: RunId, stages: Vec<ChildSpec>) -> io::Result<()> {
        let limits = limits_of(&stages);
        if !limits.is_empty()
            && !self.cgroups.is_settled()
            && let Err(why) = self.cgroups.settle(limits)
        {
            if self.asked_scope.is_none() {
                match AskedScope::ask(limits, &why) {
                    Ok(asked) => self.asked_scope = Some(asked),
                    Err(why) => return self.refuse_launch(run, &stages, &why),
                }
            }
            self.launches.push((run, stages));
            return Ok(());
        }
        self.launch_now(run, &stages)
    }

    /// Goes on with the launches that waited for a control group, once systemd has made one or has not.
    pub(super) fn look_for_scope(&mut self, now: Monotonic) -> io::Result<()> {
        let Some(found) = self.asked_scope.as_ref().and_then(|asked| asked.look(now)) else { return Ok(()) };
        self.asked_scope = None;
        for (run, stages) in std::mem::take(&mut self.launches) {
            match &found {
                Ok(()) => self.launch_now(run, &stages)?,
                Err(why) => self.refuse_launch(run, &stages, why)?,
            }
        }
        self.dispensability.iter_mut().for_each(Dispensability::lower);
        Ok(())
    }

    fn launch_now(&mut self, run: RunId, stages: &[ChildSpec]) -> io::Result<()> {
        match self.launch(run, stages) {
            Ok((children, fds)) => self.link.queue(&Report::Launched { run, children }, fds),
            Err(failure) => self.link.queue(&Report::NotLaunched { run, failure }, Vec::new()),
        }
    }

    fn refuse_launch(&mut self, run: RunId, stages: &[ChildSpec], why: &str) -> io::Result<()> {
        let failure = failure(stages, 0, LaunchProblem::NoRoom(unlimited(why)));
        self.link.queue(&Report::NotLaunched { run, failure }, Vec::new())
    }

    /// Starts all stages or none.
    fn launch(&mut self, run: RunId, stages: &[ChildSpec]) -> Result<(Vec<LaunchedChild>, Vec<OwnedFd>), LaunchFailure> {
        let failed = |stage: usize, problem| failure(stages, stage, problem);
        if stages.is_empty() || stages.len() > MAX_STAGES {
            let problem = format!("a pipeline has 1 to {MAX_STAGES} stages, and this one has {}", stages.len());
            return Err(failed(0, LaunchProblem::Spec(problem)));
        }
        if let Some(stage) = stages.iter().position(|spec| spec.terminal.is_some()).filter(|_| stages.len() > 1) {
            let problem = "a terminal is for a single program; let a shell make the pipeline in it".to_owned();
            return Err(failed(stage, LaunchProblem::Spec(problem)));
        }
        let room = self.room.take(self.family.len(), stages.len(), monotonic_now());
        room.map_err(|why| failed(0, LaunchProblem::NoRoom(why)))?;
        let group = self.group(run, stages).map_err(|why| failed(0, LaunchProblem::NoRoom(why)))?;
        self.dispensability.iter_mut().for_each(Dispensability::raise);
        let started = start_stages(stages, run, group.as_ref());
        let started = match started {
            Ok(started) => started,
            Err(Half { started, stage, problem }) => {
                self.discard(started, run);
                return Err(failed(stage, problem));
            }
        };
        // A report with a descriptor too few would give the next child's to this one.
        let copies: Result<Vec<OwnedFd>, _> =
            started.iter().map(|(spawned, _)| rustix::io::fcntl_dupfd_cloexec(&spawned.pidfd, 0)).collect();
        let copies = match copies {
            Ok(copies) => copies,
            Err(error) => {
                self.discard(started, run);
                let what = "duplicate a descriptor".to_owned();
                return Err(failed(0, LaunchProblem::Descriptor { what, errno: error.raw_os_error() }));
            }
        };
        let mut fds = Vec::new();
        let children = started.into_iter().zip(copies).zip(stages).map(|(((spawned, ours), copy), spec)| {
            let child = describe(&spawned, &ours, spec);
            fds.push(copy);
            fds.extend([ours.stdin, ours.stdout, ours.stderr, ours.events, ours.control].into_iter().flatten());
            self.family.add(spawned.pid, spawned.pidfd, run, spec.reaping);
            child
        });
        Ok((children.collect(), fds))
    }

    /// What holds a run to its limits, if it has any: the file by which its children join its control group.
    fn group(&mut self, run: RunId, stages: &[ChildSpec]) -> Result<Option<OwnedFd>, String> {
        let limits = limits_of(stages);
        if limits.is_empty() {
            return Ok(None);
        }
        self.cgroups.make(run, limits).map(Some).map_err(|why| unlimited(&why))
    }

    /// Kills the stages of a pipeline that could not be completed, and waits for them: they die at once, since nobody
    /// else has seen them yet. One that the kernel holds on to is reaped later like any other child.
    fn discard(&mut self, started: Vec<Started>, run: RunId) {
        if started.is_empty() {
            return;
        }
        for (spawned, _) in started {
            let _ = spawned.pidfd.signal(Signal::KILL, sys::SignalScope::Process);
            let second = rustix::time::Timespec { tv_sec: 1, tv_nsec: 0 };
            let _ = poll(&mut [PollFd::new(&spawned.pidfd, PollFlags::IN)], Some(&second));
            if !matches!(sys::wait_pidfd(&spawned.pidfd, sys::WhatEnded::Reap), Ok(Some(_))) {
                self.family.add(spawned.pid, spawned.pidfd, run, Reaping::AtOnce);
            }
        }
        // What they have started meanwhile carries the run's mark.
        let orphans = Orphans { is_only_run: false, seen: &[] };
        let _ = self.family.signal_run(run, &[Signal::KILL], orphans, &mut Vec::new());
    }
}

/// The limits of a run: those of its first stage.
fn limits_of(stages: &[ChildSpec]) -> GroupLimits {
    stages.first().map(|first| first.group_limits).unwrap_or_default()
}

fn unlimited(why: &str) -> String {
    format!("its memory and CPU cannot be limited: {why}")
}

fn failure(stages: &[ChildSpec], stage: usize, problem: LaunchProblem) -> LaunchFailure {
    let program = stages.get(stage).map(ChildSpec::display_name).unwrap_or_default();
    LaunchFailure { stage, stages: stages.len(), program, problem }
}

/// A stage that runs, and our ends of its pipes.
type Started = (Spawned, OurEnds);

/// A launch that came halfway: what runs, and what the next stage has failed on.
struct Half {
    started: Vec<Started>,
    stage: usize,
    problem: LaunchProblem,
}

/// Starts the stages, one after the other.
fn start_stages(stages: &[ChildSpec], run: RunId, cgroup: Option<&OwnedFd>) -> Result<Vec<Started>, Half> {
    let mut started: Vec<Started> = Vec::new();
    let mut input = None;
    for (stage, spec) in stages.iter().enumerate() {
        let group = started.first().map(|(first, _)| first.pid.number());
        match start_stage(spec, run, input.take(), stage + 1 == stages.len(), group, cgroup) {
            Ok((spawned, ours, next)) => {
                started.push((spawned, ours));
                input = next;
            }
            Err(problem) => return Err(Half { started, stage, problem }),
        }
    }
    Ok(started)
}

/// Starts one stage; returns it, our ends of its pipes and what the next stage reads.
fn start_stage(
    spec: &ChildSpec,
    run: RunId,
    input: Option<OwnedFd>,
    is_last: bool,
    group: Option<i32>,
    cgroup: Option<&OwnedFd>,
) -> Result<(Spawned, OurEnds, Option<OwnedFd>), LaunchProblem> {
    let (mut prepared, ours, next) = prepare_stage(spec, run, input, is_last, group)?;
    if let Some(cgroup) = cgroup {
        let copy = cgroup.try_clone().map_err(|error| LaunchProblem::Descriptor {
            what: "duplicate a descriptor".to_owned(),
            errno: error.raw_os_error().unwrap_or_default(),
        })?;
        prepared.cgroup = Some(copy);
    }
    let spawned = spawn(&prepared).map_err(|error| LaunchProblem::Spawn { error, path: culprit(error, spec) })?;
    Ok((spawned, ours, next))
}

/// Makes everything ready for one stage, with the pipe to the next.
fn prepare_stage(
    spec: &ChildSpec,
    run: RunId,
    input: Option<OwnedFd>,
    is_last: bool,
    group: Option<i32>,
) -> Result<(Prepared, OurEnds, Option<OwnedFd>), LaunchProblem> {
    let (next, output) = if is_last {
        (None, None)
    } else {
        let (reader, writer) = new_pipe(spec.pipe_size)?;
        (Some(reader), Some(writer))
    };
    let (prepared, ours) = prepare(spec, Neighbours { input, output, group }, Some(run))?;
    Ok((prepared, ours, next))
}

/// Starts it, trying again for a moment while somebody writes to the program (ETXTBSY).
fn spawn(prepared: &Prepared) -> Result<Spawned, SpawnError> {
    let mut tries = 0;
    loop {
        match sys::spawn(prepared) {
            Err(error) if error.stage == SpawnStage::Exec && error.errno == libc::ETXTBSY && tries < BUSY_TRIES => {
                tries += 1;
                std::thread::sleep(BUSY_PAUSE);
            }
            result => return result,
        }
    }
}

/// What the failed step was about: the folder, the program, the limit.
pub(super) fn culprit(error: SpawnError, spec: &ChildSpec) -> String {
    match (error.stage, &spec.cwd, &spec.executable) {
        (SpawnStage::Cwd, Some(cwd), _) => cwd.display().to_string(),
        (SpawnStage::Exec, _, Some(executable)) => executable.display().to_string(),
        (SpawnStage::Exec, _, None) => spec.argv[0].display().to_string(),
        (SpawnStage::Limit, ..) => spec.limits.iter().map(|limit| limit.resource.to_string()).collect::<Vec<_>>().join(", "),
        (SpawnStage::Affinity, ..) => format!("{:?}", spec.affinity),
        (SpawnStage::Nice, ..) => format!("by {}", spec.nice.unwrap_or_default()),
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
        may_grow: spec.pipe_size.is_none() && spec.terminal.is_none(),
        has_terminal: spec.terminal.is_some(),
        has_stdin: ours.stdin.is_some(),
        has_stdout: ours.stdout.is_some(),
        has_stderr: ours.stderr.is_some(),
        has_lesson_pipes: ours.events.is_some(),
    }
}
