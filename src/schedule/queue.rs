//! Entering, cancelling and taking events that are due. Pure: no clock, no thread, no waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Monotonic;

/// The identity of an event: its time, its priority and its place in the order of entry, which no two events share. Sorts as events
/// run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    time: Monotonic,
    priority: i32,
    entry: u64,
}

impl EventId {
    /// When it is due.
    pub const fn time(self) -> Monotonic {
        self.time
    }

    /// Its priority: of events with the same time, the one with the lower number runs first.
    pub const fn priority(self) -> i32 {
        self.priority
    }
}

/// Events in the order in which they run: by time, then by priority number, then by order of entry.
#[derive(Debug, Clone)]
pub struct Schedule<A> {
    queue: BTreeMap<EventId, A>,
    entered: u64,
}

impl<A> Default for Schedule<A> {
    fn default() -> Self {
        Self { queue: BTreeMap::new(), entered: 0 }
    }
}

impl<A> Schedule<A> {
    /// Enters an event that is due `delay` after `now`.
    pub fn enter(&mut self, now: Monotonic, delay: Duration, priority: i32, action: A) -> EventId {
        self.enterabs(now + delay, priority, action)
    }

    /// Enters an event that is due at `time`, which may have passed already.
    pub fn enterabs(&mut self, time: Monotonic, priority: i32, action: A) -> EventId {
        let id = EventId { time, priority, entry: self.entered };
        self.entered += 1;
        self.queue.insert(id, action);
        id
    }

    /// Removes exactly this event, and gives its action back; `None` if it has run or was cancelled before.
    pub fn cancel(&mut self, id: EventId) -> Option<A> {
        self.queue.remove(&id)
    }

    /// When the first event is due.
    pub fn next_due(&self) -> Option<Monotonic> {
        self.queue.first_key_value().map(|(id, _)| id.time)
    }

    /// Takes the first event if it is due at `now`. Call it until it gives `None`: an event that is entered in between falls into its
    /// place, and no event is taken twice, whichever way the clock jumps.
    pub fn pop_due(&mut self, now: Monotonic) -> Option<(EventId, A)> {
        let first = self.queue.first_entry()?;
        (first.key().time <= now).then(|| first.remove_entry())
    }

