//! What a run of this lesson shows: in how many orders the steps came, and with how many results.

use std::collections::BTreeSet;

use crate::model::Event;
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, STEP, at_most, equals, more_than};

#[derive(Debug, Default)]
pub(super) struct Orders {
    lines: PrintedLines,
    runs: Vec<Ran>,
    /// Whether a person decided who went next.
    is_stepped: bool,
}

/// A line such as `light ABBA result 12`.
#[derive(Debug)]
struct Ran {
    is_heavy: bool,
    order: String,
    result: String,
}

impl Ran {
    fn from_line(line: &str) -> Option<Self> {
        let [kind @ ("light" | "heavy"), order, "result", result] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Self { is_heavy: kind == "heavy", order: order.to_owned(), result: result.to_owned() })
    }
}

impl Judge for Orders {
    fn see(&mut self, event: &Event) {
        self.runs.extend(self.lines.see(event).to_vec().iter().filter_map(|line| Ran::from_line(line)));
        self.is_stepped |= event.value(STEP).is_some_and(|value| value == "on");
    }

    fn claims(&self, _: &Params) -> Facts {
        let mut facts = Facts::new();
        let orders: BTreeSet<&str> = self.runs.iter().map(|run| run.order.as_str()).collect();
        if self.runs.len() > 1 && !self.is_stepped {
            let claim = "the same program ran in so many different orders of its steps";
            facts.push(more_than("orders", claim, 1, orders.len() as u64));
            let claim = "two runs had the same letter in so many percent of their places";
            facts.push(at_most("agree", claim, 99, self.agreement()));
        }
        let results: Vec<usize> = [false, true].into_iter().filter_map(|is_heavy| self.results(is_heavy)).collect();
        if !results.is_empty() {
            let claim = "runs with the same work had so many different results (light, heavy)";
            facts.push(equals("result", claim, vec![1; results.len()], results));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

impl Orders {
    /// The different results of the runs of one kind, if there are two runs to compare.
    fn results(&self, is_heavy: bool) -> Option<usize> {
        let runs: Vec<&Ran> = self.runs.iter().filter(|run| run.is_heavy == is_heavy).collect();
        (runs.len() > 1).then(|| runs.iter().map(|run| &run.result).collect::<BTreeSet<_>>().len())
    }

    /// The places in which two runs have the same letter, in percent: the mean over all pairs of runs.
    fn agreement(&self) -> u64 {
        let (mut same, mut all) = (0, 0);
        for (number, one) in self.runs.iter().enumerate() {
            for other in &self.runs[number + 1..] {
                same += one.order.bytes().zip(other.order.bytes()).filter(|(one, other)| one == other).count() as u64;
                all += one.order.len().min(other.order.len()) as u64;
            }
        }
        same * 100 / all.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const STEPPED: &str = r#"{"t":1,"kind":"value","name":"step","value":"on"}"#;

    fn failed_in(runs: &[&str], and: &str) -> Vec<String> {
        let line = |run: &&str| format!(r#"{{"t":1,"kind":"output","pid":1,"stream":"stdout","text":"{run}\n"}}"#) + "\n";
        failed(Orders::default(), &Params::defaults(&[]), &(runs.iter().map(line).collect::<String>() + and))
    }

    #[test]
    fn each_claim_can_fail() {
        let runs = ["light AABB result 5", "light ABAB result 5", "heavy BABA result 7", "heavy AABB result 7"];
        assert_eq!(failed_in(&runs, ""), [""; 0]);
        assert_eq!(failed_in(&["light AABB result 5", "light AABB result 5"], ""), ["orders", "agree"]);
        assert_eq!(failed_in(&["light AABB result 5", "light ABAB result 6"], ""), ["result"]);
        assert_eq!(failed_in(&["light AABB result 5", "light AABB result 5"], STEPPED), [""; 0]);
    }

    #[test]
    fn nothing_is_claimed_of_one_run_nor_of_other_lines() {
        assert!(Orders::default().claims(&Params::defaults(&[])).is_empty());
        assert!(Ran::from_line("light AABB result").is_none() && Ran::from_line("dark AABB result 5").is_none());
        assert_eq!(failed_in(&["light AABB result 5", "heavy AABB result 6"], STEPPED), [""; 0]);
    }
}
