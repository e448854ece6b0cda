//! The kernel's switch records as an ordinary user: they agree with the kernel's other counts, are open only while a run goes on, and
//! where they are refused every run works all the same, and says so.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
use serde_json::Value;
use support::program::{exec, said};
use support::runs::{engine, events_of, programs, sh};
use support::stress::{kill, read_all};
use support::{App, Supervisor, eventually, skipped};
use tasklab::engine::Command as EngineCommand;
use tasklab::model::{ChildSpec, EventKind, ExitStatus, Monotonic, Scheduled, SchedulerRecord, Tid};
use tasklab::sys::{SchedStat, SwitchRings, core_times, monotonic_now, schedstat_of};

use crate::alone;

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");

/// Tells the program of the phases from the test that runs it.
const INSIDE: &str = "TASKLAB_TEST_PHASES";
/// The length of a phase.
const PHASE: Duration = Duration::from_millis(500);

/// Whether this machine gives switch records to this user; says it where not.
fn has_records() -> bool {
    let refused = tasklab::sys::try_switches().err();
    if let Some(refused) = &refused {
        skipped(format!("no switch records here: {refused}"));
    }
    refused.is_none()
}

/// A thread of the program, which notes what the kernel counts of it from `begin` on.
struct Phase(&'static str, Monotonic, SchedStat);

impl Phase {
    fn begin(name: &'static str) -> Self {
        Self(name, monotonic_now(), schedstat_of(None).expect("schedstat"))
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        let (Self(name, from, before), now, until) = (self, schedstat_of(None).expect("schedstat"), monotonic_now());
        let (ran, waited) = (now.ran.saturating_sub(before.ran), now.waited.saturating_sub(before.waited));
        let (tid, from, until) = (gettid().as_raw_nonzero(), from.nanos(), until.nanos());
        // In one write, so that no other thread's line gets between.
        let line = format!("\nPHASE {name} {tid} {from} {until} {} {}\n", ran.as_nanos(), waited.as_nanos());
        std::io::stdout().write_all(line.as_bytes()).expect("written");
    }
}

fn spin() {
    let end = Instant::now() + PHASE;
    while Instant::now() < end {
        black_box((0..1000).sum::<u64>());
    }
}

/// The program: each thread does one thing, all at once.
fn phases() {
    let allowed = sched_getaffinity(None).expect("known");
    let core = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core)).expect("one");
    let lock = Mutex::new(());
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    std::thread::scope(|scope| {
        let held = lock.lock().expect("free");
        for name in ["pair-a", "pair-b"] {
            start(scope, name, Some(core), spin);
        }
        start(scope, "spin", None, spin);
        start(scope, "sleep", None, || std::thread::sleep(PHASE));
        start(scope, "lock", None, || drop(lock.lock()));
        start(scope, "pipe", None, || reader.read_exact(&mut [0]).expect("a byte"));
        std::thread::sleep(PHASE);
        drop(held);
        writer.write_all(b"x").expect("written");
    });
}

fn start<'scope>(scope: &'scope Scope<'scope, '_>, name: &'static str, core: Option<usize>, body: impl FnOnce() + Send + 'scope) {
    let run = move || {
        // A thread that has to go to another core blocks until it is there, and is not meant to block in its phase.
        if let Some(core) = core {
            let mut one = CpuSet::new();
            one.set(core);
            sched_setaffinity(None, &one).expect("allowed");
        }
        let _phase = Phase::begin(name);
        body();
    };
    std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, run).expect("a thread");
}

/// What a thread of the program has said of itself.
#[derive(Debug, Clone)]
struct Said {
    tid: Tid,
    from: Monotonic,
    until: Monotonic,
    ran: Duration,
    waited: Duration,
}

fn said_in(output: &str) -> BTreeMap<String, Said> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("PHASE "));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u64>().expect("a number");
            let said = Said {
                tid: Tid::new(number(1) as i32),
                from: Monotonic::from_nanos(number(2)),
                until: Monotonic::from_nanos(number(3)),
                ran: Duration::from_nanos(number(4)),
                waited: Duration::from_nanos(number(5)),
            };
            (words[0].to_owned(), said)
        })
        .collect()
}

