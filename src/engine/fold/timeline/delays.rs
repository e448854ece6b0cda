//! What schedstat knows and the switch records do not. They have no wake-ups, so a wait seems to last until its thread is on a core, and each
//! turn is recorded a few microseconds after it has begun. Schedstat has the time for which a thread was ready, and on a core, in all. What
//! the records do not tell of that belongs to the ends of the waits between two readings: of one wait exactly so, of several the ready time
//! by their lengths, and the time on a core in equal parts. Pure; on the engine's thread.

use std::collections::HashMap;

use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::sums::{Base, LEFT};
use crate::engine::fold::timeline::track::{Track, is_wait};
use crate::model::{LaneState, Monotonic, Scheduled, SchedulerRecord, Tid};

/// Less than this part of the waits is not worth a change of each of them; it counts with the next reading.
const WORTH_TELLING: u64 = 100;

/// The end of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Delay {
    /// The place of the record of the turn that ends it.
    pub(super) place: usize,
    /// Nanoseconds for which the thread was ready at its end, and then on its core.
    pub(super) ready: u64,
    pub(super) ran: u64,
}

/// A thread whose times were read, as the records lead it from one state to the next.
struct Walk {
    state: LaneState,
    since: Monotonic,
    /// How long it was on a core and ready so far, by its lane.
    ran: i64,
    ready: i64,
    base: Base,
    /// The waits since the last reading: the place of the record that ends each, and its length.
    waits: Vec<(usize, u64)>,
}

impl Lanes {
    /// The ends of waits, in the order of the records, by the readings among these.
    pub(super) fn delays(&mut self, records: &[SchedulerRecord]) -> Vec<Delay> {
        let mut walks: HashMap<Tid, Walk> = HashMap::new();
        for record in records.iter().filter(|record| matches!(record.what, Scheduled::Counted { .. })) {
            let track = self.thread(record.pid, record.tid).map(|(_, track)| track);
            walks.entry(record.tid).or_insert_with(|| Walk::new(track.filter(|track| track.is_switched())));
        }
        let mut delays = Vec::new();
        if walks.is_empty() {
            return delays;
        }
        for (place, record) in records.iter().enumerate() {
            if matches!(record.what, Scheduled::Lost { .. }) {
                for walk in walks.values_mut() {
                    (walk.state, walk.base) = (LaneState::Unknown, Base::default());
                }
            } else if let Some(walk) = walks.get_mut(&record.tid) {
                walk.go(place, record, &mut delays);
            }
        }
        for (tid, walk) in walks {
            if let Some(track) = self.by_tid.get(&tid).copied().and_then(|index| self.track_mut(index)) {
                track.counted = walk.base;
            }
        }
        delays.sort_unstable();
        delays
    }
}

impl Walk {
    fn new(track: Option<&Track>) -> Self {
        let last = track.and_then(|track| track.states.last());
        let (state, since) = last.map_or((LaneState::Unknown, Monotonic::ZERO), |last| (last.state, last.from));
        // The state that lasts is not counted: schedstat does not know its time before it ends either.
        let times = track.map(|track| track.states.up_to(since).1).unwrap_or_default();
        let [ran, ready] = [LaneState::OnCore, LaneState::Ready].map(|state| nanos(times.of(state)));
        Self { state, since, ran, ready, base: track.map(|track| track.counted).unwrap_or_default(), waits: Vec::new() }
    }

    fn go(&mut self, place: usize, record: &SchedulerRecord, delays: &mut Vec<Delay>) {
        let state = match record.what {
            Scheduled::In => LaneState::OnCore,
            Scheduled::Preempted => LaneState::Ready,
            Scheduled::Blocked => LaneState::Blocked,
            Scheduled::Began { .. } => {
                (self.ran, self.ready, self.base) = (0, 0, Base::NEW);
                LaneState::Ready
            }
            Scheduled::Ended => LaneState::Nothing,
            Scheduled::Counted { ran, ready } => return self.read(nanos(ran), nanos(ready), delays),
            Scheduled::Named { .. } | Scheduled::Mapped | Scheduled::Lost { .. } => return,
        };
        let time = record.t.nanos().saturating_sub(self.since.nanos());
        match self.state {
            LaneState::OnCore => self.ran += nanos(time),
            LaneState::Ready if state == LaneState::OnCore => self.ready += nanos(time),
            was if is_wait(was) && state == LaneState::OnCore => self.waits.push((place, time)),
            _ => {}
        }
        (self.state, self.since) = (state, record.t);
    }

    /// Shares what the records have not told among the waits.
    fn read(&mut self, ran: i64, ready: i64, delays: &mut Vec<Delay>) {
        let (waits, counted) = (std::mem::take(&mut self.waits), [ran, ready]);
        let whole: u64 = waits.iter().map(|(_, length)| length).sum();
        let untold = |counted: i64, told: i64, base: &mut Option<i64>| {
            let untold = counted.saturating_sub(told).saturating_sub(*base.get_or_insert(counted.saturating_sub(told)));
            let untold = u64::try_from(untold).unwrap_or(0);
            // More than the waits had room for: the clock of schedstat has gone on without ours, as it does while a virtual machine rests.
            let is_of_waits = untold <= whole + LEFT.unsigned_abs();
            if untold < whole / WORTH_TELLING || !is_of_waits { 0 } else { untold.min(whole) }
        };
        let ready = untold(ready, self.ready, &mut self.base.ready);
        // While it is on a core, not all of that is counted.
        let ran = if self.state == LaneState::OnCore { 0 } else { untold(ran, self.ran, &mut self.base.ran) };
        let each = ran / waits.len().max(1) as u64;
        for (place, length) in waits.into_iter().filter(|_| ran + ready > 0) {
            let ran = each.min(length);
            let ready = (u128::from(ready) * u128::from(length) / u128::from(whole.max(1))) as u64;
            let ready = ready.min(length - ran);
            self.ran += nanos(ran);
            self.ready += nanos(ready);
            if ran + ready > 0 {
                delays.push(Delay { place, ready, ran });
            }
        }
        self.base.leave(counted, [self.ran, self.ready]);
    }
}

fn nanos(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX / 4)
}
