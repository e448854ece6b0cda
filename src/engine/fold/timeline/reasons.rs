//! Why threads wait: what samples and readers of /proc say of waits that no words explain, and who let them go on. Pure; on the engine's
//! thread.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::fold::timeline::lanes::{Lanes, Waiter};
use crate::engine::fold::timeline::pending::{Held, SeenWait};
use crate::engine::fold::timeline::track::{Track, is_wait, says_why};
use crate::model::{LaneSource, LaneState, Monotonic, Pid, StateSpan, States, TaskState, Tid, Word, Words};
use crate::monitor::Wakers;

/// A sample reads for a moment after its time.
pub(super) const READS_FOR: Duration = Duration::from_millis(30);
/// A shorter wait needs no reason.
pub(crate) const WORTH_ASKING: Duration = Duration::from_millis(15);
/// The words for a wait for a time to pass, and for the end of a child.
pub(super) const TIMER: &str = "a timer";
/// The states of a thread before a young wait that tell whether it may last.
const HABIT: usize = 16;
const CHILD: &str = "a child";

/// The reason of a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Explanation<'a> {
    /// When the look at it began: it is about a wait that lasted from then on until its end.
    pub(crate) from: Monotonic,
    /// The thing that it waits for.
    pub(crate) words: &'a str,
    /// Whether it waits for a time to pass.
    pub(crate) is_timer: bool,
    /// Whether its process is stopped.
    pub(crate) is_stopped: bool,
    /// The thread of its process that holds the thing.
    pub(crate) held_by: Option<Tid>,
    /// Those who alone can end the wait, where that is known.
    pub(crate) wakers: Option<&'a Wakers>,
}

impl Lanes {
    /// A sample taken at `t` has shown that a thread waits for something.
    pub(crate) fn thread_waits(&mut self, t: Monotonic, pid: Pid, tid: Tid, words: &str) {
        let Some((lane, track)) = self.thread(pid, tid) else { return };
        if !track.is_switched() {
            return self.seen_waiting(lane, t, words);
        }
        let wait = track.states.last().filter(|last| is_wait(last.state));
        let is_explained = wait.is_some_and(|wait| track.reason_at(wait.from).is_some());
        if !is_explained && !words.is_empty() {
            let words = self.share(words);
            self.pending.waits.push(SeenWait { lane, t, words });
        }
    }

    /// The waits that samples have seen and that have lasted until now get their reasons.
    pub(super) fn see_waits(&mut self, until: Monotonic) {
        if self.pending.waits.is_empty() {
            return;
        }
        let waits = std::mem::take(&mut self.pending.waits);
        let (due, later): (Vec<_>, Vec<_>) = waits.into_iter().partition(|wait| wait.t + READS_FOR <= until);
        self.pending.waits = later;
        for SeenWait { lane, t, words } in due {
            let Some(track) = self.track_mut(lane) else { continue };
            // A sample has no other words for a wait whose records came meanwhile, so one that is over counts as well.
            let lasted = |wait: &StateSpan| wait.from <= t && wait.until.is_none_or(|until| until >= t + READS_FOR);
            let Some(wait) = track.states.at(t).filter(|wait| is_wait(wait.state) && lasted(wait)) else { continue };
            let is_told = track.word_at(wait.from).is_some_and(|word| word.explains_a_wait());
            if !is_told && track.reason_at(wait.from).is_none() {
                track.explain(&wait, &words, &*words == TIMER, None);
            }
        }
    }

