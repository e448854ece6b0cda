//! The mark that every process of a run carries: in the soft limit on file locks, which Linux has not heeded since 2.4.25 (setrlimit(2),
//! `RLIMIT_LOCKS`). It is inherited, outlives an exec and an emptied environment, and can be read of every process.

use rustix::process::{Resource, getrlimit};

use crate::model::{Pid, ResourceLimit, RunId};

/// What tells a mark from a limit that somebody has set: above all numbers of locks, and below "unlimited".
const MARK: u64 = 1 << 62;
const RUN_BITS: u32 = 32;

/// The limit that marks a child of this process as a run's. `None` where the limit is not ours to choose.
pub(super) fn of(run: RunId) -> Option<ResourceLimit> {
    let resource = "locks".parse().ok()?;
    // The hard limit stays: what is lower than the mark was set on purpose.
    getrlimit(Resource::Locks).maximum.is_none().then(|| ResourceLimit {
        resource,
        soft: Some(value(std::process::id(), run)),
        hard: None,
    })
}

/// The run of this supervisor's whose mark a process carries.
pub fn read(pid: Pid, supervisor: Pid) -> Option<RunId> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let soft =
        limits.lines().find_map(|line| line.strip_prefix("Max file locks")?.split_whitespace().next()?.parse::<u64>().ok())?;
    let run = RunId::new(soft as u32);
    (soft == value(supervisor.number().cast_unsigned(), run)).then_some(run)
}

fn value(supervisor: u32, run: RunId) -> u64 {
    MARK | u64::from(supervisor) << RUN_BITS | u64::from(run.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_one_run_of_one_supervisor_and_no_limit_looks_like_it() {
        let run = RunId::new(7);
        let limit = of(run).expect("the limit is ours to choose");
        assert_eq!((limit.resource.to_string().as_str(), limit.hard), ("locks", None));
        let others = [value(std::process::id() + 1, run), value(std::process::id(), RunId::new(8)), 1000];
        assert!(others.iter().all(|other| limit.soft != Some(*other)));
        let myself = Pid::new(std::process::id().cast_signed());
        assert_eq!(read(myself, myself), None, "nobody has marked the tests");
        assert_eq!(read(Pid::new(i32::MAX), myself), None);
    }
}
