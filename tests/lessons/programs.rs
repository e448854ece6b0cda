//! The lessons on programs, pipes and machines: what a person can do to them while they run, in both languages.

use std::process::Command;

use serde_json::{Value, json};
use support::lesson::{BOTH, Live};
use tasklab::model::{EventKind, TaskState};

fn is_started(wanted: &'static str) -> impl FnMut(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == wanted)
}

/// Whether this is printed.
fn is_printed(words: &'static str) -> impl FnMut(&EventKind) -> bool {
    let mut said = Vec::new();
    move |kind| {
        if let EventKind::Output { bytes, .. } = kind {
            said.extend_from_slice(bytes);
        }
        String::from_utf8_lossy(&said).contains(words)
    }
}

fn main_sleeps(kind: &EventKind) -> bool {
    matches!(kind, EventKind::TaskChanged { task, state: TaskState::Sleeping, .. } if task == "main")
}

/// Main waits for the program, and a person ends it instead. What is asked of main meanwhile is refused.
#[test]
fn a_program_that_is_killed_lets_main_go_on() {
    for language in BOTH {
        let mut live = Live::start("subprocess-run", language, &json!({ "pause": 0.0 }));
        live.until("sleep", is_started("sleep"));
        live.act("go-on main");
        live.act("kill sleep");
        let ran = live.end();
        ran.assert_passed();
        assert_eq!((ran.observed("no-shell"), ran.observed("shell")), (json!("*.py"), json!(3)), "{language}");
        assert!(ran.refusals().iter().all(|text| text.contains("main does not sleep")), "{language}: {:?}", ran.refusals());
    }
}

#[test]
fn a_list_of_words_is_obeyed_by_nobody() {
    for language in BOTH {
        let ran = Live::start("subprocess-run", language, &json!({ "pause": 0.0, "guest": "*", "text": true })).end();
        ran.assert_passed();
        assert!(ran.printed.contains("list: Hello *\n") && !ran.printed.contains("shell: Hello *\n"), "{}", ran.printed);
        assert!(ran.printed.contains("length 4") && !ran.facts().contains_key("injected"), "{language}: {}", ran.printed);
    }
}

#[test]
fn poll_gives_none_until_the_program_has_ended() {
    for language in BOTH {
        let mut live = Live::start("popen", language, &json!({ "pause": 0.0, "lines": 2, "status": 9 }));
        live.until("guest", is_started("guest"));
        live.act("kill guest");
        live.until("the buffers", is_printed("bufsize 0"));
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("poll"), json!(["None", "9"]), "{language}");
        assert_eq!(ran.observed("close-fds"), json!([false, true]), "{language}");
    }
}

#[test]
fn main_asks_again_sooner_when_it_is_told_to_go_on() {
    for language in BOTH {
        let mut live = Live::start("communicate", language, &json!({ "pause": 1.0, "program": "cat", "mebibytes": 16 }));
        live.until("the first word", is_printed("we say pear"));
        live.until("sleep", main_sleeps);
        live.act("go-on main");
        let ran = live.end();
        ran.assert_passed();
        assert!(!ran.facts().contains_key("silent") && ran.printed.contains("cat says fig"), "{language}: {}", ran.printed);
        assert_eq!(ran.observed("kept"), json!(16), "{language}");
    }
}

#[test]
fn nobody_can_talk_to_a_program_that_was_killed() {
    for language in BOTH {
        let mut live = Live::start("communicate", language, &json!({ "mebibytes": 16 }));
        live.until("the first word", is_printed("we say pear"));
        live.act("kill talker");
        assert_eq!(live.end().code, Some(1), "{language}: the next word finds a broken pipe");
    }
}

/// Any program may be ended: the others follow, and each fact that is claimed holds.
///
/// Covers: F34, F35, fact 25.
#[test]
fn a_pipeline_ends_whichever_program_is_ended() {
    for language in BOTH {
        for (victim, facts) in
            [("yes", vec!["end-of-file"]), ("tr", vec!["broken-pipe", "end-of-file"]), ("wc", vec!["broken-pipe"])]
        {
            for action in ["kill", "terminate"] {
                let mut live = Live::start("pipeline", language, &json!({ "pause": 0.5 }));
                live.until("all three", is_printed("all three run"));
                live.act(&format!("{action} {victim}"));
                live.act("go-on main");
                let ran = live.end();
                ran.assert_passed();
                let claimed = ["broken-pipe", "end-of-file"].into_iter().filter(|id| ran.facts().contains_key(id));
                assert_eq!(claimed.collect::<Vec<_>>(), facts, "{language} {action} {victim}");
            }
        }
    }
}

