//! Which process the kernel kills first when the machine has no memory left: a child, before the supervisor.

use std::fs::File;
use std::io::Write;

/// Added to our own `oom_score_adj` for the children.
const FOR_CHILDREN: i32 = 500;

/// Our `oom_score_adj`. Children inherit it (`proc_pid_oom_score_adj(5)`), so it is raised while they are made: if each child wrote its
/// own, each launch would walk through /proc. It stays raised until the requests of one turn are handled, since lowering it after each
/// of many launches would cost as much again.
#[derive(Debug)]
pub(super) struct OomScore {
    file: File,
    ours: String,
    childrens: String,
    is_raised: bool,
}

impl OomScore {
    /// `None` where it may not be written: then children have the score of their parent.
    pub(super) fn open() -> Option<Self> {
        let file = File::options().read(true).write(true).open("/proc/self/oom_score_adj").ok()?;
        let ours: i32 = std::io::read_to_string(&file).ok()?.trim().parse().ok()?;
        Some(Self { file, ours: ours.to_string(), childrens: (ours + FOR_CHILDREN).min(1000).to_string(), is_raised: false })
    }

    /// Raises it for the children that are made from now on.
    pub(super) fn raise(&mut self) {
        // If it fails, parent and children have the same score.
        if !std::mem::replace(&mut self.is_raised, true) {
            let _ = self.file.write(self.childrens.as_bytes());
        }
    }

    /// Lowers it to our own again.
    pub(super) fn lower(&mut self) {
        if std::mem::take(&mut self.is_raised) {
            let _ = self.file.write(self.ours.as_bytes());
        }
    }
}
