//! Why something took so long: the way back from its end, through those who let each other go on. Pure.

use std::collections::HashMap;

use crate::model::{LaneState, Monotonic, RunView, Times};
use crate::ui::look::foreign;
use crate::ui::panes::time::arrows::{self, Arrow, Places};
use crate::ui::panes::time::hover::length;

/// Steps of the way back that are gone.
const STEPS: usize = 2_000;
/// Wake-ups of a lane that are looked for at once.
const WAKES: usize = 50_000;
/// States of a step that are looked through for the longest wait.
const STATES: usize = 20_000;
/// Words after the end that are looked through for who lets a lane go on.
const LATER: usize = 64;
/// Causes that the sentence names.
const NAMED: usize = 3;

/// A part of the way: this lane, from the moment on at which it was let go on until the end, or until it let the next one go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The place of the lane among those of the run.
    pub(super) lane: usize,
    pub(super) from: Monotonic,
    pub(super) to: Monotonic,
    pub(super) times: Times,
}

/// The lane that holds up this one at a time: where it waits, the holder of what it waits on, else the one that lets it go on later; and
/// so on. The lane itself where that is not known, or where they wait in a circle.
fn held_up_by(run: &RunView, places: &Places, lane: usize, t: Monotonic) -> usize {
    let next = |place: usize| {
        let lane = run.lanes.get(place)?;
        let span = lane.states.at(t).filter(|span| span.state == LaneState::Blocked)?;
        let in_words =
            || lane.words.between(t, span.until?).take(LATER).filter(|word| word.from > t).find_map(|word| word.woken_by);
        let later = || lane.ended_by(&span).or_else(in_words);
        places.named(&run.lanes, &lane.explain(&span).held_by.or_else(later)?, lane)
    };
    let mut way = vec![lane];
    while let Some(other) = next(way[way.len() - 1]) {
        if way.contains(&other) {
            return lane;
        }
        way.push(other);
    }
    way[way.len() - 1]
}

/// The way from `from` to `to` that ends on this lane, or on what holds it up then, newest first.
pub(super) fn critical(run: &RunView, places: &Places, lane: usize, from: Monotonic, to: Monotonic) -> Vec<Step> {
    let mut wakes: HashMap<usize, Vec<Arrow>> = HashMap::new();
    let mut steps: Vec<Step> = Vec::new();
    let (mut lane, mut end) = (held_up_by(run, places, lane, to), to);
    while steps.len() < STEPS && end > from {
        let known = wakes.entry(lane).or_insert_with(|| {
            let mut found = arrows::of_lane(run, places, lane, (from, to), WAKES).0;
            found.retain(|arrow| arrow.lets_go_on);
            found.sort_by_key(|arrow| arrow.t);
            found
        });
        // Strictly earlier: the way always gets shorter.
        let wake = known[..known.partition_point(|arrow| arrow.t < end)].last().copied();
        let begin = wake.map_or(from, |wake| wake.t).max(from);
        if let Some(states) = run.lanes.get(lane).map(|lane| &lane.states) {
            steps.push(Step { lane, from: begin, to: end, times: states.times(begin, end) });
        }
        let Some(wake) = wake else { break };
        (lane, end) = (wake.from, wake.t);
    }
    steps
}

