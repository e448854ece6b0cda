//! Threads that get another name: the lane goes on under the new one, and the old one still means it until another task has that.
//! Pure; lives on the engine's thread.

use std::sync::Arc;

use super::Lanes;
use crate::model::{Monotonic, Pid, TaskSort, Tid};

/// Former names by which a lane is still found. Lines that were on their way, and who waits for it, may have them.
const MOST_FORMER: usize = 8;

impl Lanes {
    /// The thread of a task that goes on says another name for itself: its lane has that one from now on. Returns the name before; `None`
    /// if it is no such thread.
    pub(super) fn rename_task(
        &mut self,
        t: Monotonic,
        task: &str,
        sort: TaskSort,
        (pid, tid): (Pid, Tid),
        line: Option<u32>,
    ) -> Option<Arc<str>> {
        let index = *self.by_tid.get(&tid)?;
        let is_thread = matches!(sort, TaskSort::Thread | TaskSort::Process);
        let known = self.track(index).filter(|track| is_thread && track.pid == pid && !track.is_finished())?;
        let was = known.task.clone().filter(|was| **was != *task && !self.was_over(known, t))?;
        let track = self.track_mut(index)?;
        track.task = Some(task.into());
        track.former.retain(|former| **former != *task);
        track.former.push(Arc::clone(&was));
        let forgotten = if track.former.len() > MOST_FORMER { Some(track.former.remove(0)) } else { None };
        track.is_at(line);
        track.touch();
        if let Some(forgotten) = forgotten.filter(|name| self.by_task.get(&**name) == Some(&index)) {
            self.by_task.remove(&*forgotten);
        }
        self.know_task(task, index);
        Some(was)
    }
}
