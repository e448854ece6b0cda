//! What a run's processes wrote: a bounded ring for each stream, and its end as text that is safe to show.
//! Lives on the engine's thread.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{OutputRing, OutputView, Pid, Stream};

/// Bytes of text that the view gets of each stream.
const MAX_TAIL: usize = 64 * 1024;
/// Streams beyond which the oldest closed one goes (and, if all are open, the oldest).
const MAX_STREAMS: usize = 512;

/// The output of all processes of a run, one ring for each stream.
#[derive(Debug)]
pub(super) struct Outputs {
    streams: Vec<OutputStream>,
    index: HashMap<(Pid, Stream), usize>,
    budget: usize,
}

#[derive(Debug)]
struct OutputStream {
    pid: Pid,
    name: String,
    stream: Stream,
    ring: OutputRing,
    is_closed: bool,
    tail: Option<Arc<str>>,
}

impl Outputs {
    /// Rings of at most `budget` bytes each.
    pub(super) fn new(budget: usize) -> Self {
        Self { streams: Vec::new(), index: HashMap::new(), budget }
    }

    /// Bytes came.
    pub(super) fn push(&mut self, pid: Pid, stream: Stream, bytes: &[u8], name: &str) {
        let output = self.stream(pid, stream, name);
        output.ring.push(bytes);
        output.tail = None;
    }

    /// Bytes were let go before they came here.
    pub(super) fn dropped(&mut self, pid: Pid, stream: Stream, bytes: u64, name: &str) {
        self.stream(pid, stream, name).ring.count_dropped(bytes);
    }

    /// No more will come.
    pub(super) fn closed(&mut self, pid: Pid, stream: Stream, name: &str) {
        let output = self.stream(pid, stream, name);
        output.is_closed = true;
        output.tail = None;
    }

    /// The streams for the view. Text that did not change since the last call is shared, not made again.
    pub(super) fn publish(&mut self) -> Vec<OutputView> {
        let mut views: Vec<OutputView> = self.streams.iter_mut().map(OutputStream::publish).collect();
        // Whichever stream spoke or closed first: standard output stands before standard error, process by process.
        let mut order: HashMap<Pid, usize> = HashMap::new();
        for view in &views {
            let next = order.len();
            order.entry(view.pid).or_insert(next);
        }
        views.sort_by_key(|view| (order.get(&view.pid).copied(), view.stream));
        views
    }

    fn stream(&mut self, pid: Pid, stream: Stream, name: &str) -> &mut OutputStream {
        let index = match self.index.get(&(pid, stream)) {
            Some(&index) => index,
            None => self.insert(pid, stream),
        };
        let output = &mut self.streams[index];
        if output.name.is_empty() {
            name.clone_into(&mut output.name);
        }
        output
    }

    fn insert(&mut self, pid: Pid, stream: Stream) -> usize {
        if self.streams.len() >= MAX_STREAMS {
            let oldest = self.streams.iter().position(|output| output.is_closed).unwrap_or(0);
            self.streams.remove(oldest);
            self.index = self.streams.iter().enumerate().map(|(at, output)| ((output.pid, output.stream), at)).collect();
        }
        let ring = OutputRing::new(self.budget);
        self.streams.push(OutputStream { pid, name: String::new(), stream, ring, is_closed: false, tail: None });
        self.index.insert((pid, stream), self.streams.len() - 1);
        self.streams.len() - 1
    }
}

impl OutputStream {
    fn publish(&mut self) -> OutputView {
        let tail = self.tail.get_or_insert_with(|| {
            let bytes = self.ring.tail(MAX_TAIL);
            let is_cut = self.ring.dropped() > 0 || self.ring.kept() > bytes.len() as u64;
            last_bytes(&visible(&bytes, is_cut, !self.is_closed), MAX_TAIL).into()
        });
        OutputView {
            pid: self.pid,
            name: self.name.clone(),
            stream: self.stream,
            tail: Arc::clone(tail),
            kept: self.ring.kept(),
            dropped: self.ring.dropped(),
            is_closed: self.is_closed,
        }
    }
}

/// Bytes as text: what is not UTF-8 as `�`, control characters but newline and tab by their names, `\r\n` as a newline.
/// Where the start `is_cut` off or more `may_follow`, half a character or half a line's end there is left out.
fn visible(bytes: &[u8], is_cut: bool, may_follow: bool) -> String {
    let lead = if is_cut { bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count() } else { 0 };
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 16);
    let mut chunks = bytes[lead..].utf8_chunks().peekable();
    let mut has_return = false;
    while let Some(chunk) = chunks.next() {
        for c in chunk.valid().chars() {
            if std::mem::take(&mut has_return) && c != '\n' {
                text.push('␍');
            }
            match c {
                '\r' => has_return = true,
                '\n' | '\t' => text.push(c),
                _ => crate::model::visible(c, |c| text.push(c)),
            }
        }
        let is_half = may_follow && chunks.peek().is_none() && is_beginning_of_char(chunk.invalid());
        if !chunk.invalid().is_empty() && !is_half {
            if std::mem::take(&mut has_return) {
                text.push('␍');
            }
            text.push('\u{fffd}');
        }
    }
    if has_return && !may_follow {
        text.push('␍');
    }
    text
}

