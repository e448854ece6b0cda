//! What a run of this lesson shows: how many updates were lost in the rounds without the lock, and in the one with it.

use std::collections::BTreeSet;

use crate::model::Event;
use crate::scenario::card::seen::{action, after, number};
use crate::scenario::card::{Facts, Judge, Params, Printed, STEP, equals, more_than};

/// Updates of all rounds without the lock, and work between reading and writing, with less of which a race may be too rare to meet.
const LEAST_UPDATES: u64 = 400;
const LEAST_GAP: usize = 100;
/// Work without the counter, as a multiple of the work between reading and writing, likewise.
const MOST_OUTSIDE: usize = 5;

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was done or not")]
pub(super) struct Rounds {
    printed: Printed,
    /// Whether another thread may have added to the counter.
    has_others: bool,
    /// Whether a person has it, and whether one has released it for a thread that had it.
    is_kept: bool,
    is_freed: bool,
    is_stepped: bool,
}

/// What main prints after a round: the updates, and those that are missing in the counter.
fn round(line: &str) -> Option<(u64, u64)> {
    let updates: u64 = number(after(line, ": ").next()?)?;
    let counter: u64 = number(after(line, " updates, counter ").next()?)?;
    Some((updates, updates.saturating_sub(counter)))
}

impl Judge for Rounds {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        self.is_stepped |= event.value(STEP).is_some_and(|value| value == "on");
        let Some(action) = action(event) else { return };
        match &*action.word() {
            "another" => self.has_others = true,
            "hold" => self.is_kept = true,
            "release" if !std::mem::take(&mut self.is_kept) => self.is_freed = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        if self.has_others {
            return facts;
        }
        let text = self.printed.text();
        let lines = || text.lines();
        let open: Vec<(u64, u64)> = lines().filter(|line| line.starts_with("round ")).filter_map(round).collect();
        let updates: u64 = open.iter().map(|(updates, _)| updates).sum();
        let (gap, outside) = (params.count("gap"), params.count("outside"));
        let is_likely = updates >= LEAST_UPDATES && gap >= LEAST_GAP && outside <= MOST_OUTSIDE * gap && !self.is_stepped;
        if is_likely {
            let claim = format!("threads that add without a lock lose updates: lost of {updates}");
            facts.push(more_than("lost", &claim, 0, open.iter().map(|(_, lost)| lost).sum()));
            // Threads that are nearly always in the gap march in step, and may lose the same number each time.
            if open.len() >= 3 && outside >= gap {
                let numbers: BTreeSet<u64> = open.iter().map(|(_, lost)| *lost).collect();
                let claim = format!("the {} rounds lose different numbers of updates: different numbers", open.len());
                facts.push(more_than("varies", &claim, 1, numbers.len() as u64));
            }
        }
        let locked = lines().filter(|line| line.starts_with("with the lock: ")).find_map(round);
        if let Some((updates, lost)) = locked.filter(|_| !self.is_freed) {
            let claim = format!("with the lock around read and write no update is lost: lost of {updates}");
            facts.push(equals("lost-with-lock", &claim, 0, lost));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::threads::race::RACE;

    fn output(lines: &[&str]) -> String {
        let line = |line: &&str| format!(r#"{{"t":1,"kind":"output","pid":1,"stream":"stdout","text":"{line}\n"}}"#);
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn claims_that_fail(lines: &str) -> Vec<String> {
        failed(Rounds::default(), &Params::defaults(RACE.params), lines)
    }

    #[test]
    fn each_claim_can_fail() {
        let good = [
            "round 1: 600 updates, counter 201, lost 399",
            "round 2: 600 updates, counter 202, lost 398",
            "round 3: 600 updates, counter 202, lost 398",
            "with the lock: 600 updates, counter 600, lost 0",
        ];
        assert_eq!(claims_that_fail(&output(&good)), [""; 0]);
        assert_eq!(claims_that_fail(&output(&good).replace("counter 201", "counter 202")), ["varies"]);
        let none = output(&good).replace("counter 20", "counter 60");
        assert_eq!(claims_that_fail(&none), ["lost", "varies"]);
        assert_eq!(claims_that_fail(&output(&good).replace("counter 600", "counter 599")), ["lost-with-lock"]);
    }

    #[test]
    fn nothing_is_claimed_where_nobody_can_know() {
        assert_eq!(claims_that_fail(&output(&["round 1: 300 updates, counter 300, lost 0"])), [""; 0], "too few");
        let lost = output(&["with the lock: 600 updates, counter 599, lost 1"]);
        let act = |action: &str| format!(r#"{{"t":1,"kind":"action","do":"{action}","target":"lock counter_lock","by":"you"}}"#);
        assert_eq!(claims_that_fail(&format!("{}\n{lost}", act("release"))), [""; 0], "a thread lost its lock");
        let own = [act("hold"), act("release"), lost].join("\n");
        assert_eq!(claims_that_fail(&own), ["lost-with-lock"], "that was the person's own");
    }
}
