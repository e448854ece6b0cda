//! Tests of the fold as a whole: events in, view out, with hand-made times.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use crate::engine::fold::state::RunFold;
use crate::engine::run::recording::Recording;
use crate::model::{
    Event, EventKind, ExitStatus, Fact, Language, Monotonic, Outcome, Pid, ProcessState, RunId, RunState, RunView, Scheduled,
    SchedulerRecord, Severity, TaskState, Tid,
};

fn at(millis: u64) -> Monotonic {
    Monotonic::from_nanos(millis * 1_000_000)
}

fn fold(scenario: &str) -> RunFold {
    RunFold::new(RunId::new(1), "Zombies", scenario, 1_000)
}

/// Feeds event lines, as a body or a recording has them; `t` in milliseconds.
fn feed(fold: &mut RunFold, lines: &[(u64, serde_json::Value)]) {
    for (millis, line) in lines {
        let event = Event::from_line(line.to_string().as_bytes(), at(*millis)).expect("valid").expect("known");
        fold.apply(&event);
    }
}

fn log(view: &RunView) -> Vec<&str> {
    view.log.iter().map(|entry| &*entry.text).collect()
}

fn process(pid: i32, parent: i32, name: &str) -> serde_json::Value {
    json!({"kind":"process.started","pid":pid,"ppid":parent,"name":name,"argv":[name, "two words"]})
}

#[test]
fn a_zombie_is_told_once_and_cannot_be_killed() {
    let mut fold = fold("zombie");
    feed(
        &mut fold,
        &[
            (0, json!({"kind":"run.started","run":7,"scenario":"zombie","language":"python","params":{"children":1}})),
            (1, process(4711, 4000, "body")),
            (2, process(4716, 4711, "sort")),
            (1_391, json!({"kind":"process.state","pid":4716,"state":"zombie"})),
            (1_391, json!({"kind":"process.exited","pid":4716,"code":0})),
            (1_744, json!({"kind":"action","do":"kill","target":"4716","by":"user"})),
        ],
    );
    let view = fold.view(at(1_800), None);
    assert_eq!(
        log(&view),
        [
            "Zombies: the run starts, as Python.",
            "body (4711) started.",
            "sort (4716) started, a child of body (4711).",
            "sort (4716) exited with status 0; its parent has not waited on it: it is a zombie.",
            "You sent SIGKILL to 4716. Nothing changed: one cannot kill the dead. Wait on it instead.",
        ]
    );
    assert_eq!(view.log[4].severity, Severity::User);
    assert_eq!((view.id.number(), view.language, view.state.clone()), (7, Language::Python, RunState::Running));
    let sort = &view.processes[1];
    assert_eq!(
        (sort.depth, sort.state, sort.status, sort.is_reaped()),
        (1, ProcessState::Zombie, Some(ExitStatus::Exited(0)), false)
    );
    assert_eq!(&*sort.command, "sort 'two words'");
    assert_eq!(
        view.lanes[1].words.last().map(|last| (last.state, last.on.to_string())),
        Some((TaskState::Zombie, "exited 0: zombie".to_owned()))
    );

    feed(&mut fold, &[(2_000, json!({"kind":"process.reaped","pid":4716}))]);
    let view = fold.view(at(2_001), None);
    assert_eq!(log(&view).last(), Some(&"The zombie sort (4716) was waited on and is gone; its status was read: exited 0."));
    assert!(view.processes[1].is_reaped(), "the row stays, as history");
}

#[test]
fn a_child_that_is_waited_on_at_once_is_no_zombie() {
    let mut fold = fold("");
    feed(
        &mut fold,
        &[
            (1, process(10, 1, "true")),
            (5, json!({"kind":"process.exited","pid":10,"signal":"SIGTERM","core":false})),
            (5, json!({"kind":"process.reaped","pid":10})),
        ],
    );
    assert_eq!(log(&fold.view(at(500), None)), ["true (10) started.", "true (10) was killed by SIGTERM."]);
}

