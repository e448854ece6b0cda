//! The outer watchdog: if a test hangs where no deadline of its own sees it, the stacks of everything that takes part are shown,
//! and the program ends.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Watches until it is dropped.
pub struct Watchdog(#[expect(dead_code, reason = "its end is what the watching thread hears")] SyncSender<()>);

impl Watchdog {
    /// Barks after `patience`: far longer than the test takes on the slowest machine.
    pub fn after(patience: Duration) -> Self {
        let (sender, end) = sync_channel::<()>(1);
        let of = std::thread::current().name().unwrap_or("a test").to_owned();
        let watch = move || {
            if end.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                let own = std::process::id().cast_signed();
                let below = super::descendants_of(own);
                eprintln!("{of} has hung for {patience:?}\n{}", report(&[&[own][..], &below].concat()));
                for pid in below {
                    super::stress::kill(pid, rustix::process::Signal::KILL);
                }
                std::process::abort();
            }
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch).expect("a thread");
        Self(sender)
    }
}

/// The work of every thread of these processes, and its place in the code: from /proc, and from gdb where it is installed and permitted.
pub fn report(pids: &[i32]) -> String {
    let mut text = String::new();
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default().trim().replace('\0', " ");
    for pid in pids {
        let _ = writeln!(text, "== {pid}: {}", read(format!("/proc/{pid}/cmdline")));
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let folder = task.path().display().to_string();
            let state = read(format!("{folder}/stat")).rsplit(')').next().unwrap_or_default().chars().nth(1).unwrap_or('?');
            let (comm, wchan) = (read(format!("{folder}/comm")), read(format!("{folder}/wchan")));
            let (call, stack) = (read(format!("{folder}/syscall")), read(format!("{folder}/stack")));
            let _ = writeln!(text, "{} {comm} {state} in {wchan}, syscall {call}\n{stack}", task.file_name().display());
        }
        let gdb = Command::new("timeout")
            .args(["30", "gdb", "-batch", "-nx", "-p", &pid.to_string(), "-ex", "thread apply all backtrace 40"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        if let Ok(gdb) = gdb {
            text.push_str(&String::from_utf8_lossy(&gdb.stdout));
        }
    }
    text
}
