//! The engine's connection to the supervisor: requests, reports, its loss, and the start of the next one. On the engine's thread.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::drive::effect::Effect;
use crate::engine::drive::liveness::{Check, Liveness};
use crate::engine::drive::readers::sampler::Sampler;
use crate::model::{Monotonic, Pid, ProcessState};
use crate::supervisor::{Client, Incoming, Report, Request, SupervisorError};
use crate::sys::{monotonic_now, stat_of};

/// The shortest time between two starts of a supervisor.
const RESTART: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct SupervisorLink {
    client: Client,
    /// The program that a new supervisor is started from.
    program: PathBuf,
    liveness: Liveness,
    /// Whether it was told that this supervisor has no guard any more.
    has_told_of_guard: bool,
    /// Why the supervisor is lost, until that has been dealt with.
    lost: Option<String>,
    /// Why there is no supervisor.
    trouble: Option<String>,
    /// When a supervisor is started again, after a start that failed or did not last.
    retry_at: Option<Monotonic>,
    started_at: Monotonic,
}

impl SupervisorLink {
    pub(super) fn new(client: Client, program: PathBuf) -> Self {
        Self {
            client,
            program,
            liveness: Liveness::default(),
            has_told_of_guard: false,
            lost: None,
            trouble: None,
            retry_at: None,
            started_at: Monotonic::ZERO,
        }
    }

    /// The supervisor's PID.
    pub(super) const fn pid(&self) -> Pid {
        self.client.pid()
    }

    /// The program that plays the other roles.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Whether there is a supervisor, as far as is known.
    pub(super) const fn is_there(&self) -> bool {
        self.retry_at.is_none()
    }

    /// Why there is no supervisor, if there is none.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Why the supervisor sees only its own children, if so.
    pub(super) fn blindness(&self) -> Option<&str> {
        self.client.proc_trouble()
    }

    /// Whether requests wait for room.
    pub(super) fn has_queued(&self) -> bool {
        self.client.has_queued()
    }

    /// Sends a request. The only error is a request that no supervisor can be sent; a broken connection is noted.
    pub(super) fn request(&mut self, request: &Request) -> Result<(), SupervisorError> {
        match self.client.request(request) {
            Ok(()) if request.is_answered() => self.liveness.requested(monotonic_now()),
            Ok(()) => {}
            Err(error @ SupervisorError::Unsendable(_)) => return Err(error),
            Err(error) => self.lose(&error.cause()),
        }
        Ok(())
    }

    /// Sends queued requests. Whether the connection is still there.
    pub(super) fn flush(&mut self) -> bool {
        if !self.client.has_queued() {
            return true;
        }
        let flushed = self.client.flush();
        if let Err(error) = &flushed {
            self.lose(&error.cause());
        }
        flushed.is_ok()
    }

    /// The next report, except for mere signs of life; `None` when there is no more now, or when the supervisor is lost.
    pub(super) fn receive(&mut self) -> Option<Incoming> {
        loop {
            let incoming = match self.client.receive() {
                Ok(incoming) => incoming?,
                Err(error) => {
                    self.lose(&error.cause());
                    return None;
                }
            };
            let is_answer = match &incoming {
                Incoming::Launched(..) => true,
                Incoming::Report(report) => report.is_answer(),
                Incoming::End => false,
            };
            self.liveness.received(is_answer, monotonic_now());
            match incoming {
                Incoming::Report(Report::Pong) => {}
                Incoming::End => {
                    self.lose("it has ended");
                    return None;
                }
                incoming => return Some(incoming),
            }
        }
    }

    /// When [`restart`](Self::restart) or [`check`](Self::check) has something to do.
    pub(super) fn next_deadline(&self) -> Option<Monotonic> {
        self.retry_at.or_else(|| self.liveness.next_deadline())
    }

    /// Whether a supervisor is to be started again now.
    pub(super) fn is_time_to_restart(&self, now: Monotonic) -> bool {
        self.retry_at.is_some_and(|at| now >= at)
    }

    /// Checks on a supervisor that may be stopped or stuck. While it `is_needed`, it is asked once a second whether it is there.
    pub(super) fn check(&mut self, now: Monotonic, is_needed: bool) -> Vec<Effect> {
        if !self.is_there() {
            return Vec::new();
        }
        match self.liveness.check(now, || is_runnable(self.client.pid())) {
            Check::Wait => {}
            Check::Wake => self.client.resume(),
            Check::Lost => {
                self.lose("it does not answer");
                return Vec::new();
            }
        }
        if !is_needed || !self.liveness.is_time_to_ask(now) {
            return Vec::new();
        }
        let mut effects = self.look_for_guard();
        effects.push(Effect::Request(Request::Ping));
        effects
    }

    /// Says once that the guard is gone. The supervisor works without one.
    fn look_for_guard(&mut self) -> Vec<Effect> {
        if self.client.is_guarded() || std::mem::replace(&mut self.has_told_of_guard, true) {
            return Vec::new();
        }
        let text = "the supervisor's guard has ended: should app and supervisor be killed at once now, processes may be left";
        vec![Effect::NoticeInAll(text.to_owned()), Effect::Notice(text.to_owned())]
    }

    /// The supervisor is gone. The loop deals with that at the end of its turn, since it closes the streams that are being read.
    fn lose(&mut self, why: &str) {
        self.lost.get_or_insert_with(|| why.to_owned());
    }

    /// Whether the supervisor is lost and that has not been dealt with.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Why the supervisor is lost, if it is: until [`restart`](Self::restart) there is none.
    pub(super) fn take_lost(&mut self) -> Option<String> {
        let why = self.lost.take()?;
        self.trouble = Some(format!("the supervisor was lost ({why})"));
        Some(why)
    }

    /// Whether the next supervisor may start at once. If the lost one lived only for a moment, there is a pause first.
    pub(super) fn may_restart_at_once(&mut self, now: Monotonic) -> bool {
        let is_early = now.since(self.started_at) < RESTART;
        if is_early {
            self.retry_at = Some(now + RESTART);
        }
        !is_early
    }

    /// Starts the next supervisor and kills the processes that the lost one has left. Returns why that was lost; `None` if the start
    /// failed.
    pub(super) fn restart(&mut self, sampler: &Sampler) -> Option<String> {
        self.retry_at = None;
        self.started_at = monotonic_now();
        self.has_told_of_guard = false;
        self.liveness.replaced();
        match Client::start(&self.program) {
            Ok(client) => {
                sampler.set_root(client.pid());
                let old = std::mem::replace(&mut self.client, client);
                old.kill_leftovers(&self.client);
                Some(self.trouble.take().unwrap_or_default())
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                self.retry_at = Some(self.started_at + RESTART);
                None
            }
        }
    }
}

impl AsFd for SupervisorLink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
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
            // While the shell starts, it may be in any state for a moment: the same twenty times in a row is no such moment.
            let mut in_a_row = 0;
            while in_a_row < 20 && std::time::Instant::now() < end {
                in_a_row = if is_runnable(pid) == expected { in_a_row + 1 } else { 0 };
                std::thread::sleep(Duration::from_millis(1));
            }
            child.kill().expect("ours");
            child.wait().expect("ours");
            assert_eq!(in_a_row, 20, "{script}");
        }
    }
}
