//! Reading the output of children, as bytes. Never waits; lives on the engine's thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::engine::run::streams::scratch::{CHUNK, Open, Scratch, read};
use crate::model::{EventKind, Monotonic, OutputRing, Pid, Stream};

/// The capacity that the pipe of a flood gets: the most that most kernels allow (`/proc/sys/fs/pipe-max-size`). Other pipes keep theirs,
/// since all pipes of a user share 64 MiB.
const FLOODED: usize = 1024 * 1024;
/// How long a flood gathers before the next read.
const REST: Duration = Duration::from_micros(250);
/// Bytes of one stream that become events between two snapshots, unless a listener wants all of them.
const BUDGET: usize = 1024 * 1024;
/// The newest bytes beyond the budget that are kept.
const NEWEST: usize = 64 * 1024;

/// One output stream of one child.
#[derive(Debug)]
pub(crate) struct OutputStream {
    pid: Pid,
    stream: Stream,
    fd: OwnedFd,
    budget: usize,
    overflow: OutputRing,
    rests_until: Monotonic,
    may_grow: bool,
    /// The beginning of a character whose end was not read yet. Both are told together, so that text stays text.
    half: Vec<u8>,
}

impl OutputStream {
    pub(crate) fn new(pid: Pid, stream: Stream, fd: OwnedFd, may_grow: bool) -> Self {
        Self {
            pid,
            stream,
            fd,
            may_grow,
            budget: BUDGET,
            overflow: OutputRing::new(NEWEST),
            rests_until: Monotonic::ZERO,
            half: Vec::new(),
        }
    }

    /// Until when it is better not to read: during a flood, many small reads cost more than a few large ones. `None`: read now.
    pub(crate) fn rests_until(&self, now: Monotonic) -> Option<Monotonic> {
        Some(self.rests_until).filter(|until| *until > now)
    }

    /// Reads the bytes that are there. If `lossless`, all of them become events; otherwise bytes beyond the budget are counted, and the
    /// newest of them follow with the next [`refill`](Self::refill).
    pub(crate) fn read(
        &mut self,
        lossless: bool,
        now: Monotonic,
        scratch: &mut Scratch,
        emit: &mut impl FnMut(EventKind),
    ) -> Open {
        match read(self.fd.as_fd(), scratch) {
            Ok(None) => Open::Yes,
            Ok(Some([])) | Err(_) => Open::No,
            Ok(Some(bytes)) => {
                if self.budget < bytes.len() && std::mem::take(&mut self.may_grow) {
                    // If that is refused, the pipe keeps its capacity.
                    let _ = rustix::pipe::fcntl_setpipe_size(&self.fd, FLOODED);
                }
                if self.budget < bytes.len() && bytes.len() < CHUNK {
                    self.rests_until = now + REST;
                }
                if lossless || bytes.len() <= self.budget {
                    self.budget = self.budget.saturating_sub(bytes.len());
                    self.emit_whole_chars(bytes, emit);
                } else {
                    self.budget = 0;
                    self.overflow.push(&std::mem::take(&mut self.half));
                    self.overflow.push(bytes);
                }
                Open::Yes
            }
        }
    }

    /// Emits these bytes after half a character from before; half a character at their end waits.
    fn emit_whole_chars(&mut self, bytes: &[u8], emit: &mut impl FnMut(EventKind)) {
        let mut text = std::mem::take(&mut self.half);
        text.extend_from_slice(bytes);
        self.half = text.split_off(text.len() - half_char(&text));
        self.emit(text, emit);
    }

    fn emit(&self, bytes: Vec<u8>, emit: &mut impl FnMut(EventKind)) {
        if !bytes.is_empty() {
            emit(EventKind::Output { pid: self.pid, stream: self.stream, bytes });
        }
    }

