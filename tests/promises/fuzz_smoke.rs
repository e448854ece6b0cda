//! A bounded look at what the fuzz targets do at length: their committed seeds, and mutations of them, on stable Rust.

use std::panic::catch_unwind;
use std::path::Path;

use crate::fuzz;
use support::stress::{Chance, rounds};
use support::watchdog::Watchdog;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(&folder).expect("seeds").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    assert!(paths.len() >= 5, "{}", folder.display());
    paths.into_iter().map(|path| std::fs::read(path).expect("readable")).collect()
}

/// One to eight small changes: what a fuzzer without eyes does.
fn mutate(chance: &mut Chance, seeds: &[Vec<u8>]) -> Vec<u8> {
    const WORDS: [&[u8]; 14] = [
        b"-1",
        b"0",
        b"2147483648",
        b"18446744073709551616",
        b"1e39",
        b"null",
        b"\n",
        b"{",
        b"[[",
        b"\"",
        b")",
        b" (",
        b"\xff\xfe",
        b"\0",
    ];
    let mut data = chance.pick(seeds).clone();
    for _ in 0..=chance.below(8) {
        let at = chance.below(data.len() + 1);
        match chance.below(6) {
            0 if at < data.len() => data[at] ^= 1 << chance.below(8),
            1 => drop(data.drain(at..(at + chance.below(9)).min(data.len()))),
            2 => drop(data.splice(at..at, chance.pick(&WORDS).iter().copied())),
            3 => {
                let end = (at + chance.below(20)).min(data.len());
                let again = data[at..end].to_vec();
                drop(data.splice(at..at, again));
            }
            4 => {
                // A number becomes another one.
                let start = data[at..].iter().position(u8::is_ascii_digit).map_or(at, |found| at + found);
                let end = data[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(data.len(), |found| start + found);
                drop(data.splice(start..end, chance.pick(&WORDS[..5]).iter().copied()));
            }
            _ => {
                let other = chance.pick(seeds);
                let from = chance.below(other.len());
                let part = other[from..(from + chance.below(40)).min(other.len())].to_vec();
                drop(data.splice(at..at, part));
            }
        }
    }
    data
}

/// The first input that makes `entry` panic, of all seeds and so many mutations of them.
fn find(entry: fn(&[u8]), seeds: &[Vec<u8>], count: usize) -> Option<Vec<u8>> {
    let mut chance = Chance::start();
    let fails = |data: &[u8]| catch_unwind(|| entry(data)).is_err();
    if let Some(seed) = seeds.iter().find(|seed| fails(seed)) {
        return Some(seed.clone());
    }
    (0..count).map(|_| mutate(&mut chance, seeds)).find(|data| fails(data))
}

#[track_caller]
fn smoke(target: &str, entry: fn(&[u8])) {
    let _watchdog = Watchdog::after(std::time::Duration::from_mins(30));
    let (seeds, count) = (seeds(target), rounds(20_000, 2_000_000));
    let found = find(entry, &seeds, count).map(|data| String::from_utf8_lossy(&data).into_owned());
    assert_eq!(found, None, "put this into fuzz/seeds/{target}");
    support::stress::say(format_args!("{target}: {} seeds, {count} mutations", seeds.len()));
}

/// Covers: promise 9, fact 57.
#[test]
fn the_supervisors_protocol_survives_its_seeds_and_their_mutations() {
    smoke("protocol", fuzz::protocol);
    // The control: the seeds are messages of today, but for those that are broken on purpose.
    let is_broken = |seed: &&Vec<u8>| {
        let message = &seed[1.min(seed.len())..];
        serde_json::from_slice::<tasklab::supervisor::Request>(message).is_err()
            && serde_json::from_slice::<tasklab::supervisor::Report>(message).is_err()
    };
    let seeds = seeds("protocol");
    let broken: Vec<_> = seeds.iter().filter(is_broken).map(|seed| String::from_utf8_lossy(seed).into_owned()).collect();
    assert_eq!(broken.len(), 4, "{broken:?}");
}

/// Covers: promise 11.
#[test]
fn the_event_line_reader_survives_its_seeds_and_their_mutations() {
    smoke("event_lines", fuzz::event_lines);
}

/// Covers: promise 13, F61, F63.
#[test]
fn the_proc_readers_survive_their_seeds_and_their_mutations() {
    smoke("proc_files", fuzz::proc_files);
}

/// The control: a mistake that only some mutations meet is found.
#[test]
fn a_planted_mistake_is_found() {
    let planted = |data: &[u8]| assert!(!data.windows(4).any(|part| part == b"\n\n[["), "planted");
    assert!(find(planted, &seeds("event_lines"), 200_000).is_some());
}
