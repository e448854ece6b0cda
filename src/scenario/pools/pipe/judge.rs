//! What a run of this lesson shows: what the echo did, and which records of two writers came whole.

use std::time::Duration;

use crate::model::{Action, Event, EventKind, Monotonic, TaskState};
use crate::scenario::card::{Facts, Judge, Params, Printed, at_least, equals};

/// Bytes that a pipe takes whole (pipe(7)).
const PIPE_BUF: usize = 4_096;
/// After so long a writer that has started is stuck in the pipe.
const STUCK: Duration = Duration::from_millis(300);

#[derive(Debug, Default)]
pub(super) struct Pipe {
    printed: Printed,
    /// When the first two writers started.
    writers: Vec<Monotonic>,
    does_main_sleep: bool,
    /// When main began to read what these two have written.
    main_reads: Option<Monotonic>,
    /// Whether somebody has sent a signal: a stopped writer's record ends early.
    is_touched: bool,
}

impl Judge for Pipe {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, .. } if task.starts_with("writer-") && self.writers.len() < 2 => {
                self.writers.push(event.t);
            }
            EventKind::TaskChanged { task, state, .. } if task == "main" => {
                let sleeps = *state == TaskState::Sleeping;
                if self.does_main_sleep && !sleeps && self.printed.time_of("a pipe holds").is_some() {
                    self.main_reads.get_or_insert(event.t);
                }
                self.does_main_sleep = sleeps;
            }
            EventKind::Action { action: Action::Send(..), .. } => self.is_touched = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let holds = self.printed.numbers("a pipe holds ", " bytes").first().map(|(bytes, _)| *bytes);
        if let Some(found) = holds.filter(|bytes| *bytes >= 65_536) {
            // Sixteen pages, of 4 KiB or 16 KiB.
            let pages = if found == 262_144 { found } else { 65_536 };
            facts.push(equals("capacity", "bytes that a pipe holds before a writer waits: sixteen pages", pages, found));
        }
        if self.is_touched {
            return facts;
        }
        let word = params.text("word");
        if let Some(answer) = self.printed.after(&format!("sent {word}, received ")).next() {
            facts.push(equals("both-ways", "the echo answered through the same pipe", word.to_uppercase(), answer));
        }
        if let Some((before, _)) = self.printed.text().split_once("a pipe holds") {
            let found = before.contains("echo: end of file");
            let claim = "the echo found the end of file when main had closed its end";
            facts.push(equals("end-of-file", claim, "yes", if found { "yes" } else { "no" }));
        }
        let (size, all) = (params.count("size") * 1000, 2 * params.count("records") as u64);
        if let Some((torn, came)) = self.round("without a lock ") {
            if size <= PIPE_BUF {
                facts.push(equals("whole", "records came whole without a lock, as each fits into 4096 bytes", all, came - torn));
            } else if holds.is_some_and(|bytes| size as u64 > bytes) && self.were_stuck() {
                let claim = "records were torn without a lock, and no byte was lost";
                facts.push(at_least("torn", claim, 1, if came == all { torn } else { 0 }));
            }
        }
        if let Some((torn, came)) = self.round("with a lock ") {
            facts.push(equals("locked", "records came whole with a lock", all, came - torn));
        }
        facts
    }
}

impl Pipe {
    /// Records that were torn, and those that came.
    fn round(&self, how: &str) -> Option<(u64, u64)> {
        let (torn, rest) = self.printed.after(how).next()?.split_once(" of ")?;
        Some((torn.parse().ok()?, rest.split_once(' ')?.0.parse().ok()?))
    }

    /// Whether both writers of the first round waited in the pipe before main began to read.
    fn were_stuck(&self) -> bool {
        let [_, last] = self.writers[..] else { return false };
        self.main_reads.is_some_and(|reads| reads.since(last) >= STUCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1,"kind":"output","pid":7,"stream":"stdout","text":"sent hello, received HELLO\necho: end of file\na pipe holds 65536 bytes\n"}
        {"t":2,"kind":"task.started","pid":8,"task":"writer-a","sort":"process"}
        {"t":3,"kind":"task.started","pid":9,"task":"writer-b","sort":"process"}
        {"t":4,"kind":"task.state","task":"main","state":"sleeping"}
        {"t":400000000,"kind":"task.state","task":"main","state":"running"}
        {"t":400000001,"kind":"output","pid":7,"stream":"stdout","text":"without a lock 9 of 20 records are torn\nwith a lock 0 of 20 records are torn\n"}"#;

    fn with_size(size: &str) -> Params {
        let specs = super::super::card::PIPE.params;
        let mut params = Params::defaults(specs);
        params.set(specs, "size", size).expect("in range");
        params
    }

    #[test]
    fn each_claim_can_fail() {
        let (long, short) = (with_size("300"), with_size("4"));
        let failed = |params: &Params, lines: &str| failed(Pipe::default(), params, lines);
        assert_eq!(failed(&long, RUN), [""; 0]);
        assert_eq!(failed(&long, &RUN.replace("65536", "70000")), ["capacity"]);
        assert_eq!(failed(&long, &RUN.replace("HELLO", "hello")), ["both-ways"]);
        assert_eq!(failed(&long, &RUN.replace("echo: end of file", "")), ["end-of-file"]);
        assert_eq!(failed(&long, &RUN.replace("9 of 20", "0 of 20")), ["torn"]);
        assert_eq!(failed(&long, &RUN.replace("9 of 20", "9 of 19")), ["torn"], "some were lost");
        assert_eq!(failed(&long, &RUN.replace("9 of 20", "0 of 20").replace("\"t\":400000000", "\"t\":40000000")), [""; 0]);
        assert_eq!(failed(&short, RUN), ["whole"]);
        assert_eq!(failed(&long, &RUN.replace("with a lock 0", "with a lock 1")), ["locked"]);
    }
}
