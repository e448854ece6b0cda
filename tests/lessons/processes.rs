//! The lessons about processes, acted on: what a person can do in each, in both languages, and processes that are killed or stopped.

use serde_json::{Value, json};
use support::lesson::{Live, decided, in_both, scenario};
use support::state_of;
use tasklab::model::{EventKind, Language, ProcessState, TaskState};

/// A lesson that has come so far that this task has begun, and that its process is known.
fn begun(id: &str, language: Language, params: &Value, wanted: &str) -> Live {
    let mut live = Live::start(id, language, params);
    live.until(wanted, |kind| matches!(kind, EventKind::TaskStarted { task, tid: Some(_), .. } if task == wanted));
    let process = live.pid_of(wanted);
    let is_told = |kind: &EventKind| matches!(kind, EventKind::ProcessStarted { pid, .. } if Some(pid.number()) == process);
    if !live.ran.events.iter().any(|event| is_told(&event.kind)) {
        live.until("its process", is_told);
    }
    live
}

/// Until this has been printed.
#[track_caller]
fn until_printed(live: &mut Live, text: &str) {
    // It may have come in two parts.
    let mut printed = live.ran.printed.clone();
    live.until(text, |kind| {
        if let EventKind::Output { bytes, .. } = kind {
            printed += &String::from_utf8_lossy(bytes);
        }
        printed.contains(text)
    });
}

/// Until this child is a zombie.
#[track_caller]
fn until_zombie(live: &mut Live, child: &str) -> i32 {
    let wanted = live.pid_of(child).expect("it has begun");
    live.until(
        "a zombie",
        |kind| matches!(kind, EventKind::ProcessState { pid, state: ProcessState::Zombie } if pid.number() == wanted),
    );
    wanted
}

#[test]
fn a_child_that_is_killed_gives_its_parent_the_number_of_the_signal() {
    in_both(|language| {
        let live = begun("fork", language, &json!({ "pieces": 160, "split": 100, "size": 2_000_000 }), "child-1");
        live.act("kill child-1");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("signal-bits"), json!(9), "{language}");
        assert!(!ran.facts().contains_key("raw-status"), "{language}");
    });
}

/// The parent waits for the chosen child however long that takes; another one that has ended stays a zombie.
#[test]
fn waitpid_waits_for_the_child_that_was_chosen() {
    in_both(|language| {
        let mut live = begun("wait", language, &json!({ "children": 3, "life": 1.2, "signal": "SIGKILL" }), "child-3");
        live.act("stop child-2");
        live.act("kill child-1");
        let first = until_zombie(&mut live, "child-1");
        assert_eq!(state_of(first), Some('Z'), "{language}: nobody has waited for it");
        live.until("the last one's end", |kind| {
            matches!(kind, EventKind::ProcessExited { .. } | EventKind::TaskChanged { state: TaskState::Running, .. })
        });
        live.act("go-on main");
        live.act("continue child-2");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("raw-status"), json!(5120), "{language}: of the second alone");
        assert_eq!((ran.observed("signal-bits"), ran.observed("nobody-left")), (json!(9), json!(3)), "{language}");
        assert!(ran.observed("chosen").as_u64() >= Some(1), "{language}");
        assert_eq!(ran.refusals().len(), 1, "{language}: main does not sleep: {:?}", ran.refusals());
    });
}

#[test]
fn zombies_stay_until_they_are_waited_for() {
    in_both(|language| {
        let mut live = begun("zombie", language, &json!({ "children": 3, "life": 1.0, "pause": 5.0 }), "child-3");
        live.act("kill child-1");
        let first = until_zombie(&mut live, "child-1");
        let second = until_zombie(&mut live, "child-2");
        live.act("kill child-2");
        live.act("go-on main");
        until_printed(&mut live, "each got SIGKILL");
        assert_eq!((state_of(first), state_of(second)), (Some('Z'), Some('Z')), "{language}");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("status-kept"), json!(2), "{language}: the first one was killed while it lived");
        assert_eq!((ran.observed("gone"), ran.refusals().len()), (json!(3), 0), "{language}: {:?}", ran.refusals());
    });
}

#[test]
fn another_program_runs_in_the_same_process() {
    in_both(|language| {
        for program in ["cat", "wc"] {
            let mut live = begun("exec", language, &json!({ "program": program, "pause": 0.5 }), "child-1");
            let child = live.pid_of("child-1").expect("it has begun");
            live.until("the program", |kind| {
                matches!(kind, EventKind::ProcessSampled(sample) if sample.name == program && sample.pid.number() == child)
            });
            live.act("go-on nobody");
            let ran = live.end();
            ran.assert_passed();
            assert_eq!((ran.observed("same-process"), ran.observed("new-program")), (json!(child), json!(program)));
            assert_eq!(ran.observed("missing"), json!(127), "{language}");
            assert_eq!(ran.refusals().len(), 1, "{language}: {:?}", ran.refusals());
        }
        let live = begun("exec", language, &json!({}), "child-1");
        live.act("kill child-1");
        let ran = live.end();
        ran.assert_passed();
        assert!(!ran.facts().contains_key("stays-open"), "{language}: who was killed wrote nothing");
    });
}

