//! The engine on real processes: what a run tells from its start to its end.

use std::path::Path;
use std::time::Duration;

use support::eventually;
use support::lesson::again;
use support::runs::{GRACE, engine, events_of, notices, outcome, output, programs, request, scenario, sh};
use tasklab::engine::{Command, LaunchRequest, What};
use tasklab::model::{
    Action, ChildSpec, Event, EventKind, ExitStatus, Input, Language, Outcome, Pid, ProcessState, Reaping, RunId, Sent, Signal,
    Stream,
};

/// Covers: facts 1, 48.
#[test]
fn a_program_is_told_from_start_to_end() {
    let engine = engine(Some(1024));
    let events = events_of(&engine, programs(vec![sh("echo out; echo err >&2; exit 3")]), |_| {});
    assert!(matches!(events[0].kind, EventKind::RunStarted { .. }));
    assert_eq!((output(&events, Stream::Stdout), output(&events, Stream::Stderr)), (b"out\n".to_vec(), b"err\n".to_vec()));
    let position = |wanted: &dyn Fn(&EventKind) -> bool| events.iter().position(|event| wanted(&event.kind)).expect("told");
    let started = position(&|kind| matches!(kind, EventKind::ProcessStarted { .. }));
    let exited = position(&|kind| matches!(kind, EventKind::ProcessExited { status: ExitStatus::Exited(3), .. }));
    let reaped = position(&|kind| matches!(kind, EventKind::ProcessReaped { .. }));
    assert!(started < exited && exited < reaped);
    assert_eq!(outcome(&events), (Outcome::Failed, 0));
    assert_eq!(outcome(&events_of(&engine, programs(vec![sh("true")]), |_| {})), (Outcome::Passed, 0));
}

#[test]
fn of_a_pipeline_the_last_stage_decides() {
    let engine = engine(Some(1024));
    let stages = |last: &str| programs(vec![ChildSpec::new(["yes"]), sh(last)]);
    assert_eq!(outcome(&events_of(&engine, stages("head -n 1"), |_| {})), (Outcome::Passed, 0));
    assert_eq!(outcome(&events_of(&engine, stages("head -n 1; exit 2"), |_| {})), (Outcome::Failed, 0));
}

/// Covers: promise 4, F6.
#[test]
fn a_large_tree_that_ignores_sigterm_is_gone_in_the_end() {
    let engine = engine(Some(1024));
    let script = "trap '' TERM; for i in $(seq 300); do sleep 88 & done; wait";
    let launch = LaunchRequest { timeout: Some(Duration::from_millis(1500)), ..programs(vec![sh(script)]) };
    assert_eq!(outcome(&events_of(&engine, launch, |_| {})), (Outcome::TimedOut, 0));
}

#[test]
fn every_process_that_was_told_of_is_told_to_have_ended() {
    let engine = engine(Some(1024));
    let launch = LaunchRequest { timeout: Some(Duration::from_millis(900)), ..programs(vec![sh("while :; do sleep 0.1; done")]) };
    let events = events_of(&engine, launch, |_| {});
    let mut alive: Vec<Pid> = Vec::new();
    for event in &events {
        match event.kind {
            EventKind::ProcessStarted { pid, .. } => alive.push(pid),
            EventKind::ProcessReaped { pid } => alive.retain(|known| *known != pid),
            _ => {}
        }
    }
    assert_eq!(alive, Vec::new(), "{events:?}");
}

/// Covers: F47, fact 31.
#[test]
fn input_reaches_the_first_stage_and_ends() {
    let engine = engine(Some(1024));
    let text = "b\na\n".repeat(200_000).into_bytes();
    let what = What::Programs { stages: vec![ChildSpec::new(["sort"]), ChildSpec::new(["uniq", "-c"])], input: Some(text) };
    let events = events_of(&engine, request(what), |_| {});
    let words: Vec<String> =
        String::from_utf8_lossy(&output(&events, Stream::Stdout)).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["200000", "a", "200000", "b"]);
    // Nobody reads it: it is dropped, and the status is kept.
    let what = What::Programs { stages: vec![ChildSpec::new(["true"])], input: Some(vec![b'x'; 1 << 20]) };
    assert_eq!(outcome(&events_of(&engine, request(what), |_| {})), (Outcome::Passed, 0));
}

