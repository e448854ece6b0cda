//! Starting the stages of a run: all or none.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::prepare::{new_pipe, prepare};
use super::protocol::{LaunchFailure, LaunchProblem, LaunchedChild};
use super::room::Dispensability;
use super::scope::Scopes;
use super::server::Server;
use crate::model::{ChildSpec, GroupLimits, Pgid, Pid, Reaping, RunId, Sid, Signal};
use crate::sys::{self, Held, MAX_PACKET_FDS, Neighbours, OurEnds, Prepared, SpawnError, SpawnStage, Spawned, monotonic_now};

/// Each stage takes at most six descriptors of a report.
const MAX_STAGES: usize = MAX_PACKET_FDS / 6;
/// How often a program that somebody writes to at this moment is tried, and the pause between. A compiler that has just closed it may
/// have left a copy of the descriptor in a child that has not executed its own program yet.
const BUSY_TRIES: u32 = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(2);

impl Server {
    /// Starts all stages or none.
    pub(super) fn launch(
        &mut self,
        run: RunId,
        stages: &[ChildSpec],
    ) -> Result<(Vec<LaunchedChild>, Vec<OwnedFd>), LaunchFailure> {
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
        if let Some(stage) = stages.iter().position(|spec| spec.terminal.is_some()).filter(|_| stages.len() > 1) {
            let problem = "a terminal is for a single program; let a shell make the pipeline in it".to_owned();
            return Err(failed(stage, LaunchProblem::Spec(problem)));
        }
        let room = self.room.take(self.family.len(), stages.len(), monotonic_now());
        room.map_err(|why| failed(0, LaunchProblem::NoRoom(why)))?;
        let holder = self.holder(run, stages).map_err(|why| failed(0, LaunchProblem::NoRoom(why)))?;
        self.dispensability.iter_mut().for_each(Dispensability::raise);
        let started = match &holder {
            Holder::Scope(scopes, limits) => self.start_in_scope(stages, run, scopes, *limits),
            Holder::Group(group) => start_stages(stages, run, Some(group)),
            Holder::Nobody => start_stages(stages, run, None),
        };
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

    /// What holds a run to its limits, if it has any: a control group of ours, or else a scope of the user's systemd.
    fn holder(&mut self, run: RunId, stages: &[ChildSpec]) -> Result<Holder, String> {
        let limits = stages.first().map(|first| first.group_limits).unwrap_or_default();
        if limits.is_empty() {
            return Ok(Holder::Nobody);
        }
        match self.cgroups.make(run, limits) {
            Ok(group) => Ok(Holder::Group(group)),
            Err(why) => Ok(Holder::Scope(Scopes::find(limits, &why)?, limits)),
        }
    }

    /// Makes all stages, has them taken into a scope, and then lets one after the other execute its program.
    fn start_in_scope(
        &mut self,
        stages: &[ChildSpec],
        run: RunId,
        scopes: &Scopes,
        limits: GroupLimits,
    ) -> Result<Vec<Started>, Half> {
        let mut held: Vec<(Held, OurEnds)> = Vec::new();
        let mut input = None;
        for (stage, spec) in stages.iter().enumerate() {
            let group = held.first().and_then(|(first, _)| first.pid()).map(Pid::number);
            let half = |problem| Half { started: Vec::new(), stage, problem };
            let (prepared, ours, next) =
                prepare_stage(spec, run, input.take(), stage + 1 == stages.len(), group).map_err(half)?;
            let child = sys::spawn_held(&prepared);
            held.push((child.map_err(|error| half(LaunchProblem::Spawn { error, path: culprit(error, spec) }))?, ours));
            input = next;
        }
        let pids: Vec<Pid> = held.iter().filter_map(|(child, _)| child.pid()).collect();
        let name = format!("tasklab-{}-run-{run}.scope", std::process::id());
        let scope = scopes.take_in(&name, &pids, limits);
        let scope = scope.map_err(|why| Half { started: Vec::new(), stage: 0, problem: LaunchProblem::NoRoom(why) })?;
        self.cgroups.look_into(run, scope);
        let mut started = Vec::new();
        for ((child, ours), (stage, spec)) in held.into_iter().zip(stages.iter().enumerate()) {
            match child.let_go() {
                Ok(spawned) => started.push((spawned, ours)),
                Err(error) => {
                    return Err(Half { started, stage, problem: LaunchProblem::Spawn { error, path: culprit(error, spec) } });
                }
            }
        }
        Ok(started)
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
        let _ = self.family.signal_run(run, &[Signal::KILL], false);
    }
}

/// A stage that runs, and our ends of its pipes.
type Started = (Spawned, OurEnds);

/// What holds a run to its limits.
enum Holder {
    Nobody,
    /// `cgroup.procs` of a group of ours, which children join.
    Group(OwnedFd),
    Scope(Scopes, GroupLimits),
}

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
fn culprit(error: SpawnError, spec: &ChildSpec) -> String {
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
