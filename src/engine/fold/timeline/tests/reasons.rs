//! Why threads wait, and who lets them go on.

use super::*;
use crate::engine::fold::timeline::homes::Exit;
use crate::engine::fold::timeline::reasons::Explanation;
use crate::model::{ExitStatus, MarkKind};

use LaneState::{Blocked, OnCore, Sleeping};

const MS: u64 = 1_000_000;

/// Two threads that wait since 5 and 6 ms, and what happened until 100 ms.
fn waiting() -> Lanes {
    let mut lanes = Lanes::default();
    let records = [
        began(0, 10, 10, 1, 1),
        named(1, 10, 10, "prog", true),
        began(1, 10, 11, 10, 10),
        record(2, 10, 10, Scheduled::In),
        on_core(1, 2, 10, 11, Scheduled::In),
        record(5 * MS, 10, 10, Scheduled::Blocked),
        on_core(1, 6 * MS, 10, 11, Scheduled::Blocked),
    ];
    lanes.scheduled(&records, at(100 * MS));
    lanes
}

fn because(words: &str, since: u64, held_by: Option<i32>) -> Explanation<'_> {
    Explanation {
        from: at(since),
        words,
        is_timer: words == "a timer",
        is_stopped: false,
        held_by: held_by.map(Tid::new),
        wakers: None,
    }
}

#[test]
fn a_sample_explains_the_wait_in_which_it_was_taken() {
    let mut lanes = waiting();
    lanes.thread_waits(at(90 * MS), PID, PID_TID, "a pipe to read");
    lanes.thread_waits(at(90 * MS), PID, Tid::new(11), "a timer");
    assert_eq!(lane(&mut lanes, "prog").now().map(|now| now.label.to_string()), Some(String::new()), "it is read later");
    // One of them has gone on before that is known.
    lanes.scheduled(&[record(115 * MS, 10, 10, Scheduled::In)], at(130 * MS));
    lanes.scheduled(&[record(131 * MS, 10, 10, Scheduled::Blocked)], at(140 * MS));
    assert!(lane(&mut lanes, "prog").reasons.is_empty());
    let other = lane(&mut lanes, "prog 11").now().expect("a state");
    assert_eq!((other.state, &*other.label), (Sleeping, "a timer"));
}

const PID_TID: Tid = Tid::new(10);

#[test]
fn words_explain_a_wait_better_than_a_sample() {
    let mut lanes = waiting();
    thread(&mut lanes, 1, "a", 11);
    lanes.task_changed(at(5 * MS), "a", told(TaskState::Waiting, Some("lock A"), None), PID);
    lanes.thread_waits(at(90 * MS), PID, Tid::new(11), "a lock");
    lanes.scheduled(&[], at(150 * MS));
    let now = lane(&mut lanes, "a").now().expect("a state");
    assert_eq!((now.state, &*now.label), (Blocked, "lock A"));
    assert_eq!(lanes.unexplained(at(150 * MS), usize::MAX), [(PID, PID_TID, at(5 * MS))], "only what nobody has explained");
}

#[test]
fn a_wait_is_asked_for_once_and_explained_while_it_lasts() {
    let mut lanes = waiting();
    let asked = lanes.unexplained(at(200 * MS), usize::MAX);
    assert_eq!(asked, [(PID, PID_TID, at(5 * MS)), (PID, Tid::new(11), at(6 * MS))]);
    assert!(lanes.unexplained(at(300 * MS), usize::MAX).is_empty());
    lanes.scheduled(&[record(110 * MS, 10, 10, Scheduled::In)], at(120 * MS));
    lanes.explained(at(115 * MS), PID, PID_TID, because("a lock", 5 * MS, None));
    assert!(lane(&mut lanes, "prog").reasons.is_empty(), "it was over");
    lanes.explained(at(115 * MS), PID, Tid::new(11), because("a timer", 6 * MS, None));
    assert_eq!(lane(&mut lanes, "prog 11").now().map(|now| now.state), Some(Sleeping));
    // What a program says later of its first wait does not undo it.
    thread(&mut lanes, 1, "a", 11);
    lanes.task_changed(at(2), "a", told(TaskState::Sleeping, None, None), PID);
    lanes.task_changed(at(3), "a", told(TaskState::Running, None, None), PID);
    assert_eq!(lane(&mut lanes, "a").now().map(|now| now.state), Some(Sleeping));
}

