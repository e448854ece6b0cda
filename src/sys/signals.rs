//! Signal masks and dispositions of this process, and signals as descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, signal as set_handler};
use nix::sys::signalfd::{self, SfdFlags};

use crate::model::Signal;

/// A descriptor that becomes readable when one of its signals is pending. The signals are blocked in the calling
/// thread, and in every thread that it starts afterwards.
#[derive(Debug)]
pub struct SignalFd(signalfd::SignalFd);

impl SignalFd {
    /// Blocks these signals and makes the descriptor for them.
    pub fn new(signals: &[Signal]) -> io::Result<Self> {
        let mask: SigSet = signals.iter().copied().map(standard).collect::<io::Result<_>>()?;
        mask.thread_block()?;
        Ok(Self(signalfd::SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    /// The next pending signal, `None` when there is none now.
    pub fn read(&self) -> io::Result<Option<Signal>> {
        Ok(self.0.read_signal()?.and_then(|info| Signal::from_number(info.ssi_signo.cast_signed())))
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Undoes what the parent of this program may have set: no signal stays blocked in this thread, and children that end can be waited
/// for even if SIGCHLD was ignored. Other ignored signals stay ignored, as nohup(1) wants it. Call it before there is a second thread.
pub fn reset_inherited_signals() -> io::Result<()> {
    default_signal(Signal::CHLD)?;
    Ok(SigSet::empty().thread_set_mask()?)
}

/// Gives a signal its default action again. Rust programs start with SIGPIPE ignored; a stage of a pipeline must not.
pub fn default_signal(signal: Signal) -> io::Result<()> {
    dispose(signal, SigHandler::SigDfl)
}

/// Ignores a signal in this process. Children that [`spawn`](crate::sys::spawn) starts get the default back.
pub fn ignore_signal(signal: Signal) -> io::Result<()> {
    dispose(signal, SigHandler::SigIgn)
}

/// Gives the signals that this program ignores their default action again: SIGPIPE (ignored by Rust's runtime) and SIGXFSZ (ignored by
/// `main`). A process calls it before it executes another program, which would go on ignoring them.
pub fn default_ignored_signals() {
    for signal in [Signal::PIPE, Signal::XFSZ] {
        // Both exist.
        let _ = default_signal(signal);
    }
}

/// Blocks every signal in the calling thread until the guard is dropped, which restores the mask that was there.
pub(super) fn block_all_signals() -> io::Result<impl Drop> {
    struct Restore(SigSet);

    impl Drop for Restore {
        fn drop(&mut self) {
            // A mask that was read is a valid one.
            let _ = self.0.thread_set_mask();
        }
    }

    Ok(Restore(SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?))
}

fn dispose(signal: Signal, handler: SigHandler) -> io::Result<()> {
    let signal = standard(signal)?;
    // SAFETY: the default and the ignored action run no code of ours.
    unsafe { set_handler(signal, handler) }?;
    Ok(())
}

/// The same signal as nix has it, which knows no real-time signals.
fn standard(signal: Signal) -> io::Result<nix::sys::signal::Signal> {
    Ok(nix::sys::signal::Signal::try_from(signal.number())?)
}
