//! The lessons about processes, acted on: every action at least once in both languages, bad targets, late actions, and
//! processes that are killed or stopped from outside.

use serde_json::{Value, json};
use support::lesson::{BOTH, Running, decided, run, scenario, together, until_state};
use support::state_of;
use tasklab::model::{EventKind, Language, ProcessState, Sent};

const MINE: [&str; 8] =
    ["process-basics", "shared-memory", "exec", "wait", "orphan", "process-group", "start-methods", "old-interfaces"];

/// A body that waits for what a person does, a minute unless something else is wanted.
fn begin(id: &str, language: Language, params: &Value) -> Running {
    let mut params = params.clone();
    if scenario(id).params.iter().any(|spec| spec.name == "patience") && params["patience"].is_null() {
        params["patience"] = json!(60.0);
    }
    let mut running = Running::start(scenario(id), language, &params);
    running.until("a wait for you", |kind| {
        matches!(kind, EventKind::TaskChanged { on: Some(on), task, .. } if task == "main" && (on.starts_with("you") || on.contains("foreground")))
    });
    running
}

/// Each action that is impossible, or not possible any more, gets one sentence, and the lesson goes on.
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
                running.press(action, target);
            }
            running.press(if id == "wait" { "wait-all" } else { "finish" }, "");
            let ran = running.play(&[]);
            assert_eq!((ran.code, ran.failed()), (Some(0), vec![]), "{id} {language}: {ran:#?}");
            let refusals = ran.refusals();
            assert_eq!(refusals.len(), 2, "{id} {language}: {refusals:?}");
            for (refusal, words) in refusals.iter().zip([[action, target], ["dance", "wildly"]]) {
                assert!(refusal.starts_with("could not") && words.iter().all(|word| refusal.contains(word)), "{refusal}");
            }
            ran.assert_nothing_is_left();
        }
        let ran = run(scenario("old-interfaces"), language, &json!({ "hold": 0.05 }), &["0.0 run perl"]);
        assert!(ran.refusals().iter().all(|notice| notice.contains("perl")) && ran.refusals().len() == 1, "{:?}", ran.refusals());
        ran.assert_passed();
    }
}

