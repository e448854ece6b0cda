//! What a run of this lesson shows: which lines of the screen are torn, whether a character is lost, and what the lock costs.

use crate::model::Event;
use crate::scenario::card::seen::{Holds, action};
use crate::scenario::card::{Facts, Judge, Params, Printed, at_least, equals, more_than};

/// What main prints before each round.
const TITLES: [&str; 3] = ["One print a line:\n", "Two prints a line:\n", "With the lock:\n"];

#[derive(Debug)]
pub(super) struct Screen {
    printed: Printed,
    holds: Holds,
    /// Whether another thread may have printed, or a writer's work was cut short.
    is_touched: bool,
    /// Whether a person has the lock, and whether one has released it for a writer that had it.
    is_kept: bool,
    is_freed: bool,
}

impl Default for Screen {
    fn default() -> Self {
        let (printed, holds) = (Printed::default(), Holds::of("lock screen"));
        Self { printed, holds, is_touched: false, is_kept: false, is_freed: false }
    }
}

/// The lines that are meant in the first round, or in each of the other two.
fn meant(params: &Params, is_first: bool) -> Vec<String> {
    let line = |writer: usize, line: usize| {
        if is_first {
            format!("writer-{writer} prints line {line}\n")
        } else {
            format!("writer-{writer} copies file {line} ... done\n")
        }
    };
    let lines = params.count("lines");
    (1..=params.count("writers")).flat_map(|writer| (1..=lines).map(move |number| line(writer, number))).collect()
}

/// How many of the lines that were meant do not stand on the screen as lines.
fn torn(meant: &[String], screen: &str) -> usize {
    let is_whole = |line: &&String| screen.split_inclusive('\n').any(|shown| shown == line.as_str());
    meant.len() - meant.iter().filter(is_whole).count()
}

fn counts(text: &str) -> [usize; 256] {
    text.bytes().fold([0; 256], |mut counts, byte| {
        counts[usize::from(byte)] += 1;
        counts
    })
}

impl Judge for Screen {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        self.holds.see(event);
        let Some(action) = action(event) else { return };
        self.is_touched |= action.target().starts_with("writer-");
        match &*action.word() {
            "hold" => self.is_kept = true,
            "release" if !std::mem::take(&mut self.is_kept) => self.is_freed = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let text = self.printed.text();
        let (first, second) = (meant(params, true), meant(params, false));
        let mut rest = text.split_once(TITLES[0]).map(|(_, rest)| rest);
        let mut round = |title: &str| {
            let (round, after) = rest?.split_once(title)?;
            rest = Some(after);
            Some(round)
        };
        let rounds = (round(TITLES[1]), round(TITLES[2]));
        if self.is_touched {
            return facts;
        }
        if let (Some(one), Some(two)) = rounds {
            let claim = format!("other threads print between the two prints of a line: torn lines of {}", second.len());
            facts.push(more_than("torn", &claim, 0, torn(&second, two) as u64));
            let wanted = counts(&(first.concat() + &second.concat()));
            let came = counts(&format!("{one}{two}"));
            let found: usize = wanted.iter().zip(came).map(|(wanted, came)| came.min(*wanted)).sum();
            let claim = "no character is lost, only the order suffers: characters of the rounds without a lock";
            facts.push(equals("complete", claim, wanted.iter().sum::<usize>(), found));
            let last = rest.unwrap_or_default();
            if !self.is_freed && last.len() >= second.concat().len() {
                facts.push(equals(
                    "whole",
                    "with the lock around both prints, lines are whole: torn lines",
                    0,
                    torn(&second, last),
                ));
            }
        }
        let ends = (self.holds.over.first().map(|hold| hold.from), self.holds.over.last().map(|hold| hold.to));
        if let (Some(first), Some(last)) = ends
            && !self.is_freed
        {
            let count = self.holds.over.len();
            let least = params.seconds("gap").as_millis() as u64 * count as u64;
            let claim = format!("with the lock, {count} lines are printed one after another: first acquire to last release (ms)");
            facts.push(at_least("turns", &claim, least, last.since(first).as_millis() as u64));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::threads::garbled_print::GARBLED_PRINT;

    fn params() -> Params {
        let mut params = Params::defaults(GARBLED_PRINT.params);
        params.set(GARBLED_PRINT.params, "lines", "3").expect("in range");
        params
    }

    /// A run with this screen in its last two rounds.
    fn run(second: &str, third: &str) -> String {
        let text = [TITLES[0], &meant(&params(), true).concat(), TITLES[1], second, TITLES[2], third].concat();
        let state =
            |t: u32, rest: &str| format!("{{\"t\":{t}000000,\"kind\":\"task.state\",\"task\":\"writer-1\",\"state\":{rest}}}\n");
        state(1, r#""running","on":"lock screen""#)
            + &state(202, r#""running""#)
            + &serde_json::json!({ "t": 9, "kind": "output", "pid": 1, "stream": "stdout", "text": text }).to_string()
    }

    #[test]
    fn each_claim_can_fail() {
        let failed = |lines: &str| failed(Screen::default(), &params(), lines);
        let whole = meant(&params(), false).concat();
        let torn = whole.replacen("done\n", "", 1) + "done\n";
        assert_eq!(failed(&run(&torn, &whole)), [""; 0]);
        assert_eq!(failed(&run(&whole, &whole)), ["torn"]);
        assert_eq!(failed(&run(&torn.replacen("copies", "copie", 1), &whole)), ["complete"]);
        assert_eq!(failed(&run(&torn, &torn)), ["whole"]);
        assert_eq!(failed(&run(&torn, &whole).replace("202000000", "102000000")), ["turns"]);
    }

    #[test]
    fn nothing_is_claimed_of_a_round_that_did_not_end() {
        let whole = meant(&params(), false).concat();
        assert_eq!(failed(Screen::default(), &params(), &run("", "").replace(TITLES[2].trim(), "")), [""; 0]);
        let torn = whole.replacen("done\n", "", 1) + "done\n";
        assert_eq!(failed(Screen::default(), &params(), &run(&torn, "writer-1 copies file 1 ... ")), [""; 0]);
    }
}
