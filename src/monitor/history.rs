//! How busy the cores were in the past, in bounded memory. Pure.

use std::sync::Arc;

use crate::model::LoadSample;

/// Samples that are kept. When there are more, of the older half two become one: with four a second, the newest eight minutes at least
/// stay as they were measured, and what is older becomes coarser and is not forgotten.
const MOST: usize = 4096;

/// The load of the cores in the past.
#[derive(Debug, Default)]
pub struct LoadHistory {
    samples: Vec<LoadSample>,
}

impl LoadHistory {
    /// Adds a sample. One that begins before the newest has ended, or that has no length, is ignored.
    pub fn push(&mut self, sample: LoadSample) {
        if sample.to <= sample.from || self.samples.last().is_some_and(|newest| sample.from < newest.to) {
            return;
        }
        self.samples.push(sample);
        if self.samples.len() > MOST {
            let newer = self.samples.split_off(MOST / 2);
            let mut older: Vec<LoadSample> = self.samples.chunks(2).flat_map(joined).collect();
            // Where something is missing between two they are not one; then the oldest give way.
            older.drain(..older.len().saturating_sub(MOST / 4));
            older.extend(newer);
            self.samples = older;
        }
    }

    /// All samples, oldest first.
    pub fn samples(&self) -> Arc<[LoadSample]> {
        self.samples.as_slice().into()
    }
}

/// Two samples as one, if the second begins where the first ends.
fn joined(pair: &[LoadSample]) -> Vec<LoadSample> {
    match pair {
        [one, other] if one.to == other.from && one.percent.len() == other.percent.len() => {
            let part = (one.to - one.from).as_secs_f64() / (other.to - one.from).as_secs_f64();
            let mean = |(one, other): (&f32, &f32)| (f64::from(*one) * part + f64::from(*other) * (1.0 - part)) as f32;
            let percent = one.percent.iter().zip(&*other.percent).map(mean).collect();
            vec![LoadSample { from: one.from, to: other.to, percent }]
        }
        others => others.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Monotonic;

    fn sample(from: u64, to: u64, percent: f32) -> LoadSample {
        LoadSample { from: Monotonic::from_nanos(from), to: Monotonic::from_nanos(to), percent: [percent, 100.0].into() }
    }

    #[test]
    fn a_sample_comes_after_the_newest_or_not_at_all() {
        let mut history = LoadHistory::default();
        for (from, to) in [(0, 10), (5, 20), (10, 10), (10, 20), (30, 40)] {
            history.push(sample(from, to, 1.0));
        }
        let kept: Vec<_> = history.samples().iter().map(|sample| (sample.from.nanos(), sample.to.nanos())).collect();
        assert_eq!(kept, [(0, 10), (10, 20), (30, 40)], "a time without a sample is a gap");
    }

    #[test]
    fn a_run_of_hours_is_kept_to_its_beginning_within_the_bound_and_its_last_minutes_are_exact() {
        let quarter = 250_000_000;
        let mut history = LoadHistory::default();
        for number in 0..40_000 {
            history.push(sample(number * quarter, (number + 1) * quarter, (number % 100) as f32));
            assert!(history.samples.len() <= MOST);
        }
        let all = history.samples();
        assert_eq!((all[0].from, all[all.len() - 1].to.nanos()), (Monotonic::ZERO, 40_000 * quarter));
        assert!(all.windows(2).all(|pair| pair[0].to == pair[1].from));
        let exact = all.iter().rev().take_while(|sample| sample.to - sample.from == std::time::Duration::from_nanos(quarter));
        assert!(exact.count() >= MOST / 2, "eight minutes");
    }

    #[test]
    fn where_something_is_missing_nothing_is_joined_and_the_bound_holds() {
        let mut history = LoadHistory::default();
        (0..20_000).for_each(|number| history.push(sample(number * 10, number * 10 + 5, 50.0)));
        let all = history.samples();
        assert!(all.len() <= MOST && all.iter().all(|sample| (sample.to - sample.from).as_nanos() == 5));
        let other = LoadSample { percent: [1.0].into(), ..sample(10, 20, 1.0) };
        assert_eq!(joined(&[sample(0, 10, 1.0), other]).len(), 2, "a core has come or gone");
    }

    proptest! {
        #[test]
        fn joining_keeps_the_time_that_a_core_was_busy(lengths in proptest::collection::vec((1_u64..1_000, 0.0_f32..100.0), 4096..6000)) {
            let mut history = LoadHistory::default();
            let (mut t, mut busy) = (0, 0.0);
            for (length, percent) in lengths {
                history.push(sample(t, t + length, percent));
                t += length;
                busy += length as f64 * f64::from(percent);
            }
            let kept: f64 = history.samples().iter().map(|sample| (sample.to - sample.from).as_nanos() as f64 * f64::from(sample.percent[0])).sum();
            prop_assert!((kept - busy).abs() <= busy * 1e-5 + 1.0, "{kept} of {busy}");
            prop_assert!(history.samples().iter().all(|sample| (sample.percent[1] - 100.0).abs() < 1e-3));
        }
    }
}
