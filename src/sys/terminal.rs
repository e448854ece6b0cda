//! Pseudo-terminals (pty(7)).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::model::WindowSize;

const FLAGS: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY).union(OpenptFlags::CLOEXEC);

/// A new terminal, close-on-exec: our end, and the child's end.
pub fn open_terminal(size: WindowSize) -> io::Result<(OwnedFd, OwnedFd)> {
    let ours = openpt(FLAGS)?;
    unlockpt(&ours)?;
    let theirs = terminal_peer(&ours)?;
    tcsetwinsize(&ours, Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok((ours, theirs))
}

/// Opens the child's end of a terminal once more, without making it a controlling terminal. While it is open, our end sees no end of
/// the output (EIO), even if the child has closed all of its own.
pub fn terminal_peer(ours: impl AsFd) -> io::Result<OwnedFd> {
    // Through our end, not by its name: in a container the name may mean another terminal (ioctl_tty(2), TIOCGPTPEER).
    Ok(ioctl_tiocgptpeer(ours, FLAGS)?)
}
