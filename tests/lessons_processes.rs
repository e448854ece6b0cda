//! The lessons about processes, acted on: every action at least once in both languages, bad targets, late actions, and
//! processes that are killed or stopped from outside.

#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod lesson;

use std::time::{Duration, Instant};

use lesson::{HANG, Ran, Running, run, state, tagged};
use serde_json::{Value, json};
use tasklab::model::{Action, EventKind, Language, ProcessState, Scope};
use tasklab::scenario::{Scenario, find};

const BOTH: [Language; 2] = [Language::Rust, Language::Python];

const MINE: [&str; 8] =
    ["process-basics", "shared-memory", "exec", "wait", "orphan", "process-group", "start-methods", "old-interfaces"];

fn scenario(id: &str) -> &'static Scenario {
    find(id).expect("in the catalogue")
}

#[track_caller]
fn assert_nothing_is_left(ran: &Ran) {
    let end = Instant::now() + HANG;
    while !tagged(&ran.tag).is_empty() {
        assert!(Instant::now() < end, "left of the run: {:?}", tagged(&ran.tag));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The ids of the facts that did not hold.
fn failed(ran: &Ran) -> Vec<&str> {
    ran.facts().into_iter().filter(|(_, fact)| !fact.holds).map(|(id, _)| id).collect()
}

#[track_caller]
fn observed(ran: &Ran, fact: &str) -> Value {
    ran.facts().get(fact).unwrap_or_else(|| panic!("no fact {fact:?}: {ran:#?}")).observed.clone()
}

/// A body that waits for what a person does.
fn begin(id: &str, language: Language, params: &Value) -> Running {
    let mut running = Running::start(scenario(id), language, params);
    running.until("a wait for you", |kind| {
        matches!(kind, EventKind::TaskChanged { on: Some(on), task, .. } if task == "main" && (on.starts_with("you") || on.contains("foreground")))
    });
    running
}

fn press(running: &mut Running, action: &str, target: &str) {
    running.act(&Action::Scenario(action.to_owned()), target);
}

fn kill(running: &mut Running, target: &str) {
    running.act(&Action::Kill(Scope::Process), target);
}

/// What nobody can do, or not any more, gets one sentence each, and the lesson goes on.
#[test]
fn bad_targets_and_unknown_actions_are_refused_in_one_sentence() {
    let bad = [
        ("process-basics", "parents", "nobody"),
        ("process-basics", "foreground", ""),
        ("shared-memory", "change", "nobody"),
        ("exec", "exec", "nobody"),
        ("wait", "wait", "nobody"),
        ("orphan", "adopt", "perhaps"),
        ("process-group", "signal-group", "z"),
        ("start-methods", "start", "thread"),
    ];
    for language in BOTH {
        for (id, action, target) in bad {
            let mut running = begin(id, language, &json!({}));
            for (action, target) in [(action, target), ("dance", "wildly")] {
                press(&mut running, action, target);
            }
            press(&mut running, if id == "wait" { "wait-all" } else { "finish" }, "");
            let ran = running.play(&[]);
            assert_eq!((ran.code, failed(&ran)), (Some(0), vec![]), "{id} {language}: {ran:#?}");
            let notices = ran.notices();
            assert_eq!(notices.len(), 2, "{id} {language}: {notices:?}");
            for (notice, words) in notices.iter().zip([[action, target], ["dance", "wildly"]]) {
                assert!(notice.starts_with("could not do") && words.iter().all(|word| notice.contains(word)), "{notice}");
            }
            assert_nothing_is_left(&ran);
        }
        let ran = run(scenario("old-interfaces"), language, &json!({ "hold": 0.05 }), &["0.0 run perl"]);
        assert!(ran.notices().iter().all(|notice| notice.contains("perl")) && ran.notices().len() == 1, "{:?}", ran.notices());
        ran.assert_passed();
    }
}

#[test]
fn a_copy_that_is_killed_leaves_the_others_and_a_stopped_job_goes_on_in_the_background() {
    for language in BOTH {
        let mut running = begin("process-basics", language, &json!({ "copies": 4, "greeting": "good morning", "folder": "/" }));
        running.act(&Action::Stop(Scope::Process), "job");
        kill(&mut running, "copy-3");
        running.until("end of copy-3", |kind| matches!(kind, EventKind::ProcessExited { .. }));
        press(&mut running, "background", "");
        press(&mut running, "background", "");
        running.until("refusal", |kind| matches!(kind, EventKind::Notice { .. }));
        press(&mut running, "foreground", "");
        press(&mut running, "background", "");
        let job = running.pid_of("job").expect("it lives");
        press(&mut running, "parents", &job.to_string());
        running.until("line of parents", |kind| {
            matches!(kind, EventKind::Value { name, value } if name == "line of parents" && value.as_str().is_some_and(|line| line.starts_with("job")))
        });
        running.until(
            "steps of the job",
            |kind| matches!(kind, EventKind::Value { name, value } if name.starts_with("steps of the job") && *value != json!(0)),
        );
        press(&mut running, "finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(observed(&ran, "others-live"), json!(3), "{language}");
        assert_eq!(observed(&ran, "greeting"), json!("good morning"), "{language}");
        assert!(observed(&ran, "background").as_u64() > Some(0), "{language}");
        assert_nothing_is_left(&ran);
    }
}

/// Every change is asked for, twice; a child that was killed can change nothing, and the rest is still claimed.
#[test]
fn who_shares_memory_sees_the_change() {
    for language in BOTH {
        let mut running = begin("shared-memory", language, &json!({ "start": 100, "step": 7 }));
        for who in ["child", "thread", "parent", "child", "thread"] {
            press(&mut running, "change", who);
        }
        press(&mut running, "finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(observed(&ran, "shared"), json!([135, 135]), "{language}");
        assert_eq!(ran.values("x in the parent").last(), Some(&json!(121)), "{language}");
        assert_eq!(ran.values("x in the child").last(), Some(&json!(114)), "{language}");

        let mut running = begin("shared-memory", language, &json!({}));
        kill(&mut running, "child");
        running.until("end of the child", |kind| matches!(kind, EventKind::ProcessExited { .. }));
        press(&mut running, "change", "child");
        press(&mut running, "change", "thread");
        press(&mut running, "finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert!(ran.facts().contains_key("thread") && !ran.facts().contains_key("private"), "{language}: {ran:#?}");
        assert!(ran.notices()[0].contains("child"), "{:?}", ran.notices());
        assert_nothing_is_left(&ran);
    }
}

/// Once a child runs another program it cannot be told to execute one more.
#[test]
fn a_child_that_has_executed_a_program_takes_no_more_orders() {
    for language in BOTH {
        for program in ["sort", "wc"] {
            let mut running = begin("exec", language, &json!({ "program": program }));
            press(&mut running, "missing", "child-1");
            running.until("error", |kind| matches!(kind, EventKind::Value { name, .. } if name.contains("exec returned")));
            press(&mut running, "exec", "child-1");
            running
                .until("new name", |kind| matches!(kind, EventKind::Value { name, .. } if name.contains("program of child-1")));
            press(&mut running, "exec", "child-1");
            kill(&mut running, "child-2");
            press(&mut running, "finish", "");
            let ran = running.play(&[]);
            ran.assert_passed();
            assert_eq!(observed(&ran, "new-name"), json!(program), "{language}");
            assert_eq!(ran.notices().len(), 1, "{language}: {:?}", ran.notices());
            assert_nothing_is_left(&ran);
        }
    }
}

/// The status of a child that somebody else killed is decoded, too; waiting for one child leaves the other a zombie.
#[test]
fn wait_tells_how_each_child_has_ended() {
    for language in BOTH {
        let mut running = begin("wait", language, &json!({ "life": 1.0, "signal": "SIGKILL" }));
        for target in ["", "child-3"] {
            press(&mut running, "poll", target);
            running.until("(0, 0)", |kind| matches!(kind, EventKind::Value { name, .. } if name.starts_with("WNOHANG")));
            running.until("wait for you", |kind| matches!(kind, EventKind::TaskChanged { .. }));
        }
        kill(&mut running, "child-1");
        let first = running.pid_of("child-1").expect("it is there");
        running.until("zombie", |kind| matches!(kind, EventKind::ProcessState { state: ProcessState::Zombie, .. }));
        press(&mut running, "wait", "child-2");
        running.until("the second", |kind| matches!(kind, EventKind::ProcessReaped { .. }));
        assert_eq!(state(first), Some('Z'), "{language}: nobody has waited on the first one");
        press(&mut running, "poll", &first.to_string());
        press(&mut running, "wait-any", "");
        press(&mut running, "wait", "child-2");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.values("child-1: raw status"), [json!(9)], "{language}");
        assert_eq!(ran.values("child-2: raw status"), [json!(5120)], "{language}");
        assert_eq!(observed(&ran, "signal-bits"), json!([9, 9]), "{language}");
        assert_eq!(observed(&ran, "nobody-yet"), json!([0, 0]), "{language}");
        assert_eq!(observed(&ran, "chosen"), json!(1), "{language}");
        assert_eq!(ran.notices().len(), 1, "{language}: too late for the second: {:?}", ran.notices());
        assert_nothing_is_left(&ran);
    }
}

/// Whether or not the grandparent adopts, the new parent is who /proc says, and only that one can wait.
#[test]
fn an_orphan_s_new_parent_depends_on_who_adopts() {
    for language in BOTH {
        for (before, asked, adopts) in [(false, "yes", true), (true, "no", false)] {
            let mut running = begin("orphan", language, &json!({ "adopt": before, "children": 3 }));
            press(&mut running, "adopt", asked);
            running.until(
                "adoption",
                |kind| matches!(kind, EventKind::Value { name, value } if name.contains("adopts") && *value == json!(adopts)),
            );
            kill(&mut running, "child-1");
            let dying = running.pid_of("child-1").expect("nobody has waited on it");
            let end = Instant::now() + HANG;
            while state(dying) != Some('Z') {
                assert!(Instant::now() < end, "{language}: it lives");
                std::thread::yield_now();
            }
            let child = running.pid_of("child-2").expect("it lives");
            kill(&mut running, "parent");
            running.until("an orphan", |kind| matches!(kind, EventKind::ProcessOrphaned { pid, .. } if pid.number() == child));
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).expect("the orphan lives");
            let parent: i32 =
                stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()).expect("stat");
            assert_eq!(parent == running.pid(), adopts, "{language}");
            press(&mut running, "adopt", "yes");
            press(&mut running, "finish", "");
            let ran = running.play(&[]);
            assert_eq!((ran.code, failed(&ran)), (Some(0), vec![]), "{language}: {ran:#?}");
            assert_eq!(ran.facts().contains_key("adopter-waits"), adopts, "{language}");
            assert_eq!(ran.notices().len(), 1, "{language}: too late to adopt: {:?}", ran.notices());
            assert_nothing_is_left(&ran);
        }
    }
}

/// One, a group, a member's group, a session of its own; signals that somebody else sends don't count.
#[test]
fn signals_reach_whom_they_are_meant_for() {
    for language in BOTH {
        let mut running = begin("process-group", language, &json!({ "members": 2, "signal": "SIGHUP" }));
        let outsiders = running.pid_of("b-1").and_then(rustix::process::Pid::from_raw).expect("it lives");
        rustix::process::kill_process(outsiders, rustix::process::Signal::HUP).expect("ours");
        press(&mut running, "signal", "a-2");
        kill(&mut running, "a-1");
        running.until("end of the leader", |kind| matches!(kind, EventKind::ProcessExited { .. }));
        for (action, target) in
            [("signal-group", "a-2"), ("signal-group", "b"), ("signal-group", "s"), ("signal", "a-1"), ("finish", "")]
        {
            press(&mut running, action, target);
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.values("signal a-2 reached"), [json!(["a-2"])], "{language}");
        assert_eq!(
            ran.values("signal-group a-2 reached"),
            [json!(["a-2"])],
            "{language}: the leader has gone, the group has not"
        );
        assert_eq!(ran.values("signal-group b reached"), [json!(["b-1", "b-2"])], "{language}");
        assert_eq!(ran.values("signal-group s reached"), [json!(["s-1"])], "{language}");
        assert_eq!(ran.notices().len(), 1, "{language}: nobody is a-1 any more: {:?}", ran.notices());
        assert_nothing_is_left(&ran);
    }
}

#[test]
fn a_process_more_can_be_started_by_each_method() {
    for language in BOTH {
        let mut running = begin("start-methods", language, &json!({ "ballast": 16 }));
        for method in ["fork", "spawn", "forkserver"] {
            press(&mut running, "start", method);
        }
        kill(&mut running, "fork");
        press(&mut running, "finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        let named = |wanted: &str| {
            ran.events
                .iter()
                .filter(|event| matches!(&event.kind, EventKind::ProcessStarted { name, .. } if name == wanted))
                .count()
        };
        assert_eq!(named("fork"), 5, "{language}");
        assert_nothing_is_left(&ran);
    }
}

/// A call can be made again; what is killed in the middle of a call fails that call's fact, and no other.
#[test]
fn an_old_interface_shows_what_became_of_its_program() {
    for language in BOTH {
        let ran =
            run(scenario("old-interfaces"), language, &json!({ "status": 77, "hold": 0.05 }), &["0.1 run popen", "0.1 next"]);
        ran.assert_passed();
        assert_eq!(ran.values("popen gave").len(), 2, "{language}");
        assert_eq!(observed(&ran, "system-status"), json!(77 * 256), "{language}");

        let mut running = Running::start(scenario("old-interfaces"), language, &json!({ "hold": 0.5 }));
        running.until("call", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "call"));
        // It reads its standard input once it is the program that was called.
        running.until("cat", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "cat"));
        kill(&mut running, "call");
        let ran = running.play(&[]);
        assert_eq!((ran.code, failed(&ran)), (Some(0), vec!["call"]), "{language}: {ran:#?}");
        assert_eq!(observed(&ran, "call"), json!(-9), "{language}");
        assert_nothing_is_left(&ran);
    }
}

/// Whoever is stopped and never continued, the lesson comes to its end, and nobody is left.
#[test]
fn nobody_waits_for_ever_on_a_process_that_was_stopped() {
    let victims = [
        ("process-basics", "copy-1"),
        ("process-basics", "job"),
        ("shared-memory", "child"),
        ("exec", "child-1"),
        ("wait", "child-1"),
        ("orphan", "parent"),
        ("orphan", "child-1"),
        ("process-group", "a-1"),
        ("start-methods", "fork"),
        ("start-methods", "spawn"),
        ("start-methods", "forkserver"),
    ];
    for language in BOTH {
        for (id, victim) in victims {
            // Time enough to start all processes first; Python takes a while to spawn its own.
            let patience = if id == "start-methods" { 60.0 } else { 1.0 };
            let mut running = begin(id, language, &json!({ "patience": patience }));
            assert!(running.pid_of(victim).is_some(), "{id}: no {victim}");
            running.act(&Action::Stop(Scope::Process), victim);
            if id == "start-methods" {
                press(&mut running, "finish", "");
            }
            let ran = running.play(&[]);
            assert_eq!(ran.code, Some(0), "{id} {victim} {language}: {ran:#?}");
            assert_nothing_is_left(&ran);
        }
    }
}

/// A body that is killed takes its family along, even without a supervisor.
#[test]
fn nothing_is_left_of_a_body_that_is_killed() {
    for id in MINE {
        for language in BOTH {
            let mut running = Running::start(scenario(id), language, &json!({}));
            running.until("start", |kind| matches!(kind, EventKind::TaskChanged { .. }));
            let body = rustix::process::Pid::from_raw(running.pid()).expect("a PID");
            rustix::process::kill_process(body, rustix::process::Signal::KILL).expect("it is our child");
            let ran = running.play(&[]);
            assert_eq!(ran.code, None, "{id} {language}");
            assert_nothing_is_left(&ran);
        }
    }
}
