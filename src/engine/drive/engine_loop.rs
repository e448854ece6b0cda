//! The engine's thread: one poll over the supervisor, the children's pipes, the bell and the next deadline.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError};
use rustix::event::{PollFd, PollFlags, poll};

use crate::engine::comparison::compare::Comparing;
use crate::engine::drive::bell::Bell;
use crate::engine::drive::board::Header;
use crate::engine::drive::command::Command;
use crate::engine::drive::handle::EngineHandle;
use crate::engine::drive::machine::MachineLog;
use crate::engine::drive::sampler::Sampler;
use crate::engine::drive::save::Saver;
use crate::engine::run::lifecycle::Effect;
use crate::engine::run::live_run::Run;
use crate::engine::run::requests::ActionRequest;
use crate::engine::run::streams::{Open, Scratch};
use crate::engine::run::subscription::Subscription;
use crate::engine::run::twins::Twins;
use crate::model::{Comparison, EventKind, Monotonic, Pid, RunId, Snapshot, TimedAction};
use crate::supervisor::{Client, Report, Request, SupervisorError};
use crate::sys::monotonic_now;

/// At most 30 snapshots a second.
const FRAME: Duration = Duration::from_millis(33);
/// While a run goes on and nothing is told, the time still passes on the screen: ten snapshots a second.
const LIVE: Duration = Duration::from_millis(100);
/// How often it is looked for what no single task can tell.
const LOOK: Duration = Duration::from_millis(100);
/// How soon a listener that was behind is tried again.
const TAP_RETRY: Duration = Duration::from_millis(2);

/// What a poll entry stands for.
#[derive(Debug, Clone, Copy)]
enum Source {
    Supervisor,
    Bell,
    Output(usize, usize),
    Events(usize, usize),
    Input(usize, usize),
    Feed(usize, usize),
}

pub(crate) struct EngineLoop {
    pub(crate) client: Client,
    pub(crate) runs: Vec<Run>,
    pub(crate) subscription: Subscription,
    /// Signals that the supervisor was asked to send, until it says whether it has.
    pub(crate) asks: Vec<(u64, RunId, ActionRequest)>,
    pub(crate) next_ask: u64,
    pub(crate) program: PathBuf,
    pub(crate) sampler: Sampler,
    publisher: EngineHandle,
    pub(crate) bell: Bell,
    pub(crate) scratch: Scratch,
    pub(crate) twins: Twins,
    pub(crate) machine: MachineLog,
    pub(crate) header: Header,
    pub(crate) notices: Vec<(u64, Arc<str>)>,
    pub(crate) noticed: u64,
    pub(crate) trouble: Option<String>,
    /// Why the supervisor is lost, until that has been dealt with.
    pub(crate) lost: Option<String>,
    /// Answers that the supervisor owes, and since when it has said nothing.
    pub(crate) owed: u32,
    pub(crate) silent_since: Monotonic,
    pub(crate) nudges: u32,
    pub(crate) asked_at: Monotonic,
    /// Whether it was told that this supervisor has no guard any more.
    pub(crate) has_told_of_guard: bool,
    /// When a supervisor is started again, after a start that failed or did not last.
    pub(crate) retry_at: Option<Monotonic>,
    pub(crate) started_at: Monotonic,
    /// When processes were reaped, for samples that were taken before.
    pub(crate) reaped: HashMap<Pid, Monotonic>,
    /// Children of the supervisor's that the last sample showed and nobody has told of, and what is below them.
    pub(crate) strangers: HashSet<Pid>,
    pub(crate) launches: u32,
    /// Processes that were killed one by one, and when those that are still there are named.
    pub(crate) kills: Vec<(Monotonic, RunId, Pid)>,
    /// Runs that were told to end all at once; what is left is counted when they have.
    pub(crate) stopping: Option<usize>,
    pub(crate) is_counting: bool,
    pub(crate) sequence: u64,
    published_at: Monotonic,
    looked_at: Monotonic,
    pub(crate) has_news: bool,
    /// The comparison that goes on.
    pub(crate) comparing: Option<Comparing>,
    /// The newest comparison, as it is shown.
    pub(crate) comparison: Option<Arc<Comparison>>,
    pub(crate) saver: Saver,
}

