//! The events pipe has a name as long as its run lasts: whoever did not inherit the descriptor opens it by that, and nobody holds up the end.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use support::runs::{engine, events_of, notices, outcome, output, programs};
use tasklab::engine::Command;
use tasklab::model::{Action, ChildSpec, Event, EventKind, Input, Outcome, RunId, Stream};

/// Opens the pipe by its name, as Python that is started as a new program does.
const OPENS: &str = "import os, signal, sys\nfd = os.open(os.environ['TASKLAB_EVENTS_FILE'], os.O_WRONLY | os.O_NONBLOCK)\n";

fn python(program: &str) -> ChildSpec {
    ChildSpec { observe: true, ..ChildSpec::new(["python3", "-c", program, OPENS]) }
}

/// The name of the pipe, which the program prints first.
fn name(events: &[Event]) -> PathBuf {
    let out = String::from_utf8(output(events, Stream::Stdout)).expect("UTF-8");
    PathBuf::from(out.lines().next().expect("a name"))
}

#[test]
fn programs_that_inherit_nothing_tell_by_the_name_even_if_nobody_else_has_the_pipe() {
    let program = r#"
import os, subprocess, sys
print(os.environ["TASKLAB_EVENTS_FILE"])
os.close(int(os.environ["TASKLAB_EVENTS"]))
tells = sys.argv[1] + "os.write(fd, b'{\"kind\":\"value\",\"name\":\"told\",\"value\":%d}\\n' % int(sys.argv[1]))"
for number in range(3):
    subprocess.run([sys.executable, "-c", tells, str(number)], check=True)
"#;
    let engine = engine(Some(64));
    let events = events_of(&engine, programs(vec![python(program)]), |_| {});
    let values = events.iter().filter_map(|event| match &event.kind {
        EventKind::Value { name, value } if name == "told" => value.as_u64(),
        _ => None,
    });
    assert_eq!(values.collect::<Vec<_>>(), [0, 1, 2], "{:?}", notices(&events));
    assert_eq!((outcome(&events), notices(&events)), ((Outcome::Passed, 0), Vec::new()));
    let name = name(&events);
    assert!(!name.exists() && name.parent().is_some_and(Path::is_dir), "the engine still has its folder: {}", name.display());
}

#[test]
fn whoever_has_opened_the_pipe_by_its_name_does_not_hold_up_the_end() {
    let program = r#"
import os, subprocess, sys
print(os.environ["TASKLAB_EVENTS_FILE"], flush=True)
stays = sys.argv[1] + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.write(1, b'here')\nwhile True: signal.pause()"
child = subprocess.Popen([sys.executable, "-c", stays], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.read(4)
input()
"#;
    let engine = engine(Some(64));
    let handle = engine.handle();
    let mut ours: Option<File> = None;
    let request = programs(vec![ChildSpec { stdin: Input::Pipe, ..python(program) }]);
    let events = events_of(&engine, request, |event| {
        if let (EventKind::Output { .. }, None) = (&event.kind, &ours) {
            ours = Some(OpenOptions::new().write(true).open(name(std::slice::from_ref(event))).expect("it has a reader"));
            let action = Action::Type("python3".into(), String::new());
            handle.send(Command::Act { run: RunId::new(1), action }).expect("taken");
        }
    });
    let told = notices(&events);
    assert!(ours.is_some() && told.iter().any(|text| text.contains("a process outside the run holds the pipe")), "{told:?}");
    assert_eq!(outcome(&events), (Outcome::Passed, 0), "{told:?}");
    assert!(!name(&events).exists());
}

#[test]
fn a_pipe_whose_program_cannot_be_started_leaves_no_file() {
    let engine = engine(Some(64));
    let events = events_of(&engine, programs(vec![python("print(__import__('os').environ['TASKLAB_EVENTS_FILE'])")]), |_| {});
    let folder = name(&events).parent().expect("a folder").to_owned();
    let missing = ChildSpec { lesson_pipes: true, ..ChildSpec::new(["/no/such/program"]) };
    let events = events_of(&engine, programs(vec![python("input()"), missing]), |_| {});
    assert!(notices(&events).iter().any(|text| text.contains("/no/such/program")), "{:?}", notices(&events));
    let left = std::fs::read_dir(&folder).expect("there").flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("events")).collect();
    assert!(left.is_empty(), "{left:?}");
}