/// One sentence: where the time between the two went, for who asks about this lane.
pub(super) fn sentence(run: &RunView, asked: usize, steps: &[Step], from: Monotonic, to: Monotonic) -> String {
    let whole = to.nanos().saturating_sub(from.nanos());
    let mut causes: HashMap<(usize, LaneState), u64> = HashMap::new();
    for step in steps {
        for state in LaneState::TIMED {
            let time = step.times.of(state);
            if time > 0 {
                *causes.entry((step.lane, state)).or_default() += time;
            }
        }
    }
    let mut causes: Vec<((usize, LaneState), u64)> = causes.into_iter().collect();
    causes.sort_by_key(|((lane, state), time)| (std::cmp::Reverse(*time), *lane, *state as u8));
    let name = |place: usize| run.lanes.get(place).map_or("?".into(), |lane| foreign::word(&lane.name));
    let Some(end) = steps.first().map(|step| step.lane) else { return "Nothing is known of this time.".to_owned() };
    if causes.is_empty() {
        return format!("{} did nothing in this time.", name(end));
    }
    let end = if end == asked { String::new() } else { format!(", at whose end {} waits for {}", name(asked), name(end)) };
    let parts: Vec<String> = causes
        .iter()
        .take(NAMED)
        .map(|((lane, state), time)| {
            let percent = *time as f64 * 100.0 / whole.max(1) as f64;
            let name = name(*lane);
            let why = match state {
                LaneState::Blocked | LaneState::Sleeping => longest(run, steps, *lane, *state),
                _ => None,
            };
            let did = match (state, why) {
                (LaneState::OnCore | LaneState::Running, _) => "ran".to_owned(),
                (LaneState::Ready, _) => "was ready and had no core".to_owned(),
                (LaneState::Blocked, Some(why)) => format!("waited ({why})"),
                (LaneState::Blocked, None) => "waited".to_owned(),
                (LaneState::Sleeping, Some(why)) => format!("slept ({why})"),
                (LaneState::Sleeping, None) => "slept".to_owned(),
                (state, _) => format!("was {}", state.word()),
            };
            format!("{name} {did} for {} ({percent:.0} %)", length(*time))
        })
        .collect();
    let rest: u64 = causes.iter().skip(NAMED).map(|(_, time)| time).sum();
    let rest = if rest > 0 { format!("; the rest, {}, is smaller parts", length(rest)) } else { String::new() };
    let through = match steps.len().saturating_sub(1) {
        0 => String::new(),
        1 => format!(" followed back from {} through 1 wake-up,", name(asked)),
        count => format!(" followed back from {} through {count} wake-ups,", name(asked)),
    };
    let parts = match &parts[..] {
        [others @ .., last] if !others.is_empty() => format!("{}, and {last}", others.join(", ")),
        parts => parts.concat(),
    };
    format!("Of the {} marked{end},{through} {parts}{rest}.", length(whole))
}