/// Whether more bytes could make this a character.
fn is_beginning_of_char(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// The end of a text, at most `limit` bytes, cut between characters.
fn last_bytes(text: &str, limit: usize) -> &str {
    let mut start = text.len().saturating_sub(limit);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PID: Pid = Pid::new(1);

    #[test]
    fn standard_output_comes_first_whoever_spoke_first() {
        let mut outputs = Outputs::new(100);
        outputs.closed(Pid::new(2), Stream::Stderr, "late");
        outputs.push(PID, Stream::Stderr, b"e", "a");
        outputs.push(PID, Stream::Stdout, b"o", "a");
        outputs.push(Pid::new(2), Stream::Stdout, b"o", "late");
        let order: Vec<_> = outputs.publish().iter().map(|view| (view.pid.number(), view.stream)).collect();
        assert_eq!(order, [(2, Stream::Stdout), (2, Stream::Stderr), (1, Stream::Stdout), (1, Stream::Stderr)]);
    }

    /// Covers: F45.
    #[test]
    fn control_characters_become_visible_and_line_ends_stay() {
        assert_eq!(visible(b"a\tb\r\nc\x1b[31m\0\x7f\n", false, false), "a\tb\nc^[[31m^@^?\n");
        assert_eq!(visible(b"50 %\r60 %\r", false, false), "50 %␍60 %␍");
        assert_eq!(visible(b"50 %\r", false, true), "50 %", "a newline may follow");
        assert_eq!(visible(b"\r\xff\r\n", false, false), "␍\u{fffd}\n");
    }

    /// Covers: F44.
    #[test]
    fn a_character_is_never_split() {
        let text = "grüße 🦀";
        assert_eq!(visible(&text.as_bytes()[..text.len() - 1], false, true), "grüße ");
        assert_eq!(visible(&text.as_bytes()[..text.len() - 1], false, false), "grüße \u{fffd}");
        assert_eq!(visible(&"🦀a".as_bytes()[1..], true, true), "a");
        assert_eq!(visible(&"🦀a".as_bytes()[1..], false, true), "\u{fffd}\u{fffd}\u{fffd}a");
    }

    #[test]
    fn what_came_is_kept_or_counted() {
        let mut outputs = Outputs::new(10);
        outputs.push(PID, Stream::Stdout, b"0123456789abc", "cat");
        outputs.push(PID, Stream::Stderr, b"oops", "cat");
        outputs.dropped(PID, Stream::Stdout, 100, "cat");
        let before = outputs.publish();
        assert_eq!((&*before[0].tail, before[0].kept, before[0].dropped), ("3456789abc", 10, 103));
        assert_eq!((&*before[1].tail, before[1].name.as_str(), before[1].is_closed), ("oops", "cat", false));
        outputs.closed(PID, Stream::Stderr, "cat");
        let after = outputs.publish();
        assert!(after[1].is_closed && Arc::ptr_eq(&before[0].tail, &after[0].tail));
    }

    #[test]
    fn streams_are_bounded() {
        let mut outputs = Outputs::new(10);
        for pid in 0..2_000 {
            outputs.push(Pid::new(pid), Stream::Stdout, b"x", "");
        }
        let views = outputs.publish();
        assert_eq!((views.len(), views[MAX_STREAMS - 1].pid.number()), (MAX_STREAMS, 1_999));
    }

    proptest! {
        /// Covers: F44, F45.
        #[test]
        fn any_bytes_become_text_without_control_characters(bytes in prop::collection::vec(any::<u8>(), 0..200), cut: bool, more: bool) {
            let text = visible(&bytes, cut, more);
            prop_assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'), "{text:?}");
        }

        /// Covers: F44.
        #[test]
        fn text_in_pieces_shows_the_same_as_at_once(text in "[a-zäß🦀\r\n]{0,60}", at in 0_usize..200) {
            let bytes = text.as_bytes();
            let at = at.min(bytes.len());
            let mut outputs = Outputs::new(1_000);
            outputs.push(PID, Stream::Stdout, &bytes[..at], "");
            let is_whole = !outputs.publish()[0].tail.contains('\u{fffd}');
            prop_assert!(is_whole);
            outputs.push(PID, Stream::Stdout, &bytes[at..], "");
            outputs.closed(PID, Stream::Stdout, "");
            prop_assert_eq!(&*outputs.publish()[0].tail, visible(bytes, false, false));
        }
    }
}
