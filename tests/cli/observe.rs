//! Which programs are observed: Python, by its name or its first line, unless it is told not to be; and the ways by which they tell.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use support::program::{exec, said, tasklab};

/// What a program has of ours: variables, and its descriptors (but for the one that lists them).
const ASK: &str = "import os; print(*sorted(name[8:] for name in os.environ if name.startswith('TASKLAB_')), \
    *[fd for fd in range(64) if os.path.exists(f'/proc/self/fd/{fd}')])";
// The observer keeps its descriptors out of the way, and says who observes.
const OBSERVED: &str = "ABOVE CONTROL EVENTS EVENTS_FILE OBSERVE T0 0 1 2\n";
const KEPT_OUT: &str = "CONTROL EVENTS EVENTS_FILE OBSERVE T0 0 1 2 3 4\n";
const TELLS: &str = "CONTROL EVENTS EVENTS_FILE T0 0 1 2 3 4\n";
const BARE: &str = "0 1 2\n";

fn script(folder: &Path, name: &str, first_line: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{first_line}\n{ASK}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn python_is_observed_unless_it_is_told_not_to_be() {
    for (options, expected) in [
        (&[][..], OBSERVED),
        (&["--no-observe"], BARE),
        (&["--events"], OBSERVED),
        (&["--events", "--no-observe"], TELLS),
        (&["--clear-env"], OBSERVED),
        (&["--clear-env", "--no-observe"], BARE),
    ] {
        assert_eq!(
            exec(&[options, &["--", "python3", "-c", ASK]].concat()),
            (0, expected.to_owned(), String::new()),
            "{options:?}"
        );
    }
    let quoted = format!("python3 -c \"{ASK}\"");
    for (arguments, expected) in [
        (&["--shell", "--", &quoted][..], OBSERVED),
        (&["--shell", "--no-observe", "--", &quoted], BARE),
        (&["--shell", "--", ":", "&&", &quoted], BARE),
        (&["--", "sh", "-c", &quoted], BARE),
        (&["--events", "--", "sh", "-c", &quoted], OBSERVED),
        (&["--executable", "python3", "--", "snake", "-c", ASK], OBSERVED),
    ] {
        assert_eq!(exec(arguments), (0, expected.to_owned(), String::new()), "{arguments:?}");
    }
}

#[test]
fn a_script_is_python_by_its_first_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let python = script(folder.path(), "direct", "#!/usr/bin/python3");
    let by_env = script(folder.path(), "by-env", "#!/usr/bin/env -S python3 -X dev");
    let other = script(folder.path(), "other", "#!/bin/sh\nexec /usr/bin/python3 - <<'E'");
    let dir = folder.path().to_str().expect("UTF-8");
    let path = format!("PATH={dir}:/usr/bin:/bin");
    for (arguments, expected) in [
        (&["--", &python][..], OBSERVED),
        (&["--", &by_env], OBSERVED),
        (&["--", &other], BARE),
        (&["--env", &path, "--", "direct"], OBSERVED),
        (&["--cwd", dir, "--", "./by-env"], OBSERVED),
    ] {
        assert_eq!(exec(arguments), (0, expected.to_owned(), String::new()), "{arguments:?}");
    }
}

#[test]
fn an_option_that_keeps_the_observer_out_is_told_once() {
    for (option, why) in [("-I", "reading PYTHONPATH"), ("-uES", "reading PYTHONPATH"), ("-S", "importing site")] {
        let (status, out, err) = exec(&["--", "python3", option, "-c", ASK]);
        assert_eq!((status, out.as_str()), (0, KEPT_OUT), "{option}");
        assert!(err.starts_with("tasklab: could not observe python3: -") && err.contains(why), "{option}: {err}");
        assert!(err.contains("--no-observe") && err.lines().count() == 1, "{option}: {err}");
        assert_eq!(exec(&["--no-observe", "--", "python3", option, "-c", ASK]), (0, BARE.to_owned(), String::new()));
    }
}