#[test]
fn an_orphan_moves_to_the_top_and_says_who_adopted_it() {
    let mut fold = fold("orphan");
    feed(
        &mut fold,
        &[
            (1, process(10, 1, "parent")),
            (2, process(11, 10, "child")),
            (3, json!({"kind":"process.exited","pid":10,"code":0})),
            (3, json!({"kind":"process.reaped","pid":10})),
            (3, json!({"kind":"process.state","pid":11,"ppid":812,"state":"orphan"})),
            (
                4,
                json!({"kind":"process.sample","pid":11,"ppid":812,"name":"child","state":"sleeping","rss":4096,"cpu":1.5,
                   "threads":[{"tid":11,"name":"child","state":"sleeping","cpu":1.5,"core":2,"waits_for":"a pipe to read"}]}),
            ),
        ],
    );
    let view = fold.view(at(5), None);
    assert_eq!(log(&view)[3], "child (11) is an orphan: its parent has died, and process 812 adopted it.");
    assert_eq!(log(&view).len(), 4, "the sample brings no second sentence");
    let child = &view.processes[1];
    assert_eq!((child.depth, child.is_orphan, child.ppid.number(), child.rss), (0, true, 812, 4096));
    let last = view.lanes[1].words.last().expect("a lane");
    assert_eq!((last.state, &*last.on), (TaskState::Waiting, "a pipe to read"));
}

#[test]
fn the_outcome_needs_every_fact_and_every_status() {
    let fact = |holds: bool| json!({"kind":"fact","id":"f","claim":"it works","expected":1,"observed":1,"holds":holds});
    let exit = |pid: i32, code: i32| json!({"kind":"process.exited","pid":pid,"code":code});
    let outcome = |scenario: &str, lines: &[serde_json::Value]| {
        let mut fold = fold(scenario);
        fold.add_stage(Pid::new(10));
        fold.add_stage(Pid::new(11));
        let lines: Vec<_> = lines.iter().map(|line| (1, line.clone())).collect();
        feed(&mut fold, &lines);
        fold.outcome()
    };
    let both = [exit(10, 0), exit(11, 0)];
    assert_eq!(outcome("", &both), Outcome::Passed);
    assert_eq!(outcome("", &[exit(10, 0)]), Outcome::Failed, "a stage whose end nobody has seen");
    assert_eq!(outcome("", &[exit(10, 0), exit(11, 3)]), Outcome::Failed);
    assert_eq!(outcome("fork", &both), Outcome::Failed, "a lesson that claims nothing");
    assert_eq!(outcome("fork", &[fact(true), both[0].clone(), both[1].clone()]), Outcome::Passed);
    assert_eq!(outcome("fork", &[fact(false), both[0].clone(), both[1].clone()]), Outcome::Failed);
    let end = |by: &str| json!({"kind":"action","do":"end","target":"","by":by});
    assert_eq!(outcome("", &[end("user"), both[0].clone(), both[1].clone()]), Outcome::Stopped);
    assert_eq!(outcome("", &[end("timeout"), end("user")]), Outcome::TimedOut);
}

#[test]
fn a_finished_run_stands_still() {
    let mut fold = fold("");
    feed(
        &mut fold,
        &[
            (1, process(10, 1, "sleep")),
            (9, json!({"kind":"run.finished","run":1,"outcome":"stopped","elapsed_s":0.009,"processes_left":1})),
            (12, process(11, 1, "late")),
        ],
    );
    let view = fold.view(at(50), None);
    assert_eq!((view.elapsed, view.processes.len(), view.events), (at(9), 1, 3));
    assert!(matches!(view.state, RunState::Finished(_)));
    assert_eq!(log(&view).last(), Some(&"The run was ended by Task Lab after 0.01 s; one process is left."));
    assert!(view.lanes.iter().all(|lane| lane.has_ended()));
    assert!(Arc::ptr_eq(&view, &fold.view(at(99), None)), "nothing new, nothing made");
}

