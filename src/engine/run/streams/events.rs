//! The event lines of a body: split, parsed, and refused with a notice if they cannot be believed. On the engine's thread.

use std::io::BufRead;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::engine::fold::texts;
use crate::engine::run::speaker;
use crate::engine::run::streams::scratch::{Open, Scratch, read};
use crate::model::{BodyLine, Event, EventKind, Monotonic, Pid};

/// Bytes of the longest event line.
const LONGEST_LINE: usize = 1024 * 1024;
/// Skipped lines that get a notice each; the others are counted.
const MOST_COMPLAINTS: u64 = 20;

/// The event lines of one body.
#[derive(Debug)]
pub(crate) struct EventStream {
    pid: Pid,
    fd: OwnedFd,
    lines: Lines,
}

impl EventStream {
    pub(crate) fn new(pid: Pid, fd: OwnedFd) -> Self {
        Self { pid, fd, lines: Lines::default() }
    }

    /// The process of the body.
    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    /// Reads the lines that are there and hands out their events, in order.
    pub(crate) fn read(
        &mut self,
        arrived: Monotonic,
        scratch: &mut Scratch,
        emit: &mut impl FnMut(BodyLine) -> Result<(), String>,
    ) -> Open {
        match read(self.fd.as_fd(), scratch) {
            Ok(None) => Open::Yes,
            Ok(Some([])) | Err(_) => {
                self.lines.end(self.pid, arrived, emit);
                Open::No
            }
            Ok(Some(bytes)) => {
                self.lines.push(bytes, self.pid, arrived, emit);
                Open::Yes
            }
        }
    }
}

impl AsFd for EventStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Splits bytes into lines and parses them as events. A malformed line becomes a notice, and so does an event that `emit` refuses with a
/// reason.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    is_too_long: bool,
    number: u64,
    complaints: u64,
}

impl Lines {
    /// Takes in bytes as they come; a line may be cut anywhere between two calls.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        from: Pid,
        arrived: Monotonic,
        emit: &mut impl FnMut(BodyLine) -> Result<(), String>,
    ) {
        while let Some((line, rest)) = first_line(bytes) {
            bytes = rest;
            self.number += 1;
            if std::mem::take(&mut self.is_too_long) {
                self.partial.clear();
            } else if self.partial.is_empty() {
                self.line(line, from, arrived, emit);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole, from, arrived, emit);
            }
        }
        if self.is_too_long {
            return;
        }
        self.partial.extend_from_slice(bytes);
        if self.partial.len() > LONGEST_LINE {
            self.is_too_long = true;
            self.partial = Vec::new();
            self.complain(&format!("line {} is longer than 1 MiB", self.number + 1), from, arrived, emit);
        }
    }

    /// The writer has closed its end: a last line without a newline counts, too.
    pub fn end(&mut self, from: Pid, arrived: Monotonic, emit: &mut impl FnMut(BodyLine) -> Result<(), String>) {
        if !self.partial.is_empty() {
            self.push(b"\n", from, arrived, emit);
        }
        if self.complaints > MOST_COMPLAINTS {
            let text = format!("{} event lines of process {from} were skipped in all", self.complaints);
            emit_notice(text, arrived, emit);
        }
    }

    fn line(&mut self, line: &[u8], from: Pid, arrived: Monotonic, emit: &mut impl FnMut(BodyLine) -> Result<(), String>) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let taken = match BodyLine::from_line(line, arrived) {
            Ok(Some(BodyLine::Fact(mut event))) => speaker::is_for_bodies(&event.kind).map_err(str::to_owned).and_then(|()| {
                texts::cut(&mut event.kind);
                emit(BodyLine::Fact(event))
            }),
            Ok(Some(intent)) => emit(intent),
            Ok(None) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = taken {
            self.complain(&format!("line {}: {why}", self.number), from, arrived, emit);
        }
    }

    fn complain(&mut self, what: &str, from: Pid, arrived: Monotonic, emit: &mut impl FnMut(BodyLine) -> Result<(), String>) {
        self.complaints += 1;
        if self.complaints <= MOST_COMPLAINTS {
            let mut text = format!("skipped an event of process {from}, {what}");
            texts::cut_text(&mut text);
            emit_notice(text, arrived, emit);
        }
    }
}

