//! Questions, facts and comparisons of a lesson, in the whole window.

use std::sync::Arc;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::{Window, finished, running, running_as};
use crate::engine::Command;
use crate::model::Snapshot;
use crate::ui::{sample, testing};

#[test]
fn before_the_first_start_the_question_stands_where_the_lanes_will_be() {
    let mut window = Window::open(Snapshot::default());
    window.harness.get_by_label(testing::FORK.prediction.ask);
    window.click("Run a program");
    assert!(window.has("Any program of this machine"));
}

/// A run of the pool's, with everything that the deadlock shows.
fn pool_running() -> Snapshot {
    running_as(testing::POOL.id, |_| {})
}

#[test]
fn two_ways_are_chosen_on_the_card_and_their_numbers_stand_side_by_side() {
    // Narrow and high: the whole card is in sight.
    let mut window = Window::sized(Snapshot::default(), 900.0, 1500.0, 8);
    window.press(Modifiers::ALT, Key::Num1);
    window.click("Thread pools");
    window.harness.get_by_label_contains("COMPARE TWO WAYS").click();
    window.harness.run_steps(20);
    window.click("Compare");
    let commands = window.commands();
    let [Command::Compare(request)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((request.scenario(), request.labels().count()), ("thread-pool", 2));
    assert!(window.has("Nothing was compared yet"), "the tab is open");
    let mut comparison = sample::comparison();
    comparison.scenario = "thread-pool".to_owned();
    window.show(Snapshot { comparison: Some(Arc::new(comparison)), ..Snapshot::default() });
    assert!(window.has("1.9 × faster") && window.has("cores used: threads 1.02, processes 1.98"));
    window.press(Modifiers::ALT, Key::Num1);
    window.click("Fork and join");
    window.press(Modifiers::ALT, Key::Num4);
    assert!(!window.has("1.9 × faster"), "that was another scenario");
}

#[test]
fn step_mode_starts_with_a_run_lets_one_go_on_and_ends() {
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.click("Step mode");
    let commands = window.commands();
    let [Command::Launch(request)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(request.script.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0 step on"]);
    window.show(running_as(testing::POOL.id, |run| {
        let gate = sample::segment(0.1, None, crate::model::TaskState::Waiting, "step: acquire lock A");
        run.lanes[2] = sample::told_lane(2, "worker-2", 4714, &[gate]);
    }));
    assert!(window.has("Who goes next?"));
    window.click("Let worker-2 go on");
    window.click("All go on");
    let words: Vec<String> = window
        .commands()
        .into_iter()
        .map(|command| match command {
            Command::Act { action, .. } => action.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(words, ["step worker-2", "step off"]);
    window.show(pool_running());
    assert!(!window.has("Who goes next?"));
}

#[test]
fn a_deadlock_is_shown_in_words_with_its_reason_and_gone_when_it_is_over() {
    let snapshot = running_as(testing::POOL.id, |run| {
        run.findings = vec![crate::model::RunFinding {
            id: "deadlock".to_owned(),
            text: "Deadlock: worker-1 waits for lock B, held by worker-2, which waits for lock A, held by worker-1.".to_owned(),
            tasks: vec!["worker-1".to_owned(), "worker-2".to_owned()],
            is_over: false,
        }];
    });
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.show(snapshot);
    assert!(window.has("Deadlock: worker-1 waits for lock B"));
    window.click("Why?");
    assert!(window.has("none gives up what it has"));
    window.show(pool_running());
    assert!(!window.has("Deadlock: worker-1"));
}

#[test]
fn a_click_on_a_task_that_tells_its_line_opens_the_code_there() {
    let snapshot = running_as(testing::POOL.id, |run| std::sync::Arc::make_mut(&mut run.lanes[1]).line = Some(2));
    let mut window = Window::open(Snapshot::default());
    window.click("Thread pools");
    window.show(snapshot);
    window.click("Facts");
    window.click("lane worker-1: blocked: lock B, held by worker-2");
    assert!(window.has("line 2: worker-1"), "the code is open, and the line is marked");
}

#[test]
fn the_question_is_asked_before_the_run_beside_it_and_answered_after_it() {
    let mut window = Window::open(Snapshot::default());
    let ask = testing::FORK.prediction.ask;
    assert!(window.has(ask));
    window.click("Twice");
    window.show(running());
    assert!(window.has("Your guess: Twice"));
    window.click("Guess again");
    window.click("Guess: Once");
    let mut snapshot = finished();
    let mut run = (*snapshot.runs[0]).clone();
    run.facts[0].id = testing::FORK.prediction.fact.to_owned();
    snapshot.runs = vec![Arc::new(run)];
    window.show(snapshot);
    let verdict = window.harness.get_by_label_contains("You predicted: Once").rect();
    assert!(window.has("It is: Twice") && window.harness.ctx.content_rect().contains_rect(verdict));
}