#[test]
fn a_killed_program_has_not_cleaned_up() {
    for language in BOTH {
        let mut live = Live::start("signals", language, &json!({ "cleanup": 0.2, "pause": 0.5 }));
        live.until("all three", is_printed("all three are ready"));
        live.act("kill slow");
        live.act("terminate deaf");
        live.until("its turn", is_printed("terminate slow"));
        let ran = live.end();
        ran.assert_passed();
        assert_eq!(ran.observed("finally"), json!(["polite"]), "{language}");
        assert_eq!(ran.observed("files"), json!(["slow", "deaf"]), "{language}");
        assert!(!ran.facts().contains_key("slow") && !ran.facts().contains_key("how-ended"), "{language}: {:?}", ran.facts());
    }
}

#[test]
fn a_person_s_task_is_done_and_a_lost_worker_missed() {
    for language in BOTH {
        let mut live = Live::start("across-systems", language, &json!({ "losses": 0, "local": 2, "give_up": 0.5 }));
        live.until("a task", is_printed("has taken 1"));
        live.act("put queue todo 9");
        let ran = live.end();
        ran.assert_passed();
        assert!(ran.printed.contains("has taken 9"), "{language}: {}", ran.printed);
        assert_eq!(ran.observed("all-done"), json!(8), "{language}");
    }
}

/// Nobody is left to work: main starts one more.
#[test]
fn the_last_worker_that_is_lost_is_replaced() {
    for language in BOTH {
        let ran = Live::start("across-systems", language, &json!({ "losses": 1, "local": 1, "tasks": 4, "give_up": 0.5 })).end();
        ran.assert_passed();
        assert_eq!(ran.observed("lost"), json!([2]), "{language}: {}", ran.printed);
        assert!(ran.printed.contains("worker-2 has done 2"), "{language}: {}", ran.printed);
    }
}

/// A maker's own program tells of its tasks, and hears actions; where it is not observed, the same file runs all the same.
#[test]
fn a_program_of_the_maker_s_shows_its_lanes_when_it_is_asked_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("mine.py");
    let text = "import os, sys, tasklab\n\
        tasklab.started('mixer')\n\
        tasklab.actions('stir BOWL')\n\
        tasklab.value('eggs', 3)\n\
        print('heard', tasklab.action(60) if len(sys.argv) > 1 else None)\n\
        print('fds', sorted(int(fd) for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')))\n\
        print(os.environ.get('PYTHONPATH', '').split(':')[-1])\n\
        tasklab.finished('mixer')\n";
    std::fs::write(&program, text).expect("written");
    let exec = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
        command.args(["exec", "--stdin", "null", "--timeout", "60"]).args(arguments).env("PYTHONPATH", "/own/folder");
        let output = command.output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let mine = program.to_str().expect("UTF-8");
    let (status, told) = exec(&["--json", "--do", "0.1 sing", "--do", "0.1 stir bowl", "--", "python3", mine, "listen"]);
    assert_eq!(status, Some(0), "{told}");
    let events: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let find = |kind: &str, key: &str, value: Value| events.iter().find(|event| event["kind"] == kind && event[key] == value);
    let lane = find("task.started", "task", json!("mixer")).expect("a lane");
    assert!(lane["t"].as_i64().is_some_and(|t| t > 0), "its clock is the run's: {lane}");
    let refused = find("action.refused", "do", json!("sing")).expect("a refusal of what it does not know");
    assert!(refused["by"] == "script" && refused["text"].as_str().is_some_and(|why| why.contains("stir BOWL")), "{refused}");
    find("task.finished", "task", json!("mixer")).expect("its end");
    find("value", "name", json!("eggs")).expect("a value");
    let printed: String =
        events.iter().filter_map(|event| event["text"].as_str().filter(|_| event["kind"] == "output")).collect();
    assert!(printed.contains("heard ('stir', 'bowl')") && printed.contains("/own/folder"), "{printed}");

    // Not to be observed: nothing but the three standard streams, and no module.
    let bare = text
        .replace("import os, sys, tasklab\n", "import os, sys\n")
        .lines()
        .filter(|line| !line.starts_with("tasklab"))
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(&program, bare).expect("written");
    let (status, told) = exec(&["--no-observe", "--", "python3", mine]);
    assert_eq!((status, told.lines().nth(1)), (Some(0), Some("fds [0, 1, 2]")), "{told}");
    std::fs::write(&program, "import tasklab\n").expect("written");
    assert_eq!(exec(&["--no-observe", "--", "python3", mine]).0, Some(1), "the shim comes with the observer");
    assert_eq!(exec(&["--", "python3", mine]).0, Some(0));
}
