//! What the kernel says that work has cost: CPU time, and the time that somebody was ready but had no core. Any thread;
//! never waits.

use std::fs;
use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;
use rustix::thread::CpuSet;
use rustix::time::{ClockId, clock_gettime};

/// What a piece of work cost the thread that did it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    /// CPU time, in seconds.
    pub(super) cpu: f64,
    /// The part of the time in which it ran or was ready to; `None` where the kernel does not count it.
    pub(super) ready: Option<f64>,
}

/// Does some work, and says what it cost.
pub(super) fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
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
pub(super) fn ready_at_a_time<'c>(costs: impl IntoIterator<Item = &'c Cost>) -> Option<f64> {
    costs.into_iter().map(|cost| cost.ready).sum()
}

/// CPU time of the calling thread, and time that it was ready but had no core, in seconds. Some kernels do not count the
/// latter: their schedstat is missing, or all zeros, also where it counts how often the thread got a core.
fn used() -> (f64, Option<f64>) {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let words: Vec<u64> = text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
    let delay = match words[..] {
        [_, delay, times, ..] if times > 0 => Some(Duration::from_nanos(delay).as_secs_f64()),
        _ => None,
    };
    (clock(ClockId::ThreadCPUTime), delay)
}

/// CPU time of all threads of this process so far, in seconds.
pub(super) fn process_cpu() -> f64 {
    clock(ClockId::ProcessCPUTime)
}

fn clock(id: ClockId) -> f64 {
    let time = clock_gettime(id);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// CPU time that was used on these cores so far, by whomever, in seconds (proc(5), `/proc/stat`); 0 if that cannot be read.
pub(super) fn load(cores: &CpuSet) -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: u64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("cpu")?.split_once(' '))
        .filter(|(number, _)| number.parse().is_ok_and(|number: usize| number < CpuSet::MAX_CPU && cores.is_set(number)))
        .map(|(_, ticks)| {
            // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in user and nice already.
            let ticks = ticks.split_ascii_whitespace().take(8).enumerate();
            ticks.filter(|(column, _)| ![3, 4].contains(column)).filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum::<u64>()
        })
        .sum();
    ticks as f64 / clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use rustix::thread::sched_getaffinity;

    use super::*;

    #[test]
    fn work_costs_cpu_time_and_waiting_does_not() {
        let (cpu, load_before) = (process_cpu(), load(&sched_getaffinity(None).expect("our cores")));
        let spin = || while clock(ClockId::ThreadCPUTime) < 0.2 {};
        let ((), spun) = cost_of(spin);
        assert!(spun.cpu > 0.1 && process_cpu() - cpu > 0.1, "{spun:?}");
        assert!(load(&sched_getaffinity(None).expect("our cores")) > load_before);
        if let Some(ready) = spun.ready {
            assert!(ready > 0.7, "a spinner is always ready: {spun:?}");
            let ((), slept) = cost_of(|| std::thread::sleep(Duration::from_millis(50)));
            assert!(slept.ready.is_some_and(|ready| ready < 0.7), "a sleeper is not: {slept:?}");
        }
        let unknown = Cost { ready: None, ..spun };
        assert_eq!(ready_at_a_time([&spun, &unknown]), None);
    }
}
