//! The states of a lane in time, without gaps or overlap. The time in each state of any interval is exact, in O(log n). Pure.

use super::super::{Monotonic, TaskState};
use super::chunks::{CHUNK, Chunks, Columns, with_room};

/// The state of a lane. Of a thread it is the kernel's; of a coroutine, future or scheduled event its program's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LaneState {
    /// On a core.
    OnCore,
    /// Runs, by its program's word: it has no thread of its own.
    Running,
    /// Wants a core and has none. Where it was preempted or made, the switch records tell it; after a wake-up, of which there is no record,
    /// schedstat does: exactly where one wait ended between two readings of it, and else shared among the waits by their length.
    Ready,
    /// Waits for something.
    Blocked,
    /// Waits for a time to pass.
    Sleeping,
    /// Stopped by a signal.
    Stopped,
    /// Has ended, and its parent has not waited on it.
    Zombie,
    /// Made, not started.
    Created,
    /// Not known: records are missing, or the kernel tells no more of it.
    Unknown,
    /// Several states in turn, of which only the shares are known: see [`States::times`].
    Mixed,
    /// Nothing: it has ended, or a core has nothing of this run.
    Nothing,
}

impl LaneState {
    /// Those that take time, in the order in which shares are drawn from the bottom up.
    pub const TIMED: [Self; 9] = [
        Self::OnCore,
        Self::Running,
        Self::Ready,
        Self::Blocked,
        Self::Sleeping,
        Self::Stopped,
        Self::Zombie,
        Self::Created,
        Self::Unknown,
    ];

    /// The state of a lane whose program's word is all that is known.
    pub const fn by_word(state: TaskState) -> Self {
        match state {
            TaskState::Created | TaskState::Starting => Self::Created,
            TaskState::Ready => Self::Ready,
            TaskState::Running => Self::Running,
            TaskState::Waiting => Self::Blocked,
            TaskState::Sleeping => Self::Sleeping,
            TaskState::Stopped => Self::Stopped,
            TaskState::Zombie => Self::Zombie,
            TaskState::Done | TaskState::Failed => Self::Nothing,
        }
    }

    /// Its word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OnCore => "on a core",
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Sleeping => "sleeping",
            Self::Stopped => "stopped",
            Self::Zombie => "zombie",
            Self::Created => "created",
            Self::Unknown => "unknown",
            Self::Mixed => "on and off a core",
            Self::Nothing => "ended",
        }
    }
}

/// The time spent in each state, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times([u64; LaneState::TIMED.len()]);

impl Times {
    /// The time in one state; 0 for [`LaneState::Mixed`] and [`LaneState::Nothing`].
    pub fn of(&self, state: LaneState) -> u64 {
        self.0.get(state as usize).copied().unwrap_or_default()
    }

    /// The time in all states.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The state with the most time.
    pub fn largest(&self) -> Option<LaneState> {
        LaneState::TIMED.into_iter().rev().max_by_key(|state| self.of(*state)).filter(|state| self.of(*state) > 0)
    }

    /// Adds a time in a state.
    pub fn add(&mut self, state: LaneState, nanos: u64) {
        if let Some(sum) = self.0.get_mut(state as usize) {
            *sum += nanos;
        }
    }

    /// The time in each state since an earlier sum of the same states.
    #[must_use]
    pub fn minus(&self, earlier: &Self) -> Self {
        let mut times = *self;
        times.0.iter_mut().zip(earlier.0).for_each(|(sum, before)| *sum = sum.saturating_sub(before));
        times
    }
}

/// A time in which a lane's state was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateSpan {
    /// Its number in the lane.
    pub index: usize,
    /// From.
    pub from: Monotonic,
    /// Until; `None` while it lasts.
    pub until: Option<Monotonic>,
    /// The state.
    pub state: LaneState,
    /// On a lane of a thread the core, while it is on one; on a lane of a core the number of the lane that runs there.
    pub detail: u32,
}

/// The states of one lane, oldest first: each lasts until the next one begins, the last one still. A clone shares the memory.
#[derive(Debug, Clone, Default)]
pub struct States {
    chunks: Chunks<StateColumns>,
}

/// Every so many entries the sums up to there are kept.
const STEP: usize = 8;

#[derive(Debug, Default)]
struct StateColumns {
    from: Vec<u64>,
    state: Vec<LaneState>,
    detail: Vec<u32>,
    /// Of mixed entries, ascending by their place.
    mixed: Vec<Mixed>,
    /// The times from the beginning of the lane to the start of every `STEP`th entry.
    sums: Vec<Times>,
}

