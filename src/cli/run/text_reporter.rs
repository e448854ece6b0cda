//! A run in sentences, for a reader at a terminal. Runs on the main thread.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::engine::{RunFold, plain};
use crate::model::{Event, EventKind, Monotonic, Pid, RunId, Severity, Stream, harmless};

/// A longer line of output, in bytes, is printed in pieces.
const LONGEST_LINE: usize = 4_096;
/// Stands between the name of a process and a line of its output.
const BAR: char = '│';
/// Stands between the name of a process and a later piece of the same line.
const CONTINUATION_BAR: char = '┆';

/// A line of output whose end has not come yet.
#[derive(Debug, Default)]
struct Partial {
    /// The bytes that were not printed yet.
    bytes: Vec<u8>,
    /// Whether pieces of it were printed.
    is_begun: bool,
}

/// Prints a run while it goes on.
#[derive(Debug)]
pub(super) struct TextReporter<W> {
    fold: RunFold,
    /// How many sentences of the log are printed.
    printed: u64,
    partial: BTreeMap<(Pid, Stream), Partial>,
    /// Lines that wait for those that have happened before them and come after them.
    held: Vec<Held>,
    /// The time of the last line that was printed.
    reached: Monotonic,
    out: W,
}

/// A line that is to be printed.
#[derive(Debug)]
struct Held {
    t: Monotonic,
    since: Instant,
    /// What stands behind its time.
    text: String,
}

/// Lines that wait at most.
const MOST_HELD: usize = 4_096;
/// What a body tells comes so much later than what it writes, at most.
const MOMENT: Duration = Duration::from_millis(25);

impl<W: Write> TextReporter<W> {
    pub(super) fn new(title: &str, scenario: &str, out: W) -> Self {
        // The fold keeps no output: it is printed as it comes.
        let fold = RunFold::new(RunId::new(1), title, scenario, 0);
        Self { fold, printed: 0, partial: BTreeMap::new(), held: Vec::new(), reached: Monotonic::ZERO, out }
    }

