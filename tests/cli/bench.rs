//! `tasklab bench`: the object that it promises, and nothing left behind. No number is judged: machines differ.

use std::process::Command;

use serde_json::{Map, Value};
use support::{skipped, tagged};
use tasklab::sys::try_switches;

const BOTH: &[&str] = &[
    "launch_wait",
    "launch_many",
    "fork_wait",
    "thread_start_join",
    "thread_pool_tasks",
    "process_pool_tasks",
    "thread_queue_items",
    "process_queue_items",
    "lock_ops",
    "capture_mib",
    "schedule_late_p50_us",
    "schedule_late_p99_us",
];
const OURS: &[&str] = &[
    "events",
    "folding_percent",
    "lanes_published_ms",
    "records_folded",
    "sample_300_ms",
    "sample_3000_ms",
    "tracked_lock_ops",
    "tracked_queue_items",
    "std_tracked_lock_ops",
    "std_tracked_queue_items",
    "channel_tracked_queue_items",
    "tracked_lock_times",
    "tracked_queue_times",
    "tracked_queue_channel_times",
    "gpio_toggle_p50_us",
    "gpio_toggle_p99_us",
];
/// Where there is a Python.
const OBSERVED: &[&str] = &[
    "observed_lock_ops",
    "plain_observed_lock_ops",
    "observed_lock_more_ns",
    "observed_contended_rounds",
    "plain_observed_contended_rounds",
    "observed_contended_times",
    "observed_start_ms",
    "plain_observed_start_ms",
    "observed_start_more_ms",
];
/// Where the kernel gives its switch records.
const SWITCHES: &[&str] = &["pipe_switches", "c_pipe_switches", "switch_records_us", "switch_reading_percent"];
const C: &[&str] = &[
    "launch_wait",
    "launch_many",
    "fork_wait",
    "thread_start_join",
    "lock_ops",
    "capture_mib",
    "gpio_toggle_p50_us",
    "gpio_toggle_p99_us",
];

/// Runs it in an environment that is found again in whatever it leaves behind.
fn bench(arguments: &[&str], path: Option<&str>) -> (String, String) {
    let mark = format!("{}-{}", std::process::id(), arguments.join("-"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    command.arg("bench").args(arguments).env("BENCH_TEST", &mark);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap_or_else(|error| panic!("could not start tasklab: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}: {stderr}", output.status);
    assert_eq!(tagged(&format!("BENCH_TEST={mark}")), Vec::<i32>::new(), "processes are left");
    (stdout, stderr)
}

fn object(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        other => panic!("one JSON object was promised: {other:?}\n{text}"),
    }
}

#[test]
fn everything_that_is_promised_is_measured() {
    let (stdout, stderr) = bench(&["--quick", "--json"], None);
    let object = object(&stdout);
    let has_python = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_python {
        skipped("the figures of Python: no python3");
    }
    let refused = try_switches().err();
    if let Some(refused) = &refused {
        skipped(format!("the cost of switch records: {refused}"));
    }
    let mut promised: Vec<String> = BOTH.iter().chain(OURS).map(|key| (*key).to_owned()).collect();
    promised.extend(SWITCHES.iter().filter(|_| refused.is_none()).map(|key| (*key).to_owned()));
    promised.extend(C.iter().map(|key| format!("c_{key}")));
    promised.extend(BOTH.iter().filter(|_| has_python).map(|key| format!("python_{key}")));
    promised.extend(OBSERVED.iter().filter(|_| has_python).map(|key| (*key).to_owned()));
    for key in &promised {
        let value = object.get(key).and_then(Value::as_f64);
        assert!(value.is_some_and(|value| value.is_finite() && value > 0.0), "{key} is {value:?}; standard error: {stderr}");
    }
    assert_eq!(object.len(), promised.len(), "there is more than was promised: {object:?}");
}

#[test]
fn without_python_its_side_is_left_out_with_a_note() {
    let (stdout, stderr) = bench(&["--quick", "--json", "lock_ops"], Some("/nonexistent"));
    let keys: Vec<String> = object(&stdout).keys().cloned().collect();
    assert_eq!(keys, ["c_lock_ops", "lock_ops"]);
    assert!(stderr.contains("python3"), "{stderr}");
}

#[test]
fn what_tracking_costs_is_told_with_what_is_asked_of_it() {
    let (stdout, _) = bench(&["--quick", "tracked_lock_ops", "tracked_queue_items"], None);
    let asked: Vec<&str> = stdout.lines().filter(|line| line.contains("(asked: 1.3 × at most)")).collect();
    assert_eq!(asked.len(), 2, "{stdout}");
    assert!(stdout.contains("Mutex") && stdout.contains("channel") && !stdout.contains("Python"), "{stdout}");
}

#[test]
fn what_the_observer_costs_is_told_with_what_is_asked_of_it() {
    let (stdout, stderr) = bench(&["--quick", "observed_lock_ops", "observed_contended_rounds", "observed_start_ms"], None);
    if Command::new("python3").arg("--version").output().is_err() {
        return skipped("the observer: no python3");
    }
    for asked in ["(asked: 1000 ns at most)", "(asked: 1.05 × at most)", "(asked: 15 ms at most)"] {
        assert_eq!(stdout.matches(asked).count(), 1, "{stdout}{stderr}");
    }
    assert_eq!(stdout.lines().filter(|line| line.trim_start().starts_with("without ")).count(), 3, "{stdout}");
}

#[test]
fn a_learner_reads_a_table_with_bars() {
    let (stdout, _) = bench(&["--quick", "lock_ops"], None);
    assert!(stdout.contains("lock") && stdout.contains("Task Lab") && stdout.contains('█'), "{stdout}");
}
