//! The command line as people and scripts use it: the real binary, its streams and its exit statuses.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use support::{App, deadline};

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

fn tasklab(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(TASKLAB);
    command.args(arguments).timeout(deadline());
    command
}

/// Runs it without input; (status, stdout, stderr).
fn say(arguments: &[&str]) -> (i32, String, String) {
    shown(&tasklab(arguments).output().expect("runs"))
}

fn shown(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let status =
        output.status.code().unwrap_or_else(|| panic!("ended by {:?}: {}", output.status.signal(), text(&output.stderr)));
    (status, text(&output.stdout), text(&output.stderr))
}

fn exec(arguments: &[&str]) -> (i32, String, String) {
    say(&[&["exec"], arguments].concat())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn the_list_names_what_every_scenario_can_be_given() {
    let (status, text, _) = say(&["list", "--json"]);
    assert_eq!(status, 0);
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let scenarios = list.as_array().expect("an array");
    assert_eq!(scenarios.len(), tasklab::scenario::CATALOGUE.len());
    for scenario in scenarios {
        for key in ["id", "title", "chapter", "concepts", "languages", "params", "actions"] {
            assert!(!scenario[key].is_null(), "{key} in {scenario}");
        }
        for param in scenario["params"].as_array().expect("an array") {
            for key in ["name", "kind", "range", "default", "unit"] {
                assert!(!param[key].is_null(), "{key} in {param}");
            }
        }
    }
    let (status, text, _) = say(&["list"]);
    assert_eq!(status, 0);
    for scenario in tasklab::scenario::CATALOGUE {
        assert!(text.contains(scenario.id) && text.contains(scenario.title), "{}", scenario.id);
        for action in scenario.actions {
            assert!(text.contains(&format!("'T {}'", action.usage())), "{}: {}", scenario.id, action.usage());
        }
    }
}

#[test]
fn the_doctor_says_what_helps() {
    let (status, text, _) = say(&["doctor", "--json"]);
    assert_eq!(status, 0);
    let findings: Vec<Value> = serde_json::from_str(&text).expect("an array");
    assert!(findings.iter().any(|finding| finding["topic"] == "kernel" && finding["ok"] == true));
    assert!(findings.iter().all(|finding| finding["ok"] == true || finding["fix"].is_string()), "{text}");
    let (status, text, _) = say(&["doctor"]);
    assert!(status == 0 && text.contains("✓ kernel"), "{text}");
}

#[test]
fn wrong_usage_is_refused_by_name_before_anything_runs() {
    for (arguments, status, names) in [
        (&["run", "thread-pol"][..], 2, "thread-pool"),
        (&["run", "xyzzy"], 2, "tasklab list"),
        (&["run", "thread-pool", "--set", "workers=99"], 2, "1 to 32"),
        (&["run", "thread-pool", "--set", "worker=1"], 2, "workers"),
        (&["run", "thread-pool", "--set", "workers"], 2, "NAME=VALUE"),
        (&["run", "queue", "--do", "1 dance"], 2, "put"),
        (&["run", "thread-pool", "--do", "kill"], 2, "AFTER ACTION TARGET"),
        (&["run", "thread-pool", "--timeout", "-1"], 2, "--timeout"),
        (&["run", "thread-pool", "--language", "c"], 2, "python"),
        (&["run"], 2, "ID"),
        (&["dance"], 2, "dance"),
        (&["run", "thread-pool", "--record", "/no/such/folder/x"], 3, "/no/such/folder/x"),
        (&["exec", "--nice", "99", "--", "true"], 125, "-20 to 19"),
        (&["exec", "--", "true", ":::"], 125, "stage 2 of 2"),
        (&["exec"], 125, "CMD"),
    ] {
        let (code, out, err) = say(arguments);
        assert!(code == status && err.contains(names) && out.is_empty(), "{arguments:?}: {code}, {err}");
    }
}

#[test]
fn without_python_the_twin_says_what_to_install() {
    let output = tasklab(&["run", "fork", "--language", "python"]).env("PATH", "/nonexistent").output().expect("runs");
    let (status, _, err) = shown(&output);
    assert!(status == 3 && err.contains("apt install python3"), "{status}: {err}");
}

#[test]
fn a_run_is_told_in_sentences_or_in_lines_and_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("run.jsonl");
    let path = record.to_str().expect("text");
    let (status, text, err) = say(&["run", "zombie", "--json", "--record", path]);
    assert_eq!((status, err.as_str()), (0, ""), "{text}");
    let events = lines(&text);
    let (first, last) = (&events[0], events.last().expect("events"));
    assert_eq!(
        (&first["kind"], &first["scenario"], &first["language"]),
        (&"run.started".into(), &"zombie".into(), &"python".into())
    );
    assert_eq!((&last["kind"], &last["outcome"], &last["processes_left"]), (&"run.finished".into(), &"passed".into(), &0.into()));
    assert!(events.iter().any(|event| event["kind"] == "fact") && events.iter().any(|event| event["by"] == "script"));
    assert_eq!(fs::read_to_string(&record).expect("recorded"), text, "the file has the same lines");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "and nothing else is left");

    // Long after the children have ended, also where they take their time.
    let late = ["--no-script", "--set", "pause=5", "--do", "4 kill child-1"];
    let (status, text, err) = say(&[&["run", "zombie"], &late[..]].concat());
    assert_eq!((status, err.as_str()), (0, ""), "{text}");
    for sentence in ["it is a zombie.", "one cannot kill the dead", "✓ ", "The run passed after"] {
        assert!(text.contains(sentence), "{sentence:?} in {text}");
    }
}

