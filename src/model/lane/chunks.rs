//! Columns that only grow, in chunks: full chunks are frozen and shared, and only the newest is copied when a snapshot holds it. Pure.

use std::sync::Arc;

/// Entries of a frozen chunk.
pub(super) const CHUNK: usize = 512;

/// A chunk of columns, ordered by the times at which its entries begin.
pub(super) trait Columns: Clone + Default {
    /// When each entry begins, ascending, in nanoseconds.
    fn starts(&self) -> &[u64];
    /// Takes the first [`CHUNK`] entries out, as a chunk of their own.
    fn take_first(&mut self) -> Self;
}

/// All entries. A clone shares the memory until one of the two grows.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunks<C> {
    /// With the time at which the first entry begins, so that a search need not look into each.
    frozen: Arc<Vec<(u64, Arc<C>)>>,
    /// The newest entries: at most twice [`CHUNK`], at least the last [`CHUNK`], so that these can still be corrected.
    tail: Arc<C>,
}

/// A copy of a column with room for more: a tail is copied in order to grow.
pub(super) fn with_room<T: Copy>(column: &[T]) -> Vec<T> {
    let mut copy = Vec::with_capacity(column.len() + column.len() / 4 + 8);
    copy.extend_from_slice(column);
    copy
}

impl<C: Columns> Chunks<C> {
    pub(super) fn len(&self) -> usize {
        self.frozen.len() * CHUNK + self.tail.starts().len()
    }

    /// The newest entries, to be changed or added to.
    pub(super) fn tail_mut(&mut self) -> &mut C {
        Arc::make_mut(&mut self.tail)
    }

    pub(super) fn tail(&self) -> &C {
        &self.tail
    }

    /// How many entries are frozen: the number of the first one in the tail.
    pub(super) fn frozen_len(&self) -> usize {
        self.frozen.len() * CHUNK
    }

    /// Freezes the older half of a tail that is full. To be called after each addition.
    pub(super) fn freeze(&mut self) {
        if self.tail.starts().len() >= 2 * CHUNK {
            let chunk = Arc::make_mut(&mut self.tail).take_first();
            let start = chunk.starts().first().copied().unwrap_or_default();
            Arc::make_mut(&mut self.frozen).push((start, Arc::new(chunk)));
        }
    }

    /// The chunk of an entry, and its place there.
    pub(super) fn place(&self, index: usize) -> (&C, usize) {
        match self.frozen.get(index / CHUNK) {
            Some((_, chunk)) => (chunk, index % CHUNK),
            None => (&self.tail, index - self.frozen_len()),
        }
    }

    /// When the entry begins, in nanoseconds.
    pub(super) fn start(&self, index: usize) -> Option<u64> {
        let (chunk, place) = self.place(index);
        chunk.starts().get(place).copied()
    }

    /// The last entry that begins at `t` or before. O(log n).
    pub(super) fn at(&self, t: u64) -> Option<usize> {
        if self.tail.starts().first().is_some_and(|start| *start <= t) {
            return Some(self.frozen_len() + self.tail.starts().partition_point(|start| *start <= t) - 1);
        }
        let chunk = self.frozen.partition_point(|(start, _)| *start <= t).checked_sub(1)?;
        Some(chunk * CHUNK + self.frozen[chunk].1.starts().partition_point(|start| *start <= t) - 1)
    }
}