    /// A reader of /proc has found out why a thread waits; its look ended at `t`. That is the reason of the wait in which the look began and
    /// ended, also where that is over, and where the reader was asked about another one.
    pub(crate) fn explained(&mut self, t: Monotonic, pid: Pid, tid: Tid, reason: Explanation<'_>) {
        let Explanation { from, words, is_timer, is_stopped, held_by, wakers } = reason;
        if is_stopped {
            return self.seen_stopped((from, t), pid, tid);
        }
        if words.is_empty() {
            return;
        }
        let on = self.share(words);
        let holder = held_by.and_then(|holder| self.thread(pid, holder));
        let (holder, held_by) = holder.map(|(lane, track)| (lane, Arc::clone(&track.name))).unzip();
        let Some((lane, track)) = self.thread(pid, tid) else { return };
        let is_it = |wait: &StateSpan| is_wait(wait.state) && track.goes_on_after(wait).is_none_or(|goes_on| goes_on >= t);
        let wait = track.states.at(from).filter(|wait| track.is_switched() && is_it(wait));
        let Some(since) = wait.map(|wait| wait.from).or(track.seen.as_ref().map(|seen| seen.since)) else { return };
        let known = track.held_by.as_ref().filter(|known| known.since == since && holder.is_none());
        if known.and_then(|known| self.track(known.lane)).is_some_and(Track::has_ended) {
            // A thread that has ended owns nothing any more, but the lock is still locked.
            return;
        }
        let Some(track) = self.track_mut(lane) else { return };
        if !track.is_switched() {
            return track.explain_seen((from, t), &on, is_timer, holder.zip(held_by));
        }
        let Some(wait) = wait else { return };
        let is_known = track.reason_at(since).is_some_and(|known| known.on == on && known.held_by == held_by);
        if !is_known {
            track.explain(&wait, &on, is_timer, held_by.as_ref());
        }
        if track.lasts(since) {
            track.asked = Some(since);
            track.held_by = holder.map(|lane| Held { lane, on, since, read: t });
        }
        self.looked(lane, since, (from, t), wakers, holder);
    }

    /// A thread was stopped from one time to another.
    fn seen_stopped(&mut self, (from, to): (Monotonic, Monotonic), pid: Pid, tid: Tid) {
        let lane = self.thread(pid, tid).map(|(lane, _)| lane);
        let Some(track) = lane.and_then(|lane| self.track_mut(lane)).filter(|track| track.is_switched()) else { return };
        if let Some(span) = track.states.at(from).filter(|span| span.until.is_none_or(|until| until >= to)) {
            track.was_stop(&span);
        }
    }

    /// At most `most` threads that have waited for a while, or wait now and may do so for a while, and whose programs do not say why: each
    /// with the start of its wait, the oldest wait first, and each wait once.
    pub(crate) fn unexplained(&mut self, now: Monotonic, most: usize) -> Vec<(Pid, Tid, Monotonic)> {
        let until = self.until.min(now);
        let mut waits = Vec::new();
        let lanes: Vec<usize> = self.by_tid.values().copied().collect();
        for index in lanes {
            if waits.len() >= most {
                break;
            }
            let Some(track) = self.track_mut(index).filter(|track| !track.has_ended()) else { continue };
            let since = if track.is_switched() {
                let wait = track.states.last().filter(|wait| wait.state == LaneState::Blocked);
                let wait = wait.filter(|wait| until.since(wait.from) >= WORTH_ASKING || track.may_last(wait));
                wait.map(|wait| wait.from).filter(|since| !track.is_told(*since))
            } else {
                track.seen_for(WORTH_ASKING, now)
            };
            // That a sample has told a reason is not enough: it knows no owners.
            if let (Some(since), Some(tid)) = (since, track.tid)
                && track.asked.replace(since) != Some(since)
            {
                waits.push((track.pid, tid, since));
            }
        }
        waits.sort_unstable_by_key(|(pid, tid, since)| (*since, *pid, *tid));
        waits
    }