/// Covers: facts 7, 32.
#[test]
fn a_time_limit_ends_a_run_and_a_program() {
    let (status, text, _) = say(&["run", "zombie", "--no-script", "--timeout", "0.5", "--json"]);
    assert_eq!((status, lines(&text).last().expect("events")["outcome"].as_str()), (124, Some("timed-out")));
    let stubborn = "trap '' TERM; while :; do sleep 1; done";
    assert_eq!(exec(&["--timeout", "0.3", "--grace", "0.2", "--", "sh", "-c", stubborn]), (124, String::new(), String::new()));
}

#[test]
fn actions_come_when_they_are_due() {
    let (status, text, _) = say(&["run", "zombie", "--no-script", "--do", "0.8 go-on main", "--json"]);
    let events = lines(&text);
    assert!(events.iter().any(|event| event["do"] == "go-on" && event["by"] == "script"), "{text}");
    assert!(!events.iter().any(|event| event["do"] == "kill"), "the demo script is left out");
    assert!(status <= 1, "{status}");
    assert_eq!(exec(&["--do", "0.2 SIGUSR1 sleep", "--", "sleep", "60"]).0, 128 + 10);
    // The kernel's records give it a name before a sample has shown it.
    let late = exec(&["--do", "0 SIGUSR1 sleep", "--", "sh", "-c", "sleep 60; exit 4"]);
    assert_eq!((late.0, late.2.contains("could not")), (4, false), "{}", late.2);
    let (status, text, _) = exec(&["--json", "--keep-zombie", "--do", "0.5 wait sh", "--", "sh", "-c", "exit 3"]);
    let events = lines(&text);
    let time = |kind: &str| events.iter().find(|event| event["kind"] == kind).and_then(|event| event["t"].as_u64()).expect(kind);
    assert_eq!(status, 3);
    assert!(time("process.reaped") >= 500_000_000 && time("process.exited") < time("process.reaped"), "{text}");
    // Nobody else waits on the zombies: without the script this run would go on to its time limit.
    let words = ["--json", "--keep-zombie", "--timeout", "60", "--do", "0 wait-any 50", "--do", "0 wait-all"];
    let (status, text, _) = exec(&[&words[..], &["--", "sh", "-c", "exit 3", ":::", "sh", "-c", "exit 4"]].concat());
    let events = lines(&text);
    let pid = |code: u64| events.iter().find(|event| event["code"] == code).map(|event| &event["pid"]).expect("it has ended");
    let waited: Vec<_> = events.iter().filter(|event| event["kind"] == "waited").collect();
    assert_eq!((status, waited.len()), (4, 2), "{text}");
    let both = [json!({ "pid": pid(3), "code": 3 }), json!({ "pid": pid(4), "code": 4 })];
    let any = waited[0]["done"].as_array().expect("a list");
    assert!(waited[0]["do"] == "wait-any" && any.len() == 1 && both.contains(&any[0]), "{text}");
    assert!(waited[1]["do"] == "wait-all" && waited[1]["done"] == json!(both) && waited[1]["pending"] == json!([]), "{text}");
}

