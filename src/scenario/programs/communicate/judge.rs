//! What a run of this lesson shows: when a program answers, what comes back without a pipe, and how much is in hand at once.

use std::collections::HashSet;

use crate::model::{Event, EventKind, ExitStatus, Pid};
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, equals};

#[derive(Debug, Default)]
pub(super) struct Talk {
    printed: PrintedLines,
    /// The programs that unpack.
    unpackers: HashSet<Pid>,
    /// Whether one of them was ended by a signal.
    is_killed: bool,
}

impl Judge for Talk {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::ProcessStarted { pid, name, .. } if name == "gunzip" || name == "gzip" => {
                self.unpackers.insert(*pid);
            }
            EventKind::ProcessExited { pid, status: ExitStatus::Signaled { .. } } => {
                self.is_killed |= self.unpackers.contains(pid);
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let lines = self.printed.lines();
        let closed = lines.iter().position(|line| line == "we close its input");
        if let Some(closed) = closed.filter(|_| params.text("program") == "sort") {
            let early = lines[..closed].iter().filter(|line| line.starts_with("sort says ")).count();
            facts.push(equals("silent", "before its input was closed, sort had answered: lines", 0, early));
        }
        if let Some((_, error)) = self.printed.after("communicate gave ").and_then(|gave| gave.rsplit_once(" and ")) {
            let claim = "the program had no error to tell, and error was an empty text, not None";
            // Rust has other quotes.
            facts.push(equals("error-bytes", claim, "''", error.replace('"', "'")));
        }
        if let Some(gave) = self.printed.after("without a PIPE: ") {
            facts.push(equals("no-pipe", "without a PIPE, communicate() brought back", "(None, None)", gave));
        }
        if self.is_killed {
            return facts;
        }
        if let Some(bytes) = self.printed.after("the longest line: ").and_then(bytes) {
            facts.push(equals("flat", "line by line, the longest piece that the loop got was: bytes", 64, bytes));
        }
        if let Some(bytes) = self.printed.after("all at once: ").and_then(bytes) {
            let claim = "communicate() gave all of the story in one piece: MiB";
            facts.push(equals("kept", claim, params.count("mebibytes"), bytes / (1024 * 1024)));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

fn bytes(text: &str) -> Option<u64> {
    text.strip_suffix(" bytes")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::card::printed_lines::printed;

    const TOLD: &str = "we say pear\nwe close its input\nsort says apple\ncommunicate gave \"apple\\n and \" and \"\"\n\
        without a PIPE: (None, None)\nthe longest line: 64 bytes\n\
        all at once: 33554432 bytes\n";

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::COMMUNICATE.params);
        let fails = |from: &str, to: &str| failed(Talk::default(), &params, &printed(&TOLD.replace(from, to)));
        assert_eq!(fails("", ""), [""; 0]);
        assert_eq!(fails("we close", "sort says apple\nwe close"), ["silent"]);
        assert_eq!(fails("and \"\"", "and None"), ["error-bytes"]);
        assert_eq!(fails("(None,", "(b'total 0',"), ["no-pipe"]);
        assert_eq!(fails(": 64 bytes", ": 6400 bytes"), ["flat"]);
        assert_eq!(fails("33554432", "33553432"), ["kept"]);
        let killed = [
            r#"{"t":1,"kind":"process.started","pid":7,"ppid":1,"pgid":1,"sid":1,"name":"gunzip","argv":[]}"#,
            r#"{"t":1,"kind":"process.exited","pid":7,"signal":"SIGKILL","core":false}"#,
            &printed(&TOLD.replace("33554432", "5")),
        ];
        assert_eq!(failed(Talk::default(), &params, &killed.join("\n")), [""; 0]);
    }
}
