//! What a program says of a lane in time: the label on the kernel's state, and who let it go on. Pure.

use std::sync::Arc;

use super::super::{Monotonic, TaskState};
use super::chunks::{CHUNK, Chunks, Columns};

/// What a program says of a task from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// From.
    pub from: Monotonic,
    /// Until; `None` while it holds.
    pub until: Option<Monotonic>,
    /// The state, by the program's word.
    pub state: TaskState,
    /// The thing that it waits on, or the work that it does; may be empty.
    pub on: Arc<str>,
    /// The task that holds what it waits on.
    pub held_by: Option<Arc<str>>,
    /// The task that let it go on; only where that is known.
    pub woken_by: Option<Arc<str>>,
}

impl Word {
    /// Whether it says that its task waits, and for what.
    pub fn explains_a_wait(&self) -> bool {
        matches!(self.state, TaskState::Waiting | TaskState::Sleeping) && !self.on.is_empty()
    }

    /// Whether a label has the name of the holder in it: then that is not said again.
    pub fn names(label: &str, holder: &str) -> bool {
        let ends = |text: Option<char>| !text.is_some_and(char::is_alphanumeric);
        label
            .match_indices(holder)
            .any(|(at, _)| ends(label[..at].chars().next_back()) && ends(label[at + holder.len()..].chars().next()))
    }

    /// The sort of thing that a lock is, before its name: `lock counter`.
    pub const LOCK: &str = "lock";

    /// The name of the lock that it waits on or holds.
    pub fn lock(&self) -> Option<&str> {
        self.on.strip_prefix(Self::LOCK)?.strip_prefix(' ')
    }
}

/// The words on one lane, oldest first; each holds until the next one. A clone shares the memory.
#[derive(Debug, Clone, Default)]
pub struct Words {
    chunks: Chunks<WordColumns>,
}

#[derive(Debug, Clone, Default)]
struct WordColumns {
    from: Vec<u64>,
    state: Vec<TaskState>,
    /// `on`, `held_by` and `woken_by`, as places in `texts`.
    places: Vec<[u16; 3]>,
    texts: Vec<Arc<str>>,
}

/// No text.
const NONE: u16 = u16::MAX;

impl Columns for WordColumns {
    fn starts(&self) -> &[u64] {
        &self.from
    }

    fn take_first(&mut self) -> Self {
        let (mut first, mut rest) = (Self::default(), Self::default());
        for place in 0..self.from.len() {
            let to = if place < CHUNK { &mut first } else { &mut rest };
            let [on, held_by, woken_by] = self.places[place].map(|text| self.texts.get(usize::from(text)));
            to.push(self.from[place], self.state[place], [on, held_by, woken_by]);
        }
        *self = rest;
        first
    }
}

impl WordColumns {
    fn push(&mut self, from: u64, state: TaskState, texts: [Option<&Arc<str>>; 3]) {
        let places = texts.map(|text| text.map_or(NONE, |text| self.place(text)));
        self.from.push(from);
        self.state.push(state);
        self.places.push(places);
    }

    /// Puts words in at a place, instead of those that begin at the same time.
    fn put(&mut self, place: usize, from: u64, state: TaskState, texts: [Option<&Arc<str>>; 3]) {
        let places = texts.map(|text| text.map_or(NONE, |text| self.place(text)));
        if self.from.get(place) == Some(&from) {
            (self.state[place], self.places[place]) = (state, places);
        } else {
            self.from.insert(place, from);
            self.state.insert(place, state);
            self.places.insert(place, places);
        }
    }

    /// Whether these are the words at a place.
    fn is(&self, place: usize, state: TaskState, texts: [Option<&Arc<str>>; 3]) -> bool {
        self.state[place] == state
            && self.places[place].iter().zip(texts).all(|(known, text)| self.texts.get(usize::from(*known)) == text)
    }

    /// The place of a text; the newest are looked at first, and the same text is mostly the same memory.
    fn place(&mut self, text: &Arc<str>) -> u16 {
        let known = self.texts.iter().rposition(|known| Arc::ptr_eq(known, text) || known == text);
        known.unwrap_or_else(|| {
            self.texts.push(Arc::clone(text));
            self.texts.len() - 1
        }) as u16
    }
}

impl Words {
    /// How many there are, with those that were forgotten.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These words hold from `t` on. A time before the last ones counts as theirs, and takes their place. Nothing is added when they hold
    /// already.
    pub fn push(
        &mut self,
        t: Monotonic,
        state: TaskState,
        on: &Arc<str>,
        held_by: Option<&Arc<str>>,
        woken_by: Option<&Arc<str>>,
    ) {
        let texts = [Some(on), held_by, woken_by];
        let mut t = t.nanos();
        let tail = self.chunks.tail();
        if let Some(last) = tail.from.len().checked_sub(1) {
            t = t.max(tail.from[last]);
            // Each time that it was let go on is one of its own.
            let holds = |place: usize| woken_by.is_none() && tail.is(place, state, texts);
            if holds(last) {
                return;
            }
            if tail.from[last] == t {
                let is_so_before = last.checked_sub(1).is_some_and(holds);
                let tail = self.chunks.tail_mut();
                tail.from.pop();
                tail.state.pop();
                tail.places.pop();
                if is_so_before {
                    return;
                }
            }
        }
        self.chunks.tail_mut().push(t, state, texts);
        self.chunks.freeze();
    }

