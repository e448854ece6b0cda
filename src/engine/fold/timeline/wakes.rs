//! Who let threads go on that say nothing of it themselves: the owner of a lock, a thread or child by its end, the process at the other end
//! of a pipe.
//! Only what is known: a look at the wait has told all who could end it, and of those only one can have done it. Pure; on the engine's
//! thread.

use std::time::Duration;

use crate::engine::fold::timeline::homes::Home;
use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::pending::{Ender, Look};
use crate::engine::fold::timeline::reasons::{READS_FOR, WORTH_ASKING};
use crate::engine::fold::timeline::track::{End, Track, is_final, is_wait};
use crate::model::{ExitStatus, LaneEnd, LaneState, MarkKind, Monotonic, Pid, StateSpan};
use crate::monitor::{PipeUsers, WakerKind, Wakers};

/// The time of records once there will be no more.
const ALL: Monotonic = Monotonic::from_nanos(u64::MAX);
/// A thread that ends wakes others before its last record: it runs for a moment after that, as long as it takes to have a core for it.
const LAST_MOMENT: Duration = Duration::from_millis(1);
const MOMENT: u64 = LAST_MOMENT.as_nanos() as u64;
/// The last thread of a process gives all its memory back: it runs at most so long from the signal to its end.
const LAST_RUN: Duration = Duration::from_millis(20);

/// What is known of the end of a wait.
enum Verdict {
    /// It lasts, or not all is known yet.
    Open,
    Nobody,
    By(usize),
    Several,
}

impl Lanes {
    /// A look at a wait of this lane has ended at `t`. `holder` is the lane that had what it waits for.
    pub(super) fn looked(
        &mut self,
        lane: usize,
        since: Monotonic,
        (from, t): (Monotonic, Monotonic),
        wakers: Option<&Wakers>,
        holder: Option<usize>,
    ) {
        if let Some(last) = self.pending.looks.remove(&lane).filter(|last| last.since != since) {
            self.decide_last(lane, &last, t, wakers);
        }
        let by = wakers.and_then(|wakers| match &wakers.kind {
            WakerKind::Owner => holder.map(Ender::Owner),
            WakerKind::End => holder.map(Ender::End),
            WakerKind::OtherEnd(PipeUsers { pids, look, .. }) => {
                let homes: Option<Vec<usize>> = pids.iter().map(|pid| self.homes.newest(*pid)).collect();
                homes.map(|homes| Ender::OtherEnd(homes, *look))
            }
            WakerKind::Child(None) => Some(Ender::Child(None)),
            WakerKind::Child(Some(pid)) => self.homes.newest(*pid).map(|child| Ender::Child(Some(child))),
        });
        if let (Some(by), Some(wakers)) = (by, wakers) {
            let look = Look { since, from, by, or_child: wakers.or_child, is_undecided: false };
            self.pending.looks.insert(lane, look);
        }
    }

    /// The waits that were looked at, and that are over, know who ended them if that is known.
    pub(super) fn see_wakes(&mut self, until: Monotonic) {
        let looks = std::mem::take(&mut self.pending.looks);
        for (lane, mut look) in looks {
            let is_over = self.track(lane).is_none_or(Track::has_ended);
            match self.verdict(lane, &look, until) {
                Verdict::By(by) => self.let_go_on(lane, &look, by),
                Verdict::Nobody => {}
                Verdict::Several if is_over => {}
                verdict => {
                    look.is_undecided = matches!(verdict, Verdict::Several);
                    self.pending.looks.insert(lane, look);
                }
            }
        }
    }

    /// A later wait of the lane was looked at until `t`. Where several could end the one before, the same look may have told which of them has
    /// used the pipe since.
    fn decide_last(&mut self, lane: usize, last: &Look, t: Monotonic, wakers: Option<&Wakers>) {
        match self.verdict(lane, last, ALL) {
            Verdict::By(by) => self.let_go_on(lane, last, by),
            Verdict::Several => {
                if let Some(by) = self.only_writer(lane, last, t, wakers) {
                    self.let_go_on(lane, last, by);
                }
            }
            Verdict::Open | Verdict::Nobody => {}
        }
    }

    fn let_go_on(&mut self, lane: usize, look: &Look, by: usize) {
        let Some(name) = self.track(by).map(|by| by.name.clone()) else { return };
        if let Some(track) = self.track_mut(lane)
            && let Some(wait) = track.states.at(look.since).filter(|wait| wait.from == look.since)
            && let Some(word) = track.reason_at(look.since)
        {
            track.woken(&wait, &word, &name);
        }
        // Those who wait for the same lock have another owner now.
        let same = |track: &Track| track.held_by.as_ref().map(|held| (track.pid, held.on.clone()));
        if let (Ender::Owner(_), Some(lock)) = (&look.by, self.track(lane).and_then(same)) {
            let home = self.track(lane).and_then(|track| self.homes.get(track.home));
            for other in home.map(|home| home.lanes.clone()).unwrap_or_default() {
                let waits = |track: &&mut Track| same(track).as_ref() == Some(&lock);
                if let Some(track) = self.track_mut(other).filter(waits).filter(|_| other != lane) {
                    track.asked = None;
                }
            }
        }
    }

