//! One run on the engine's thread: its fold and recording, its streams, its lifecycle.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::fold::results::judging::Judging;
use crate::engine::fold::state::{DEFAULT_OUTPUT_BUDGET, RunFold};
use crate::engine::fold::timeline::reasons::Explanation;
use crate::engine::run::launch::{PER_STAGE, Plan};
use crate::engine::run::leds::RunLeds;
use crate::engine::run::lifecycle::RunLifecycle;
use crate::engine::run::lines::RunLines;
use crate::engine::run::pipes::PipeFills;
use crate::engine::run::processes::RunProcesses;
use crate::engine::run::recording::{Contents, Recording, Saving};
use crate::engine::run::requests::{ActionRequest, LaunchRequest};
use crate::engine::run::script::{FOR_THE_BODY, Script};
use crate::engine::run::shares::CpuSource;
use crate::engine::run::speaker::Speaker;
use crate::engine::run::streams::run_streams::{LAST_READS, RunStreams};
use crate::engine::run::streams::scratch::{Open, Scratch};
use crate::engine::run::subscription::{EngineEvent, Subscription};
use crate::engine::run::waiting::Waiting;
use crate::engine::run::warnings;
use crate::model::{
    BodyLine, By, Event, EventKind, ExitStatus, LineIntent, Monotonic, Outcome, Pid, PipeFill, ProcessSample, ProcessState,
    Refusal, RunId, RunView, Scheduled, SchedulerRecord, Tid, TimedAction,
};
use crate::monitor::{PipeEnd, ThreadTimes, WaitReason};
use crate::scenario::Scenario;
use crate::supervisor::{ChildPipes, LaunchedChild};
use crate::sys::monotonic_now;

/// Events of one run that are kept in memory, in bytes.
const RECORDING_BUDGET: usize = 6 * 1024 * 1024;

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was done or not")]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) fold: RunFold,
    pub(crate) recording: Recording,
    pub(crate) lifecycle: RunLifecycle,
    pub(crate) scenario: Option<&'static Scenario>,
    pub(crate) streams: RunStreams,
    pub(crate) lines: RunLines,
    leds: RunLeds,
    origin: Monotonic,
    pub(crate) script: Script,
    pub(crate) processes: RunProcesses,
    pub(crate) waiting: Waiting,
    pipe_fills: PipeFills,
    /// Where the times of its threads come from.
    pub(crate) cpu: CpuSource,
    /// How many stages were asked for.
    awaited: usize,
    /// Whether a body tells what it does, from its start.
    is_told: bool,
    /// Whether its body has said anything.
    has_spoken: bool,
    /// When a silent body gets a notice.
    silent_by: Option<Monotonic>,
    /// Whether Task Lab has sent signals to its processes.
    pub(crate) was_signaled: bool,
    /// Whether it was told that its processes could not be counted.
    pub(crate) was_not_counted: bool,
}

impl Run {
    pub(crate) fn new(
        id: RunId,
        plan: Plan,
        request: &LaunchRequest,
        supervisor: Pid,
        origin: Monotonic,
        subscription: &mut Subscription,
    ) -> Self {
        let scenario = plan.scenario.map_or("", |scenario| scenario.id);
        let fifos = plan.stages.iter().filter_map(|stage| stage.events_file.clone());
        let judging = plan.scenario.map(|scenario| Judging::new((scenario.judge)(), plan.checked));
        let mut run = Self {
            id,
            fold: RunFold::new(id, &plan.title, scenario, DEFAULT_OUTPUT_BUDGET).judged(judging),
            recording: Recording::new(RECORDING_BUDGET),
            lifecycle: RunLifecycle::new(request.stop, request.timeout.map(|timeout| origin + timeout)),
            scenario: plan.scenario,
            streams: RunStreams::new(plan.input, fifos),
            lines: RunLines::new(),
            leds: RunLeds::new(plan.scenario.map_or(&[], |scenario| scenario.wiring.leds)),
            origin,
            script: Script::new(&request.script),
            processes: RunProcesses::new(supervisor),
            waiting: Waiting::default(),
            pipe_fills: PipeFills::default(),
            cpu: CpuSource::Records,
            awaited: plan.stages.len(),
            is_told: plan.is_told,
            has_spoken: false,
            silent_by: None,
            was_signaled: false,
            was_not_counted: false,
        };
        (run.fold.began, run.fold.source) = (origin, plan.source);
        let scenario = scenario.to_owned();
        run.emit(EventKind::RunStarted { run: id, scenario, language: plan.language, params: plan.params }, origin, subscription);
        let notices = plan.notices.into_iter().map(|text| EventKind::Notice { text });
        run.emit_all(notices.collect(), origin, subscription);
        for button in run.scenario.map_or(&[][..], |scenario| scenario.wiring.buttons) {
            run.intend(Monotonic::ZERO, LineIntent::Watch(button.line), subscription);
        }
        run
    }

