//! The last minute of one value, and its form for a plot. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{Monotonic, PercentHistory};

/// The longest past that a plot shows.
const SPAN: Duration = Duration::from_mins(1);

/// More samples than this are never kept: 60 s at 68 a second.
const MOST: usize = 4096;

/// A ring of the last 60 s of samples of one value.
#[derive(Debug, Clone, Default)]
pub struct History {
    samples: VecDeque<(Monotonic, f32)>,
}

impl History {
    /// Adds a sample and forgets what is older than 60 s before it. A sample that is no number, or older than the newest, is ignored.
    pub fn push(&mut self, at: Monotonic, value: f32) {
        if !value.is_finite() || self.samples.back().is_some_and(|(newest, _)| at < *newest) {
            return;
        }
        self.samples.push_back((at, value));
        while self.samples.len() > MOST || self.samples.front().is_some_and(|(oldest, _)| at.since(*oldest) > SPAN) {
            self.samples.pop_front();
        }
    }

    /// The samples as points, at most `most` of them (and no fewer than four): where there are more, each stretch of time gives its
    /// lowest and its highest sample, so that no peak is lost. The newest sample has time 0.
    pub fn points(&self, most: usize) -> PercentHistory {
        let most = most.max(4);
        let Some(&(newest, _)) = self.samples.back() else { return PercentHistory::default() };
        let point = |&(at, value): &(Monotonic, f32)| [-newest.since(at).as_secs_f64(), f64::from(value)];
        if self.samples.len() <= most {
            return PercentHistory { points: self.samples.iter().map(point).collect() };
        }
        // The ends stand for themselves, so that the line reaches both edges of the plot.
        let last = self.samples.len() - 1;
        let stretches = (most - 2) / 2;
        let mut points = Vec::with_capacity(most);
        points.push(point(&self.samples[0]));
        for stretch in 0..stretches {
            let range = 1 + (last - 1) * stretch / stretches..1 + (last - 1) * (stretch + 1) / stretches;
            let lowest = range.clone().min_by(|a, b| self.samples[*a].1.total_cmp(&self.samples[*b].1));
            let highest = range.max_by(|a, b| self.samples[*a].1.total_cmp(&self.samples[*b].1));
            if let (Some(lowest), Some(highest)) = (lowest, highest) {
                points.push(point(&self.samples[lowest.min(highest)]));
                if lowest != highest {
                    points.push(point(&self.samples[lowest.max(highest)]));
                }
            }
        }
        points.push(point(&self.samples[last]));
        PercentHistory { points: points.into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_minute_is_kept_and_the_newest_is_at_zero() {
        let mut history = History::default();
        assert!(history.points(100).points.is_empty());
        for second in 0..200 {
            history.push(Monotonic::from_secs(f64::from(second)), second as f32);
        }
        history.push(Monotonic::from_secs(199.5), f32::NAN);
        history.push(Monotonic::from_secs(10.0), 5.0);
        let points = history.points(100).points;
        assert_eq!((points.len(), points[0], points[60]), (61, [-60.0, 139.0], [0.0, 199.0]));
    }

    #[test]
    fn a_flood_of_samples_is_bounded() {
        let mut history = History::default();
        (0..100_000).for_each(|nano| history.push(Monotonic::from_nanos(nano), 1.0));
        assert_eq!(history.samples.len(), MOST);
    }

    proptest! {
        #[test]
        fn thinning_out_keeps_order_ends_and_extremes(
            values in proptest::collection::vec(0.0_f32..100.0, 1..600),
            most in 4_usize..200,
        ) {
            let mut history = History::default();
            for (index, value) in values.iter().enumerate() {
                history.push(Monotonic::from_nanos(index as u64 * 50_000_000), *value);
            }
            let points = history.points(most).points;
            prop_assert!(points.len() <= most.max(4));
            prop_assert!(points.windows(2).all(|pair| pair[0][0] < pair[1][0]));
            prop_assert_eq!(points.last().map(|point| point[0]), Some(0.0));
            let highest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let lowest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
            let kept: Vec<f64> = points.iter().map(|point| point[1]).collect();
            let all: Vec<f64> = history.samples.iter().map(|(_, value)| f64::from(*value)).collect();
            prop_assert_eq!((highest(&kept), lowest(&kept)), (highest(&all), lowest(&all)));
            prop_assert_eq!((kept[0], kept[kept.len() - 1]), (all[0], all[all.len() - 1]));
        }
    }
}
