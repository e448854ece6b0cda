//! Whether the supervisor is there, and what becomes of the runs when it is not. On the engine's thread, between two turns.

use std::time::Duration;

use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::run::twins::Twins;
use crate::model::{EventKind, Monotonic, Outcome, Pid, ProcessState, Refusal};
use crate::supervisor::{Client, Incoming, Report, Request};
use crate::sys::{monotonic_now, stat_of};

/// How often a supervisor is asked whether it is there.
const ASK: Duration = Duration::from_secs(1);
/// How long it may owe an answer. A launch from a folder that hangs is the slowest of what it does.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may owe an answer before it is continued: whoever stopped it (SIGSTOP) has stopped what we depend on. One that is only
/// busy does not notice.
const NUDGE: Duration = Duration::from_millis(250);
/// How many seconds more it has while it is runnable, on a machine that gives it no core.
const STARVING: u32 = 25;
/// Between two starts of a supervisor, at least.
const RESTART: Duration = Duration::from_millis(500);

impl EngineLoop {
    /// The supervisor is gone. What follows waits for the end of the turn, since it closes the streams that are being read.
    pub(crate) fn lose(&mut self, why: &str) {
        self.lost.get_or_insert_with(|| why.to_owned());
    }

    /// Notes that the supervisor lives. Whether that was all that it wanted to say.
    pub(crate) fn heard(&mut self, incoming: &Incoming) -> bool {
        self.silent_since = monotonic_now();
        self.nudges = 0;
        let is_answer = match incoming {
            Incoming::Launched(..) => true,
            Incoming::Report(report) => report.is_answer(),
            Incoming::End => false,
        };
        self.owed = self.owed.saturating_sub(u32::from(is_answer));
        matches!(incoming, Incoming::Report(Report::Pong))
    }

    /// When a supervisor that owes an answer and says nothing is continued, and then counts as lost.
    pub(crate) fn patience_ends_at(&self) -> Option<Monotonic> {
        (self.owed > 0).then(|| self.silent_since + self.nudges.checked_sub(1).map_or(NUDGE, |more| PATIENCE + ASK * more))
    }

    /// While a run is on, the supervisor is asked once a second whether it is there; one that owes an answer and says nothing for too
    /// long is stopped or stuck, and counts as lost.
    pub(crate) fn check_supervisor(&mut self, now: Monotonic) {
        if self.retry_at.is_some() {
            return;
        }
        if self.patience_ends_at().is_some_and(|at| now >= at) {
            if self.nudges > STARVING || self.nudges > 0 && !is_runnable(self.client.pid()) {
                return self.lose("it does not answer");
            }
            self.nudges += 1;
            self.client.resume();
        }
        // While lines are driven, too: a supervisor that is stopped cannot make them safe. Not twice into the same silence; and while
        // it owes another answer, too, since a launch may wait for somebody else.
        let has_spoken = self.owed == 0 || self.silent_since >= self.asked_at;
        if (self.is_active() || self.header.next_heartbeat().is_some()) && has_spoken && now >= self.asked_at + ASK {
            self.asked_at = now;
            self.look_for_guard(now);
            self.request(&Request::Ping);
        }
    }

    /// Tells once that the guard is gone: the supervisor does its work without one.
    fn look_for_guard(&mut self, now: Monotonic) {
        if self.client.is_guarded() || std::mem::replace(&mut self.has_told_of_guard, true) {
            return;
        }
        let text = "the supervisor's guard has ended: should app and supervisor be killed at once now, processes may be left";
        for run in self.runs.iter_mut().filter(|run| !run.lifecycle.is_over()) {
            run.emit(EventKind::Notice { text: text.to_owned() }, now, &mut self.subscription);
        }
        self.notice(text.to_owned());
    }

    /// The supervisor has died: its runs are over with unknown statuses, what it left is ended, and a new one starts.
    pub(crate) fn lost_supervisor(&mut self, why: &str) {
        let now = monotonic_now();
        self.refuse_asked(&Refusal::SupervisorLost, now);
        for run in self.runs.iter_mut().filter(|run| !run.lifecycle.is_over()) {
            let text = format!("the supervisor was lost ({why}): how the processes of this run ended is unknown");
            run.emit(EventKind::Notice { text }, now, &mut self.subscription);
            for pid in run.stage_pids() {
                if run.has_living(pid) {
                    run.exited(pid, crate::model::ExitStatus::Unknown, true, now, &mut self.subscription);
                }
            }
            run.lifecycle.abandon();
            run.finish(Some(Outcome::Failed), 0, &mut self.scratch, now, &mut self.subscription);
        }
        self.sampler.watch(false);
        self.header.forget();
        self.trouble = Some(format!("the supervisor was lost ({why})"));
        // One that does not live longer than a moment is not started again and again without a pause.
        if now.since(self.started_at) < RESTART {
            self.retry_at = Some(now + RESTART);
        } else {
            self.start_supervisor();
        }
    }

    pub(crate) fn start_supervisor(&mut self) {
        self.retry_at = None;
        self.started_at = monotonic_now();
        self.owed = 0;
        self.is_counting = false;
        self.has_told_of_guard = false;
        self.nudges = 0;
        match Client::start(&self.program) {
            Ok(client) => {
                self.sampler.set_root(client.pid());
                let old = std::mem::replace(&mut self.client, client);
                old.kill_leftovers(&self.client);
                // The files that it was to remove.
                self.twins = Twins::default();
                let why = self.trouble.take().unwrap_or_default();
                self.recover_lines(&why);
                self.notice(format!("{why}; a new one has taken its place"));
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                self.retry_at = Some(self.started_at + RESTART);
            }
        }
        self.has_news = true;
    }
}

/// Whether a process waits for nothing but a core.
fn is_runnable(pid: Pid) -> bool {
    stat_of(pid).is_some_and(|stat| stat.state == ProcessState::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_a_core_is_runnable_and_who_waits_is_not() {
        for (script, expected) in [("while :; do :; done", true), ("read line", false)] {
            let mut child = std::process::Command::new("sh").args(["-c", script]).stdin(std::process::Stdio::piped()).spawn();
            let child = child.as_mut().expect("sh");
            let pid = Pid::new(child.id().cast_signed());
            let end = std::time::Instant::now() + Duration::from_mins(1);
            // Until it has begun, both are either.
            while is_runnable(pid) != expected && std::time::Instant::now() < end {
                std::thread::sleep(Duration::from_millis(1));
            }
            let found = is_runnable(pid);
            child.kill().expect("ours");
            child.wait().expect("ours");
            assert_eq!(found, expected, "{script}");
        }
    }
}
