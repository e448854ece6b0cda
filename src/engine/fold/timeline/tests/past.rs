//! A lane that forgets its past tells the same sums as one that keeps it, and stays small.

use proptest::prelude::*;

use super::*;
use crate::model::TaskCpu;

const MILLIS: u64 = 1_000_000;

/// Three threads on two cores, whose records come in batches; one says why it waits.
fn play(steps: &[(u64, i32, u8)], batch: usize, mut after: impl FnMut(&mut Lanes, u64)) -> (Lanes, Vec<TaskCpu>) {
    let (mut lanes, mut told, mut t) = (Lanes::default(), Vec::new(), 0);
    lanes.scheduled(&[began(0, 10, 10, 1, 1), began(1, 10, 11, 10, 10), began(2, 10, 12, 10, 10)], at(2));
    thread(&mut lanes, 3, "worker", 11);
    for steps in steps.chunks(batch) {
        let records: Vec<_> = steps
            .iter()
            .map(|&(step, tid, what)| {
                t += step * MILLIS / 4;
                let what = match what {
                    0 => Scheduled::Preempted,
                    1 => Scheduled::Blocked,
                    2 => Scheduled::Counted { ran: t / 3, ready: t / 5 },
                    _ => Scheduled::In,
                };
                on_core((tid % 2) as u16, t, 10, 10 + tid, what)
            })
            .collect();
        let word = if (t / MILLIS).is_multiple_of(2) { TaskState::Sleeping } else { TaskState::Running };
        lanes.task_changed(at(t), "worker", self::told(word, Some("it"), None), PID);
        lanes.scheduled(&records, at(t));
        told.extend(lanes.cpu_due(at(t)));
        lanes.unexplained(at(t), 8);
        after(&mut lanes, t);
    }
    told.extend(lanes.cpu_in_all(at(t + MILLIS)));
    (lanes, told)
}

/// The entries of all columns that are in memory.
fn kept(lanes: &mut Lanes) -> usize {
    let states = |states: &States| (0..states.len()).filter_map(|index| states.get(index)).count();
    let words = |words: &Words| (0..words.len()).filter_map(|index| words.get(index)).count();
    let of_cores: usize = lanes.publish_cores().iter().map(|core| states(&core.states)).sum();
    let of_lane = |lane: &Arc<Lane>| states(&lane.states) + words(&lane.words) + words(&lane.reasons);
    of_cores + lanes.publish().iter().map(of_lane).sum::<usize>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_sums_are_those_of_lanes_that_forget_nothing(
        steps in prop::collection::vec((0_u64..8, 0_i32..3, 0_u8..5), 1..20_000),
        batch in 1_usize..400,
    ) {
        let (mut whole, told) = play(&steps, batch, |_, _| ());
        let (mut small, told_small) = play(&steps, batch, |lanes, t| lanes.forget_past(at(t)));
        prop_assert_eq!(told, told_small);
        prop_assert!(kept(&mut small) <= kept(&mut whole));
        for (small, whole) in small.publish().iter().zip(whole.publish()) {
            prop_assert_eq!((small.states.last(), small.words.last()), (whole.states.last(), whole.words.last()));
        }
    }
}

#[test]
fn what_is_kept_depends_on_the_newest_seconds_alone() {
    let steps: Vec<_> = (0..200_000).map(|number| (4, number % 3, if number / 3 % 2 == 0 { 3 } else { 1 })).collect();
    let mut most = 0;
    let (mut lanes, _) = play(&steps, 30, |lanes, t| {
        lanes.forget_past(at(t));
        if t.is_multiple_of(300 * MILLIS) {
            most = most.max(kept(lanes));
        }
    });
    // Of each column: the first chunk, two that are cut by the 2,000 changes of two seconds, and a tail of up to two.
    let columns = lanes.publish().len() * 3 + lanes.publish_cores().len();
    assert!(most <= 2 * 2_000 + columns * 5 * 512, "{most}");
    let (mut whole, _) = play(&steps, 30, |_, _| ());
    assert!(kept(&mut whole) > 300_000);
}

#[test]
fn of_a_thread_that_has_ended_its_end_is_kept() {
    let (mut lanes, second) = (Lanes::default(), 1_000 * MILLIS);
    lanes.scheduled(&[began(0, 10, 10, 1, 1), began(1, 10, 11, 10, 10)], at(2));
    let mut records: Vec<_> =
        (0..100).map(|n| record(10 + n, 10, 11, [Scheduled::In, Scheduled::Blocked][n as usize % 2].clone())).collect();
    records.push(record(200, 10, 11, Scheduled::Ended));
    lanes.scheduled(&records, at(300));
    lanes.forget_past(at(9 * second));
    let ended = |lanes: &mut Lanes| lanes.publish().iter().find(|lane| lane.tid == Some(Tid::new(11))).map(|lane| states(lane));
    assert_eq!(ended(&mut lanes).map(|states| states.len()), Some(102), "its sums were not told");
    let told = lanes.cpu_due(at(9 * second));
    assert!(told.iter().any(|cpu| cpu.is_final && (cpu.switches, cpu.ran_ns) == (50, 50)), "{told:?}");
    lanes.forget_past(at(second));
    assert_eq!(ended(&mut lanes).map(|states| states.len()), Some(102), "it has ended just now");
    lanes.forget_past(at(9 * second));
    assert_eq!(ended(&mut lanes), Some(vec![(109, LaneState::Blocked, 0), (200, LaneState::Nothing, 0)]));
}
