//! The order in which lanes are shown: `main` first, then process by process, parents before their children, each one's first thread
//! first. Among threads, and among processes with one parent, families of names (`worker-1`, `worker-2`, `worker-10`) stand in the order
//! of their first appearance, so that a thread whose name comes late has its place all the same. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;

/// What counts of a lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) index: usize,
    pub(super) name: &'a str,
    pub(super) home: usize,
    /// Whether it is the first thread of its process.
    pub(super) is_first: bool,
}

/// The lanes as they are shown; `parent` gives the parent of a process.
pub(super) fn natural_order(places: &[Place<'_>], parent: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut families: HashMap<&str, usize> = HashMap::new();
    // By process: the place of its representative, and its lanes.
    let mut homes: HashMap<usize, (Key, Vec<(bool, Key)>)> = HashMap::new();
    let mut main = Vec::new();
    for place in places {
        let stem = place.name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let number = place.name[stem.len()..].parse().unwrap_or_default();
        let key: Key = (*families.entry(stem).or_insert(place.index), number, place.index);
        let (representative, lanes) = homes.entry(place.home).or_insert_with(|| (key, Vec::new()));
        if place.is_first {
            *representative = key;
        }
        if place.name == "main" {
            main.push(place.index);
        } else {
            lanes.push((!place.is_first, key));
        }
    }
    let mut children: HashMap<Option<usize>, Vec<(Key, usize)>> = HashMap::new();
    for (home, (key, _)) in &homes {
        let parent = parent(*home).filter(|parent| homes.contains_key(parent) && parent < home);
        children.entry(parent).or_default().push((*key, *home));
    }
    let mut order = main;
    order.reserve(places.len());
    // The next one stands last.
    let mut waiting = children.remove(&None).unwrap_or_default();
    waiting.sort_unstable_by_key(|home| Reverse(*home));
    while let Some((_, home)) = waiting.pop() {
        if let Some((_, mut lanes)) = homes.remove(&home) {
            lanes.sort_unstable();
            order.extend(lanes.into_iter().map(|(_, (.., index))| index));
        }
        let mut next = children.remove(&Some(home)).unwrap_or_default();
        next.sort_unstable_by_key(|home| Reverse(*home));
        waiting.extend(next);
    }
    order
}

/// The family, the number in it, and the lane.
type Key = (usize, u64, usize);
