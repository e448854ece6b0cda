//! Starting the stages of a run: all or none.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::capacity::Capacity;
use super::cgroup::Cgroups;
use super::child_table::{ChildTable, UnmarkedOrphans};
use super::launch_failure::{LaunchFailure, LaunchProblem};
use super::oom_score::OomScore;
use super::prepare::prepare_child;
use super::protocol::{LaunchedChild, Report};
use super::systemd_scope::ScopeRequest;
use crate::model::{ChildSpec, GroupLimits, Monotonic, Pgid, Pid, Reaping, RunId, Sid, Signal};
use crate::sys::{
    self, MAX_PACKET_FDS, Neighbours, ParentEnds, PrepareError, Prepared, SpawnError, SpawnStep, Spawned, dup_at_least,
    is_readable, monotonic_now,
};

/// Each stage takes at most six descriptors of a report.
const MAX_STAGES: usize = MAX_PACKET_FDS / 6;
/// How often a program is tried that a process is writing to at this moment, and the pause between two tries. A compiler that has just
/// closed the file may have left a copy of the descriptor in a child that has not executed its own program yet.
const BUSY_TRIES: u32 = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(2);
/// How long a killed stage may take to end.
const KILL_PATIENCE: Duration = Duration::from_secs(1);

/// The answer to a launch, and the descriptors that go with it.
pub(super) type Answer = (Report, Vec<OwnedFd>);

/// Launches runs, as far as the machine has room for them, and holds them to their limits.
#[derive(Debug)]
pub(super) struct Launcher {
    capacity: Capacity,
    oom_score: Option<OomScore>,
    pub(super) cgroups: Cgroups,
    scope_request: Option<ScopeRequest>,
    /// Launches that wait for that scope.
    waiting: Vec<(RunId, Vec<ChildSpec>)>,
}

impl Launcher {
    pub(super) fn new(app: Pid) -> Self {
        Self {
            capacity: Capacity::default(),
            oom_score: OomScore::open(),
            cgroups: Cgroups::of(app),
            scope_request: None,
            waiting: Vec::new(),
        }
    }

    /// Starts all stages or none, and returns the answer. `None`: the launch needs a control group that systemd was asked for, and
    /// [`launch_waiting`](Self::launch_waiting) answers it.
    pub(super) fn launch(&mut self, run: RunId, stages: Vec<ChildSpec>, children: &mut ChildTable) -> Option<Answer> {
        let limits = limits_of(&stages);
        if !limits.is_empty()
            && !self.cgroups.is_ready()
            && let Err(why) = self.cgroups.make_ready(limits)
        {
            if self.scope_request.is_none() {
                match ScopeRequest::send(limits, &why) {
                    Ok(request) => self.scope_request = Some(request),
                    Err(why) => return Some(refusal(run, &stages, &why)),
                }
            }
            self.waiting.push((run, stages));
            return None;
        }
        Some(self.start_run(run, &stages, children))
    }

    /// Answers the launches that wait for a control group, once systemd has made one or will not.
    pub(super) fn launch_waiting(&mut self, now: Monotonic, children: &mut ChildTable) -> Vec<Answer> {
        let Some(result) = self.scope_request.as_ref().and_then(|request| request.result(now)) else { return Vec::new() };
        self.scope_request = None;
        let waiting = std::mem::take(&mut self.waiting);
        let answers = waiting.into_iter().map(|(run, stages)| match &result {
            Ok(()) => self.start_run(run, &stages, children),
            Err(why) => refusal(run, &stages, why),
        });
        let answers = answers.collect();
        self.lower_oom_score();
        answers
    }

    /// When [`launch_waiting`](Self::launch_waiting) is to be called next; `None`: no launch waits.
    pub(super) fn next_look(&self, now: Monotonic) -> Option<Monotonic> {
        self.scope_request.as_ref().map(|request| request.next_look(now))
    }

    /// After the launches of one turn: the supervisor has its own score again.
    pub(super) fn lower_oom_score(&mut self) {
        self.oom_score.iter_mut().for_each(OomScore::lower);
    }

    fn start_run(&mut self, run: RunId, stages: &[ChildSpec], children: &mut ChildTable) -> Answer {
        match self.start_all_or_none(run, stages, children) {
            Ok((launched, fds)) => (Report::Launched { run, children: launched }, fds),
            Err(failure) => (Report::NotLaunched { run, failure }, Vec::new()),
        }
    }

    fn start_all_or_none(
        &mut self,
        run: RunId,
        stages: &[ChildSpec],
        children: &mut ChildTable,
    ) -> Result<(Vec<LaunchedChild>, Vec<OwnedFd>), LaunchFailure> {
        let failed = |stage: usize, problem| LaunchFailure::of(stages, stage, problem);
        if stages.is_empty() || stages.len() > MAX_STAGES {
            let problem = format!("a pipeline has 1 to {MAX_STAGES} stages, and this one has {}", stages.len());
            return Err(failed(0, LaunchProblem::Spec(problem)));
        }
        if let Some(stage) = stages.iter().position(|spec| spec.terminal.is_some()).filter(|_| stages.len() > 1) {
            let problem = "a terminal is for a single program; let a shell make the pipeline in it".to_owned();
            return Err(failed(stage, LaunchProblem::Spec(problem)));
        }
        let reserved = self.capacity.reserve(children.len(), stages.len(), monotonic_now());
        reserved.map_err(|why| failed(0, LaunchProblem::NoCapacity(why)))?;
        let cgroup = self.make_cgroup(run, stages).map_err(|why| failed(0, LaunchProblem::NoCapacity(why)))?;
        self.oom_score.iter_mut().for_each(OomScore::raise);
        let started = match start_stages(stages, run, cgroup.as_ref()) {
            Ok(started) => started,
            Err(PartialStart { started, stage, problem }) => {
                kill_started(started, run, children);
                return Err(failed(stage, problem));
            }
        };
        // If a report lacked one descriptor, each child after it would get the descriptors of another.
        let copies: io::Result<Vec<OwnedFd>> = started.iter().map(|(spawned, _)| dup_at_least(&spawned.pidfd, 0)).collect();
        let copies = match copies {
            Ok(copies) => copies,
            Err(error) => {
                kill_started(started, run, children);
                return Err(failed(0, cannot_duplicate(&error)));
            }
        };
        let mut fds = Vec::new();
        let launched = started.into_iter().zip(copies).zip(stages).map(|(((spawned, ours), copy), spec)| {
            let child = describe(&spawned, &ours, spec);
            fds.push(copy);
            fds.extend([ours.stdin, ours.stdout, ours.stderr, ours.events, ours.control].into_iter().flatten());
            children.add(spawned.pid, spawned.pidfd, run, spec.reaping);
            child
        });
        Ok((launched.collect(), fds))
    }

