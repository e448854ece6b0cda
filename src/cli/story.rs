//! A run in sentences, for people who read along in a terminal. Runs on the main thread.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::engine::{RunFold, one_line, plain};
use crate::model::{Event, EventKind, Monotonic, Pid, RunId, Severity, Stream};

/// A line of output that is longer is shown in pieces.
const LONGEST_LINE: usize = 4_096;

/// Tells a run as it goes on.
#[derive(Debug)]
pub(super) struct Story<W> {
    fold: RunFold,
    told: u64,
    /// Lines of output that have no end yet.
    partial: BTreeMap<(Pid, Stream), Vec<u8>>,
    out: W,
}

impl<W: Write> Story<W> {
    pub(super) fn new(title: &str, scenario: &str, out: W) -> Self {
        // Output is shown as it comes; nothing of it is kept.
        Self { fold: RunFold::new(RunId::new(1), title, scenario, 0), told: 0, partial: BTreeMap::new(), out }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The run consists of these processes.
    pub(super) fn launched(&mut self, stages: &[Pid]) {
        for pid in stages {
            self.fold.add_stage(*pid);
        }
    }

    /// Takes in an event, and tells what is worth a sentence.
    pub(super) fn hear(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Output { pid, stream, bytes } => self.output(event.t, *pid, *stream, bytes)?,
            EventKind::OutputClosed { pid, stream } => {
                if let Some(rest) = self.partial.remove(&(*pid, *stream)) {
                    self.line(event.t, *pid, &rest)?;
                }
            }
            _ => {}
        }
        self.fold.apply(event);
        // The last sentence is the event's own; before it may stand what had to wait.
        let total = self.fold.log().total();
        match &event.kind {
            EventKind::Fact(_) if total > self.told => {
                self.tell(total - 1)?;
                // Facts are told together, at the end.
                self.told = total;
            }
            EventKind::RunFinished { .. } if total > self.told => {
                self.tell(total - 1)?;
                self.facts()?;
                self.tell(total)?;
            }
            _ => self.tell(total)?,
        }
        Ok(())
    }

    /// Tells the log up to its sentence of that number.
    fn tell(&mut self, until: u64) -> io::Result<()> {
        let count = usize::try_from(until - self.told).unwrap_or(usize::MAX);
        for entry in self.fold.log().since(self.told).take(count) {
            let mark = match entry.severity {
                Severity::Bad => '!',
                Severity::User => '>',
                Severity::Info | Severity::Good => ' ',
            };
            writeln!(self.out, "{:>8.3} {mark} {}", entry.t.secs(), entry.text)?;
        }
        self.told = until;
        Ok(())
    }

    fn output(&mut self, t: Monotonic, pid: Pid, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mut text = self.partial.remove(&(pid, stream)).unwrap_or_default();
        text.extend_from_slice(bytes);
        let mut rest = text.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line(t, pid, &rest[..end])?;
            rest = &rest[end + 1..];
        }
        if rest.len() > LONGEST_LINE {
            self.line(t, pid, rest)?;
        } else if !rest.is_empty() {
            self.partial.insert((pid, stream), rest.to_vec());
        }
        Ok(())
    }

    fn line(&mut self, t: Monotonic, pid: Pid, bytes: &[u8]) -> io::Result<()> {
        let name = self.fold.process(pid).map_or("", |row| row.name.as_str());
        let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes));
        writeln!(self.out, "{:>8.3}   {} │ {}", t.secs(), one_line(name), one_line(&text))
    }

    fn facts(&mut self) -> io::Result<()> {
        for fact in self.fold.facts() {
            let mark = if fact.holds { '✓' } else { '✗' };
            let text = format!("{mark} {}: expected {}, observed {}", fact.claim, plain(&fact.expected), plain(&fact.observed));
            writeln!(self.out, "{:>10} {}", "", one_line(&text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_come_as_they_happen_output_by_lines_and_facts_at_the_end() {
        let mut story = Story::new("Zombies", "zombie", Vec::new());
        for line in [
            r#"{"t":0,"kind":"run.started","run":1,"scenario":"zombie","language":"rust","params":{}}"#,
            r#"{"t":1000000,"kind":"process.started","pid":9,"ppid":1,"name":"sort"}"#,
            r#"{"t":2000000,"kind":"output","pid":9,"stream":"stdout","text":"one\r\ntw"}"#,
            r#"{"t":3000000,"kind":"output","pid":9,"stream":"stderr","text":"\u001b[31moops"}"#,
            r#"{"t":3000000,"kind":"output","pid":9,"stream":"stdout","text":"o\n"}"#,
            r#"{"t":4000000,"kind":"fact","id":"a","claim":"it works","expected":"> 0","observed":3,"holds":true}"#,
            r#"{"t":4000000,"kind":"fact","id":"b","claim":"so does this","expected":1,"observed":2,"holds":false}"#,
            r#"{"t":5000000,"kind":"output.closed","pid":9,"stream":"stderr"}"#,
            r#"{"t":6000000,"kind":"run.finished","run":1,"outcome":"failed","elapsed_s":0.006,"processes_left":0}"#,
        ] {
            let event = Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("valid").expect("known");
            story.hear(&event).expect("a buffer");
        }
        let text = String::from_utf8(story.out).expect("text");
        assert_eq!(
            text.lines().map(str::trim_end).collect::<Vec<_>>(),
            [
                "   0.000   Zombies: the run starts, as Rust.",
                "   0.001   sort (9) started.",
                "   0.002   sort │ one",
                "   0.003   sort │ two",
                "   0.005   sort │ ␛[31moops",
                "           ✓ it works: expected > 0, observed 3",
                "           ✗ so does this: expected 1, observed 2",
                "   0.006 ! The run failed after 0.01 s; no process is left.",
            ]
        );
    }
}