/// Where the records contradict themselves: times that go back, a thread on two cores at once, a core with two threads at once.
fn faults(records: &[SchedulerRecord]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut cores: HashMap<u16, Tid> = HashMap::new();
    let mut last = Monotonic::ZERO;
    for record in records {
        let SchedulerRecord { t, tid, core, what, .. } = record;
        if *t < last {
            faults.push(format!("{record:?} after {last:?}"));
        }
        last = *t;
        match what {
            Scheduled::In => {
                if let Some((other, _)) = cores.iter().find(|(_, running)| *running == tid) {
                    faults.push(format!("{record:?}, and it is on core {other}"));
                }
                if let Some(other) = cores.insert(*core, *tid) {
                    faults.push(format!("{record:?}, and there is {other}"));
                }
            }
            Scheduled::Preempted | Scheduled::Blocked => {
                if cores.remove(core) != Some(*tid) {
                    faults.push(format!("{record:?}, and it was not there"));
                }
            }
            Scheduled::Ended => cores.retain(|_, running| running != tid),
            Scheduled::Lost { .. } => faults.push(format!("{record:?}")),
            Scheduled::Began { .. } | Scheduled::Named { .. } | Scheduled::Mapped | Scheduled::Counted { .. } => {}
        }
    }
    faults
}

/// How long a thread was on a core, ready (it had to leave its core), and blocked, between two times; and the cores that it got.
fn sums(records: &[SchedulerRecord], said: &Said) -> ([Duration; 3], Vec<u16>) {
    let (mut sums, mut cores) = ([Duration::ZERO; 3], Vec::new());
    let mut state: Option<(usize, Monotonic)> = None;
    for record in records.iter().filter(|record| record.tid == said.tid) {
        let next = match record.what {
            Scheduled::In => 0,
            Scheduled::Preempted | Scheduled::Began { .. } => 1,
            Scheduled::Blocked => 2,
            _ => continue,
        };
        let until = record.t.clamp(said.from, said.until);
        if let Some((last, from)) = state.replace((next, until)) {
            sums[last] += until.since(from);
        }
        if record.what == Scheduled::In && record.t <= said.until {
            cores.push(record.core);
        }
    }
    if let Some((last, from)) = state {
        sums[last] += said.until.since(from);
    }
    (sums, cores)
}

/// How long other machines had our cores so far: the kernel does not count it, and the records do.
pub(crate) fn stolen() -> Duration {
    let stat = fs::read("/proc/stat").unwrap_or_default();
    let ticks: u64 = core_times(&stat).iter().map(tasklab::sys::CoreTimes::stolen).sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

#[test]
fn the_records_agree_with_what_the_kernel_counts() {
    if std::env::var_os(INSIDE).is_some() {
        return phases();
    }
    let _alone = alone();
    if !has_records() {
        return;
    }
    if !tasklab::sys::counts_turns() {
        return skipped("this kernel keeps no schedstat to compare with");
    }
    let stolen_before = stolen();
    let mut supervisor = Supervisor::start();
    let mut rings = SwitchRings::open(supervisor.pid(), SwitchRings::usual_pages()).expect("given just now");
    let program = std::env::current_exe().expect("this program").into_os_string();
    let arguments = ["switches::the_records_agree_with_what_the_kernel_counts", "--exact", "--nocapture"];
    let argv = std::iter::once(program).chain(arguments.map(Into::into));
    let mut spec = ChildSpec::new(argv);
    spec.env.push((INSIDE.into(), "1".into()));
    let (pid, pipes) = supervisor.launch_one(spec);
    let has_ended = AtomicBool::new(false);
    let (records, output) = std::thread::scope(|scope| {
        // As the engine reads them.
        let reading = scope.spawn(|| {
            let (mut records, mut until) = (Vec::new(), Monotonic::ZERO);
            while !has_ended.load(Ordering::Relaxed) {
                let before = records.len();
                let next = rings.read(&mut records);
                let new: &[SchedulerRecord] = &records[before..];
                assert!(next >= until && new.iter().all(|record| record.t >= until && record.t <= next), "each in its read");
                until = next;
                std::thread::sleep(Duration::from_millis(33));
            }
            rings.read_all(&mut records);
            records
        });
        let output = read_all(pipes.stdout.expect("a pipe"));
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(0));
        has_ended.store(true, Ordering::Relaxed);
        (reading.join().expect("no panic"), String::from_utf8_lossy(&output).into_owned())
    });
    drop(supervisor);

    assert_eq!(faults(&records), Vec::<String>::new());
    let said = said_in(&output);
    assert_eq!(said.keys().collect::<Vec<_>>(), ["lock", "pair-a", "pair-b", "pipe", "sleep", "spin"], "{output}");
    let slack = stolen().saturating_sub(stolen_before);
    for (name, said) in &said {
        let wall = said.until.since(said.from);
        let ([ran, ready, blocked], cores) = sums(&records, said);
        println!(
            "{name}: {wall:?}; records: ran {ran:?}, ready {ready:?}, blocked {blocked:?}, last on {:?}; schedstat: {said:?}",
            cores.last()
        );
        let is_near = |one: Duration, other: Duration| one.abs_diff(other) <= wall * 3 / 100 + slack;
        assert!(is_near(ran, said.ran), "{name} ran {ran:?}, and the kernel counts {:?}", said.ran);
        // One that is woken and has no core yet is ready for the kernel, while its last record says that it blocked.
        assert!(is_near(ready + blocked, wall.saturating_sub(said.ran)), "{name}: {ready:?} and {blocked:?} of {wall:?}");
        assert!(
            ready <= said.waited + wall * 3 / 100 + slack,
            "{name} was ready for {ready:?}, and the kernel counts {:?}",
            said.waited
        );
        let twice = Said { ran: said.ran + wall / 2, ..said.clone() };
        assert!(!is_near(ran, twice.ran) || slack > wall / 4, "the control: half a phase more is seen");
        let is_named = |record: &SchedulerRecord| {
            record.tid == said.tid && matches!(&record.what, Scheduled::Named { name: given, .. } if **given == **name)
        };
        assert!(records.iter().any(is_named), "{name} has its name");
        if name.starts_with("pair") {
            assert!(is_near(ready, said.waited), "{name} was ready for {ready:?}, and the kernel counts {:?}", said.waited);
        }
    }
    let both = ["pair-a", "pair-b"].map(|name| sums(&records, &said[name]));
    let last: Vec<_> = both.iter().map(|(_, cores)| cores.last()).collect();
    assert_eq!(last[0], last[1], "on one core");
    assert!(both.iter().all(|([_, ready, _], _)| *ready > PHASE / 10), "each waited for the other: {both:?}");

    // The control of each rule.
    let at = records.iter().position(|record| record.what == Scheduled::In).expect("there are switches");
    let mut twice = records.clone();
    twice.insert(at + 1, SchedulerRecord { core: 999, ..records[at].clone() });
    assert!(faults(&twice).iter().any(|fault| fault.contains("it is on core")));
    let mut crowded = records.clone();
    crowded.insert(at + 1, SchedulerRecord { tid: Tid::new(1), ..records[at].clone() });
    assert!(faults(&crowded).iter().any(|fault| fault.contains("and there is")));
    let mut back = records.clone();
    back.reverse();
    assert!(!faults(&back).is_empty());
}

