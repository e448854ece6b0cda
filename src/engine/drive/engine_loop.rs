//! The engine's thread: one poll over the supervisor, the children's pipes, the bell and the next deadline. The engine's parts decide what
//! follows from it, and `perform` does that.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError};
use rustix::event::{PollFd, PollFlags};

use crate::engine::comparison::runner::ComparisonRunner;
use crate::engine::drive::adoption::Adoption;
use crate::engine::drive::bell::Bell;
use crate::engine::drive::command::Command;
use crate::engine::drive::handle::EngineHandle;
use crate::engine::drive::header::Header;
use crate::engine::drive::publication::Publication;
use crate::engine::drive::readers::Readers;
use crate::engine::drive::save::Saver;
use crate::engine::drive::sent_signals::SentSignals;
use crate::engine::drive::stop_all::StopAll;
use crate::engine::drive::supervisor_link::SupervisorLink;
use crate::engine::run::live_run::Run;
use crate::engine::run::requests::ActionRequest;
use crate::engine::run::run_list::RunList;
use crate::engine::run::streams::scratch::Scratch;
use crate::engine::run::subscription::Subscription;
use crate::engine::run::twins::Twins;
use crate::gpio::BoardKind;
use crate::model::{By, Monotonic, TimedAction};
use crate::supervisor::{LineRequest, ReplyTo, Request};
use crate::sys::{is_readable, monotonic_now, poll};

/// The pause before events are offered again to a listener that was behind.
const RETRY: Duration = Duration::from_millis(2);

/// The time limit for making lines safe while Task Lab ends.
const AT_THE_END: Duration = Duration::from_secs(3);

/// The meaning of a poll entry; the numbers are indices of a run and of its stream.
#[derive(Debug, Clone, Copy)]
enum Source {
    Supervisor,
    Bell,
    Output(usize, usize),
    Events(usize, usize),
    Input(usize, usize),
    Feed(usize, usize),
}

pub(super) struct EngineLoop {
    pub(super) supervisor: SupervisorLink,
    pub(super) runs: RunList,
    pub(super) subscription: Subscription,
    pub(super) signals: SentSignals,
    pub(super) stop_all: StopAll,
    pub(super) readers: Readers,
    pub(super) adoption: Adoption,
    pub(super) publication: Publication,
    pub(super) header: Header,
    pub(super) comparison: ComparisonRunner,
    pub(super) saver: Saver,
    pub(super) twins: Twins,
    pub(super) scratch: Scratch,
    /// Whether lanes keep all of their past.
    pub(super) keeps_past: bool,
    bell: Bell,
}

impl EngineLoop {
    pub(super) fn new(
        supervisor: SupervisorLink,
        subscription: Subscription,
        readers: Readers,
        publisher: EngineHandle,
        bell: Bell,
    ) -> Self {
        Self {
            supervisor,
            runs: RunList::default(),
            subscription,
            signals: SentSignals::default(),
            stop_all: StopAll::default(),
            readers,
            adoption: Adoption::default(),
            publication: Publication::new(publisher),
            header: Header::default(),
            comparison: ComparisonRunner::default(),
            saver: Saver::new(bell.clone()),
            twins: Twins::new(),
            scratch: Scratch::default(),
            keeps_past: true,
            bell,
        }
    }

    /// Takes the board that was chosen.
    pub(super) fn use_board(&mut self, board: BoardKind) {
        if board != BoardKind::Auto {
            self.ask_header(ReplyTo::Nobody, LineRequest::UseBoard(board));
        }
    }

    /// Runs until the engine is dropped; returning closes the supervisor's socket, which ends everything.
    pub(super) fn run(mut self, commands: &Receiver<Command>, alive: &Receiver<()>) {
        while alive.try_recv() != Err(TryRecvError::Disconnected) {
            self.turn();
            while let Ok(command) = commands.try_recv() {
                self.command(command);
            }
            self.tick();
            if let Some(why) = self.supervisor.take_lost() {
                self.supervisor_lost(&why);
            }
            self.subscription.flush();
            self.publish();
        }
        self.leave_lines_safe();
    }

    /// Waits for something to happen and handles it.
    fn turn(&mut self) {
        let (sources, ready) = self.wait();
        // From the back, since the last stream of a list takes the place of one that ends.
        for (source, _) in sources.into_iter().zip(ready).filter(|(_, is_ready)| *is_ready).rev() {
            let now = monotonic_now();
            match source {
                Source::Bell => {
                    self.bell.silence();
                    while let Ok(said) = self.saver.done.try_recv() {
                        self.publication.notice(said);
                    }
                    while let Ok(sample) = self.readers.sampler.samples.try_recv() {
                        self.sampled(sample);
                    }
                    while let Some(batch) = self.readers.switches.next() {
                        self.scheduled(batch, monotonic_now());
                    }
                }
                Source::Supervisor => self.read_reports(),
                Source::Output(run, index) => {
                    let closed = self.runs[run].read_output(index, &mut self.scratch, now, &mut self.subscription);
                    self.streams_closed(run, closed);
                }
                Source::Events(..) if self.supervisor.has_queued() => {}
                Source::Events(run, index) => {
                    let closed = self.runs[run].read_events(index, &mut self.scratch, now, &mut self.subscription);
                    let of = &mut self.runs[run];
                    let effects = self.header.intended(of.id, &of.owner(), of.lines.take_intents());
                    self.perform(effects);
                    self.streams_closed(run, closed);
                }
                Source::Input(run, index) => self.runs[run].streams.write_input(index),
                Source::Feed(run, index) => self.runs[run].streams.feed_input(index, &mut self.scratch),
            }
            self.publication.touch();
        }
    }

