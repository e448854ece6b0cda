//! Commands of the window and the command line, reports of the supervisor, and samples, as they come in. On the engine's thread.

use std::collections::{HashMap, HashSet};

use crate::engine::comparison::runner::Step;
use crate::engine::drive::command::Command;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::drive::readers::Readers;
use crate::engine::drive::readers::reasons::Wait;
use crate::engine::drive::readers::sampler::Sample;
use crate::engine::drive::readers::switches::SwitchBatch;
use crate::engine::fold::timeline::reasons::WORTH_ASKING;
use crate::engine::run::launch::{has_room, plan};
use crate::engine::run::lines::USER;
use crate::engine::run::live_run::Run;
use crate::engine::run::recording::Saving;
use crate::engine::run::requests::{ActionRequest, LaunchRequest};
use crate::engine::run::shares::CpuSource;
use crate::engine::run::subscription::EngineEvent;
use crate::engine::run::twins::Twins;
use crate::model::{By, EventKind, Monotonic, Pid, ProcessState, Refusal, RunId};
use crate::monitor::ThreadTimes;
use crate::supervisor::{ChildPipes, Incoming, LaunchedChild, LineRequest, ReplyTo, Report, Request, SupervisorError};
use crate::sys::monotonic_now;

impl EngineLoop {
    /// Carries out a command.
    pub(super) fn command(&mut self, command: Command) {
        self.publication.touch();
        match command {
            Command::Launch(request) => drop(self.launch(&request)),
            Command::Compare(request) => {
                if let Err(refusal) = self.comparison.start(*request) {
                    self.refuse(refusal.to_owned());
                }
            }
            Command::Act { run, action } => match self.runs.find_active(run) {
                Some(index) => self.act(index, &ActionRequest { action, by: By::You, is_demo: false, at: monotonic_now() }),
                None => self.publication.notice(action.could_not(&Refusal::RunOver)),
            },
            Command::Feed { run, from, ends } => {
                if let Some(index) = self.runs.find(run)
                    && let Some(input) = self.runs[index].streams.inputs.first_mut()
                {
                    input.feed(from, ends);
                }
            }
            Command::ToggleLine(line) => self.ask_header(ReplyTo::Nobody, LineRequest::Toggle { line, owner: USER.to_owned() }),
            Command::FreeLine(line) => self.ask_header(ReplyTo::Nobody, LineRequest::Free { line, owner: USER.to_owned() }),
            Command::Lines { request_number, request } => {
                self.ask_header(request_number.map_or(ReplyTo::Nobody, ReplyTo::Command), request);
            }
            Command::StopEverything => self.stop_everything(By::You),
            Command::Save(run) => self.save(run, Run::to_be_saved),
            Command::SaveEdges(run) => self.save(run, Run::edges_to_be_saved),
            Command::Forget(run) => self.runs.forget(run),
        }
    }

    /// Starts a run and returns its id; `None` if it was refused.
    fn launch(&mut self, request: &LaunchRequest) -> Option<RunId> {
        let origin = monotonic_now();
        let awaited = self.runs.iter().map(Run::descriptors_awaited).sum();
        let possible = self.supervisor.trouble().map_or_else(|| has_room(awaited, request), |trouble| Err(trouble.to_owned()));
        let plan = possible
            .and_then(|()| plan(request, self.supervisor.program(), &mut self.twins, origin).map_err(|error| error.to_string()));
        if let Some(folder) = self.twins.take_new() {
            self.request(&Request::RemoveAtEnd { folder });
        }
        let plan = match plan {
            Ok(plan) => plan,
            Err(why) => {
                self.refuse(format!("could not start: {why}"));
                return None;
            }
        };
        let (run, stages) = (self.runs.next_id(), plan.stages.clone());
        self.runs.push(Run::new(run, plan, request, self.supervisor.pid(), origin, &mut self.subscription));
        // Before anything is started: switch records cover only what is started later.
        let mut has_records = self.readers.switches.open(self.supervisor.pid());
        // There is a ring for each core, and the launch comes first. Those that another run needs were there before.
        if has_records
            && self.runs.active().count() == 1
            && let Err(why) = has_room(awaited, request)
        {
            self.readers.switches.give_up(&why);
            has_records = false;
        }
        self.publication.scheduler = self.readers.switches.why_not();
        if let Some(run) = self.runs.iter_mut().next_back().filter(|_| !has_records) {
            run.cpu = CpuSource::without_records(origin);
        }
        let launch = Request::Launch { run, stages };
        if let (Err(SupervisorError::Unsendable(why)), Request::Launch { stages, .. }) =
            (self.supervisor.request(&launch), &launch)
        {
            self.report(Report::not_sent(run, stages, why));
        }
        self.watch();
        self.runs.forget_oldest();
        Some(run)
    }

