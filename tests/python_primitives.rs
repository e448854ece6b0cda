//! The Python shim's primitives: Python's semantics with and without a listener, their event lines, and step mode.

#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use tasklab::model::{Event, EventKind, Monotonic, TaskState};

/// Runs a program with descriptor 7 for events and 8 for actions, which come from `answer`: what a person does next.
fn run(arguments: &[&str], mut answer: impl FnMut(&EventKind) -> Vec<String>) -> Vec<EventKind> {
    let mut child = Command::new("sh")
        .args(["-c", r#"exec "$@" 7>&1 8<&0 0</dev/null 1>&2"#, "sh", "python3"])
        .args(arguments)
        .env("TASKLAB_EVENTS", "7")
        .env("TASKLAB_CONTROL", "8")
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/assets/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut act = child.stdin.take().expect("piped");
    let mut events = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        let line = line.expect("UTF-8");
        let event = Event::from_line(line.as_bytes(), Monotonic::ZERO).unwrap_or_else(|error| panic!("{error}: {line}"));
        let kind = event.expect("a known kind").kind;
        for action in answer(&kind) {
            // A program that has ended reads nothing.
            let _ = writeln!(act, "{action}");
        }
        events.push(kind);
    }
    assert!(child.wait().expect("our child").success(), "{events:#?}");
    events
}

const SEMANTICS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/primitives.py");
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/python");

#[test]
fn they_keep_python_s_semantics_unheard() {
    let output = Command::new("python3").args(["-B", SEMANTICS, SHIM]).output().expect("python3");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all kept\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn they_keep_python_s_semantics_heard_and_tell_each_wait_with_its_line() {
    let events = run(&[SEMANTICS, SHIM], |_| Vec::new());
    let script = std::fs::read_to_string(SEMANTICS).expect("the script");
    let line_of = |text: &str| script.lines().position(|line| line.contains(text)).map(|at| at as u32 + 1);
    let told = |wanted: &str, what: &str, by: Option<&str>, at: &str| {
        events.iter().any(|kind| match kind {
            EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), held_by, line, .. } => {
                (task == wanted, on == what, held_by.as_deref() == by, *line == line_of(at)) == (true, true, true, true)
            }
            _ => false,
        })
    };
    assert!(told("left", "lock b", Some("right"), "    second.acquire()"));
    assert!(told("right", "lock a", Some("left"), "    second.acquire()"));
    assert!(told("main", "lock counter", Some("main"), "assert lock.holder"));
    let holds = events.iter().any(|kind| matches!(kind, EventKind::TaskChanged { task, state: TaskState::Running, on: Some(on), .. } if task == "left" && on == "lock b"));
    assert!(holds, "{events:#?}");
}

const WAKERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/wakers.py");
const UNREAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/unread.py");

/// The waits of a task that were told, in order: what for, and who let it go on.
fn waits<'e>(events: &'e [EventKind], wanted: &str) -> Vec<(&'e str, Option<&'e str>)> {
    let (mut waits, mut waits_for) = (Vec::new(), None);
    for kind in events {
        if let EventKind::TaskChanged { task, state, on, woken_by, .. } = kind
            && task == wanted
        {
            match (state, waits_for.take()) {
                (TaskState::Running, Some(on)) => waits.push((on, woken_by.as_deref())),
                (TaskState::Sleeping, _) => waits_for = Some("sleep"),
                (TaskState::Waiting, _) => waits_for = on.as_deref(),
                _ => assert_eq!(*woken_by, None, "it has not waited: {kind:?}"),
            }
        }
    }
    waits
}

#[test]
fn each_wait_names_the_one_task_that_let_it_go_on_and_a_time_out_nobody() {
    let events = run(&[WAKERS, SHIM], |_| Vec::new());
    let woken = [
        ("lock a", Some("waker")),
        ("semaphore seats", Some("waker")),
        ("event go", Some("waker")),
        ("barrier gate", Some("waker")),
        ("barrier gate", Some("waker")),
        ("barrier gate", Some("waker")),
        ("queue mail", Some("waker")),
        ("queue mail", Some("waker")),
        ("queue mail", Some("waker")),
        ("condition ready", Some("waker")),
        ("lock ready", Some("releaser")),
        ("pipe letters", Some("waker")),
    ];
    assert_eq!(waits(&events, "waiter"), woken);
    let things =
        ["lock a", "semaphore seats", "event go", "barrier gate", "queue mail", "queue mail", "condition ready", "event go"];
    assert_eq!(waits(&events, "patient"), things.map(|on| (on, None)));
    for taker in ["taker-1", "taker-2"] {
        let got = events.iter().find_map(|kind| match kind {
            EventKind::Value { name, value } if name == taker => value.as_str(),
            _ => None,
        });
        assert!(got.is_some() && waits(&events, taker) == [("queue mail", got)], "{events:#?}");
    }
    assert_eq!(waits(&events, "bell"), [("sleep", Some("canceller"))]);
    assert_eq!(waits(&events, "worker-0")[..2], [("the pool's queue", Some("submitter")), ("the pool's queue", None)]);
    let joins: Vec<_> = waits(&events, "main").into_iter().filter(|(on, by)| *on == "join()" && *by != Some("waiter")).collect();
    assert!(joins.contains(&("join()", None)) && joins.contains(&("join()", Some("ending"))), "{joins:?}");
}

