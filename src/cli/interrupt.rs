//! Signals that ask this process to end: Ctrl-C, SIGTERM, SIGHUP. The runs are stopped by their stop plans, and none is left behind; a
//! second signal kills what still runs. A thread of its own waits for the signals. A Ctrl-C that is typed at a terminal which a child
//! shares with us is for the child: the kernel has sent it the same signal, and the child decides.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::engine::{Command, EngineHandle, start_thread};
use crate::model::{self, Outcome, Pid, RunState};
use crate::sys::{is_ignored, stat_of};

/// A second Ctrl-C within this time is meant for us.
const SOON: Duration = Duration::from_secs(2);

/// Set once the signals are waited for: a writer whose reader is slow asks here how long it may wait. There is one for the process,
/// since signals and standard streams are the process's.
static WATCH: OnceLock<SignalWatch> = OnceLock::new();

#[derive(Debug)]
struct SignalWatch {
    engine: EngineHandle,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The first signal that asked us to end; 0 for none.
    caught: AtomicI32,
    /// How many signals asked us to end.
    requests: AtomicU32,
    /// Whether a Ctrl-C was left to a child.
    was_left_to_child: AtomicBool,
    /// Whether everything that was launched has ended.
    is_over: AtomicBool,
    group: Mutex<GroupChildren>,
}

/// Children in our own process group: our terminal sends its signals to them as well as to us.
#[derive(Debug, Default)]
struct GroupChildren {
    /// Whether such children will be started.
    are_expected: bool,
    pids: Vec<Pid>,
    /// When a Ctrl-C came before the first of them was known, in clock ticks since the machine was started.
    early_interrupt: Option<u64>,
}

/// How long a writer waits for a reader that does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as it takes.
    Endless,
    /// A moment: the run that was to end is over.
    Brief,
    /// Not at all: we were asked twice to end.
    None,
}

/// Whether signals come to us instead of ending us.
pub(super) fn is_watching() -> bool {
    WATCH.get().is_some()
}

/// The number of the signal that asked us to end.
pub(super) fn caught() -> Option<i32> {
    WATCH.get().and_then(|watch| watch.state.caught())
}

pub(super) fn patience() -> Patience {
    let Some(SignalWatch { engine, state }) = WATCH.get() else { return Patience::Endless };
    let requests = state.requests.load(Ordering::Relaxed);
    if requests > 1 {
        return Patience::None;
    }
    // The engine's snapshot, since its events wait behind the text that nobody reads.
    let snapshot = engine.snapshot();
    let ends = snapshot.runs.iter().map(|run| if let RunState::Finished(end) = &run.state { Some(end.outcome) } else { None });
    let ends: Option<Vec<Outcome>> = ends.collect();
    let is_over = ends.is_some() || state.is_over.load(Ordering::Relaxed);
    let was_cut_short = ends.is_some_and(|ends| matches!(ends.last(), Some(Outcome::Stopped | Outcome::TimedOut)));
    if is_over && (requests > 0 || was_cut_short) { Patience::Brief } else { Patience::Endless }
}

/// The signals that ask us to end.
#[derive(Debug)]
pub(super) struct Interrupts {
    signals: SigSet,
    state: Arc<State>,
}