    /// What is known by the records up to `until`.
    fn verdict(&self, lane: usize, look: &Look, until: Monotonic) -> Verdict {
        if look.is_undecided && until < ALL {
            return Verdict::Several;
        }
        let Some(track) = self.track(lane) else { return Verdict::Nobody };
        let Some(wait) = track.states.at(look.since).filter(|wait| wait.from == look.since && is_wait(wait.state)) else {
            return Verdict::Nobody;
        };
        let Some(end) = track.goes_on_after(&wait) else { return Verdict::Open };
        // Stops and ends of processes are told a moment later.
        if end + READS_FOR > until {
            return Verdict::Open;
        }
        if self.may_be_a_signal(track, &wait, look, end) {
            return Verdict::Nobody;
        }
        match self.was_killed_since(track, &wait) {
            Some(false) => {}
            // That the other one has ended is enough.
            None if self.has_an_end(look, end) => {}
            None if until < ALL => return Verdict::Open,
            Some(true) | None => return Verdict::Nobody,
        }
        match &look.by {
            Ender::Owner(owner) => {
                let others = self.homes.get(track.home).into_iter().flat_map(|home| &home.lanes);
                let others = others.filter(|other| **other != lane && *other != owner);
                let has_changed = others.filter_map(|other| self.track(*other)).any(|other| other.may_have_run(look.from, end));
                let has_run = self.track(*owner).is_some_and(|owner| owner.has_run(look.from, end));
                if has_run && !has_changed { Verdict::By(*owner) } else { Verdict::Nobody }
            }
            Ender::End(of) => {
                let is_it = self.track(*of).is_some_and(|of| of.was_ending(look.from, end));
                if is_it { Verdict::By(*of) } else { Verdict::Nobody }
            }
            Ender::OtherEnd(homes, _) => match homes[..] {
                [home] if !self.has_new_child(home, look.since + WORTH_ASKING, end) => {
                    self.only_runner(lane, home, look.from, end).map_or(Verdict::Nobody, Verdict::By)
                }
                [] => Verdict::Nobody,
                _ => Verdict::Several,
            },
            Ender::Child(child) => self.first_end(track.home, *child, wait.from, end).map_or(Verdict::Nobody, Verdict::By),
        }
    }

    /// Whether something else can have ended a wait: a signal that was sent, that stopped its process, or that told it of a child; or its
    /// program says itself why it waits, or records are missing.
    fn may_be_a_signal(&self, track: &Track, wait: &StateSpan, look: &Look, end: Monotonic) -> bool {
        let Some(home) = self.homes.get(track.home) else { return true };
        if track.is_told(wait.from) || self.lost_at >= wait.from {
            return true;
        }
        let first = home.first.and_then(|first| self.track(first));
        let was_sent = |of: &Track| {
            let near = of.marks.iter().rev().take_while(|mark| mark.t + READS_FOR >= wait.from);
            near.into_iter().any(|mark| mark.kind == MarkKind::Signal && mark.t <= end)
        };
        if was_sent(track) || first.is_some_and(was_sent) {
            return true;
        }
        let mut later = (wait.index + 1..track.states.len()).map_while(|index| track.states.get(index));
        if later.next().is_none_or(|next| !is_run(&next)) {
            return true;
        }
        if later.find(|span| !is_run(span)).is_some_and(|next| matches!(next.state, LaneState::Stopped | LaneState::Unknown)) {
            return true;
        }
        let is_child = |child: &Home| child.parent == Some(track.home);
        let ended_then = |child: &Home| {
            let first = child.first.and_then(|first| self.track(first));
            first.and_then(|first| first.exited).is_some_and(|exited| exited >= wait.from && exited <= end + LAST_MOMENT)
        };
        look.or_child && self.homes.iter().any(|(_, child)| is_child(child) && ended_then(child))
    }

