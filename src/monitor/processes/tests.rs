//! Against real children of the test, and against folders that look like /proc where the real one cannot be made to misbehave.

use std::collections::HashSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;
use crate::sys::own_pid;

/// A child that is killed and waited on at the end of the test.
struct Guard(Child);

impl Guard {
    fn spawn(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
        Self(command.spawn().expect(program))
    }

    fn pid(&self) -> Pid {
        Pid::new(self.0.id() as i32)
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).expect("signal");
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Samples below this process until one of `pid` is as wanted.
fn wait_for(pid: Pid, wanted: impl Fn(&ProcessSample) -> bool) -> ProcessSample {
    wait_below(own_pid(), pid, wanted)
}

fn wait_below(root: Pid, pid: Pid, wanted: impl Fn(&ProcessSample) -> bool) -> ProcessSample {
    let begin = Instant::now();
    let mut processes = Processes::new().expect("/proc");
    let mut last = None;
    while begin.elapsed() < Duration::from_secs(30) {
        let now = Monotonic::from_nanos(begin.elapsed().as_nanos() as u64);
        last = processes.sample(root, now).into_iter().find(|sample| sample.pid == pid);
        if let Some(sample) = last.take_if(|sample| wanted(sample)) {
            return sample;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never as wanted; last seen: {last:?}");
}

#[test]
fn a_sleeper_is_as_an_independent_reader_sees_it() {
    let child = Guard::spawn("sleep", &["600"]);
    let sample = wait_for(child.pid(), |sample| sample.threads.iter().any(|thread| thread.waits_for == "a timer"));
    let stat = procfs::process::Process::new(child.pid().number()).and_then(|process| process.stat()).expect("procfs");
    assert_eq!(
        (sample.name.as_str(), sample.ppid.number(), sample.pgid.number(), sample.sid.number(), sample.start_ticks),
        (stat.comm.as_str(), stat.ppid, stat.pgrp, stat.session, stat.starttime)
    );
    assert_eq!((sample.ppid, sample.state, sample.threads.len()), (own_pid(), ProcessState::Sleeping, 1));
    assert!(sample.cpu < 50.0 && sample.rss > 0, "{sample:?}");
}

#[test]
fn a_spinner_runs_and_uses_a_core() {
    let child = Guard::spawn("sh", &["-c", "while :; do :; done"]);
    let sample = wait_for(child.pid(), |sample| sample.cpu > 1.0 && sample.state == ProcessState::Running);
    assert_eq!(sample.threads[0].waits_for, "");
    assert!(sample.cpu <= 100.0, "{sample:?}");
}

#[test]
fn stopped_and_zombie_are_seen() {
    let mut child = Guard::spawn("sleep", &["600"]);
    child.signal(rustix::process::Signal::STOP);
    let stopped = wait_for(child.pid(), |sample| sample.state == ProcessState::Stopped);
    assert_eq!(stopped.threads[0].waits_for, "a signal to continue");
    child.signal(rustix::process::Signal::KILL);
    let zombie = wait_for(child.pid(), |sample| sample.state == ProcessState::Zombie);
    assert_eq!((zombie.rss, zombie.start_ticks), (0, stopped.start_ticks));
    child.0.wait().expect("wait");
    assert!(Processes::new().expect("/proc").sample(own_pid(), Monotonic::ZERO).iter().all(|sample| sample.pid != child.pid()));
}

#[test]
fn waiting_is_told_in_words() {
    let reader = Guard::spawn("cat", &[]);
    wait_for(reader.pid(), |sample| sample.threads[0].waits_for == "a pipe to read");
    let parent = Guard::spawn("sh", &["-c", "sleep 600; :"]);
    let shell = wait_for(parent.pid(), |sample| sample.threads[0].waits_for == "a child");
    let tree = Processes::new().expect("/proc").sample(own_pid(), Monotonic::ZERO);
    let at = |pid| tree.iter().position(|sample| sample.pid == pid);
    let grandchild = tree.iter().find(|sample| sample.ppid == shell.pid).expect("the shell's sleep");
    assert!(at(shell.pid) < at(grandchild.pid), "parents come before children");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(grandchild.pid.number()).expect("a PID"),
        rustix::process::Signal::KILL,
    )
    .expect("the shell's sleep is ended with it");
}

#[test]
fn a_full_pipe_is_waited_on_and_told_apart() {
    let mut command = Command::new("cat");
    command.arg("/dev/zero").stdin(Stdio::null()).stdout(Stdio::piped());
    let writer = Guard(command.spawn().expect("cat"));
    wait_for(writer.pid(), |sample| sample.threads[0].waits_for == "room in a pipe");
}

/// Covers: promise 13, F63.
#[test]
fn threads_are_seen_with_hostile_names_and_what_they_wait_for() {
    let parent = rustix::process::getppid().expect("a parent").as_raw_nonzero().get();
    let (release, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .spawn(move || {
            rustix::thread::set_name(c"a) R 1 (\nb").expect("a name");
            tell.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("told");
            let _ = wait.recv();
        })
        .expect("a thread");
    let tid = Tid::new(told.recv().expect("a tid"));
    let is_it = |thread: &ThreadSample| thread.tid == tid && thread.waits_for == "a lock";
    let sample = wait_below(Pid::new(parent), own_pid(), |sample| sample.threads.iter().any(is_it));
    let seen = sample.threads.iter().find(|thread| thread.tid == tid).expect("the thread");
    assert_eq!((seen.name.as_str(), seen.state), ("a) R 1 ( b", ProcessState::Sleeping));
    assert!(sample.threads.iter().any(|thread| thread.tid.number() == sample.pid.number()), "the first thread is one of them");
    drop(release);
    thread.join().expect("thread");
}

/// Covers: promise 13, F61, F65.
#[test]
fn processes_that_come_and_go_leave_no_wrong_rows() {
    let storm = Guard::spawn("sh", &["-c", "while :; do for i in 1 2 3 4 5 6 7 8; do /bin/true & done; wait; done"]);
    let begin = Instant::now();
    let mut processes = Processes::new().expect("/proc");
    let mut seen = HashSet::new();
    while seen.len() < 200 && begin.elapsed() < Duration::from_secs(30) {
        let samples = processes.sample(storm.pid(), Monotonic::from_nanos(begin.elapsed().as_nanos() as u64));
        let pids: HashSet<Pid> = samples.iter().map(|sample| sample.pid).collect();
        assert_eq!(pids.len(), samples.len(), "a process is there twice");
        for sample in &samples {
            assert!(["sh", "true"].contains(&sample.name.as_str()), "a row of another process: {sample:?}");
        }
        seen.extend(pids);
    }
    assert!(seen.len() >= 200, "only {} processes seen", seen.len());
    assert!(processes.meters.len() < 100, "what is gone is forgotten");
}

/// A folder that looks like /proc.
struct FakeProc(tempfile::TempDir);

impl FakeProc {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn put(&self, path: &str, text: &str) {
        let file = self.0.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }

    fn process(&self, pid: i32, parent: i32, start: u64) {
        self.put(&format!("{pid}/stat"), &stat_line(pid, "x", 'S', parent, 1, start, 0));
    }

    fn remove(&self, pid: i32) {
        fs::remove_dir_all(self.0.path().join(pid.to_string())).expect("removed");
    }

    fn open(&self) -> Processes {
        Processes::over(self.0.path()).expect("opens")
    }
}

fn stat_line(id: i32, comm: &str, state: char, ppid: i32, threads: u32, start: u64, ticks: u64) -> String {
    format!(
        "{id} ({comm}) {state} {ppid} 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 {threads} 0 {start} 0 5 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0\n"
    )
}

fn pids(samples: &[ProcessSample]) -> Vec<i32> {
    samples.iter().map(|sample| sample.pid.number()).collect()
}

const ROOT: Pid = Pid::new(10);

fn second(number: u64) -> Monotonic {
    Monotonic::from_nanos(number * 1_000_000_000)
}

/// Covers: promise 13, F61, F65.
#[test]
fn circles_broken_lines_and_missing_files_cost_only_their_own_rows() {
    let fake = FakeProc::new();
    fake.process(10, 1, 1);
    fake.process(11, 10, 5);
    fake.process(12, 10, 2);
    fake.process(13, 11, 6);
    fake.process(20, 21, 1);
    fake.process(21, 20, 1);
    fake.process(22, 22, 1);
    fake.put("14/stat", "");
    fake.put("15/stat", "15 (x) S 10");
    fake.put("16/stat", &stat_line(99, "another's", 'S', 10, 1, 1, 0));
    fake.put("17/status", "no stat");
    fake.put("18/stat", &"1".repeat(5000));
    fake.put("99999999999999999999/stat", "");
    fake.put("self/stat", &stat_line(10, "x", 'S', 1, 1, 1, 0));
    let mut processes = fake.open();
    for _ in 0..3 {
        assert_eq!(pids(&processes.sample(ROOT, second(1))), [12, 11, 13], "siblings by age, parents first");
    }
    assert!(processes.sample(Pid::new(77), second(1)).is_empty(), "a root that is not there");
}

/// Covers: promise 13, F62.
#[test]
fn a_recycled_number_starts_anew() {
    let fake = FakeProc::new();
    fake.process(10, 1, 1);
    fake.put("11/stat", &stat_line(11, "old", 'R', 10, 1, 100, 0));
    let mut processes = fake.open();
    processes.sample(ROOT, second(1));
    fake.put("11/stat", &stat_line(11, "old", 'R', 10, 1, 100, 50));
    let sample = processes.sample(ROOT, second(2)).remove(0);
    let expected = 100.0 * 50.0 / rustix::param::clock_ticks_per_second() as f32;
    assert!((sample.cpu - expected).abs() < 0.01, "{sample:?}");
    fake.put("11/stat", &stat_line(11, "new", 'R', 10, 1, 900, 5000));
    let sample = processes.sample(ROOT, second(3)).remove(0);
    assert_eq!((sample.name.as_str(), sample.start_ticks, sample.cpu.to_bits()), ("new", 900, 0));
}

#[test]
fn a_counter_that_went_back_tells_no_load_of_a_process_or_thread() {
    let fake = FakeProc::new();
    fake.process(10, 1, 1);
    let mut processes = fake.open();
    let mut sample = |at: u64, first: u64, second_thread: u64| {
        let line = |id, ticks| stat_line(id, "x", 'R', 10, 2, 100, ticks);
        fake.put("11/stat", &line(11, first + second_thread));
        fake.put("11/task/11/stat", &line(11, first));
        fake.put("11/task/12/stat", &line(12, second_thread));
        let sample = processes.sample(ROOT, second(at)).remove(0);
        let threads: Vec<f32> = sample.threads.iter().map(|thread| thread.cpu.round()).collect();
        (sample.cpu.round(), threads)
    };
    let hundredths = |percent: u64| percent * rustix::param::clock_ticks_per_second() / 100;
    sample(1, hundredths(500), hundredths(500));
    assert_eq!(sample(2, hundredths(540), hundredths(510)), (50.0, vec![40.0, 10.0]));
    assert_eq!(sample(3, hundredths(100), hundredths(510)), (50.0, vec![40.0, 0.0]), "what is told is what was measured before");
    assert_eq!(sample(4, hundredths(130), hundredths(530)), (50.0, vec![30.0, 20.0]), "measured afresh");
}

#[test]
fn a_strangers_number_that_becomes_a_descendants_is_seen_at_once() {
    let fake = FakeProc::new();
    fake.process(1, 0, 1);
    fake.process(10, 1, 1);
    fake.process(11, 10, 1);
    fake.process(30, 1, 1);
    fake.process(31, 30, 1);
    let mut processes = fake.open();
    assert_eq!(pids(&processes.sample(ROOT, second(1))), [11]);
    let known: HashSet<i32> = processes.strangers.keys().map(|pid| pid.number()).collect();
    assert_eq!(known, HashSet::from([1, 30, 31]), "strangers are read once");
    // A file system may give a new folder the old one's inode; /proc does not. So the new one is made first.
    fake.process(3000, 10, 7);
    fake.put("3000/stat", &stat_line(30, "x", 'S', 10, 1, 7, 0));
    fake.remove(30);
    fs::rename(fake.0.path().join("3000"), fake.0.path().join("30")).expect("renamed");
    assert_eq!(pids(&processes.sample(ROOT, second(2))), [11, 30]);
}

#[test]
fn a_process_whose_parent_vanished_while_proc_was_read_is_looked_at_again() {
    let fake = FakeProc::new();
    fake.process(1, 0, 1);
    fake.process(10, 1, 1);
    fake.process(12, 11, 1);
    fake.process(13, 12, 1);
    let mut processes = fake.open();
    assert!(processes.sample(ROOT, second(1)).is_empty());
    fake.process(12, 10, 1);
    assert_eq!(pids(&processes.sample(ROOT, second(2))), [12, 13], "they were never taken for strangers");
}

/// Covers: F21.
#[test]
fn a_process_whose_first_thread_has_ended_is_alive() {
    let fake = FakeProc::new();
    fake.process(10, 1, 1);
    fake.put("11/stat", &stat_line(11, "x", 'Z', 10, 3, 5, 0));
    fake.put("11/task/11/stat", &stat_line(11, "x", 'Z', 10, 3, 5, 0));
    fake.put("11/task/12/stat", &stat_line(12, "y", 'S', 10, 3, 6, 0));
    fake.put("11/task/12/wchan", "futex_do_wait");
    fake.put("11/task/13/stat", &stat_line(13, "z", 'R', 10, 3, 6, 0));
    let sample = fake.open().sample(ROOT, second(1)).remove(0);
    assert_eq!((sample.state, sample.threads.len()), (ProcessState::Running, 3));
    let waits = |tid| sample.threads.iter().find(|thread| thread.tid == Tid::new(tid)).map(|thread| thread.waits_for.as_str());
    assert_eq!((waits(11), waits(12), waits(13)), (Some(""), Some("a lock"), Some("")));
}

#[test]
fn files_stay_open_only_for_what_is_there_and_within_the_limit() {
    let fake = FakeProc::new();
    fake.process(10, 1, 1);
    (11..31).for_each(|pid| fake.process(pid, 10, 5));
    let mut processes = fake.open();
    processes.max_open_dirs = 8;
    for _ in 0..3 {
        assert_eq!(processes.sample(ROOT, second(1)).len(), 20);
        assert_eq!(processes.open_dirs.len(), 8);
    }
    (11..30).for_each(|pid| fake.remove(pid));
    assert_eq!(pids(&processes.sample(ROOT, second(2))), [30]);
    assert!(processes.open_dirs.len() <= 1 && processes.meters.len() == 1);
}

#[test]
fn without_wchan_the_call_and_then_the_state_tell() {
    let fake = FakeProc::new();
    fake.process(10, 1, 1);
    let states = [(11, 'S'), (12, 'D'), (13, 'S'), (14, 'S')];
    for (pid, state) in states {
        fake.put(&format!("{pid}/stat"), &stat_line(pid, "x", state, 10, 1, 5, 0));
        fake.put(&format!("{pid}/wchan"), "0");
    }
    fake.put("11/syscall", &format!("{} 0x7 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", libc::SYS_read));
    fs::create_dir_all(fake.0.path().join("11/fd")).expect("a folder");
    std::os::unix::fs::symlink("pipe:[4711]", fake.0.path().join("11/fd/7")).expect("a link");
    fake.put("14/wchan", "some_new_driver_wait.isra.0");
    let samples = fake.open().sample(ROOT, second(1));
    let waits: Vec<&str> = samples.iter().map(|sample| sample.threads[0].waits_for.as_str()).collect();
    assert_eq!(waits, ["a pipe to read", "the kernel (cannot be interrupted)", "", ""], "no function's name");
}
