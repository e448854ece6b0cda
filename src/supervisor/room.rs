//! Whether the machine has room for more children: by the memory that is left, and by the limit on processes; and who goes first when
//! it has none.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::model::Monotonic;
use crate::sys::available_memory;

/// What a small child takes: an idle `sleep` a quarter of it, a shell nearly all of it.
const EACH: u64 = 1 << 20;
/// What is left to the desktop and to Task Lab itself.
const KEPT: u64 = 64 << 20;
/// How long a look at /proc/meminfo holds good: reading it for each launch would cost a tenth of the launch.
const FRESH: Duration = Duration::from_millis(200);
/// Processes and threads that are left to the app when its user's limit is reached.
const FOR_THE_APP: u64 = 16;

/// The memory that is left, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Room {
    looked_at: Option<Monotonic>,
    available: Option<u64>,
}

impl Room {
    /// Sets room aside for `more` children, or says why there is none.
    pub(super) fn take(&mut self, alive: usize, more: usize, now: Monotonic) -> Result<(), String> {
        if self.looked_at.is_none_or(|at| now.since(at) >= FRESH) {
            self.looked_at = Some(now);
            self.available = available_memory();
        }
        let Some(available) = &mut self.available else { return Ok(()) };
        let wanted = more as u64 * EACH;
        if *available < KEPT + wanted {
            return Err(format!(
                "only {} MiB of memory are available, and {} MiB are kept free; end some of the {alive} children that are alive, or \
                 other programs",
                *available >> 20,
                KEPT >> 20
            ));
        }
        *available -= wanted;
        Ok(())
    }
}

/// Lowers our own limit on processes, which the children inherit, below that of the app: when they have used it up, the app can still
/// start its threads and a new supervisor (getrlimit(2): the limit counts all processes of the user, and is checked against the
/// caller's own).
pub(super) fn leave_processes_to_the_app() {
    let limit = getrlimit(Resource::Nproc);
    if let Some(current) = limit.current {
        let lower = current - FOR_THE_APP.min(current / 4);
        // Lowering one's own is always allowed.
        let _ = setrlimit(Resource::Nproc, Rlimit { current: Some(lower), maximum: limit.maximum });
    }
}

/// Added to our own `oom_score_adj` for what we launch: a machine without memory loses a child before it loses Task Lab.
const DISPENSABLE: i32 = 500;

/// Makes children more dispensable than their parent. They inherit it (`proc_pid_oom_score_adj(5)`), so it is raised while they are
/// made; a write of their own would cost each launch a walk through /proc. It stays raised until the requests of one turn are handled,
/// since lowering it for each launch of many would cost as much again.
#[derive(Debug)]
pub(super) struct Dispensability {
    file: File,
    ours: String,
    theirs: String,
    is_raised: bool,
}

impl Dispensability {
    /// `None` where that is not allowed: then children are as dear as their parent.
    pub(super) fn open() -> Option<Self> {
        let file = File::options().read(true).write(true).open("/proc/self/oom_score_adj").ok()?;
        let ours: i32 = std::io::read_to_string(&file).ok()?.trim().parse().ok()?;
        Some(Self { file, ours: ours.to_string(), theirs: (ours + DISPENSABLE).min(1000).to_string(), is_raised: false })
    }

    /// For the children that are made from now on.
    pub(super) fn raise(&mut self) {
        // What does not succeed leaves the children as dear as we are, and us as dispensable as they.
        if !std::mem::replace(&mut self.is_raised, true) {
            let _ = self.file.write(self.theirs.as_bytes());
        }
    }

    /// For ourselves.
    pub(super) fn lower(&mut self) {
        if std::mem::take(&mut self.is_raised) {
            let _ = self.file.write(self.ours.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(available: Option<u64>) -> Room {
        Room { looked_at: Some(Monotonic::ZERO), available }
    }

    #[test]
    fn memory_is_set_aside_until_none_is_left() {
        let mut room = with(Some(KEPT + 3 * EACH));
        assert_eq!(room.take(7, 2, Monotonic::ZERO), Ok(()));
        assert_eq!(room.take(9, 1, Monotonic::ZERO), Ok(()));
        let text = room.take(10, 1, Monotonic::ZERO).expect_err("none is left");
        assert!(text.contains("64 MiB") && text.contains("10 children"), "{text}");
        assert_eq!(with(None).take(1, 1000, Monotonic::ZERO), Ok(()), "what is not known holds up nobody");
    }

    #[test]
    fn an_old_look_is_no_look() {
        let mut room = with(Some(0));
        assert!(room.take(0, 1, Monotonic::ZERO).is_err());
        assert_eq!(room.take(0, 1, Monotonic::ZERO + FRESH), Ok(()), "this machine has some");
    }
}
