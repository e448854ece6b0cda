//! Waits of threads without switch records, as samples show them: a thread that waits for the same thing in two samples, and has not run
//! between them, has waited all the time. Pure; on the engine's thread.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::reasons::TIMER;
use crate::engine::fold::timeline::track::{Doing, Held, Seen, Track, says_why};
use crate::model::{LaneSource, Monotonic, TaskState};

impl Lanes {
    /// A sample taken at `t` has shown that a thread waits for something, or (no words) that it runs.
    pub(super) fn seen_waiting(&mut self, lane: usize, t: Monotonic, words: &str) {
        let words = self.share(words);
        let Some(track) = self.track_mut(lane).filter(|track| !track.has_ended()) else { return };
        match &mut track.seen {
            Some(seen) if seen.words == words => seen.until = seen.until.max(t),
            seen => {
                let new = Seen { since: t, until: t, words: Arc::clone(&words), is_explained: false };
                *seen = Some(new).filter(|new| !new.words.is_empty());
            }
        }
        let is_explained = track.seen.as_ref().is_some_and(|seen| seen.is_explained);
        if track.source != LaneSource::Shares || track.task.is_some() || is_explained {
            return;
        }
        let state = match &*words {
            "" => TaskState::Running,
            TIMER => TaskState::Sleeping,
            _ => TaskState::Waiting,
        };
        track.relabel(t, Doing { state, note: words, held_by: None });
    }
}

impl Track {
    /// The start of a wait that has lasted so long at `now`, and that its program's words do not explain. Where not even the shares are known,
    /// it may have run meanwhile.
    pub(super) fn seen_for(&self, least: Duration, now: Monotonic) -> Option<Monotonic> {
        let is_told = self.task.is_some() && says_why(self.doing().state);
        let is_wanted = !is_told && self.source == LaneSource::Shares;
        let seen = self.seen.as_ref().filter(|seen| is_wanted && now.since(seen.since) >= least)?;
        Some(seen.since)
    }

    /// A reader of /proc has found out why it waits, by a look from `from` to `t`.
    pub(super) fn explain_seen(&mut self, t: Monotonic, doing: Doing, holder: Option<usize>, from: Monotonic) {
        let has_ended = self.has_ended();
        let Some(seen) = self.seen.as_mut().filter(|seen| seen.since <= from && !has_ended) else { return };
        let since = seen.since;
        seen.is_explained = true;
        let on = Arc::clone(&doing.note);
        self.held_by = holder.map(|lane| Held { lane, on, since, read: t });
        if self.source == LaneSource::Shares && self.task.is_none() {
            self.relabel(t, doing);
        }
    }

    fn relabel(&mut self, t: Monotonic, doing: Doing) {
        if *self.doing() != doing {
            self.change(t, doing, None);
        }
    }
}