impl EngineLoop {
    pub(crate) fn new(
        client: Client,
        program: PathBuf,
        subscription: Subscription,
        sampler: Sampler,
        publisher: EngineHandle,
        bell: Bell,
    ) -> Self {
        Self {
            client,
            runs: Vec::new(),
            subscription,
            asks: Vec::new(),
            next_ask: 0,
            program,
            sampler,
            publisher,
            bell,
            scratch: Scratch::default(),
            twins: Twins::default(),
            machine: MachineLog::default(),
            header: Header::default(),
            notices: Vec::new(),
            noticed: 0,
            trouble: None,
            lost: None,
            owed: 0,
            silent_since: Monotonic::ZERO,
            nudges: 0,
            asked_at: Monotonic::ZERO,
            has_told_of_guard: false,
            retry_at: None,
            started_at: Monotonic::ZERO,
            reaped: HashMap::new(),
            strangers: HashSet::new(),
            launches: 0,
            kills: Vec::new(),
            stopping: None,
            is_counting: false,
            sequence: 0,
            published_at: Monotonic::ZERO,
            looked_at: Monotonic::ZERO,
            has_news: true,
            comparing: None,
            comparison: None,
            saver: Saver::new(),
        }
    }

    /// Runs until the engine is dropped; returning closes the supervisor's socket, which ends everything.
    pub(crate) fn run(mut self, commands: &Receiver<Command>, alive: &Receiver<()>) {
        while alive.try_recv() != Err(TryRecvError::Disconnected) {
            self.turn();
            while let Ok(command) = commands.try_recv() {
                self.command(command);
            }
            self.tick();
            if let Some(why) = self.lost.take() {
                self.lost_supervisor(&why);
            }
            self.subscription.flush();
            self.publish();
        }
        self.leave_lines_safe();
    }

    /// Waits for something to happen and handles it.
    fn turn(&mut self) {
        let (sources, ready) = self.wait();
        // From the back, since a stream that ends takes the last one's place in its list.
        for (source, _) in sources.into_iter().zip(ready).filter(|(_, is_ready)| *is_ready).rev() {
            let now = monotonic_now();
            match source {
                Source::Bell => {
                    self.bell.silence();
                    while let Ok(said) = self.saver.done.try_recv() {
                        self.notice(said);
                    }
                    while let Ok(sample) = self.sampler.samples.try_recv() {
                        self.sampled(sample);
                    }
                }
                Source::Supervisor => self.hear_supervisor(),
                Source::Output(run, index) => {
                    let closed = self.runs[run].read_output(index, &mut self.scratch, now, &mut self.subscription);
                    self.streams_closed(run, closed);
                }
                Source::Events(..) if self.client.has_queued() => {}
                Source::Events(run, index) => {
                    let closed = self.runs[run].read_events(index, &mut self.scratch, now, &mut self.subscription);
                    self.pass_on_lines(run);
                    self.streams_closed(run, closed);
                }
                Source::Input(run, index) => {
                    if self.runs[run].inputs[index].write() == Open::No {
                        self.runs[run].inputs.swap_remove(index);
                    }
                }
                Source::Feed(run, index) => self.runs[run].inputs[index].take_in(&mut self.scratch),
            }
            self.has_news = true;
        }
    }

