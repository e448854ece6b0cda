//! Signals that the supervisor was asked to send, until it answers; and killed processes, until it is time to see whether SIGKILL has
//! ended them. Pure; time is an argument.

use crate::engine::run::lifecycle::NAME_AFTER;
use crate::engine::run::requests::ActionRequest;
use crate::model::{Monotonic, Pid, RunId, Signal};
use crate::supervisor::SignalRequestId;

/// Sent signals without a result yet.
#[derive(Debug, Default)]
pub(super) struct SentSignals {
    unanswered: Vec<(SignalRequestId, RunId, ActionRequest)>,
    /// The number of the newest request.
    newest: u64,
    /// Processes that were killed one by one, and when those that are still there are named.
    kills: Vec<(Monotonic, RunId, Pid)>,
}

impl SentSignals {
    /// These signals are asked for. Returns the number of the request, which the answer names.
    pub(super) fn add(
        &mut self,
        run: RunId,
        pid: Pid,
        signals: &[Signal],
        request: &ActionRequest,
        now: Monotonic,
    ) -> SignalRequestId {
        if signals.contains(&Signal::KILL) {
            self.kills.push((now + NAME_AFTER, run, pid));
        }
        self.newest += 1;
        let id = SignalRequestId(self.newest);
        self.unanswered.push((id, run, request.clone()));
        id
    }

    /// The supervisor has answered this request.
    pub(super) fn take(&mut self, id: SignalRequestId) -> Option<(RunId, ActionRequest)> {
        let position = self.unanswered.iter().position(|(known, ..)| *known == id)?;
        let (_, run, request) = self.unanswered.swap_remove(position);
        Some((run, request))
    }

    /// The actions whose answers will not come any more.
    pub(super) fn take_unanswered(&mut self) -> Vec<(RunId, ActionRequest)> {
        std::mem::take(&mut self.unanswered).into_iter().map(|(_, run, request)| (run, request)).collect()
    }

    /// Killed processes that are to be named now if they are still there.
    pub(super) fn take_overdue(&mut self, now: Monotonic) -> Vec<(RunId, Pid)> {
        self.kills.extract_if(.., |(at, ..)| *at <= now).map(|(_, run, pid)| (run, pid)).collect()
    }

    /// When [`take_overdue`](Self::take_overdue) has something.
    pub(super) fn next_deadline(&self) -> Option<Monotonic> {
        self.kills.iter().map(|kill| kill.0).min()
    }
}