/// What is known of a mixed entry: in its first `whole` nanoseconds it was on a core and ready for so long.
#[derive(Debug, Clone, Copy)]
struct Mixed {
    place: u16,
    ran: u64,
    ready: u64,
    whole: u64,
}

impl Clone for StateColumns {
    fn clone(&self) -> Self {
        Self {
            from: with_room(&self.from),
            state: with_room(&self.state),
            detail: with_room(&self.detail),
            mixed: self.mixed.clone(),
            sums: with_room(&self.sums),
        }
    }
}

impl Columns for StateColumns {
    fn starts(&self) -> &[u64] {
        &self.from
    }

    fn take_first(&mut self) -> Self {
        let rest = Self {
            from: self.from.split_off(CHUNK),
            state: self.state.split_off(CHUNK),
            detail: self.detail.split_off(CHUNK),
            sums: self.sums.split_off(CHUNK / STEP),
            mixed: {
                let first = self.mixed.partition_point(|mixed| usize::from(mixed.place) < CHUNK);
                let rest = self.mixed.split_off(first);
                rest.into_iter().map(|mixed| Mixed { place: mixed.place - CHUNK as u16, ..mixed }).collect()
            },
        };
        let mut first = std::mem::replace(self, rest);
        first.from.shrink_to_fit();
        first.state.shrink_to_fit();
        first.detail.shrink_to_fit();
        first.sums.shrink_to_fit();
        first
    }
}

impl StateColumns {
    /// Adds the time of an entry from `from` to `to`, both within it.
    fn contribute(&self, place: usize, from: u64, to: u64, times: &mut Times) {
        let part = to.saturating_sub(from);
        if self.state[place] != LaneState::Mixed {
            return times.add(self.state[place], part);
        }
        let Ok(mixed) = self.mixed.binary_search_by_key(&place, |mixed| usize::from(mixed.place)) else { return };
        let Mixed { ran, ready, whole, .. } = self.mixed[mixed];
        let share = |time: u64| (u128::from(time) * u128::from(part) / u128::from(whole.max(1))) as u64;
        let ran = share(ran.min(whole)).min(part);
        let ready = share(ready.min(whole)).min(part - ran);
        times.add(LaneState::OnCore, ran);
        times.add(LaneState::Ready, ready);
        times.add(LaneState::Blocked, part - ran - ready);
    }

    /// The times from the beginning of the lane to the start of this entry, which may be the one after the last.
    fn sum_before(&self, place: usize) -> Times {
        let step = (place / STEP).min(self.sums.len().saturating_sub(1));
        let mut times = self.sums.get(step).copied().unwrap_or_default();
        for earlier in step * STEP..place {
            if let Some(until) = self.from.get(earlier + 1) {
                self.contribute(earlier, self.from[earlier], *until, &mut times);
            }
        }
        times
    }

    /// Makes the sums after this entry anew.
    fn sum_again(&mut self, place: usize) {
        self.sums.truncate(place / STEP + 1);
        for next in (place / STEP + 1)..self.from.len().div_ceil(STEP) {
            let times = self.sum_before(next * STEP);
            self.sums.push(times);
        }
    }
}

impl States {
    /// How many states there are, with those that were forgotten.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The state is this one from `t` on. A time before the last change counts as that. Nothing is added when it is so already.
    pub fn push(&mut self, t: Monotonic, state: LaneState, detail: u32) {
        let mut t = t.nanos();
        let tail = self.chunks.tail();
        if let Some(last) = tail.from.len().checked_sub(1) {
            t = t.max(tail.from[last]);
            let is_it = |place: usize| tail.state[place] == state && tail.detail[place] == detail && state != LaneState::Mixed;
            if is_it(last) {
                return;
            }
            if tail.from[last] == t {
                // It has lasted no time.
                let is_so_before = last.checked_sub(1).is_some_and(is_it);
                self.drop_last();
                if is_so_before {
                    return;
                }
            }
        }
        let before = self.chunks.len();
        let is_first_of_tail = before == self.chunks.frozen_len();
        let tail = self.chunks.tail_mut();
        let place = tail.from.len();
        tail.from.push(t);
        tail.state.push(state);
        tail.detail.push(detail);
        if place.is_multiple_of(STEP) {
            debug_assert!(!is_first_of_tail || before == 0, "a tail keeps the last entries");
            let times = if place == 0 { Times::default() } else { tail.sum_before(place) };
            tail.sums.push(times);
        }
        self.chunks.freeze();
    }