/// Task Lab in Task Lab: what the outer one has set is not for the children of the inner one.
#[test]
fn what_another_task_lab_has_set_is_not_passed_on() {
    let foreign = |arguments: &[&str]| {
        let mut command = tasklab(arguments);
        for name in ["OBSERVE", "EVENTS_FILE", "EVENTS", "CONTROL", "T0", "PARAMS"] {
            command.env(format!("TASKLAB_{name}"), "1");
        }
        said(&command.output().expect("runs"))
    };
    assert_eq!(foreign(&["exec", "--no-observe", "--", "python3", "-c", ASK]), (0, BARE.to_owned(), String::new()));
    assert_eq!(foreign(&["exec", "--", "python3", "-c", ASK]), (0, OBSERVED.to_owned(), String::new()));
    // A lesson in Python gets an environment that is made up for it.
    let folder = tempfile::tempdir().expect("a folder");
    let own = script(folder.path(), "python3", "#!/usr/bin/python3");
    let path = format!("{}:/usr/bin:/bin", Path::new(&own).parent().expect("a folder").display());
    let mut lesson = tasklab(&["run", "lock", "--language", "python", "--json"]);
    let (_, out, _) = said(&lesson.env("PATH", path).env("TASKLAB_OBSERVE", "1").output().expect("runs"));
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said: String = events.iter().filter_map(|event| event["text"].as_str()).collect();
    assert!(said.contains(OBSERVED.trim()), "{out}");
}

#[test]
fn each_stage_has_a_pipe_of_its_own_with_a_name_that_only_the_user_can_open() {
    const FILE: &str = "import os, stat, sys\nif sys.argv[1:]: sys.stdout.write(sys.stdin.read())\n\
        name = os.environ['TASKLAB_EVENTS_FILE']; found = os.stat(name)\n\
        same = os.path.samestat(found, os.fstat(int(os.environ['TASKLAB_EVENTS'])))\n\
        print(name, stat.filemode(found.st_mode), found.st_uid == os.geteuid(), same)";
    let (status, out, err) = exec(&["--", "python3", "-c", FILE, ":::", "python3", "-c", FILE, "pass"]);
    assert_eq!((status, err.as_str()), (0, ""));
    let told: Vec<(&str, &str)> = out.lines().filter_map(|line| line.split_once(' ')).collect();
    let [(first, first_is), (second, second_is)] = told[..] else { panic!("{out}") };
    assert_ne!(first, second);
    assert_eq!([first_is, second_is], ["prw------- True True"; 2], "{out}");
    assert!(!Path::new(first).exists() && !Path::new(first).parent().expect("a folder").exists(), "{first}");
}

#[test]
fn each_stage_of_a_pipeline_has_a_lane_of_its_own_named_by_its_script() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (source, sink) = (write("source.py", "print(4)"), write("sink.py", "import sys\nsys.stdout.write(sys.stdin.read())"));
    let stages = ["--json", "--", "python3", &source, ":::", "python3", &sink, ":::", "python3", &sink, ":::", "cat"];
    let (status, out, err) = exec(&stages);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let started = events.iter().filter(|event| event["kind"] == "task.started");
    let mut lanes: Vec<&str> = started.filter_map(|event| event["task"].as_str()).collect();
    lanes.sort_unstable();
    assert_eq!(lanes, ["sink", "sink-2", "source"]);
}

#[test]
fn any_action_may_be_for_python_and_a_typing_error_is_found_where_nobody_listens() {
    let (status, _, err) = exec(&["--do", "0 dance", "--", "python3", "-c", "pass"]);
    assert!(status == 0 && err.contains("dance"), "{status}: it has ended without hearing of it: {err}");
    for arguments in [&["--do", "0 dance", "--", "true"][..], &["--no-observe", "--do", "0 dance", "--", "python3", "-c", "pass"]]
    {
        let (status, _, err) = exec(arguments);
        assert!(status == 125 && err.contains("there is no action \"dance\""), "{status}: {err}");
    }
}

/// Three programs in one: what it is called with, what a child of each sort sees, and how it ends.
const SETTABLE: &str = r#"#!/usr/bin/env python3
import multiprocessing, sys, threading
size = 3  # of what
name = "Ada"
rate = 0.5
loud = False

def child(answers):
    answers.put((size, name))

if __name__ == "__main__":
    print(size, name, rate, loud, sys.argv, __file__ == sys.argv[2])
    multiprocessing.set_start_method(sys.argv[1])
    answers = multiprocessing.SimpleQueue()
    worker = multiprocessing.Process(target=child, args=(answers,))
    worker.start()
    print(answers.get())
    worker.join()
    size / 0
