//! The cost of work as the kernel counts it: CPU time, and the time that a thread was ready but had no core. Any thread;
//! never waits.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::param::clock_ticks_per_second;
use rustix::thread::CpuSet;
use rustix::time::{ClockId, clock_gettime};

use crate::sys::{CoreTimes, core_times, own_cgroup, schedstat_of};

/// The cost of a piece of work for the thread that did it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// CPU time, in seconds.
    pub(crate) cpu: f64,
    /// The part of the time in which it ran or was ready to; `None` where the kernel does not count it.
    pub(crate) ready: Option<f64>,
}

/// Does some work, and says what it cost.
pub(crate) fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (cpu, delay) = used();
    let began = Instant::now();
    let made = work();
    let elapsed = began.elapsed().as_secs_f64();
    let (cpu_now, delay_now) = used();
    let spent = cpu_now - cpu;
    let ready = delay.zip(delay_now).map(|(before, now)| (spent + now - before) / elapsed);
    (made, Cost { cpu: spent, ready })
}

/// How many ran, or were ready to, at a time, on the average; `None` where the kernel does not tell.
pub(crate) fn ready_at_a_time<'c>(costs: impl IntoIterator<Item = &'c Cost>) -> Option<f64> {
    costs.into_iter().map(|cost| cost.ready).sum()
}

/// CPU time of the calling thread, and time that it was ready but had no core, in seconds. Some kernels do not count the
/// latter: their schedstat is missing, or all zeros, also where it counts how often the thread got a core.
fn used() -> (f64, Option<f64>) {
    let delay = schedstat_of(None).filter(|stat| stat.turns > 0).map(|stat| stat.waited.as_secs_f64());
    (clock(ClockId::ThreadCPUTime), delay)
}

/// CPU time of all threads of this process so far, in seconds.
pub(crate) fn process_cpu() -> f64 {
    clock(ClockId::ProcessCPUTime)
}

fn clock(id: ClockId) -> f64 {
    let time = clock_gettime(id);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Cores that the control groups of this process leave it, such as a container's: infinite where none has a limit (cgroups(7)).
pub(crate) fn quota() -> f64 {
    own_cgroup().map_or(f64::INFINITY, |group| quota_of(&group))
}

/// The least that a group and those above it have in `cpu.max`: microseconds of CPU time, of so many that pass.
fn quota_of(group: &Path) -> f64 {
    let limits = group.ancestors().filter_map(|group| {
        let text = fs::read_to_string(group.join("cpu.max")).ok()?;
        let (quota, period) = text.trim().split_once(' ')?;
        Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
    });
    limits.fold(f64::INFINITY, f64::min)
}

/// CPU time that all processes have used on these cores so far, in seconds (proc(5), `/proc/stat`); 0 if that cannot be read.
pub(crate) fn load(cores: &CpuSet) -> f64 {
    seconds(cores, |core| core.busy.iter().sum())
}

/// Time that the host of a virtual machine took from these cores so far, in seconds. The kernel charges it to no thread: the thread
/// on the core neither ran nor waited for one.
pub(crate) fn stolen(cores: &CpuSet) -> f64 {
    seconds(cores, CoreTimes::stolen)
}

fn seconds(cores: &CpuSet, ticks: impl Fn(&CoreTimes) -> u64) -> f64 {
    let is_one = |core: &&CoreTimes| {
        let number = core.number as usize;
        number < CpuSet::MAX_CPU && cores.is_set(number)
    };
    let all = core_times(&fs::read("/proc/stat").unwrap_or_default());
    all.iter().filter(is_one).map(ticks).sum::<u64>() as f64 / clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::thread::sched_getaffinity;

    use super::*;

    #[test]
    fn the_smallest_quota_on_the_way_up_counts() {
        let tree = tempfile::tempdir().expect("a folder");
        let own = tree.path().join("container/lesson");
        fs::create_dir_all(&own).expect("made");
        let quota = |group: &Path| quota_of(group).to_string();
        let limit = |group: &Path, text: &str| fs::write(group.join("cpu.max"), text).expect("written");
        assert_eq!(quota(&own), "inf", "no group says anything");
        limit(&own, "max 100000\n");
        assert_eq!(quota(&own), "inf");
        limit(&own, "300000 100000\n");
        limit(&tree.path().join("container"), "150000 100000\n");
        assert_eq!([quota(&own), quota(tree.path())], ["1.5", "inf"]);
        limit(tree.path(), "50000 100000\n");
        assert_eq!([quota(&own), quota(tree.path())], ["0.5", "0.5"], "in a container the tree begins with it");
    }

    #[test]
    fn work_costs_cpu_time_and_waiting_does_not() {
        let (cpu, load_before) = (process_cpu(), load(&sched_getaffinity(None).expect("our cores")));
        let spin = || while clock(ClockId::ThreadCPUTime) < 0.2 {};
        let ((), spun) = cost_of(spin);
        assert!(spun.cpu > 0.1 && process_cpu() - cpu > 0.1, "{spun:?}");
        let cores = sched_getaffinity(None).expect("our cores");
        assert!(load(&cores) > load_before && stolen(&cores) < load(&cores));
        if spun.ready.is_some() {
            // On a busy machine a sleeper that wakes up waits for a core, and a host may take one away: then once more.
            let sometime = |work: fn(), is_so: fn(f64) -> bool| (0..50).any(|_| cost_of(work).1.ready.is_some_and(is_so));
            let spin = || {
                let end = clock(ClockId::ThreadCPUTime) + 0.05;
                while clock(ClockId::ThreadCPUTime) < end {}
            };
            assert!(sometime(spin, |ready| ready > 0.7), "a spinner is always ready");
            assert!(sometime(|| std::thread::sleep(Duration::from_millis(50)), |ready| ready < 0.7), "a sleeper is not");
        }
        let unknown = Cost { ready: None, ..spun };
        assert_eq!(ready_at_a_time([&spun, &unknown]), None);
    }
}