    /// Of the `whole_ns` from `t` on it was on a core for `ran_ns`, ready for `ready_ns`, and otherwise blocked. The shares hold until the next
    /// state begins, also where that is later.
    pub fn push_mixed(&mut self, t: Monotonic, ran_ns: u64, ready_ns: u64, whole_ns: u64) {
        self.push(t, LaneState::Mixed, 0);
        let tail = self.chunks.tail_mut();
        if let Some(place) = tail.from.len().checked_sub(1) {
            tail.mixed.retain(|mixed| usize::from(mixed.place) != place);
            tail.mixed.push(Mixed { place: place as u16, ran: ran_ns, ready: ready_ns, whole: whole_ns });
        }
    }

    /// Corrects the state of the entry with this number, if it is `was`. Those that are too old (more than 512 entries back) stay as they are.
    /// Whether it was corrected.
    pub fn correct(&mut self, index: usize, was: LaneState, now: LaneState) -> bool {
        let Some(place) = index.checked_sub(self.chunks.frozen_len()) else { return false };
        if self.chunks.tail().state.get(place) != Some(&was) {
            return false;
        }
        let tail = self.chunks.tail_mut();
        tail.state[place] = now;
        tail.sum_again(place);
        true
    }

    /// Corrects the states of the entries that begin at `from` or later: `correct` gives each its own, by its start and the state that it has,
    /// but none is or becomes mixed. Those that are too old stay as they are. Whether one has changed.
    pub fn correct_since(&mut self, from: Monotonic, correct: impl Fn(Monotonic, LaneState) -> LaneState) -> bool {
        let tail = self.chunks.tail();
        let first = tail.from.partition_point(|start| *start < from.nanos());
        let entries = tail.from.iter().zip(&tail.state).enumerate().skip(first);
        let changed = entries.filter_map(|(place, (start, state))| {
            let now = correct(Monotonic::from_nanos(*start), *state);
            (now != *state && ![now, *state].contains(&LaneState::Mixed)).then_some((place, now))
        });
        let changed: Vec<(usize, LaneState)> = changed.collect();
        let Some((place, _)) = changed.first().copied() else { return false };
        let tail = self.chunks.tail_mut();
        for (place, now) in changed {
            tail.state[place] = now;
        }
        tail.sum_again(place);
        true
    }

    fn drop_last(&mut self) {
        let tail = self.chunks.tail_mut();
        tail.from.pop();
        tail.state.pop();
        tail.detail.pop();
        let length = tail.from.len();
        tail.sums.truncate(length.div_ceil(STEP));
        tail.mixed.retain(|mixed| usize::from(mixed.place) < length);
    }

    /// Forgets the entries that were over at `t`, by chunks, but for those of the first chunk. The numbers of the others, and the times between
    /// moments before and after what was forgotten, stay as they are. Whether something was forgotten.
    pub fn forget_before(&mut self, t: Monotonic) -> bool {
        self.chunks.forget_before(t.nanos())
    }

    /// Whether nothing was forgotten.
    pub const fn is_whole(&self) -> bool {
        self.chunks.is_whole()
    }

    /// The entry with this number; `None` if there is none, or none any more.
    pub fn get(&self, index: usize) -> Option<StateSpan> {
        if index >= self.len() {
            return None;
        }
        let (chunk, place) = self.chunks.place(index)?;
        Some(StateSpan {
            index,
            from: Monotonic::from_nanos(chunk.from[place]),
            until: self.chunks.start(index + 1).map(Monotonic::from_nanos),
            state: chunk.state[place],
            detail: chunk.detail[place],
        })
    }

    /// When the newest entry begins.
    pub fn changed(&self) -> Option<Monotonic> {
        self.chunks.tail().from.last().copied().map(Monotonic::from_nanos)
    }

    /// The newest entry.
    pub fn last(&self) -> Option<StateSpan> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The shares of a mixed entry; of the newest one, those of the time of which they were told.
    pub fn shares(&self, span: &StateSpan) -> Option<Times> {
        if span.state != LaneState::Mixed {
            return None;
        }
        if let Some(until) = span.until {
            return Some(self.times(span.from, until));
        }
        let (chunk, place) = self.chunks.place(span.index)?;
        let found = chunk.mixed.iter().rev().find(|mixed| usize::from(mixed.place) == place)?;
        let from = span.from.nanos();
        let mut times = Times::default();
        chunk.contribute(place, from, from.saturating_add(found.whole), &mut times);
        Some(times)
    }