#[test]
fn a_copy_that_is_killed_leaves_the_others_and_a_stopped_job_goes_on_in_the_background() {
    for language in BOTH {
        let mut running = begin("process-basics", language, &json!({ "copies": 4, "greeting": "good morning", "folder": "/" }));
        running.stop("job");
        running.kill("copy-3");
        running.until("end of copy-3", |kind| matches!(kind, EventKind::ProcessExited { .. }));
        running.press("background", "");
        running.press("background", "");
        running.until("refusal", |kind| matches!(kind, EventKind::ActionRefused { .. }));
        running.press("foreground", "");
        running.press("background", "");
        let job = running.pid_of("job").expect("it lives");
        running.press("parents", &job.to_string());
        running.until("line of parents", |kind| {
            matches!(kind, EventKind::Value { name, value } if name == "line of parents" && value.as_str().is_some_and(|line| line.starts_with("job")))
        });
        running.until(
            "steps of the job",
            |kind| matches!(kind, EventKind::Value { name, value } if name.starts_with("steps of the job") && *value != json!(0)),
        );
        running.press("finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("others-live"), json!(3), "{language}");
        assert_eq!(ran.observed("greeting"), json!("good morning"), "{language}");
        assert!(ran.observed("background").as_u64() > Some(0), "{language}");
        ran.assert_nothing_is_left();
    }
}

/// Every change is asked for, twice; a child that was killed can change nothing, and the rest is still claimed.
#[test]
fn who_shares_memory_sees_the_change() {
    for language in BOTH {
        let mut running = begin("shared-memory", language, &json!({ "start": 100, "step": 7 }));
        for who in ["child", "thread", "parent", "child", "thread"] {
            running.press("change", who);
        }
        running.press("finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.observed("shared"), json!([135, 135]), "{language}");
        assert_eq!(ran.values("x in the parent").last(), Some(&json!(121)), "{language}");
        assert_eq!(ran.values("x in the child").last(), Some(&json!(114)), "{language}");

        let mut running = begin("shared-memory", language, &json!({}));
        running.kill("child");
        running.until("end of the child", |kind| matches!(kind, EventKind::ProcessExited { .. }));
        running.press("change", "child");
        running.press("change", "thread");
        running.press("finish", "");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert!(ran.facts().contains_key("thread") && !ran.facts().contains_key("private"), "{language}: {ran:#?}");
        assert!(ran.refusals()[0].contains("child"), "{:?}", ran.refusals());
        ran.assert_nothing_is_left();
    }
}

/// Once a child runs another program it cannot be told to execute one more.
#[test]
fn a_child_that_has_executed_a_program_takes_no_more_orders() {
    for language in BOTH {
        for program in ["sort", "wc"] {
            let mut running = begin("exec", language, &json!({ "program": program }));
            running.press("missing", "child-1");
            running.until("error", |kind| matches!(kind, EventKind::Value { name, .. } if name.contains("exec in child-1 gave")));
            running.press("exec", "child-1");
            running
                .until("new name", |kind| matches!(kind, EventKind::Value { name, .. } if name.contains("program of child-1")));
            running.press("exec", "child-1");
            running.kill("child-2");
            running.press("finish", "");
            let ran = running.play(&[]);
            ran.assert_passed();
            assert_eq!(ran.observed("new-name"), json!(program), "{language}");
            assert_eq!(ran.refusals().len(), 1, "{language}: {:?}", ran.refusals());
            ran.assert_nothing_is_left();
        }
    }
}

/// The status of a child that somebody else killed is decoded, too; waiting for one child leaves the other a zombie.
#[test]
fn wait_tells_how_each_child_has_ended() {
    for language in BOTH {
        let mut running = begin("wait", language, &json!({ "life": 2.0, "signal": "SIGKILL" }));
        // Until they have been asked for, nobody ends, however slow this machine is.
        let children = ["child-1", "child-2", "child-3"];
        for child in children {
            running.stop(child);
        }
        for target in ["", "child-3"] {
            running.press("poll", target);
            running.until("(0, 0)", |kind| matches!(kind, EventKind::Value { name, .. } if name.starts_with("WNOHANG")));
            running.until("wait for you", |kind| matches!(kind, EventKind::TaskChanged { .. }));
        }
        running.kill("child-1");
        let first = running.pid_of("child-1").expect("it is there");
        running.until("zombie", |kind| matches!(kind, EventKind::ProcessState { state: ProcessState::Zombie, .. }));
        running.press("wait", "child-2");
        for child in &children[1..] {
            running.signal(Sent::Continue, child);
        }
        running.until("the second", |kind| matches!(kind, EventKind::ProcessReaped { .. }));
        assert_eq!(state_of(first), Some('Z'), "{language}: nobody has waited on the first one");
        running.press("poll", &first.to_string());
        running.press("wait-any", "");
        running.press("wait", "child-2");
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.values("child-1: raw status"), [json!(9)], "{language}");
        assert_eq!(ran.values("child-2: raw status"), [json!(5120)], "{language}");
        assert_eq!(ran.observed("signal-bits"), json!([9, 9]), "{language}");
        assert_eq!(ran.observed("nobody-yet"), json!([0, 0]), "{language}");
        assert_eq!(ran.observed("chosen"), json!(1), "{language}");
        assert_eq!(ran.refusals().len(), 1, "{language}: too late for the second: {:?}", ran.refusals());
        ran.assert_nothing_is_left();
    }
}

/// Whether or not the grandparent adopts, the new parent is who /proc says, and only that one can wait.
#[test]
fn an_orphan_s_new_parent_depends_on_who_adopts() {
    for language in BOTH {
        for (before, asked, adopts) in [(false, "yes", true), (true, "no", false)] {
            let mut running = begin("orphan", language, &json!({ "adopt": before, "children": 3 }));
            running.press("adopt", asked);
            running.until(
                "adoption",
                |kind| matches!(kind, EventKind::Value { name, value } if name.contains("adopts") && *value == json!(if adopts { "yes" } else { "no" })),
            );
            running.kill("child-1");
            let dying = running.pid_of("child-1").expect("nobody has waited on it");
            until_state(dying, 'Z');
            let child = running.pid_of("child-2").expect("it lives");
            running.kill("parent");
            running.until("an orphan", |kind| matches!(kind, EventKind::ProcessOrphaned { pid, .. } if pid.number() == child));
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).expect("the orphan lives");
            let parent: i32 =
                stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()).expect("stat");
            assert_eq!(parent == running.pid(), adopts, "{language}");
            running.press("adopt", "yes");
            running.press("finish", "");
            let ran = running.play(&[]);
            assert_eq!((ran.code, ran.failed()), (Some(0), vec![]), "{language}: {ran:#?}");
            assert_eq!(ran.facts().contains_key("adopter-waits"), adopts, "{language}");
            assert_eq!(ran.refusals().len(), 1, "{language}: too late to adopt: {:?}", ran.refusals());
            ran.assert_nothing_is_left();
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
        running.press("signal", "a-2");
        running.kill("a-1");
        running.until("end of the leader", |kind| matches!(kind, EventKind::ProcessExited { .. }));
        for (action, target) in
            [("signal-group", "a-2"), ("signal-group", "b"), ("signal-group", "s"), ("signal", "a-1"), ("finish", "")]
        {
            running.press(action, target);
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
        assert_eq!(ran.refusals().len(), 1, "{language}: nobody is a-1 any more: {:?}", ran.refusals());
        ran.assert_nothing_is_left();
    }
}

#[test]
fn a_process_more_can_be_started_by_each_method() {
    for language in BOTH {
        let ran = decided("start-methods", || {
            let mut running = begin("start-methods", language, &json!({ "ballast": 16, "patience": 60.0 }));
            for method in ["fork", "spawn", "forkserver"] {
                running.press("start", method);
            }
            running.kill("fork");
            running.press("finish", "");
            running.play(&[])
        });
        ran.assert_passed();
        let named = |wanted: &str| {
            ran.events
                .iter()
                .filter(|event| matches!(&event.kind, EventKind::ProcessStarted { name, .. } if name == wanted))
                .count()
        };
        assert_eq!(named("fork"), 5, "{language}");
        ran.assert_nothing_is_left();
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
        assert_eq!(ran.observed("system-status"), json!(77 * 256), "{language}");

        let was_killed = (0..10).any(|_| {
            let mut running = Running::start(scenario("old-interfaces"), language, &json!({ "hold": 0.7 }));
            running.until("call", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "call"));
            // It reads its standard input once it is the program that was called.
            running.until("cat", |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == "cat"));
            running.kill("call");
            let ran = running.play(&[]);
            ran.assert_nothing_is_left();
            // On a busy machine it may have ended before: then nothing fails, and once more.
            let was_killed = ran.observed("call") == json!(-9);
            let failed = if was_killed { vec!["call"] } else { vec![] };
            assert_eq!((ran.code, ran.failed()), (Some(0), failed), "{language}: {ran:#?}");
            was_killed
        });
        assert!(was_killed, "{language}: never in time");
    }
}

/// Any process may be stopped and never continued: the lesson comes to its end, and no process is left.
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
        together(victims.map(|(id, victim)| {
            Box::new(move || {
                // Time enough to start all processes first, also on a busy machine.
                let mut running = begin(id, language, &json!({ "patience": 20.0 }));
                assert!(running.pid_of(victim).is_some(), "{id}: no {victim}");
                running.stop(victim);
                if id == "start-methods" {
                    running.press("finish", "");
                }
                let ran = running.play(&[]);
                assert_eq!(ran.code, Some(0), "{id} {victim} {language}: {ran:#?}");
                ran.assert_nothing_is_left();
            }) as Box<dyn FnOnce() + Send>
        }));
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
            ran.assert_nothing_is_left();
        }
    }
}