    /// Watches what the runs that go on need, and nothing where there is none.
    pub(super) fn watch(&mut self) {
        let (is_active, wants_times) = (self.runs.is_active(), self.runs.active().any(|run| run.cpu.has_shares()));
        self.readers.sampler.watch(is_active, wants_times);
        if !is_active {
            self.readers.switches.close();
        }
    }

    fn save(&mut self, run: RunId, what: fn(&Run) -> Saving) {
        let Some(index) = self.runs.find(run) else {
            return self.publication.notice(format!("could not save run {run}: it is not shown any more"));
        };
        if let Err(error) = self.saver.save(what(&self.runs[index])) {
            self.publication.notice(format!("could not save the run: {error}"));
        }
    }

    fn refuse(&mut self, sentence: String) {
        self.subscription.push(EngineEvent::Refused(sentence.clone()));
        self.publication.notice(sentence);
    }

    /// Takes a run that is over into the comparison, and starts the next one.
    pub(super) fn go_on_comparing(&mut self) {
        let step = match self.comparison.step(|id| self.runs.status(id)) {
            Some(Step::Launch(request)) => {
                let started = self.launch(&request);
                self.comparison.next_run(started)
            }
            step => step,
        };
        if step.is_some() {
            self.publication.touch();
        }
        if let Some(Step::End(comparison)) = step {
            self.subscription.push(EngineEvent::Compared(comparison));
        }
    }

    /// Reads all reports of the supervisor that are there.
    pub(super) fn read_reports(&mut self) {
        if !self.supervisor.flush() {
            return;
        }
        while let Some(incoming) = self.supervisor.receive() {
            match incoming {
                Incoming::Launched(run, children) => {
                    let pids = children.iter().map(|(child, _)| child.pid).collect();
                    self.subscription.push(EngineEvent::Launched(run, pids));
                    if let Some(index) = self.runs.find(run) {
                        self.begin(index, children);
                    }
                }
                Incoming::Report(report) => self.report(report),
                Incoming::End => {}
            }
        }
    }

    fn begin(&mut self, index: usize, children: Vec<(LaunchedChild, ChildPipes)>) {
        let now = monotonic_now();
        self.readers.switches.launched(self.runs[index].id, children.iter().map(|(child, _)| child.pid), now);
        let streams = self.runs[index].begin(children, now, &mut self.subscription);
        self.runs.share_stages();
        self.readers.sampler.watch_pipes(self.runs.iter().flat_map(|run| run.processes.pipes()).collect());
        let run = &mut self.runs[index];
        if let Some(why) = self.supervisor.blindness() {
            let text = format!("{why}; until then only children of the supervisor are seen and counted");
            run.emit(EventKind::Notice { text }, now, &mut self.subscription);
        }
        let effects = run.lifecycle.begin(run.processes.stages().len(), streams, now);
        self.perform_on(index, effects);
    }