/// Covers: promise 5, F40, fact 30.
#[test]
fn no_byte_is_lost_when_the_listener_is_slow() {
    let engine = engine(Some(2));
    let mut slow = 0;
    let events = events_of(&engine, programs(vec![sh("head -c 8000000 /dev/zero | tr '\\0' 'x'")]), |_| {
        slow += 1;
        if slow % 50 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let bytes = output(&events, Stream::Stdout);
    assert!(bytes.len() == 8_000_000 && bytes.iter().all(|byte| *byte == b'x'), "{}", bytes.len());
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::OutputDropped { .. })));
}

/// Covers: promise 6, F40.
#[test]
fn a_flood_without_a_listener_is_counted_to_the_byte() {
    let engine = engine(None);
    let sent: u64 = 300_000_000;
    let launch = programs(vec![sh(&format!("head -c {sent} /dev/zero"))]);
    engine.handle().send(Command::Launch(Box::new(launch))).expect("taken");
    let view = || engine.handle().snapshot().runs.first().cloned();
    eventually("the run is over", || view().is_some_and(|run| matches!(run.state, tasklab::model::RunState::Finished(_))));
    let run = view().expect("a run");
    let stdout = run.outputs.iter().find(|output| output.stream == Stream::Stdout).expect("captured");
    assert_eq!(stdout.kept + stdout.dropped, sent);
    assert!(stdout.dropped > 0 && stdout.kept > 0);
}

/// Covers: F4, F6.
#[test]
fn what_outlives_the_program_is_asked_and_then_killed() {
    let engine = engine(Some(1024));
    let script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; setsid sleep 93 & exec sleep 92' & exit 0";
    let tag = format!("TASKLAB_TEST=outlives-{}", std::process::id());
    let (name, value) = tag.split_once('=').expect("a variable");
    let spec = ChildSpec { env: vec![(name.into(), value.into())], ..sh(script) };
    let events = events_of(&engine, programs(vec![spec]), |_| {});
    let reaped = events.iter().find(|event| matches!(event.kind, EventKind::ProcessReaped { .. })).expect("the program ends");
    let waited = events.last().expect("events").t - reaped.t;
    assert!(waited >= GRACE, "the control: something outlived the program, and was given its time ({waited:?})");
    assert_eq!(outcome(&events), (Outcome::Passed, 0));
    assert_eq!(support::tagged(&tag), Vec::<i32>::new());
}

/// Covers: F6, fact 7.
#[test]
fn the_time_limit_ends_a_run_that_ignores_it() {
    let engine = engine(Some(1024));
    let launch = LaunchRequest {
        timeout: Some(Duration::from_millis(200)),
        ..programs(vec![sh("trap '' TERM; while :; do sleep 1; done")])
    };
    assert_eq!(outcome(&events_of(&engine, launch, |_| {})), (Outcome::TimedOut, 0));
}

#[test]
fn actions_reach_processes_by_pid_and_by_name_and_say_when_they_cannot() {
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let act = |action: Action| {
        handle.send(Command::Act { run: RunId::new(1), action }).expect("taken");
    };
    let mut is_stopped = false;
    let events =
        events_of(&engine, programs(vec![ChildSpec { name: "napper".to_owned(), ..ChildSpec::new(["sleep", "91"]) }]), |event| {
            match &event.kind {
                EventKind::ProcessStarted { pid, .. } => {
                    act(Sent::Kill.to("nobody"));
                    act(Action::own("dance", ""));
                    act(Sent::Stop.to(*pid));
                }
                EventKind::ProcessState { state: ProcessState::Stopped, .. } => {
                    is_stopped = true;
                    act(Sent::Terminate.to("napper"));
                }
                _ => {}
            }
        });
    assert!(is_stopped);
    let ended = events.iter().any(|event| {
        matches!(event.kind, EventKind::ProcessExited { status: ExitStatus::Signaled { signal: Signal::TERM, .. }, .. })
    });
    assert!(ended, "{events:?}");
    let notices = notices(&events);
    assert!(
        notices.iter().any(|text| text.contains("nobody")) && notices.iter().any(|text| text.contains("dance")),
        "{notices:?}"
    );
}

/// Covers: F24, fact 48.
#[test]
fn a_kept_zombie_holds_the_run_until_it_is_waited_on() {
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let mut zombie: Option<Pid> = None;
    let events = events_of(&engine, programs(vec![ChildSpec { reaping: Reaping::WhenAsked, ..sh("exit 7") }]), |event| {
        if let EventKind::ProcessExited { pid, status: ExitStatus::Exited(7) } = event.kind {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a zombie is still there");
            assert!(stat.contains(") Z "), "{stat}");
            zombie = Some(pid);
            handle.send(Command::Act { run: RunId::new(1), action: Action::Wait(pid.into()) }).expect("taken");
        }
    });
    assert!(!Path::new(&format!("/proc/{}", zombie.expect("it exited"))).exists());
    assert_eq!(outcome(&events).1, 0);
}