    /// A time of this run.
    pub(crate) fn time(&self, now: Monotonic) -> Monotonic {
        Monotonic::ZERO + now.since(self.origin)
    }

    /// The run as the views get it.
    pub(crate) fn view(&mut self, now: Monotonic) -> Arc<RunView> {
        let kill_at = self.lifecycle.kill_at().map(|at| self.time(at));
        self.fold.view(self.time(now), kill_at)
    }

    /// The owner of its GPIO lines.
    pub(crate) fn owner(&self) -> String {
        self.scenario.map_or_else(|| format!("run {}", self.id), |scenario| scenario.id.to_owned())
    }

    pub(crate) fn emit(&mut self, kind: EventKind, now: Monotonic, subscription: &mut Subscription) {
        self.keep(Event { t: self.time(now), kind }, subscription);
    }

    /// Takes in an intent of the body. The board tells what comes of it; that the body watches a line is a fact from now on.
    fn intend(&mut self, t: Monotonic, intent: LineIntent, subscription: &mut Subscription) {
        if let LineIntent::Watch(line) = intent {
            self.keep(Event { t, kind: EventKind::Watched { line } }, subscription);
        }
        self.lines.intend(intent);
    }

    fn emit_all(&mut self, kinds: Vec<EventKind>, now: Monotonic, subscription: &mut Subscription) {
        for kind in kinds {
            self.emit(kind, now, subscription);
        }
    }

    /// The fold, the recording and the listener get the same event.
    fn keep(&mut self, event: Event, subscription: &mut Subscription) {
        self.fold.apply(&event);
        for intent in self.leds.see(&event) {
            self.lines.intend(intent);
        }
        let event = Arc::new(event);
        subscription.push(EngineEvent::Event(self.id, Arc::clone(&event)));
        self.recording.push(event);
    }

    /// Its children were launched. Returns how many streams are to be read.
    pub(crate) fn begin(
        &mut self,
        children: Vec<(LaunchedChild, ChildPipes)>,
        now: Monotonic,
        subscription: &mut Subscription,
    ) -> usize {
        let supervisor = self.processes.supervisor();
        for (child, pipes) in children {
            let LaunchedChild { pid, pgid, sid, name, argv, may_grow, has_terminal, .. } = child;
            self.fold.add_stage(pid);
            self.emit(EventKind::ProcessStarted { pid, ppid: supervisor, pgid, sid, name, argv }, now, subscription);
            self.processes.add_stage(pid);
            if let Err(text) = self.streams.add(pid, pipes, may_grow, has_terminal) {
                self.emit(EventKind::Notice { text }, now, subscription);
            }
        }
        for text in self.streams.hold_fifos() {
            self.emit(EventKind::Notice { text }, now, subscription);
        }
        self.silent_by = self.scenario.map(|_| now + FOR_THE_BODY);
        self.script.start_clock(self.origin, self.is_told, now);
        self.streams.open()
    }

    /// Descriptors that will come with the report of its launch.
    pub(crate) fn descriptors_awaited(&self) -> usize {
        if self.lifecycle.is_over() || !self.processes.stages().is_empty() { 0 } else { self.awaited * PER_STAGE }
    }

    /// How full its pipes are.
    pub(crate) fn pipes_seen(&mut self, seen: &[(Pid, Pid, Option<PipeFill>)], now: Monotonic, subscription: &mut Subscription) {
        let events = self.pipe_fills.look(&self.processes.pipes(), seen, &self.fold);
        self.emit_all(events, now, subscription);
    }

    /// Whether this process belongs to the run and was not waited on.
    pub(crate) fn has_living(&self, pid: Pid) -> bool {
        self.fold.process(pid).is_some_and(|row| !row.is_reaped())
    }

    /// The supervisor's children that belong to the run.
    pub(crate) fn stage_pids(&self) -> Vec<Pid> {
        self.processes.stages().iter().map(|stage| stage.pid).collect()
    }

