//! Lessons in Python run as ever, whatever the user's own Python is told; the files that they need hide no module of Python's, are compiled
//! once for all runs, and all others are removed in every case.
#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use support::program::{said, tasklab};
use support::{descendants_of, eventually, skipped};
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
    let folder = Path::new(PACKAGE).join("assets/python");
    assert_eq!(faults("imports", &folder.join("tasklab")), "");
    let mut laid_out: Vec<_> = PYTHON_SHIM.iter().map(|(name, _)| *name).collect();
    laid_out.sort_unstable();
    let mut files: Vec<_> = files_in(&folder).into_iter().filter(|name| !name.contains("__pycache__")).collect();
    files.sort_unstable();
    assert_eq!(laid_out, files, "the program carries them all");
    // The controls.
    let folder = tempfile::tempdir().expect("a folder");
    let order = |lines: &str| format!("\"\"\"One.\n\nEach module imports only those above it:\n\n{lines}\n\nMore.\n\"\"\"\n");
    for (name, text) in [
        ("__init__", order("    three, two\n    one    says what it is for\n    four\n    gone")),
        ("one", "try:\n    from . import two\nexcept ImportError:\n    from . import three\nimport os\n".to_owned()),
        ("two", "import requests\nfrom .three import x\nfrom .inner import a\n".to_owned()),
        ("three", "x = 1\nfrom .one import y\n".to_owned()),
        ("four", "def late():\n    import json  # It takes long.\n    import queue\n".to_owned()),
        ("five", String::new()),
        ("inner/__init__", order("    a  the first\n    b  the second")),
        ("inner/a", "from .b import x\n".to_owned()),
        ("inner/b", "import os\nfrom ..two import y\nfrom .a import z\n".to_owned()),
    ] {
        let path = folder.path().join(name).with_extension("py");
        fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, text)).expect("written");
    }
    let found = faults("imports", folder.path());
    let says = [
        "/__init__.py names gone",
        "/__init__.py does not name five",
        "two.py:1 imports requests",
        "three.py:2 imports in the middle",
        "three.py:2 imports one, which does not stand above it",
        "four.py:3 imports in the middle",
        "inner/a.py:1 imports b, which does not stand above it",
        "a circle: ",
    ];
    assert!(says.iter().all(|text| found.contains(text)) && found.lines().count() == says.len(), "{found}");
}

/// Those that start other Pythons in every way, and the one whose id is a module's name.
#[test]
fn lessons_run_as_ever_whatever_the_environment_tells_python() {
    for id in ["start-methods", "signals", "queue", "semaphore"] {
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
    let lesson = tasklab(&["run", "semaphore", "--language", "python"]).env("PATH", all).output().expect("runs");
    let (status, out, err) = said(&lesson);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
}

/// A program of the user's finds the shim with its own environment, and that is as it was but for PYTHONPATH.
#[test]
fn a_program_of_the_user_s_keeps_its_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "import os, tasklab\n\
        print(os.path.relpath(tasklab.__file__, os.environ['PYTHONPATH'].partition(':')[0]))\n\
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
    assert_eq!(out, "tasklab/__init__.py\nPYTHONOPTIMIZE 2\nPYTHONPATH /own\nPYTHONSAFEPATH 1\n");
    // A folder whose path has a colon would be two in PYTHONPATH.
    let divided = folder.path().join("a:b");
    fs::create_dir(&divided).expect("made");
    let mut exec = tasklab(&["exec", "--events", "--", "python3"]);
    for name in ["XDG_CACHE_HOME", "HOME", "XDG_RUNTIME_DIR", "TMPDIR"] {
        exec.env(name, &divided);
    }
    let (status, out, err) = said(&exec.arg(&mine).env_remove("PYTHONPATH").output().expect("runs"));
    assert!(status == 0 && out.starts_with("tasklab/__init__.py\n"), "{out}{err}");
}

/// `exec` of a program that imports what is observed, with these places for a cache; with -v Python tells what it compiles and reads.
fn observed(folder: &Path, cache: &Path, home: &Path) -> Vec<String> {
    let script = folder.join("x.py");
    fs::write(&script, "import asyncio, concurrent.futures, multiprocessing, queue, sched, subprocess, threading\n")
        .expect("written");
    let mut exec = tasklab(&["exec", "--", "python3", "-v"]);
    exec.arg(&script).env("XDG_CACHE_HOME", cache).env("HOME", home).env_remove("PYTHONDONTWRITEBYTECODE");
    let (status, _, err) = said(&exec.env_remove("PYTHONPYCACHEPREFIX").output().expect("runs"));
    assert_eq!(status, 0, "{err}");
    err.lines().map(str::to_owned).collect()
}

/// How many files of ours Python says to have compiled, and how many it has read as compiled before: those have their names in quotes.
fn compiled_and_read(told: &[String]) -> [usize; 2] {
    let ours = told.iter().filter_map(|line| line.strip_prefix("# code object from ")).filter(|file| file.contains("tasklab"));
    let (read, compiled): (Vec<&str>, Vec<&str>) = ours.partition(|file| file.starts_with('\''));
    [compiled.len(), read.len()]
}