"#;

/// A program with settings in a folder of its own, and its path.
fn settable() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.py");
    fs::write(&file, SETTABLE).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("ours");
    (folder, file.to_str().expect("UTF-8").to_owned())
}

#[test]
fn the_literals_of_a_program_are_set_and_its_file_stays() {
    let (_folder, path) = settable();
    let path = path.as_str();
    let run = |set: &[&str], method: &str| {
        let set: Vec<&str> = set.iter().flat_map(|word| ["--set", word]).collect();
        exec(&[&set[..], &["--", "python3", path, method, path]].concat())
    };
    // The control: the same without values.
    let (status, plain, traceback) = run(&[], "fork");
    assert_eq!((status, plain), (1, format!("3 Ada 0.5 False ['{path}', 'fork', '{path}'] True\n(3, 'Ada')\n")), "{traceback}");
    for method in ["fork", "spawn", "forkserver"] {
        let (status, out, err) = run(&["size=77", "name=Zoë \"Z\"", "rate=2", "loud=yes"], method);
        let expected = format!("77 Zoë \"Z\" 2.0 True ['{path}', '{method}', '{path}'] True\n(77, 'Zoë \"Z\"')\n");
        assert_eq!((status, out.as_str(), err.as_str()), (1, expected.as_str(), traceback.as_str()), "{method}");
    }
    let (status, out, err) = exec(&["--set", "size=77", "--", path, "fork", path]);
    let expected = format!("77 Ada 0.5 False ['{path}', 'fork', '{path}'] True\n(77, 'Ada')\n");
    assert_eq!((status, out.as_str(), err.as_str()), (1, expected.as_str(), traceback.as_str()), "by its first line");
    assert_eq!(fs::read_to_string(path).expect("there"), SETTABLE);
}

#[test]
fn a_setting_that_no_program_has_is_refused_before_anything_starts() {
    let (folder, path) = settable();
    let path = path.as_str();
    let gone = folder.path().join("gone.py");
    let gone = gone.to_str().expect("UTF-8");
    for (arguments, wanted) in [
        (&["--set", "nobody=1", "--", "python3", path][..], "mine.py has size, name, rate, loud"),
        (&["--set", "size=big", "--", "python3", path], "size cannot be big: it must be a whole number, such as 3"),
        (&["--set", "size", "--", "python3", path], "is not NAME=VALUE"),
        (&["--set", "size=1", "--", "true"], "nothing here is a Python program"),
        (&["--set", "size=1", "--", "python3", "-c", "1"], "nothing here is a Python program"),
        (&["--set", "size=1", "--", "python3", gone], "could not read"),
        (&["--set", "size=1", "--no-observe", "--", "python3", path], "cannot be used with"),
    ] {
        // As with every other fault of the command line of `exec`.
        let (status, out, err) = exec(arguments);
        assert!(status == 125 && out.is_empty() && err.contains(wanted), "{arguments:?}: {status} {out} {err}");
    }
}

/// Threads that do nothing but take one lock in turn.
const CROWD: &str = "import threading, time
lock = threading.Lock()
def work():
    for _ in range(5000):
        with lock:
            pass
threads = [threading.Thread(target=work) for _ in range(12)]
with lock:
    for thread in threads: thread.start()
    time.sleep(0.2)
for thread in threads: thread.join()
";

#[test]
fn who_holds_a_lock_is_told_to_each_waiter_once() {
    let (status, out, stderr) = exec(&["--json", "--", "python3", "-c", CROWD]);
    assert_eq!((status, &*stderr), (0, ""));
    let (mut last, mut waits, mut again) = (HashMap::new(), 0, 0);
    for event in out.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event")) {
        if event["kind"] == "task.state" {
            let is_wait = event["state"] == "waiting" && event["on"] == "lock lock";
            let now = is_wait.then(|| event["held_by"].clone());
            waits += usize::from(is_wait);
            let was = last.insert(event["task"].to_string(), now.clone());
            again += usize::from(is_wait && was == Some(now));
        }
    }
    assert!(waits > 0, "nobody has waited");
    // A look may tell of a holder at the moment at which the next one does.
    assert!(again * 20 <= waits + 20, "{again} of {waits} lines say what the line before said");
}
