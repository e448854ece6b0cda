//! How long threads were ready after their wake-ups. The switch records have no wake-ups, so a wait seems to last until its thread is on
//! a core; schedstat has the time for which it was ready in all. What the records do not tell of that is the end of the waits between
//! two readings: of one wait exactly so, of several by their lengths. Pure; on the engine's thread.

use std::collections::HashMap;

use crate::engine::fold::timeline::lanes::Lanes;
use crate::engine::fold::timeline::track::{Track, is_wait};
use crate::model::{LaneState, Monotonic, Scheduled, SchedulerRecord, Tid};

/// Less than this part of the waits is not worth a state in each of them; it counts with the next reading.
const WORTH_TELLING: u64 = 100;

/// The ends of waits in which the thread was ready: the place of the record of its `In`, and nanoseconds. In the order of the records.
pub(super) type Delays = Vec<(usize, u64)>;

/// A thread whose time was read, as the records lead it from one state to the next.
struct Walk {
    state: LaneState,
    since: Monotonic,
    /// How long it was ready so far, by its lane.
    ready: u64,
    /// What schedstat had counted before that, if it is known.
    base: Option<i64>,
    /// The waits since the last reading: the place of the record that ends each, and its length.
    waits: Delays,
}

impl Lanes {
    /// The time for which threads were ready before they went on after a wait, by the readings among these records.
    pub(super) fn delays(&mut self, records: &[SchedulerRecord]) -> Delays {
        let mut walks: HashMap<Tid, Walk> = HashMap::new();
        for record in records.iter().filter(|record| matches!(record.what, Scheduled::WasReady { .. })) {
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
                    (walk.state, walk.base) = (LaneState::Unknown, None);
                }
            } else if let Some(walk) = walks.get_mut(&record.tid) {
                walk.go(place, record, &mut delays);
            }
        }
        for (tid, walk) in walks {
            if let Some(track) = self.by_tid.get(&tid).copied().and_then(|index| self.track_mut(index)) {
                track.ready_base = walk.base;
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
        let ready = track.map_or(0, |track| track.states.up_to(since).1.of(LaneState::Ready));
        Self { state, since, ready, base: track.and_then(|track| track.ready_base), waits: Vec::new() }
    }

    fn go(&mut self, place: usize, record: &SchedulerRecord, delays: &mut Delays) {
        let state = match record.what {
            Scheduled::In => {
                let time = record.t.nanos().saturating_sub(self.since.nanos());
                match self.state {
                    LaneState::Ready => self.ready += time,
                    state if is_wait(state) => self.waits.push((place, time)),
                    _ => {}
                }
                LaneState::OnCore
            }
            Scheduled::Preempted => LaneState::Ready,
            Scheduled::Blocked => LaneState::Blocked,
            Scheduled::Began { .. } => {
                (self.ready, self.base) = (0, Some(0));
                LaneState::Ready
            }
            Scheduled::Ended => LaneState::Nothing,
            Scheduled::WasReady { in_all } => return self.read(i64::try_from(in_all).unwrap_or(i64::MAX), delays),
            Scheduled::Named { .. } | Scheduled::Mapped | Scheduled::Lost { .. } => return,
        };
        (self.state, self.since) = (state, record.t);
    }

    /// Shares what the records have not told among the waits.
    fn read(&mut self, in_all: i64, delays: &mut Delays) {
        let waits = std::mem::take(&mut self.waits);
        let told = i64::try_from(self.ready).unwrap_or(i64::MAX);
        let Some(base) = self.base else {
            self.base = Some(in_all.saturating_sub(told));
            return;
        };
        let untold = u64::try_from(in_all - base - told).unwrap_or(0);
        let whole: u64 = waits.iter().map(|(_, length)| length).sum();
        if untold == 0 || untold < whole / WORTH_TELLING {
            return;
        }
        let untold = untold.min(whole);
        for (place, length) in waits {
            let part = (u128::from(untold) * u128::from(length) / u128::from(whole.max(1))) as u64;
            self.ready += part;
            if part > 0 {
                delays.push((place, part));
            }
        }
    }
}