    /// A process has ended. Returns whether it was a stage whose end ends the run's work.
    pub(crate) fn exited(
        &mut self,
        pid: Pid,
        status: ExitStatus,
        is_reaped: bool,
        now: Monotonic,
        subscription: &mut Subscription,
    ) -> bool {
        if self.fold.process(pid).is_none_or(|row| row.status.is_none()) {
            self.emit(EventKind::ProcessExited { pid, status }, now, subscription);
        }
        if self.processes.exited(pid, status) {
            self.waiting.ended(pid);
        }
        let ends_the_work = is_reaped && self.reaped(pid, now, subscription);
        if let ExitStatus::Signaled { signal, .. } = status
            && ends_the_work
            && self.scenario.is_some()
            && !self.was_signaled
            && !self.lifecycle.is_ending()
        {
            let name = self.fold.process(pid).map_or("", |row| row.name.as_str());
            let text = warnings::killed_from_outside(name, pid, signal);
            self.emit(EventKind::Notice { text }, now, subscription);
        }
        ends_the_work
    }

    /// Answers the waits on its children that can be answered now. Returns the children that the supervisor is to reap.
    pub(crate) fn settle_waits(&mut self, is_over: bool, now: Monotonic, subscription: &mut Subscription) -> Vec<Pid> {
        let (to_reap, answers) = self.waiting.settle(self.processes.stages(), now, is_over);
        for answer in answers {
            self.emit(answer, now, subscription);
        }
        to_reap
    }

    /// Its events and processes, for files.
    pub(crate) fn to_be_saved(&self) -> Saving {
        let contents = Contents::Run {
            events: self.recording.iter().map(Arc::clone).collect(),
            dropped: self.recording.dropped(),
            processes: self.fold.processes.preorder(),
        };
        Saving { name: self.file_name(), contents }
    }

    /// The edges of its lines, for files.
    pub(crate) fn edges_to_be_saved(&self) -> Saving {
        let until = self.fold.finished().map_or_else(|| self.time(monotonic_now()), |end| Monotonic::from_secs(end.elapsed_s));
        Saving { name: self.file_name(), contents: Contents::Edges { waveform: self.lines.waveform().clone(), until } }
    }

    fn file_name(&self) -> String {
        self.scenario.map_or("program", |scenario| scenario.id).to_owned()
    }

    /// At most `most` waits that have lasted a while, and that nothing explains: process, thread, and start in the run's time.
    pub(crate) fn unexplained(&mut self, now: Monotonic, most: usize) -> Vec<(Pid, Tid, Monotonic)> {
        self.fold.unexplained(self.time(now), most)
    }

    /// Why a thread waits, by the kernel, as a look from one time to another has found.
    pub(crate) fn explained(&mut self, (pid, tid): (Pid, Tid), reason: &WaitReason, (from, to): (Monotonic, Monotonic)) {
        let name = |pid: Pid| self.fold.process(pid).map_or("", |row| row.name.as_str());
        let words = match reason.other_end.map(|end| (end, name(end.pid()))) {
            Some((PipeEnd::From(_), name)) if !name.is_empty() => format!("{}, from {name}", reason.words),
            Some((PipeEnd::To(_), name)) if !name.is_empty() => format!("{}, to {name}", reason.words),
            _ => reason.words.clone(),
        };
        let WaitReason { is_timer, is_stopped, held_by, ref wakers, .. } = *reason;
        let reason = Explanation { from: self.time(from), words: &words, is_timer, is_stopped, held_by, wakers: wakers.as_ref() };
        self.fold.explained(self.time(to), pid, tid, reason);
    }

    /// Its processes that were not waited on.
    pub(crate) fn living(&self) -> Vec<Pid> {
        self.fold.living()
    }

    /// Emits findings about the run as a whole, and a body that says nothing.
    pub(crate) fn look(&mut self, now: Monotonic, subscription: &mut Subscription) {
        if self.silent_by.is_some_and(|by| now >= by) {
            self.silent_by = None;
            if !self.has_spoken {
                let text = warnings::silent(self.fold.language, FOR_THE_BODY);
                self.emit(EventKind::Notice { text }, now, subscription);
            }
        }
        for finding in self.fold.look(self.time(now)) {
            self.emit(EventKind::Finding(finding), now, subscription);
        }
    }