    /// These words hold from `t` on, until the next ones that are known already; they take the place of those that begin then. Those that are
    /// too old (more than 512 entries back) stay as they are. Whether they were put in.
    pub fn put(
        &mut self,
        t: Monotonic,
        state: TaskState,
        on: &Arc<str>,
        held_by: Option<&Arc<str>>,
        woken_by: Option<&Arc<str>>,
    ) -> bool {
        let is_first = self.chunks.frozen_len() == 0;
        let tail = self.chunks.tail_mut();
        let place = tail.from.partition_point(|from| *from < t.nanos());
        if place == 0 && !is_first {
            return false;
        }
        tail.put(place, t.nanos(), state, [Some(on), held_by, woken_by]);
        self.chunks.freeze();
        true
    }

    /// Forgets the words that held no more at `t`, by chunks, but for those of the first chunk. Whether something was forgotten.
    pub fn forget_before(&mut self, t: Monotonic) -> bool {
        self.chunks.forget_before(t.nanos())
    }

    /// The words with this number; `None` if there are none, or none any more.
    pub fn get(&self, index: usize) -> Option<Word> {
        if index >= self.len() {
            return None;
        }
        let (chunk, place) = self.chunks.place(index)?;
        let [on, held_by, woken_by] = chunk.places[place].map(|text| chunk.texts.get(usize::from(text)).cloned());
        Some(Word {
            from: Monotonic::from_nanos(chunk.from[place]),
            until: self.chunks.start(index + 1).map(Monotonic::from_nanos),
            state: chunk.state[place],
            on: on.unwrap_or_default(),
            held_by,
            woken_by,
        })
    }

    /// The newest words.
    pub fn last(&self) -> Option<Word> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The words that hold at a time. O(log n).
    pub fn at(&self, t: Monotonic) -> Option<Word> {
        self.get(self.chunks.at(t.nanos())?)
    }

    /// The words that hold at some time from `from` to `to`, oldest first.
    pub fn between(&self, from: Monotonic, to: Monotonic) -> impl Iterator<Item = Word> + '_ {
        let first = self.chunks.at(from.nanos()).unwrap_or(0);
        (first..self.len()).map_while(|index| self.get(index)).take_while(move |word| word.from < to || word.from <= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_time_across_chunks_and_a_clone_does_not_change() {
        let mut words = Words::default();
        let (work, holder): (Arc<str>, Arc<str>) = ("lock A".into(), "b".into());
        for t in 0..3_000_u64 {
            let state = if t % 2 == 0 { TaskState::Waiting } else { TaskState::Running };
            let by = (t % 2 == 1).then_some(&holder);
            words.push(Monotonic::from_nanos(t * 10), state, &work, None, by);
        }
        let clone = words.clone();
        words.push(Monotonic::from_nanos(5), TaskState::Sleeping, &"late".into(), None, None);
        assert_eq!((words.len(), clone.len()), (3_000, 3_000), "a late one takes the place of the last");
        assert_eq!(words.last().map(|word| (word.from.nanos(), word.on)), Some((29_990, "late".into())));
        let word = clone.at(Monotonic::from_nanos(12_345)).expect("words");
        assert_eq!((word.from.nanos(), word.until.map(Monotonic::nanos), word.lock()), (12_340, Some(12_350), Some("A")));
        assert_eq!(clone.at(Monotonic::from_nanos(12_359)).and_then(|word| word.woken_by), Some("b".into()));
        assert_eq!(clone.between(Monotonic::from_nanos(15), Monotonic::from_nanos(31)).count(), 3);
        assert_eq!(Words::default().at(Monotonic::ZERO), None);
    }

    #[test]
    fn the_first_words_and_the_newest_are_not_forgotten() {
        let (mut words, at, work): (_, _, Arc<str>) = (Words::default(), Monotonic::from_nanos, "work".into());
        for t in 0..10_000 {
            let state = if t % 2 == 0 { TaskState::Waiting } else { TaskState::Running };
            words.push(at(t), state, &work, None, None);
            words.forget_before(at(t.saturating_sub(100)));
        }
        let kept: Vec<_> = (0..words.len()).filter_map(|index| words.get(index)).map(|word| word.from.nanos()).collect();
        assert!(words.len() == 10_000 && kept.len() <= 4 * CHUNK, "{} of {}", kept.len(), words.len());
        let hole: Vec<_> = kept.windows(2).filter(|pair| pair[0] + 1 != pair[1]).map(|pair| pair[0]).collect();
        assert_eq!(hole, [CHUNK as u64 - 1], "{kept:?}");
        let until = words.get(CHUNK - 1).and_then(|word| word.until);
        assert_eq!((until, words.at(at(CHUNK as u64))), (Some(at(CHUNK as u64)), None), "its end is known");
        assert!((9_900..10_000).all(|t| words.at(at(t)).is_some_and(|word| word.from == at(t))));
    }

    #[test]
    fn words_are_put_in_where_they_belong() {
        let (mut words, at) = (Words::default(), Monotonic::from_nanos);
        let texts: [Arc<str>; 2] = ["a timer".into(), "a lock".into()];
        for t in [30, 10, 20, 20] {
            assert!(words.put(at(t), TaskState::Sleeping, &texts[0], None, None));
        }
        assert!(words.put(at(10), TaskState::Waiting, &texts[1], None, None));
        let all: Vec<_> = (0..words.len()).filter_map(|index| words.get(index)).collect();
        let all: Vec<_> = all.iter().map(|word| (word.from.nanos(), &*word.on)).collect();
        assert_eq!(all, [(10, "a lock"), (20, "a timer"), (30, "a timer")]);
        for t in (0..2_000).rev().chain(2_000..4_000) {
            words.put(at(100 + t), TaskState::Sleeping, &texts[0], None, None);
        }
        assert!(!words.put(at(5), TaskState::Sleeping, &texts[0], None, None), "too old");
        let starts: Vec<_> = (0..words.len()).filter_map(|index| words.get(index)).map(|word| word.from).collect();
        assert!(starts.is_sorted() && words.at(at(4_099)).is_some_and(|word| word.from == at(4_099)));
    }
}
