//! The same work two ways: what is measured comes from the kernel, the verdict from the numbers, and nonsense is refused.

use std::time::{Duration, Instant};

use serde_json::Value;
use support::deadline;
use support::runs::{engine, events_of, programs, sh};
use support::stress::promised;
use tasklab::model::{ChildSpec, EventKind, RunFinding, Usage};

fn say(arguments: &[&str]) -> (i32, String, String) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tasklab"));
    let output = command.args(arguments).timeout(deadline()).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

const SMALL: [&str; 6] = ["run", "thread-pool", "--set", "each=0.1", "--set", "tasks=8"];

#[test]
fn each_variant_is_measured_in_turn_and_the_numbers_agree_with_each_other() {
    let (status, text, error) = say(&[&SMALL[..], &["--compare", "workers=1,2", "--repeat", "2", "--json"]].concat());
    assert_eq!((status, error.as_str()), (0, ""), "{text}");
    let lines = lines(&text);
    assert_eq!(lines.len(), 3, "{text}");
    for (line, workers) in lines.iter().zip([1, 2]) {
        assert_eq!((&line["kind"], &line["value"]), (&"compare.variant".into(), &workers.into()));
        assert_eq!(line["runs"].as_array().map(Vec::len), Some(2));
        let number = |key: &str| line[key].as_f64().unwrap_or_else(|| panic!("{key} in {line}"));
        assert!(number("cpu_s") > 0.0 && number("elapsed_s") > 0.0 && number("peak_rss") > 1e6, "{line}");
        assert!((number("cores") - number("cpu_s") / number("elapsed_s")).abs() < 1e-6, "{line}");
        assert!(number("threads") >= f64::from(workers) + 1.0, "the workers and the first thread: {line}");
        assert_eq!((line["processes"].as_u64(), line["facts_held"].as_u64()), (Some(1), line["facts"].as_u64()));
    }
    assert_eq!(lines[2]["kind"], "compare.finished");
    assert!(lines[2]["verdict"].as_str().is_some_and(|verdict| !verdict.is_empty()), "{text}");
    assert!(lines[2]["noise"].as_str().is_some_and(|noise| noise.contains("2 runs each")), "{text}");
}

#[test]
fn without_json_there_is_a_table_and_a_line_of_verdict() {
    let (status, text, _) = say(&[&SMALL[..], &["--compare", "workers=1,2"]].concat());
    assert_eq!(status, 0);
    for row in ["elapsed", "CPU time", "cores used", "peak memory", "processes", "threads", "context switches", "facts that hold"]
    {
        let cells = text.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("{row} in {text}"));
        assert!(cells.split("  ").filter(|cell| !cell.trim().is_empty()).count() == 3, "{cells}");
    }
    let verdict = text.lines().last().expect("a verdict");
    assert!(verdict.contains("workers="), "{text}");
}

#[test]
fn the_worst_run_decides_the_status() {
    let (status, text, _) = say(&["run", "zombie", "--no-script", "--timeout", "0.3", "--compare", "children=1,2", "--json"]);
    assert_eq!(status, 124, "{text}");
    let verdict = lines(&text).pop().expect("the end");
    assert!(verdict["verdict"].as_str().is_some_and(|text| text.starts_with("No verdict")), "{verdict}");
}

#[test]
fn nonsense_is_refused_in_a_sentence_before_anything_runs() {
    for (arguments, says) in [
        (&["--compare", "wrokers=1,2"][..], "there is nothing called \"wrokers\" to compare; there are: workers"),
        (&["--compare", "workers=4"], "workers needs two values or more"),
        (&["--compare", "workers=4,99"], "workers cannot be 99: it must be a whole number from 1 to"),
        (&["--compare", "workers=4,4"], "4 was given twice"),
        (&["--compare", "workers"], "is not NAME=A,B"),
        (&["--compare", "language=rust,cobol"], "it must be rust or python"),
        (&["--compare", "workers=1,2", "--set", "workers=3"], "workers is set with --set as well"),
        (&["--compare", "workers=1,2", "--repeat", "0"], "1 to 100 times, not 0"),
        (&["--compare", "workers=1,2", "--record", "/dev/null"], "--record"),
        (&["--repeat", "2"], "--compare"),
    ] {
        let (status, out, error) = say(&[&["run", "thread-pool"], arguments].concat());
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

fn usages(stages: Vec<ChildSpec>) -> Vec<Usage> {
    let engine = engine(Some(1024));
    let events = events_of(&engine, programs(stages), |_| {});
    let used = events.iter().filter_map(|event| match &event.kind {
        EventKind::ProcessUsed { usage, .. } => Some(*usage),
        _ => None,
    });
    used.collect()
}

#[test]
fn cpu_time_comes_from_the_kernel_with_that_of_children_that_were_waited_on() {
    const WORK: &str = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";
    let idle = usages(vec![sh("exit 0")]);
    let one = usages(vec![sh(WORK)]);
    let five = usages(vec![sh(&format!("for turn in 1 2 3 4 5; do sh -c '{WORK}'; done"))]);
    assert_eq!((idle.len(), one.len(), five.len()), (1, 1, 1), "whoever is waited on by the shell is counted with it");
    let cpu = |usages: &[Usage]| usages[0].user_s + usages[0].system_s;
    assert!(cpu(&one) > cpu(&idle) + 0.001, "{one:?} {idle:?}");
    // A machine that others use is now faster, now slower; not three times.
    assert!(cpu(&five) > cpu(&one) * 1.5, "the work was done five times: {five:?} {one:?}");
}

/// A body that says that two threads wait for each other's locks.
const CIRCLE: &str = r#"
printf '{"kind":"task.state","task":"worker-1","state":"waiting","on":"lock B","held_by":"worker-2"}\n' >&$TASKLAB_EVENTS
printf '{"kind":"task.state","task":"worker-2","state":"waiting","on":"lock A","held_by":"worker-1"}\n' >&$TASKLAB_EVENTS
read line <&$TASKLAB_CONTROL
printf '{"kind":"task.state","task":"worker-2","state":"running"}\n' >&$TASKLAB_EVENTS
sleep 600
"#;

#[test]
fn a_circle_of_waits_is_told_within_a_second_and_when_it_is_broken() {
    let engine = engine(Some(1024));
    let stage = ChildSpec { lesson_pipes: true, ..ChildSpec::new(["bash", "-c", CIRCLE]) };
    let launch = programs(vec![stage]);
    let mut findings: Vec<(RunFinding, Duration)> = Vec::new();
    let mut waits_since = Instant::now();
    let handle = engine.handle();
    events_of(&engine, launch, |event| match &event.kind {
        EventKind::TaskChanged { held_by: Some(_), .. } => waits_since = Instant::now(),
        EventKind::Finding(finding) => {
            findings.push((finding.clone(), waits_since.elapsed()));
            let run = tasklab::model::RunId::new(1);
            let action = if finding.is_over { "end" } else { "break" };
            let action = tasklab::model::Action::from_words(action, "");
            handle.send(tasklab::engine::Command::Act { run, action }).expect("taken");
        }
        _ => {}
    });
    let [(found, after), (over, _)] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(found.text, "Deadlock: worker-1 waits for lock B, held by worker-2, which waits for lock A, held by worker-1.");
    assert_eq!((found.tasks.join(" "), found.is_over, over.is_over), ("worker-1 worker-2".to_owned(), false, true));
    promised("a circle of waits is told", *after, Duration::from_secs(1));
}
