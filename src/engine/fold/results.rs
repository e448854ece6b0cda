//! The values and facts of a run, bounded in number and in bytes. Pure.

pub(crate) mod judging;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use crate::engine::fold::texts::{self, MOST_KEPT};
use crate::model::{Fact, Monotonic};

/// A value's changes within this time are one sentence.
const VALUE_PAUSE: Duration = Duration::from_secs(5);
/// Facts and values by different names that are kept.
const MOST_NAMES: usize = 1_000;
/// Stands in the place of a value that is too long to keep.
const NOT_KEPT: &str = "… (too long to keep)";

#[derive(Debug, Default)]
pub(crate) struct Results {
    facts: Vec<Fact>,
    values: BTreeMap<String, Value>,
    /// When a value was last reported.
    reported_at: HashMap<String, Monotonic>,
    /// Bytes of the values and of the facts that are kept.
    value_bytes: usize,
    fact_bytes: usize,
    fullness: Fullness,
    /// Whether a fact that is not kept did not hold.
    has_failed_unkept: bool,
}

/// Whether everything could be kept; if not, whether that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Fullness {
    #[default]
    HasRoom,
    Full,
    Reported,
}

/// How a value event compares with the value before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueChange {
    /// It is the same value.
    Same,
    /// It is a new value, and is to be reported.
    Reported,
    /// It is a new value, but the last one was reported a moment ago. The newest value is always shown beside the facts.
    TooSoon,
}

impl Results {
    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    pub(crate) const fn values(&self) -> &BTreeMap<String, Value> {
        &self.values
    }

    /// Whether every fact holds, those that are not kept as well.
    pub(crate) fn all_hold(&self) -> bool {
        !self.has_failed_unkept && self.facts.iter().all(|fact| fact.holds)
    }

    /// Whether there was no room for a value or fact; true once.
    pub(crate) fn has_become_full(&mut self) -> bool {
        let is_new = self.fullness == Fullness::Full;
        if is_new {
            self.fullness = Fullness::Reported;
        }
        is_new
    }

    fn note_full(&mut self) {
        if self.fullness == Fullness::HasRoom {
            self.fullness = Fullness::Full;
        }
    }

    /// Takes in a value.
    pub(crate) fn value(&mut self, t: Monotonic, name: &str, value: &Value) -> ValueChange {
        let (count, length) = (self.values.len(), texts::length(value));
        if let Some(known) = self.values.get_mut(name) {
            if known == value {
                return ValueChange::Same;
            }
            self.value_bytes = self.value_bytes.saturating_sub(texts::length(known));
            if self.value_bytes + length <= MOST_KEPT {
                known.clone_from(value);
            } else {
                // The old value is no longer true.
                *known = NOT_KEPT.into();
                self.note_full();
            }
            self.value_bytes += self.values.get(name).map_or(0, texts::length);
        } else if count < MOST_NAMES && self.value_bytes + name.len() + length <= MOST_KEPT {
            self.value_bytes += name.len() + length;
            self.values.insert(name.to_owned(), value.clone());
        } else {
            self.note_full();
        }
        if self.reported_at.get(name).is_some_and(|at| t.since(*at) < VALUE_PAUSE) {
            return ValueChange::TooSoon;
        }
        if self.values.contains_key(name) {
            self.reported_at.insert(name.to_owned(), t);
        }
        ValueChange::Reported
    }

    /// Takes in a fact. Whether its id is new.
    pub(crate) fn fact(&mut self, fact: &Fact) -> bool {
        let size = |fact: &Fact| fact.id.len() + fact.claim.len() + texts::length(&fact.expected) + texts::length(&fact.observed);
        let known = self.facts.iter().position(|known| known.id == fact.id);
        self.fact_bytes -= known.map_or(0, |index| size(&self.facts[index]));
        let fits = self.fact_bytes + size(fact) <= MOST_KEPT;
        match known {
            Some(index) if fits => self.facts[index].clone_from(fact),
            Some(index) => {
                let known = &mut self.facts[index];
                known.holds = fact.holds;
                (known.expected, known.observed) = (NOT_KEPT.into(), NOT_KEPT.into());
                self.note_full();
            }
            None if fits && self.facts.len() < MOST_NAMES => self.facts.push(fact.clone()),
            None => {
                self.has_failed_unkept |= !fact.holds;
                self.note_full();
            }
        }
        let kept = self.facts.iter().find(|kept| kept.id == fact.id);
        self.fact_bytes += kept.map_or(0, size);
        known.is_none()
    }
}

/// The sentence that not all values and facts are kept.
pub(crate) fn full() -> String {
    let kib = MOST_KEPT / 1024;
    format!("Not all values and facts are shown: of each, a run keeps {MOST_NAMES} and {kib} KiB of text.")
}