    /// Forgets the past of its lanes that nobody needs any more, but for views.
    pub(crate) fn forget_past(&mut self, now: Monotonic) {
        self.fold.forget_past(self.time(now));
    }

    /// A process was waited on.
    pub(crate) fn reaped(&mut self, pid: Pid, now: Monotonic, subscription: &mut Subscription) -> bool {
        self.emit(EventKind::ProcessReaped { pid }, now, subscription);
        self.processes.reaped(pid)
    }

    /// Reads the output that is there. Returns how many streams came to their end.
    pub(crate) fn read_output(
        &mut self,
        index: usize,
        scratch: &mut Scratch,
        now: Monotonic,
        subscription: &mut Subscription,
    ) -> usize {
        let mut events = Vec::new();
        let open = self.streams.read_output(index, subscription.is_wanted(), now, scratch, &mut |kind| events.push(kind));
        self.emit_all(events, now, subscription);
        usize::from(open == Open::No)
    }

    /// Reads the event lines that are there. Returns how many streams came to their end.
    pub(crate) fn read_events(
        &mut self,
        index: usize,
        scratch: &mut Scratch,
        now: Monotonic,
        subscription: &mut Subscription,
    ) -> usize {
        let mut lines = Vec::new();
        let arrived = self.time(now);
        let Self { streams, processes, scenario, .. } = self;
        let has_judge = scenario.is_some();
        let open = streams.read_events(index, arrived, scratch, |pid, controls, mut line| {
            if let BodyLine::Fact(event) = &mut line {
                if has_judge && matches!(event.kind, EventKind::Fact(_)) {
                    return Err("only the judge of the lesson claims facts".to_owned());
                }
                Speaker { pid, processes, controls }.check(&mut event.kind)?;
            }
            lines.push(line);
            Ok(())
        });
        if !lines.is_empty() {
            self.has_spoken = true;
            self.script.body_spoke(now);
        }
        for line in lines {
            // Nothing can have happened later than it is told.
            match line {
                BodyLine::Fact(event) => self.keep(Event { t: event.t.min(arrived), ..event }, subscription),
                BodyLine::Intent(t, intent) => self.intend(t.min(arrived), intent, subscription),
            }
        }
        usize::from(open == Open::No)
    }

    /// A snapshot was published: emits how much output was dropped, and renews the budgets.
    pub(crate) fn refill(&mut self, now: Monotonic, subscription: &mut Subscription) {
        let mut events = Vec::new();
        self.streams.refill(&mut |kind| events.push(kind));
        self.emit_all(events, now, subscription);
    }

    /// Reads the rest of all streams and closes them, also those that a process outside the run holds open.
    pub(crate) fn close_streams(&mut self, scratch: &mut Scratch, now: Monotonic, subscription: &mut Subscription) {
        self.streams.release_writers();
        for _ in 0..LAST_READS {
            for index in (0..self.streams.outputs.len()).rev() {
                self.read_output(index, scratch, now, subscription);
            }
            for index in (0..self.streams.events.len()).rev() {
                self.read_events(index, scratch, now, subscription);
            }
        }
        let mut events = Vec::new();
        let unread = self.streams.close(&mut |kind| events.push(kind));
        for request in unread {
            self.refuse(&request, Refusal::Unread, now, subscription);
        }
        self.emit_all(events, now, subscription);
    }

    /// When it has something to do although nothing has happened.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let deadlines = [self.lifecycle.next_deadline(), self.script.next_at(), self.waiting.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Its processes could not be counted: told once, and tried again.
    pub(crate) fn not_counted(&mut self, why: &str, now: Monotonic, subscription: &mut Subscription) {
        self.lifecycle.not_counted(now);
        if !std::mem::replace(&mut self.was_not_counted, true) {
            let text = format!("could not count the processes of this run: {why}; it is tried again");
            self.emit(EventKind::Notice { text }, now, subscription);
        }
    }

    /// Names the processes that SIGKILL has not ended.
    pub(crate) fn notice_all_unkillable(&mut self, now: Monotonic, subscription: &mut Subscription) {
        for pid in self.fold.processes.living() {
            self.notice_unkillable(pid, now, subscription);
        }
    }

