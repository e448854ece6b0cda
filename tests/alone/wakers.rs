//! Who let whom go on, in programs that know nothing of Task Lab: told where it is known, and nowhere else.

use std::process::Command;
use std::sync::Arc;

use support::runs::{engine, events_of, programs, sh};
use support::{eventually, skipped};
use tasklab::engine::LaunchRequest;
use tasklab::model::{ChildSpec, Lane, LaneState, RunState, RunView};

use crate::alone;

/// A mutex, a join and a time limit, in C.
const WAKERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/wakers.c");
/// Computes for a while, and writes a line then.
const SPINS: &str = "/usr/bin/python3 -c 'import time
end = time.monotonic() + 1.5
while time.monotonic() < end: pass
print(1, flush=True)'";

/// The run as it is shown once it is over; `None` where the kernel gives no records.
fn run(request: LaunchRequest) -> Option<Arc<RunView>> {
    if let Err(refused) = tasklab::sys::try_switches() {
        skipped(format!("no switch records here: {refused}"));
        return None;
    }
    let engine = engine(Some(1 << 12));
    events_of(&engine, request, |_| {});
    let shown = || engine.handle().snapshot().runs.first().cloned();
    eventually("the end is shown", || shown().is_some_and(|view| matches!(view.state, RunState::Finished(_))));
    shown()
}

fn named<'a>(view: &'a RunView, name: &str) -> &'a Lane {
    let lane = view.lanes.iter().find(|lane| *lane.name == *name);
    lane.unwrap_or_else(|| panic!("{:?}", view.lanes.iter().map(|lane| &lane.name).collect::<Vec<_>>()))
}

/// The waits of 150 ms or longer, oldest first: who ended each.
fn wakers(lane: &Lane) -> Vec<Option<String>> {
    let spans = (0..lane.states.len()).filter_map(|index| lane.states.get(index));
    let is_long = |until: u64, from: u64| until - from >= 150_000_000;
    let waits = spans.filter(|span| span.state == LaneState::Blocked);
    let long = waits.filter(|span| span.until.is_some_and(|until| is_long(until.nanos(), span.from.nanos())));
    long.map(|wait| lane.ended_by(&wait).map(|by| by.to_string())).collect()
}

/// The lane of the shell that another one has made.
fn inner_shell(view: &RunView) -> &Lane {
    view.lanes.iter().filter(|lane| lane.name.starts_with("sh")).nth(1).expect("a second shell")
}

#[test]
fn a_shell_in_a_pipe_let_its_reader_go_on_and_a_child_its_shell() {
    let _alone = alone();
    let Some(view) = run(programs(vec![sh("(for i in 1 2 3 4 5; do sleep 0.3; echo $i; done) | cat")])) else { return };
    let shell = inner_shell(&view);
    let woken = wakers(named(&view, "cat"));
    assert!(woken.iter().flatten().count() >= 2, "the last one may not be known: {woken:?}");
    assert!(woken.iter().flatten().all(|by| **by == *shell.name), "{woken:?}");
    let by_children = wakers(shell);
    assert!(by_children.iter().flatten().count() >= 2, "{by_children:?}");
    assert!(by_children.iter().flatten().all(|by| by.starts_with("sleep")), "{by_children:?}");
}

/// The control: the same, but that a child writes.
#[test]
fn of_several_that_can_have_written_nobody_is_named() {
    let _alone = alone();
    let script = "(for i in 1 2 3 4 5; do sleep 0.3; /bin/echo $i; done) | cat";
    let Some(view) = run(programs(vec![sh(script)])) else { return };
    let woken = wakers(named(&view, "cat"));
    assert!(woken.len() >= 4 && woken.iter().all(Option::is_none), "{woken:?}");
}

#[test]
fn the_end_of_the_only_writer_let_its_reader_go_on() {
    let _alone = alone();
    let Some(view) = run(programs(vec![sh("sleep 0.5 | cat; :")])) else { return };
    assert_eq!(wakers(named(&view, "cat")), [Some("sleep".to_owned())]);
}

/// Starts two children and waits on them.
const CHILDREN: &str = "\
import os, subprocess
one, two = (subprocess.Popen(['sleep', seconds]) for seconds in ('0.3', '0.6'))
";

#[test]
fn the_child_that_is_waited_for_let_its_parent_go_on() {
    let _alone = alone();
    let sleepers = |view: &RunView| -> Vec<Option<String>> {
        view.lanes.iter().filter(|lane| lane.name.starts_with("sleep")).map(|lane| Some(lane.name.to_string())).collect()
    };
    let python = |waits: &str| run(programs(vec![ChildSpec::new(["/usr/bin/python3", "-c", &format!("{CHILDREN}{waits}")])]));
    let Some(view) = python("os.wait(); os.wait()") else { return };
    assert_eq!(wakers(named(&view, "python3")), sleepers(&view), "each, in turn");
    let Some(view) = python("two.wait(); one.wait()") else { return };
    assert_eq!(wakers(named(&view, "python3")), sleepers(&view)[1..], "the other one had ended before");
}

#[test]
fn a_reader_that_is_stopped_or_killed_was_let_go_on_by_nobody() {
    let _alone = alone();
    for (signal, least) in [("STOP", 1), ("KILL", 0)] {
        let script = format!("{SPINS} | cat & sleep 0.5; kill -{signal} $!; sleep 0.4; kill -CONT $!; wait");
        let Some(view) = run(programs(vec![sh(&script)])) else { return };
        let woken = wakers(named(&view, "cat"));
        assert_eq!(woken.first(), Some(&None), "SIG{signal}: {woken:?}");
        assert!(woken[1..].iter().flatten().count() >= least, "and after SIG{signal} by the line: {woken:?}");
    }
}

#[test]
fn the_owner_of_a_mutex_and_a_thread_that_ends_let_others_go_on_in_a_foreign_program() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("wakers");
    let compiled = Command::new("cc").args(["-pthread", WAKERS, "-o"]).arg(&program).status();
    if compiled.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return skipped("needs a C compiler");
    }
    assert!(compiled.expect("runs").success());
    let owner = || Some("owner".to_owned());
    for (mode, by) in [("", owner()), ("limit", None), ("third", None)] {
        let spec = ChildSpec::new([program.to_str().expect("UTF-8"), mode]);
        let Some(view) = run(programs(vec![spec])) else { return };
        assert_eq!(wakers(named(&view, "waiter")), [by], "{mode}");
        assert!(wakers(named(&view, "wakers")).contains(&owner()), "the join: {mode}");
    }
}
