//! What a run of this lesson shows: who heard the request, who ended how, and whose `finally` ran.

use crate::model::{Action, Event, EventKind};
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, at_least, equals};

const PROGRAMS: [&str; 3] = ["polite", "slow", "deaf"];
const KILLED: i32 = -9;

#[derive(Debug, Default)]
pub(super) struct Requests {
    printed: PrintedLines,
    /// Whether a person has sent a signal.
    is_touched: bool,
}

/// What main says of a program at its end.
#[derive(Debug)]
struct Ended<'p> {
    name: &'static str,
    said: &'p str,
    status: i32,
    /// After the request.
    milliseconds: u64,
    is_file_there: bool,
}

impl Ended<'_> {
    fn heard(&self) -> usize {
        self.said.matches("heard SIGTERM").count()
    }

    fn ran_finally(&self) -> bool {
        self.said.contains("ran finally")
    }
}

impl Judge for Requests {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        self.is_touched |= matches!(event.kind, EventKind::Action { action: Action::Send(..), .. });
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let ended = PROGRAMS.map(|name| self.ended(name));
        if let Some(slow) = ended[1].as_ref().filter(|slow| slow.heard() > 0 && slow.status == 3 && !self.is_touched) {
            let least = params.seconds("cleanup").as_millis() as u64;
            let claim = "slow took its time before it ended: milliseconds after the request";
            facts.push(at_least("slow", claim, least, slow.milliseconds));
        }
        let is_forced = self.printed.after("kill deaf").is_some();
        if let Some(deaf) = ended[2].as_ref().filter(|deaf| deaf.heard() > 0 && is_forced) {
            let least = params.seconds("grace").as_millis() as u64;
            let claim = "deaf heard the request and went on until SIGKILL: milliseconds";
            facts.push(at_least("deaf", claim, least, deaf.milliseconds));
        }
        let [Some(polite), Some(slow), Some(deaf)] = ended else { return facts };
        let has_time = params.seconds("cleanup").as_secs_f64() <= params.seconds("grace").as_secs_f64() - 0.3;
        let heard = [&polite, &slow, &deaf].iter().all(|ended| ended.heard() > 0);
        let statuses = [polite.status, slow.status, deaf.status];
        // On a machine that is very busy, the grace is over before the others have done anything.
        if heard && has_time && !self.is_touched && !statuses[..2].contains(&KILLED) {
            let claim = "only deaf was ended by the kernel: statuses of polite, slow, deaf";
            facts.push(equals("how-ended", claim, vec![0, 3, KILLED], statuses.to_vec()));
        }
        // A second request may come in the middle of `finally`, and so may SIGKILL.
        if polite.heard() > 1 || polite.status == KILLED || statuses.iter().any(|status| ![0, 3, -15, KILLED].contains(status)) {
            return facts;
        }
        let all = [&polite, &slow, &deaf];
        let names = |is_meant: &dyn Fn(&Ended<'_>) -> bool| -> Vec<&str> {
            all.iter().filter(|ended| is_meant(ended)).map(|ended| ended.name).collect()
        };
        let left: Vec<&str> = if polite.heard() > 0 && polite.status == 0 { vec!["polite"] } else { Vec::new() };
        let claim = "`finally` ran in the program that left by itself, and in no other";
        facts.push(equals("finally", claim, left, names(&|ended| ended.ran_finally())));
        let claim = "the temporary files of the others stayed";
        facts.push(equals("files", claim, names(&|ended| !ended.ran_finally()), names(&|ended| ended.is_file_there)));
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

impl Requests {
    fn ended(&self, name: &'static str) -> Option<Ended<'_>> {
        let line = self.printed.lines().iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
        let (said, rest) = line.split_once("; status ")?;
        let (status, rest) = rest.split_once(" after ")?;
        let (seconds, there) = rest.split_once(" s; file is there: ")?;
        let milliseconds = (seconds.parse::<f64>().ok()? * 1000.0).round() as u64;
        let is_file_there = there.eq_ignore_ascii_case("true");
        Some(Ended { name, said, status: status.parse().ok()?, milliseconds, is_file_there })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::card::printed_lines::printed;

    const TOLD: &str = "polite: heard SIGTERM, ran finally; status 0 after 0.010 s; file is there: False\n\
        slow: heard SIGTERM; status 3 after 0.605 s; file is there: True\nkill deaf\n\
        deaf: heard SIGTERM; status -9 after 1.002 s; file is there: True\n";

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::SIGNALS.params);
        let fails = |from: &str, to: &str| failed(Requests::default(), &params, &printed(&TOLD.replace(from, to)));
        assert_eq!(fails("", ""), [""; 0]);
        assert_eq!(fails(", ran finally; status 0", "; status 0"), ["finally", "files"]);
        assert_eq!(fails("slow: heard SIGTERM", "slow: heard SIGTERM, ran finally"), ["finally", "files"]);
        assert_eq!(fails("there: False", "there: true"), ["files"]);
        assert_eq!(fails("0.605", "0.002"), ["slow"]);
        assert_eq!(fails("1.002", "0.010"), ["deaf"]);
        assert_eq!(fails("status -9", "status -15"), ["how-ended"]);
    }

    #[test]
    fn nothing_is_claimed_of_what_a_person_or_a_busy_machine_has_done() {
        let params = Params::defaults(super::super::card::SIGNALS.params);
        let fails = |text: &str| failed(Requests::default(), &params, text);
        assert_eq!(fails(&printed(&TOLD.replace("ran finally; status 0", "; status -9"))), [""; 0]);
        let terminated = r#"{"t":1,"kind":"action","do":"terminate","target":"slow","by":"user"}"#;
        let early = printed(&TOLD.replace("0.605", "0.100"));
        assert_eq!(fails(&format!("{terminated}\n{early}")), [""; 0]);
    }
}
