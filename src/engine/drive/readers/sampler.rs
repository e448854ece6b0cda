//! The monitor thread: reads /proc at its own pace and sends samples. It drops a sample while the queue is full.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::engine::drive::bell::Bell;
use crate::model::{ExitStatus, LoadSample, MachineSample, Monotonic, Pid, PipeFill, ProcessSample, RunId};
use crate::monitor::{Machine, OwnCost, Pipes, Processes, ThreadTimes, thread_times};
use crate::supervisor::mark;
use crate::sys::{foreign_proc, monotonic_now, own_pid, rename_thread, start_thread, texts};

/// The machine and our own cost are read once a second. While a run goes on, its processes are read eight times, and the cores' load four
/// times: it is counted in ticks of 10 ms, so that it is right to 4 %.
const SLOW: Duration = Duration::from_secs(1);
const FAST: Duration = Duration::from_millis(125);
const LOAD: Duration = Duration::from_millis(250);

/// The shortest time between two readings of the times of threads, for each thread: they are at most 500 a second in all.
const EACH_THREAD: Duration = Duration::from_millis(2);

/// With more processes than this only the pipes between stages are sampled.
const MOST_IN_PIPES: usize = 64;

/// The state of the machine and of the processes at one moment.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) at: Monotonic,
    /// Once a second.
    pub(crate) machine: Option<(MachineSample, f32)>,
    /// With the machine's, and more often while a run goes on.
    pub(crate) load: Option<LoadSample>,
    /// While a run goes on: all descendants of the supervisor.
    pub(crate) processes: Option<Vec<ProcessSample>>,
    /// The times of their threads, where they are wanted: as often as the processes, or less often where there are many.
    pub(crate) times: Option<HashMap<Pid, Vec<ThreadTimes>>>,
    /// How those of them that are zombies ended, where that may be seen.
    pub(crate) ended: HashMap<Pid, ExitStatus>,
    /// Argument lists of new processes.
    pub(crate) commands: HashMap<Pid, Vec<String>>,
    /// The runs whose marks the new processes carry.
    pub(crate) marks: HashMap<Pid, RunId>,
    /// The pipes between stages, and between other processes, by writer and reader; `None` once nobody reads.
    pub(crate) pipes: Vec<(Pid, Pid, Option<PipeFill>)>,
}

/// The engine's end of the thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Sampler {
    pub(crate) samples: Receiver<Sample>,
    is_watching: Arc<AtomicBool>,
    wants_times: Arc<AtomicBool>,
    nudge: Sender<()>,
    root: Arc<AtomicI32>,
    pairs: Arc<Mutex<Vec<(Pid, Pid)>>>,
}

impl Sampler {
    /// Starts the thread; `root` is the supervisor.
    pub(crate) fn start(root: Pid, bell: Bell) -> io::Result<Self> {
        let (sender, samples) = bounded(4);
        let (nudge, nudged) = bounded(1);
        let is_watching = Arc::new(AtomicBool::new(false));
        let watching = Arc::clone(&is_watching);
        let wants_times: Arc<AtomicBool> = Arc::default();
        let wants = Arc::clone(&wants_times);
        let root = Arc::new(AtomicI32::new(root.number()));
        let shared = Arc::clone(&root);
        let pairs: Arc<Mutex<Vec<(Pid, Pid)>>> = Arc::default();
        let watched = Arc::clone(&pairs);
        let processes = Processes::new().map_err(io::Error::other)?;
        let own = OwnCost::new().map_err(io::Error::other)?;
        start_thread("monitor", move || {
            let _ = rename_thread("monitor");
            let (machine, known, pipes) = (Machine::new(monotonic_now()), HashSet::new(), Pipes::default());
            let (found, found_at) = (Vec::new(), Monotonic::ZERO);
            // Otherwise processes of another namespace would be taken for ours.
            let is_blind = foreign_proc().is_some();
            Thread {
                machine,
                processes,
                own,
                root: shared,
                is_watching: watching,
                wants_times: wants,
                times_at: Monotonic::ZERO,
                known,
                pipes,
                pairs: watched,
                found,
                found_at,
                is_blind,
            }
            .run(&nudged, &sender, &bell);
        })?;
        Ok(Self { samples, is_watching, wants_times, nudge, root, pairs })
    }

    /// Whether the processes are to be read, from now on, and with them the times of their threads.
    pub(crate) fn watch(&self, processes: bool, times: bool) {
        self.is_watching.store(processes, Ordering::Relaxed);
        self.wants_times.store(times, Ordering::Relaxed);
        // When a nudge waits already, the thread is about to look.
        let _ = self.nudge.try_send(());
    }

    /// The writers and readers of the pipes that are to be looked into, from now on.
    pub(crate) fn watch_pipes(&self, pairs: Vec<(Pid, Pid)>) {
        *self.pairs.lock().unwrap_or_else(PoisonError::into_inner) = pairs;
    }

    /// There is a new supervisor.
    pub(crate) fn set_root(&self, root: Pid) {
        self.root.store(root.number(), Ordering::Relaxed);
    }
}

