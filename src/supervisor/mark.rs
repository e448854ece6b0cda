//! The mark that every process of a run carries. It is a value of the soft limit on file locks, which Linux has ignored since 2.4.25
//! (setrlimit(2), `RLIMIT_LOCKS`). It is inherited, survives an exec and an emptied environment, and can be read of every process.

use rustix::process::{Resource, getrlimit};

use crate::model::{Pid, ResourceLimit, RunId};
use crate::sys::own_pid;

/// The bit that tells a mark from a real limit: larger than every number of locks, and smaller than "unlimited".
const MARK: u64 = 1 << 62;
const RUN_BITS: u32 = 32;

/// The limit that marks a child of this process as a run's. `None`: a hard limit is in the way.
pub(super) fn limit(run: RunId) -> Option<ResourceLimit> {
    let resource = "locks".parse().ok()?;
    // The hard limit stays as it is: if it is lower than the mark, somebody has set it on purpose.
    getrlimit(Resource::Locks).maximum.is_none().then(|| ResourceLimit {
        resource,
        soft: Some(value(own_pid(), run)),
        hard: None,
    })
}

/// The run whose mark a process carries; `None`: it carries no mark of this supervisor's.
pub fn read(pid: Pid, supervisor: Pid) -> Option<RunId> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let soft =
        limits.lines().find_map(|line| line.strip_prefix("Max file locks")?.split_whitespace().next()?.parse::<u64>().ok())?;
    let run = RunId::new(soft as u32);
    (soft == value(supervisor, run)).then_some(run)
}

fn value(supervisor: Pid, run: RunId) -> u64 {
    MARK | u64::from(supervisor.number().cast_unsigned()) << RUN_BITS | u64::from(run.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_one_run_of_one_supervisor_and_no_limit_looks_like_it() {
        let run = RunId::new(7);
        let limit = limit(run).expect("the limit is ours to choose");
        assert_eq!((limit.resource.to_string().as_str(), limit.hard), ("locks", None));
        let others = [value(Pid::new(own_pid().number() + 1), run), value(own_pid(), RunId::new(8)), 1000];
        assert!(others.iter().all(|other| limit.soft != Some(*other)));
        assert_eq!(read(own_pid(), own_pid()), None, "the tests are not marked");
        assert_eq!(read(Pid::new(i32::MAX), own_pid()), None);
    }
}
