//! The output of a run's processes: a bounded ring for each stream, and its end as text that is safe to show. Pure; lives on the
//! engine's thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::fold::terminal;
use crate::model::{Monotonic, OutputRing, OutputView, Pid, Stream};

/// Bytes of text that the view gets of each stream.
const MAX_TAIL: usize = 64 * 1024;
/// Drops of one stream within this time are one sentence: during a flood, bytes are dropped at every publication.
const DROP_PAUSE: Duration = Duration::from_secs(5);
/// Streams beyond which the oldest closed one goes (and, if all are open, the oldest).
const MAX_STREAMS: usize = 512;

/// The output of all processes of a run, one ring for each stream.
#[derive(Debug)]
pub(crate) struct Outputs {
    streams: Vec<KeptStream>,
    index: HashMap<(Pid, Stream), usize>,
    budget: usize,
}

#[derive(Debug)]
struct KeptStream {
    pid: Pid,
    name: String,
    stream: Stream,
    ring: OutputRing,
    is_closed: bool,
    tail: Option<Arc<str>>,
    /// Dropped bytes that were not reported yet.
    unreported: u64,
    /// When dropped bytes were last reported.
    reported_at: Option<Monotonic>,
}

impl Outputs {
    /// Rings of at most `budget` bytes each.
    pub(crate) fn new(budget: usize) -> Self {
        Self { streams: Vec::new(), index: HashMap::new(), budget }
    }

    /// Bytes came.
    pub(crate) fn push(&mut self, pid: Pid, stream: Stream, bytes: &[u8], name: &str) {
        let output = self.stream(pid, stream, name);
        output.ring.push(bytes);
        output.tail = None;
    }

    /// Bytes were dropped before they came here. Returns how many are to be told now.
    pub(crate) fn dropped(&mut self, t: Monotonic, pid: Pid, stream: Stream, bytes: u64, name: &str) -> Option<u64> {
        let output = self.stream(pid, stream, name);
        output.ring.count_dropped(bytes);
        output.unreported += bytes;
        if output.reported_at.is_some_and(|at| t.since(at) < DROP_PAUSE) {
            return None;
        }
        output.reported_at = Some(t);
        Some(std::mem::take(&mut output.unreported))
    }

    /// The stream is at its end. Returns how many dropped bytes are still to be told.
    pub(crate) fn closed(&mut self, pid: Pid, stream: Stream, name: &str) -> Option<u64> {
        let output = self.stream(pid, stream, name);
        output.is_closed = true;
        output.tail = None;
        Some(std::mem::take(&mut output.unreported)).filter(|unreported| *unreported > 0)
    }

    /// The streams for the view. Text that did not change since the last call is shared, not made again.
    pub(crate) fn publish(&mut self) -> Vec<OutputView> {
        let mut views: Vec<OutputView> = self.streams.iter_mut().map(KeptStream::publish).collect();
        // The order is by process, then standard output before standard error. The order of their writes does not matter.
        let mut order: HashMap<Pid, usize> = HashMap::new();
        for view in &views {
            let next = order.len();
            order.entry(view.pid).or_insert(next);
        }
        views.sort_by_key(|view| (order.get(&view.pid).copied(), view.stream));
        views
    }

    fn stream(&mut self, pid: Pid, stream: Stream, name: &str) -> &mut KeptStream {
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
        self.streams.push(KeptStream {
            pid,
            name: String::new(),
            stream,
            ring,
            is_closed: false,
            tail: None,
            unreported: 0,
            reported_at: None,
        });
        self.index.insert((pid, stream), self.streams.len() - 1);
        self.streams.len() - 1
    }
}

impl KeptStream {
    fn publish(&mut self) -> OutputView {
        let tail = self.tail.get_or_insert_with(|| {
            let bytes = self.ring.tail(MAX_TAIL);
            let is_cut = self.ring.dropped() > 0 || self.ring.kept() > bytes.len() as u64;
            last_bytes(&terminal::shown(&bytes, is_cut, !self.is_closed), MAX_TAIL).into()
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

    #[test]
    fn what_came_is_kept_or_counted() {
        let mut outputs = Outputs::new(10);
        outputs.push(PID, Stream::Stdout, b"0123456789abc", "cat");
        outputs.push(PID, Stream::Stderr, b"oops", "cat");
        outputs.dropped(Monotonic::ZERO, PID, Stream::Stdout, 100, "cat");
        let before = outputs.publish();
        assert_eq!((&*before[0].tail, before[0].kept, before[0].dropped), ("3456789abc", 10, 103));
        assert_eq!((&*before[1].tail, before[1].name.as_str(), before[1].is_closed), ("oops", "cat", false));
        outputs.closed(PID, Stream::Stderr, "cat");
        let after = outputs.publish();
        assert!(after[1].is_closed && Arc::ptr_eq(&before[0].tail, &after[0].tail));
    }

    #[test]
    fn what_a_flood_drops_is_told_now_and_then_and_in_all() {
        let mut outputs = Outputs::new(10);
        let frames = 30 * 60_u32;
        let reports: Vec<u64> = (0..frames)
            .filter_map(|frame| outputs.dropped(Monotonic::from_secs(f64::from(frame) / 30.0), PID, Stream::Stdout, 7, "yes"))
            .collect();
        assert_eq!((reports.len(), reports[0]), (12, 7), "a minute of yes: {reports:?}");
        let rest = outputs.closed(PID, Stream::Stdout, "yes").expect("the last seconds");
        assert_eq!(reports.iter().sum::<u64>() + rest, 7 * u64::from(frames));
        assert_eq!(outputs.closed(PID, Stream::Stdout, "yes"), None, "all is told");
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
        /// Covers: F44.
        #[test]
        fn text_in_pieces_shows_the_same_as_at_once(text in "[a-zäß🦀\r\n\t\x08\x1b\\[mK2]{0,60}", at in 0_usize..200) {
            let bytes = text.as_bytes();
            let at = at.min(bytes.len());
            let mut outputs = Outputs::new(1_000);
            outputs.push(PID, Stream::Stdout, &bytes[..at], "");
            let is_whole = !outputs.publish()[0].tail.contains('<');
            prop_assert!(is_whole);
            outputs.push(PID, Stream::Stdout, &bytes[at..], "");
            outputs.closed(PID, Stream::Stdout, "");
            prop_assert_eq!(&*outputs.publish()[0].tail, terminal::shown(bytes, false, false));
        }
    }
}
