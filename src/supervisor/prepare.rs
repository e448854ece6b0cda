//! The supervisor's additions to a child that is being prepared: the mark of its run, larger pipes, ends that never block.

use rustix::pipe::fcntl_setpipe_size;

use super::launch_failure::LaunchProblem;
use super::mark;
use crate::model::{ChildSpec, RunId};
use crate::sys::{self, Neighbours, ParentEnds, PrepareError, Prepared, set_nonblocking};

/// The capacity that is asked for a pipe whose output is captured, in bytes: a child writes on while the app is busy. The kernel would
/// give a megabyte, but all pipes of a user share 64 MiB (`pipe-user-pages-soft`), and beyond that new ones shrink to 8 KiB.
pub const CAPTURE: usize = 256 * 1024;

/// Prepares a child. `run`: the run whose mark it carries.
pub(super) fn prepare_child(
    spec: &ChildSpec,
    neighbours: Neighbours,
    run: Option<RunId>,
) -> Result<(Prepared, ParentEnds), LaunchProblem> {
    let (mut prepared, ours) = sys::prepare(spec, neighbours)?;
    // Before the spec's own limits, so that a spec may still limit file locks.
    prepared.limits.splice(0..0, run.and_then(mark::limit));
    let outputs = [&ours.stdout, &ours.stderr].into_iter().flatten().filter(|_| spec.pipe_size.is_none());
    for reader in outputs.chain(&ours.events) {
        // If it is refused, the usual 64 KiB do. A terminal has no size.
        let _ = fcntl_setpipe_size(reader, CAPTURE);
    }
    for end in [&ours.stdin, &ours.stdout, &ours.stderr, &ours.events, &ours.control].into_iter().flatten() {
        set_nonblocking(end).map_err(|error| PrepareError::descriptor("set up a pipe", &error))?;
    }
    Ok((prepared, ours))
}
