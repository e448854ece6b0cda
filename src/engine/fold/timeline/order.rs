//! The order in which lanes are shown: `main` first, then families of names (`worker-1`, `worker-2`, `worker-10`) in the order of their
//! first appearance, so that a thread whose name comes late has its place all the same. Pure.

use std::collections::HashMap;

use crate::engine::fold::timeline::track::Track;

/// The tracks by their indices, as they are shown.
pub(crate) fn natural_order(tracks: &[Track]) -> Vec<usize> {
    let mut families: HashMap<&str, usize> = HashMap::new();
    let mut places: Vec<(bool, usize, u64, usize)> = Vec::with_capacity(tracks.len());
    for (index, track) in tracks.iter().enumerate() {
        let stem = track.name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let number = if track.is_of_process { 0 } else { track.name[stem.len()..].parse().unwrap_or_default() };
        let family = if track.is_of_process { track.name.as_str() } else { stem };
        let family = *families.entry(family).or_insert(index);
        places.push((track.name != "main", family, number, index));
    }
    places.sort_unstable();
    places.into_iter().map(|(.., index)| index).collect()
}