struct Thread {
    machine: Machine,
    processes: Processes,
    own: OwnCost,
    root: Arc<AtomicI32>,
    is_watching: Arc<AtomicBool>,
    wants_times: Arc<AtomicBool>,
    /// When they are due.
    times_at: Monotonic,
    known: HashSet<Pid>,
    pipes: Pipes,
    pairs: Arc<Mutex<Vec<(Pid, Pid)>>>,
    /// Pipes between other processes, by writer and reader, and when they were last searched.
    found: Vec<(Pid, Pid)>,
    found_at: Monotonic,
    /// Whether /proc is another PID namespace's.
    is_blind: bool,
}

impl Thread {
    fn run(&mut self, nudged: &Receiver<()>, sender: &Sender<Sample>, bell: &Bell) {
        let mut machine_at = monotonic_now();
        let (mut load_at, mut was_watching) = (machine_at, false);
        loop {
            let now = monotonic_now();
            let is_watching = self.is_watching.load(Ordering::Relaxed) && !self.is_blind;
            // A run's first and last samples are its own, as far as the load can be measured over so short a time.
            let is_load_due = now >= machine_at || is_watching != was_watching || (is_watching && now >= load_at);
            was_watching = is_watching;
            let load = if is_load_due {
                load_at = now + LOAD;
                self.machine.load(now)
            } else {
                None
            };
            let processes = is_watching.then(|| self.processes.sample(self.root(), now));
            let times = processes.as_ref().and_then(|processes| self.times(processes, now));
            let pipes = processes.as_ref().map(|processes| self.pipes(processes, now)).unwrap_or_default();
            let sample = Sample {
                at: now,
                machine: (now >= machine_at).then(|| {
                    machine_at = now + SLOW;
                    let pids = [own_pid(), self.root()];
                    let pids: &[Pid] = if self.is_blind { &[] } else { &pids };
                    (self.machine.sample(now), self.own.sample(pids, now))
                }),
                load,
                processes,
                times,
                ended: self.processes.take_ended(),
                commands: HashMap::new(),
                marks: HashMap::new(),
                pipes,
            };
            let sample = self.with_commands(sample);
            let is_any = sample.machine.is_some() || sample.load.is_some() || sample.processes.is_some();
            if is_any && sender.try_send(sample).is_ok() {
                bell.ring();
            }
            let pause = if is_watching { FAST } else { machine_at.since(monotonic_now()) };
            if nudged.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn pipes(&mut self, processes: &[ProcessSample], now: Monotonic) -> Vec<(Pid, Pid, Option<PipeFill>)> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A process that was just forked has its pipes a moment later.
        let has_newcomer = processes.iter().any(|process| !self.known.contains(&process.pid));
        if has_newcomer || now >= self.found_at + SLOW {
            self.found_at = now;
            let pids: Vec<Pid> = processes.iter().map(|process| process.pid).collect();
            self.found = if pids.len() <= MOST_IN_PIPES { Pipes::find(&pids) } else { Vec::new() };
        }
        pairs.extend(self.found.iter().filter(|pair| !pairs.contains(pair)).copied().collect::<Vec<_>>());
        self.pipes.keep(&pairs);
        pairs.into_iter().map(|(writer, reader)| (writer, reader, self.pipes.look(writer, reader))).collect()
    }

    fn times(&mut self, processes: &[ProcessSample], now: Monotonic) -> Option<HashMap<Pid, Vec<ThreadTimes>>> {
        if !self.wants_times.load(Ordering::Relaxed) || now < self.times_at {
            return None;
        }
        let threads: usize = processes.iter().map(|process| process.threads.len()).sum();
        self.times_at = now + EACH_THREAD * threads as u32;
        Some(thread_times(processes))
    }

    fn root(&self) -> Pid {
        Pid::new(self.root.load(Ordering::Relaxed))
    }

    fn with_commands(&mut self, mut sample: Sample) -> Sample {
        let Some(processes) = &sample.processes else { return sample };
        for process in processes.iter().filter(|process| !self.known.contains(&process.pid)) {
            sample.commands.insert(process.pid, texts(process.pid, "cmdline"));
            sample.marks.extend(mark::read(process.pid, self.root()).map(|run| (process.pid, run)));
        }
        self.known = processes.iter().map(|process| process.pid).collect();
        sample
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn while_a_run_goes_on_the_cores_load_is_known_without_a_gap_and_more_often_than_the_machine() {
        let sampler = Sampler::start(own_pid(), Bell::new().expect("a bell")).expect("a thread");
        sampler.watch(true, false);
        let (begin, mut until, mut most, mut since_machine) = (Instant::now(), None, 0, 0);
        while most < 3 {
            assert!(begin.elapsed() < Duration::from_mins(1), "{most} loads a second at most");
            let sample = sampler.samples.recv_timeout(Duration::from_secs(30)).expect("a sample");
            if let Some(load) = sample.load {
                assert!(load.to == sample.at && load.to > load.from);
                assert!(load.percent.iter().all(|percent| (0.0..=100.0).contains(percent)));
                // It begins where the last one ended, but where samples were dropped.
                since_machine = if until == Some(load.from) { since_machine + 1 } else { 0 };
                until = Some(load.to);
            }
            if sample.machine.is_some() {
                (most, since_machine) = (most.max(since_machine), 0);
            }
        }
    }
}