#[test]
fn owners_of_locks_in_a_circle_are_waiters() {
    let mut lanes = waiting();
    lanes.explained(at(90 * MS), PID, PID_TID, because("lock 0x10", 5 * MS, Some(11)));
    lanes.explained(at(90 * MS), PID, Tid::new(11), because("lock 0x20", 6 * MS, Some(10)));
    let circle = |lanes: &Lanes| {
        let mut circle: Vec<_> =
            lanes.waiting().map(|(name, waiter)| format!("{name}: {} {}", waiter.on, waiter.held_by)).collect();
        circle.sort();
        circle
    };
    assert_eq!(circle(&lanes), ["prog 11: lock 0x20 prog", "prog: lock 0x10 prog 11"]);
    // Names can change meanwhile.
    thread(&mut lanes, 1, "a", 11);
    assert_eq!(circle(&lanes), ["a: lock 0x20 prog", "prog: lock 0x10 a"]);
    lanes.scheduled(&[record(110 * MS, 10, 10, Scheduled::In)], at(120 * MS));
    assert_eq!(circle(&lanes), ["a: lock 0x20 prog"]);
}

#[test]
fn the_child_that_ended_has_let_its_parent_go_on() {
    let mut lanes = waiting();
    let records = [
        began(101 * MS, 12, 12, 10, 10),
        named(102 * MS, 12, 12, "true", true),
        record(103 * MS, 12, 12, Scheduled::Mapped),
        record(140 * MS, 12, 12, Scheduled::In),
        record(150 * MS, 12, 12, Scheduled::Ended),
        record(151 * MS, 10, 10, Scheduled::In),
    ];
    lanes.explained(at(90 * MS), PID, PID_TID, because("a child", 5 * MS, None));
    lanes.scheduled(&records, at(160 * MS));
    let exit = |t: u64| Exit { t: at(t), status: Some(ExitStatus::Exited(0)) };
    lanes.process_started(at(103 * MS), Pid::new(12), PID, "true", false);
    lanes.process_ended(at(152 * MS), Pid::new(12), "", exit(152 * MS));
    lanes.process_reaped(at(153 * MS), Pid::new(12), "", exit(153 * MS), Some(PID));
    lanes.scheduled(&[], at(170 * MS));
    let parent = lane(&mut lanes, "prog");
    assert_eq!(parent.reasons.last().and_then(|reason| reason.woken_by).as_deref(), Some("true"));
    let child = lane(&mut lanes, "true");
    let reaped = child.marks.iter().find(|mark| mark.kind == MarkKind::Reaped).expect("a mark");
    assert_eq!((reaped.t, reaped.from), (at(153 * MS), Some(parent.id)));
    assert_eq!(parent.now().map(|now| now.state), Some(OnCore));
}

/// What is told of the waits of one thread, in any order and however late: the same in the end.
#[derive(Debug, Clone)]
enum Told {
    Records(usize),
    Word(usize),
    Answer(usize),
}