    fn report(&mut self, report: Report) {
        let now = monotonic_now();
        match report {
            Report::Ready { .. } | Report::Launched { .. } | Report::Pong => {}
            Report::NotLaunched { run, failure } => {
                if let Some(index) = self.runs.find(run) {
                    let text = failure.to_string();
                    self.subscription.push(EngineEvent::NotLaunched(run, failure));
                    self.runs[index].emit(EventKind::Notice { text: text.clone() }, now, &mut self.subscription);
                    self.publication.notice(text);
                    let effects = self.runs[index].lifecycle.not_begun();
                    self.perform_on(index, effects);
                }
            }
            Report::Stopped { pid, .. } => self.emit_state(pid, ProcessState::Stopped, now),
            Report::Continued { pid } => self.emit_state(pid, ProcessState::Running, now),
            Report::Exited { pid, status, is_reaped, usage } => {
                if is_reaped {
                    self.adoption.reaped(pid, now);
                }
                let Some(index) = self.runs.find_by_pid(pid) else { return };
                self.runs[index].emit(EventKind::ProcessUsed { pid, usage }, now, &mut self.subscription);
                let is_stages_end = self.runs[index].exited(pid, status, is_reaped, now, &mut self.subscription);
                self.process_ended(index, is_stages_end, now);
            }
            Report::Reaped { pid } => {
                self.adoption.reaped(pid, now);
                let Some(index) = self.runs.find_by_pid(pid) else { return };
                let is_stages_end = self.runs[index].reaped(pid, now, &mut self.subscription);
                self.process_ended(index, is_stages_end, now);
            }
            Report::Signaled { id, result } => {
                if let Some((run, request)) = self.signals.take(id)
                    && let Some(index) = self.runs.find_active(run)
                {
                    self.runs[index].signaled(&request, result, now, &mut self.subscription);
                }
            }
            Report::Members { run, pids } => {
                if let Some(index) = self.runs.find(run) {
                    let effects = self.runs[index].lifecycle.members(pids.len() as u32, now);
                    self.perform_on(index, effects);
                }
            }
            Report::NotCounted { run, why } => {
                if let Some(index) = self.runs.find(run) {
                    self.runs[index].not_counted(&why, now, &mut self.subscription);
                }
            }
            Report::Counted { result } => {
                if let Some(text) = self.stop_all.counted(result) {
                    self.publication.notice(text);
                }
            }
            Report::Notice { run, text } => {
                if let Some(index) = self.runs.find(run) {
                    self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription);
                }
            }
            Report::Board { reply_to, board, edges, refused } => {
                let effects = self.header.board_changed(reply_to, board, edges, refused);
                self.perform(effects);
            }
            Report::Edges { reply_to, edges } => {
                let effects = self.header.levels_changed(reply_to, edges);
                self.perform(effects);
            }
        }
    }

    fn emit_state(&mut self, pid: Pid, state: ProcessState, now: Monotonic) {
        if let Some(index) = self.runs.find_by_pid(pid) {
            self.runs[index].emit(EventKind::ProcessState { pid, state }, now, &mut self.subscription);
        }
    }

    fn process_ended(&mut self, index: usize, is_stages_end: bool, now: Monotonic) {
        self.settle_waits(index, now);
        if is_stages_end {
            let effects = self.runs[index].lifecycle.stage_ended(now);
            self.perform_on(index, effects);
        }
    }

    /// Hands a sample to the runs: the machine's to all, each process to the run that it belongs to.
    pub(super) fn sampled(&mut self, sample: Sample) {
        let now = sample.at;
        if let Some((machine, own_cpu)) = sample.machine {
            self.runs.emit(&EventKind::Machine(Box::new(machine.clone())), now, &mut self.subscription);
            self.publication.machine.push(machine, own_cpu);
        }
        if let Some(load) = sample.load {
            self.publication.machine.push_load(load);
        }
        for run in self.runs.active_mut() {
            run.pipes_seen(&sample.pipes, now, &mut self.subscription);
        }
        let Some(mut processes) = sample.processes else { return };
        // A listener that is behind would get many samples at once; the next sample says the same.
        if self.subscription.is_behind() {
            return;
        }
        self.adoption.retain(&mut processes, now, self.supervisor.pid(), &self.runs);
        let pids: HashSet<Pid> = processes.iter().map(|process| process.pid).collect();
        let mut times: HashMap<usize, Vec<(Pid, ThreadTimes)>> = HashMap::new();
        let has_times = sample.times.is_some();
        let mut threads = sample.times.unwrap_or_default();
        for process in processes {
            if let Some(index) = self.runs.find_home(process.pid, process.ppid, sample.marks.get(&process.pid).copied()) {
                let command = sample.commands.get(&process.pid);
                let of_process = threads.remove(&process.pid).unwrap_or_default().into_iter();
                times.entry(index).or_default().extend(of_process.map(|thread| (process.pid, thread)));
                let ended = sample.ended.get(&process.pid).copied();
                self.runs[index].sampled(process, command, ended, now, &mut self.subscription);
            }
        }
        if has_times {
            for (index, run) in self.runs.iter_mut().enumerate() {
                run.shared(times.remove(&index).unwrap_or_default(), now, &mut self.subscription);
            }
        }
        for run in self.runs.active_mut() {
            run.sampling_done(|pid| pids.contains(&pid), now, &mut self.subscription);
        }
    }

    /// Hands switch records to the runs that they belong to.
    pub(super) fn scheduled(&mut self, batch: SwitchBatch, now: Monotonic) {
        let Self { readers: Readers { switches, .. }, runs, subscription, publication, .. } = self;
        let until = batch.until;
        if !batch.records.is_empty() {
            publication.touch();
        }
        let begun = runs.iter().filter(|run| run.cpu.has_records() && !run.processes.stages().is_empty());
        let begun: Vec<RunId> = begun.map(|run| run.id).collect();
        for (run, records) in switches.route(batch, &begun, |pid| runs.find_seen(pid).map(|index| runs[index].id)) {
            if let Some(index) = runs.find(run) {
                runs[index].scheduled(records, until, now, subscription);
            }
        }
    }

    /// Hands over all switch records up to now: a run is about to end.
    pub(super) fn last_scheduled(&mut self, now: Monotonic) {
        for batch in self.readers.switches.read_all() {
            self.scheduled(batch, now);
        }
    }

    /// Asks the kernel why threads wait, where nothing else says it, and hands its answers to the runs.
    pub(super) fn explain_waits(&mut self, now: Monotonic) {
        let Self { readers: Readers { reasons, switches, .. }, runs, publication, .. } = self;
        if reasons.is_time_to_look(now, switches.known_until()) {
            for run in runs.active_mut() {
                let (id, passed) = (run.id, run.time(now));
                reasons.add(run.unexplained(now, reasons.room()).into_iter().map(|(pid, tid, since)| {
                    let due = now + (since + WORTH_ASKING).since(passed);
                    Wait { run: id, pid, tid, since, due }
                }));
            }
            reasons.ask(now, |run| runs.find(run).map(|index| runs[index].living()).unwrap_or_default());
        }
        while let Some(answer) = reasons.next(now, switches.known_until()) {
            let Wait { run, pid, tid, .. } = answer.wait;
            if let (Some(reason), Some(index)) = (answer.reason, runs.find_active(run)) {
                runs[index].explained((pid, tid), &reason, (answer.from, answer.at));
                publication.touch();
            }
        }
    }

    /// The supervisor has died: its runs end with unknown statuses, and a new supervisor starts.
    pub(super) fn supervisor_lost(&mut self, why: &str) {
        let now = monotonic_now();
        for (run, request) in self.signals.take_unanswered() {
            if let Some(index) = self.runs.find_active(run) {
                self.runs[index].refuse(&request, Refusal::SupervisorLost, now, &mut self.subscription);
            }
        }
        self.last_scheduled(now);
        for run in self.runs.active_mut() {
            run.supervisor_lost(why, &mut self.scratch, now, &mut self.subscription);
        }
        self.watch();
        self.header.forget();
        if self.supervisor.may_restart_at_once(now) {
            self.start_supervisor();
        }
    }

    pub(super) fn start_supervisor(&mut self) {
        self.stop_all.supervisor_replaced();
        if let Some(why) = self.supervisor.restart(&self.readers.sampler) {
            // The lost supervisor was to remove these files.
            self.twins = Twins::new();
            let recover = self.header.recover(&why);
            self.perform(vec![recover]);
            self.publication.notice(format!("{why}; a new one has taken its place"));
        }
        self.publication.touch();
    }
}
