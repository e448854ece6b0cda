//! A bounded ring of output bytes that counts the bytes that it drops.

use std::collections::VecDeque;

/// The newest bytes of one stream, at most `capacity` of them. Kept and dropped add up to what was sent.
#[derive(Debug, Clone)]
pub struct OutputRing {
    bytes: VecDeque<u8>,
    capacity: usize,
    dropped: u64,
}

impl OutputRing {
    /// An empty ring for at most `capacity` bytes; memory is taken as bytes come.
    pub const fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), capacity, dropped: 0 }
    }

    /// Appends bytes; the oldest ones go where there is no room.
    pub fn push(&mut self, bytes: &[u8]) {
        let fitting = &bytes[bytes.len().saturating_sub(self.capacity)..];
        let excess = (self.bytes.len() + fitting.len()).saturating_sub(self.capacity);
        self.bytes.drain(..excess);
        self.bytes.extend(fitting);
        self.dropped += (bytes.len() - fitting.len() + excess) as u64;
    }

    /// Counts bytes that were dropped before they reached the ring.
    pub fn count_dropped(&mut self, bytes: u64) {
        self.dropped += bytes;
    }

    /// Bytes that the ring holds now.
    pub fn kept(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Bytes that were dropped.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The newest bytes, at most `limit`, oldest first.
    pub fn tail(&self, limit: usize) -> Vec<u8> {
        self.bytes.range(self.bytes.len().saturating_sub(limit)..).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Covers: promise 5, F40.
        #[test]
        fn kept_and_dropped_add_up_and_the_kept_ones_are_the_newest(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20), capacity in 0_usize..64,
        ) {
            let mut ring = OutputRing::new(capacity);
            for chunk in &chunks {
                ring.push(chunk);
            }
            let sent: Vec<u8> = chunks.concat();
            prop_assert_eq!(ring.kept() + ring.dropped(), sent.len() as u64);
            prop_assert!(ring.kept() <= capacity as u64);
            prop_assert_eq!(ring.tail(usize::MAX), &sent[sent.len() - ring.kept() as usize..]);
        }
    }
}
