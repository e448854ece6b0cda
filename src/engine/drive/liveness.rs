//! Whether the supervisor lives: how long it may owe an answer, and when it is asked again. Pure; time is an argument.

use std::time::Duration;

use crate::model::Monotonic;

/// How often a supervisor is asked whether it is there.
const ASK: Duration = Duration::from_secs(1);
/// How long it may owe an answer. Its slowest work is a launch from a folder that hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may owe an answer before it gets SIGCONT: somebody may have stopped it. A busy supervisor does not notice.
const NUDGE: Duration = Duration::from_millis(250);
/// How many seconds more it has while it is runnable, on a machine that gives it no core.
const STARVING: u32 = 25;

/// The next step for a supervisor that owes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing: it owes none, or has time.
    Wait,
    /// Continue it: it may be stopped.
    Wake,
    /// It counts as lost.
    Lost,
}

/// The signs of life of one supervisor.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// Answers that it owes.
    owed: u32,
    /// When it last said something, or began to owe an answer.
    silent_since: Monotonic,
    /// How often it was continued in this silence.
    nudges: u32,
    /// When it was last asked whether it is there.
    asked_at: Monotonic,
}

impl Liveness {
    /// It was asked for an answer.
    pub(super) const fn requested(&mut self, now: Monotonic) {
        if self.owed == 0 {
            self.silent_since = now;
        }
        self.owed += 1;
    }

    /// It has said something.
    pub(super) fn received(&mut self, is_answer: bool, now: Monotonic) {
        self.silent_since = now;
        self.nudges = 0;
        self.owed = self.owed.saturating_sub(u32::from(is_answer));
    }

    /// Another supervisor has taken its place.
    pub(super) const fn replaced(&mut self) {
        self.owed = 0;
        self.nudges = 0;
    }

    /// When [`check`](Self::check) has something to do.
    pub(super) fn next_deadline(&self) -> Option<Monotonic> {
        (self.owed > 0).then(|| self.silent_since + self.nudges.checked_sub(1).map_or(NUDGE, |more| PATIENCE + ASK * more))
    }

    /// A supervisor that owes an answer and says nothing is first continued. Later it counts as lost, unless it only waits for a core.
    pub(super) fn check(&mut self, now: Monotonic, is_runnable: impl FnOnce() -> bool) -> Check {
        if self.next_deadline().is_none_or(|at| now < at) {
            return Check::Wait;
        }
        if self.nudges > STARVING || self.nudges > 0 && !is_runnable() {
            return Check::Lost;
        }
        self.nudges += 1;
        Check::Wake
    }

    /// Whether it is to be asked once more if it is there; not twice in the same silence. It is asked also while it owes another
    /// answer, since a launch may wait for somebody else.
    pub(super) fn is_time_to_ask(&mut self, now: Monotonic) -> bool {
        let has_spoken = self.owed == 0 || self.silent_since >= self.asked_at;
        let is_time = has_spoken && now >= self.asked_at + ASK;
        if is_time {
            self.asked_at = now;
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::from_secs(seconds)
    }

    #[test]
    fn a_silent_supervisor_is_woken_and_then_lost() {
        let mut liveness = Liveness::default();
        assert_eq!((liveness.next_deadline(), liveness.check(at(99.0), || false)), (None, Check::Wait), "it owes nothing");
        liveness.requested(at(100.0));
        liveness.requested(at(100.1));
        assert_eq!(liveness.check(at(100.2), || false), Check::Wait);
        assert_eq!(liveness.check(at(100.25), || false), Check::Wake);
        assert_eq!((liveness.next_deadline(), liveness.check(at(104.9), || false)), (Some(at(105.0)), Check::Wait));
        assert_eq!(liveness.check(at(105.0), || true), Check::Wake, "it waits for a core");
        assert_eq!(liveness.check(at(106.0), || false), Check::Lost);
        liveness.received(true, at(106.0));
        assert_eq!(liveness.next_deadline(), Some(at(106.25)), "one answer is still owed");
        liveness.replaced();
        assert_eq!(liveness.next_deadline(), None);
    }

    #[test]
    fn a_supervisor_that_waits_for_a_core_is_not_awaited_for_ever() {
        let mut liveness = Liveness::default();
        liveness.requested(at(0.0));
        let mut now = at(0.25);
        while liveness.check(now, || true) != Check::Lost {
            now = liveness.next_deadline().expect("an answer is owed");
        }
        assert_eq!(now, at(30.0));
    }

    #[test]
    fn it_is_asked_once_a_second_and_not_twice_in_one_silence() {
        let mut liveness = Liveness::default();
        assert!(liveness.is_time_to_ask(at(1.0)) && !liveness.is_time_to_ask(at(1.5)));
        liveness.requested(at(0.9));
        assert!(!liveness.is_time_to_ask(at(2.0)), "it has not spoken since");
        liveness.received(false, at(2.1));
        assert!(liveness.is_time_to_ask(at(2.1)));
    }
}
