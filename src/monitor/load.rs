//! How busy each core was between two readings of /proc/stat. Pure: bytes in, values out.

use std::time::Duration;

use crate::model::{LoadSample, Monotonic};
use crate::sys::{CoreTimes, core_times};

/// The shortest span that a load is computed over: ticks are 10 ms long.
const SHORTEST_SPAN: Duration = Duration::from_millis(200);

/// Linux has no more cores than this (`NR_CPUS`).
const MOST_CORES: usize = 8_192;

/// The load of each core, from counters that only grow. Where they do not (after a suspend the kernel may count a core's idle time
/// afresh, and a core that was switched off is a new one), nothing is known until the next reading.
#[derive(Debug)]
pub(super) struct Load {
    at: Monotonic,
    before: Vec<CoreTimes>,
    percent: Vec<f32>,
}

impl Load {
    /// Begins to measure.
    pub(super) fn new(stat: &[u8], at: Monotonic) -> Self {
        let before = core_times(stat);
        Self { at, percent: by_number(&before, &vec![0.0; before.len()]), before }
    }

    /// The load of each core in percent since the last call, by its number: 0 for one that is switched off. Empty where it is not known; 0 at
    /// first, and calls that are too close repeat the last one.
    pub(super) fn measure(&mut self, stat: &[u8], now: Monotonic) -> &[f32] {
        if now.since(self.at) >= SHORTEST_SPAN {
            let cores = core_times(stat);
            let is_same = cores.iter().map(|core| core.number).eq(self.before.iter().map(|core| core.number));
            let percent = is_same.then(|| self.before.iter().zip(&cores).map(|(before, now)| percent(before, now)).collect());
            self.percent = percent.flatten().map_or_else(Vec::new, |percent: Vec<f32>| by_number(&cores, &percent));
            (self.at, self.before) = (now, cores);
        }
        &self.percent
    }

    /// The same with the time that it was measured over; `None` where it is not known, and where the calls are too close.
    pub(super) fn sample(&mut self, stat: &[u8], now: Monotonic) -> Option<LoadSample> {
        let from = self.at;
        let percent = self.measure(stat, now).into();
        (self.at > from && !self.percent.is_empty()).then_some(LoadSample { from, to: now, percent })
    }
}

/// The loads of these cores, each at the place of its number.
fn by_number(cores: &[CoreTimes], loads: &[f32]) -> Vec<f32> {
    let mut placed = Vec::new();
    for (core, load) in cores.iter().zip(loads) {
        let place = core.number as usize;
        if place < MOST_CORES {
            placed.resize(placed.len().max(place + 1), 0.0);
            placed[place] = *load;
        }
    }
    placed
}