    fn wait(&self) -> (Vec<Source>, Vec<bool>) {
        let mut sources = vec![Source::Bell];
        let mut fds = vec![PollFd::new(&self.bell, PollFlags::IN)];
        if self.supervisor.is_there() {
            let wanted = if self.supervisor.has_queued() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            sources.push(Source::Supervisor);
            fds.push(PollFd::new(&self.supervisor, wanted));
        }
        let now = monotonic_now();
        for (run_index, run) in self.runs.iter().enumerate() {
            if !self.subscription.is_behind() {
                for (index, stream) in
                    run.streams.outputs.iter().enumerate().filter(|(_, stream)| stream.rests_until(now).is_none())
                {
                    sources.push(Source::Output(run_index, index));
                    fds.push(PollFd::new(stream, PollFlags::IN));
                }
            }
            // Bodies wait while requests are queued: their intents for GPIO lines must not delay other requests.
            if !self.subscription.is_behind() && !self.supervisor.has_queued() {
                sources.extend((0..run.streams.events.len()).map(|index| Source::Events(run_index, index)));
                fds.extend(run.streams.events.iter().map(|stream| PollFd::new(stream, PollFlags::IN)));
            }
            for (index, stream) in run.streams.inputs.iter().enumerate().filter(|(_, stream)| stream.is_busy()) {
                sources.push(Source::Input(run_index, index));
                fds.push(PollFd::new(stream, PollFlags::OUT));
            }
            for (index, source) in
                run.streams.inputs.iter().enumerate().filter_map(|(index, stream)| Some((index, stream.source()?)))
            {
                sources.push(Source::Feed(run_index, index));
                fds.push(PollFd::from_borrowed_fd(source, PollFlags::IN));
            }
        }
        let timeout = self.next_deadline(now).map(|at| at.since(now));
        // An interrupted poll finds nothing; the next one finds it.
        let _ = poll(&mut fds, timeout);
        let ready = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        (sources, ready)
    }

    fn next_deadline(&self, now: Monotonic) -> Option<Monotonic> {
        let of_runs = self.runs.active().filter_map(Run::next_deadline);
        let others = [
            self.publication.next_at(self.runs.is_active()),
            self.supervisor.next_deadline(),
            self.header.next_heartbeat(),
            self.signals.next_deadline(),
            self.readers.reasons.next_deadline(),
            self.subscription.is_behind().then(|| now + RETRY),
        ];
        // While the listener is behind, no output is read.
        let rests = self.runs.iter().filter(|_| !self.subscription.is_behind()).flat_map(|run| &run.streams.outputs);
        of_runs.chain(others.into_iter().flatten()).chain(rests.filter_map(|stream| stream.rests_until(now))).min()
    }

    /// Does what is due.
    fn tick(&mut self) {
        let now = monotonic_now();
        if self.supervisor.is_time_to_restart(now) {
            self.start_supervisor();
        }
        let is_needed = self.runs.is_active() || self.header.next_heartbeat().is_some();
        let effects = self.supervisor.check(now, is_needed);
        self.perform(effects);
        for (run, pid) in self.signals.take_overdue(now) {
            if let Some(index) = self.runs.find_active(run) {
                self.runs[index].notice_unkillable(pid, now, &mut self.subscription);
            }
        }
        if self.supervisor.is_there() && self.stop_all.wants_count(self.runs.is_active()) {
            self.request(&Request::CountAll);
        }
        if self.supervisor.is_there() {
            let heartbeat = self.header.heartbeat(now);
            self.perform(heartbeat.into_iter().collect());
        }
        self.explain_waits(now);
        let is_time_to_look = self.runs.is_time_to_look(now);
        for index in 0..self.runs.len() {
            if !self.runs[index].lifecycle.is_over() {
                self.tick_run(index, is_time_to_look, now);
            }
        }
        self.go_on_comparing();
    }

    fn tick_run(&mut self, index: usize, is_time_to_look: bool, now: Monotonic) {
        if self.runs[index].waiting.next_deadline().is_some_and(|at| now >= at) {
            self.settle_waits(index, now);
        }
        while let Some(TimedAction { action, is_demo, .. }) = self.runs[index].take_due(now) {
            self.act(index, &ActionRequest { action, by: By::Script, is_demo, at: now });
        }
        if is_time_to_look {
            self.runs[index].look(now, &mut self.subscription);
            if !self.keeps_past {
                self.runs[index].forget_past(now);
            }
        }
        let effects = self.runs[index].lifecycle.tick(now);
        self.perform_on(index, effects);
    }

    /// At the end: makes the lines of a lost supervisor safe now, since there is no later.
    fn leave_lines_safe(&mut self) {
        if self.supervisor.is_there() {
            self.read_reports();
        }
        if let Some(why) = self.supervisor.take_lost() {
            self.supervisor_lost(&why);
        }
        if !self.supervisor.is_there() && self.header.is_unsafe() {
            self.start_supervisor();
        }
        // A socket that is closed before the answer was read may take the request along (ECONNRESET).
        let end = monotonic_now() + AT_THE_END;
        while self.supervisor.is_there() && !self.supervisor.is_lost() && self.header.is_unsafe() && monotonic_now() < end {
            let _ = is_readable(&self.supervisor, Duration::from_millis(100));
            self.read_reports();
        }
    }

    fn publish(&mut self) {
        let now = monotonic_now();
        if self.publication.next_at(self.runs.is_active()).is_none_or(|at| now < at) {
            return;
        }
        for run in self.runs.iter_mut() {
            run.refill(now, &mut self.subscription);
        }
        let runs = self.runs.iter_mut().map(|run| run.view(now));
        let (board, trouble) = (Arc::clone(&self.header.view), self.supervisor.trouble().map(str::to_owned));
        self.publication.publish(now, runs.collect(), board, self.comparison.shown(), trouble);
    }
}
