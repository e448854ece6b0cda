//! A supervisor of a test's own, which cleans up after itself.

use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use tasklab::model::{ChildSpec, ExitStatus, Pid, RunId, Scope, Signal};
use tasklab::supervisor::{ChildPipes, Client, Incoming, LaunchFailure, LaunchedChild, Report, Request, SignalRequestId};

use super::{deadline, descendants_of, program};

/// The processes that the supervisor still has below it.
pub fn survivors(supervisor: &Supervisor) -> Vec<i32> {
    descendants_of(supervisor.pid().number())
}

/// A supervisor of the test's own. Dropping it ends everything that it has started.
pub struct Supervisor {
    client: Option<Client>,
    tag: String,
    seen: Vec<Report>,
    runs: u32,
    asks: u64,
}

impl Supervisor {
    pub fn start() -> Self {
        Self::of(program::path())
    }

    /// The same of a program that stands for ours.
    pub fn of(program: &Path) -> Self {
        let client = Client::start(program).expect("a supervisor");
        let tag = format!("TASKLAB_TEST={}-{}", std::process::id(), client.pid());
        Self { client: Some(client), tag, seen: Vec::new(), runs: 0, asks: 0 }
    }

    fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("not closed")
    }

    pub fn pid(&self) -> Pid {
        self.client.as_ref().expect("not closed").pid()
    }

    /// The variable that marks everything that this supervisor starts.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The newest run.
    pub fn run(&self) -> RunId {
        RunId::new(self.runs)
    }

    pub fn close(&mut self) {
        self.client = None;
    }

    pub fn request(&mut self, request: &Request) {
        self.client().request(request).expect("sent");
    }

    fn next(&mut self, what: &str) -> Incoming {
        let end = Instant::now() + deadline();
        loop {
            if let Some(incoming) = self.client().receive().expect("readable") {
                return incoming;
            }
            assert!(Instant::now() < end, "no report: {what}");
            let second = rustix::time::Timespec { tv_sec: 1, tv_nsec: 0 };
            let _ = poll(&mut [PollFd::new(self.client(), PollFlags::IN)], Some(&second));
        }
    }

    pub fn launch(&mut self, mut stages: Vec<ChildSpec>) -> Result<Vec<(LaunchedChild, ChildPipes)>, LaunchFailure> {
        let (name, value) = self.tag.split_once('=').expect("a variable");
        for stage in &mut stages {
            stage.env.push((name.into(), value.into()));
        }
        self.runs += 1;
        let mine = self.run();
        self.request(&Request::Launch { run: mine, stages });
        loop {
            match self.next("the answer to a launch") {
                Incoming::Launched(_, children) => return Ok(children),
                Incoming::Report(Report::NotLaunched { run, failure }) if run == mine => return Err(failure),
                Incoming::Report(report) => self.seen.push(report),
                Incoming::End => panic!("the supervisor has gone"),
            }
        }
    }

    pub fn launch_one(&mut self, spec: ChildSpec) -> (Pid, ChildPipes) {
        let (child, pipes) = self.launch(vec![spec]).expect("starts").remove(0);
        (child.pid, pipes)
    }

    /// Whether such a report has come while another was waited for.
    pub fn has_seen(&self, is_it: impl FnMut(&Report) -> bool) -> bool {
        self.seen.iter().any(is_it)
    }

    /// Waits for a report that `pick` takes; the others are kept for later calls.
    pub fn wait_for<T>(&mut self, what: &str, mut pick: impl FnMut(&Report) -> Option<T>) -> T {
        if let Some(index) = self.seen.iter().position(|report| pick(report).is_some()) {
            return pick(&self.seen.remove(index)).expect("picked before");
        }
        loop {
            match self.next(what) {
                Incoming::Report(report) => match pick(&report) {
                    Some(picked) => return picked,
                    None => self.seen.push(report),
                },
                Incoming::Launched(..) => panic!("nobody asked for a launch"),
                Incoming::End => panic!("the supervisor has gone while waiting for {what}"),
            }
        }
    }

    pub fn exited(&mut self, pid: Pid) -> (ExitStatus, bool) {
        self.wait_for("an exit", |report| match report {
            Report::Exited { pid: ended, status, is_reaped, .. } if *ended == pid => Some((*status, *is_reaped)),
            _ => None,
        })
    }

    pub fn exit_of(&mut self, pid: Pid) -> ExitStatus {
        self.exited(pid).0
    }

    pub fn signal(&mut self, pid: Pid, signals: &[Signal], scope: Scope) -> Result<u32, tasklab::model::Refusal> {
        self.asks += 1;
        let mine = SignalRequestId(self.asks);
        self.request(&Request::Signal { id: mine, pid, signals: signals.to_vec(), scope });
        self.wait_for("the answer to a signal", |report| match report {
            Report::Signaled { id, result } if *id == mine => Some(result.clone()),
            _ => None,
        })
    }

    pub fn signal_run(&mut self, run: RunId, signals: &[Signal]) -> Vec<Pid> {
        self.request(&Request::SignalRun { run, signals: signals.to_vec(), is_only_run: false, seen: Vec::new() });
        self.wait_for("the members of a run", |report| match report {
            Report::Members { run: of, pids } if *of == run => Some(pids.clone()),
            _ => None,
        })
    }
}