/// How many descriptors of perf's this process has.
fn events_open() -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc").flatten();
    entries
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().contains("perf_event")))
        .count()
}

#[test]
fn events_are_open_only_while_a_run_goes_on() {
    let _alone = alone();
    if !has_records() {
        return;
    }
    let engine = engine(Some(1 << 12));
    assert_eq!(events_open(), 0, "nothing runs");
    for _ in 0..2 {
        let mut most = 0;
        let mut run = None;
        let events = events_of(&engine, programs(vec![sh("sleep 60")]), |event| match &event.kind {
            EventKind::RunStarted { run: id, .. } => run = Some(*id),
            EventKind::ProcessStarted { .. } => {
                most = events_open();
                let end = EngineCommand::Act { run: run.expect("started"), action: tasklab::model::Action::End };
                engine.handle().send(end).expect("taken");
            }
            _ => {}
        });
        assert!(!events.is_empty() && most > 0, "the control: {most} are open meanwhile");
        eventually("all are closed", || events_open() == 0);
    }
    // The next supervisor gets its own; those of a lost one are closed with its runs.
    let supervisor = support::supervisor_below(std::process::id().cast_signed()).expect("the supervisor");
    events_of(&engine, programs(vec![sh("sleep 60")]), |event| {
        if matches!(event.kind, EventKind::ProcessStarted { .. }) {
            kill(supervisor, rustix::process::Signal::KILL);
        }
    });
    eventually("all are closed", || events_open() == 0);
    eventually("the next supervisor is there", || engine.handle().snapshot().trouble.is_none());
    let mut most = 0;
    events_of(&engine, programs(vec![sh("sleep 0.1")]), |_| most = most.max(events_open()));
    assert!(most > 0, "the next supervisor's");
    eventually("all are closed", || events_open() == 0);
    assert!(engine.handle().snapshot().system.scheduler.is_none());
}

fn strace_works(folder: &Path) -> bool {
    let probe = Command::new("strace").args(["-f", "-o"]).arg(folder.join("probe")).arg("true").output();
    let is_there = probe.as_ref().is_ok_and(|output| output.status.success());
    if !is_there {
        skipped(format!("strace may not trace here: {probe:?}"));
    }
    is_there
}