/// A notice is never refused.
fn emit_notice(text: String, t: Monotonic, emit: &mut impl FnMut(BodyLine) -> Result<(), String>) {
    let _ = emit(BodyLine::Fact(Event { t, kind: EventKind::Notice { text } }));
}

/// The first line without its newline, and the rest; `None` if there is no newline.
fn first_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes;
    // `skip_until` is faster than a loop over bytes; reading a slice cannot fail.
    let count = rest.skip_until(b'\n').ok()?;
    bytes[..count].strip_suffix(b"\n").map(|line| (line, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<EventKind> {
        let mut lines = Lines::default();
        let mut events = Vec::new();
        let mut emit = |line| {
            if let BodyLine::Fact(event) = line {
                events.push(event.kind);
            }
            Ok(())
        };
        for chunk in chunks {
            lines.push(chunk, Pid::new(1), Monotonic::ZERO, &mut emit);
        }
        lines.end(Pid::new(1), Monotonic::ZERO, &mut emit);
        events
    }

    proptest! {
        #[test]
        fn lines_may_be_cut_anywhere(cuts in prop::collection::vec(0_usize..200, 0..8)) {
            let text = b"{\"kind\":\"process.reaped\",\"pid\":1}\n\n{\"kind\":\"notice\",\"text\":\"a\"}\nnonsense\n{\"kind\":\"process.reaped\",\"pid\":2}";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % text.len()).collect();
            cuts.sort_unstable();
            let mut chunks: Vec<&[u8]> = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&text[from..cut]);
                from = cut;
            }
            chunks.push(&text[from..]);
            let events = events(&chunks);
            prop_assert_eq!(events.len(), 4);
            let complaint = matches!(&events[2], EventKind::Notice { text } if text.contains("line 4"));
            prop_assert!(complaint, "{:?}", events[2]);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            events(&[&bytes]);
        }
    }

    #[test]
    fn a_line_without_end_and_a_flood_of_nonsense_cost_little() {
        let long = vec![b'x'; LONGEST_LINE + 2];
        let events_after = events(&[&long, b"\n{\"kind\":\"process.reaped\",\"pid\":2}\n"]);
        assert_eq!(events_after.len(), 2, "{events_after:?}");
        let flood = b"nonsense\n".repeat(10_000);
        assert_eq!(events(&[&flood]).len() as u64, MOST_COMPLAINTS + 1);
    }

    #[test]
    fn what_is_refused_is_told_with_its_line_and_the_rest_is_counted() {
        let mut lines = Lines::default();
        let mut notices = Vec::new();
        let mut emit = |line| match line {
            BodyLine::Fact(Event { kind: EventKind::Notice { text }, .. }) => {
                notices.push(text);
                Ok(())
            }
            _ => Err("nobody believes it".to_owned()),
        };
        let text =
            b"{\"kind\":\"run.finished\",\"run\":1,\"outcome\":\"passed\"}\n{\"kind\":\"process.reaped\",\"pid\":1}\n".repeat(20);
        lines.push(&text, Pid::new(7), Monotonic::ZERO, &mut emit);
        lines.end(Pid::new(7), Monotonic::ZERO, &mut emit);
        assert_eq!(notices[0], "skipped an event of process 7, line 1: only the engine starts and finishes a run");
        assert_eq!(notices[1], "skipped an event of process 7, line 2: nobody believes it");
        assert_eq!(notices[20..], ["40 event lines of process 7 were skipped in all"]);
    }

    #[test]
    fn a_complaint_is_short_however_long_the_word_that_it_is_about() {
        let line = format!("{{\"kind\":\"run.started\",\"language\":\"{}\"}}\n", "x".repeat(500_000));
        let kinds = events(&[line.as_bytes()]);
        assert!(matches!(kinds.as_slice(), [EventKind::Notice { text }] if text.len() < 5_000), "{}", kinds.len());
    }
}