#[test]
fn a_reader_that_does_not_read_keeps_nobody_from_a_lock() {
    let output = Command::new("python3").args(["-B", UNREAD, SHIM]).output().expect("python3");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "first second 2 1 1\n", "{}", String::from_utf8_lossy(&output.stderr));
}

/// The part of the window and the user: each task at a gate is let go, in this order.
fn steps<'a>(order: &'a [&'a str]) -> impl FnMut(&EventKind) -> Vec<String> + 'a {
    let mut left = order.iter();
    let mut at_gates = 0;
    move |kind| match kind {
        EventKind::TaskChanged { on: Some(on), .. } if on.starts_with("step: ") => {
            at_gates += 1;
            if at_gates < 2 {
                return Vec::new();
            }
            left.by_ref().map(|name| format!("{{\"do\":\"step\",\"target\":\"{name}\"}}")).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn in_step_mode_the_user_s_order_decides() {
    let program = "
import tasklab
counter = 0
def lose():
    global counter
    tasklab.checkpoint('read counter')
    now = counter
    tasklab.checkpoint('write counter')
    counter = now + 1
tasklab.step_mode(True)
threads = [tasklab.Thread(target=lose, name=name) for name in 'ab']
for thread in threads: thread.start()
for thread in threads: thread.join()
tasklab.value('counter', counter)
tasklab.value('asked', list(tasklab.action(60)))
";
    for (order, left) in [(["a", "a", "b", "b"], 2), (["b", "a", "a", "b"], 1)] {
        let mut step = steps(&order);
        let events = run(&["-c", program], |kind| match kind {
            EventKind::Value { name, .. } if name == "counter" => vec![r#"{"do":"other","target":"x"}"#.to_owned()],
            _ => step(kind),
        });
        let last = |wanted: &str| {
            events.iter().rev().find_map(|kind| match kind {
                EventKind::Value { name, value } if name == wanted => Some(value.clone()),
                _ => None,
            })
        };
        assert_eq!(last("counter"), Some(left.into()), "{order:?}");
        assert_eq!(last("order"), Some(order.join(" ").into()));
        assert_eq!(last("asked"), Some(serde_json::json!(["other", "x"])), "other actions come through");
    }
}

/// Those who wait for each other are among the waiters: the barrier opens, and a condition's lock is free meanwhile.
#[test]
fn in_step_mode_a_barrier_opens_and_a_condition_is_notified() {
    let program = "
import tasklab
gate, room, inside = tasklab.Barrier('gate', 2), tasklab.Condition('room'), tasklab.Event('inside')
ready = []
def meet(name):
    gate.wait(60)
    ready.append(name)
def visit():
    with room:
        inside.set()
        ready.append(room.wait(60))
def call():
    inside.wait(60)
    with room:
        room.notify_all()
tasklab.step_mode(True)
threads = [tasklab.Thread(target=meet, args=(name,), name=name) for name in 'ab']
threads += [tasklab.Thread(target=visit, name='c'), tasklab.Thread(target=call, name='d')]
for thread in threads: thread.start()
for thread in threads: thread.join()
tasklab.value('ready', len(ready))
";
    let events = run(&["-c", program], |kind| match kind {
        EventKind::TaskChanged { task, on: Some(on), .. } if on.starts_with("step: ") => {
            vec![format!("{{\"do\":\"step\",\"target\":\"{task}\"}}")]
        }
        _ => Vec::new(),
    });
    let ready = events.iter().any(|kind| matches!(kind, EventKind::Value { name, value } if name == "ready" && *value == 3));
    assert!(ready, "{events:#?}");
}