/// The share of the time that was not idle, in percent; `None` where a counter went back, or no time has passed.
fn percent(before: &CoreTimes, now: &CoreTimes) -> Option<f32> {
    let spans = now.busy.iter().zip(before.busy).map(|(now, before)| now.checked_sub(before));
    let busy: f64 = spans.map(|span| span.map(|ticks| ticks as f64)).sum::<Option<f64>>()?;
    let idle = now.idle.checked_sub(before.idle)? as f64 + now.waiting.saturating_sub(before.waiting) as f64;
    (busy + idle > 0.0).then(|| (100.0 * busy / (busy + idle)) as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A /proc/stat with these times of user, system, idle and waiting for each core.
    fn stat(cores: &[(u32, [u64; 4])]) -> Vec<u8> {
        let line = |(number, [user, system, idle, waiting]): &(u32, [u64; 4])| {
            format!("cpu{number} {user} 0 {system} {idle} {waiting} 0 0 0 0 0\n")
        };
        let lines: String = cores.iter().map(line).collect();
        format!("cpu  9 9 9 9 9 9 9 9 0 0\n{lines}intr 12345 0 0\nctxt 77\n").into_bytes()
    }

    fn second(number: u64) -> Monotonic {
        Monotonic::from_nanos(number * 1_000_000_000)
    }

    #[test]
    fn the_load_is_the_share_of_the_time_that_was_not_idle() {
        let mut load = Load::new(&stat(&[(0, [10, 10, 100, 0]), (1, [0, 0, 0, 0])]), second(1));
        let after = stat(&[(0, [30, 15, 165, 10]), (1, [100, 0, 0, 0])]);
        assert_eq!(load.measure(&after, second(1)), [0.0, 0.0], "too soon");
        assert_eq!(load.measure(&after, second(2)), [25.0, 100.0]);
    }

    #[test]
    fn a_sample_has_the_time_that_it_was_measured_over() {
        let mut load = Load::new(&stat(&[(0, [10, 10, 100, 0])]), second(1));
        let after = stat(&[(0, [30, 15, 165, 10])]);
        assert_eq!(load.sample(&after, Monotonic::from_secs(1.1)), None, "too soon");
        let sample = |from, to, percent: &[f32]| Some(LoadSample { from: second(from), to: second(to), percent: percent.into() });
        assert_eq!(load.sample(&after, second(2)), sample(1, 2, &[25.0]));
        assert_eq!(load.sample(&after, second(3)), None, "no time has passed for the core");
        assert_eq!(load.sample(&stat(&[(0, [130, 15, 165, 10])]), second(4)), sample(3, 4, &[100.0]), "not from 2 on");
    }

    /// Where the kernel's counters go back, as after a suspend, all cores seemed busy.
    #[test]
    fn counters_that_went_back_tell_no_load_and_the_next_second_does() {
        let whole = [(0, [100, 100, 1000, 50]), (1, [100, 100, 1000, 50])];
        for (core, field) in [(0, 0), (1, 1), (0, 2), (1, 2)] {
            let mut load = Load::new(&stat(&whole), second(1));
            let mut back = whole;
            back.iter_mut().flat_map(|core| &mut core.1).for_each(|time| *time += 20);
            back[core].1[field] = 90;
            assert!(load.measure(&stat(&back), second(2)).is_empty(), "core {core}, field {field}");
            for (_, [user, _, idle, _]) in &mut back {
                *user += 25;
                *idle += 75;
            }
            assert_eq!(load.measure(&stat(&back), second(3)), [25.0, 25.0], "core {core}, field {field}");
        }
    }

    #[test]
    fn the_time_of_waiting_may_go_back_and_tells_nothing_then() {
        let mut load = Load::new(&stat(&[(0, [0, 0, 1000, 50])]), second(1));
        assert_eq!(load.measure(&stat(&[(0, [50, 0, 1050, 40])]), second(2)), [50.0]);
    }

    #[test]
    fn a_core_that_comes_or_goes_is_not_taken_for_another() {
        let mut load = Load::new(&stat(&[(0, [0; 4]), (1, [500, 0, 500, 0]), (2, [0; 4])]), second(1));
        let without = [(0, [10, 0, 90, 0]), (2, [50, 0, 50, 0])];
        assert!(load.measure(&stat(&without), second(2)).is_empty());
        let next = without.map(|(number, [user, ..])| (number, [user + 1, 0, 189, 0]));
        assert_eq!(load.measure(&stat(&next), second(3)), [1.0, 0.0, 100.0 / 140.0], "each under its number");
        assert!(load.measure(&stat(&next), second(4)).is_empty(), "no time has passed for them");
        assert!(load.measure(b"", second(5)).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(first in proptest::collection::vec(any::<u8>(), 0..200), second_text in "(cpu[0-9]{1,3}( [0-9]{1,20}){0,10}\n){0,4}") {
            let mut load = Load::new(&first, second(1));
            for (number, text) in [(2, second_text.as_bytes()), (3, second_text.as_bytes()), (4, &first)] {
                prop_assert!(load.measure(text, second(number)).iter().all(|percent| (0.0..=100.0).contains(percent)));
            }
        }
    }
}