impl Interrupts {
    /// Blocks the signals in this thread and in those that it starts from now on. Call it before the first of them.
    pub(super) fn block() -> std::io::Result<Self> {
        // A signal that was ignored when we were started (nohup, a shell's background job) stays ignored: signalfd(2) would report a
        // blocked one all the same.
        let watched = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]
            .into_iter()
            .filter(|signal| !model::Signal::from_number(*signal as i32).is_some_and(is_ignored));
        let signals: SigSet = watched.collect();
        signals.thread_block()?;
        Ok(Self { signals, state: Arc::default() })
    }

    /// Ends all runs when such a signal comes.
    pub(super) fn watch(&self, engine: EngineHandle) -> std::io::Result<()> {
        let fd = SignalFd::with_flags(&self.signals, SfdFlags::SFD_CLOEXEC)?;
        let state = Arc::clone(&self.state);
        // Only the first call counts: a process has one command.
        let _ = WATCH.set(SignalWatch { engine: engine.clone(), state: Arc::clone(&state) });
        let wait = move || {
            let mut left_at: Option<Instant> = None;
            loop {
                let info = match fd.read_signal() {
                    Ok(Some(info)) => info,
                    Ok(None) | Err(Errno::EINTR) => continue,
                    Err(_) => return,
                };
                let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed()) else { continue };
                let is_shared = info.ssi_code == libc::SI_KERNEL && state.has_group_child();
                match signal {
                    Signal::SIGQUIT if is_shared => {}
                    Signal::SIGQUIT => die_of(signal),
                    Signal::SIGINT if is_shared && state.caught().is_none() && state.leave_to_child(&mut left_at) => {}
                    _ => {
                        state.request_end(signal);
                        // A command that is not taken does no harm: an engine that is busy or has ended is ending its runs.
                        let _ = engine.send(Command::StopEverything);
                    }
                }
            }
        };
        start_thread("signals", wait).map(drop)
    }

    /// The number of the signal that asked us to end.
    pub(super) fn caught(&self) -> Option<i32> {
        self.state.caught()
    }

    /// Whether a Ctrl-C was left to a child. The reader of our output has got it, too, if it shares the terminal.
    pub(super) fn was_left_to_child(&self) -> bool {
        self.state.was_left_to_child.load(Ordering::Relaxed)
    }

    /// Children will be started in our own process group.
    pub(super) fn expect_group_children(&self) {
        self.state.group().are_expected = true;
    }

    /// A child has started in this process group. Returns whether an earlier Ctrl-C was meant for us: it was typed before the child
    /// was there.
    pub(super) fn child_started(&self, pid: Pid, group: i32) -> bool {
        if group != nix::unistd::getpgrp().as_raw() {
            return false;
        }
        let mut children = self.state.group();
        children.pids.push(pid);
        let started = stat_of(pid).map(|stat| stat.start_ticks);
        let is_ours = children.early_interrupt.take().zip(started).is_some_and(|(typed, started)| started > typed);
        if is_ours {
            self.state.request_end(Signal::SIGINT);
        }
        is_ours
    }

    /// Everything that was launched has ended.
    pub(super) fn set_over(&self) {
        self.state.is_over.store(true, Ordering::Relaxed);
    }
}

impl State {
    fn caught(&self) -> Option<i32> {
        Some(self.caught.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }

    fn request_end(&self, signal: Signal) {
        let _ = self.caught.compare_exchange(0, signal as i32, Ordering::Relaxed, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn group(&self) -> std::sync::MutexGuard<'_, GroupChildren> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether our terminal sends its signals to a child as well. A child that is no longer there may have died of this one.
    fn has_group_child(&self) -> bool {
        let ours = nix::unistd::getpgrp().as_raw();
        let is_in_it = |pid: &Pid| stat_of(*pid).is_none_or(|stat| stat.pgid.number() == ours);
        let mut children = self.group();
        if children.are_expected && children.pids.is_empty() {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            let ticks = rustix::param::clock_ticks_per_second();
            children.early_interrupt.get_or_insert(now.tv_sec as u64 * ticks + now.tv_nsec as u64 * ticks / 1_000_000_000);
            return true;
        }
        children.pids.iter().any(is_in_it)
    }

    /// Leaves a Ctrl-C to the child, unless another one was left to it just before. Returns whether it was left.
    fn leave_to_child(&self, left_at: &mut Option<Instant>) -> bool {
        if left_at.replace(Instant::now()).is_some_and(|at| at.elapsed() < SOON) {
            return false;
        }
        self.was_left_to_child.store(true, Ordering::Relaxed);
        true
    }
}

/// Lets the signal do what it would have done had it never been blocked.
fn die_of(signal: Signal) {
    let _ = SigSet::from(signal).thread_unblock();
    let _ = raise(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ctrl_c_is_left_to_the_child_unless_another_one_was_just_before() {
        let state = State::default();
        let mut left_at = None;
        assert!(state.leave_to_child(&mut left_at) && left_at.is_some());
        assert!(!state.leave_to_child(&mut left_at));
        left_at = Instant::now().checked_sub(SOON);
        assert!(state.leave_to_child(&mut left_at), "that was a while ago");
    }
}