#[test]
fn what_cannot_be_done_says_why_in_one_sentence_and_claims_nothing() {
    let actions = ["0.1 kill nobody", "0.2 go-on main", "90 kill child-1", "91 end"];
    let arguments: Vec<&str> =
        ["run", "zombie", "--no-script"].into_iter().chain(actions.iter().flat_map(|a| ["--do", a])).collect();
    let sentences = [
        "could not kill nobody: no process or task of this run is called that",
        "could not kill child-1: the run has ended",
        "could not end the run: the run has ended",
    ];
    let (status, text, _) = say(&arguments);
    for sentence in sentences {
        assert_eq!(text.matches(sentence).count(), 1, "{sentence:?} in {text}");
    }
    assert!(!text.contains("You") && !text.contains("sent SIGKILL"), "{text}");
    assert!(status <= 1, "{status}");
    let (_, text, _) = say(&[&arguments[..], &["--json"]].concat());
    let events = lines(&text);
    let refused: Vec<_> = events.iter().filter(|event| event["kind"] == "action.refused").collect();
    assert_eq!(refused.len(), sentences.len(), "{text}");
    assert!(
        refused.iter().zip(sentences).all(|(event, says)| says.ends_with(event["text"].as_str().expect("why"))),
        "{refused:?}"
    );
    assert!(!events.iter().any(|event| event["kind"] == "action" && event["do"] == "kill"), "{text}");
    assert_eq!(events.last().expect("events")["kind"], "run.finished");
}

/// A folder with a `python3` in front of those of PATH.
fn python(script: &str) -> (tempfile::TempDir, String) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("python3");
    fs::write(&file, script).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("ours");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("a PATH"));
    (folder, path)
}

#[test]
fn an_interpreter_that_dies_at_once_is_named_and_nothing_hangs() {
    for (script, how) in [
        ("#!/bin/sh\necho broken >&2; exit 3\n", "python3 ended with status 3 before it had told anything"),
        ("#!/bin/sh\nkill -SEGV $$\n", "python3 was killed by SIGSEGV before it had told anything"),
    ] {
        let (_folder, path) = python(script);
        let output = tasklab(&["run", "fork", "--language", "python"]).env("PATH", &path).output().expect("runs");
        let (status, text, _) = shown(&output);
        assert_eq!((status, text.matches(how).count()), (1, 1), "{text}");
        assert!(text.contains("no process is left"), "{text}");
        let output = tasklab(&["run", "fork", "--compare", "language=rust,python"]).env("PATH", &path).output().expect("runs");
        let (status, text, _) = shown(&output);
        let verdict = text.lines().last().expect("a verdict");
        assert_eq!((status, verdict), (1, "No verdict: with Python the run failed before its end."), "{text}");
    }
}

#[test]
fn a_demo_waits_for_an_interpreter_that_starts_slowly() {
    let (_folder, path) = python("#!/bin/sh\nPATH=${PATH#*:}\nsleep 1.5\nexec python3 \"$@\"\n");
    let output = tasklab(&["run", "zombie", "--language", "python", "--json"]).env("PATH", &path).output().expect("runs");
    let (status, text, _) = shown(&output);
    let events = lines(&text);
    assert!(!events.iter().any(|event| event["kind"] == "action.refused" || event["kind"] == "notice"), "{text}");
    assert_eq!(status, 0, "{text}");
    let at = |kind: &str| events.iter().find(|event| event["kind"] == kind).and_then(|event| event["t"].as_u64()).expect(kind);
    assert!(at("task.started") > 1_500_000_000, "the control: it did start slowly");
    assert!(at("action") >= at("task.started") + 2_500_000_000, "its first step stands at 2.5 s: {text}");
}

fn start(arguments: &[&str]) -> App {
    App::start(support::program::tasklab(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()))
}

fn send(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).expect("a pid");
    rustix::process::kill_process(pid, signal).expect("sent");
}