    /// Whether a signal has killed the process of a thread that came to no other wait since this one; `None` while that is not known.
    fn was_killed_since(&self, track: &Track, wait: &StateSpan) -> Option<bool> {
        let mut later = (wait.index + 1..track.states.len()).map_while(|index| track.states.get(index));
        let has_ended = later.find(|span| !is_run(span)).is_some_and(|next| is_end(&next));
        let Some(home) = self.homes.get(track.home).filter(|_| has_ended) else { return Some(false) };
        let first = home.first.and_then(|first| self.track(first));
        if first.is_some_and(|first| first.exited.is_none()) {
            return Some(false);
        }
        match home.exit.or(home.reaped)?.status {
            Some(ExitStatus::Signaled { .. }) => Some(true),
            Some(ExitStatus::Exited(_)) => Some(false),
            Some(ExitStatus::Unknown) | None => None,
        }
    }

    /// The lane of the child, or of any, that ended first between two times.
    fn first_end(&self, parent: usize, child: Option<usize>, from: Monotonic, to: Monotonic) -> Option<usize> {
        let is_it = |number: usize, home: &Home| home.parent == Some(parent) && child.is_none_or(|child| child == number);
        let ended = self.homes.iter().filter(|(number, home)| is_it(*number, home)).filter_map(|(_, home)| {
            let track = self.track(home.first?)?;
            let exited = track.exited.filter(|exited| *exited <= to)?;
            // It may have ended at any time since then.
            let is_hidden = track.is_hidden() && !matches!(track.end, End::Closed(t, _) if t < from);
            (is_hidden || exited >= from).then_some((!is_hidden, exited, home.first?))
        });
        ended.min().and_then(|(is_known, _, lane)| is_known.then_some(lane))
    }

    /// Whether a look at a wait has told who can end it, and it is open who has.
    pub(super) fn is_open(&self, lane: usize, since: Monotonic) -> bool {
        self.pending.looks.get(&lane).is_some_and(|look| look.since == since)
    }

    /// Whether the end of another one must have ended the wait: a pipe ends with the one process that has its other end.
    fn has_an_end(&self, look: &Look, end: Monotonic) -> bool {
        match &look.by {
            Ender::End(_) | Ender::Child(_) => true,
            Ender::Owner(_) => false,
            Ender::OtherEnd(homes, _) => {
                let [home] = homes[..] else { return false };
                let first = self.homes.get(home).and_then(|home| self.track(home.first?));
                first.is_some_and(|first| first.was_ending(look.from, end))
            }
        }
    }

    /// Whether a process has made another one that came to a core between two times: it may have the end of a pipe from it.
    fn has_new_child(&self, parent: usize, from: Monotonic, to: Monotonic) -> bool {
        let is_new = |home: &Home| {
            let first = home.first.and_then(|first| self.track(first));
            home.parent == Some(parent)
                && first
                    .is_none_or(|first| first.states.get(0).is_some_and(|span| span.from >= from) && first.may_have_run(from, to))
        };
        self.homes.iter().any(|(_, home)| is_new(home))
    }

    /// The lane of the only thread of this process, but for `lane`, that was on a core between two times.
    fn only_runner(&self, lane: usize, home: usize, from: Monotonic, to: Monotonic) -> Option<usize> {
        let lanes = self.homes.get(home)?.lanes.iter().copied().filter(|other| *other != lane);
        let mut ran = lanes.filter(|other| self.track(*other).is_some_and(|other| other.may_have_run(from, to)));
        let only = ran.next().filter(|only| self.track(*only).is_some_and(|only| only.has_run(from, to)))?;
        ran.next().is_none().then_some(only)
    }

    /// The only one of several that has written to the pipe since the look, by the next look, which ended at `t`. All that have ended since
    /// were waited on by those that were counted.
    fn only_writer(&self, lane: usize, look: &Look, t: Monotonic, wakers: Option<&Wakers>) -> Option<usize> {
        let WakerKind::OtherEnd(PipeUsers { pids, wrote: Some((since, writer)), .. }) = &wakers?.kind else { return None };
        let Ender::OtherEnd(before, number) = &look.by else { return None };
        let writer = self.homes.newest(*writer)?;
        let now: Vec<usize> = pids.iter().map(|pid| self.homes.newest(*pid)).collect::<Option<_>>()?;
        let is_counted = |home: usize| before.contains(&home) || now.contains(&home);
        let exited = |home: usize| self.homes.get(home).and_then(|home| self.track(home.first?)?.exited);
        let is_accounted = |(number, home): (usize, &Home)| {
            let has_ended = exited(number).is_some_and(|exited| exited >= look.from && exited <= t);
            let reaper = home.parent.filter(|parent| is_counted(*parent) && exited(*parent).is_none());
            !has_ended || reaper.is_some() || !self.descends(number, is_counted)
        };
        let is_known = *since == *number && is_counted(writer) && self.homes.iter().all(is_accounted);
        let track = self.track(lane)?;
        let end = track.goes_on_after(&track.states.at(look.since)?)?;
        self.only_runner(lane, writer, look.from, end).filter(|_| is_known)
    }

