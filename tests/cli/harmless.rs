//! Foreign text on our terminal: whatever a program, a file or an argument is called, and whatever a body says, what the command line
//! says of it moves no cursor, turns nothing around and hides nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use support::program::tasklab;
use support::watchdog::Watchdog;

/// Colours, a bell, a C1 control, direction, nothing to see, a tag, the end of a line, a line that would not be ours.
const HOSTILE: &str =
    "\x1b[31m\x07\x08\x7f\u{9b}2J\u{202e}\u{200f}\u{61c}\u{2066}\u{200b}\u{2060}\u{feff}\u{e0041}\u{2028}\r\nFORGED";

/// Characters that act on a terminal or are not seen. They are listed here once more, so that the test does not rely on the code.
fn is_harmful(c: char) -> bool {
    let hidden = ['\u{61c}', '\u{feff}', '\u{2028}', '\u{2029}', '\u{ad}'];
    let ranges = ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{e0000}'..='\u{e0fff}'];
    c != '\n' && (c.is_control() || hidden.contains(&c) || ranges.iter().any(|range| range.contains(&c)))
}

#[track_caller]
fn is_clean(what: &dyn std::fmt::Debug, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    assert!(!text.contains(is_harmful), "{what:?}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("FORGED")), "{what:?}: {text:?}");
}

#[test]
fn the_control_sees_what_is_harmful() {
    assert_eq!(HOSTILE.chars().filter(|c| is_harmful(*c)).count(), 15);
    for bytes in [HOSTILE.as_bytes(), b"\x9b", b"\nFORGED", "\u{200f}".as_bytes()] {
        assert!(std::panic::catch_unwind(|| is_clean(&"the control", bytes)).is_err(), "{bytes:?}");
    }
}

/// The verbs, and of `gpio` those below it, as `--help` lists them.
fn verbs(of: &[&str]) -> Vec<String> {
    let help = tasklab(&[of, &["--help"]].concat()).output().expect("runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let words = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    words.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Its options, as `--help` lists them.
fn options(of: &[&str]) -> Vec<String> {
    let help = tasklab(&[of, &["--help"]].concat()).output().expect("runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let words = help
        .lines()
        .filter_map(|line| line.trim_start().trim_start_matches("-h, ").trim_start_matches("-V, ").strip_prefix("--"));
    words.map(|line| line.split([' ', '=', '[']).next().unwrap_or_default().to_owned()).collect()
}

fn run(words: &[&OsStr]) -> Output {
    // DISPLAY is foreign text, too.
    Command::new(env!("CARGO_BIN_EXE_tasklab"))
        .args(words)
        .env("DISPLAY", HOSTILE)
        .env("WAYLAND_DISPLAY", HOSTILE)
        .stdin(Stdio::null())
        .output()
        .expect("runs")
}

/// Every verb, with every option, with foreign text in every place.
///
/// Covers: F45.
#[test]
fn no_verb_passes_a_foreign_name_on_to_the_terminal() {
    let _watchdog = Watchdog::after(Duration::from_mins(15));
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for verb in verbs(&[]) {
        let below = verbs(&[&verb]);
        all.extend(below.into_iter().map(|below| vec![verb.clone(), below]));
        all.push(vec![verb]);
    }
    assert!(all.len() > 10 && all.contains(&vec!["gpio".to_owned(), "watch".to_owned()]), "{all:?}");
    let bytes = OsString::from_vec([HOSTILE.as_bytes(), b"\x9b\xff\x1b[m"].concat());
    let hostile = OsString::from(HOSTILE);
    let (mut said, mut quoted) = (0, 0);
    for verb in &all {
        let words: Vec<&str> = verb.iter().map(String::as_str).collect();
        let options = options(&words);
        assert!(verb.last().is_some_and(|verb| verb == "help") || options.contains(&"help".to_owned()), "{verb:?}: {options:?}");
        let verb: Vec<OsString> = verb.iter().map(OsString::from).collect();
        for foreign in [&hostile, &bytes] {
            let option = |name: &str| {
                let mut option = OsString::from(format!("--{name}="));
                option.push(foreign);
                vec![option, foreign.clone()]
            };
            let cases = options.iter().map(|name| option(name)).chain([vec![foreign.clone()], option(HOSTILE)]);
            for case in cases {
                let words: Vec<&OsStr> = verb.iter().chain(&case).map(OsString::as_os_str).collect();
                let output = run(&words);
                is_clean(&words, &output.stderr);
                is_clean(&words, &output.stdout);
                assert!(!output.status.success() && !output.stderr.is_empty(), "{words:?}: {output:?}");
                said += 1;
                quoted += usize::from(String::from_utf8_lossy(&output.stderr).contains("^[[31m"));
            }
        }
    }
    println!("{said} complaints, of which {quoted} quote what was foreign");
    assert!(quoted > 100, "the control: foreign text is quoted, in {quoted} of {said} complaints");
}

/// Names of programs and files that are there, what bodies say, and what cannot be done.
///
/// Covers: F45.
#[test]
fn what_goes_wrong_in_a_run_is_told_harmlessly() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(HOSTILE);
    std::fs::write(&file, "").expect("a file");
    let script = folder.path().join("x").with_file_name(format!("script{HOSTILE}"));
    std::fs::write(&script, "#!/bin/sh\nexit 3\n").expect("a file");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let below = |path: &std::path::Path, prefix: &str, suffix: &str| {
        let mut word = OsString::from(prefix);
        word.push(path);
        word.push(suffix);
        word
    };
    // The text of a body, with JSON's escapes for these characters.
    let json = |text: &str| text.encode_utf16().map(|unit| format!("\\\\u{unit:04x}")).collect::<Vec<_>>().concat();
    let lines = [
        format!(r#"{{"kind":"notice","text":"{}"}}"#, json(HOSTILE)),
        format!(r#"{{"kind":"action.refused","do":"{0}","target":"{0}","text":"{0}"}}"#, json(HOSTILE)),
        format!(r#"{{"kind":"{0}","{0}":1}} {0}"#, HOSTILE.replace('\n', "")),
        format!(r#"{{"kind":"task.state","state":"{}"}}"#, json(HOSTILE)),
    ];
    let body = lines.map(|line| format!("printf '%b\\n' '{line}' >&$TASKLAB_EVENTS\n")).concat();
    let act = |what: &str| OsString::from(format!("0 {what}"));
    let cases: Vec<Vec<OsString>> = vec![
        vec!["exec".into(), "--json".into(), "--events".into(), "--".into(), "bash".into(), "-c".into(), body.clone().into()],
        vec!["exec".into(), "--events".into(), "--".into(), "bash".into(), "-c".into(), body.into()],
        vec!["exec".into(), "--".into(), file.clone().into()],
        vec!["exec".into(), "--".into(), HOSTILE.into(), HOSTILE.into()],
        vec!["exec".into(), "--".into(), "true".into(), ":::".into(), file.clone().into(), ":::".into(), "true".into()],
        vec!["exec".into(), "--cwd".into(), file.clone().into(), "--".into(), "true".into()],
        vec!["exec".into(), "--executable".into(), file.clone().into(), "--".into(), "true".into()],
        vec!["exec".into(), "--stdin".into(), below(&file, "@", "/x"), "--".into(), "true".into()],
        vec!["exec".into(), "--stdout".into(), below(&file, "@", "/x"), "--".into(), "true".into()],
        vec!["exec".into(), "--stderr".into(), below(&file, "@", "/x"), "--".into(), "true".into(), ":::".into(), "true".into()],
        vec!["exec".into(), "--env".into(), HOSTILE.into(), "--".into(), "true".into()],
        vec!["exec".into(), "--do".into(), act(&format!("kill {HOSTILE}")), "--".into(), "sleep".into(), "0.3".into()],
        vec!["exec".into(), "--do".into(), act(&format!("type sleep {HOSTILE}")), "--".into(), "sleep".into(), "0.3".into()],
        vec!["exec".into(), "--events".into(), "--do".into(), act(HOSTILE), "--".into(), "sleep".into(), "0.3".into()],
        vec!["exec".into(), "--do".into(), "5 kill x".into(), "--".into(), script.into()],
        vec!["run".into(), "race".into(), "--record".into(), below(&file, "", "/x")],
        vec!["run".into(), "race".into(), "--vcd".into(), below(&file, "", "/x")],
        vec!["run".into(), "race".into(), "--set".into(), format!("threads={HOSTILE}").into()],
        vec!["run".into(), "race".into(), "--set".into(), format!("{HOSTILE}=1").into()],
        vec!["run".into(), "race".into(), "--compare".into(), format!("{HOSTILE}=1,2").into()],
        vec!["run".into(), "race".into(), "--compare".into(), format!("threads={HOSTILE},2").into()],
        vec!["run".into(), "race".into(), "--do".into(), act(HOSTILE)],
        vec!["run".into(), "race".into(), "--board".into(), below(&file, "simulated:", "/x")],
        vec!["run".into(), "race".into(), "--board".into(), format!("chardev:{HOSTILE}").into()],
        vec!["run".into(), "exec".into(), "--set".into(), below(&file, "program=", ""), "--timeout".into(), "9".into()],
        vec!["gpio".into(), "list".into(), "--board".into(), format!("chardev:{HOSTILE}").into()],
        vec!["gpio".into(), "watch".into(), "--csv".into(), below(&file, "", "/x"), "GPIO17".into()],
        vec!["--screenshot".into(), file.into()],
        vec!["__worker".into(), HOSTILE.into()],
    ];
    for case in cases {
        let words: Vec<&OsStr> = case.iter().map(OsString::as_os_str).collect();
        let output = run(&words);
        is_clean(&words, &output.stderr);
        if !words.contains(&OsStr::new("--json")) {
            is_clean(&words, &output.stdout);
        }
        assert!(!output.stderr.is_empty() || !output.stdout.is_empty(), "{words:?} says something: {output:?}");
    }
    is_clean(&"doctor", &run(&[OsStr::new("doctor")]).stdout);
    is_clean(&"list", &run(&[OsStr::new("list")]).stdout);
}

/// A program's own output passes unchanged.
#[test]
fn the_output_of_a_program_passes_byte_by_byte() {
    for option in ["--nice=0", "--pty", "--universal-newlines"] {
        let words = ["exec", option, "--stdin", "null", "--", "printf", "%s", "\x1b[31m\u{200f}\u{9b}"];
        let output = run(&words.map(OsStr::new));
        assert_eq!(OsStr::from_bytes(&output.stdout), OsStr::new("\x1b[31m\u{200f}\u{9b}"), "{option}");
    }
}