    /// The queue, in the order in which it will run.
    pub fn queue(&self) -> impl ExactSizeIterator<Item = (EventId, &A)> {
        self.queue.iter().map(|(id, action)| (*id, action))
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(nanos: u64) -> Monotonic {
        Monotonic::from_nanos(nanos)
    }

    fn run_due<A>(schedule: &mut Schedule<A>, now: Monotonic) -> Vec<A> {
        std::iter::from_fn(|| schedule.pop_due(now)).map(|(_, action)| action).collect()
    }

    /// Covers: promise 12, fact 62.
    #[test]
    fn events_entered_backwards_run_forwards() {
        let mut schedule = Schedule::default();
        for tenths in [5, 4, 3, 2, 1] {
            schedule.enter(at(7), Duration::from_millis(tenths * 100), 1, tenths);
        }
        assert_eq!(run_due(&mut schedule, at(u64::MAX)), [1, 2, 3, 4, 5]);
    }

    /// Covers: promise 12, fact 63.
    #[test]
    fn at_the_same_time_the_lower_number_runs_first_and_ties_keep_their_order() {
        let mut schedule = Schedule::default();
        for (priority, name) in [(3, "c"), (1, "a"), (2, "b"), (1, "a-too"), (-1, "first")] {
            schedule.enterabs(at(10), priority, name);
        }
        assert_eq!(run_due(&mut schedule, at(10)), ["first", "a", "a-too", "b", "c"]);
    }

    /// Covers: promise 12, F60, fact 64.
    #[test]
    fn cancel_removes_that_one_among_identical_events() {
        let mut schedule = Schedule::default();
        let ids: Vec<_> = (0..5).map(|number| schedule.enterabs(at(1), 1, number)).collect();
        assert_eq!(schedule.cancel(ids[0]), Some(0));
        assert_eq!(schedule.cancel(ids[4]), Some(4));
        assert_eq!(schedule.cancel(ids[2]), Some(2));
        assert_eq!(schedule.cancel(ids[2]), None, "a second time there is nothing to remove");
        assert_eq!(run_due(&mut schedule, at(1)), [1, 3]);
        assert_eq!(schedule.cancel(ids[1]), None, "it has run");
    }

    /// Covers: promise 12, facts 65, 66.
    #[test]
    fn only_what_is_due_runs_and_what_is_entered_meanwhile_falls_into_place() {
        let mut schedule = Schedule::default();
        for nanos in [1, 2, 3, 8, 9] {
            schedule.enterabs(at(nanos), 1, nanos);
        }
        assert_eq!(run_due(&mut schedule, at(3)), [1, 2, 3]);
        assert_eq!(schedule.next_due(), Some(at(8)));
        let mut ran = Vec::new();
        while let Some((id, _)) = schedule.pop_due(at(20)) {
            ran.push(id.time().nanos());
            if id.time() == at(8) {
                schedule.enterabs(at(5), 1, 5);
            }
        }
        assert_eq!(ran, [8, 5, 9], "an event in the past runs next");
        assert!(schedule.is_empty() && schedule.next_due().is_none());
    }

    /// Covers: fact 66.
    #[test]
    fn the_queue_is_listed_as_it_will_run() {
        let mut schedule = Schedule::default();
        assert!(schedule.is_empty());
        for (nanos, priority) in [(5, 1), (1, 2), (1, 1), (9, 0)] {
            schedule.enterabs(at(nanos), priority, (nanos, priority));
        }
        assert_eq!(schedule.queue().map(|(_, action)| *action).collect::<Vec<_>>(), [(1, 1), (1, 2), (5, 1), (9, 0)]);
        assert_eq!((schedule.len(), schedule.is_empty()), (4, false));
    }

    #[test]
    fn a_delay_that_ends_after_the_clock_s_last_moment_waits_for_that_moment() {
        let mut schedule = Schedule::default();
        schedule.enter(at(u64::MAX - 1), Duration::MAX, 1, "last");
        assert_eq!(schedule.next_due(), Some(at(u64::MAX)));
    }

    fn seed() -> u64 {
        std::env::var("TASKLAB_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| u64::from(std::process::id()))
    }

    /// Numbers that look random and are the same for the same seed (splitmix64).
    fn numbers(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }
    }

    /// Ten thousand events on a clock that jumps by up to ten years either way: none missed, none twice, none early.
    ///
    /// Covers: promise 12, F58.
    #[test]
    fn ten_thousand_events_survive_a_jumping_clock() {
        const TEN_YEARS: i128 = 315_576_000_000_000_000;
        let seed = seed();
        println!("TASKLAB_SEED={seed}");
        let mut random = numbers(seed);
        let mut schedule = Schedule::default();
        let start = 2 * TEN_YEARS;
        let ids: Vec<_> = (0..10_000_u32)
            .map(|number| {
                let time = at((start + i128::from(random() % 1_000) * 1_000_000_000) as u64);
                schedule.enterabs(time, (random() % 3) as i32, number)
            })
            .collect();
        let mut cancelled: Vec<u32> = (0..10_000).filter(|_| random().is_multiple_of(7)).collect();
        for number in &cancelled {
            assert_eq!(schedule.cancel(ids[*number as usize]), Some(*number));
        }
        let mut ran = Vec::new();
        let mut elapsed = 0_i128;
        while !schedule.is_empty() {
            elapsed += 1_000_000_000;
            let jump = [-TEN_YEARS, 0, 0, 0, 0, 0, 0, 0, 0, 0][(random() % 10) as usize];
            let now = at((start + elapsed + jump).max(0) as u64);
            while let Some((id, number)) = schedule.pop_due(now) {
                assert!(id.time() <= now, "event {number} ran before its time");
                ran.push(number);
            }
        }
        let mut expected: Vec<u32> = (0..10_000).filter(|number| cancelled.binary_search(number).is_err()).collect();
        expected.sort_by_key(|number| ids[*number as usize]);
        assert_eq!(ran, expected, "seed {seed}");
        ran.append(&mut cancelled);
        ran.sort_unstable();
        assert!(ran.iter().copied().eq(0..10_000), "seed {seed}: each exactly once");

        for number in 0..100_u32 {
            schedule.enterabs(at((start + i128::from(number)) as u64), 1, number);
        }
        let forward = run_due(&mut schedule, at((start + TEN_YEARS) as u64));
        assert!(forward.into_iter().eq(0..100), "a jump forward runs everything once, in order");
    }

    proptest! {
        #[test]
        fn whatever_is_entered_runs_sorted_and_once(
            events in prop::collection::vec((0_u64..50, -3_i32..3, any::<bool>()), 0..200),
            clock in prop::collection::vec(0_u64..60, 0..40),
        ) {
            let mut schedule = Schedule::default();
            let ids: Vec<_> =
                events.iter().enumerate().map(|(n, (time, priority, _))| schedule.enterabs(at(*time), *priority, n)).collect();
            for (id, (_, _, cancel)) in ids.iter().zip(&events) {
                if *cancel {
                    prop_assert!(schedule.cancel(*id).is_some());
                }
            }
            let mut ran = Vec::new();
            for now in clock.into_iter().chain([60]) {
                let batch = run_due(&mut schedule, at(now));
                prop_assert!(batch.is_sorted_by_key(|n| ids[*n]), "one batch runs in order");
                prop_assert!(batch.iter().all(|n| events[*n].0 <= now), "nothing runs early");
                prop_assert!(schedule.next_due().is_none_or(|due| due > at(now)), "nothing that is due stays");
                ran.extend(batch);
            }
            ran.sort_unstable();
            let kept: Vec<_> = (0..events.len()).filter(|n| !events[*n].2).collect();
            prop_assert_eq!(ran, kept);
        }
    }
}