    /// The tasks and threads that wait for something that another one holds, by the names of their lanes.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&str, Waiter<'_>)> {
        self.tracks().filter(|(_, track)| !track.has_ended()).filter_map(|(_, track)| {
            let doing = track.doing();
            if let Some(held) = &track.held_by
                && track.lasts(held.since)
                && !track.is_told(held.since)
            {
                let Held { lane, on, since, read } = held;
                let seen = track.seen.as_ref().filter(|_| !track.is_switched());
                let until = seen.map_or(self.until, |seen| seen.until);
                let held_by = &self.track(*lane)?.name;
                return Some((&*track.name, Waiter { on, held_by, since: *since, read: Some(*read), until: Some(until) }));
            }
            let says_so = track.task.is_some() && doing.state == TaskState::Waiting;
            let held_by = doing.held_by.as_deref().filter(|_| says_so)?;
            Some((&*track.name, Waiter { on: &doing.note, held_by, since: track.since(), read: None, until: None }))
        })
    }

    /// When a task ended, if it has.
    pub(crate) fn ended_at(&self, task: &str) -> Option<Monotonic> {
        self.track(self.find(task)?)?.ended_at()
    }

    /// The lane of a parent that had waited for a child when the child ended, and when it went on: the wait knows from then on who ended it.
    /// Else the one that went on first after another wait, between these two times; else its first thread.
    pub(super) fn waiter(
        &mut self,
        parent: Pid,
        ended: Monotonic,
        (from, to): (Monotonic, Monotonic),
        child: &Arc<str>,
    ) -> Option<(usize, Option<Monotonic>)> {
        let home = self.homes.get(self.homes.newest(parent)?)?;
        let (first, lanes) = (home.first, home.lanes.clone());
        for index in lanes.iter().copied() {
            let Some(track) = self.track(index).filter(|track| track.is_switched()) else { continue };
            let Some(wait) = track.wait_at_or_before(ended) else { continue };
            let goes_on = track.goes_on_after(&wait);
            let Some(word) = track.reason_at(wait.from).or_else(|| track.word_at(wait.from)) else { continue };
            let is_for_child = &*word.on == CHILD || word.on.starts_with("wait") || word.held_by.as_ref() == Some(child);
            if is_for_child && goes_on.is_some_and(|goes_on| goes_on <= to) {
                // The kernel tells better for which child a wait is.
                let is_known = track.reason_at(wait.from).is_some_and(|reason| reason.woken_by.is_some());
                if !is_known
                    && !self.is_open(index, wait.from)
                    && let Some(track) = self.track_mut(index)
                {
                    track.woken(&wait, &word, child);
                }
                return Some((index, goes_on));
            }
        }
        let went_on = |index: usize| Some((self.track(index)?.first_turn(from, to)?, index));
        let turn = lanes.into_iter().filter_map(went_on).min();
        turn.map(|(t, index)| (index, Some(t))).or_else(|| first.map(|first| (first, None)))
    }

    /// The lane of a thread.
    pub(super) fn thread(&self, pid: Pid, tid: Tid) -> Option<(usize, &Track)> {
        let index = *self.by_tid.get(&tid)?;
        Some((index, self.track(index).filter(|track| track.pid == pid)?))
    }
}

impl Track {
    /// When it came to a core first between these two times, after a wait.
    fn first_turn(&self, from: Monotonic, to: Monotonic) -> Option<Monotonic> {
        let start = self.is_switched().then(|| self.states.at(from)).flatten()?.index;
        let mut spans = (start..self.states.len()).map_while(|index| self.states.get(index).filter(|span| span.from <= to));
        let mut has_waited = false;
        spans.find_map(|span| match span.state {
            LaneState::OnCore => std::mem::take(&mut has_waited).then_some(span.from),
            // It was woken and has no core yet.
            LaneState::Ready => None,
            state => {
                has_waited = is_wait(state);
                None
            }
        })
    }

    /// Whether a wait that has just begun may be a long one: one of those before it was, or there was none.
    fn may_last(&self, wait: &StateSpan) -> bool {
        let before = (wait.index.saturating_sub(HABIT)..wait.index).filter_map(|index| self.states.get(index));
        let mut waits = before.filter(|span| is_wait(span.state)).peekable();
        waits.peek().is_none() || waits.any(|wait| wait.until.is_some_and(|until| until.since(wait.from) >= WORTH_ASKING))
    }

