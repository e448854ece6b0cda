//! What a run of this lesson shows: when `poll()` gives a status, what a buffer keeps, and what a program inherits.

use std::collections::HashSet;

use crate::model::{Event, EventKind, ExitStatus, Fact, Pid};
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, equals};

#[derive(Debug, Default)]
pub(super) struct Arguments {
    printed: PrintedLines,
    runners: HashSet<Pid>,
    is_runner_killed: bool,
    /// Whether a person has done anything.
    is_touched: bool,
}

impl Judge for Arguments {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::ProcessStarted { pid, name, .. } if name == "runner" => {
                self.runners.insert(*pid);
            }
            EventKind::ProcessExited { pid, status: ExitStatus::Signaled { .. } } => {
                self.is_runner_killed |= self.runners.contains(pid);
            }
            EventKind::Action { .. } => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let polls: Vec<&str> = self.printed.all_after("poll ").collect();
        if let ([first, .., last], false) = (polls.as_slice(), self.is_runner_killed) {
            let claim = "poll() gave None while the program ran, and its status at the end";
            let expected = vec!["None".to_owned(), params.count("status").to_string()];
            facts.push(equals("poll", claim, expected, vec![*first, *last]));
        }
        // On a machine that is very busy, cat comes too late for the lines.
        if let (Some(direct @ 1..), Some(buffered), false) = (self.early("0"), self.early("-1"), self.is_touched) {
            facts.push(Fact {
                id: "buffered".to_owned(),
                claim: "lines that arrived before the pipe was closed: without a buffer, with one".to_owned(),
                expected: "1 or more, 0".into(),
                observed: format!("{direct}, {buffered}").into(),
                holds: buffered == 0,
            });
        }
        let found: Vec<bool> = self.printed.all_after("close_fds=").map(|line| line.to_lowercase().ends_with("true")).collect();
        if found.len() >= 2 {
            let claim = "another program found our open file: by default, and with close_fds=False";
            facts.push(equals("close-fds", claim, vec![false, true], found));
        }
        let numbers = |words| self.printed.all_after(words).find_map(|rest| rest.parse::<i64>().ok());
        if let (Some(here), Some(there)) = (numbers("niceness here "), numbers("niceness ")) {
            let expected = (here + params.count("nice") as i64).min(19);
            facts.push(equals("nice", "preexec_fn ran in the child: the guest's niceness", expected, there));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

impl Arguments {
    /// How many lines came between these words and the close of the pipe; `None` if that was not seen.
    fn early(&self, size: &str) -> Option<usize> {
        let mut lines = self.printed.lines().iter().skip_while(|line| line.strip_prefix("bufsize ") != Some(size)).skip(1);
        let mut count = 0;
        loop {
            match lines.next()?.as_str() {
                "close" => return Some(count),
                line => count += usize::from(line.starts_with("line ")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::card::printed_lines::printed;

    const TOLD: &str = "poll None\nniceness 5\nniceness here 0\nbufsize 0\nline 1\nline 2\nclose\nline 3\nbufsize -1\nclose\nline 1\n\
        close_fds=True: finds our file: False\nclose_fds=False: finds our file: True\nwait 7\npoll 7\n";

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::POPEN.params);
        let fails = |from: &str, to: &str| failed(Arguments::default(), &params, &printed(&TOLD.replace(from, to)));
        assert_eq!(fails("", ""), [""; 0]);
        assert_eq!(fails("poll None", "poll 7"), ["poll"]);
        assert_eq!(fails("-1\nclose", "-1\nline 1\nclose"), ["buffered"]);
        assert_eq!(fails("close_fds=True: finds our file: False", "close_fds=True: finds our file: True"), ["close-fds"]);
        assert_eq!(fails("niceness 5", "niceness 0"), ["nice"]);
        assert_eq!(fails("0\nline 1\nline 2\nclose", "0\nclose"), [""; 0], "a machine that is too busy");
    }
}
