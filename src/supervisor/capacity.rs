//! Whether the machine can take more children: by the memory that is left, and by the limit on processes.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::model::Monotonic;
use crate::sys::available_memory;

/// The memory of a small child: an idle `sleep` needs a quarter of it, a shell nearly all of it.
const PER_CHILD: u64 = 1 << 20;
/// The memory that is kept free for the desktop and for Task Lab itself.
const KEPT_FREE: u64 = 64 << 20;
/// How long a value from /proc/meminfo is used: to read it for each launch would cost a tenth of the launch.
const FRESH: Duration = Duration::from_millis(200);
/// Processes and threads that the app can still make when the children have reached its user's limit.
const FOR_THE_APP: u64 = 16;

/// The memory that is left, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    read_at: Option<Monotonic>,
    available: Option<u64>,
}

impl Capacity {
    /// Reserves memory for `more` children, or says why there is too little.
    pub(super) fn reserve(&mut self, alive: usize, more: usize, now: Monotonic) -> Result<(), String> {
        if self.read_at.is_none_or(|at| now.since(at) >= FRESH) {
            self.read_at = Some(now);
            self.available = available_memory();
        }
        let Some(available) = &mut self.available else { return Ok(()) };
        let wanted = more as u64 * PER_CHILD;
        if *available < KEPT_FREE + wanted {
            return Err(format!(
                "only {} MiB of memory are available, and {} MiB are kept free; end some of the {alive} children that are alive, or \
                 other programs",
                *available >> 20,
                KEPT_FREE >> 20
            ));
        }
        *available -= wanted;
        Ok(())
    }
}

/// Lowers our own limit on processes, which the children inherit, below the app's. When the children have reached theirs, the app can
/// still start threads and a new supervisor (getrlimit(2): all processes of the user count, and the caller's own limit decides).
pub(super) fn lower_process_limit() {
    let limit = getrlimit(Resource::Nproc);
    if let Some(current) = limit.current {
        let lower = current - FOR_THE_APP.min(current / 4);
        // A process may always lower its own.
        let _ = setrlimit(Resource::Nproc, Rlimit { current: Some(lower), maximum: limit.maximum });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(available: Option<u64>) -> Capacity {
        Capacity { read_at: Some(Monotonic::ZERO), available }
    }

    #[test]
    fn memory_is_set_aside_until_none_is_left() {
        let mut capacity = with(Some(KEPT_FREE + 3 * PER_CHILD));
        assert_eq!(capacity.reserve(7, 2, Monotonic::ZERO), Ok(()));
        assert_eq!(capacity.reserve(9, 1, Monotonic::ZERO), Ok(()));
        let text = capacity.reserve(10, 1, Monotonic::ZERO).expect_err("none is left");
        assert!(text.contains("64 MiB") && text.contains("10 children"), "{text}");
        assert_eq!(with(None).reserve(1, 1000, Monotonic::ZERO), Ok(()), "what is not known stops no launch");
    }

    #[test]
    fn an_old_look_is_no_look() {
        let mut capacity = with(Some(0));
        assert!(capacity.reserve(0, 1, Monotonic::ZERO).is_err());
        assert_eq!(capacity.reserve(0, 1, Monotonic::ZERO + FRESH), Ok(()), "this machine has some");
    }
}
