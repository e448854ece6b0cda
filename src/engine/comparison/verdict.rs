//! The verdict of a comparison, in a line, and the rule for noise. Pure.
//!
//! Of each variant the run with the median time counts. With one run each, less than 25 % is taken for noise. With repeats, 5 % is
//! enough, but only if the slowest run of the one was still faster than the fastest run of the other. Where the machine had other
//! work to do during a single run, a factor of two is needed.

use std::fmt::Write as _;

use serde_json::Value;

use crate::engine::fold::numbers::{count, quantity};
use crate::model::{Comparison, Measured, Outcome, Progress, Variant};

/// With one run each, a smaller ratio than this is noise.
const ONE_RUN: f64 = 1.25;
/// The same ratio where other work kept [`MUCH_ELSEWHERE`] cores busy.
const DISTURBED: f64 = 2.0;
const MUCH_ELSEWHERE: f64 = 0.3;
/// The same ratio with repeats whose ranges do not overlap.
const REPEATED: f64 = 1.05;
/// Values of the scenario's own that a verdict names.
const MOST_VALUES: usize = 2;

/// The verdict. Empty while there are runs to come.
pub(crate) fn verdict(comparison: &Comparison) -> String {
    if comparison.progress != Progress::Done {
        return String::new();
    }
    let cut_short = comparison.variants.iter().find_map(|variant| {
        let run = variant.runs.iter().find(|run| matches!(run.outcome, Outcome::TimedOut | Outcome::Stopped))?;
        Some((variant, run.outcome))
    });
    if let Some((variant, outcome)) = cut_short {
        let how = if outcome == Outcome::TimedOut { "ran into its time limit" } else { "was stopped" };
        return format!("No verdict: with {} the run {how}.", variant.label);
    }
    // A run that fails at once is not the faster one.
    let died = |run: &Measured| run.outcome == Outcome::Failed && run.facts_held == run.facts;
    if let Some(variant) = comparison.variants.iter().find(|variant| variant.runs.iter().any(died)) {
        return format!("No verdict: with {} the run failed before its end.", variant.label);
    }
    let mut order: Vec<(&Variant, &Measured)> =
        comparison.variants.iter().filter_map(|variant| Some((variant, variant.typical()?))).collect();
    order.sort_by(|a, b| a.1.elapsed_s.total_cmp(&b.1.elapsed_s));
    let (Some(&fastest), Some(&slowest)) = (order.first(), order.last()) else { return String::new() };
    let mut text = if differs(comparison, fastest.0, slowest.0, |run| run.elapsed_s) {
        time(comparison, &order, fastest, slowest)
    } else {
        same_time(comparison, &order)
    };
    for sentence in values(comparison) {
        text.push(' ');
        text.push_str(&sentence);
    }
    for variant in &comparison.variants {
        if let Some(run) = variant.runs.iter().find(|run| run.facts_held < run.facts) {
            let _ = write!(
                text,
                " With {}, {} of {} did not hold.",
                variant.label,
                run.facts - run.facts_held,
                count(run.facts as u64, "fact", "facts")
            );
        }
    }
    text
}

type Way<'a> = (&'a Variant, &'a Measured);

