//! A program of a test's own, most often Task Lab itself, and all that it starts: gone when the test ends, however it ends.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::stress::{kill, promised};
use super::{eventually, named_below, supervisor_below, tagged};

/// A shell script whose tree wants to stay: it ignores what can be ignored, leaves its session, and forks twice.
pub const STUBBORN: &str = "trap '' TERM HUP INT; \
    setsid sh -c 'trap \"\" TERM HUP; setsid sleep 300 & sleep 300' & \
    (setsid sleep 300 &); \
    echo up; while :; do sleep 1; done";

/// It has a variable of its own in its environment, which everything that it starts inherits.
pub struct App {
    pub process: Child,
    tag: String,
}

impl App {
    pub fn start(command: &mut Command) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let value = format!("app-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let process = command.env("TASKLAB_TEST", &value).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // The command's descriptors belong to the program alone: a copy that is kept here would hold a pipe open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { process, tag: format!("TASKLAB_TEST={value}") }
    }

    pub fn pid(&self) -> i32 {
        self.process.id().cast_signed()
    }

    pub fn supervisor(&self) -> i32 {
        let mut found = None;
        eventually("the supervisor is there", || {
            found = supervisor_below(self.pid());
            found.is_some()
        });
        found.expect("seen just now")
    }

    pub fn guard(&self) -> i32 {
        named_below(self.pid(), "tasklab-guard")[0]
    }

    /// PIDs of all processes with the tag, its own among them. A zombie has no tag.
    pub fn all(&self) -> Vec<i32> {
        tagged(&self.tag)
    }

    /// Whether no process has the tag, in ten looks one after the other. One look at a chain can miss its only process.
    pub fn is_gone(&self) -> bool {
        (0..10).all(|_| self.all().is_empty())
    }

    /// Waits until a signal that it was sent is no longer pending.
    #[track_caller]
    pub fn until_taken(&self, signal: Signal) {
        let bit = 1_u64 << (signal.as_raw() - 1);
        eventually("the signal is taken", || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
            let pending = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("ShdPnd:")?.trim(), 16).ok());
            pending.unwrap_or_default() & bit == 0
        });
    }

    /// Its exit status (`None`: by a signal), once it has ended and nothing of it is left. `meanwhile` is called until it has ended.
    #[track_caller]
    pub fn status_after(&mut self, what: &str, mut meanwhile: impl FnMut()) -> Option<i32> {
        let mut status = None;
        eventually(&format!("{what}: it ends"), || {
            meanwhile();
            status = self.process.try_wait().expect("ours");
            status.is_some()
        });
        eventually(&format!("{what}: nothing is left"), || self.all().is_empty());
        status.and_then(|status| status.code())
    }

    #[track_caller]
    pub fn status(&mut self, what: &str) -> Option<i32> {
        self.status_after(what, || {})
    }

    /// Waits until it has ended, and nothing is left of it; two seconds after its end, as is promised.
    #[track_caller]
    pub fn leaves_nothing(&mut self, what: &str) {
        eventually(&format!("{what}: it ends"), || self.process.try_wait().expect("ours").is_some());
        let ended = Instant::now();
        eventually(&format!("{what}: nothing is left"), || self.is_gone());
        promised(what, ended.elapsed(), Duration::from_secs(2));
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let end = Instant::now() + Duration::from_secs(20);
        while !self.all().is_empty() && Instant::now() < end {
            // Stopped first, so that none of them forks while the others are killed.
            for signal in [Signal::STOP, Signal::KILL] {
                for pid in self.all() {
                    kill(pid, signal);
                }
            }
        }
    }
}