    /// Names a process that was killed, if it is still there.
    pub(crate) fn notice_unkillable(&mut self, pid: Pid, now: Monotonic, subscription: &mut Subscription) {
        if let Some(row) = self.fold.process(pid).filter(|row| row.ended.is_none()) {
            let text = warnings::unkillable(row);
            self.emit(EventKind::Notice { text }, now, subscription);
        }
    }

    /// Its output is still open although no process of it is left. It is closed after `left`. A listener that is behind holds the output
    /// up itself: it is open because it was not read.
    pub(crate) fn notice_open(&mut self, left: Duration, now: Monotonic, subscription: &mut Subscription) {
        if !subscription.is_behind() {
            self.emit(EventKind::Notice { text: warnings::open(left) }, now, subscription);
        }
    }

    /// The run ends although so many of its processes do not die; `None`: they could not be counted.
    pub(crate) fn notice_stuck(&mut self, left: Option<u32>, now: Monotonic, subscription: &mut Subscription) {
        self.emit(EventKind::Notice { text: warnings::stuck(left) }, now, subscription);
    }

    /// The supervisor is lost, and with it the statuses of what still runs.
    pub(crate) fn supervisor_lost(&mut self, why: &str, scratch: &mut Scratch, now: Monotonic, subscription: &mut Subscription) {
        let text = format!("the supervisor was lost ({why}): how the processes of this run ended is unknown");
        self.emit(EventKind::Notice { text }, now, subscription);
        for pid in self.stage_pids() {
            if self.has_living(pid) {
                self.exited(pid, ExitStatus::Unknown, true, now, subscription);
            }
        }
        self.lifecycle.abandon();
        self.finish(Some(Outcome::Failed), 0, scratch, now, subscription);
    }

    /// The next action of the script that is due.
    pub(crate) fn take_due(&mut self, now: Monotonic) -> Option<TimedAction> {
        let Self { fold, streams, .. } = self;
        // A lane may have a name before its process has a row.
        let is_listening = !streams.controls.is_empty();
        self.script.take_due(now, |action| match action.process() {
            Some(process) => fold.find(process).is_some_and(|pid| fold.process(pid).is_some()),
            None => !is_listening || fold.has_target(action),
        })
    }

    /// The judge says what the run has shown, if the body came to its end.
    fn judge(&mut self, now: Monotonic, subscription: &mut Subscription) {
        if self.fold.stages().iter().all(|(_, status)| matches!(status, Some(ExitStatus::Exited(_)))) {
            let facts: Vec<EventKind> = self.fold.claims().into_iter().map(EventKind::Fact).collect();
            let silent = self.scenario.filter(|_| facts.is_empty());
            if let Some(text) = silent.and_then(|scenario| warnings::claims_nothing(scenario, &self.fold)) {
                self.emit(EventKind::Notice { text }, now, subscription);
            }
            self.emit_all(facts, now, subscription);
        }
    }

    pub(crate) fn finish(
        &mut self,
        cut_short: Option<Outcome>,
        left: u32,
        scratch: &mut Scratch,
        now: Monotonic,
        subscription: &mut Subscription,
    ) {
        self.close_streams(scratch, now, subscription);
        self.processes.forget_seen();
        // No process is left, so all have ended; the status of the others only their parents know.
        for pid in if left == 0 { self.fold.processes.not_reaped() } else { Vec::new() } {
            self.exited(pid, ExitStatus::Unknown, true, now, subscription);
        }
        let elapsed_s = self.time(now).secs();
        self.settle_waits(true, now, subscription);
        // The judge is to know them.
        let sums = self.cpu.end();
        self.emit_all(sums, now, subscription);
        for sums in self.fold.cpu_in_all(self.time(now)) {
            self.emit(EventKind::TaskCpu(Box::new(sums)), now, subscription);
        }
        if cut_short.is_none() {
            self.judge(now, subscription);
        }
        let outcome = cut_short.unwrap_or_else(|| self.fold.outcome());
        if let (Some(_), false, Some((_, status))) = (self.scenario, self.has_spoken, self.fold.stages().first()) {
            let text = warnings::never_began(self.fold.language, status.filter(|_| cut_short.is_none()));
            self.emit(EventKind::Notice { text }, now, subscription);
        }
        self.script.stop();
        for (TimedAction { action, .. }, why) in self.script.left() {
            let request = ActionRequest { action, by: By::Script, is_demo: false, at: now };
            self.refuse(&request, why, now, subscription);
        }
        self.processes.forget_stages();
        self.emit(EventKind::RunFinished { run: self.id, outcome, elapsed_s, processes_left: left }, now, subscription);
    }