/// Covers: F34, fact 17.
#[test]
fn a_launch_that_fails_is_a_run_that_failed_with_the_reason() {
    let engine = engine(Some(1024));
    let stages = vec![ChildSpec::new(["sleep", "90"]), ChildSpec::new(["/no/such/program"])];
    let events = events_of(&engine, programs(stages), |_| {});
    assert_eq!(outcome(&events), (Outcome::Failed, 0));
    assert!(notices(&events)[0].contains("/no/such/program"), "{events:?}");
}

#[test]
fn a_body_that_somebody_else_kills_is_told_and_its_children_are_ended() {
    let engine = engine(Some(1024));
    for language in [Language::Rust, Language::Python] {
        let launch = LaunchRequest { script: Vec::new(), ..scenario("zombie", language) };
        let (mut body, mut children) = (None, Vec::new());
        let events = events_of(&engine, launch, |event| match &event.kind {
            EventKind::ProcessStarted { pid, .. } if body.is_none() => body = Some(*pid),
            EventKind::ProcessStarted { pid, .. } => {
                children.push(*pid);
                if let Some(pid) = body.filter(|_| children.len() == 1) {
                    let pid = rustix::process::Pid::from_raw(pid.number()).expect("a pid");
                    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("ours");
                }
            }
            _ => {}
        });
        let body = body.expect("it started");
        let says = format!("({body}) was killed by SIGKILL, which Task Lab has not sent");
        let notices = notices(&events);
        assert!(notices.iter().filter(|text| text.contains(&says)).count() == 1, "{language}: {notices:?}");
        assert_eq!(outcome(&events), (Outcome::Failed, 0), "{language}");
        for child in children {
            let is_its_end = |event: &Event| matches!(event.kind, EventKind::ProcessReaped { pid } if pid == child);
            let told: Vec<String> = events.iter().map(Event::to_line).collect();
            assert!(events.iter().any(is_its_end), "{language}: {child} was ended and waited on\n{}", told.join("\n"));
        }
    }
}

#[test]
fn an_action_that_the_body_never_hears_is_refused_once_it_has_ended() {
    let engine = engine(Some(1024));
    let handle = engine.handle();
    let body = "printf '{\"kind\":\"task.started\",\"task\":\"main\",\"pid\":%d}\\n' $$ >&$TASKLAB_EVENTS; read line; exit 0";
    let stage = ChildSpec { lesson_pipes: true, stdin: Input::Pipe, ..ChildSpec::new(["bash", "-c", body]) };
    let what = What::Programs { stages: vec![stage], input: None };
    let mut acted = Vec::new();
    let events = events_of(&engine, request(what), |event| match &event.kind {
        EventKind::TaskStarted { .. } => {
            let act = |action: Action| {
                handle.send(Command::Act { run: RunId::new(1), action }).expect("taken");
            };
            act(Action::own("dance", "tango"));
            act(Action::Type("bash".into(), "on".to_owned()));
        }
        EventKind::Action { action, .. } => acted.push(action.word().into_owned()),
        _ => {}
    });
    assert_eq!(acted, ["dance", "type"]);
    assert_eq!(notices(&events), ["could not do \"dance\" to tango: it came too late, the body has ended"]);
    assert_eq!(outcome(&events), (Outcome::Passed, 0));
}

#[test]
fn every_scenario_passes_in_both_languages() {
    let engine = engine(Some(4096));
    for scenario_of in tasklab::scenario::CATALOGUE {
        for language in [Language::Rust, Language::Python] {
            let make = || events_of(&engine, scenario(scenario_of.id, language), |_| {});
            let facts = |events: &Vec<Event>| {
                let fact = |event: &Event| if let EventKind::Fact(fact) = &event.kind { Some(fact.clone()) } else { None };
                matches!(outcome(events), (Outcome::Passed | Outcome::Failed, 0))
                    .then(|| events.iter().filter_map(fact).collect())
            };
            let events = again::decided(scenario_of.id, make, facts);
            let text: Vec<String> = events.iter().map(Event::to_line).collect();
            assert_eq!(outcome(&events), (Outcome::Passed, 0), "{} {language}:\n{}", scenario_of.id, text.join("\n"));
            assert!(events.iter().any(|event| matches!(event.kind, EventKind::Fact(_))), "{} {language}", scenario_of.id);
        }
    }
}
