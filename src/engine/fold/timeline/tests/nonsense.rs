//! Whatever the records and events are: no panic, no gap, no core that two lanes have at once.

use proptest::prelude::*;

use super::*;
use crate::engine::fold::timeline::homes::Exit;
use crate::model::ProcessState;

#[derive(Debug, Clone)]
enum Step {
    Record(SchedulerRecord),
    Batch,
    Started(i32),
    Changed(i32, ProcessState),
    Ended(i32),
    Reaped(i32),
    Task(usize, TaskSort, i32, Option<i32>),
    Said(usize, TaskState),
    Waits(i32),
    Seen(i32, ProcessState),
    View,
}

fn any_step() -> impl Strategy<Value = Step> {
    let ids = (1_i32..4, 0_i32..4).prop_map(|(pid, thread)| (pid * 10, pid * 10 + thread));
    let what = prop_oneof![
        4 => Just(Scheduled::In),
        2 => Just(Scheduled::Preempted),
        3 => Just(Scheduled::Blocked),
        1 => (1_i32..4).prop_map(|parent| Scheduled::Began { parent: Pid::new(parent * 10), by: Tid::new(parent * 10) }),
        1 => Just(Scheduled::Ended),
        1 => Just(Scheduled::Mapped),
        1 => any::<bool>().prop_map(|is_exec| Scheduled::Named { name: "x".into(), is_exec }),
        2 => (0_u64..900, 0_u64..900).prop_map(|(ran, ready)| Scheduled::Counted { ran, ready }),
        1 => (0_u64..900).prop_map(|since| Scheduled::Lost { since: at(since), count: 1 }),
    ];
    let record = (0_u64..30, ids, 0_u16..3, what).prop_map(|(t, (pid, tid), core, what)| on_core(core, t, pid, tid, what));
    let states = [ProcessState::Running, ProcessState::Sleeping, ProcessState::Stopped, ProcessState::Zombie];
    let sorts = [TaskSort::Thread, TaskSort::Process, TaskSort::Coroutine];
    let pid = (1_i32..4).prop_map(|pid| pid * 10);
    prop_oneof![
        20 => record.prop_map(Step::Record),
        3 => Just(Step::Batch),
        1 => pid.clone().prop_map(Step::Started),
        2 => (pid.clone(), prop::sample::select(states.to_vec())).prop_map(|(pid, state)| Step::Changed(pid, state)),
        1 => pid.clone().prop_map(Step::Ended),
        1 => pid.clone().prop_map(Step::Reaped),
        1 => (0_usize..3, prop::sample::select(sorts.to_vec()), pid, prop::option::of(0_i32..4))
            .prop_map(|(task, sort, pid, thread)| Step::Task(task, sort, pid, thread.map(|thread| pid + thread))),
        3 => (0_usize..3, prop::sample::select(TaskState::ALL.to_vec())).prop_map(|(task, state)| Step::Said(task, state)),
        1 => (10_i32..33).prop_map(Step::Waits),
        2 => (10_i32..33, prop::sample::select(states.to_vec())).prop_map(|(tid, state)| Step::Seen(tid, state)),
        1 => Just(Step::View),
    ]
}