    /// Takes in a sample of one of its processes, with how it ended if it is a zombie that says so.
    pub(crate) fn sampled(
        &mut self,
        sample: ProcessSample,
        command: Option<&Vec<String>>,
        ended: Option<ExitStatus>,
        now: Monotonic,
        subscription: &mut Subscription,
    ) {
        let pid = sample.pid;
        let before = self.processes.sampled(pid, sample.ppid, sample.state);
        let is_stage = self.processes.is_stage(pid);
        // A body has told the end of this process, and it lives: it is a new one.
        let is_alive = !matches!(sample.state, ProcessState::Zombie | ProcessState::Dead);
        let reported_end = self.fold.process(pid).filter(|row| !row.is_reaped()).and_then(|row| row.ended);
        if is_alive && !is_stage && reported_end.is_some_and(|ended| ended < self.time(now)) {
            self.emit(EventKind::ProcessReaped { pid }, now, subscription);
        }
        if !self.has_living(pid) {
            let name = sample.name.clone();
            let argv = command.filter(|argv| !argv.is_empty()).cloned().unwrap_or_else(|| vec![name.clone()]);
            let (ppid, pgid, sid) = (sample.ppid, sample.pgid, sample.sid);
            self.emit(EventKind::ProcessStarted { pid, ppid, pgid, sid, name, argv }, now, subscription);
        }
        let parent_before = before.as_ref().map(|seen| seen.ppid).or_else(|| self.fold.process(pid).map(|row| row.ppid));
        if !is_stage && parent_before.is_some_and(|ppid| ppid != sample.ppid) {
            self.emit(EventKind::ProcessOrphaned { pid, ppid: sample.ppid }, now, subscription);
        }
        let is_notable = matches!(sample.state, ProcessState::Zombie | ProcessState::Stopped | ProcessState::DiskSleep)
            || before.as_ref().is_some_and(|seen| matches!(seen.state, ProcessState::Stopped | ProcessState::DiskSleep));
        if is_notable && before.as_ref().is_none_or(|seen| seen.state != sample.state) {
            self.emit(EventKind::ProcessState { pid, state: sample.state }, now, subscription);
        }
        self.emit(EventKind::ProcessSampled(Box::new(sample)), now, subscription);
        // The supervisor tells of its own children.
        if let Some(status) = ended.filter(|_| !is_stage && self.has_living(pid)) {
            self.exited(pid, status, false, now, subscription);
        }
    }

    /// Takes in the times of all its threads.
    pub(crate) fn shared(&mut self, threads: Vec<(Pid, ThreadTimes)>, now: Monotonic, subscription: &mut Subscription) {
        let sums = self.cpu.look(threads, now);
        self.emit_all(sums, now, subscription);
        if self.cpu.has_shares() {
            self.fold.sums_told(self.time(now));
        }
    }

    /// Takes in what the scheduler did with its threads: records in the order of time, on the monotonic clock, and the time up to which
    /// there are no others.
    pub(crate) fn scheduled(
        &mut self,
        mut records: Vec<SchedulerRecord>,
        until: Monotonic,
        now: Monotonic,
        subscription: &mut Subscription,
    ) {
        let origin = self.origin.nanos();
        let of_run = |t: &mut Monotonic| *t = Monotonic::from_nanos(t.nanos().saturating_sub(origin));
        for record in &mut records {
            of_run(&mut record.t);
            if let Scheduled::Lost { since, .. } = &mut record.what {
                of_run(since);
            }
        }
        let t = self.time(until);
        self.fold.scheduled(&records, t);
        for sums in self.fold.cpu_due(t) {
            self.emit(EventKind::TaskCpu(Box::new(sums)), until.min(now), subscription);
        }
    }

    /// All processes of a sample were taken in; `is_there` is true for these. A missing process has ended; its status only its parent
    /// knows.
    pub(crate) fn sampling_done(&mut self, is_there: impl Fn(Pid) -> bool, now: Monotonic, subscription: &mut Subscription) {
        self.fold.sampled_all(self.time(now), &is_there);
        for pid in self.processes.take_missing(is_there) {
            if self.has_living(pid) && !self.processes.is_stage(pid) {
                self.exited(pid, ExitStatus::Unknown, true, now, subscription);
            }
        }
    }
}