#[test]
fn a_view_without_news_shares_what_it_can() {
    let mut fold = fold("");
    feed(&mut fold, &[(1, process(10, 1, "a")), (2, json!({"kind":"output","pid":10,"stream":"stdout","text":"hi\n"}))]);
    let (before, after) = (fold.view(at(500), None), fold.view(at(600), None));
    assert!(!fold.has_news());
    assert!(Arc::ptr_eq(&before.log, &after.log) && Arc::ptr_eq(&before.outputs[0].tail, &after.outputs[0].tail));
    assert!(Arc::ptr_eq(&before.lanes[0], &after.lanes[0]));
    assert_eq!((after.elapsed, &*after.outputs[0].tail, after.outputs[0].name.as_str()), (at(600), "hi\n", "a"));
    assert_eq!(fold.view(at(600), Some(at(1_000))).state, RunState::Stopping { grace_left: 0.4 });
}

#[test]
fn facts_and_values_are_replaced_under_their_names() {
    let mut fold = fold("race");
    for observed in [1, 2] {
        let kind = EventKind::Fact(Fact {
            id: "lost".to_owned(),
            claim: "some are lost".to_owned(),
            expected: "> 0".into(),
            observed: observed.into(),
            holds: true,
        });
        fold.apply(&Event { t: at(1), kind });
        feed(&mut fold, &[(2, json!({"kind":"value","name":"counter","value":observed}))]);
    }
    let view = fold.view(at(3), None);
    assert_eq!((view.facts.len(), &view.facts[0].observed, &view.values["counter"]), (1, &json!(2), &json!(2)));
    assert!(log(&view).contains(&"It holds: some are lost (expected > 0, observed 2)."));
}

#[test]
fn values_and_facts_are_bounded_in_number_and_bytes_and_what_is_not_kept_still_counts() {
    let mut fold = fold("");
    fold.add_stage(Pid::new(1));
    let long = "x".repeat(4_000);
    let mut lines = vec![
        (0, json!({"kind":"value","name":"small","value":1})),
        (0, json!({"kind":"fact","id":"small","claim":"","expected":1,"observed":1,"holds":true})),
    ];
    for number in 0..100 {
        lines.push((1, json!({"kind":"value","name":format!("value {number}"),"value":long})));
        lines.push((1, json!({"kind":"fact","id":format!("fact {number}"),"claim":long,"holds":true})));
    }
    lines.push((2, json!({"kind":"value","name":"small","value":long})));
    lines.push((2, json!({"kind":"value","name":"value 1","value":2})));
    feed(&mut fold, &lines);
    let view = fold.view(at(3), None);
    let bytes: usize = view.values.values().map(|value| value.to_string().len()).sum();
    let claims: usize = view.facts.iter().map(|fact| fact.claim.len()).sum();
    assert!((40_000..=70_000).contains(&bytes) && (40_000..=66_000).contains(&claims), "{bytes} and {claims} bytes");
    assert_eq!((&view.values["small"], &view.values["value 1"]), (&json!("… (too long to keep)"), &json!(2)));
    let logged = log(&view).into_iter().filter(|text| text.starts_with("Not all values and facts are shown")).count();
    assert_eq!(logged, 1);
    feed(&mut fold, &[(4, json!({"kind":"process.exited","pid":1,"code":0}))]);
    assert_eq!(fold.outcome(), Outcome::Passed);
    feed(&mut fold, &[(5, json!({"kind":"fact","id":"another","claim":long,"holds":false}))]);
    assert_eq!(fold.outcome(), Outcome::Failed, "there was no room for it, and it does not hold");
}

#[test]
fn the_log_tells_what_is_news() {
    let mut fold = fold("lock");
    fold.add_stage(Pid::new(10));
    let sample = |name: &str| json!({"kind":"process.sample","pid":10,"ppid":1,"name":name,"state":"running","start_ticks":5});
    let wait = |task: &str| json!({"kind":"task.state","task":task,"state":"waiting","on":"lock A","held_by":"c"});
    let go_on = |task: &str| json!({"kind":"task.state","task":task,"state":"running","on":"lock A"});
    feed(
        &mut fold,
        &[
            (1, process(10, 1, "lock")),
            (2, sample("bash")),
            (3, sample("python3")),
            (10, wait("a")),
            (10, wait("b")),
            (12, go_on("a")),
            (40, json!({"kind":"value","name":"held","value":1})),
            (41, json!({"kind":"value","name":"held","value":1})),
            (50, go_on("b")),
        ],
    );
    let view = fold.view(at(60), None);
    assert_eq!(
        log(&view),
        ["lock (10) started.", "b asks for lock A, which c holds.", "held: 1", "b got lock A, which c had."],
        "no short wait, no value twice, no new name for the lesson's own body"
    );
    assert_eq!((view.log[1].t, view.processes[0].name.as_str()), (at(10), "lock"));
}