/// Whether or not the grandparent adopts, the new parent is who the kernel says, and only that one can wait.
#[test]
fn an_orphan_s_new_parent_depends_on_who_adopts() {
    in_both(|language| {
        for adopts in [false, true] {
            let params = json!({ "adopt": adopts, "children": 3, "pause": 3.0, "gap": 0.3 });
            let mut live = begun("orphan", language, &params, "child-1.3");
            if adopts {
                live.act("go-on main");
            } else {
                live.act("kill child-1");
            }
            let child = live.pid_of("child-1.2").expect("it has begun");
            live.until("an orphan", |kind| matches!(kind, EventKind::ProcessOrphaned { pid, .. } if pid.number() == child));
            let main = live.pid_of("main").expect("it has begun");
            let ran = live.end();
            ran.assert_passed();
            assert_eq!(ran.observed("new-parent") == json!(main), adopts, "{language}");
            assert_eq!((ran.observed("outlive"), ran.facts().contains_key("adopter-waits")), (json!(3), adopts), "{language}");
        }
    });
}

/// A group that a person does something to is claimed nothing of; the others are.
#[test]
fn signals_reach_whom_they_are_meant_for() {
    in_both(|language| {
        let mut live = begun("process-group", language, &json!({ "members": 2, "signal": "SIGHUP", "life": 5.0 }), "s-1");
        until_printed(&mut live, "; the parent's: ");
        live.act("kill-group b-2");
        live.act("go-on main");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("group"), json!(2), "{language}");
        assert!(!ran.facts().contains_key("one"), "{language}");
        let leader = ran.observed("own-session");
        assert_eq!(leader[0], leader[1], "{language}");
    });
}

#[test]
fn threads_share_memory_and_a_child_that_is_killed_tells_nothing_more() {
    in_both(|language| {
        let params = json!({ "start": 100, "step": 7 });
        let mut live = begun("shared-memory", language, &params, "thread-1");
        live.act("another thread-1");
        live.until("one more", |kind| matches!(kind, EventKind::TaskStarted { task, .. } if task == "thread-2"));
        let ran = live.end();
        ran.assert_passed();
        assert_eq!((ran.observed("private"), ran.observed("thread")), (json!(100), json!(114)), "{language}");
        assert_eq!((ran.observed("private-too"), ran.observed("shared")), (json!(107), json!(121)), "{language}");

        let mut live = begun("shared-memory", language, &params, "child-1");
        until_printed(&mut live, "child: x is 107");
        live.act("kill child-1");
        let ran = live.end();
        ran.assert_passed();
        assert!(ran.facts().contains_key("thread") && !ran.facts().contains_key("shared"), "{language}: {ran:#?}");
    });
}

#[test]
fn copies_live_and_die_each_for_itself() {
    in_both(|language| {
        let params = json!({ "copies": 4, "greeting": "good morning", "folder": "/", "life": 4.0 });
        let mut live = begun("process-basics", language, &params, "copy-4");
        live.act("kill copy-3");
        until_printed(&mut live, "my copies are in the background");
        live.act("go-on main");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!((ran.observed("pids"), ran.observed("others-live")), (json!(4), json!(2)), "{language}");
        assert_eq!(ran.observed("inherited"), json!(2), "{language}");
    });
}

#[test]
fn a_process_that_lacks_the_guard_comes_to_its_own_start() {
    in_both(|language| {
        let ran = Live::start("start-methods", language, &json!({ "method": "spawn", "rounds": 1, "guard": false })).end();
        ran.assert_passed();
        assert_eq!(ran.observed("guard"), json!(1), "{language}");
        let ran = decided("start-methods", || {
            let live = begun("start-methods", language, &json!({ "rounds": 1, "pause": 1.0 }), "fork-1");
            live.act("kill fork-1");
            live.end()
        });
        ran.assert_passed();
        assert!(ran.printed.contains("fork-1 left with -9") && ran.facts().contains_key("grandchild"), "{language}");
    });
}

#[test]
fn an_old_interface_that_was_disturbed_is_claimed_nothing_of() {
    in_both(|language| {
        let mut live = Live::start("old-interfaces", language, &json!({ "status": 77, "hold": 0.7 }));
        let mut shell = 0;
        live.until("a shell", |kind| match kind {
            EventKind::ProcessStarted { pid, name, .. } if name == "sh" => {
                shell = pid.number();
                true
            }
            _ => false,
        });
        live.act(&format!("kill {shell}"));
        let ran = live.end();
        ran.assert_passed();
        assert!(!ran.facts().contains_key("system-status"), "{language}");
        assert_eq!(ran.observed("spawn")[0], json!(77), "{language}");
    });
}

/// A body that is killed takes its family along.
#[test]
fn nothing_is_left_of_a_body_that_is_killed() {
    let lessons = [
        ("fork", "child-1"),
        ("wait", "child-2"),
        ("zombie", "child-2"),
        ("exec", "child-1"),
        ("orphan", "child-1.1"),
        ("process-group", "b-1"),
        ("shared-memory", "child-1"),
        ("process-basics", "copy-2"),
        ("start-methods", "spawn-1"),
    ];
    for (id, task) in lessons {
        in_both(|language| {
            let mut live = Live::start(scenario(id).id, language, &json!({}));
            live.until(task, |kind| matches!(kind, EventKind::TaskStarted { task: started, .. } if started == task));
            live.act("kill main");
            assert_eq!(live.end().code, None, "{id} {language}");
        });
    }
}
