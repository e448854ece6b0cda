//! Ctrl-C and polite requests to end: the run is ended by its ladder, not left behind. A thread of its own waits for the signals;
//! a second one makes the ladder shorter.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{SigSet, Signal};
use procfs::process::Process;

use crate::engine::{Command, EngineHandle};

/// The signals that ask us to end.
#[derive(Debug)]
pub(super) struct Interrupts {
    signals: SigSet,
    /// The first one that came; 0 for none.
    caught: Arc<AtomicI32>,
}

impl Interrupts {
    /// Blocks the signals in this thread and in those that it starts from now on. Call it before the first of them.
    pub(super) fn block() -> std::io::Result<Self> {
        // A signal that whoever started us has put out of action (nohup, a shell's background job) stays so: blocked, it would
        // come all the same.
        let ignored = Process::myself().and_then(|process| process.status()).map_or(0, |status| status.sigign);
        let heard = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]
            .into_iter()
            .filter(|signal| ignored >> (*signal as i32 - 1) & 1 == 0);
        let signals: SigSet = heard.collect();
        signals.thread_block()?;
        Ok(Self { signals, caught: Arc::default() })
    }

    /// Ends all runs when such a signal comes.
    pub(super) fn watch(&self, engine: EngineHandle) -> std::io::Result<()> {
        let (signals, caught) = (self.signals, Arc::clone(&self.caught));
        let wait = move || {
            while let Ok(signal) = signals.wait() {
                let _ = caught.compare_exchange(0, signal as i32, Ordering::Relaxed, Ordering::Relaxed);
                // An engine that is busy or has ended needs no second request: its runs are ending.
                let _ = engine.send(Command::StopEverything);
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
    }

    /// The number of the signal that asked us to end.
    pub(super) fn caught(&self) -> Option<i32> {
        Some(self.caught.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }
}