#[test]
fn what_became_of_each_task_is_told_however_fast_and_what_was_dropped_is_counted_apart() {
    let mut fold = fold("threads");
    fold.add_stage(Pid::new(10));
    let mut lines = vec![(1, process(10, 1, "threads"))];
    for number in 0..200 {
        let task = format!("worker-{number}");
        let t = 2 + 2 * number;
        lines.push((t, json!({"kind":"task.started","task":task,"sort":"thread","pid":10,"tid":100 + number})));
        lines.push((t + 1, json!({"kind":"task.finished","task":task,"result":if number == 7 { "boom" } else { "ok" }})));
    }
    lines.push((500, json!({"kind":"fact","id":"all","claim":"all ended","expected":200,"observed":200,"holds":true})));
    lines.push((501, json!({"kind":"action.refused","do":"kill","target":"x","by":"script","text":"the run has ended"})));
    feed(&mut fold, &lines);
    let view = fold.view(at(510), None);
    let log = log(&view);
    assert_eq!(log.iter().filter(|text| text.ends_with(" finished.")).count(), 199, "{log:?}");
    assert!(log.contains(&"worker-7 failed: boom"));
    assert!(log[0].contains(" changes came too fast to tell one by one"), "most of the starts were too fast: {log:?}");
    assert!(log[log.len() - 2].starts_with("It holds: all ended"), "{log:?}");
    assert_eq!(log.last(), Some(&"could not kill x: the run has ended"));
}

#[test]
fn warnings_of_a_body_leave_room_for_what_else_happens() {
    let mut fold = fold("");
    feed(&mut fold, &[(0, process(1, 0, "body"))]);
    for number in 0..10_000 {
        let fact = json!({"kind": "fact", "id": "same", "claim": "it holds", "expected": 1, "observed": number, "holds": false});
        feed(&mut fold, &[(10, json!({"kind": "notice", "text": format!("warning {number}")})), (10, fact)]);
    }
    feed(&mut fold, &[(20, json!({"kind": "process.exited", "pid": 1, "code": 0}))]);
    let view = fold.view(at(3_000), None);
    let logged = log(&view);
    let count = |word: &str| logged.iter().filter(|text| text.contains(word)).count();
    assert!((1..=20).contains(&count("warning ")) && (1..=51).contains(&count("it holds")), "{}", logged.len());
    assert!(count("body (1) started") == 1 && count("exited") == 1 && count("too fast to tell") >= 1, "{logged:?}");
    assert!(view.facts[0].observed == 9_999, "the newest counts");
}

#[test]
fn a_child_is_starting_until_the_kernel_was_read() {
    let mut fold = fold("fork");
    feed(&mut fold, &[(1, process(10, 1, "fork")), (2, process(11, 10, "child"))]);
    let how = |fold: &mut RunFold| {
        let view = fold.view(at(50), None);
        (view.processes[1].state.word(), view.lanes[1].words.last().expect("words").state.word())
    };
    assert_eq!(how(&mut fold), ("starting", "starting"));
    feed(&mut fold, &[(9, json!({"kind":"process.sample","pid":11,"ppid":10,"name":"child","state":"sleeping"}))]);
    assert_eq!(how(&mut fold), ("sleeping", "sleeping"));
}

