//! Signal masks and dispositions of this process, and signals as descriptors.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::model::Signal;

/// A descriptor that becomes readable when one of its signals is pending. The signals are blocked in the calling
/// thread, and in every thread that it starts afterwards.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// Blocks these signals and listens to them instead.
    pub fn new(signals: &[Signal]) -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set; sigaddset gets numbers that exist.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                libc::sigaddset(set.as_mut_ptr(), signal.number());
            }
            set.assume_init()
        };
        // SAFETY: the set is initialised; a null old set is allowed; -1 asks for a new descriptor.
        unsafe {
            let error = libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            if error != 0 {
                return Err(io::Error::from_raw_os_error(error));
            }
            let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(OwnedFd::from_raw_fd(fd))) }
        }
    }

    /// The next pending signal, `None` when there is none now.
    pub fn read(&self) -> io::Result<Option<Signal>> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        // SAFETY: the buffer has the size that is given.
        let count = unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size_of::<libc::signalfd_siginfo>()) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(None) } else { Err(error) };
        }
        // SAFETY: signalfd reads whole structs only.
        Ok(Signal::from_number(unsafe { info.assume_init() }.ssi_signo.cast_signed()))
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Makes up for whoever started this program: no signal stays blocked in this thread, and children that end can be waited for
/// even if SIGCHLD was ignored. Other signals that were ignored stay so, as nohup(1) wants it. Call it before there is a thread.
pub fn forget_inherited_signals() -> io::Result<()> {
    super::default_signal(Signal::CHLD)?;
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set; a null old set is allowed.
    let error = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

/// Ignores a signal in this process. Children that [`spawn`](super::spawn) starts get the default back.
pub fn ignore_signal(signal: Signal) -> io::Result<()> {
    // SAFETY: all-zero is a valid sigaction (no flags, empty mask), and SIG_IGN runs no code.
    let result = unsafe {
        let mut act: libc::sigaction = std::mem::zeroed();
        act.sa_sigaction = libc::SIG_IGN;
        libc::sigaction(signal.number(), &raw const act, std::ptr::null_mut())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Blocks every signal in the calling thread until the guard is dropped, which restores the mask that was there.
pub fn block_all_signals() -> io::Result<impl Drop> {
    struct Restore(libc::sigset_t);

    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: the set was filled by pthread_sigmask.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
        }
    }

    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut old = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises `all`; pthread_sigmask fills `old` when it succeeds.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        let error = libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
        if error == 0 { Ok(Restore(old.assume_init())) } else { Err(io::Error::from_raw_os_error(error)) }
    }
}