    /// A snapshot was published: emits the number of dropped bytes, and the newest bytes.
    pub(crate) fn refill(&mut self, emit: &mut impl FnMut(EventKind)) {
        self.budget = BUDGET;
        if self.overflow.kept() == 0 {
            return;
        }
        let overflow = std::mem::replace(&mut self.overflow, OutputRing::new(NEWEST));
        let (tail, mut dropped) = (overflow.tail(NEWEST), overflow.dropped());
        let mut newest = tail.as_slice();
        if dropped > 0 {
            // The rest of a character whose beginning was dropped is no text.
            let rest = newest.iter().take(LONGEST_CHAR - 1).take_while(|byte| is_later_byte(**byte)).count();
            newest = &newest[rest..];
            dropped += rest as u64;
            emit(EventKind::OutputDropped { pid: self.pid, stream: self.stream, bytes: dropped });
        }
        self.emit_whole_chars(newest, emit);
    }

    /// Emits the last bytes and the end.
    pub(crate) fn close(mut self, emit: &mut impl FnMut(EventKind)) {
        self.refill(emit);
        let half = std::mem::take(&mut self.half);
        self.emit(half, emit);
        emit(EventKind::OutputClosed { pid: self.pid, stream: self.stream });
    }
}

impl AsFd for OutputStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Bytes of a character in UTF-8 at most; all but the first are 10xxxxxx.
const LONGEST_CHAR: usize = 4;