#[test]
fn targets_are_found_by_number_by_name_and_by_task() {
    let mut fold = fold("fork");
    feed(
        &mut fold,
        &[
            (1, process(10, 1, "body")),
            (2, process(11, 10, "tasklab")),
            (2, json!({"kind":"task.started","task":"child-1","sort":"process","pid":11})),
        ],
    );
    let found = |target: &str| fold.find(&target.into()).map(Pid::number);
    assert_eq!(
        (found("10"), found("body"), found("child-1"), found("12"), found("x")),
        (Some(10), Some(10), Some(11), None, None)
    );
}

#[test]
fn a_row_has_the_name_of_its_lane() {
    let sample = |pid: i32, name: &str| json!({"kind":"process.sample","pid":pid,"ppid":10,"name":name,"state":"running"});
    let exec = |pid: i32, name: &str| SchedulerRecord {
        t: at(4),
        pid: Pid::new(pid),
        tid: Tid::new(pid),
        core: 0,
        what: Scheduled::Named { name: name.into(), is_exec: true },
    };
    for is_told_first in [true, false] {
        let mut fold = fold("pipeline");
        fold.add_stage(Pid::new(10));
        let told = [
            (1, process(10, 1, "pipeline")),
            (2, process(11, 10, "generate")),
            (2, process(12, 10, "sh")),
            (2, sample(12, "sh")),
            (2, process(13, 10, "python3")),
            (2, json!({"kind":"task.started","task":"child-1","sort":"process","pid":13})),
        ];
        let records = [exec(10, "python3"), exec(11, "dd"), exec(12, "sleep"), exec(13, "wc")];
        if is_told_first {
            feed(&mut fold, &told);
            fold.scheduled(&records, at(5));
        } else {
            fold.scheduled(&records, at(5));
            feed(&mut fold, &told);
        }
        feed(&mut fold, &[(9, sample(11, "dd"))]);
        let view = fold.view(at(10), None);
        let names: Vec<&str> = view.processes.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["pipeline", "generate", "sleep", "child-1"]);
        let lane = |pid: Pid| view.lanes.iter().find(|lane| lane.pid == pid).map(|lane| lane.name.to_string());
        assert!(view.processes.iter().all(|row| lane(row.pid).as_deref() == Some(row.name.as_str())), "{:?}", view.lanes);
    }
}

fn any_line() -> impl Strategy<Value = serde_json::Value> {
    let pid = 0_i32..6;
    let task = prop::sample::select(vec!["a", "b", "c"]);
    let state = prop::sample::select(vec!["running", "sleeping", "disk-sleep", "stopped", "zombie", "dead", "orphan"]);
    let task_state = prop::sample::select(TaskState::ALL.to_vec());
    let note = prop::option::of(prop::sample::select(vec!["lock A", "\u{1b}[31m", ""]));
    prop_oneof![
        (pid.clone(), pid.clone()).prop_map(|(pid, ppid)| process(pid, ppid, "x")),
        (pid.clone(), state.clone(), pid.clone())
            .prop_map(|(pid, state, ppid)| json!({"kind":"process.state","pid":pid,"ppid":ppid,"state":state})),
        (pid.clone(), 0..3_i32).prop_map(|(pid, code)| json!({"kind":"process.exited","pid":pid,"code":code})),
        pid.clone().prop_map(|pid| json!({"kind":"process.reaped","pid":pid})),
        (pid.clone(), pid.clone(), state, 0..3_u64).prop_map(|(pid, ppid, state, ticks)| {
            let state = if state == "orphan" { "idle" } else { state };
            json!({"kind":"process.sample","pid":pid,"ppid":ppid,"name":"y","state":state,"start_ticks":ticks,"cpu":-1.0e30})
        }),
        (pid.clone(), task.clone(), prop::option::of(1..9_i32), prop::sample::select(vec!["thread", "process", "event"]))
            .prop_map(|(pid, task, tid, sort)| json!({"kind":"task.started","task":task,"pid":pid,"tid":tid,"sort":sort})),
        (task.clone(), task_state, note.clone(), note).prop_map(|(task, state, on, held_by)| {
            json!({"kind":"task.state","task":task,"state":state.word(),"on":on,"held_by":held_by})
        }),
        (task.clone(), prop::sample::select(vec![json!("ok"), json!(2), json!(null), json!(true)]))
            .prop_map(|(task, result)| json!({"kind":"op","task":task,"do":"wait","on":"barrier gate","result":result})),
        (task, prop::sample::select(vec!["ok", "boom"]))
            .prop_map(|(task, result)| json!({"kind":"task.finished","task":task,"result":result})),
        (pid, prop::sample::select(vec!["kill", "wait", "end", "stop-group", "SIGUSR1", "sing"]))
            .prop_map(|(pid, action)| json!({"kind":"action","do":action,"target":pid.to_string(),"by":"user"})),
        Just(json!({"kind":"run.started","run":1,"scenario":"x"})),
        Just(json!({"kind":"fact","id":"f","holds":false})),
    ]
}

