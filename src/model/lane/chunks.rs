//! Columns that grow at their end, in chunks: full chunks are frozen and shared, and only the newest is copied when a snapshot holds it. Old
//! chunks can be forgotten. Pure.

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
    /// How many chunks after the first one were forgotten, and when they began.
    forgotten: usize,
    forgotten_since: u64,
}

/// A copy of a column with room for more: a tail is copied in order to grow.
pub(super) fn with_room<T: Copy>(column: &[T]) -> Vec<T> {
    let mut copy = Vec::with_capacity(column.len() + column.len() / 4 + 8);
    copy.extend_from_slice(column);
    copy
}

impl<C: Columns> Chunks<C> {
    /// How many entries there are, with those that were forgotten.
    pub(super) fn len(&self) -> usize {
        self.frozen_len() + self.tail.starts().len()
    }

    /// Whether nothing was forgotten.
    pub(super) const fn is_whole(&self) -> bool {
        self.forgotten == 0
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
        (self.frozen.len() + self.forgotten) * CHUNK
    }

    /// Freezes the older half of a tail that is full. To be called after each addition.
    pub(super) fn freeze(&mut self) {
        if self.tail.starts().len() >= 2 * CHUNK {
            let chunk = Arc::make_mut(&mut self.tail).take_first();
            let start = chunk.starts().first().copied().unwrap_or_default();
            Arc::make_mut(&mut self.frozen).push((start, Arc::new(chunk)));
        }
    }

    /// Forgets the chunks that were over at `t`, but for the first one: the beginning stays known. Numbers of entries stay as they are.
    /// Whether something was forgotten.
    pub(super) fn forget_before(&mut self, t: u64) -> bool {
        let of_tail = self.tail.starts().first();
        let next = |number: usize| self.frozen.get(number + 1).map(|(start, _)| start).or(of_tail);
        let is_over = |number: &usize| next(*number).is_some_and(|start| *start <= t);
        let over = (1..self.frozen.len()).take_while(is_over).count();
        if over == 0 {
            return false;
        }
        if self.is_whole() {
            self.forgotten_since = self.frozen[1].0;
        }
        Arc::make_mut(&mut self.frozen).drain(1..=over);
        self.forgotten += over;
        true
    }

    /// The chunk of an entry, and its place there; `None` if it was forgotten.
    pub(super) fn place(&self, index: usize) -> Option<(&C, usize)> {
        let chunk = match index / CHUNK {
            0 => 0,
            number if number <= self.forgotten => return None,
            number => number - self.forgotten,
        };
        Some(match self.frozen.get(chunk) {
            Some((_, chunk)) => (chunk, index % CHUNK),
            None => (&self.tail, index - self.frozen_len()),
        })
    }

    /// When the entry begins, in nanoseconds.
    pub(super) fn start(&self, index: usize) -> Option<u64> {
        match self.place(index) {
            Some((chunk, place)) => chunk.starts().get(place).copied(),
            None => (index == CHUNK).then_some(self.forgotten_since),
        }
    }

    /// The last entry that begins at `t` or before; `None` before the first, and if it was forgotten. O(log n).
    pub(super) fn at(&self, t: u64) -> Option<usize> {
        if self.tail.starts().first().is_some_and(|start| *start <= t) {
            return Some(self.frozen_len() + self.tail.starts().partition_point(|start| *start <= t) - 1);
        }
        let chunk = self.frozen.partition_point(|(start, _)| *start <= t).checked_sub(1)?;
        let before = match chunk {
            0 if !self.is_whole() && t >= self.forgotten_since => return None,
            0 => 0,
            _ => chunk + self.forgotten,
        };
        Some(before * CHUNK + self.frozen[chunk].1.starts().partition_point(|start| *start <= t) - 1)
    }

    /// The same, for a reader who goes on from an entry that begins at `t` or before: O(log n) in the entries between.
    pub(super) fn at_after(&self, earlier: usize, t: u64) -> Option<usize> {
        let starts = self.place(earlier).map_or(&[][..], |(chunk, place)| &chunk.starts()[place..]);
        // In another chunk, or the last one there is.
        if starts.first().is_none_or(|start| *start > t) || starts.last().is_some_and(|start| *start <= t) {
            return self.at(t);
        }
        let mut reach = 1;
        while starts.get(reach).is_some_and(|start| *start <= t) {
            reach *= 2;
        }
        let (from, to) = (reach / 2, reach.min(starts.len()));
        Some(earlier + from + starts[from..to].partition_point(|start| *start <= t) - 1)
    }
}
