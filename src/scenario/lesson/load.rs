//! Real work that loads a core, cut into pieces: hashing, counting words, compressing. Pure.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha2::{Digest, Sha256};

use crate::scenario::lesson::cost::cost_of;

/// Bytes of text that a piece works through at a time.
const BLOCK: usize = 256 * 1024;
const MIB: usize = 1024 * 1024;
/// How often a round is measured.
const TRIES: u64 = 5;

/// The kind of a piece of work, and the size of its text.
#[derive(Debug)]
pub(crate) struct Load {
    work: Work,
    text: Vec<u8>,
    rounds: usize,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Hash,
    Count,
    Compress,
}

impl Load {
    /// Work of this kind on this many MiB a piece: `text`, over and over.
    pub(crate) fn new(kind: &str, text: &str, mib: usize) -> Self {
        let work = match kind {
            "count" => Work::Count,
            "hash" => Work::Hash,
            _ => Work::Compress,
        };
        Self { work, text: text.bytes().cycle().take(BLOCK).collect(), rounds: mib * MIB / BLOCK }
    }

    /// Work of this kind that keeps a core of this machine busy for about so long, a piece.
    pub(crate) fn lasting(kind: &str, text: &str, time: Duration) -> Self {
        let mut load = Self::new(kind, text, 1);
        load.rounds = 1;
        // The best of some tries, in CPU time: what else the machine does must not make the pieces smaller.
        let tries = (0..TRIES).map(|number| cost_of(|| std::hint::black_box(load.piece(number))).1.cpu);
        let round = tries.fold(f64::INFINITY, f64::min).max(1e-6);
        load.rounds = ((time.as_secs_f64() / round).round() as usize).max(1);
        load
    }

    /// Does one piece, and gives its result: a part of the hash, the number of words, or the compressed size.
    pub(crate) fn piece(&self, number: u64) -> u64 {
        match self.work {
            Work::Hash => {
                let mut hash = Sha256::new_with_prefix(number.to_le_bytes());
                (0..self.rounds).for_each(|_| hash.update(&self.text));
                hash.finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            }
            Work::Count => number + (0..self.rounds).map(|_| count_words(std::hint::black_box(&self.text))).sum::<u64>(),
            Work::Compress => {
                let mut encoder = ZlibEncoder::new(CountedBytes(0), Compression::fast());
                // Nothing can go wrong here: the writer counts and forgets.
                let written = (0..self.rounds).try_for_each(|_| encoder.write_all(&self.text));
                number + written.and_then(|()| encoder.finish()).map_or(0, |counted| counted.0)
            }
        }
    }
}

fn count_words(text: &[u8]) -> u64 {
    let mut words = 0;
    let mut between = true;
    for byte in text {
        let blank = *byte <= b' ';
        words += u64::from(between && !blank);
        between = blank;
    }
    words
}

struct CountedBytes(u64);

impl Write for CountedBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_depends_on_its_number_and_on_nothing_else() {
        for kind in ["hash", "compress", "count"] {
            let load = Load::new(kind, "three small words ", 1);
            assert_eq!(load.piece(3), load.piece(3), "{kind}");
            assert_ne!(load.piece(3), load.piece(4), "{kind}");
        }
    }

    #[test]
    fn words_are_counted_and_text_shrinks() {
        assert_eq!(count_words(b"  one two\nthree "), 3);
        let words = Load::new("count", "abc ", 1).piece(0);
        assert_eq!(words, 1024 * 1024 / 4);
        let compressed = Load::new("compress", "abc ", 1).piece(0);
        assert!(compressed > 0 && compressed < 100 * 1024, "{compressed}");
    }
}