/// Covers: promise 7, F54, fact 11.
#[test]
fn an_interrupted_run_ends_by_its_ladder_and_leaves_nothing() {
    use rustix::process::Signal;
    for (arguments, signal, status) in [
        (&["run", "zombie", "--no-script"][..], Signal::INT, 130),
        (&["exec", "--", "sh", "-c", "echo ready; sleep 60 & wait"], Signal::TERM, 143),
        (&["exec", "--grace", "0.2", "--", "sh", "-c", "trap '' TERM; echo ready; sleep 60 & wait; sleep 60"], Signal::HUP, 129),
    ] {
        let mut running = start(arguments);
        let mut out = BufReader::new(running.process.stdout.take().expect("piped"));
        let mut first = String::new();
        out.read_line(&mut first).expect("a line");
        assert!(!first.is_empty(), "{arguments:?} says something");
        send(&running.process, signal);
        assert_eq!(running.status(&format!("{arguments:?}")), Some(status), "{arguments:?}");
    }
}

/// Covers: F47.
#[test]
fn a_reader_that_goes_is_no_reason_to_panic() {
    for arguments in [
        &["list"][..],
        &["doctor"],
        &["--help"],
        &["run", "zombie"],
        &["run", "zombie", "--json"],
        &["exec", "--json", "--", "yes"],
        &["exec", "--", "yes"],
    ] {
        let mut running = start(arguments);
        drop(running.process.stdout.take());
        let status = running.status(&format!("{arguments:?}")).expect("it was not killed");
        let mut err = String::new();
        running.process.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
        // Short output may have been written before the reader was gone.
        let is_short = arguments.len() == 1;
        assert!(!err.contains("panick") && (status == 141 || is_short && status == 0), "{arguments:?}: {status} {err}");
    }
}

/// Covers: F16, facts 1, 12.
#[test]
fn exec_gives_the_status_of_the_last_stage() {
    let sh = |script: &'static str| exec(&["--", "sh", "-c", script]).0;
    assert_eq!((sh("exit 0"), sh("exit 7"), sh("exit 255")), (0, 7, 255));
    assert_eq!((sh("kill -9 $$"), sh("kill -TERM $$")), (137, 143));
    assert_eq!(exec(&["--", "sh", "-c", "exit 5", ":::", "true"]).0, 0);
    assert_eq!(exec(&["--", "true", ":::", "sh", "-c", "exit 5"]).0, 5);
}

/// Covers: F32, F34, fact 17.
#[test]
fn a_stage_that_cannot_be_started_is_named_with_its_errno_and_nothing_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("mark");
    let touch = format!("touch {}; sleep 60", mark.display());
    for (arguments, status, names) in [
        (&["--", "sh", "-c", &touch, ":::", "no-such-program"][..], 127, &["no-such-program", "stage 2 of 2", "os error 2"][..]),
        (&["--", "/etc/passwd"], 126, &["/etc/passwd", "os error 13"]),
        (&["--cwd", "/no/such/folder", "--", "true"], 125, &["/no/such/folder", "os error 2"]),
        (&["--stdin", "@/no/such/file", "--", "cat"], 125, &["/no/such/file", "os error 2"]),
    ] {
        let (code, out, err) = exec(arguments);
        assert!(code == status && out.is_empty() && names.iter().all(|name| err.contains(name)), "{arguments:?}: {code} {err}");
    }
}

/// Covers: promise 5, F44, F46, fact 28.
#[test]
fn bytes_pass_unchanged_and_the_two_streams_stay_apart() {
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let output = tasklab(&["exec", "--", "cat", ":::", "cat"]).write_stdin(bytes.clone()).output().expect("runs");
    assert!(output.stdout == bytes && output.stderr.is_empty() && output.status.success());
    let script = "echo out; echo err >&2";
    assert_eq!(exec(&["--", "sh", "-c", script]), (0, "out\n".to_owned(), "err\n".to_owned()));
    assert_eq!(exec(&["--stderr", "merge", "--", "sh", "-c", script]), (0, "out\nerr\n".to_owned(), String::new()));
    assert_eq!(exec(&["--stderr", "null", "--", "sh", "-c", script]), (0, "out\n".to_owned(), String::new()));
    let (status, text, err) = exec(&["--json", "--", "sh", "-c", script]);
    let texts: Vec<_> = lines(&text).into_iter().filter(|event| event["kind"] == "output").collect();
    let of = |stream: &str| {
        texts.iter().filter(|event| event["stream"] == stream).filter_map(|event| event["text"].as_str()).collect::<String>()
    };
    assert_eq!((status, of("stdout").as_str(), of("stderr").as_str(), err.as_str()), (0, "out\n", "err\n", ""));
}

