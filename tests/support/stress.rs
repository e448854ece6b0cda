//! The shared part of the promises' tests: their length, chance that can be repeated, figures, and a look at processes.

#![expect(clippy::print_stdout, reason = "seeds and figures, which --nocapture shows")]

use std::time::Duration;

/// Whether the long form was asked for (`TASKLAB_STRESS=long`).
pub fn is_long() -> bool {
    std::env::var("TASKLAB_STRESS").is_ok_and(|value| value == "long")
}

/// The first figure in every run of the suite, the second in the long form.
pub fn rounds(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// The same for a time; `TASKLAB_SECONDS` overrides both.
pub fn seconds(short: u64, long: u64) -> Duration {
    let asked = std::env::var("TASKLAB_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(if is_long() { long } else { short }))
}

/// A small generator (splitmix64). The seed is printed, and the same seed gives the same numbers.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From `TASKLAB_SEED`, or another one each time.
    pub fn start() -> Self {
        let given = std::env::var("TASKLAB_SEED").ok().and_then(|text| text.parse().ok());
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self::from_seed(given.unwrap_or_else(|| u64::from(since.subsec_nanos()) ^ (u64::from(std::process::id()) << 32)))
    }

    pub fn from_seed(seed: u64) -> Self {
        println!("seed {seed}: TASKLAB_SEED={seed} repeats it");
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end` - 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Whether others keep this machine busy: more than twice as many processes want a core as there are.
fn is_busy() -> bool {
    let load = std::fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    load.is_some_and(|load| load > 2.0 * cores as f64)
}

/// Prints a time beside the promised one. The long form insists on it, on a machine that has little else to do; the short form, which
/// may share its machine with anything, on twenty times that.
#[track_caller]
pub fn promised(what: &str, took: Duration, promise: Duration) {
    println!("{what}: {took:?} (promised: {promise:?})");
    let limit = if is_long() && !is_busy() { promise } else { promise * 20 };
    assert!(took <= limit, "{what} took {took:?}, and {promise:?} is promised");
}

/// Prints a figure, for a run of the tests with --nocapture.
pub fn say(text: std::fmt::Arguments<'_>) {
    println!("{text}");
}

/// Sends a signal to one process by its number, as no guard of ours would: for what the test itself has started, and for controls.
pub fn kill(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Reads a pipe to its end.
pub fn read_all(fd: std::os::fd::OwnedFd) -> Vec<u8> {
    use std::io::Read;
    rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::empty()).expect("blocking again");
    let mut bytes = Vec::new();
    std::fs::File::from(fd).read_to_end(&mut bytes).expect("reads to the end");
    bytes
}
