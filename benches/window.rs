//! The cost of the window at rest, beside htop in the same minute on the same machine: CPU, memory, time to the first window.
//! Not a criterion benchmark: it measures processes from outside, over seconds.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark says what it measured, and ends where it cannot")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::descendants_of;
use support::screen::Screen;

/// Ends a child and what is below it.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        for pid in descendants_of(self.0.id().cast_signed()) {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// CPU time of these processes so far, in clock ticks.
fn ticks(pids: &[i32]) -> u64 {
    let of = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<u64> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // After the name: the state (no number), then ppid …; utime and stime are the 11th and 12th numbers.
        fields.get(10).unwrap_or(&0) + fields.get(11).unwrap_or(&0)
    };
    pids.iter().map(of).sum()
}

/// Memory that these processes alone are to blame for, in MiB.
fn pss_mib(pids: &[i32]) -> f64 {
    let of = |pid: &i32| {
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    pids.iter().map(of).sum()
}

fn main() {
    let span = Duration::from_secs(20);
    let _crowd = Guard(Command::new("sh").args(["-c", "for i in $(seq 300); do sleep 900 & done; wait"]).spawn().expect("sh"));
    let screen = Screen::start();
    let home = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    let app = screen.open(home.path(), &[]);
    println!("first window after {:.2} s (polled every 5 ms or so)", begun.elapsed().as_secs_f64());

    let htop = Command::new("script")
        .args(["-qfc", "stty rows 50 cols 160; exec htop", "/dev/null"])
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map(Guard);
    std::thread::sleep(Duration::from_secs(5));
    let mut ours = descendants_of(app.pid());
    ours.push(app.pid());
    let theirs: Vec<i32> = htop.as_ref().map_or_else(|_| Vec::new(), |htop| descendants_of(htop.0.id().cast_signed()));
    let (before, before_theirs) = (ticks(&ours), ticks(&theirs));
    std::thread::sleep(span);
    let percent = |ticks: u64| ticks as f64 / rustix::param::clock_ticks_per_second() as f64 / span.as_secs_f64() * 100.0;
    println!(
        "window at rest: {:.2} % of a core, {:.1} MiB (PSS, supervisor included)",
        percent(ticks(&ours) - before),
        pss_mib(&ours)
    );
    if theirs.is_empty() {
        println!("htop is not installed: no comparison");
    } else {
        println!("htop beside it: {:.2} % of a core, {:.1} MiB", percent(ticks(&theirs) - before_theirs), pss_mib(&theirs));
    }
}