/// Covers: F48.
#[test]
fn input_comes_from_where_it_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("in");
    fs::write(&file, "from a file").expect("writes");
    let given = |word: &str| exec(&["--stdin", word, "--", "cat"]).1;
    assert_eq!(given("a text"), "a text");
    assert_eq!(given(&format!("@{}", file.display())), "from a file");
    assert_eq!(given("null"), "");
    let inherited = tasklab(&["exec", "--", "cat"]).write_stdin("ours").output().expect("runs");
    assert_eq!(inherited.stdout, b"ours");
}

/// Covers: facts 37, 38, 39.
#[test]
fn what_a_child_is_started_with_is_as_asked() {
    let out = |arguments: &[&str]| {
        let (status, out, err) = exec(arguments);
        assert_eq!(status, 0, "{arguments:?}: {err}");
        out.trim_end().to_owned()
    };
    assert_eq!(out(&["--cwd", "/", "--", "pwd"]), "/");
    assert_eq!(out(&["--env", "FRUIT=a=b", "--", "sh", "-c", "echo $FRUIT"]), "a=b");
    let environment = out(&["--clear-env", "--env", "A=1", "--", "/usr/bin/env"]);
    let names = |environment: &str| {
        let mut names: Vec<_> = environment.lines().filter_map(|line| line.split('=').next().map(str::to_owned)).collect();
        names.sort();
        names
    };
    assert_eq!(names(&environment), ["A"]);
    // The text of --help, and nothing else.
    let help = say(&["exec", "--help"]).1;
    let of_clear_env = help.split_once("--clear-env").expect("an option").1.split_once("--stdin").expect("the next one").0;
    let said = |text: &str| {
        let words = text.split('`').skip(1).step_by(2).map(str::to_owned);
        let mut words: Vec<_> = words.collect();
        words.sort();
        words
    };
    assert_eq!(names(&out(&["--clear-env", "--events", "--", "/usr/bin/env"])), said(of_clear_env));
    assert_eq!(said(of_clear_env.split(';').next().expect("a clause")), [""; 0]);
    assert_eq!(out(&["--umask", "027", "--", "sh", "-c", "umask"]), "0027");
    let nice: i32 = out(&["--", "nice"]).parse().expect("a number");
    assert_eq!(out(&["--nice", "3", "--", "nice"]), (nice + 3).min(19).to_string());
    assert_eq!(out(&["--shell", "--", "echo a b | wc -w"]), "2");
    assert_eq!(out(&["--executable", "/bin/sh", "--", "my-name", "-c", "echo $0"]), "my-name");
    let pgid_and_sid = |arguments: &[&str]| {
        let stat = out(&[arguments, &["--", "cat", "/proc/self/stat"]].concat());
        let fields: Vec<i32> = stat
            .rsplit(')')
            .next()
            .expect("fields")
            .split_whitespace()
            .skip(1)
            .take(3)
            .map(|n| n.parse().expect("a number"))
            .collect();
        let pid: i32 = stat.split(' ').next().expect("a pid").parse().expect("a number");
        (fields[1] == pid, fields[2] == pid)
    };
    assert_eq!(pgid_and_sid(&["--process-group"]), (true, false));
    assert_eq!(pgid_and_sid(&["--new-session"]), (true, true));
}

/// Covers: F30, fact 26.
#[test]
fn a_descriptor_is_kept_open_when_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kept");
    fs::write(&file, "kept\n").expect("writes");
    let sh = |script: &str| {
        let output = Command::new("sh").arg("-c").arg(script).env("T", TASKLAB).env("F", &file).output().expect("runs");
        shown(&output)
    };
    assert_eq!(sh("\"$T\" exec --keep-fd 7 -- sh -c 'cat <&7' 7<\"$F\""), (0, "kept\n".to_owned(), String::new()));
    let (status, out, _) = sh("\"$T\" exec -- sh -c 'cat <&7' 7<\"$F\"");
    assert!(status != 0 && out.is_empty(), "it is closed otherwise");
}

/// Covers: promise 10, F68.
#[test]
fn a_full_disk_is_told() {
    let mut full = fs::File::options().write(true).open("/dev/full").expect("there");
    assert!(full.write(b"x").is_err(), "as it should be");
    let output = Command::new(TASKLAB).args(["run", "zombie"]).stdout(full).stderr(Stdio::piped()).output().expect("runs");
    let (status, _, err) = shown(&output);
    assert!(status == 3 && err.contains("os error 28"), "{status}: {err}");
}