    /// Makes the control group of a run with limits, and returns the file by which children join it.
    fn make_cgroup(&mut self, run: RunId, stages: &[ChildSpec]) -> Result<Option<OwnedFd>, String> {
        let limits = limits_of(stages);
        if limits.is_empty() {
            return Ok(None);
        }
        self.cgroups.make(run, limits).map(Some).map_err(|why| cannot_limit(&why))
    }
}

/// The limits of a run: those of its first stage.
fn limits_of(stages: &[ChildSpec]) -> GroupLimits {
    stages.first().map(|first| first.group_limits).unwrap_or_default()
}

fn cannot_limit(why: &str) -> String {
    format!("its memory and CPU cannot be limited: {why}")
}

fn cannot_duplicate(error: &io::Error) -> LaunchProblem {
    PrepareError::descriptor("duplicate a descriptor", error).into()
}

fn refusal(run: RunId, stages: &[ChildSpec], why: &str) -> Answer {
    let failure = LaunchFailure::of(stages, 0, LaunchProblem::NoCapacity(cannot_limit(why)));
    (Report::NotLaunched { run, failure }, Vec::new())
}

/// A stage that runs, and our ends of its pipes.
type Started = (Spawned, ParentEnds);

/// A launch of which one stage failed: the stages that run, and the stage that could not be started.
struct PartialStart {
    started: Vec<Started>,
    stage: usize,
    problem: LaunchProblem,
}

/// Kills the stages of a launch that could not be completed, and waits for them. They end at once, since nobody else knows of them yet.
/// A stage that the kernel holds on to is reaped later like any other child.
fn kill_started(started: Vec<Started>, run: RunId, children: &mut ChildTable) {
    if started.is_empty() {
        return;
    }
    for (spawned, _) in started {
        let _ = spawned.pidfd.signal(Signal::KILL, sys::SignalScope::Process);
        let _ = is_readable(&spawned.pidfd, KILL_PATIENCE);
        if !matches!(sys::wait_pidfd(&spawned.pidfd, sys::WaitMode::Reap), Ok(Some(_))) {
            children.add(spawned.pid, spawned.pidfd, run, Reaping::AtOnce);
        }
    }
    // The processes that they have started meanwhile carry the run's mark.
    let orphans = UnmarkedOrphans { is_only_run: false, seen: &[] };
    let _ = children.signal_run(run, &[Signal::KILL], orphans, &mut Vec::new());
}

/// Starts the stages, one after the other.
fn start_stages(stages: &[ChildSpec], run: RunId, cgroup: Option<&OwnedFd>) -> Result<Vec<Started>, PartialStart> {
    let mut started: Vec<Started> = Vec::new();
    let mut input = None;
    for (stage, spec) in stages.iter().enumerate() {
        let group = started.first().map(|(first, _)| first.pid.number());
        match start_stage(spec, run, input.take(), stage + 1 == stages.len(), group, cgroup) {
            Ok((spawned, ours, next)) => {
                started.push((spawned, ours));
                input = next;
            }
            Err(problem) => return Err(PartialStart { started, stage, problem }),
        }
    }
    Ok(started)
}

/// Starts one stage; returns it, our ends of its pipes, and the input of the next stage.
fn start_stage(
    spec: &ChildSpec,
    run: RunId,
    input: Option<OwnedFd>,
    is_last: bool,
    group: Option<i32>,
    cgroup: Option<&OwnedFd>,
) -> Result<(Spawned, ParentEnds, Option<OwnedFd>), LaunchProblem> {
    let (next, output) = if is_last {
        (None, None)
    } else {
        let (reader, writer) = sys::new_pipe(spec.pipe_size)?;
        (Some(reader), Some(writer))
    };
    let (mut prepared, ours) = prepare_child(spec, Neighbours { input, output, group }, Some(run))?;
    if let Some(cgroup) = cgroup {
        prepared.cgroup = Some(cgroup.try_clone().map_err(|error| cannot_duplicate(&error))?);
    }
    let spawned = spawn(&prepared).map_err(|error| LaunchProblem::spawn(error, spec))?;
    Ok((spawned, ours, next))
}

/// Starts a child. A program that a process is writing to (ETXTBSY) is tried again for a moment.
fn spawn(prepared: &Prepared) -> Result<Spawned, SpawnError> {
    let mut tries = 0;
    loop {
        match sys::spawn(prepared) {
            Err(error) if error.step == SpawnStep::Exec && error.errno == libc::ETXTBSY && tries < BUSY_TRIES => {
                tries += 1;
                std::thread::sleep(BUSY_PAUSE);
            }
            result => return result,
        }
    }
}

fn describe(spawned: &Spawned, ours: &ParentEnds, spec: &ChildSpec) -> LaunchedChild {
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
