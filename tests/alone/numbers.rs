//! Ten thousand threads that live 50 µs, and numbers of processes that come again at once, as an ordinary user: each has its own time and no
//! other's.

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::skipped;

use crate::alone;

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

/// Tells the program of brief threads from the test that runs it.
const INSIDE: &str = "TASKLAB_TEST_BRIEF";
const THREADS: usize = 10_000;
const PROCESSES: usize = 1_500;

/// As many numbers a PID namespace has, of which the kernel leaves the first 300 out once it begins anew.
const NUMBERS: usize = 400;

/// Threads one after the other, each 50 µs long.
fn brief() {
    for _ in 0..THREADS {
        let spin = || {
            let began = Instant::now();
            while began.elapsed() < Duration::from_micros(50) {}
        };
        std::thread::Builder::new().name("brief".into()).spawn(spin).expect("a thread").join().expect("no panic");
    }
}

/// The last sums of each thread of this run, which ends well; `None`, said aloud, where they are not exact.
fn sums_of(run: &mut Command) -> Option<Vec<Value>> {
    let output = run.stdin(Stdio::null()).output().expect("it starts");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(output.status.success(), "{}: {events:?}", String::from_utf8_lossy(&output.stderr));
    let of_kind = |kind: &'static str| events.iter().filter(move |event| event["kind"] == kind);
    let whole = of_kind("run.finished").next().and_then(|event| event["elapsed_s"].as_f64()).expect("its length");
    let sums: Vec<Value> = of_kind("task.cpu").filter(|sums| sums["final"] == true).cloned().collect();
    if sums.is_empty() || sums.iter().any(|sums| sums["exact"] != true) {
        skipped("there are no switch records here, or some were lost");
        return None;
    }
    let seconds = |sums: &Value, key: &str| sums[key].as_u64().expect("a number of ns") as f64 / 1e9;
    for sums in &sums {
        let life = ["ran_ns", "ready_ns", "blocked_ns"].map(|key| seconds(sums, key)).iter().sum::<f64>();
        assert!(life <= whole + 1e-6, "{sums} in {whole} s");
    }
    let ran: f64 = sums.iter().map(|sums| seconds(sums, "ran_ns")).sum();
    let usage = of_kind("process.usage").next().expect("the program was waited on");
    let used: f64 = ["user_s", "system_s"].map(|key| usage[key].as_f64().expect("seconds")).iter().sum();
    // The kernel counts a thread's last microseconds, too, of which its records do not tell.
    assert!(ran <= 1.05 * used + 0.02 && ran >= used / 4.0, "{ran} s by the records, and the kernel counts {used} s");
    Some(sums)
}

#[test]
fn ten_thousand_threads_of_50_microseconds_have_their_own_time() {
    if std::env::var_os(INSIDE).is_some() {
        return brief();
    }
    let _alone = alone();
    let this = std::env::current_exe().expect("this program");
    let name = "numbers::ten_thousand_threads_of_50_microseconds_have_their_own_time";
    let mut run = Command::new(TASKLAB);
    run.args(["exec", "--json", "--"]).arg(this).args([name, "--exact", "--nocapture"]).env(INSIDE, "1");
    let Some(sums) = sums_of(&mut run) else { return };
    let is_brief = |sums: &&Value| sums["name"].as_str().is_some_and(|name| name.starts_with("brief"));
    let brief: Vec<&Value> = sums.iter().filter(is_brief).collect();
    assert_eq!(brief.len(), THREADS);
    assert!(brief.iter().all(|sums| sums["ran_ns"].as_u64() > Some(0)), "each was on a core");
}

#[test]
fn a_number_that_comes_again_at_once_is_another_process() {
    let _alone = alone();
    let few = format!("echo {NUMBERS} >/proc/sys/kernel/pid_max && exec \"$0\" \"$@\"");
    let namespace = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c", &few]).args(program);
        command
    };
    if !namespace(&["true"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return skipped("needs PID namespaces of one's own with their own pid_max (Linux 6.14)");
    }
    let script = format!("i=0; while [ $i -lt {PROCESSES} ]; do (:); i=$((i+1)); done; true");
    let Some(sums) = sums_of(&mut namespace(&[TASKLAB, "exec", "--json", "--", "sh", "-c", &script])) else { return };
    assert_eq!(sums.len(), PROCESSES + 1, "each once");
    let numbers: HashSet<u64> = sums.iter().filter_map(|sums| sums["tid"].as_u64()).collect();
    assert!(numbers.len() < NUMBERS, "{} numbers", numbers.len());
}