/// When each compiled file below a folder was written, and as what.
fn compiled(folder: &Path) -> Vec<(String, SystemTime, u64)> {
    let pycs = files_in(folder).into_iter().filter(|name| Path::new(name).extension() == Some("pyc".as_ref()));
    pycs.map(|name| {
        let found = fs::metadata(folder.join(&name)).expect("there");
        (name, found.modified().expect("a time"), found.ino())
    })
    .collect()
}

#[test]
fn python_compiles_our_files_once_for_all_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cache, home) = (folder.path().join("cache"), folder.path().join("home"));
    fs::create_dir(&home).expect("made");
    let [files, read] = compiled_and_read(&observed(folder.path(), &cache, &home));
    let first = compiled(&cache);
    assert!(files > 15 && read == 0 && first.len() == files, "{files}, {read}: {first:?}");
    assert_eq!(compiled_and_read(&observed(folder.path(), &cache, &home)), [0, files]);
    assert_eq!(compiled(&cache), first);
    // The control: what is not there is compiled.
    fs::remove_file(cache.join(&first[0].0)).expect("ours");
    assert_eq!(compiled_and_read(&observed(folder.path(), &cache, &home)), [1, files - 1]);
    let again = compiled(&cache);
    assert!(again[0] != first[0] && again[1..] == first[1..], "{again:?}");

    // Lessons use the same folder, and nothing is compiled anywhere else: not even where the tests' own home is.
    let lesson = || {
        let mut lesson = tasklab(&["run", "start-methods", "--language", "python"]);
        let lesson = lesson.current_dir(folder.path()).env("XDG_CACHE_HOME", &cache).env("HOME", &home);
        let (status, out, err) = said(&lesson.env("XDG_RUNTIME_DIR", &home).env("TMPDIR", &home).output().expect("runs"));
        assert_eq!((status, err.as_str()), (0, ""), "{out}");
        compiled(&cache)
    };
    let first = lesson();
    assert!(first.len() >= again.len(), "{first:?}");
    assert_eq!(lesson(), first);
    let all = compiled(folder.path());
    assert!(all.len() == first.len() && all.iter().all(|(name, ..)| name.starts_with("cache/tasklab/python-")), "{all:?}");
    assert_eq!(names_in(&home), Vec::<String>::new());
}

#[test]
fn without_a_cache_python_is_observed_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = Path::new("/proc/no");
    // The control of the test above: it is compiled at each start.
    for _ in 0..2 {
        let [files, read] = compiled_and_read(&observed(folder.path(), nowhere, nowhere));
        assert!(files > 15 && read == 0, "{files}, {read}");
    }
    let mut exec = tasklab(&["exec", "--", "python3", "-c", "import tasklab; print(tasklab.__file__)"]);
    let (status, out, err) = said(&exec.env_remove("XDG_CACHE_HOME").env_remove("HOME").output().expect("runs"));
    assert!(status == 0 && err.is_empty() && out.ends_with("/import/tasklab/__init__.py\n"), "{out}{err}");
    assert!(!Path::new(out.trim()).exists(), "it goes with the run");
    // A disk that is full, and one that can only be read, before and after there is a folder.
    let tasklab = env!("CARGO_BIN_EXE_tasklab");
    let script = format!(
        "set -e; export XDG_CACHE_HOME=/mnt HOME=/mnt\n\
         ask() {{ '{tasklab}' exec -- python3 -c 'import tasklab; print(tasklab.__file__)'; ls -A /mnt/tasklab 2>/dev/null | wc -l; }}\n\
         mount -t tmpfs -o size=8k none /mnt; ask; umount /mnt\n\
         mount -t tmpfs -o ro none /mnt; ask; umount /mnt\n\
         mount -t tmpfs none /mnt; ask; mount -o remount,bind,ro /mnt; ask"
    );
    let output = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().expect("unshare runs");
    let (status, out, err) = said(&output);
    if err.contains("unshare failed") || err.contains("mount:") {
        return skipped(format!("full disks and those that can only be read: no user namespaces with mounts here: {err}"));
    }
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let told: Vec<_> = out.lines().map(|line| if line.starts_with("/mnt/tasklab/python-") { "lasts" } else { line }).collect();
    let [full, "0", read_only, "0", "lasts", "1", "lasts", "1"] = told[..] else { panic!("{out}") };
    assert!([full, read_only].iter().all(|path| path.ends_with("/import/tasklab/__init__.py")), "{out}");
}

/// All files below a folder, by their paths in it.
fn files_in(folder: &Path) -> Vec<String> {
    let below = |name: String| match folder.join(&name) {
        inner if inner.is_dir() => files_in(&inner).into_iter().map(|file| format!("{name}/{file}")).collect(),
        _ => vec![name],
    };
    names_in(folder).into_iter().flat_map(below).collect()
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
        exec \"$0\" run semaphore --language python --set visits=1";
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
        names.first().is_some_and(|own| {
            names_in(&folder.path().join(own)).iter().any(|name| name.starts_with("tasklab-") || name.starts_with("tmp"))
        })
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
