//! gpiozero's pins on Task Lab's header: the lesson `blink` in Python, with the newest gpiozero in a scratch folder, and without one.
//! The other tests run it with the system's.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use support::lesson::scenario;
use support::runs::{engine, events_of, outcome, request};
use support::skipped;
use tasklab::engine::{BoardKind, Command as EngineCommand, LineRequest, What};
use tasklab::model::{Action, ChildSpec, EventKind, Line, Outcome, RunId, TaskState};
use tempfile::TempDir;

const GPIO17: Line = Line::gpio(17);
const GPIO26: Line = Line::gpio(26);

/// The folder with gpiozero, which pip has brought; `None`, said aloud, where it cannot.
fn gpiozero() -> Option<PathBuf> {
    static SCRATCH: OnceLock<Result<TempDir, String>> = OnceLock::new();
    let made = SCRATCH.get_or_init(|| {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let words = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--target"];
        let output = Command::new("python3").args(words).arg(modules_in(&folder)).args(["gpiozero", "colorzero"]).output();
        let output = output.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(folder) } else { Err(said.lines().last().unwrap_or_default().to_owned()) }
    });
    match made {
        Ok(folder) => Some(modules_in(folder)),
        Err(error) => {
            skipped(format!("pip brings no gpiozero: {error}"));
            None
        }
    }
}

/// A folder as one that modules are installed in, whose code is no program's own.
fn modules_in(folder: &TempDir) -> PathBuf {
    folder.path().join("site-packages")
}

/// A folder with a `python3` that looks for modules here, too.
fn python_with(modules: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let python = folder.path().join("python3");
    let real = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("python3").stdout;
    let real = String::from_utf8(real).expect("a path");
    let script = format!("#!/bin/sh\nPYTHONPATH=\"$PYTHONPATH:{}\" exec '{}' \"$@\"\n", modules.display(), real.trim());
    std::fs::write(&python, script).expect("written");
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).expect("ours");
    folder
}

/// Runs the lesson as a person does, with this `python3` first in PATH.
fn blink(python: &Path, words: &[&str]) -> Output {
    let path = format!("{}:{}", python.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    command.args(["run", "blink", "--language", "python", "--json", "--board", "simulated"]).args(words);
    command.env("PATH", path).stdin(Stdio::null()).output().expect("runs")
}

fn events(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_lesson_blinks_in_python_with_gpiozero() {
    let Some(modules) = gpiozero() else { return };
    let python = python_with(&modules);
    let output = blink(python.path(), &["--set", "changes=6", "--set", "every=0.2", "--set", "pause=0.5"]);
    let events = events(&output);
    assert_eq!(output.status.code(), Some(0), "{events:#?}");
    let levels: Vec<u64> = events
        .iter()
        .filter(|event| event["kind"] == "gpio" && event["line"] == 17)
        .filter_map(|event| event["value"].as_u64())
        .collect();
    assert_eq!(levels, [1, 0].repeat(3));
    let fact =
        |id: &str| events.iter().find(|event| event["kind"] == "fact" && event["id"] == id).map(|event| &event["observed"]);
    assert_eq!(fact("changes"), Some(&6.into()), "{events:#?}");
    assert!(fact("not-early").is_some() && fact("idle").is_some(), "{events:#?}");
}

/// The pins of any program that asks for them: outputs are driven, a press reaches `when_pressed`.
#[test]
fn a_press_reaches_a_program_that_uses_gpiozero() {
    let Some(modules) = gpiozero() else { return };
    let python = python_with(&modules);
    let body: PathBuf = python.path().join("body.py");
    std::fs::write(&body, scenario("blink").python_with(&[("pause".to_owned(), 60.into())].into())).expect("written");
    let program = ChildSpec {
        lesson_pipes: true,
        observe: true,
        env: vec![("GPIOZERO_PIN_FACTORY".into(), "tasklab".into())],
        ..ChildSpec::new([python.path().join("python3").into_os_string(), body.into_os_string()])
    };
    let engine = engine(Some(64));
    let board = LineRequest::UseBoard(BoardKind::Simulated(None));
    engine.handle().send(EngineCommand::Lines { request_number: None, request: board }).expect("taken");
    let handle = engine.handle();
    let press = |line: Line| handle.send(EngineCommand::Act { run: RunId::new(1), action: Action::Press(line) }).expect("taken");
    let (mut presses, mut changes) = (0, 0);
    let events = events_of(&engine, request(What::Programs { stages: vec![program], input: None }), |event| match &event.kind {
        EventKind::Gpio { line: GPIO17, .. } => {
            changes += 1;
            if presses == 0 {
                presses = 1;
                press(GPIO26);
            }
        }
        EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), .. }
            if task == "blinker" && on == "event may_blink" =>
        {
            presses += 1;
            press(GPIO26);
        }
        _ => {}
    });
    assert_eq!(outcome(&events), (Outcome::Passed, 0), "{events:#?}");
    assert!(presses == 2 && changes == 10, "{presses} presses, {changes} changes: {events:#?}");
    assert!(events.iter().any(|event| matches!(event.kind, EventKind::Watched { line: GPIO26 })), "{events:#?}");
}

#[test]
fn without_gpiozero_the_lesson_says_what_to_install() {
    let modules = tempfile::tempdir().expect("a folder");
    std::fs::write(modules.path().join("gpiozero.py"), "raise ImportError('none here')\n").expect("written");
    let python = python_with(modules.path());
    let output = blink(python.path(), &["--no-script"]);
    let events = events(&output);
    assert_eq!(output.status.code(), Some(3), "{events:#?}");
    let notices: Vec<&Value> = events.iter().filter(|event| event["kind"] == "notice").map(|event| &event["text"]).collect();
    assert_eq!(notices, ["skipped: gpiozero is not installed; sudo apt install python3-gpiozero"]);
    assert!(events.iter().all(|event| event["kind"] != "fact") && events.last().is_some_and(|end| end["outcome"] == "failed"));
}

#[test]
fn an_led_and_a_button_are_not_put_on_one_line() {
    for words in [["--set", "line=26"], ["--set", "button=17"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
        let output = command.args(["run", "blink", "--json"]).args(words).stdin(Stdio::null()).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("line and button cannot both be"), "{words:?}: {said}");
        assert!(output.stdout.is_empty(), "nothing was begun");
    }
}
