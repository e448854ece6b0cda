//! What the supervisor adds to a child that is being prepared: the mark of its run, pipes that take more, ends that never block.

use std::os::fd::OwnedFd;

use rustix::pipe::fcntl_setpipe_size;

use super::mark;
use super::protocol::LaunchProblem;
use crate::model::{ChildSpec, RunId};
use crate::sys::{self, Neighbours, OurEnds, PrepareError, Prepared, set_nonblocking};

/// The capacity that is asked for a pipe whose output is captured: a child writes on while the app is busy. Not the megabyte that
/// the kernel would give: a user's pipes share 64 MiB (`pipe-user-pages-soft`), and beyond that new ones shrink to 8 KiB.
pub const CAPTURE: usize = 256 * 1024;

/// Opens and looks up everything that the child needs.
pub(super) fn prepare(
    spec: &ChildSpec,
    neighbours: Neighbours,
    run: Option<RunId>,
) -> Result<(Prepared, OurEnds), LaunchProblem> {
    let (mut prepared, ours) = sys::prepare(spec, neighbours)?;
    // Before the spec's own limits: who limits file locks gets what was asked for.
    prepared.limits.splice(0..0, run.and_then(mark::of));
    let outputs = [&ours.stdout, &ours.stderr].into_iter().flatten().filter(|_| spec.pipe_size.is_none());
    for reader in outputs.chain(&ours.events) {
        // Where it is refused, the usual 64 KiB do. A terminal has no size.
        let _ = fcntl_setpipe_size(reader, CAPTURE);
    }
    for end in [&ours.stdin, &ours.stdout, &ours.stderr, &ours.events, &ours.control].into_iter().flatten() {
        set_nonblocking(end).map_err(|error| PrepareError::Descriptor {
            what: "set up a pipe".to_owned(),
            errno: error.raw_os_error().unwrap_or_default(),
        })?;
    }
    Ok((prepared, ours))
}

/// A pipe between two stages: the reading end and the writing end.
pub(super) fn new_pipe(size: Option<u32>) -> Result<(OwnedFd, OwnedFd), LaunchProblem> {
    Ok(sys::new_pipe(size)?)
}

impl From<PrepareError> for LaunchProblem {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Spec(error) => Self::Spec(error.to_string()),
            PrepareError::Open { path, errno } => Self::Open { path, errno },
            PrepareError::Descriptor { what, errno } => Self::Descriptor { what, errno },
        }
    }
}