/// The label of a lane's waits on the way with the most time.
fn longest(run: &RunView, steps: &[Step], lane: usize, state: LaneState) -> Option<String> {
    let waits = run.lanes.get(lane)?;
    let mut looked = 0;
    let mut found: HashMap<String, u64> = HashMap::new();
    for step in steps.iter().filter(|step| step.lane == lane) {
        for span in waits.states.between(step.from, step.to).take(STATES.saturating_sub(looked)) {
            looked += 1;
            if span.state == state || span.state == LaneState::Mixed {
                let (from, until) = (span.from.max(step.from), span.until.unwrap_or(step.to).min(step.to));
                let now = waits.explain(&span);
                let holder = now.held_by.map_or_else(String::new, |holder| format!(", held by {}", foreign::word(&holder)));
                let text = format!("{}{holder}", foreign::word(&now.label));
                *found.entry(text).or_default() += waits.states.times(from, until).of(state);
            }
        }
    }
    // Not every wait is told why: those that are speak for the others.
    found.retain(|text, time| !text.is_empty() && *time > 0);
    found.into_iter().max_by(|(a, most), (b, other)| most.cmp(other).then(b.cmp(a))).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    fn place(run: &RunView, name: &str) -> usize {
        run.lanes.iter().position(|lane| *lane.name == *name).expect("a lane")
    }

    fn names(run: &RunView, steps: &[Step]) -> Vec<(String, u64, u64)> {
        steps
            .iter()
            .map(|step| (run.lanes[step.lane].name.to_string(), step.from.nanos() / 1_000_000, step.to.nanos() / 1_000_000))
            .collect()
    }

    fn told(names: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
        names.iter().map(|(name, from, to)| ((*name).to_owned(), *from, *to)).collect()
    }

    #[test]
    fn the_way_goes_back_through_those_who_let_each_other_go_on() {
        let run = sample::kernel_lanes();
        let places = Places::of(&run.lanes);
        let (from, to) = (Monotonic::ZERO, Monotonic::from_secs(0.6));
        let steps = critical(&run, &places, place(&run, "painter"), from, to);
        assert_eq!(names(&run, &steps), told(&[("painter", 420, 600), ("broker", 35, 420), ("main", 0, 35)]));
        let total: u64 = steps.iter().map(|step| step.to.nanos() - step.from.nanos()).sum();
        assert_eq!(total, 600_000_000, "no time is counted twice or left out");
        let text = sentence(&run, place(&run, "painter"), &steps, from, to);
        assert_eq!(
            text,
            "Of the 600.000 ms marked, followed back from painter through 2 wake-ups, broker ran for 215.000 ms (36 %), broker \
             slept for 155.000 ms (26 %), and painter slept (a nap) for 100.000 ms (17 %); the rest, 130.000 ms, is smaller parts."
        );
    }

    #[test]
    fn the_way_begins_at_the_lane_that_holds_up_this_one_and_in_a_circle_at_this_one() {
        let run = sample::kernel_lanes();
        let places = Places::of(&run.lanes);
        let (from, to) = (Monotonic::from_secs(0.2), Monotonic::from_secs(0.3));
        let steps = critical(&run, &places, place(&run, "painter"), from, to);
        assert_eq!(names(&run, &steps), told(&[("broker", 200, 300)]), "painter waits for broker");
        let text = sentence(&run, place(&run, "painter"), &steps, from, to);
        assert_eq!(text, "Of the 100.000 ms marked, at whose end painter waits for broker, broker slept for 100.000 ms (100 %).");
        let run = (*sample::deadlock().runs[0]).clone();
        let places = Places::of(&run.lanes);
        let (from, to) = (Monotonic::from_secs(1.0), Monotonic::from_secs(1.5));
        let steps = critical(&run, &places, place(&run, "worker-1"), from, to);
        assert_eq!(names(&run, &steps), told(&[("worker-1", 1_000, 1_500)]));
    }

    #[test]
    fn the_way_goes_through_waits_that_only_the_kernel_explains() {
        let run = sample::pipeline();
        let places = Places::of(&run.lanes);
        let steps = critical(&run, &places, place(&run, "cat"), Monotonic::ZERO, Monotonic::from_secs(0.255));
        assert_eq!(names(&run, &steps), told(&[("cat", 250, 255), ("sh 4712", 50, 250), ("sh 4711", 0, 50)]));
        // It still waits at the end of the time that is marked.
        let steps = critical(&run, &places, place(&run, "cat"), Monotonic::ZERO, Monotonic::from_secs(0.2));
        assert_eq!(names(&run, &steps), told(&[("sh 4712", 50, 200), ("sh 4711", 0, 50)]));
    }

    #[test]
    fn where_nobody_is_known_the_way_stays_on_its_lane() {
        let run = sample::kernel_lanes();
        let places = Places::of(&run.lanes);
        let (from, to) = (Monotonic::from_secs(0.5), Monotonic::from_secs(0.9));
        let main = place(&run, "main");
        let steps = critical(&run, &places, main, from, to);
        assert_eq!(steps.len(), 1);
        let text = sentence(&run, main, &steps, from, to);
        assert_eq!(text, "Of the 400.000 ms marked, main waited (join painter) for 400.000 ms (100 %).");
        assert_eq!(sentence(&run, main, &[], from, to), "Nothing is known of this time.");
    }

    #[test]
    fn two_that_wake_each_other_without_end_are_followed_only_so_far() {
        let mut run = sample::run(1, "x");
        let lane = |id: u32, name: &str, by: &str| {
            let pieces: Vec<_> = (0..5_000)
                .map(|index| {
                    let at = f64::from(index) * 1e-4;
                    let state = crate::model::TaskState::Running;
                    sample::Segment {
                        woken_by: Some(by.into()),
                        ..sample::segment(at, Some(at + 1e-4), state, ["a", "b"][index as usize % 2])
                    }
                })
                .collect();
            sample::told_lane(id, name, 100 + id as i32, &pieces)
        };
        run.lanes = vec![lane(0, "a", "b"), lane(1, "b", "a")];
        let steps = critical(&run, &Places::of(&run.lanes), 0, Monotonic::ZERO, Monotonic::from_secs(0.5));
        assert_eq!(steps.len(), STEPS);
        assert!(steps.windows(2).all(|pair| pair[1].to == pair[0].from && pair[1].from < pair[1].to));
    }
}