    /// Whether a process, or one that it comes from, is one of these.
    fn descends(&self, number: usize, is_one: impl Fn(usize) -> bool) -> bool {
        let mut next = Some(number);
        // A parent came before its children.
        while let Some(number) = next {
            if is_one(number) {
                return true;
            }
            next = self.homes.get(number).and_then(|home| home.parent).filter(|parent| *parent < number);
        }
        false
    }

    /// A signal has killed the process of this lane: whatever it waited for, that let it go on, if it came to no other wait.
    pub(super) fn was_killed(&mut self, lane: usize) {
        let Some(track) = self.track_mut(lane) else { return };
        let ends = (0..track.states.len()).rev().map_while(|index| track.states.get(index));
        let first = ends.take_while(is_end).last().map_or(track.states.len(), |span| span.index);
        track.was_not_woken(first);
    }

    /// A signal has killed the process of these lanes. The threads that ended only when all did nothing else were killed by it; those that
    /// ended before have ended by themselves.
    pub(super) fn end_killed(&mut self, lanes: &[usize], status: ExitStatus) {
        let ended = |index: usize| Some((self.track(index).filter(|track| track.is_switched())?.exited?, index));
        let mut ends: Vec<_> = lanes.iter().filter_map(|&index| ended(index)).collect();
        ends.sort_unstable_by(|one, other| other.cmp(one));
        let mut all_end_since = Monotonic::ZERO;
        for (exited, index) in ends {
            let Some(track) = self.track_mut(index).filter(|_| exited >= all_end_since) else { return };
            track.was_killed(status);
            all_end_since = track.ends_since().map_or(all_end_since, |since| since.max(all_end_since));
        }
    }

    /// The processes that have a lane that has not ended.
    pub(crate) fn living(&self) -> impl Iterator<Item = Pid> {
        self.tracks().filter(|(_, track)| track.tid.is_some() && !track.has_ended()).map(|(_, track)| track.pid)
    }
}

/// Whether the thread was on a core, or could have been.
const fn is_run(span: &StateSpan) -> bool {
    matches!(span.state, LaneState::OnCore | LaneState::Ready)
}

const fn is_end(span: &StateSpan) -> bool {
    matches!(span.state, LaneState::Zombie | LaneState::Nothing)
}

impl Track {
    /// Whether it was on a core between two times.
    fn has_run(&self, from: Monotonic, to: Monotonic) -> bool {
        self.is_switched() && self.states.times(from, to).of(LaneState::OnCore) > 0
    }

    /// Whether it was, or that is not known.
    fn may_have_run(&self, from: Monotonic, to: Monotonic) -> bool {
        if self.tid.is_none() {
            return false;
        }
        let times = self.states.times(from, to);
        times.of(LaneState::OnCore) + times.of(LaneState::Unknown) > 0 || !self.is_switched() && times.total() > 0
    }

    /// Its end came with that of its killed process, unless it has said before that its work is over.
    fn was_killed(&mut self, status: ExitStatus) {
        let has_finished = is_final(self.doing().state);
        if let End::Closed(_, end @ LaneEnd::Done) = &mut self.end
            && !has_finished
        {
            *end = LaneEnd::Exit(status);
            self.touch();
        }
    }

    /// Since when it may have done nothing but end; `None` where its last records are missing.
    fn ends_since(&self) -> Option<Monotonic> {
        let mut room = LAST_RUN.as_nanos() as u64;
        let mut since = self.exited?;
        let spans = (0..self.states.len()).rev().map_while(|index| self.states.get(index)).skip_while(is_end);
        for span in spans {
            let until = span.until?.nanos();
            let length = until - span.from.nanos();
            since = match span.state {
                LaneState::Unknown => return None,
                LaneState::Ready => span.from,
                LaneState::OnCore if length > room => return Some(Monotonic::from_nanos(until - room)),
                state if state != LaneState::OnCore && length > room.min(MOMENT) => {
                    return Some(Monotonic::from_nanos(until.saturating_sub(MOMENT)));
                }
                _ => {
                    room -= length;
                    span.from
                }
            };
        }
        Some(since)
    }

    /// Whether its end has come between the two times, or had begun then: it has not run for long since, nor waited.
    fn was_ending(&self, from: Monotonic, t: Monotonic) -> bool {
        let Some(exited) = self.exited.filter(|exited| *exited >= from && !self.is_hidden()) else { return false };
        let since = self.states.times(t, exited);
        let (ran, ready) = (since.of(LaneState::OnCore), since.of(LaneState::Ready));
        exited <= t || ran <= LAST_MOMENT.as_nanos() as u64 && ran + ready == since.total()
    }
}