proptest! {
    #[test]
    fn any_records_give_whole_lanes(steps in prop::collection::vec(any_step(), 0..300)) {
        let mut lanes = Lanes::default();
        let mut batch: Vec<SchedulerRecord> = Vec::new();
        let exit = |t: u64| Exit { t: at(t), status: None };
        for (index, step) in steps.iter().enumerate() {
            // Mostly onwards, with jumps back.
            let t = index as u64 * 3;
            match step.clone() {
                Step::Record(record) => batch.push(SchedulerRecord { t: at(t + record.t.nanos()), ..record }),
                Step::Batch => lanes.scheduled(&std::mem::take(&mut batch), at(t)),
                Step::Started(pid) => lanes.process_started(at(t), Pid::new(pid), Pid::new(10), "p", t.is_multiple_of(2)),
                Step::Changed(pid, state) => lanes.process_changed(at(t), Pid::new(pid), state, ""),
                Step::Ended(pid) => lanes.process_ended(at(t), Pid::new(pid), "", exit(t)),
                Step::Reaped(pid) => lanes.process_reaped(at(t), Pid::new(pid), "", exit(t), Some(Pid::new(10))),
                Step::Task(task, sort, pid, tid) => {
                    lanes.task_started(at(t), ["a", "b", "c"][task], sort, Pid::new(pid), tid.map(Tid::new), None);
                }
                Step::Said(task, state) => {
                    lanes.task_changed(at(t), ["a", "b", "c"][task], told(state, Some("it"), Some("a")), Pid::new(10));
                }
                Step::Waits(tid) => lanes.thread_waits(at(t), Pid::new(tid / 10 * 10), Tid::new(tid), "a timer"),
                Step::Seen(tid, state) => {
                    lanes.thread_seen(at(t), Pid::new(tid / 10 * 10), Tid::new(tid), "seen", state);
                }
                Step::View => {
                    lanes.publish();
                    lanes.unexplained(at(t), usize::MAX);
                    lanes.cpu_due(at(t));
                }
            }
        }
        lanes.scheduled(&batch, at(1_000));
        lanes.close(at(1_100));
        let end = 2_000;
        let mut on_cores: Vec<(u32, u64, u64)> = Vec::new();
        for lane in lanes.publish() {
            let spans: Vec<_> = (0..lane.states.len()).filter_map(|index| lane.states.get(index)).collect();
            prop_assert!(lane.has_ended() && !spans.is_empty(), "{:?}", lane);
            for pair in spans.windows(2) {
                prop_assert!(pair[0].until == Some(pair[1].from) && pair[0].from <= pair[1].from, "{:?}", lane);
            }
            let (first, last) = (spans[0].from.nanos(), spans[spans.len() - 1]);
            prop_assert_eq!(last.state, LaneState::Nothing, "{:?}", lane);
            let between = spans[..spans.len() - 1].iter().filter(|span| span.state == LaneState::Nothing);
            let gone: u64 = between.map(|span| span.until.expect("not the last").nanos() - span.from.nanos()).sum();
            prop_assert_eq!(lane.states.times(at(0), at(end)).total(), last.from.nanos() - first - gone);
            if lane.source == crate::model::LaneSource::Switches {
                let on = spans.iter().filter(|span| span.state == LaneState::OnCore);
                on_cores.extend(on.map(|span| (span.detail, span.from.nanos(), span.until.expect("ended").nanos())));
            }
        }
        on_cores.sort_unstable();
        for pair in on_cores.windows(2) {
            prop_assert!(pair[0].0 != pair[1].0 || pair[0].2 <= pair[1].1, "two lanes on one core: {:?}", pair);
        }
        for core in lanes.publish_cores() {
            prop_assert!(core.states.times(at(0), at(end)).total() <= end);
        }
    }
}

/// A task took a lane from one that was over, and lost it again.
#[test]
fn a_lane_that_is_claimed_after_its_end_ends_with_the_run() {
    let mut lanes = Lanes::default();
    let begins = |lanes: &mut Lanes, t: u64, sort: TaskSort, tid: Option<i32>| {
        lanes.task_started(at(t), "a", sort, Pid::new(10), tid.map(Tid::new), None);
    };
    begins(&mut lanes, 0, TaskSort::Process, None);
    lanes.task_changed(at(3), "a", told(TaskState::Done, Some("it"), Some("a")), Pid::new(10));
    begins(&mut lanes, 6, TaskSort::Thread, Some(11));
    begins(&mut lanes, 9, TaskSort::Process, None);
    lanes.close(at(1_100));
    assert!(lanes.publish().iter().all(|lane| lane.states.last().is_some_and(|span| span.state == LaneState::Nothing)));
}