    /// Prints what has waited long enough.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.print_held(MOMENT)?;
        self.out.flush()
    }

    /// When something will have waited long enough.
    pub(super) fn flush_again_in(&self) -> Option<Duration> {
        (!self.held.is_empty()).then_some(MOMENT)
    }

    /// Prints the lines that have waited so long, in the order of their times.
    fn print_held(&mut self, moment: Duration) -> io::Result<()> {
        self.held.sort_by_key(|line| line.t);
        let count = self.held.iter().take_while(|line| line.since.elapsed() >= moment).count();
        for line in self.held.drain(..count) {
            // One that comes later still has its place here.
            self.reached = self.reached.max(line.t);
            writeln!(self.out, "{:>8.3} {}", self.reached.secs(), line.text)?;
        }
        Ok(())
    }

    fn hold(&mut self, t: Monotonic, text: String) {
        self.held.push(Held { t, since: Instant::now(), text });
    }

    /// The run consists of these processes.
    pub(super) fn launched(&mut self, stages: &[Pid]) {
        for pid in stages {
            self.fold.add_stage(*pid);
        }
    }

    /// Prints the event, if there is a sentence for it.
    pub(super) fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Output { pid, stream, bytes } => self.print_output(event.t, *pid, *stream, bytes),
            EventKind::OutputClosed { pid, stream } => {
                if let Some(rest) = self.partial.remove(&(*pid, *stream)) {
                    self.print_line(event.t, *pid, rest);
                }
            }
            _ => {}
        }
        self.fold.apply(event);
        // The last sentence is the event's own; sentences that had to wait may stand before it.
        let total = self.fold.log().total();
        match &event.kind {
            EventKind::Fact(_) if total > self.printed => {
                self.print_log(total - 1);
                // The facts are printed together, at the end.
                self.printed = total;
            }
            EventKind::RunFinished { .. } if total > self.printed => {
                self.print_log(total - 1);
                self.print_held(Duration::ZERO)?;
                self.print_facts()?;
                self.print_log(total);
                self.print_held(Duration::ZERO)?;
            }
            _ => self.print_log(total),
        }
        // While events come without a pause nobody flushes.
        if self.held.len() >= MOST_HELD {
            self.print_held(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Prints the log up to this number of sentences.
    fn print_log(&mut self, until: u64) {
        let count = usize::try_from(until - self.printed).unwrap_or(usize::MAX);
        let entries: Vec<_> = self.fold.log().since(self.printed).take(count).cloned().collect();
        for entry in entries {
            let mark = match entry.severity {
                Severity::Bad => '!',
                Severity::User => '>',
                Severity::Info | Severity::Good => ' ',
            };
            self.hold(entry.t, format!("{mark} {}", entry.text));
        }
        self.printed = until;
    }

    fn print_output(&mut self, t: Monotonic, pid: Pid, stream: Stream, bytes: &[u8]) {
        let mut partial = self.partial.remove(&(pid, stream)).unwrap_or_default();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    partial.bytes.extend_from_slice(end);
                    self.print_line(t, pid, std::mem::take(&mut partial));
                }
                None => partial.bytes.extend_from_slice(part),
            }
        }
        let printed = self.print_pieces(t, pid, &partial);
        partial.bytes.drain(..printed);
        partial.is_begun |= printed > 0;
        if partial.is_begun || !partial.bytes.is_empty() {
            self.partial.insert((pid, stream), partial);
        }
    }

    /// Prints the rest of a line whose end has come.
    fn print_line(&mut self, t: Monotonic, pid: Pid, mut line: Partial) {
        if line.bytes.ends_with(b"\r") {
            line.bytes.pop();
        }
        let printed = self.print_pieces(t, pid, &line);
        let is_begun = line.is_begun || printed > 0;
        if !is_begun || printed < line.bytes.len() {
            self.print_piece(t, pid, &line.bytes[printed..], is_begun);
        }
    }

    /// Prints the beginning of a line that is too long for one piece. Returns how many bytes were printed.
    fn print_pieces(&mut self, t: Monotonic, pid: Pid, line: &Partial) -> usize {
        let mut printed = 0;
        while line.bytes.len() - printed > LONGEST_LINE {
            let end = printed + LONGEST_LINE;
            // Does not cut a UTF-8 character: its later bytes, three at most, are 10xxxxxx.
            let end = (end - 3..=end).rev().find(|at| line.bytes[*at] & 0xc0 != 0x80).unwrap_or(end);
            self.print_piece(t, pid, &line.bytes[printed..end], line.is_begun || printed > 0);
            printed = end;
        }
        printed
    }

    fn print_piece(&mut self, t: Monotonic, pid: Pid, bytes: &[u8], is_continued: bool) {
        let name = self.fold.process(pid).map_or("", |row| row.name.as_str());
        let bar = if is_continued { CONTINUATION_BAR } else { BAR };
        let text = format!("  {} {bar} {}", harmless(name), harmless(&String::from_utf8_lossy(bytes)));
        self.hold(t, text);
    }

    fn print_facts(&mut self) -> io::Result<()> {
        for fact in self.fold.facts() {
            let mark = if fact.holds { '✓' } else { '✗' };
            let text = format!("{mark} {}: expected {}, observed {}", fact.claim, plain(&fact.expected), plain(&fact.observed));
            writeln!(self.out, "{:>10} {}", "", harmless(&text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_come_as_they_happen_output_by_lines_and_facts_at_the_end() {
        let mut reporter = TextReporter::new("Zombies", "zombie", Vec::new());
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
            reporter.on_event(&event).expect("a buffer");
        }
        let text = String::from_utf8(reporter.out).expect("text");
        assert_eq!(
            text.lines().map(str::trim_end).collect::<Vec<_>>(),
            [
                "   0.000   Zombies: the run starts, as Rust.",
                "   0.001   sort (9) started.",
                "   0.002   sort │ one",
                "   0.003   sort │ two",
                "   0.005   sort │ ^[[31moops",
                "           ✓ it works: expected > 0, observed 3",
                "           ✗ so does this: expected 1, observed 2",
                "   0.006 ! The run failed after 0.01 s: fact b did not hold; no process is left.",
            ]
        );
    }

    #[test]
    fn lines_wait_a_moment_for_those_that_happened_before_them() {
        let mut reporter = TextReporter::new("Late", "", Vec::new());
        for (t, text) in [(3, "output"), (2, "told later"), (9, "last")] {
            let kind = EventKind::Notice { text: text.to_owned() };
            reporter.on_event(&Event { t: Monotonic::from_nanos(t * 1_000_000), kind }).expect("a buffer");
        }
        assert!(reporter.out.is_empty() && reporter.flush_again_in().is_some());
        reporter.print_held(Duration::ZERO).expect("a buffer");
        reporter.hold(Monotonic::ZERO, "much later".to_owned());
        reporter.print_held(Duration::ZERO).expect("a buffer");
        let text = String::from_utf8(reporter.out).expect("text");
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            ["   0.002 ! told later", "   0.003 ! output", "   0.009 ! last", "   0.009 much later"]
        );
    }

    /// Covers: promise 5.
    #[test]
    fn a_long_line_is_shown_in_pieces_that_are_all_of_it() {
        let line: String = (0..30_000).map(|number| if number % 7 == 0 { 'ü' } else { 'x' }).collect();
        // Uncut; cut within the last character of the first piece and within a line's end; and cut every 1,000 bytes.
        for cuts in [vec![], vec![LONGEST_LINE, LONGEST_LINE + 1, 20_000], (1..30).map(|at| at * 1_000).collect()] {
            let mut reporter = TextReporter::new("Long", "", Vec::new());
            let last: String = line.chars().take(LONGEST_LINE * 2).collect();
            let bytes = format!("{line}\r\nshort\n{last}").into_bytes();
            let mut from = 0;
            for to in cuts.into_iter().chain([bytes.len()]) {
                let kind = EventKind::Output { pid: Pid::new(9), stream: Stream::Stdout, bytes: bytes[from..to].to_vec() };
                reporter.on_event(&Event { t: Monotonic::ZERO, kind }).expect("a buffer");
                from = to;
            }
            let end = EventKind::OutputClosed { pid: Pid::new(9), stream: Stream::Stdout };
            reporter.on_event(&Event { t: Monotonic::ZERO, kind: end }).expect("a buffer");
            reporter.print_held(Duration::ZERO).expect("a buffer");
            let text = String::from_utf8(reporter.out).expect("text");
            let shown = text.replace(&format!("\n   0.000    {CONTINUATION_BAR} "), "");
            let expected = [line.as_str(), "short", &last].map(|line| format!("   0.000    {BAR} {line}\n"));
            assert_eq!(shown, expected.concat());
            assert!(text.lines().all(|piece| piece.len() <= LONGEST_LINE + 20), "in pieces");
        }
    }
}