    /// The entry at a time; `None` before the first, and where it was forgotten. O(log n).
    pub fn at(&self, t: Monotonic) -> Option<StateSpan> {
        self.get(self.chunks.at(t.nanos())?)
    }

    /// The entries that reach into the time from `from` to `to`, oldest first.
    pub fn between(&self, from: Monotonic, to: Monotonic) -> impl Iterator<Item = StateSpan> + '_ {
        let first = self.chunks.at(from.nanos()).unwrap_or(0);
        (first..self.len()).map_while(|index| self.get(index)).take_while(move |span| span.from < to || span.from <= from)
    }

    /// The number of the entry at `t`, and the time in each state from the beginning until then; the last state lasts until `t`. O(log n).
    pub fn up_to(&self, t: Monotonic) -> (Option<usize>, Times) {
        self.up_to_entry(self.chunks.at(t.nanos()), t)
    }

    /// The same, for a reader who goes on from the entry with this number, which begins at `t` or before: it looks at the entries between.
    pub fn up_to_after(&self, earlier: usize, t: Monotonic) -> (Option<usize>, Times) {
        self.up_to_entry(self.chunks.at_after(earlier, t.nanos()), t)
    }

    fn up_to_entry(&self, index: Option<usize>, t: Monotonic) -> (Option<usize>, Times) {
        let t = t.nanos();
        let found = index.and_then(|index| Some((index, self.chunks.place(index)?)));
        let Some((index, (chunk, place))) = found else { return (None, Times::default()) };
        let mut times = chunk.sum_before(place);
        chunk.contribute(place, chunk.from[place], t, &mut times);
        (Some(index), times)
    }

    /// The time in each state between two times: exact, but inside a mixed entry, whose shares count as evenly spread. The last state lasts
    /// until `to`, so `to` must not lie ahead. O(log n).
    pub fn times(&self, from: Monotonic, to: Monotonic) -> Times {
        self.up_to(to).1.minus(&self.up_to(from.min(to)).1)
    }

    /// How many states begin after `from` and before `to`. O(log n).
    pub fn changes(&self, from: Monotonic, to: Monotonic) -> usize {
        let count = |t: Monotonic| self.chunks.at(t.nanos()).map_or(0, |index| index + 1);
        count(to).saturating_sub(count(from))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(t: u64) -> Monotonic {
        Monotonic::from_nanos(t)
    }

    /// The same, by adding up one entry after the other.
    fn slow(states: &States, from: u64, to: u64) -> Times {
        let mut times = Times::default();
        for index in 0..states.len() {
            let span = states.get(index).expect("an entry");
            let until = span.until.map_or(to, Monotonic::nanos).min(to);
            times.add(span.state, until.saturating_sub(span.from.nanos().max(from)));
        }
        times
    }

    proptest! {
        /// The sums of any interval are those that one gets by adding up, however often states were corrected.
        #[test]
        fn times_are_exact(
            steps in proptest::collection::vec((0_u64..5, 0_usize..6), 1..2_500),
            corrections in proptest::collection::vec(0_usize..2_500, 0..20),
            cuts in proptest::collection::vec((0_u64..7_000, 0_u64..7_000), 1..20),
        ) {
            let mut states = States::default();
            let mut t = 0;
            for (step, state) in steps {
                t += step;
                states.push(at(t), LaneState::TIMED[state], state as u32);
            }
            let held = states.clone();
            let before: Vec<_> = (0..held.len()).map(|index| held.get(index)).collect();
            for index in corrections {
                states.correct(index, LaneState::Blocked, LaneState::Sleeping);
                let running = |_, state| if state == LaneState::Ready { LaneState::Running } else { state };
                states.correct_since(at(index as u64 * 2), running);
            }
            for (a, b) in cuts {
                let (from, to) = (a.min(b), a.max(b));
                prop_assert_eq!(states.times(at(from), at(to)), slow(&states, from, to));
                prop_assert_eq!(held.times(at(from), at(to)), slow(&held, from, to), "a snapshot does not change");
            }
            prop_assert_eq!(before, (0..held.len()).map(|index| held.get(index)).collect::<Vec<_>>());
            for pair in (0..states.len()).map(|index| states.get(index).expect("an entry")).collect::<Vec<_>>().windows(2) {
                prop_assert_eq!(pair[0].until, Some(pair[1].from), "no gap, no overlap");
            }
        }
    }

    proptest! {
        /// A lane that forgets gives the same as one that does not, for all that was not forgotten; and it stays small.
        #[test]
        fn what_was_forgotten_changes_nothing_else(
            steps in proptest::collection::vec((0_u64..5, 0_usize..6), 1..6_000),
            moments in proptest::collection::vec(0_usize..6_000, 0..20),
            cuts in proptest::collection::vec(0_u64..2_000, 1..20),
        ) {
            let (mut whole, mut states) = (States::default(), States::default());
            let (mut t, mut kept_since) = (0, 0);
            for (number, (step, state)) in steps.into_iter().enumerate() {
                t += step;
                for states in [&mut whole, &mut states] {
                    states.push(at(t), LaneState::TIMED[state], state as u32);
                }
                if moments.contains(&number) {
                    kept_since = t - t.min(500);
                    states.forget_before(at(kept_since));
                    let later = whole.at(at(kept_since)).map_or(0, |span| whole.len() - span.index);
                    let kept = (0..states.len()).filter_map(|index| states.get(index)).count();
                    prop_assert!(kept <= later + 4 * CHUNK, "{} of {}, {} of them later", kept, states.len(), later);
                }
            }
            prop_assert_eq!((states.len(), states.last(), states.changed()), (whole.len(), whole.last(), whole.changed()));
            for index in 0..states.len() {
                prop_assert!(states.get(index).is_none() || states.get(index) == whole.get(index));
            }
            let began = whole.get(0).expect("a state").from;
            for cut in cuts {
                let from = at(kept_since + cut.min(t - kept_since));
                prop_assert_eq!(states.at(from), whole.at(from));
                prop_assert_eq!(states.times(from, at(t)), whole.times(from, at(t)));
                prop_assert_eq!(states.times(began, from), whole.times(began, from));
                let earlier = [Some(0), Some(states.len() / 2), states.at(from).map(|span| span.index)];
                for earlier in earlier.into_iter().flatten().filter(|index| whole.get(*index).is_some_and(|span| span.from <= from)) {
                    prop_assert_eq!(states.up_to_after(earlier, from), states.up_to(from), "from {} on", earlier);
                }
                prop_assert_eq!(states.changes(from, at(t)), whole.changes(from, at(t)));
            }
        }
    }

    #[test]
    fn the_shares_of_a_mixed_time_are_spread_evenly() {
        let mut states = States::default();
        states.push_mixed(at(0), 30, 20, 100);
        states.push_mixed(at(100), 100, 50, 100);
        states.push(at(200), LaneState::Nothing, 0);
        let times = states.times(at(50), at(100));
        assert_eq!([LaneState::OnCore, LaneState::Ready, LaneState::Blocked].map(|state| times.of(state)), [15, 10, 25]);
        assert_eq!(states.times(at(100), at(200)).of(LaneState::OnCore), 100, "never more than there was time");
        assert_eq!(states.times(at(0), at(900)).total(), 200);
        assert_eq!(states.changes(at(0), at(900)), 2);
    }

    #[test]
    fn the_newest_shares_go_on_until_others_are_known() {
        let mut states = States::default();
        states.push_mixed(at(0), 90, 10, 100);
        let last = states.last().expect("one");
        let of = |times: Times| [LaneState::OnCore, LaneState::Ready, LaneState::Blocked].map(|state| times.of(state));
        assert_eq!(of(states.times(at(0), at(300))), [270, 30, 0], "nobody has seen it blocked");
        assert_eq!(of(states.shares(&last).expect("mixed")), [90, 10, 0]);
        states.push(at(100), LaneState::Blocked, 0);
        assert_eq!(of(states.times(at(0), at(300))), [90, 10, 200]);
    }

    #[test]
    fn an_entry_takes_few_bytes_and_a_clone_shares_them() {
        let mut states = States::default();
        for t in 0..100_000 {
            states.push(at(t * 10), LaneState::TIMED[(t % 3) as usize], 1);
        }
        assert_eq!(states.len(), 100_000);
        let columns = size_of::<u64>() + size_of::<LaneState>() + size_of::<u32>() + size_of::<Times>().div_ceil(STEP);
        assert!(columns <= 40, "{columns} bytes");
        let clone = states.clone();
        assert!(std::ptr::eq(clone.chunks.place(0).expect("kept").0, states.chunks.place(0).expect("kept").0));
    }
}