fn time(comparison: &Comparison, order: &[Way<'_>], fastest: Way<'_>, slowest: Way<'_>) -> String {
    let ratio = times(slowest.1.elapsed_s / fastest.1.elapsed_s);
    let cores = format!("{:.2} cores instead of {:.2}", fastest.1.cores(), slowest.1.cores());
    let (best, worst) = (&fastest.0.label, &slowest.0.label);
    if order.len() == 2 {
        return format!("With {best} it was {ratio} as fast as with {worst}, and used {cores}.");
    }
    let equals: Vec<&str> = order[1..]
        .iter()
        .filter(|way| !differs(comparison, fastest.0, way.0, |run| run.elapsed_s))
        .map(|way| way.0.label.as_str())
        .collect();
    let equals = if equals.is_empty() { String::new() } else { format!(" With {} it took as long.", equals.join(" and ")) };
    format!("With {best} it was fastest: {ratio} as fast as with {worst}, the slowest, on {cores}.{equals}")
}

fn same_time(comparison: &Comparison, order: &[Way<'_>]) -> String {
    let took: Vec<String> = order.iter().map(|(variant, run)| format!("{} {:.2} s", variant.label, run.elapsed_s)).collect();
    let noise = match comparison.repeat {
        ..=1 if order.iter().any(|way| is_disturbed(way.1)) => {
            "the machine had other work, so that with one run each less than twice as much is taken for noise; repeat them"
                .to_owned()
        }
        repeat => noise(repeat),
    };
    let mut text = format!("No verdict on time ({}): {noise}.", took.join(", "));
    // Threads that sleep and threads that spin may be as fast as each other, and yet use very different CPU time.
    let cheapest = order.iter().min_by(|a, b| a.1.cost.cpu_s().total_cmp(&b.1.cost.cpu_s()));
    let dearest = order.iter().max_by(|a, b| a.1.cost.cpu_s().total_cmp(&b.1.cost.cpu_s()));
    if let (Some(cheapest), Some(dearest)) = (cheapest, dearest)
        && dearest.1.cost.cpu_s() - cheapest.1.cost.cpu_s() > 0.1
        && differs(comparison, cheapest.0, dearest.0, |run| run.cost.cpu_s())
    {
        let (cheap, dear) = (cheapest.1.cost.cpu_s(), dearest.1.cost.cpu_s());
        let _ =
            write!(text, " With {} it used {cheap:.2} s of CPU time, with {} {dear:.2} s.", cheapest.0.label, dearest.0.label);
    }
    text
}

/// The rule for noise, in words.
pub fn noise(repeat: u32) -> String {
    match repeat {
        0 | 1 => "with one run each, less than 25 % is taken for noise; repeat them to see less".to_owned(),
        _ => format!("with {repeat} runs each, less than 5 %, or times that overlap, are taken for noise"),
    }
}

/// Whether the second variant has more of something than the first, beyond noise.
fn differs(comparison: &Comparison, less: &Variant, more: &Variant, of: impl Fn(&Measured) -> f64) -> bool {
    let (Some(a), Some(b)) = (less.typical(), more.typical()) else { return false };
    let least = match (comparison.repeat, is_disturbed(a) || is_disturbed(b)) {
        (..=1, true) => DISTURBED,
        (..=1, false) => ONE_RUN,
        _ => REPEATED,
    };
    let most_of_less = less.runs.iter().map(&of).fold(f64::MIN, f64::max);
    let least_of_more = more.runs.iter().map(&of).fold(f64::MAX, f64::min);
    of(b) > of(a) * least && most_of_less < least_of_more
}

fn is_disturbed(run: &Measured) -> bool {
    run.cores_elsewhere() >= MUCH_ELSEWHERE
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.1} ×") } else { format!("{ratio:.0} ×") }
}

/// Counts of the scenario's own that are not the same: lost updates, torn records.
fn values(comparison: &Comparison) -> Vec<String> {
    let Some(first) = comparison.variants.first().and_then(Variant::typical) else { return Vec::new() };
    let names = first.values.keys().filter(|name| **name != comparison.name);
    names.filter_map(|name| value(comparison, name)).take(MOST_VALUES).collect()
}

fn value(comparison: &Comparison, name: &str) -> Option<String> {
    let number = |run: &Measured| run.values.get(name).and_then(Value::as_i64);
    let mut shown: Vec<(&Variant, i64)> = Vec::new();
    for variant in &comparison.variants {
        let typical = number(variant.typical()?)?;
        shown.push((variant, typical));
    }
    let least = shown.iter().min_by_key(|(_, count)| *count)?;
    let most = shown.iter().max_by_key(|(_, count)| *count)?;
    let is_own_value = shown.iter().all(|(variant, count)| variant.value.as_i64() == Some(*count));
    let of = |run: &Measured| number(run).unwrap_or_default() as f64;
    if is_own_value || least.1 == most.1 || !differs(comparison, least.0, most.0, of) {
        return None;
    }
    let quantity = |count: i64| quantity(name, &count.into());
    let parts: Vec<String> =
        shown.iter().map(|(variant, count)| format!("{} with {}", quantity(*count).1, variant.label)).collect();
    let name = quantity(most.1).0;
    let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
    Some(format!("{}{rest}: {}.", first.to_uppercase(), parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::RunCost;

    fn run(elapsed_s: f64, cpu: f64, lost: i64) -> Measured {
        Measured {
            outcome: Outcome::Passed,
            elapsed_s,
            cost: RunCost { user_s: cpu, ..RunCost::default() },
            facts_held: 2,
            facts: 2,
            values: BTreeMap::from([("lost".to_owned(), lost.into()), ("kind".to_owned(), 7.into())]),
        }
    }

    fn compare(variants: &[(&str, &[Measured])]) -> Comparison {
        let variant = |(value, runs): &(&str, &[Measured])| Variant {
            value: (*value).into(),
            label: (*value).to_owned(),
            runs: runs.to_vec(),
        };
        Comparison {
            scenario: "gil".to_owned(),
            name: "kind".to_owned(),
            repeat: variants[0].1.len() as u32,
            variants: variants.iter().map(variant).collect(),
            progress: Progress::Done,
            verdict: String::new(),
        }
    }

    #[test]
    fn the_faster_one_is_named_with_the_cores_that_it_used() {
        let comparison = compare(&[("threads", &[run(1.9, 1.938, 0)]), ("processes", &[run(1.0, 1.98, 0)])]);
        assert_eq!(
            verdict(&comparison),
            "With processes it was 1.9 × as fast as with threads, and used 1.98 cores instead of 1.02."
        );
    }

    #[test]
    fn one_run_each_needs_a_quarter_and_repeats_need_ranges_that_do_not_overlap() {
        let text = verdict(&compare(&[("a", &[run(1.0, 1.0, 0)]), ("b", &[run(1.2, 1.0, 0)])]));
        assert!(text.starts_with("No verdict on time (a 1.00 s, b 1.20 s)") && text.contains("25 %"), "{text}");
        let steady = [run(1.0, 1.0, 0), run(1.01, 1.0, 0), run(1.02, 1.0, 0)];
        let slower = [run(1.2, 1.0, 0), run(1.21, 1.0, 0), run(1.22, 1.0, 0)];
        assert!(verdict(&compare(&[("a", &steady), ("b", &slower)])).starts_with("With a it was 1.2 × as fast"));
        let noisy = [run(0.9, 1.0, 0), run(1.21, 1.0, 0), run(1.9, 1.0, 0)];
        let text = verdict(&compare(&[("a", &steady), ("b", &noisy)]));
        assert!(text.starts_with("No verdict on time") && text.contains("overlap"), "{text}");
    }

    #[test]
    fn other_work_on_the_machine_makes_a_single_run_less_worth() {
        let disturbed = |run: Measured| Measured { cost: RunCost { machine_cores: 1.9, ..run.cost }, ..run };
        let text = verdict(&compare(&[("a", &[disturbed(run(1.0, 1.0, 0))]), ("b", &[run(1.5, 1.0, 0)])]));
        assert!(text.starts_with("No verdict on time") && text.contains("other work"), "{text}");
        let text = verdict(&compare(&[("a", &[disturbed(run(1.0, 1.0, 0))]), ("b", &[run(2.5, 1.0, 0)])]));
        assert!(text.starts_with("With a it was 2.5 ×"), "{text}");
    }

    #[test]
    fn what_takes_as_long_may_still_cost_more_and_counts_that_differ_are_told() {
        let text = verdict(&compare(&[("spin", &[run(1.0, 1.9, 1498)]), ("sleep", &[run(1.0, 0.1, 0)])]));
        assert!(text.contains("With sleep it used 0.10 s of CPU time, with spin 1.90 s."), "{text}");
        assert!(text.ends_with("Lost: 1498 with spin, 0 with sleep."), "{text}");
        assert!(!text.contains("kind"), "what was set is no result: {text}");
    }

    #[test]
    fn of_several_the_fastest_is_named_and_those_that_took_as_long() {
        let text = verdict(&compare(&[("1", &[run(4.0, 4.0, 0)]), ("2", &[run(2.0, 4.0, 0)]), ("4", &[run(2.1, 4.0, 0)])]));
        assert_eq!(
            text,
            "With 2 it was fastest: 2.0 × as fast as with 1, the slowest, on 2.00 cores instead of 1.00. With 4 it took as long."
        );
    }

    #[test]
    fn a_run_that_was_cut_short_gives_no_verdict_and_a_false_fact_is_told() {
        let timed_out = Measured { outcome: Outcome::TimedOut, ..run(1.0, 1.0, 0) };
        let text = verdict(&compare(&[("a", &[run(9.0, 1.0, 0)]), ("b", &[timed_out])]));
        assert_eq!(text, "No verdict: with b the run ran into its time limit.");
        let died = Measured { outcome: Outcome::Failed, facts_held: 0, facts: 0, ..run(0.1, 0.1, 0) };
        let text = verdict(&compare(&[("a", &[run(9.0, 1.0, 0)]), ("b", &[died])]));
        assert_eq!(text, "No verdict: with b the run failed before its end.", "and not: b was faster");
        let failed = Measured { outcome: Outcome::Failed, facts_held: 1, ..run(1.0, 1.0, 0) };
        let text = verdict(&compare(&[("a", &[run(9.0, 1.0, 0)]), ("b", &[failed])]));
        assert!(text.ends_with("With b, 1 of 2 facts did not hold."), "{text}");
        assert_eq!(verdict(&Comparison { progress: Progress::Running { variant: 0, round: 0 }, ..compare(&[("a", &[])]) }), "");
    }
}
