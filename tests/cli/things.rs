//! The actions on the things and tasks of a Python program, by their names: each one is pressed, and each has its reason to be refused.

use std::fs;

use serde_json::Value;
use support::program::exec;

/// Runs a program with these actions. Gives its output, its events, and why actions were refused.
#[track_caller]
fn pressed(program: &str, actions: &[&str]) -> (String, Vec<Value>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.py");
    fs::write(&path, program).expect("written");
    let mut arguments = vec!["--json", "--timeout", "60"];
    for action in actions {
        arguments.extend(["--do", action]);
    }
    arguments.extend(["--", "python3", path.to_str().expect("UTF-8")]);
    let (status, out, err) = exec(&arguments);
    assert_eq!(status, 0, "{actions:?}: {err}");
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let text = |event: &Value| event["text"].as_str().unwrap_or_default().to_owned();
    let printed = events.iter().filter(|event| event["kind"] == "output").map(text).collect();
    let refused = events.iter().filter(|event| event["kind"] == "action.refused").map(text).collect();
    (printed, events, refused)
}

/// What the program prints after an action that ends its wait. Without the action it would wait a minute, and be killed.
#[test]
fn each_action_does_what_its_method_does() {
    for (program, actions, printed) in [
        ("go = threading.Event()\nprint(go.wait(60))", &["0.3 set event go"][..], "True\n"),
        (
            "go = threading.Event()\ngo.set()\nwhile go.is_set(): time.sleep(0.01)\nprint('down')",
            &["0.3 clear event go"],
            "down\n",
        ),
        (
            "gate = threading.Barrier(2)\ntry: gate.wait(60)\nexcept threading.BrokenBarrierError: print('broken', gate.broken)",
            &["0.3 abort barrier gate"],
            "broken True\n",
        ),
        (
            "gate = threading.Barrier(2)\ntry: gate.wait(60)\nexcept threading.BrokenBarrierError: print('broken', gate.broken)",
            &["0.3 reset barrier gate"],
            "broken False\n",
        ),
        (
            "tool = threading.Lock()\nwhile not tool.locked(): time.sleep(0.01)\nprint(tool.acquire(timeout=60))",
            &["0.3 hold lock tool", "0.6 release lock tool"],
            "True\n",
        ),
        ("tool = threading.Lock()\ntool.acquire()\nprint(tool.acquire(timeout=60))", &["0.3 release lock tool"], "True\n"),
        (
            "door = threading.Semaphore(1)\nwhile door._value: time.sleep(0.01)\nprint(door.acquire(timeout=60))",
            &["0.3 acquire semaphore door", "0.6 release semaphore door"],
            "True\n",
        ),
        ("shop = threading.Condition()\nwith shop: print(shop.wait(60))", &["0.3 notify condition shop"], "True\n"),
        (
            "shop = threading.Condition()\ndef come():\n    with shop: print(shop.wait(60))\n\
             threads = [threading.Thread(target=come) for _ in range(2)]\n[t.start() for t in threads]\n[t.join() for t in threads]",
            &["0.5 notify_all condition shop"],
            "True\nTrue\n",
        ),
        (
            "belt = queue.Queue()\nprint(repr(belt.get(timeout=60)), repr(belt.get(timeout=60)), repr(belt.get(timeout=60)))",
            &["0.3 put queue belt 7", "0.4 put queue belt a b", "0.5 put queue belt 0.5"],
            "7 'a b' 0.5\n",
        ),
        ("bell = threading.Timer(60, print)\nbell.start()\nbell.join()\nprint('quiet')", &["0.3 cancel timer bell"], "quiet\n"),
        ("time.sleep(60)\nprint('awake')", &["0.3 go-on main"], "awake\n"),
        (
            "done = []\ndef work(what): done.append(what)\none = threading.Thread(target=lambda: time.sleep(60), name='keeper')\n\
             def work(what):\n    done.append(what)\n    time.sleep(0.5)\n\
             first = threading.Thread(target=work, args=('x',), name='worker-1')\nfirst.start()\n\
             while len(done) < 2: time.sleep(0.01)\nfirst.join()\nprint(done)",
            &["0.2 another worker-1"],
            "['x', 'x']\n",
        ),
    ] {
        let program = format!("import queue, threading, time\n{program}\n");
        let (out, _, refused) = pressed(&program, actions);
        assert_eq!((out.as_str(), refused), (printed, Vec::new()), "{actions:?}\n{program}");
    }
}

#[test]
fn what_cannot_be_done_says_why_and_what_there_is() {
    let program = "import threading, time\ngo = threading.Event()\ntool = threading.Lock()\n\
        def work():\n    tool.acquire()\n    go.wait(60)\n    tool.release()\nthread = threading.Thread(target=work, name='worker-1')\nthread.start()\nthread.join()\n";
    let actions = [
        ("0.30 dance event go", "no such action"),
        ("0.31 set event gone", "event go"),
        ("0.32 reset event go", "barrier"),
        ("0.33 put queue belt 1", "queue belt"),
        ("0.34 go-on worker-1", "does not sleep"),
        ("0.35 go-on nobody", "worker-1"),
        ("0.36 another nobody", "nobody"),
        ("0.40 hold lock tool", ""),
        ("0.50 hold lock tool", "already"),
        ("0.60 set event go", ""),
    ];
    let lines: Vec<&str> = actions.iter().map(|(action, _)| *action).collect();
    let (_, _, refused) = pressed(program, &lines);
    let expected: Vec<&str> = actions.iter().map(|(_, part)| *part).filter(|part| !part.is_empty()).collect();
    assert_eq!(refused.len(), expected.len(), "{refused:?}");
    for (part, why) in expected.iter().zip(&refused) {
        assert!(why.contains(part), "{part:?} is missing in {why:?}");
    }
}

/// A task that does too much for single lines still tells of a wait that lasts, and of the values that its work leads to.
#[test]
fn a_long_wait_of_a_busy_task_and_what_it_changes_are_told() {
    let program = "import threading, time\ncounter = 0\nlock = threading.Lock()\ngo = threading.Event()\n\
        for number in range(5000):\n    with lock: counter += 1\ngo.wait(60)\n";
    let (_, events, refused) = pressed(program, &["1.5 set event go"]);
    assert_eq!(refused, [""; 0]);
    let is_wait = |event: &Value| event["kind"] == "task.state" && event["state"] == "waiting" && event["on"] == "event go";
    assert!(events.iter().any(is_wait), "{events:#?}");
    let last = events.iter().rev().find(|event| event["kind"] == "value" && event["name"] == "counter");
    assert_eq!(last.map(|event| event["value"].clone()), Some(5000.into()));
    assert!(events.iter().any(|event| event["kind"] == "task.counts"), "it was busy");
}

/// `go-on` is an empty line for a task that asks for one: as Enter is, without a person at the keyboard.
#[test]
fn a_question_is_answered_by_an_empty_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ask.py");
    fs::write(&path, "print(repr(input()), repr(input()))\n").expect("written");
    let path = path.to_str().expect("UTF-8");
    // Far apart, so that the question is there when it is answered.
    let presses = ["--do", "1.5 go-on main", "--do", "3 go-on main"];
    let (status, out, err) = exec(&[&["--stdin", "pipe", "--timeout", "60"][..], &presses, &["--", "python3", path]].concat());
    assert_eq!((status, out.as_str(), err.as_str()), (0, "'' ''\n", ""));
}
