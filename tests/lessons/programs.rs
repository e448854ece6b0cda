//! The lessons on programs, pipes and machines: what a person can do to them while they run, in both languages.

use std::process::Command;

use serde_json::{Value, json};
use support::lesson::{BOTH, Ran, Running, scenario, together, until_state};
use tasklab::model::{EventKind, Language, Level};

/// An action line, as Task Lab writes it to the control pipe.
fn line(action: &str, target: &str) -> String {
    format!("{}\n", json!({ "do": action, "target": target }))
}

fn is_started(wanted: &'static str) -> impl FnMut(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::ProcessStarted { name, .. } if name == wanted)
}

/// Sends action lines as soon as this process is there, and gives what came of it.
fn with_lines(id: &str, language: Language, params: &Value, process: &'static str, lines: &[String]) -> Ran {
    let mut running = Running::start(scenario(id), language, params);
    running.until(process, is_started(process));
    running.write(&lines.concat());
    let ran = running.play(&[]);
    ran.assert_nothing_is_left();
    ran
}

#[test]
fn a_text_that_somebody_types_is_obeyed_by_nobody() {
    for language in BOTH {
        let text = "$(touch /tmp/injected); *";
        let lines = [line("print", text), line("print", ""), line("dance", ""), line("done", "")];
        let ran = with_lines("subprocess-run", language, &json!({}), "cat", &lines);
        ran.assert_passed();
        assert_eq!(ran.facts()["intact"].observed, json!(2), "what was typed, and the lesson's own");
        assert!(ran.printed.contains(text), "{}", ran.printed);
        let refusals = ran.refusals();
        assert!(refusals.len() == 2 && refusals[0].contains("print") && refusals[1].contains("dance"), "{refusals:?}");
    }
}

/// Only calls: then nothing else is to be shown, and whoever has seen enough says so.
#[test]
fn calls_alone_end_when_somebody_says_so() {
    for language in BOTH {
        let mut running = Running::start(scenario("subprocess-run"), language, &json!({ "way": "list", "calls": 1000 }));
        running.write(&[line("print", "hello"), line("done", "")].concat());
        let ran = running.play(&[]);
        ran.assert_passed();
        assert!(ran.observed("calls").as_u64().is_some_and(|made| (1..1000).contains(&made)), "{language}: {ran:#?}");
        assert!(ran.refusals().len() == 1 && ran.refusals()[0].contains("print"), "{language}: {:?}", ran.refusals());
    }
}

#[test]
fn poll_gives_none_until_the_program_was_answered() {
    for language in BOTH {
        let mut running = Running::start(scenario("popen"), language, &json!({ "pause": 1.0, "status": 9, "patience": 60.0 }));
        running.until("poll", |kind| matches!(kind, EventKind::Value { name, .. } if name == "poll() gave"));
        running.write(&[line("poll", ""), line("answer", ""), line("answer", "")].concat());
        running.until("two polls", |kind| matches!(kind, EventKind::ActionRefused { action, .. } if action.word() == "answer"));
        let polled = running.pid_of("polled").expect("runs");
        until_state(polled, 'Z');
        running.write(&line("poll", ""));
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(
            ran.facts()["poll"].observed,
            json!(["None", "None", "9", "9"]),
            "{language}: what we asked, and the lesson's own at its end"
        );
        assert_eq!(ran.refusals().len(), 1, "the second answer: {:?}", ran.refusals());
    }
}

#[test]
fn sort_answers_when_its_input_ends_and_cat_at_once() {
    for language in BOTH {
        let lines = ["pear", "apple", "Ähre"].map(|text| line("send", text));
        let script = [lines.concat(), line("close", ""), line("send", "too late")];
        let ran = with_lines("communicate", language, &json!({ "mebibytes": 16 }), "sort", &script);
        ran.assert_passed();
        assert_eq!(ran.facts()["answer"].observed, json!(["apple", "pear", "Ähre"]));
        assert!(ran.refusals().len() == 1 && ran.refusals()[0].contains("too late"), "{:?}", ran.refusals());

        let mut running = Running::start(scenario("communicate"), language, &json!({ "program": "cat", "mebibytes": 16 }));
        running.until("cat", is_started("cat"));
        running.write(&line("send", "hello"));
        running.until("sent", |kind| matches!(kind, EventKind::Value { name, .. } if name == "lines sent"));
        running.write(&line("close", ""));
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.facts()["answer"].observed, json!(["hello"]));
        assert!(!ran.facts().contains_key("silent"));
    }
}

