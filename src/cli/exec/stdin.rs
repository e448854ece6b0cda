//! Forwards our standard input to the child's terminal (`exec --pty`), where ours is no terminal. A thread of its own reads, since a
//! read(2) may wait for ever, and hands the bytes to the engine through a pipe.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::cli::error::complain;
use crate::engine::Command;
use crate::model::RunId;

/// The pipe between our standard input and the engine, before the child runs.
#[derive(Debug)]
pub(super) struct StdinForwarder {
    from: OwnedFd,
    to: OwnedFd,
    closes: bool,
}

impl StdinForwarder {
    /// `closes`: the end of our input closes the child's.
    pub(super) fn new(closes: bool) -> io::Result<Self> {
        let (from, to) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&from, OFlags::NONBLOCK)?;
        Ok(Self { from, to, closes })
    }

    /// Starts to read. Returns the command by which the engine hands the bytes to this run.
    pub(super) fn start(self, run: RunId) -> io::Result<Command> {
        let Self { from, to, closes } = self;
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            if let Err(error) = forward(to) {
                complain(&format!("could not read standard input: {error}"));
            }
        })?;
        Ok(Command::Feed { run, from: Arc::new(from), ends: closes })
    }
}

/// Reads to the end, or until the engine reads no more.
fn forward(to: OwnedFd) -> io::Result<()> {
    let (stdin, mut to) = (io::stdin(), File::from(to));
    let mut bytes = [0; 4096];
    loop {
        match rustix::io::read(&stdin, &mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) if to.write_all(&bytes[..count]).is_err() => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // O_NONBLOCK belongs to the open file: another process that shares it has set it.
            Err(rustix::io::Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
