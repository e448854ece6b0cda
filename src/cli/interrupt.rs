//! Ctrl-C and polite requests to end: the run is ended by its ladder, not left behind. A thread of its own waits for the signals;
//! a second one makes the ladder shorter. What is typed at a terminal that a child of ours has in its foreground is for the child: it
//! has got the same signal, and decides.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::CliError;
use crate::engine::{Command, EngineHandle, start_thread};
use crate::model::{Outcome, Pid, RunState};
use crate::sys::{signal_mask, stat_of};

/// A second Ctrl-C that comes so soon is meant for us.
const SOON: Duration = Duration::from_secs(2);

/// What a writer has to know to whom nobody listens. One for the process, as its signals and its streams are.
static WATCH: OnceLock<Watch> = OnceLock::new();

#[derive(Debug)]
struct Watch {
    engine: EngineHandle,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The first signal that asked us to end; 0 for none.
    caught: AtomicI32,
    /// How many did.
    asked: AtomicU32,
    /// Whether a Ctrl-C was left to a child.
    was_left: AtomicBool,
    /// Whether nothing of what was launched goes on.
    is_over: AtomicBool,
    companions: Mutex<Companions>,
}

/// Children in our own process group: what our terminal sends us it sends them.
#[derive(Debug, Default)]
struct Companions {
    /// Whether some will be started.
    are_awaited: bool,
    pids: Vec<Pid>,
    /// When a Ctrl-C came before we had heard of them, in clock ticks since the machine was started.
    early: Option<u64>,
}

/// How long somebody is waited for who does not read what we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as it takes.
    Endless,
    /// The run that was to end is over: a moment.
    Moment,
    /// We were asked to end twice.
    None,
}

/// Why signals cannot be waited for, and what helps.
pub(super) fn cannot_wait(error: &std::io::Error) -> CliError {
    let is_full = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
    let help = if is_full { "; the limit on open files is reached: raise it (ulimit -n), or close some before" } else { "" };
    CliError::Missing(format!("could not wait for signals: {error}{help}"))
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
    let Some(Watch { engine, state }) = WATCH.get() else { return Patience::Endless };
    let asked = state.asked.load(Ordering::Relaxed);
    if asked > 1 {
        return Patience::None;
    }
    // Of the engine itself, since what it tells us waits behind what nobody reads.
    let snapshot = engine.snapshot();
    let ends = snapshot.runs.iter().map(|run| if let RunState::Finished(end) = &run.state { Some(end.outcome) } else { None });
    let ends: Option<Vec<Outcome>> = ends.collect();
    let is_over = ends.is_some() || state.is_over.load(Ordering::Relaxed);
    let was_cut_short = ends.is_some_and(|ends| matches!(ends.last(), Some(Outcome::Stopped | Outcome::TimedOut)));
    if is_over && (asked > 0 || was_cut_short) { Patience::Moment } else { Patience::Endless }
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
        // A signal that whoever started us has put out of action (nohup, a shell's background job) stays so: blocked, it would
        // come all the same.
        let ignored = signal_mask(&std::fs::read("/proc/self/status").unwrap_or_default(), "SigIgn");
        let heard = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]
            .into_iter()
            .filter(|signal| ignored >> (*signal as i32 - 1) & 1 == 0);
        let signals: SigSet = heard.collect();
        signals.thread_block()?;
        Ok(Self { signals, state: Arc::default() })
    }

    /// Ends all runs when such a signal comes.
    pub(super) fn watch(&self, engine: EngineHandle) -> std::io::Result<()> {
        let fd = SignalFd::with_flags(&self.signals, SfdFlags::SFD_CLOEXEC)?;
        let state = Arc::clone(&self.state);
        // The first one counts: a process has one command.
        let _ = WATCH.set(Watch { engine: engine.clone(), state: Arc::clone(&state) });
        let wait = move || {
            let mut left_at: Option<Instant> = None;
            loop {
                let info = match fd.read_signal() {
                    Ok(Some(info)) => info,
                    Ok(None) | Err(Errno::EINTR) => continue,
                    Err(_) => return,
                };
                let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed()) else { continue };
                let is_childs = info.ssi_code == libc::SI_KERNEL && state.has_companion();
                match signal {
                    Signal::SIGQUIT if is_childs => {}
                    Signal::SIGQUIT => die_of(signal),
                    Signal::SIGINT if is_childs && state.caught().is_none() && state.leave(&mut left_at) => {}
                    _ => {
                        state.ask(signal);
                        // An engine that is busy or has ended needs no second request: its runs are ending.
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

    /// Whether a Ctrl-C was typed that we have left to a child. It has ended our reader, too, if that was there.
    pub(super) fn was_left(&self) -> bool {
        self.state.was_left.load(Ordering::Relaxed)
    }

    /// Children of ours will be started in our own process group.
    pub(super) fn await_companions(&self) {
        self.state.companions().are_awaited = true;
    }

    /// A child of ours runs in this process group. Whether a Ctrl-C was left to it before it was there: then that was for us.
    pub(super) fn started(&self, pid: Pid, group: i32) -> bool {
        let mut companions = self.state.companions();
        if group != nix::unistd::getpgrp().as_raw() {
            return false;
        }
        companions.pids.push(pid);
        let since = stat_of(pid).map(|stat| stat.start_ticks);
        let is_ours = companions.early.take().zip(since).is_some_and(|(early, since)| since > early);
        if is_ours {
            self.state.ask(Signal::SIGINT);
        }
        is_ours
    }

    /// Nothing of what was launched goes on.
    pub(super) fn over(&self) {
        self.state.is_over.store(true, Ordering::Relaxed);
    }
}

impl State {
    fn caught(&self) -> Option<i32> {
        Some(self.caught.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }

    fn ask(&self, signal: Signal) {
        let _ = self.caught.compare_exchange(0, signal as i32, Ordering::Relaxed, Ordering::Relaxed);
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    fn companions(&self) -> std::sync::MutexGuard<'_, Companions> {
        self.companions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what our terminal sends us it sends a child as well. One that has just gone may have gone of it.
    fn has_companion(&self) -> bool {
        let ours = nix::unistd::getpgrp().as_raw();
        let is_with_us = |pid: &Pid| stat_of(*pid).is_none_or(|stat| stat.pgid.number() == ours);
        let mut companions = self.companions();
        if companions.are_awaited && companions.pids.is_empty() {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            let ticks = rustix::param::clock_ticks_per_second();
            companions.early.get_or_insert(now.tv_sec as u64 * ticks + now.tv_nsec as u64 * ticks / 1_000_000_000);
            return true;
        }
        companions.pids.iter().any(is_with_us)
    }

    /// Leaves a Ctrl-C to the child, unless another one was left to it a moment ago.
    fn leave(&self, left_at: &mut Option<Instant>) -> bool {
        if left_at.replace(Instant::now()).is_some_and(|at| at.elapsed() < SOON) {
            return false;
        }
        self.was_left.store(true, Ordering::Relaxed);
        true
    }
}

/// As if it had never been blocked.
fn die_of(signal: Signal) {
    let _ = SigSet::from(signal).thread_unblock();
    let _ = raise(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ctrl_c_is_left_to_the_child_unless_another_one_was_a_moment_ago() {
        let state = State::default();
        let mut left_at = None;
        assert!(state.leave(&mut left_at) && left_at.is_some());
        assert!(!state.leave(&mut left_at));
        left_at = Instant::now().checked_sub(SOON);
        assert!(state.leave(&mut left_at), "that was a while ago");
    }
}
