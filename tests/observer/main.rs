//! The observer of Python programs, held against programs that know nothing of Task Lab, and against `CPython`'s own tests: each of them does
//! with the observer what it does without. compare.py and cpython.py, which also run by themselves, make the comparisons.

#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use support::{program, skipped};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/observer");

/// Runs one of the programs in Python that compare; whether all was equal, and what it said.
fn ask(script: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("python3");
    command.arg("-B").arg(format!("{HERE}/{script}")).args(arguments).stdin(Stdio::null());
    let (status, stdout, stderr) = program::said(&command.output().expect("python3"));
    (status == 0, stdout + &stderr)
}

#[track_caller]
fn compare(arguments: &[&str]) {
    let (is_equal, said) = ask("compare.py", arguments);
    assert!(is_equal && said.contains("ok "), "{said}");
}

/// For each folder of programs two tests: Python gets the observer by its environment alone, and by `tasklab exec`.
macro_rules! folders {
    ($($folder:ident),+ $(,)?) => {
        const FOLDERS: &[&str] = &[$(stringify!($folder)),+];

        $(mod $folder {
            const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/observer/foreign/", stringify!($folder));

            #[test]
            fn do_the_same_with_the_observer() {
                crate::compare(&[PROGRAMS]);
            }

            #[test]
            fn do_the_same_under_exec() {
                let tasklab = support::program::path().to_str().expect("UTF-8");
                crate::compare(&["--tasklab", tasklab, PROGRAMS]);
            }
        })+
    };
}

folders! { hostile, inspected, mixed, processes, threads, told }

#[test]
fn no_folder_of_programs_is_left_out() {
    let entries = fs::read_dir(format!("{HERE}/foreign")).expect("the programs");
    let found: BTreeSet<String> = entries.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect();
    assert_eq!(found, FOLDERS.iter().map(ToString::to_string).collect());
}

/// An observer that writes, changes the status and tells nothing: each of that is found.
#[test]
fn what_is_different_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = "import atexit, os, sys; print('mine'); atexit.register(lambda: (sys.stdout.flush(), os._exit(9)))";
    fs::write(folder.path().join("sitecustomize.py"), site).expect("written");
    let program = format!("{HERE}/foreign/threads/bank.py");
    let (is_equal, said) = ask("compare.py", &["--observer", folder.path().to_str().expect("UTF-8"), &program]);
    assert!(!is_equal, "{said}");
    for expected in
        ["FAILED threads/bank.py", "+mine", "-0\n    +9", "no lane teller-1", "no lock alice.lock", "no wait task=auditor"]
    {
        assert!(said.contains(expected), "{expected:?} is missing in {said}");
    }
}

#[test]
fn cpython_s_own_tests_pass_as_without_it() {
    let (is_equal, said) = ask("cpython.py", &["--ci"]);
    if let Some(reason) = said.strip_prefix("skipped: ") {
        return skipped(reason);
    }
    assert!(is_equal, "{said}");
}

/// Step mode on plain code: gates at operations, lines, calls and returns; orders that are kept and replayed.
#[test]
fn plain_code_is_stepped_and_its_order_replayed() {
    let (is_right, said) = ask("stepping.py", &[]);
    assert!(is_right && said.contains("ok "), "{said}");
}