    /// A task that speaks at `t` has this lane: where a process was reported later than it began, and than it spoke, no sample has told
    /// anything of the time before that. Only without switch records.
    pub(super) fn was_there(&mut self, t: Monotonic) {
        if self.task.is_none() && !self.is_switched() && self.words.get(0).is_some_and(|first| t < first.from) {
            self.words = Words::default();
            if self.source == LaneSource::Words {
                self.states = States::default();
            }
        }
    }

    /// The reason of the wait that began then.
    pub(super) fn reason_at(&self, since: Monotonic) -> Option<Word> {
        self.reasons.at(since).filter(|reason| reason.from == since)
    }

    /// The state of a wait that is explained anew.
    fn set_wait(&mut self, wait: &StateSpan) {
        let (was, now) = (wait.state, self.wait_state(wait.from));
        if was != now {
            self.states.correct(wait.index, was, now);
        }
    }

    /// Its program's words at that time.
    fn word_at(&self, t: Monotonic) -> Option<Word> {
        self.words.at(t)
    }

    pub(super) fn explain(&mut self, wait: &StateSpan, words: &Arc<str>, is_timer: bool, held_by: Option<&Arc<str>>) {
        let state = if is_timer { TaskState::Sleeping } else { TaskState::Waiting };
        let woken_by = self.reason_at(wait.from).and_then(|known| known.woken_by);
        if self.reasons.put(wait.from, state, words, held_by, woken_by.as_ref()) {
            self.set_wait(wait);
            self.touch();
        }
    }

    /// Whether its program says why it waits since then.
    pub(super) fn is_told(&self, since: Monotonic) -> bool {
        if self.is_switched() {
            return self.word_at(since).is_some_and(|word| says_why(word.state));
        }
        self.task.is_some() && says_why(self.doing().state)
    }

    /// Another lane let it go on: a child by its end, or one that had what it waited for.
    pub(super) fn woken(&mut self, wait: &StateSpan, word: &Word, by: &Arc<str>) {
        if self.reasons.put(wait.from, word.state, &word.on, word.held_by.as_ref(), Some(by)) {
            self.set_wait(wait);
            self.touch();
        }
    }

    /// What seemed to be a wait was a stop: its thread was woken for that, and then left its core.
    pub(super) fn was_stop(&mut self, span: &StateSpan) {
        if is_wait(span.state) && self.states.correct(span.index, span.state, LaneState::Stopped) {
            self.was_not_woken(span.index);
            self.touch();
        }
    }

    /// A signal, not another lane, has ended the wait before the state with this number, if the thread only ran between the two.
    pub(super) fn was_not_woken(&mut self, state: usize) {
        let Some(wait) = self.wait_before(state) else { return };
        if let Some(word) = self.reason_at(wait.from).filter(|word| word.woken_by.is_some())
            && self.reasons.put(wait.from, word.state, &word.on, word.held_by.as_ref(), None)
        {
            self.touch();
        }
    }

    /// The wait that lasts at a time, or after which it had no core yet.
    fn wait_at_or_before(&self, t: Monotonic) -> Option<StateSpan> {
        let span = self.states.at(t)?;
        let wait = if span.state == LaneState::Ready { self.states.get(span.index.checked_sub(1)?)? } else { span };
        Some(wait).filter(|wait| is_wait(wait.state))
    }

    /// When it was on a core again after a wait. It was woken before that, but how long before may be an estimate.
    pub(super) fn goes_on_after(&self, wait: &StateSpan) -> Option<Monotonic> {
        let next = self.states.get(wait.index + 1)?;
        if next.state == LaneState::Ready { next.until } else { Some(next.from) }
    }

    /// The wait before the state with this number, if the thread was only on a core or ready between the two.
    fn wait_before(&self, state: usize) -> Option<StateSpan> {
        let before = (0..state).rev().map_while(|index| self.states.get(index));
        before
            .into_iter()
            .find(|span| !matches!(span.state, LaneState::OnCore | LaneState::Ready))
            .filter(|span| is_wait(span.state))
    }
}
