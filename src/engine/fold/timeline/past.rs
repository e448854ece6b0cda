//! Forgets the past of lanes where nobody looks at it. What is still to be told, the sums of `task.cpu` above all, stays exact; who ended a
//! long wait, which only views show, may be wrong then. Pure; on the engine's thread.

use std::time::Duration;

use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::track::{LastSum, Track};
use crate::model::{Monotonic, States, Word, Words};

/// Events and samples are about the newest past: they come at most so late.
const KEPT: Duration = Duration::from_secs(2);

impl Lanes {
    /// Forgets what nobody needs any more at `now`.
    pub(crate) fn forget_past(&mut self, now: Monotonic) {
        let t = Monotonic::ZERO + now.since(Monotonic::ZERO + KEPT);
        for track in self.tracks.iter_mut().flatten() {
            track.forget_past(t);
        }
        self.cores.forget_past(t);
    }
}

impl Track {
    /// Forgets what was over at `t`; but the sums since they were told last are still to come, and a wait that lasted then keeps its words.
    fn forget_past(&mut self, t: Monotonic) {
        if self.last_sum == LastSum::Told && self.ended_at().is_some_and(|ended| ended <= t) {
            return self.keep_the_end();
        }
        let t = if self.is_switched() { t.min(self.sums.told_at()) } else { t };
        let of_words = self.states.at(t).map_or(t, |span| span.from);
        let has_forgotten =
            [self.states.forget_before(t), self.words.forget_before(of_words), self.reasons.forget_before(of_words)];
        if has_forgotten.contains(&true) {
            // The published lane has it still.
            self.touch();
        }
    }

    /// Of a lane about which nothing more is to be told, the last state and the end are enough: there may be 10,000 of them.
    fn keep_the_end(&mut self) {
        let last = self.states.len().saturating_sub(2);
        if last == 0 {
            return;
        }
        let mut states = States::default();
        for span in (last..self.states.len()).filter_map(|index| self.states.get(index)) {
            states.push(span.from, span.state, span.detail);
        }
        let mut words = Words::default();
        if let Some(Word { from, state, on, held_by, woken_by, .. }) = self.words.last() {
            words.push(from, state, &on, held_by.as_ref(), woken_by.as_ref());
        }
        (self.states, self.words, self.reasons) = (states, words, Words::default());
        self.touch();
    }
}