#[test]
fn a_task_that_is_renamed_says_so_once_and_its_wait_is_told_under_the_new_name() {
    let mut fold = fold("x");
    feed(
        &mut fold,
        &[
            (1, process(10, 1, "python3")),
            (2, json!({"kind":"task.started","task":"Process-1","sort":"process","pid":10,"tid":10})),
            (3, json!({"kind":"task.started","task":"Thread-1","pid":10,"tid":11})),
            (4, json!({"kind":"task.state","task":"Thread-1","state":"waiting","on":"event go"})),
            (5, json!({"kind":"task.started","task":"taster","pid":10,"tid":11})),
            (6, json!({"kind":"task.started","task":"cook","pid":10,"tid":10})),
            (7, json!({"kind":"op","task":"cook","do":"set","on":"event go","result":"ok"})),
            (90, json!({"kind":"task.state","task":"taster","state":"running","woken_by":"cook"})),
        ],
    );
    let view = fold.view(at(100), None);
    assert_eq!(
        log(&view),
        [
            "python3 (10) started.",
            "Process-1 started, as process 10.",
            "Thread-1 started, as thread 11.",
            "taster waits for event go.",
            "Thread-1 is called taster now.",
            "Process-1 is called cook now.",
            "cook: set on event go is done.",
            "taster waits no longer for event go: cook let it go on.",
        ]
    );
    assert_eq!(view.processes[0].name, "cook");
    assert_eq!(view.lanes.iter().map(|lane| &*lane.name).collect::<Vec<_>>(), ["cook", "taster"]);
}

proptest! {
    /// A failing case is printed with its seed by proptest, and its lines by the assertion.
    #[test]
    fn nonsense_never_panics_and_the_past_stays_whole(lines in prop::collection::vec((0_u64..60, any_line()), 0..120), finishes: bool) {
        let mut fold = fold("x");
        let mut recording = Recording::new(10_000);
        for (index, (millis, line)) in lines.iter().enumerate() {
            // Mostly onwards, with jumps back.
            let t = at(index as u64 * 3 + millis);
            let event = Event::from_line(line.to_string().as_bytes(), t).expect("valid").expect("known");
            fold.apply(&event);
            recording.push(Arc::new(event));
            if index % 7 == 0 {
                fold.view(t, None);
            }
        }
        if finishes {
            feed(&mut fold, &[(1_000, json!({"kind":"run.finished","run":1,"outcome":"failed"}))]);
        }
        let view = fold.view(at(1_000), None);
        prop_assert_eq!(view.events, recording.total() + u64::from(finishes));
        for lane in &view.lanes {
            let spans: Vec<_> = (0..lane.states.len()).filter_map(|index| lane.states.get(index)).collect();
            prop_assert!(!spans.is_empty());
            for pair in spans.windows(2) {
                prop_assert_eq!(pair[0].until, Some(pair[1].from), "gap or overlap in {:?}", lane);
                prop_assert!(pair[0].from <= pair[1].from);
            }
            prop_assert!(!finishes || lane.has_ended());
        }
        let mut depths: Vec<u16> = Vec::new();
        for row in &view.processes {
            prop_assert!(usize::from(row.depth) <= depths.len(), "a child without its parent before it: {:?}", view.processes);
            depths.truncate(usize::from(row.depth));
            depths.push(row.depth);
        }
    }
}
