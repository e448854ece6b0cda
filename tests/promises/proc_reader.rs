//! Promise 13: processes that come and go by the hundred, with hostile names and numbers that come back. No row is filled from
//! another process.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::namespace::is_inside;
use support::stress::seconds;
use support::watchdog::Watchdog;
use support::{Supervisor, deadline, eventually, skipped};
use tasklab::model::{ChildSpec, OutputTo, Scope, Signal};
use tasklab::monitor::Processes;
use tasklab::sys::monotonic_now;

/// Forks at most 500 children a second. Each has its own number in its name, in a form that would pass for other fields of
/// /proc/PID/stat, waits a moment, and ends.
const CHURN: &str = "import ctypes, os, random, time
libc = ctypes.CDLL(None)
def rename(name): libc.prctl(15, name, 0, 0, 0)
rename(b'churn')
alive = []
while True:
    pid = os.fork()
    if pid == 0:
        rename(b'%d) R 1 (\\nb' % os.getpid())
        time.sleep(random.random() / 50)
        os._exit(0)
    alive.append(pid)
    time.sleep(0.002)
    while len(alive) > 12: os.waitpid(alive.pop(0), 0)
";

struct Churn(Child);

impl Churn {
    fn start() -> Self {
        let churn = Command::new("python3").args(["-c", CHURN]).stdin(Stdio::null()).spawn();
        Self(churn.expect("python3 starts"))
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The number and the rest of a hostile name. A reader may see only the beginning of a name that is being written.
fn parts_of(name: &str) -> Option<(i32, &str)> {
    let (number, rest) = name.split_once(')')?;
    Some((number.parse().ok()?, rest))
}

/// Covers: promise 13, F61, F62, F63, F65.
#[test]
fn hostile_names_and_numbers_that_come_back_fill_no_row_from_another_process() {
    if !is_inside("proc_reader::hostile_names_and_numbers_that_come_back_fill_no_row_from_another_process") {
        return;
    }
    let length = seconds(8, 600);
    let _watchdog = Watchdog::after(length + Duration::from_mins(5));
    let churn = Churn::start();
    let root = tasklab::model::Pid::new(std::process::id().cast_signed());
    let mut processes = Processes::new().expect("/proc");
    let (mut samples, mut rows, mut named) = (0_u64, 0_u64, 0_u64);
    let mut starts: HashMap<i32, Vec<u64>> = HashMap::new();
    let began = Instant::now();
    let few_numbers = std::fs::read_to_string("/proc/sys/kernel/pid_max").is_ok_and(|text| text.trim() == "1000");
    let came_back = |starts: &HashMap<i32, Vec<u64>>| starts.values().filter(|starts| starts.len() > 1).count();
    // Until numbers have come back, however slowly this machine forks; an older kernel has too many to wait for that.
    while began.elapsed() < length || (few_numbers && came_back(&starts) == 0 && began.elapsed() < deadline()) {
        samples += 1;
        let mut seen = std::collections::HashSet::new();
        for sample in processes.sample(root, monotonic_now()) {
            rows += 1;
            let pid = sample.pid.number();
            assert!(seen.insert(pid), "{pid} is there twice");
            if let Some((number, rest)) = parts_of(&sample.name) {
                named += 1;
                assert_eq!(number, pid, "a row of another process: {sample:?}");
                assert!(" R 1 ( b".starts_with(rest), "{:?}", sample.name);
                assert_eq!(sample.ppid.number(), churn.0.id().cast_signed(), "{sample:?}");
                let of_pid = starts.entry(pid).or_default();
                if of_pid.last() != Some(&sample.start_ticks) {
                    of_pid.push(sample.start_ticks);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let reused = came_back(&starts);
    println!("{samples} samples, {rows} rows, {named} with a hostile name, {reused} numbers came back");
    assert!(named > 100, "the control: hostile names were seen");
    if !few_numbers && reused == 0 {
        return skipped("numbers that come back: this kernel has too many of them to wait for one");
    }
    assert!(reused > 0, "the control: numbers came back");
}

/// A reader that splits a stat line at its spaces gets nonsense from such a name: the control of the test above.
///
/// Covers: promise 13, F63.
#[test]
fn the_control_that_splits_at_spaces_is_deceived() {
    let churn = Churn::start();
    let own = churn.0.id().cast_signed();
    eventually("a naive reader takes a sleeper for a running child of init's", || {
        support::descendants_of(own).into_iter().any(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let naive: Vec<&str> = stat.split(' ').collect();
            naive.get(2) == Some(&"R") && naive.get(3) == Some(&"1") && stat.contains(") R 1 (")
        })
    });
}

/// The supervisor finds its own among them, whatever they are called.
///
/// Covers: promise 13, F63, F65.
#[test]
fn the_supervisor_ends_a_churning_tree_with_hostile_names() {
    let mut supervisor = Supervisor::start();
    for scope in [Scope::Tree, Scope::Group] {
        let spec = ChildSpec { stdout: OutputTo::Null, stderr: OutputTo::Null, ..ChildSpec::new(["python3", "-c", CHURN]) };
        let (pid, _pipes) = supervisor.launch_one(spec);
        eventually("it churns", || support::descendants_of(pid.number()).len() > 5);
        supervisor.signal(pid, &[Signal::KILL], scope).expect("signalled");
        supervisor.exit_of(pid);
        eventually("nobody is left", || {
            let run = supervisor.run();
            supervisor.signal_run(run, &[Signal::KILL]).is_empty() && support::survivors(&supervisor).is_empty()
        });
    }
}
