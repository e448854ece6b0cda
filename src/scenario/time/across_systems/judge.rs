//! What a run of this lesson shows: that no task is lost with its worker, and that all counted right.

use std::collections::BTreeSet;

use crate::model::{Event, EventKind, Monotonic};
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, at_least, equals};

const ANSWERS: &str = "queue answers";
/// Larger numbers would have the judge count for too long.
const LAST_TASK: u64 = 1000;

#[derive(Debug, Default)]
pub(super) struct Tasks {
    printed: PrintedLines,
    /// When main heard who has taken which task.
    taken: Vec<(Monotonic, String, u64)>,
    /// Whether some of that was counted, and not told.
    lacks_some: bool,
}

impl Judge for Tasks {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        self.lacks_some |= matches!(&event.kind, EventKind::TaskCounts { task, .. } if task == "main");
        if let Some(got) = event.operation("get", ANSWERS) {
            // A tuple, as Python or Rust write it.
            let text = got.result.as_str().unwrap_or_default().replace(['[', ']', '(', ')', '"', '\'', ','], " ");
            let words: Vec<&str> = text.split_whitespace().collect();
            if let [name, "has", "taken", task, ..] = words.as_slice()
                && let Ok(task) = task.parse()
            {
                self.taken.push((event.t, (*name).to_owned(), task));
            }
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let Some(primes) = self.printed.after("primes: ").and_then(|primes| primes.parse::<u64>().ok()) else {
            return Facts::new();
        };
        let mut facts = Facts::new();
        let lost = self.lost();
        let tasks: Vec<u64> = lost.iter().map(|(_, task)| *task).collect();
        if !lost.is_empty() {
            let by_others =
                |(name, task): &&(&str, u64)| self.told("has done").any(|(other, done)| other != *name && done == *task);
            let done: Vec<u64> = lost.iter().filter(by_others).map(|(_, task)| *task).collect();
            facts.push(equals("lost", "another worker did what the lost worker had in hand: tasks", tasks, done));
        }
        if let Some(late) = lost.first().and_then(|(name, task)| self.noticed(name, *task)).filter(|_| !self.lacks_some) {
            let least = params.seconds("give_up").as_millis() as u64;
            let claim = "nobody told main of the loss, and the task was taken again only after: milliseconds";
            facts.push(at_least("noticed", claim, least, late));
        }
        let done: BTreeSet<u64> = self.told("has done").map(|(_, task)| task).collect();
        let wanted = params.count("tasks");
        let all = done.iter().filter(|task| **task <= wanted as u64 && **task > 0).count();
        facts.push(equals("all-done", "in the end every task was done: tasks", wanted, all));
        if done.iter().all(|task| *task <= LAST_TASK) {
            let right = count_primes(&done, params.count("size") as u64 * 1000);
            facts.push(equals("primes", "the tasks found as many primes as there are: primes", right, primes));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

impl Tasks {
    /// The workers that said this, and of which task.
    fn told<'p>(&'p self, what: &'p str) -> impl Iterator<Item = (&'p str, u64)> {
        self.printed.lines().iter().filter_map(move |line| {
            let (name, task) = line.split_once(what)?;
            Some((name.trim_end(), task.trim_start().parse().ok()?))
        })
    }

    /// The tasks that lost workers had taken, and never did.
    fn lost(&self) -> Vec<(&str, u64)> {
        let names: BTreeSet<&str> = self.printed.all_after("we lose ").collect();
        let is_lost = |(name, task): &(&str, u64)| {
            names.contains(name) && !self.told("has done").any(|(other, done)| other == *name && done == *task)
        };
        let mut lost: Vec<_> = self.told("has taken").filter(is_lost).collect();
        lost.dedup();
        lost
    }

    /// The time from when the lost worker had taken the task until another one had. If main had given up before, while the workers
    /// started, the task was in the queue twice, and another one may take it at once.
    fn noticed(&self, name: &str, task: u64) -> Option<u64> {
        let mut until_lost = self.printed.lines().iter().take_while(|line| line.strip_prefix("we lose ") != Some(name));
        if until_lost.any(|line| line.starts_with("no answer")) {
            return None;
        }
        let (lost, ..) = self.taken.iter().find(|(_, by, taken)| by == name && *taken == task)?;
        let (again, ..) = self.taken.iter().find(|(t, by, taken)| by != name && *taken == task && t > lost)?;
        Some(again.since(*lost).as_millis() as u64)
    }
}

/// How many primes there are in the numbers of these tasks.
fn count_primes(tasks: &BTreeSet<u64>, size: u64) -> u64 {
    let first = |task: u64| 1_000_000 + task * size;
    let last = tasks.last().map_or(0, |task| first(*task + 1));
    let divisors: Vec<u64> = {
        let root = last.isqrt() as usize;
        let mut is_prime = vec![true; root + 1];
        for number in 2..=root.isqrt() {
            (number * number..=root).step_by(number).for_each(|multiple| is_prime[multiple] = false);
        }
        (2..=root).filter(|number| is_prime[*number]).map(|number| number as u64).collect()
    };
    let in_task = |task: &u64| {
        let mut is_prime = vec![true; size as usize];
        let begin = first(*task);
        for divisor in &divisors {
            let start = begin.next_multiple_of(*divisor) - begin;
            (start..size).step_by(*divisor as usize).for_each(|at| is_prime[at as usize] = false);
        }
        is_prime.iter().filter(|is_prime| **is_prime).count() as u64
    };
    tasks.iter().map(in_task).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::card::printed_lines::printed;

    #[test]
    fn primes_are_counted_right() {
        let by_hand = |from: u64, to: u64| (from..to).filter(|n| (2..=n.isqrt()).all(|d| n % d != 0)).count() as u64;
        let tasks = BTreeSet::from([1, 3]);
        assert_eq!(count_primes(&tasks, 1000), by_hand(1_001_000, 1_002_000) + by_hand(1_003_000, 1_004_000));
        assert_eq!(count_primes(&BTreeSet::new(), 1000), 0);
    }

    #[expect(clippy::format_collect, reason = "a few lines of a test")]
    #[test]
    fn each_claim_can_fail() {
        let mut params = Params::defaults(super::super::card::ACROSS_SYSTEMS.params);
        params.set(super::super::card::ACROSS_SYSTEMS.params, "tasks", "4").expect("in range");
        let took = |seconds: f64, name: &str, task: u64| {
            let t = (seconds * 1e9) as u64;
            format!(
                r#"{{"t":{t},"kind":"op","task":"main","do":"get","on":"queue answers","result":"('{name}', 'has taken', {task}, 0)"}}"#
            )
        };
        let told: String = (1..=4).map(|task| format!("worker-1 has done {task}\n")).collect();
        let right = count_primes(&BTreeSet::from([1, 2, 3, 4]), 10_000);
        let told = format!("worker-2 has taken 2\nwe lose worker-2\n{told}primes: {right}\n");
        let claims = |again: f64, told: &str| {
            let lines = [took(1.0, "worker-2", 2), took(again, "worker-1", 2), printed(told)].join("\n");
            failed(Tasks::default(), &params, &lines)
        };
        assert_eq!(claims(2.6, &told), [""; 0]);
        assert_eq!(claims(1.1, &told), ["noticed"]);
        assert_eq!(claims(1.1, &told.replace("we lose worker-2\n", "we lose worker-2\nno answer, again: 2\n")), ["noticed"]);
        assert_eq!(claims(1.1, &format!("no answer, again: 1 2 3 4\n{told}")), [""; 0], "all tasks were in the queue twice");
        assert_eq!(claims(2.6, &told.replace("worker-1 has done 2", "worker-1 has taken 2")), ["lost", "all-done", "primes"]);
        assert_eq!(claims(2.6, &told.replace("primes: ", "primes: 1")), ["primes"]);
        assert_eq!(claims(2.6, "worker-2 has taken 2\nwe lose worker-2\n"), [""; 0], "main was killed");
    }
}