const fn is_later_byte(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// How many bytes at the end are the beginning of a character that more bytes could complete.
fn half_char(bytes: &[u8]) -> usize {
    let last = &bytes[bytes.len().saturating_sub(LONGEST_CHAR - 1)..];
    let Some(first) = last.iter().rposition(|byte| !is_later_byte(*byte)) else { return 0 };
    let is_half = std::str::from_utf8(&last[first..]).is_err_and(|error| error.error_len().is_none());
    if is_half { last.len() - first } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flood_is_let_gather_and_a_trickle_is_not() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let mut stream = OutputStream::new(Pid::new(1), Stream::Stdout, reader, true);
        let mut scratch = Scratch::default();
        let now = Monotonic::from_secs(1.0);
        let mut sent = 0;
        while sent <= BUDGET {
            assert_eq!(stream.rests_until(now), None, "after {sent} bytes");
            sent += rustix::io::write(&writer, &[b'x'; 8192]).expect("fits");
            assert_eq!(stream.read(true, now, &mut scratch, &mut |_| ()), Open::Yes);
        }
        assert_eq!(stream.rests_until(now), Some(now + REST));
        assert_eq!(stream.rests_until(now + REST), None);
    }

    /// The events of these pieces, each read by itself.
    fn events_of(pieces: &[&[u8]]) -> Vec<EventKind> {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let mut stream = OutputStream::new(Pid::new(1), Stream::Stdout, reader, false);
        crate::sys::set_nonblocking(&stream).expect("ours");
        let (mut scratch, mut events) = (Scratch::default(), Vec::new());
        for piece in pieces {
            rustix::io::write(&writer, piece).expect("fits");
            let mut emit = |kind| events.push(kind);
            assert_eq!(stream.read(true, Monotonic::ZERO, &mut scratch, &mut emit), Open::Yes);
        }
        stream.close(&mut |kind| events.push(kind));
        events
    }

    fn output_of(events: &[EventKind]) -> Vec<&[u8]> {
        let outputs = events.iter().filter_map(|kind| match kind {
            EventKind::Output { bytes, .. } => Some(bytes.as_slice()),
            _ => None,
        });
        outputs.collect()
    }

    /// Covers: promise 5, F44.
    #[test]
    fn a_character_that_is_cut_between_two_reads_is_told_whole() {
        let cut = |pieces: &[&[u8]]| {
            output_of(&events_of(pieces)).into_iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join("|")
        };
        assert_eq!(cut(&[b"gr\xc3", b"\xbc\xc3", b"\x9fe"]), "gr|ü|ße");
        assert_eq!(cut(&[b"\xf0", b"\x9f", b"\xa6", b"\x80!"]), "🦀!", "byte by byte");
        assert_eq!(output_of(&events_of(&[b"caf\xe9"])), [&b"caf"[..], b"\xe9"], "at the end of the stream it is told as it is");
        assert_eq!(output_of(&events_of(&[b"\xe9", b" x"])), [b"\xe9 x"], "what does not go on is told with what came instead");
        assert!(matches!(events_of(&[b"\xc3"]).as_slice(), [EventKind::Output { .. }, EventKind::OutputClosed { .. }]));
    }

    #[test]
    fn what_a_flood_leaves_of_a_text_is_text() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let mut stream = OutputStream::new(Pid::new(1), Stream::Stdout, reader, true);
        let text = "🦀".repeat(CHUNK / 4);
        let (mut events, mut scratch, mut sent) = (Vec::new(), Scratch::default(), 0);
        for cut in [0, 1, 3, 2].into_iter().cycle().take(40) {
            let piece = &text.as_bytes()[..CHUNK - 8 + cut];
            // The rest of the character comes first next time.
            sent += rustix::io::write(&writer, piece).expect("fits");
            stream.read(false, Monotonic::ZERO, &mut scratch, &mut |kind| events.push(kind));
            let rest = &"🦀".as_bytes()[cut..];
            sent += rustix::io::write(&writer, rest).expect("fits");
            stream.read(false, Monotonic::ZERO, &mut scratch, &mut |kind| events.push(kind));
        }
        stream.close(&mut |kind| events.push(kind));
        let dropped: u64 =
            events.iter().map(|kind| if let EventKind::OutputDropped { bytes, .. } = kind { *bytes } else { 0 }).sum();
        let kept: usize = output_of(&events).iter().map(|bytes| bytes.len()).sum();
        assert!(dropped > 0 && kept as u64 + dropped == sent as u64, "{kept} + {dropped} of {sent}");
        assert!(output_of(&events).iter().all(|bytes| std::str::from_utf8(bytes).is_ok()), "text stays text");
    }

    proptest! {
        /// Covers: promise 5, F44.
        #[test]
        fn text_stays_text_and_any_bytes_stay_what_they_are(
            text in prop::collection::vec(any::<char>(), 1..40), bytes in prop::collection::vec(any::<u8>(), 1..40), size in 1_usize..9,
        ) {
            let text = String::from_iter(text);
            let events = events_of(&text.as_bytes().chunks(size).collect::<Vec<_>>());
            prop_assert!(output_of(&events).iter().all(|bytes| std::str::from_utf8(bytes).is_ok()), "{:?}", output_of(&events));
            prop_assert_eq!(output_of(&events).concat(), text.into_bytes());
            let events = events_of(&bytes.chunks(size).collect::<Vec<_>>());
            prop_assert_eq!(output_of(&events).concat(), bytes);
        }
    }

    #[test]
    fn kept_and_dropped_add_up_to_what_was_sent() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let mut stream = OutputStream::new(Pid::new(1), Stream::Stdout, reader, true);
        crate::sys::set_nonblocking(&stream).expect("ours");
        let (mut kept, mut dropped, mut newest) = (0, 0, Vec::new());
        let mut emit = |kind| match kind {
            EventKind::Output { bytes, .. } => {
                kept += bytes.len() as u64;
                newest = bytes;
            }
            EventKind::OutputDropped { bytes, .. } => dropped += bytes,
            _ => {}
        };
        let mut scratch = Scratch::default();
        let mut sent = 0;
        for round in 0..100_u8 {
            rustix::io::write(&writer, &vec![round; 60_000]).expect("fits");
            sent += 60_000;
            assert_eq!(stream.read(false, Monotonic::ZERO, &mut scratch, &mut emit), Open::Yes);
        }
        drop(writer);
        assert_eq!(stream.read(false, Monotonic::ZERO, &mut scratch, &mut emit), Open::No);
        stream.close(&mut emit);
        assert!(dropped > 0 && kept + dropped == sent, "{kept} + {dropped} of {sent}");
        assert_eq!(newest.last(), Some(&99), "the newest bytes are kept");
    }
}