#[test]
fn terminate_and_kill_come_by_the_control_pipe_as_well() {
    for language in BOTH {
        let mut running = Running::start(scenario("signals"), language, &json!({ "cleanup": 0.2, "patience": 60.0 }));
        running.until("all three", is_started("deaf"));
        let pids = ["polite", "slow", "deaf"].map(|name| running.pid_of(name).expect("runs"));
        running
            .write(&[line("terminate", "polite"), line("terminate", &pids[1].to_string()), line("terminate", "deaf")].concat());
        running.until("the slow one's end", |kind| matches!(kind, EventKind::ProcessReaped { pid } if pid.number() == pids[1]));
        assert!(support::state_of(pids[2]).is_some_and(|state| state != 'Z'), "{language}: the deaf one goes on");
        running.write(&[line("terminate", "polite"), line("kill", "nobody"), line("kill", "deaf")].concat());
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.facts()["finally"].observed, json!(["polite"]), "{language}");
        assert_eq!(ran.facts()["files"].observed, json!(["slow", "deaf"]), "{language}");
        assert!(["polite", "slow", "deaf"].iter().all(|fact| ran.facts().contains_key(fact)), "{ran:#?}");
        assert_eq!(ran.refusals().len(), 2, "who is gone, and who never was: {:?}", ran.refusals());
        let lit = ran.events.iter().filter(|event| matches!(event.kind, EventKind::Gpio { level: Level::High, .. })).count();
        let dark = ran.events.iter().filter(|event| matches!(event.kind, EventKind::Gpio { level: Level::Low, .. })).count();
        assert_eq!((lit, dark), (3, 3), "an LED a program");
    }
}

#[test]
fn nobody_has_cleaned_up_who_was_killed_at_once() {
    for language in BOTH {
        let mut running = Running::start(scenario("signals"), language, &json!({ "patience": 60.0 }));
        running.until("all three", is_started("deaf"));
        for name in ["polite", "slow", "deaf"] {
            running.kill(name);
        }
        let ran = running.play(&[]);
        ran.assert_passed();
        assert_eq!(ran.facts()["finally"].observed, json!([]), "{language}");
        assert!(!ran.facts().contains_key("polite"), "nobody has heard a request");
    }
}

#[test]
fn tasks_and_workers_are_added_and_lost_ones_replaced() {
    for language in BOTH {
        let params = json!({ "losses": 0, "local": 1, "tasks": 8 });
        let mut running = Running::start(scenario("across-systems"), language, &params);
        running.until("worker-1 ready", |kind| matches!(kind, EventKind::Value { name, .. } if name == "worker-1"));
        let lines =
            [line("task", ""), line("task", ""), line("worker", ""), line("worker", "-oProxyCommand=touch"), line("work", "")];
        running.write(&lines.concat());
        running.until(
            "two results",
            |kind| matches!(kind, EventKind::Value { name, value } if name == "tasks done" && *value == json!(2)),
        );
        running.kill("worker-1");
        running.write(&line("close", ""));
        let ran = running.play(&[]);
        ran.assert_passed();
        ran.assert_nothing_is_left();
        assert_eq!(ran.facts()["all-done"].observed, json!(10), "{language}");
        assert_eq!(ran.refusals().len(), 2, "an option is no host, and nobody works: {:?}", ran.refusals());
    }
}

/// A program that was stopped cannot end by itself; the lesson does not wait for it for ever.
#[test]
fn nobody_waits_for_ever_on_a_stopped_program() {
    let runs = [
        ("subprocess-run", json!({ "patience": 1.0 }), "cat"),
        ("popen", json!({ "patience": 1.0 }), "polled"),
        ("communicate", json!({ "patience": 1.0, "mebibytes": 16 }), "sort"),
        ("communicate", json!({ "patience": 1.0, "mebibytes": 128 }), "gzip"),
        ("signals", json!({ "patience": 1.0 }), "polite"),
        ("across-systems", json!({ "give_up": 2.0, "losses": 0, "patience": 1.0 }), "worker-1"),
    ];
    let all = BOTH.into_iter().flat_map(|language| runs.iter().map(move |run| (language, run)));
    let bodies = all.map(|(language, (id, params, victim))| {
        Box::new(move || {
            let mut running = Running::start(scenario(id), language, params);
            running.until(victim, is_started(victim));
            running.stop(victim);
            let ran = running.play(&[]);
            assert_eq!(ran.code, Some(0), "{id} {language}: {ran:#?}");
            ran.assert_nothing_is_left();
        }) as Box<dyn FnOnce() + Send>
    });
    together(bodies);
}

/// A Rust body that is killed takes everybody along, even without a supervisor, at any step.
#[test]
fn nothing_is_left_of_a_body_that_is_killed() {
    let moments = [
        ("subprocess-run", 5),
        ("subprocess-run", 6),
        ("popen", 1),
        ("popen", 3),
        ("popen", 6),
        ("communicate", 1),
        ("communicate", 2),
        ("signals", 3),
        ("across-systems", 2),
    ];
    let bodies = moments.into_iter().map(|(id, processes)| {
        Box::new(move || {
            let params = json!({});
            let mut running = Running::start(scenario(id), Language::Rust, &params);
            if id == "communicate" && processes == 2 {
                running.write(&line("close", ""));
            }
            let mut started = 0;
            running.until("processes", |kind| {
                started += usize::from(matches!(kind, EventKind::ProcessStarted { .. }));
                started == processes
            });
            let body = rustix::process::Pid::from_raw(running.pid()).expect("a PID");
            rustix::process::kill_process(body, rustix::process::Signal::KILL).expect("it is our child");
            let ran = running.play(&[]);
            assert_eq!(ran.code, None, "{id}");
            ran.assert_nothing_is_left();
        }) as Box<dyn FnOnce() + Send>
    });
    together(bodies);
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