#[test]
fn words_and_answers_give_the_same_states_in_any_order() {
    use proptest::prelude::*;
    // The waits begin at 10, 30, 50 … ms and last for 15.
    const WAITS: usize = 6;
    let words = prop::collection::vec(
        (0_u64..130, prop::sample::select(vec![TaskState::Running, TaskState::Waiting, TaskState::Sleeping]), any::<bool>()),
        0..6,
    );
    let answers = prop::collection::vec((0_u64..130, any::<bool>()), 0..8);
    let moves = prop::collection::vec(any::<prop::sample::Index>(), 40);
    proptest!(|(words in words, answers in answers, moves in moves)| {
        let mut words: Vec<_> = words;
        words.sort_by_key(|word| word.0);
        words.dedup_by_key(|word| word.0);
        let waits = |t: u64| t >= 10 && (t - 10) % 20 < 15;
        let mut answers: Vec<_> = answers.into_iter().filter(|(t, _)| waits(*t) && waits(*t + 1)).collect();
        // The same wait has the same reason.
        answers.sort_by_key(|answer| answer.0);
        answers.dedup_by_key(|answer| (answer.0 - 10) / 20);
        // Each in its own order, but for answers; an answer never comes before the records of its time.
        let play = |moves: &mut dyn FnMut(usize) -> usize| {
            let mut lanes = Lanes::default();
            lanes.scheduled(&[began(0, 10, 10, 1, 1), began(0, 10, 11, 10, 10), record(1, 10, 11, Scheduled::In)], at(1));
            thread(&mut lanes, 1, "a", 11);
            let (mut record_at, mut word_at, mut open) = (0, 0, answers.clone());
            loop {
                let mut choices: Vec<Told> = Vec::new();
                choices.extend((record_at < WAITS).then_some(Told::Records(record_at)));
                choices.extend((word_at < words.len()).then_some(Told::Word(word_at)));
                let is_known = |t: u64| record_at >= WAITS || t < 10 + 20 * record_at as u64;
                choices.extend(open.iter().enumerate().filter(|(_, (t, _))| is_known(*t)).map(|(index, _)| Told::Answer(index)));
                let Some(choice) = (!choices.is_empty()).then(|| choices[moves(choices.len())].clone()) else { break };
                match choice {
                    Told::Records(index) => {
                        let from = 10 + 20 * index as u64;
                        let until = record((from + 15) * MS, 10, 11, Scheduled::In);
                        lanes.scheduled(&[record(from * MS, 10, 11, Scheduled::Blocked), until], at((from + 16) * MS));
                        record_at += 1;
                    }
                    Told::Word(index) => {
                        let (t, state, has_text) = words[index];
                        let on = has_text.then_some("goods");
                        lanes.task_changed(at(t * MS), "a", told(state, on, None), PID);
                        word_at += 1;
                    }
                    Told::Answer(index) => {
                        let (t, is_timer) = open.remove(index);
                        let reason = because(if is_timer { "a timer" } else { "a lock" }, t * MS, None);
                        lanes.explained(at(t * MS + 1), PID, Tid::new(11), reason);
                    }
                }
            }
            let lane = lane(&mut lanes, "a");
            let spans = (0..lane.states.len()).filter_map(|index| lane.states.get(index));
            let waits = spans.filter(|span| matches!(span.state, Blocked | Sleeping));
            waits.map(|span| (span, lane.word_for(&span).map(|word| word.on))).collect::<Vec<_>>()
        };
        let mut moves = moves.iter();
        let last = |choices: usize| choices - 1;
        let (in_order, mixed) = (play(&mut |_| 0), play(&mut |choices| moves.next().map_or(0, |at| at.index(choices))));
        prop_assert_eq!(&in_order, &mixed);
        prop_assert_eq!(&in_order, &play(&mut { last }));
        for (span, label) in &in_order {
            let word = words.iter().rfind(|word| word.0 * MS <= span.from.nanos()).filter(|word| word.2 || word.1 == TaskState::Sleeping);
            let answer = answers.iter().find(|answer| span.from.nanos() <= answer.0 * MS && answer.0 * MS < span.until.map_or(0, Monotonic::nanos));
            let is_told = word.is_some_and(|word| word.1 != TaskState::Running);
            let by_word = word.filter(|_| is_told).map(|word| word.1 == TaskState::Sleeping);
            let sleeps = by_word.or(answer.map(|answer| answer.1)).unwrap_or(false);
            prop_assert_eq!(span.state, if sleeps { Sleeping } else { Blocked });
            if word.is_some_and(|word| is_told && word.2) {
                prop_assert_eq!(label.as_deref(), Some("goods"), "the program's word");
            }
        }
    });
}

#[test]
fn what_a_program_says_of_a_wait_counts_more_than_an_answer_that_came_before() {
    let mut lanes = waiting();
    lanes.explained(at(90 * MS), PID, Tid::new(11), because("lock 0x10", 6 * MS, Some(10)));
    assert_eq!(lanes.waiting().count(), 1);
    thread(&mut lanes, 1, "a", 11);
    lanes.task_changed(at(5 * MS), "a", told(TaskState::Waiting, Some("condition goods"), None), PID);
    let now = lane(&mut lanes, "a").now().expect("a state");
    assert_eq!((now.state, &*now.label, now.held_by), (Blocked, "condition goods", None));
    assert_eq!(lanes.waiting().count(), 0, "a condition has no owner");
}

