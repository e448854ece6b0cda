//! Our own standard input, where it is no terminal and the child has one of its own: what comes in is typed there. A thread of its own
//! reads, since nobody knows whether a read(2) waits, and gives it to the engine through a pipe.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::cli::complain;
use crate::engine::Command;
use crate::model::RunId;

/// Our input, before the child runs.
#[derive(Debug)]
pub(super) struct Passed {
    from: OwnedFd,
    to: OwnedFd,
    ends: bool,
}

impl Passed {
    /// `ends`: the end of ours is the end of the child's.
    pub(super) fn new(ends: bool) -> io::Result<Self> {
        let (from, to) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&from, OFlags::NONBLOCK)?;
        Ok(Self { from, to, ends })
    }

    /// Begins to read; the engine passes it on to this run.
    pub(super) fn start(self, run: RunId) -> io::Result<Command> {
        let Self { from, to, ends } = self;
        std::thread::Builder::new().name("input".to_owned()).spawn(move || {
            if let Err(error) = pass_on(to) {
                complain(&format!("could not read standard input: {error}"));
            }
        })?;
        Ok(Command::Feed { run, from: Arc::new(from), ends })
    }
}

/// Reads to the end, or until nobody takes it any more.
fn pass_on(to: OwnedFd) -> io::Result<()> {
    let (stdin, mut to) = (io::stdin(), File::from(to));
    let mut bytes = [0; 4096];
    loop {
        match rustix::io::read(&stdin, &mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) if to.write_all(&bytes[..count]).is_err() => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // Somebody who shares it has set it so.
            Err(rustix::io::Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
