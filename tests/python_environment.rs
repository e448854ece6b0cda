//! Lessons in Python run as ever, whatever the user's own Python is told; the files that they need hide no module of Python's, and are
//! removed in every case.
#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::program::{said, tasklab};
use support::{descendants_of, eventually};
use tasklab::scenario::PYTHON_SHIM;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// Modules that the shim, the lessons or `multiprocessing` import. One that is found here ends its importer.
const TRAPS: [&str; 9] = ["tasklab", "random", "queue", "json", "tempfile", "threading", "signal", "usercustomize", "subprocess"];

fn set_traps(folder: &Path) {
    fs::create_dir_all(folder).expect("made");
    for name in TRAPS {
        fs::write(folder.join(format!("{name}.py")), "import os\nos._exit(99)\n").expect("written");
    }
}

/// Runs a lesson where everything that can mislead Python does.
fn mislead(lesson: &mut Command, folder: &Path) {
    let (here, home) = (folder.join("here"), folder.join("home"));
    set_traps(&here);
    let version = Command::new("python3").args(["-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]).output();
    let version = String::from_utf8(version.expect("python3 runs").stdout).expect("text");
    set_traps(&home.join(".local/lib").join(version.trim()).join("site-packages"));
    lesson.current_dir(&here).env("HOME", &home).env("PYTHONPATH", format!("{}:", here.display()));
    for (name, value) in [
        ("PYTHONSAFEPATH", "1"),
        ("PYTHONHOME", "/nowhere"),
        ("PYTHONSTARTUP", "/nowhere"),
        ("PYTHONWARNINGS", "error"),
        ("PYTHONHASHSEED", "none"),
        ("PYTHONOPTIMIZE", "2"),
        ("PYTHONINSPECT", "1"),
        ("PYTHONIOENCODING", "ascii"),
        ("PYTHONUTF8", "none"),
        ("PYTHONDEVMODE", "1"),
        ("PYTHONMALLOC", "none"),
        ("PYTHONVERBOSE", "1"),
        ("PYTHONPROFILEIMPORTTIME", "1"),
        ("PYTHONPLATLIBDIR", "nowhere"),
    ] {
        lesson.env(name, value);
    }
}

/// The sentences of `tests/python/files.py` about what breaks this rule below a folder.
fn faults(rule: &str, folder: &Path) -> String {
    let script = Path::new(PACKAGE).join("tests/python/files.py");
    let checked = Command::new("python3").arg("-B").arg(script).arg(rule).arg(folder).output().expect("python3 runs");
    let (status, out, err) = said(&checked);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    out
}

#[test]
fn no_python_file_hides_a_module_of_the_standard_library() {
    for folder in ["assets/python", "src"] {
        assert_eq!(faults("names", &Path::new(PACKAGE).join(folder)), "");
    }
    // The control.
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["queue.py", "lesson/signal.py", "json/__init__.py", "time/body.py", "queue_.py"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "").expect("written");
    }
    let found = faults("names", folder.path());
    let named = ["json", "queue", "signal"].map(|name| found.contains(&format!("hides the standard library's {name}\n")));
    assert_eq!((named, found.lines().count()), ([true; 3], 3), "{found}");
}

#[test]
fn the_shim_is_one_package_whose_imports_go_one_way() {
    let folder = Path::new(PACKAGE).join("assets/python/tasklab");
    assert_eq!(faults("imports", &folder), "");
    let files: Vec<_> = names_in(&folder).into_iter().filter(|name| name != "__pycache__").collect();
    let mut laid_out: Vec<_> = PYTHON_SHIM.iter().map(|(name, _)| *name).collect();
    laid_out.sort_unstable();
    assert_eq!(laid_out, files, "the program carries them all");
    // The controls.
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("one", "from . import two\nimport os\n"),
        ("two", "import requests\nfrom .three import x\n"),
        ("three", "x = 1\nfrom .one import y\n"),
        ("four", "def late():\n    import json  # It takes long.\n    import queue\n"),
    ] {
        fs::write(folder.path().join(name).with_extension("py"), text).expect("written");
    }
    let found = faults("imports", folder.path());
    let says = ["two.py:1 imports requests", "three.py:2 imports in the middle", "four.py:3 imports in the middle", "a circle: "];
    assert!(says.iter().all(|text| found.contains(text)) && found.lines().count() == says.len(), "{found}");
}

/// Those that start other Pythons in every way, and the one whose id is a module's name.
#[test]
fn lessons_run_as_ever_whatever_the_environment_tells_python() {
    for id in ["start-methods", "signals", "queue", "lock"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut lesson = tasklab(&["run", id, "--language", "python"]);
        mislead(&mut lesson, folder.path());
        let (status, out, err) = said(&lesson.output().expect("runs"));
        assert_eq!((status, err.as_str()), (0, ""), "{id}: {out}");
    }
}

/// A `python3` that adds -P to what it is told.
#[test]
fn a_python_that_looks_nowhere_but_where_it_is_told_finds_the_shim() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = std::env::var_os("PATH").expect("set");
    let real = std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|file| file.is_file()).expect("python3");
    let own = folder.path().join("python3");
    fs::write(&own, format!("#!/bin/sh\nexec '{}' -P \"$@\"\n", real.display())).expect("written");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).expect("executable");
    let all =
        std::env::join_paths(std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path))).expect("a path");
    let lesson = tasklab(&["run", "lock", "--language", "python"]).env("PATH", all).output().expect("runs");
    let (status, out, err) = said(&lesson);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
}

