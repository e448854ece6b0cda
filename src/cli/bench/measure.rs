//! Measuring in turns: A B A B in one run, so that other work of the machine slows all sides alike, and each side's figure is its median.
//! Runs on the caller's thread. Prints only what could not be measured.

use std::time::Duration;

use crate::cli::error::complain;

/// The largest count of one turn: no batch grows further.
const MAX_COUNT: u64 = 1 << 32;

/// One number of the object that `--json` prints.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) key: String,
    pub(super) value: f64,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Turns of each side.
    pub(super) turns: usize,
    /// The length of one turn.
    pub(super) turn: Duration,
    /// MiB of output to capture in one turn.
    pub(super) capture_mib: u64,
    /// Event lines in one batch.
    pub(super) lines: u64,
}

/// Does something so many times, and returns how long it took.
pub(super) type Run<'a> = Box<dyn FnMut(u64) -> anyhow::Result<Duration> + 'a>;

/// One side of a comparison.
pub(super) struct Contender<'a> {
    /// Stands before the name in the key: nothing, `python_`, `c_`, `plain_`, `std_` or `channel_`.
    prefix: &'static str,
    run: Run<'a>,
}

pub(super) fn rust<'a>(run: impl FnMut(u64) -> anyhow::Result<Duration> + 'a) -> Contender<'a> {
    Contender { prefix: "", run: Box::new(run) }
}

pub(super) fn c<'a>(mut run: impl FnMut(u64) -> std::io::Result<Duration> + 'a) -> Contender<'a> {
    Contender { prefix: "c_", run: Box::new(move |count| Ok(run(count)?)) }
}

pub(super) fn beside<'a>(prefix: &'static str, run: impl FnMut(u64) -> anyhow::Result<Duration> + 'a) -> Contender<'a> {
    Contender { prefix, run: Box::new(run) }
}

pub(super) fn python<'a>(run: impl FnMut(u64) -> anyhow::Result<Duration> + 'a) -> Contender<'a> {
    Contender { prefix: "python_", run: Box::new(run) }
}

/// How many times something is done in one turn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Amount {
    /// As often as fills a turn; always a multiple of this.
    Filling(u64),
    /// So many times.
    Exactly(u64),
}

/// The figures so far.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) effort: Effort,
    pub(super) list: Vec<Figure>,
}

impl Figures {
    pub(super) const fn new(effort: Effort) -> Self {
        Self { effort, list: Vec::new() }
    }

    /// Notes a figure. A value that is not above zero was not measured.
    pub(super) fn note(&mut self, key: &str, value: f64) {
        if value.is_finite() && value > 0.0 {
            self.list.push(Figure { key: key.to_owned(), value });
        } else {
            missing(key, &"the clock did not move");
        }
    }

    /// Measures all sides in turns, and notes each one's median rate a second. A side that fails is left out, with a note.
    pub(super) fn rates(&mut self, name: &str, amount: Amount, contenders: Vec<Contender<'_>>) {
        let mut sides: Vec<_> = contenders
            .into_iter()
            .filter_map(|mut contender| {
                let key = format!("{}{name}", contender.prefix);
                let count = match amount {
                    Amount::Exactly(count) => Ok(count),
                    Amount::Filling(step) => filling(&mut contender.run, step, self.effort.turn),
                };
                count.map_err(|error| missing(&key, &error)).ok().map(|count| (key, contender.run, count, Vec::new()))
            })
            .collect();
        for _ in 0..self.effort.turns {
            sides.retain_mut(|(key, run, count, rates)| match run(*count) {
                Ok(took) => {
                    rates.push(*count as f64 / took.as_secs_f64());
                    true
                }
                Err(error) => {
                    missing(key, &error);
                    false
                }
            });
        }
        for (key, _, _, rates) in sides {
            if !rates.is_empty() {
                self.note(&key, median(rates));
            }
        }
    }
}

/// How often it is done in one turn. Trying it out also warms up the code and its caches.
fn filling(run: &mut Run<'_>, step: u64, turn: Duration) -> anyhow::Result<u64> {
    let mut count = step;
    loop {
        let took = run(count)?;
        if took >= turn / 8 || count >= MAX_COUNT {
            let wanted = count as f64 * turn.as_secs_f64() / took.as_secs_f64().max(1e-9);
            return Ok((wanted as u64).next_multiple_of(step).clamp(step, MAX_COUNT));
        }
        count *= 2;
    }
}

/// The median. Of an even number of values it is the mean of the middle two; of none it is 0.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (length, middle) if length % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The percentile: this share of the values does not exceed it.
pub(super) fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// Prints what is left out, and why.
pub(super) fn missing(key: &str, why: &dyn std::fmt::Display) {
    complain(&format!("could not measure {key}: {why:#}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures::new(Effort { turns: 3, turn: Duration::from_millis(80), capture_mib: 1, lines: 1 })
    }

    #[test]
    fn the_middle_and_the_worst_are_what_their_names_say() {
        assert_eq!((median(vec![]), median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0, 2.0, 3.0])), (0.0, 2.0, 2.5));
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(hundred.clone(), 0.5), percentile(hundred, 0.99)), (50.0, 99.0));
        assert!(percentile(vec![], 0.99) <= 0.0);
    }

    #[test]
    fn a_turn_is_filled_and_the_rate_does_not_depend_on_it() {
        let mut figures = figures();
        let mut counts = Vec::new();
        let each = Duration::from_millis(1);
        figures.rates(
            "work",
            Amount::Filling(1),
            vec![rust(|count| {
                counts.push(count);
                Ok(each * count as u32)
            })],
        );
        assert_eq!(counts, [1, 2, 4, 8, 16, 80, 80, 80]);
        assert_eq!(figures.list, [Figure { key: "work".to_owned(), value: 1000.0 }]);
    }

    #[test]
    fn one_that_fails_is_left_out_and_the_others_go_on_in_turns() {
        let mut figures = figures();
        let order = std::cell::RefCell::new(Vec::new());
        let second = Duration::from_secs(1);
        let contenders = vec![
            rust(|_| {
                order.borrow_mut().push("rust");
                Ok(second)
            }),
            python(|_| anyhow::bail!("there is no python3")),
            c(|_| {
                order.borrow_mut().push("c");
                Ok(second / 2)
            }),
        ];
        figures.rates("work", Amount::Exactly(1), contenders);
        let keys: Vec<&str> = figures.list.iter().map(|figure| figure.key.as_str()).collect();
        assert_eq!(keys, ["work", "c_work"]);
        assert_eq!(*order.borrow(), ["rust", "c", "rust", "c", "rust", "c"]);
    }
}
