//! The numbers of a comparison as rows for the command line and the window: each variant's run with the median time. Pure.

use serde_json::Value;

use crate::engine::fold::numbers::plain;
use crate::model::{Comparison, Measured};

/// Values of the scenario's own that are shown, at most.
const MOST_VALUES: usize = 12;
/// Characters of a value that is a text.
const MOST_CHARS: usize = 24;

/// One quantity of each variant.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareRow {
    /// The quantity: `elapsed`, `cores used`, or the name of a value.
    pub what: String,
    /// Its meaning, in a sentence; empty for the scenario's own values.
    pub meaning: &'static str,
    /// One for each variant, with its unit; empty where nothing was measured yet.
    pub texts: Vec<String>,
    /// The same as numbers, for bars; `None` where it is none.
    pub amounts: Vec<Option<f64>>,
}

type Reading = (&'static str, &'static str, fn(&Measured) -> f64, fn(f64) -> String);

const READINGS: &[Reading] = &[
    ("elapsed", "From the launch to the end of the last process.", |run| run.elapsed_s, |it| format!("{it:.2} s")),
    (
        "CPU time",
        "User and system time of all its processes, from the kernel.",
        |run| run.cost.cpu_s(),
        |it| format!("{it:.2} s"),
    ),
    ("cores used", "CPU time in elapsed time: how many cores were busy on average.", Measured::cores, |it| format!("{it:.2}")),
    (
        "busy elsewhere",
        "Cores that other work kept busy on average: the more, the less the times mean.",
        Measured::cores_elsewhere,
        |it| format!("{it:.2}"),
    ),
    (
        "peak memory",
        "The most that its processes had in RAM together; shared pages count for each.",
        |run| run.cost.peak_rss as f64,
        |it| format!("{:.1} MiB", it / f64::from(1 << 20)),
    ),
    ("processes", "Processes that were seen.", |run| f64::from(run.cost.processes), |it| format!("{it:.0}")),
    (
        "threads",
        "Threads that were seen, the first one of each process included.",
        |run| f64::from(run.cost.threads),
        |it| format!("{it:.0}"),
    ),
    (
        "context switches",
        "How often a thread gave up its core or had to.",
        |run| run.cost.switches() as f64,
        |it| format!("{it:.0}"),
    ),
];

/// The rows of a comparison, as far as it is measured.
pub fn compare_rows(comparison: &Comparison) -> Vec<CompareRow> {
    let runs: Vec<Option<&Measured>> = comparison.variants.iter().map(crate::model::Variant::typical).collect();
    let mut rows: Vec<CompareRow> = READINGS
        .iter()
        .map(|(what, meaning, amount, text)| {
            let amounts: Vec<Option<f64>> = runs.iter().map(|run| run.map(amount)).collect();
            let texts = amounts.iter().map(|amount| amount.map(text).unwrap_or_default()).collect();
            CompareRow { what: (*what).to_owned(), meaning, texts, amounts }
        })
        .collect();
    if comparison.repeat > 1 {
        let range = |variant: &crate::model::Variant| {
            let times = || variant.runs.iter().map(|run| run.elapsed_s);
            let (least, most) = (times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
            if variant.runs.is_empty() { String::new() } else { format!("{least:.2}–{most:.2} s") }
        };
        let texts = comparison.variants.iter().map(range).collect();
        let meaning = "The fastest and the slowest of its runs; the other rows are those of the run with the median time.";
        rows.insert(1, CompareRow { what: "  of all runs".to_owned(), meaning, texts, amounts: Vec::new() });
    }
    let facts = |run: Option<&Measured>| run.map(|run| format!("{} of {}", run.facts_held, run.facts)).unwrap_or_default();
    let texts = runs.iter().copied().map(facts).collect();
    rows.push(CompareRow { what: "facts that hold".to_owned(), meaning: "", texts, amounts: Vec::new() });
    let mut names: Vec<&String> = runs.iter().flatten().flat_map(|run| run.values.keys()).collect();
    names.sort();
    names.dedup();
    for name in names.into_iter().filter(|name| **name != comparison.name).take(MOST_VALUES) {
        let values: Vec<Option<&Value>> = runs.iter().map(|run| run.and_then(|run| run.values.get(name))).collect();
        let texts = values.iter().map(|value| value.map(short).unwrap_or_default()).collect();
        let amounts = values.iter().map(|value| value.and_then(Value::as_f64)).collect();
        rows.push(CompareRow { what: name.clone(), meaning: "", texts, amounts });
    }
    rows
}

fn short(value: &Value) -> String {
    if let Some(number) = value.as_f64().filter(|_| value.is_f64()) {
        return format!("{number:.3}");
    }
    let text = crate::engine::fold::log::one_line(&plain(value));
    if text.chars().count() <= MOST_CHARS { text } else { text.chars().take(MOST_CHARS - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Outcome, Progress, RunCost, Variant};

    #[test]
    fn every_variant_has_its_column_and_what_is_not_measured_yet_is_empty() {
        let run = Measured {
            outcome: Outcome::Passed,
            elapsed_s: 2.0,
            cost: RunCost { user_s: 1.0, system_s: 2.0, processes: 5, ..RunCost::default() },
            facts_held: 1,
            facts: 2,
            values: BTreeMap::from([("lost".to_owned(), 7.into()), ("order".to_owned(), "x".repeat(99).into())]),
        };
        let variant = |runs: Vec<Measured>| Variant { value: 1.into(), label: "a".to_owned(), runs };
        let comparison = Comparison {
            scenario: "race".to_owned(),
            name: "kind".to_owned(),
            repeat: 2,
            variants: vec![variant(vec![run.clone(), Measured { elapsed_s: 3.0, ..run }]), variant(Vec::new())],
            progress: Progress::Running { variant: 1, round: 0 },
            verdict: String::new(),
        };
        let rows = compare_rows(&comparison);
        let texts = |what: &str| rows.iter().find(|row| row.what.trim() == what).map(|row| row.texts.clone()).unwrap_or_default();
        for (what, text) in [
            ("elapsed", "2.00 s"),
            ("of all runs", "2.00–3.00 s"),
            ("cores used", "1.50"),
            ("processes", "5"),
            ("facts that hold", "1 of 2"),
            ("lost", "7"),
        ] {
            assert_eq!(texts(what), [text, ""], "{what}");
        }
        assert_eq!(texts("order")[0].chars().count(), MOST_CHARS);
    }
}