    fn wait(&self) -> (Vec<Source>, Vec<bool>) {
        let mut sources = vec![Source::Bell];
        let mut fds = vec![PollFd::new(&self.bell, PollFlags::IN)];
        if self.retry_at.is_none() {
            let wanted = if self.client.has_queued() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            sources.push(Source::Supervisor);
            fds.push(PollFd::new(&self.client, wanted));
        }
        let now = monotonic_now();
        for (run_index, run) in self.runs.iter().enumerate() {
            if !self.subscription.is_behind() {
                for (index, stream) in run.outputs.iter().enumerate().filter(|(_, stream)| stream.rests_until(now).is_none()) {
                    sources.push(Source::Output(run_index, index));
                    fds.push(PollFd::new(stream, PollFlags::IN));
                }
            }
            // What bodies intend for the header must not make a queue before what else is asked of the supervisor: they wait.
            if !self.subscription.is_behind() && !self.client.has_queued() {
                sources.extend((0..run.events.len()).map(|index| Source::Events(run_index, index)));
                fds.extend(run.events.iter().map(|stream| PollFd::new(stream, PollFlags::IN)));
            }
            for (index, stream) in run.inputs.iter().enumerate().filter(|(_, stream)| stream.is_busy()) {
                sources.push(Source::Input(run_index, index));
                fds.push(PollFd::new(stream, PollFlags::OUT));
            }
            for (index, source) in run.inputs.iter().enumerate().filter_map(|(index, stream)| Some((index, stream.source()?))) {
                sources.push(Source::Feed(run_index, index));
                fds.push(PollFd::from_borrowed_fd(source, PollFlags::IN));
            }
        }
        let timeout = self.next_deadline(now).map(|at| {
            let wait = at.since(now);
            rustix::time::Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) }
        });
        // An interrupted poll finds nothing, and the next one looks again.
        let _ = poll(&mut fds, timeout.as_ref());
        let ready = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        (sources, ready)
    }

    fn next_deadline(&self, now: Monotonic) -> Option<Monotonic> {
        let active = self.runs.iter().filter(|run| !run.lifecycle.is_over());
        let of_runs =
            active.flat_map(|run| [run.lifecycle.next_deadline(), run.next_action_at(), run.waiting.next_deadline()]).flatten();
        let kills = self.kills.iter().map(|kill| kill.0);
        let publication = self
            .next_publication()
            .into_iter()
            .chain(self.retry_at)
            .chain(self.patience_ends_at())
            .chain(self.header.next_heartbeat())
            .chain(kills);
        if self.subscription.is_behind() {
            return of_runs.chain(publication).chain([now + TAP_RETRY]).min();
        }
        let rests = self.runs.iter().flat_map(|run| &run.outputs).filter_map(|stream| stream.rests_until(now));
        of_runs.chain(publication).chain(rests).min()
    }

    fn next_publication(&self) -> Option<Monotonic> {
        match (self.has_news, self.is_active()) {
            (true, _) => Some(self.published_at + FRAME),
            (false, true) => Some(self.published_at + LIVE),
            (false, false) => None,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.runs.iter().any(|run| !run.lifecycle.is_over())
    }

    pub(crate) fn request(&mut self, request: &Request) {
        match (self.client.request(request), request) {
            (Ok(()), request) if request.is_answered() => {
                if self.owed == 0 {
                    self.silent_since = monotonic_now();
                }
                self.owed += 1;
            }
            (Ok(()), _) => {}
            // What cannot be said to it is no fault of the supervisor's.
            (Err(SupervisorError::Unsendable(why)), Request::Launch { run, stages }) => {
                self.report(Report::not_asked(*run, stages, why));
            }
            (Err(error @ SupervisorError::Unsendable(_)), _) => self.notice(error.to_string()),
            (Err(error), _) => self.lose(&error.cause()),
        }
    }

    pub(crate) fn find(&self, run: RunId) -> Option<usize> {
        self.runs.iter().position(|candidate| candidate.id == run)
    }

    /// The run that a process of this supervisor's belongs to.
    pub(crate) fn find_by_pid(&self, pid: Pid) -> Option<usize> {
        let find =
            |belongs: fn(&Run, Pid) -> bool| self.runs.iter().rposition(|run| !run.lifecycle.is_over() && belongs(run, pid));
        find(Run::has_seen).or_else(|| find(Run::has_living))
    }

    /// The same, as far as it does not rest on the word of a body.
    pub(crate) fn find_seen(&self, pid: Pid) -> Option<usize> {
        self.runs.iter().rposition(|run| !run.lifecycle.is_over() && run.has_seen(pid))
    }

    fn streams_closed(&mut self, run: usize, count: usize) {
        for _ in 0..count {
            let effects = self.runs[run].lifecycle.stream_closed();
            self.perform(run, effects);
        }
    }

    pub(crate) fn perform(&mut self, index: usize, effects: Vec<Effect>) {
        for effect in effects {
            let now = monotonic_now();
            let run = self.runs[index].id;
            match effect {
                Effect::Signal(signals) => {
                    let is_only_run = self.runs.iter().filter(|run| !run.lifecycle.is_over()).count() == 1;
                    let seen = self.runs[index].orphans(self.client.pid());
                    self.request(&Request::SignalRun { run, signals, is_only_run, seen });
                }
                Effect::ReapKept => {
                    for pid in self.runs[index].stage_pids() {
                        self.request(&Request::Reap { pid });
                    }
                }
                Effect::NameStuck => self.name_stuck(index, now),
                // Held up by our own listener, it is open because it has not been read.
                Effect::TellOpen(_) if self.subscription.is_behind() => {}
                Effect::TellOpen(left) => {
                    let text = format!(
                        "all processes of the run have ended, but its output is still open: somebody outside of it holds the pipe; \
                         open until {:.1} s from now",
                        left.as_secs_f64()
                    );
                    self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription);
                }
                Effect::Drain => self.runs[index].close_terminal(),
                Effect::CloseStreams => self.runs[index].close_streams(&mut self.scratch, now, &mut self.subscription),
                Effect::TellStuck(left) => {
                    let text = crate::engine::run::warnings::stuck(left);
                    self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription);
                }
                Effect::Finish { cut_short, left } => {
                    self.release_lines(index);
                    self.runs[index].finish(cut_short, left, &mut self.scratch, now, &mut self.subscription);
                    self.sampler.watch(self.is_active());
                }
            }
            self.has_news = true;
        }
    }

    fn tick(&mut self) {
        let now = monotonic_now();
        if self.retry_at.is_some_and(|at| now >= at) {
            self.start_supervisor();
        }
        self.check_supervisor(now);
        self.name_unkillable(now);
        self.count_when_stopped();
        self.heartbeat(now);
        for index in 0..self.runs.len() {
            if self.runs[index].lifecycle.is_over() {
                continue;
            }
            if self.runs[index].waiting.next_deadline().is_some_and(|at| now >= at) {
                self.settle_waits(index, now);
            }
            while let Some(TimedAction { action, target, is_demo, .. }) = self.runs[index].take_due(now) {
                self.act(index, &ActionRequest { action, target, by: "script".to_owned(), is_demo, at: now });
            }
            if now >= self.looked_at + LOOK {
                self.runs[index].look(now, &mut self.subscription);
            }
            let was_asked = self.runs[index].lifecycle.kill_at();
            let effects = self.runs[index].lifecycle.tick(now);
            if effects.contains(&Effect::ReapKept) && was_asked.is_none() {
                let end = EventKind::Action { action: "end".to_owned(), target: String::new(), by: "timeout".to_owned() };
                self.runs[index].emit(end, now, &mut self.subscription);
            }
            self.perform(index, effects);
            if let Some(at) = self.runs[index].lifecycle.kill_at() {
                let until = self.runs[index].time(at);
                self.runs[index].fold.stopping(until);
            }
        }
        if now >= self.looked_at + LOOK {
            self.looked_at = now;
        }
        self.go_on_comparing();
    }

    fn publish(&mut self) {
        let now = monotonic_now();
        if self.next_publication().is_none_or(|at| now < at) {
            return;
        }
        for run in &mut self.runs {
            run.refill(now, &mut self.subscription);
        }
        self.has_news = false;
        self.published_at = now;
        self.sequence += 1;
        let runs = self.runs.iter_mut().map(|run| {
            let time = run.time(now);
            run.fold.view(time)
        });
        let snapshot = Snapshot {
            sequence: self.sequence,
            system: self.machine.view(),
            runs: runs.collect(),
            board: Arc::clone(&self.header.view),
            notices: self.notices.clone(),
            comparison: self.comparison.clone(),
            trouble: self.trouble.clone(),
        };
        self.publisher.publish(snapshot);
    }
}
