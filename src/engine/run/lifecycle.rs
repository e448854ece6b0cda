//! The lifecycle of a run, from launch to the last process. Pure: facts go in, effects come out; time is an argument.

use std::time::Duration;

use crate::model::{Monotonic, Outcome, Signal, StopPlan};

/// How long after a count the processes of an ending run are counted again. One count at a time: with a thousand processes it takes
/// the supervisor longer than this.
const RECOUNT: Duration = Duration::from_millis(20);
/// How long output may stay open after the last process has gone: a process outside the run may hold the pipe. After the first of these
/// times a notice says so; after the second the output is closed.
const PATIENCE: Duration = Duration::from_millis(250);
const DRAIN: Duration = Duration::from_secs(1);
/// How long to wait with the next count when the processes could not be counted.
const AGAIN: Duration = Duration::from_millis(100);
/// How long after SIGKILL a process that is still there is named. SIGKILL acts at once, unless the kernel holds the process.
pub(crate) const NAME_AFTER: Duration = Duration::from_secs(2);
/// How long after SIGKILL a process may stay before the run is called over without it: it is stuck in the kernel.
const GIVE_UP: Duration = Duration::from_secs(4);

/// An effect that the engine performs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunEffect {
    /// Send these signals to all processes of the run, and count them.
    Signal(Vec<Signal>),
    /// Add the event that the time limit ends the run.
    TimedOut,
    /// Wait on the zombies that were kept on purpose.
    ReapKept,
    /// No process is left that could write: close the writing ends that we hold open ourselves.
    Drain,
    /// Close our ends of the streams.
    CloseStreams,
    /// Say in a notice that the streams are still open although no process of the run is left, and when they are closed.
    NoticeOpen(Duration),
    /// Name in a notice each process that SIGKILL has not ended.
    NoticeUnkillable,
    /// Say in a notice that so many processes do not die; `None`: they could not be counted.
    NoticeStuck(Option<u32>),
    /// It is over.
    Finish {
        /// Why it was cut short, if it was.
        cut_short: Option<Outcome>,
        /// Its processes that are still there.
        left: u32,
    },
}

/// A time that never comes: something else must happen first, such as the answer to the last count.
const NEVER: Monotonic = Monotonic::from_nanos(u64::MAX);

/// The stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The supervisor has not answered yet.
    Starting,
    /// Its first processes run.
    Running,
    /// Its first processes have ended; others are counted.
    Counting { recount_at: Monotonic },
    /// SIGTERM was sent.
    Terminating { recount_at: Monotonic },
    /// SIGKILL was sent.
    Killed { notice_at: Monotonic, give_up_at: Monotonic, recount_at: Monotonic },
    /// No process is left; the last output is read.
    Draining { notice_at: Monotonic, until: Monotonic, left: u32 },
    /// Finished.
    Over,
}

/// One run's lifecycle.
#[derive(Debug)]
pub(crate) struct RunLifecycle {
    plan: StopPlan,
    stage: Stage,
    cut_short: Option<Outcome>,
    stages_alive: usize,
    streams_open: usize,
    /// Processes of the run when they were last counted.
    members: Option<u32>,
    timeout_at: Option<Monotonic>,
    /// When SIGKILL follows, once SIGTERM was sent.
    kill_at: Option<Monotonic>,
}

impl RunLifecycle {
    pub(crate) const fn new(plan: StopPlan, timeout_at: Option<Monotonic>) -> Self {
        Self {
            plan,
            stage: Stage::Starting,
            cut_short: None,
            stages_alive: 0,
            streams_open: 0,
            members: None,
            timeout_at,
            kill_at: None,
        }
    }

    /// Its stages run, with these many streams to read.
    pub(crate) fn begin(&mut self, stages: usize, streams: usize, now: Monotonic) -> Vec<RunEffect> {
        (self.stages_alive, self.streams_open) = (stages, streams);
        self.stage = Stage::Running;
        // It was told to end before it had begun.
        if self.cut_short.is_some() { self.terminate(now) } else { Vec::new() }
    }

    /// Nothing could be launched.
    pub(crate) fn not_begun(&mut self) -> Vec<RunEffect> {
        self.finish(0)
    }

    /// One of its stages has ended.
    pub(crate) fn stage_ended(&mut self, now: Monotonic) -> Vec<RunEffect> {
        self.stages_alive = self.stages_alive.saturating_sub(1);
        if self.stages_alive == 0 && self.stage == Stage::Running {
            self.stage = Stage::Counting { recount_at: NEVER };
            return vec![RunEffect::Signal(Vec::new())];
        }
        self.perhaps_drain(now)
    }