/// A program of the user's finds the shim with its own environment, and that is as it was but for PYTHONPATH.
#[test]
fn a_program_of_the_user_s_keeps_its_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "import os, tasklab\n\
        print(os.path.relpath(tasklab.__file__, os.path.dirname(os.environ['PYTHONPATH'].partition(':')[0])))\n\
        for name in sorted(os.environ):\n    \
        if name.startswith('PYTHON'): print(name, os.environ[name].rpartition(':')[2])\n";
    let mine = folder.path().join("mine.py");
    fs::write(&mine, text).expect("written");
    let mut exec = tasklab(&["exec", "--events", "--", "python3"]);
    exec.arg(&mine).env("PYTHONSAFEPATH", "1").env("PYTHONPATH", "/own").env("PYTHONOPTIMIZE", "2");
    // The environment of the tests may hold more settings for Python.
    exec.env_remove("PYTHONUNBUFFERED").env_remove("PYTHONDONTWRITEBYTECODE");
    let (status, out, err) = said(&exec.output().expect("runs"));
    assert_eq!((status, err.as_str()), (0, ""));
    assert_eq!(out, "import/tasklab/__init__.py\nPYTHONOPTIMIZE 2\nPYTHONPATH /own\nPYTHONSAFEPATH 1\n");
    // A folder whose path has a colon would be two in PYTHONPATH.
    let divided = folder.path().join("a:b");
    fs::create_dir(&divided).expect("made");
    let mut exec = tasklab(&["exec", "--events", "--", "python3"]);
    let output = exec.arg(&mine).env("XDG_RUNTIME_DIR", &divided).env("TMPDIR", &divided).output().expect("runs");
    assert_eq!(said(&output).0, 0, "{}", String::from_utf8_lossy(&output.stderr));
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).expect("there").flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A program that can guess a name can take it first.
#[test]
fn the_folder_of_a_run_cannot_be_guessed_and_nobody_else_s_is_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    // `$$` stays what it is through exec, so the shell knows the PID before Task Lab has it.
    let script = "for n in 0 1; do mkdir $XDG_RUNTIME_DIR/tasklab-$$-$n && : > $XDG_RUNTIME_DIR/tasklab-$$-$n/kept; done; \
        exec \"$0\" run lock --language python --set rounds=1";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_tasklab")]).env("XDG_RUNTIME_DIR", folder.path()).stdin(Stdio::null());
    let (status, out, err) = said(&shell.output().expect("runs"));
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let kept = names_in(folder.path());
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|name| folder.path().join(name).join("kept").exists()), "{kept:?}");
}

/// Runs a lesson until it stands, kills what `victims` picks of the app and those below it, and gives what is left in its folder then.
fn left_when_killed(lesson: &[&str], victims: fn(app: i32, below: &[i32]) -> Vec<i32>, left: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = tasklab(&[&["run"], lesson].concat());
    let mut app = app.env("XDG_RUNTIME_DIR", folder.path()).stdout(Stdio::null()).spawn().expect("starts");
    let pid = app.id().cast_signed();
    // The supervisor, the lesson, a child of the lesson's; and a file of theirs.
    let has_files = || {
        let names = names_in(folder.path());
        names.first().is_some_and(|own| names_in(&folder.path().join(own)).iter().any(|name| name.starts_with("tasklab-")))
    };
    eventually("the lesson stands", || descendants_of(pid).len() >= 3 && has_files());
    let below = descendants_of(pid);
    for victim in victims(pid, &below) {
        let victim = rustix::process::Pid::from_raw(victim).expect("a PID");
        let _ = rustix::process::kill_process(victim, rustix::process::Signal::KILL);
    }
    app.wait().expect("ours");
    eventually("all of it has ended", || below.iter().all(|pid| !Path::new(&format!("/proc/{pid}/root")).exists()));
    eventually("its folder is removed", || names_in(folder.path()).len() == left);
    folder
}

/// A killed app removes nothing, nor does a lesson that is killed with it: its supervisor does.
#[test]
fn the_files_of_a_run_are_removed_even_if_the_app_is_killed() {
    for language in ["python", "rust"] {
        left_when_killed(&["signals", "--language", language], |app, _| vec![app], 0);
    }
}

/// If both are killed at once, the next Task Lab removes what is left, and no folder of one that lives.
#[test]
fn what_is_left_when_all_are_killed_is_removed_by_the_next_one() {
    let folder = left_when_killed(&["signals", "--language", "python"], |app, below| [&[app], below].concat(), 1);
    let left = names_in(folder.path());
    let next = |command: &str| {
        let mut exec = tasklab(&["exec", "--events", "--shell", "--", command]);
        said(&exec.env("XDG_RUNTIME_DIR", folder.path()).output().expect("runs"))
    };
    // Two at the same time: the inner one must leave the outer one's.
    let inner = format!("'{}' exec --events -- true; ls \"$XDG_RUNTIME_DIR\" | wc -l", env!("CARGO_BIN_EXE_tasklab"));
    assert_eq!(next(&inner), (0, "1\n".to_owned(), String::new()), "left: {left:?}");
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}