/// The program with a `perf_event_open` that fails so; status, standard output, standard error.
fn refused(folder: &Path, error: &str, arguments: &[&str]) -> (i32, String, String) {
    let (log, out, errors) = (folder.join("log"), folder.join("out"), folder.join("errors"));
    let file = |path: &Path| fs::File::create(path).expect("a file");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "--seccomp-bpf", "-e", "trace=perf_event_open", "-e"])
        .arg(format!("inject=perf_event_open:error={error}"))
        .arg("-o")
        .arg(&log)
        .arg(TASKLAB)
        .args(arguments)
        .stdin(std::process::Stdio::null());
    let mut app = App::start(strace.stdout(file(&out)).stderr(file(&errors)));
    let status = app.status(error).expect("no signal");
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    assert!(read(&log).contains("(INJECTED)"), "the control: it was refused: {}", read(&log));
    (status, read(&out), read(&errors))
}

/// Half a second and more of work, by a child of the program.
const WORK: &[&str] = &["exec", "--json", "--", "sh", "-c", "timeout 0.8 sh -c 'while :; do :; done'; exit 7"];

fn sums_told(lines: &str) -> Vec<Value> {
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.filter(|event| event["kind"] == "task.cpu").collect()
}

#[test]
fn where_records_are_refused_a_run_works_and_tells_shares_and_doctor_says_why() {
    let _alone = alone();
    let scratch = tempfile::tempdir().expect("a folder");
    if !strace_works(scratch.path()) {
        return;
    }
    for (error, why, remedy) in [
        ("EACCES", "perf_event_open: a container's filter", "allows perf_event_open"),
        ("EINVAL", "does not know them", "a Linux kernel from 4.17 on"),
        ("ENOSYS", "there is no perf_event_open", "CONFIG_PERF_EVENTS"),
    ] {
        let (status, lines, errors) = refused(scratch.path(), error, WORK);
        assert_eq!((status, errors.as_str()), (7, ""), "{error}: the run is as ever");
        let told = sums_told(&lines);
        if tasklab::sys::counts_turns() {
            assert!(told.iter().all(|sums| sums["exact"] == false), "{error}: {told:?}");
            let finals: Vec<&Value> = told.iter().filter(|sums| sums["final"] == true).collect();
            let busiest = finals.iter().max_by_key(|sums| sums["ran_ns"].as_u64()).expect("the spinner's");
            assert!(busiest["name"] == "sh" && busiest["ran_ns"].as_u64() > Some(20_000_000), "{error}: {finals:?}");
            let of = |sums: &&Value| sums["tid"] == busiest["tid"] && sums["final"] != true;
            let parts: Vec<&Value> = told.iter().filter(of).collect();
            for key in ["ran_ns", "ready_ns", "blocked_ns", "switches"] {
                let total: u64 = parts.iter().filter_map(|sums| sums[key].as_u64()).sum();
                let last = busiest[key].as_u64().expect("a number");
                // It may have been blocked since its last change.
                assert!(total <= last && (key == "blocked_ns" || total == last), "{error}: {key} of {parts:?}, {busiest:?}");
            }
            let ids: Vec<&Value> = finals.iter().map(|sums| &sums["tid"]).collect();
            assert!(ids.iter().all(|id| ids.iter().filter(|other| other == &id).count() == 1), "one final each: {finals:?}");
        } else {
            skipped("shares of time: this kernel keeps no schedstat");
            assert!(told.is_empty(), "{told:?}");
        }
        let (status, findings, _) = refused(scratch.path(), error, &["doctor", "--json"]);
        let findings: Value = serde_json::from_str(&findings).expect("JSON");
        let finding =
            findings.as_array().and_then(|all| all.iter().find(|one| one["topic"] == "scheduler")).expect("it is there");
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let is_paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").is_ok_and(|text| text.trim() > "2");
        if error != "EACCES" || !is_paranoid {
            assert!(text("value").contains(why) && text("fix").contains(remedy), "{error}: {finding}");
        }
        assert_eq!((status, &finding["ok"]), (0, &Value::Bool(false)), "{error}");
    }
    if has_records() {
        let (status, lines, _) = exec(&WORK[1..]);
        let told = sums_told(&lines);
        assert!(status == 7 && told.iter().any(|sums| sums["final"] == true), "the control: {lines}");
        assert!(told.iter().all(|sums| sums["exact"] == true), "where there are records, there are no shares: {told:?}");
        let (_, text, _) = said(&support::program::tasklab(&["doctor"]).output().expect("runs"));
        assert!(text.lines().any(|line| line.starts_with("✓ scheduler") && line.contains("switch records")), "{text}");
    }
}