    /// One of its streams is at its end.
    pub(crate) fn stream_closed(&mut self) -> Vec<RunEffect> {
        self.streams_open = self.streams_open.saturating_sub(1);
        match self.stage {
            Stage::Draining { left, .. } if self.streams_open == 0 => self.finish(left),
            _ => Vec::new(),
        }
    }

    /// The supervisor has counted.
    pub(crate) fn members(&mut self, count: u32, now: Monotonic) -> Vec<RunEffect> {
        self.members = Some(count);
        if let Stage::Terminating { recount_at } | Stage::Killed { recount_at, .. } = &mut self.stage {
            *recount_at = now + RECOUNT;
        }
        match self.stage {
            Stage::Counting { .. } if count > 0 => self.terminate(now),
            _ => self.perhaps_drain(now),
        }
    }

    /// The supervisor could not count, so nothing is known: it is asked again.
    pub(crate) fn not_counted(&mut self, now: Monotonic) {
        if let Stage::Counting { recount_at } | Stage::Terminating { recount_at } | Stage::Killed { recount_at, .. } =
            &mut self.stage
        {
            *recount_at = now + AGAIN;
        }
    }

    /// The user, the script or a time limit ends it. If it is told to end a second time, SIGKILL follows at once.
    pub(crate) fn end(&mut self, outcome: Outcome, now: Monotonic) -> Vec<RunEffect> {
        match self.stage {
            Stage::Over | Stage::Draining { .. } | Stage::Killed { .. } => Vec::new(),
            Stage::Terminating { .. } => self.kill(now),
            Stage::Starting => {
                self.cut_short.get_or_insert(outcome);
                Vec::new()
            }
            Stage::Running | Stage::Counting { .. } => {
                self.cut_short.get_or_insert(outcome);
                self.terminate(now)
            }
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Monotonic) -> Vec<RunEffect> {
        if matches!(self.stage, Stage::Running) && self.timeout_at.is_some_and(|at| now >= at) {
            return [vec![RunEffect::TimedOut], self.end(Outcome::TimedOut, now)].concat();
        }
        match self.stage {
            Stage::Counting { recount_at } if now >= recount_at => {
                self.stage = Stage::Counting { recount_at: NEVER };
                vec![RunEffect::Signal(Vec::new())]
            }
            Stage::Terminating { .. } if self.kill_at.is_some_and(|at| now >= at) => self.kill(now),
            Stage::Terminating { recount_at } if now >= recount_at => {
                self.stage = Stage::Terminating { recount_at: NEVER };
                vec![RunEffect::Signal(Vec::new())]
            }
            Stage::Killed { give_up_at, .. } if now >= give_up_at => {
                // Processes that could not be counted may still be there.
                let left = self.members.unwrap_or_default().max(1);
                self.stage = Stage::Draining { notice_at: NEVER, until: now, left };
                vec![RunEffect::NoticeStuck(self.members), RunEffect::CloseStreams]
            }
            Stage::Killed { notice_at, give_up_at, recount_at } if now >= notice_at => {
                self.stage = Stage::Killed { notice_at: NEVER, give_up_at, recount_at };
                vec![RunEffect::NoticeUnkillable]
            }
            Stage::Killed { notice_at, give_up_at, recount_at } if now >= recount_at => {
                self.stage = Stage::Killed { notice_at, give_up_at, recount_at: NEVER };
                vec![RunEffect::Signal(vec![self.plan.then])]
            }
            Stage::Draining { until, left, .. } if now >= until => {
                let mut effects = vec![RunEffect::CloseStreams];
                effects.extend(self.finish(left));
                effects
            }
            Stage::Draining { notice_at, until, left } if now >= notice_at => {
                self.stage = Stage::Draining { notice_at: NEVER, until, left };
                vec![RunEffect::NoticeOpen(until.since(now))]
            }
            _ => Vec::new(),
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        match self.stage {
            Stage::Running => self.timeout_at,
            Stage::Terminating { recount_at } => self.kill_at.map(|at| at.min(recount_at)),
            Stage::Killed { notice_at, give_up_at, recount_at } => Some(notice_at.min(give_up_at).min(recount_at)),
            Stage::Draining { notice_at, until, .. } => Some(notice_at.min(until)),
            Stage::Counting { recount_at } => Some(recount_at).filter(|at| *at != NEVER),
            Stage::Starting | Stage::Over => None,
        }
    }

    /// When SIGKILL follows, or was due, once SIGTERM was sent.
    pub(crate) const fn kill_at(&self) -> Option<Monotonic> {
        self.kill_at
    }

    /// The supervisor is lost: nothing more will be known of it.
    pub(crate) fn abandon(&mut self) {
        self.stage = Stage::Over;
    }

    /// Whether it is on its way to the end.
    pub(crate) const fn is_ending(&self) -> bool {
        !matches!(self.stage, Stage::Starting | Stage::Running)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    fn terminate(&mut self, now: Monotonic) -> Vec<RunEffect> {
        self.stage = Stage::Terminating { recount_at: NEVER };
        self.kill_at = Some(now + self.plan.grace);
        vec![RunEffect::ReapKept, RunEffect::Signal(vec![self.plan.signal, Signal::CONT])]
    }

    fn kill(&mut self, now: Monotonic) -> Vec<RunEffect> {
        self.stage = Stage::Killed { notice_at: now + NAME_AFTER, give_up_at: now + GIVE_UP, recount_at: NEVER };
        vec![RunEffect::Signal(vec![self.plan.then])]
    }

    /// Once no process is left, the rest of the output is read.
    fn perhaps_drain(&mut self, now: Monotonic) -> Vec<RunEffect> {
        let is_ending = matches!(self.stage, Stage::Counting { .. } | Stage::Terminating { .. } | Stage::Killed { .. });
        if !is_ending || self.stages_alive > 0 || self.members != Some(0) {
            return Vec::new();
        }
        if self.streams_open == 0 {
            return self.finish(0);
        }
        self.stage = Stage::Draining { notice_at: now + PATIENCE, until: now + DRAIN, left: 0 };
        vec![RunEffect::Drain]
    }

    fn finish(&mut self, left: u32) -> Vec<RunEffect> {
        self.stage = Stage::Over;
        vec![RunEffect::Finish { cut_short: self.cut_short, left }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: StopPlan = StopPlan { signal: Signal::TERM, grace: Duration::from_secs(2), then: Signal::KILL };

    fn at(seconds: f64) -> Monotonic {
        Monotonic::from_secs(seconds)
    }

    fn count() -> Vec<RunEffect> {
        vec![RunEffect::Signal(Vec::new())]
    }

    fn finish(cut_short: Option<Outcome>, left: u32) -> Vec<RunEffect> {
        vec![RunEffect::Finish { cut_short, left }]
    }

    #[test]
    fn a_run_ends_when_its_stages_its_descendants_and_its_output_have() {
        let mut lifecycle = RunLifecycle::new(PLAN, None);
        assert!(lifecycle.begin(2, 1, at(0.0)).is_empty());
        assert!(lifecycle.stage_ended(at(1.0)).is_empty());
        assert_eq!(lifecycle.stage_ended(at(1.0)), count());
        assert_eq!(lifecycle.members(0, at(1.1)), [RunEffect::Drain], "output is still open");
        assert_eq!(lifecycle.stream_closed(), finish(None, 0));
        assert!(lifecycle.is_over() && lifecycle.next_deadline().is_none());
    }

    /// Covers: F22, fact 32.
    #[test]
    fn output_that_somebody_else_holds_open_does_not_hold_up_the_end() {
        let mut lifecycle = RunLifecycle::new(PLAN, None);
        lifecycle.begin(1, 1, at(0.0));
        lifecycle.stage_ended(at(1.0));
        lifecycle.members(0, at(1.0));
        assert!(lifecycle.tick(at(1.2)).is_empty());
        assert_eq!(lifecycle.next_deadline(), Some(at(1.25)));
        assert_eq!(lifecycle.tick(at(1.25)), vec![RunEffect::NoticeOpen(Duration::from_millis(750))], "it says so");
        assert!(lifecycle.tick(at(1.9)).is_empty(), "once");
        assert_eq!(lifecycle.tick(at(2.0)), [vec![RunEffect::CloseStreams], finish(None, 0)].concat());
    }

    #[test]
    fn what_the_stages_leave_behind_is_asked_and_then_killed() {
        let mut lifecycle = RunLifecycle::new(PLAN, None);
        lifecycle.begin(1, 0, at(0.0));
        assert_eq!(lifecycle.stage_ended(at(1.0)), count());
        assert_eq!(lifecycle.members(3, at(1.0)), vec![RunEffect::ReapKept, RunEffect::Signal(vec![Signal::TERM, Signal::CONT])]);
        assert!(lifecycle.members(2, at(1.01)).is_empty());
        assert_eq!(lifecycle.tick(at(1.5)), count());
        assert!(lifecycle.tick(at(1.6)).is_empty(), "one count at a time");
        assert_eq!(lifecycle.tick(at(3.0)), vec![RunEffect::Signal(vec![Signal::KILL])]);
        assert_eq!(lifecycle.kill_at(), Some(at(3.0)), "it stays known");
        assert_eq!(lifecycle.members(0, at(3.1)), finish(None, 0));
    }

    #[test]
    fn the_time_limit_and_the_user_end_a_run_and_a_second_request_kills() {
        let mut lifecycle = RunLifecycle::new(PLAN, Some(at(5.0)));
        lifecycle.begin(1, 0, at(0.0));
        assert_eq!(lifecycle.next_deadline(), Some(at(5.0)));
        assert!(lifecycle.tick(at(4.9)).is_empty());
        let terminate = RunEffect::Signal(vec![Signal::TERM, Signal::CONT]);
        assert_eq!(lifecycle.tick(at(5.0)), vec![RunEffect::TimedOut, RunEffect::ReapKept, terminate]);
        assert_eq!(lifecycle.end(Outcome::Stopped, at(5.1)), vec![RunEffect::Signal(vec![Signal::KILL])]);
        assert!(lifecycle.members(0, at(5.2)).is_empty(), "the stage's end has not been told yet");
        assert_eq!(lifecycle.stage_ended(at(5.2)), finish(Some(Outcome::TimedOut), 0), "the first reason stands");
    }

    /// Covers: promise 4, F7.
    #[test]
    fn a_process_that_does_not_die_is_named_and_counted() {
        let mut lifecycle = RunLifecycle::new(PLAN, None);
        lifecycle.begin(1, 1, at(0.0));
        lifecycle.end(Outcome::Stopped, at(0.0));
        lifecycle.tick(at(2.0));
        assert!(lifecycle.tick(at(2.5)).is_empty(), "the answer is awaited");
        lifecycle.members(1, at(2.5));
        assert_eq!(lifecycle.tick(at(2.6)), vec![RunEffect::Signal(vec![Signal::KILL])], "and again");
        lifecycle.members(1, at(2.7));
        assert_eq!(lifecycle.tick(at(4.0)), vec![RunEffect::NoticeUnkillable], "two seconds after SIGKILL");
        assert_eq!(lifecycle.tick(at(4.0)), vec![RunEffect::Signal(vec![Signal::KILL])], "once");
        assert_eq!(lifecycle.tick(at(6.0)), vec![RunEffect::NoticeStuck(Some(1)), RunEffect::CloseStreams]);
        assert_eq!(lifecycle.tick(at(6.0)).last(), finish(Some(Outcome::Stopped), 1).last());
    }

    #[test]
    fn that_nobody_could_be_counted_is_not_nobody() {
        let mut lifecycle = RunLifecycle::new(PLAN, None);
        lifecycle.begin(1, 0, at(0.0));
        assert_eq!(lifecycle.stage_ended(at(1.0)), count());
        lifecycle.not_counted(at(1.0));
        assert!(!lifecycle.is_over() && lifecycle.tick(at(1.05)).is_empty());
        assert_eq!((lifecycle.next_deadline(), lifecycle.tick(at(1.1))), (Some(at(1.1)), count()), "it is counted again");
        lifecycle.end(Outcome::Stopped, at(2.0));
        lifecycle.not_counted(at(2.0));
        lifecycle.tick(at(4.0));
        lifecycle.not_counted(at(4.1));
        lifecycle.tick(at(6.0));
        assert_eq!(lifecycle.tick(at(8.0)), vec![RunEffect::NoticeStuck(None), RunEffect::CloseStreams], "and never called gone");
    }

    #[test]
    fn a_run_that_is_ended_before_it_has_begun_ends_at_once() {
        let mut lifecycle = RunLifecycle::new(PLAN, None);
        assert!(lifecycle.end(Outcome::Stopped, at(0.0)).is_empty());
        assert_eq!(lifecycle.begin(1, 0, at(0.1)).len(), 2);
        let mut lifecycle = RunLifecycle::new(PLAN, None);
        assert_eq!(lifecycle.not_begun(), finish(None, 0));
    }
}