#[test]
fn an_answer_is_about_the_wait_in_which_it_was_read_and_equal_ones_count_each() {
    let mut lanes = waiting();
    let records = [record(110 * MS, 10, 10, Scheduled::In), record(111 * MS, 10, 10, Scheduled::Blocked)];
    lanes.scheduled(&records, at(150 * MS));
    lanes.explained(at(121 * MS), PID, PID_TID, because("a timer", 120 * MS, None));
    // It was read before, and comes after.
    lanes.explained(at(91 * MS), PID, PID_TID, because("a timer", 90 * MS, None));
    // It runs there, and the look saw both waits.
    lanes.explained(at(112 * MS), PID, PID_TID, because("a lock", 100 * MS, None));
    let lane = lane(&mut lanes, "prog");
    let sleeps: Vec<_> =
        states(&lane).into_iter().filter(|(_, state, _)| *state == Sleeping).map(|(from, ..)| from / MS).collect();
    assert_eq!(sleeps, [5, 111]);
    assert_eq!(lane.reasons.len(), 2);
    assert!(lanes.unexplained(at(200 * MS), usize::MAX).iter().all(|(_, tid, _)| *tid != PID_TID), "it has its answer");
}

#[test]
fn a_young_wait_is_asked_for_where_it_may_last() {
    let mut lanes = Lanes::default();
    let mut records = vec![began(0, 10, 10, 1, 1), record(MS, 10, 10, Scheduled::In)];
    records.extend([record(2 * MS, 10, 10, Scheduled::Blocked), record(3 * MS, 10, 10, Scheduled::In)]);
    lanes.scheduled(&records[..3], at(2 * MS + 1));
    assert_eq!(lanes.unexplained(at(3 * MS), usize::MAX), [(PID, PID_TID, at(2 * MS))], "nothing is known of it");
    lanes.scheduled(&records[3..], at(3 * MS));
    lanes.scheduled(&[record(4 * MS, 10, 10, Scheduled::Blocked)], at(5 * MS));
    assert_eq!(lanes.unexplained(at(6 * MS), usize::MAX), [], "the one before was short");
    lanes.scheduled(&[], at(19 * MS));
    assert_eq!(lanes.unexplained(at(20 * MS), usize::MAX), [(PID, PID_TID, at(4 * MS))]);
    let records = [record(20 * MS, 10, 10, Scheduled::In), record(21 * MS, 10, 10, Scheduled::Blocked)];
    lanes.scheduled(&records, at(22 * MS));
    assert_eq!(lanes.unexplained(at(23 * MS), usize::MAX), [(PID, PID_TID, at(21 * MS))], "the one before was long");
    assert!(lanes.unexplained(at(90 * MS), usize::MAX).is_empty(), "once");
}

#[test]
fn a_word_explains_its_wait_although_its_process_was_reported_later() {
    let records = [began(MS, 10, 10, 1, 1), record(2 * MS, 10, 10, Scheduled::In), record(6 * MS, 10, 10, Scheduled::Blocked)];
    // The report of the process, the records, what the program says, and the kernel's answer.
    for order in [[0, 1, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2], [1, 0, 2, 3], [1, 3, 0, 2], [1, 2, 0, 3], [2, 0, 1, 3], [2, 1, 0, 3]]
    {
        let mut lanes = Lanes::default();
        for step in order {
            match step {
                0 => lanes.process_started(at(9 * MS), PID, Pid::new(1), "lesson", false),
                1 => lanes.scheduled(&records, at(30 * MS)),
                2 => {
                    lanes.task_started(at(3 * MS), "main", TaskSort::Thread, PID, Some(PID_TID), None);
                    lanes.task_changed(at(5 * MS), "main", told(TaskState::Waiting, Some("you"), None), PID);
                }
                _ => lanes.explained(at(25 * MS), PID, PID_TID, because("an event on a descriptor", 24 * MS, None)),
            }
        }
        let lane = lane(&mut lanes, "main");
        let (wait, now) = (lane.states.last().expect("a wait"), lane.now().expect("a state"));
        assert_eq!((wait.from, wait.state, &*now.label), (at(6 * MS), Blocked, "you"), "{order:?}");
    }
}
